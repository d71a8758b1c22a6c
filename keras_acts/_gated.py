"""Functions in which `x` passes through a gate that `x` itself opens."""

import math
from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, Unary, at_least, at_most, native, plain_arctan, with_derivative
from keras_acts._function import activation_function
from keras_acts._layer import Activation, checked_integer
from keras_acts._numerics import gate
from keras_acts._rectified import squareplus
from keras_acts._spec import Param, Spec

_cos = native("cos")

_FAR = 100.0
"""From here on gates are open or shut to the last digit, and their derivatives 0."""


def _folded(x: Tensor, gate: Unary) -> Tensor:
    """`x · gate(x)` for a gate from −1 to 1."""
    near = _numerics.clip(x, -_FAR, _FAR)
    return ops.where(ops.abs(x) > _FAR, ops.abs(x), near * gate(near))


@activation_function
def silu(x: Tensor) -> Tensor:
    """The sigmoid-weighted line: `x · σ(x)`.

    Smooth, below 0 a shallow dip to −0.278; common in vision models. Costs an exponential.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> silu([-1.0, 2.0])
    array([-0.2689,  1.7616], dtype=float32)

    Source: Elfwing, Uchibe and Doya 2017, arXiv:1702.03118. At −inf the value is the limit, 0.
    """
    return _numerics.silu(x)


class SiLU(Activation):
    """The sigmoid-weighted line as a layer; see `keras_acts.silu`."""

    spec = Spec(
        function=silu,
        formula=r"x\,\sigma(x)",
        range=(-0.27846454276107374, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Elfwing, Uchibe and Doya 2017, arXiv:1702.03118",
    )


@activation_function
def swish(x: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """`silu` with a gate of adjustable steepness: `x · σ(beta · x)`.

    From half the line (beta 0) to `relu` (beta infinite). Keras's `swish` is `silu`.

    Args:
        x: Float tensor of any shape.
        beta: The steepness: a number, or a tensor that broadcasts to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> swish([-1.0, 2.0], beta=2.0)
    array([-0.1192,  1.964 ], dtype=float32)

    Source: Ramachandran, Zoph and Le 2017, arXiv:1710.05941.
    """
    return _numerics.silu(x) if isinstance(beta, (int, float)) and beta == 1 else _numerics.swish(x, beta)


class Swish(Activation):
    """`silu` with a learned steepness; see `keras_acts.swish`.

    Args:
        beta: The steepness at the start, or for good where `learn` does not name it. Defaults to
            `1.0`.
        learn: `()` to keep it fixed. Defaults to `("beta",)`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=swish,
        formula=r"x\,\sigma(\beta x)",
        params={"beta": Param(search=(0.1, 10.0), log=True)},
        range=(-0.27846454276107374, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Ramachandran, Zoph and Le 2017, arXiv:1710.05941",
    )

    def __init__(
        self, beta: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("beta",), **kwargs: Any
    ) -> None:
        super().__init__({"beta": beta}, learn=learn, **kwargs)


@activation_function
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """The Gaussian error linear unit: `x · Φ(x)`, Φ the normal distribution function.

    The standard of transformers. In float32 values smaller than 1e-37 (x below −13) are 0.

    Args:
        x: Float tensor of any shape.
        approximate: Whether to use the tanh form of the paper, off by up to 0.0005: for weights
            that were trained with it. Defaults to `False`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> gelu([-1.0, 2.0])
    array([-0.1587,  1.9545], dtype=float32)

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """
    if not approximate:
        return _numerics.gelu(x)
    # ½(1 + tanh u) is σ(2u), and u is x times a factor between 0.8 and, where it matters, 8.
    square = ops.square(_numerics.clip(x, -100.0, 100.0))
    return _numerics.swish(x, math.sqrt(8.0 / math.pi) * (1.0 + 0.044715 * square))


class GELU(Activation):
    """The Gaussian error linear unit as a layer; see `keras_acts.gelu`.

    Args:
        approximate: Whether to use the tanh form. Defaults to `False`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=gelu,
        formula=r"x\,\Phi(x)",
        range=(-0.16997120747990369, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Hendrycks and Gimpel 2016, arXiv:1606.08415",
    )

    def __init__(self, approximate: bool = False, **kwargs: Any) -> None:
        super().__init__({"approximate": bool(approximate)}, **kwargs)


def _mish_second(x: Tensor) -> Tensor:
    x = ops.clip(x, -2000.0, 2000.0)
    t = ops.sigmoid(-x)  # softplus(x) is −ln t, so that the gate is (1 − t²)/(1 + t²)
    scale = 1.0 / (1.0 + t * t)
    root = _numerics.sigmoid_root(x)
    bend = ((2.0 - t) * t + 3.0) * t - 2.0
    return 4.0 * t * scale * scale * (2.0 + x * bend * scale) * root * root


@with_derivative(_mish_second)
def _mish_derivative(x: Tensor) -> Tensor:
    x = ops.clip(x, -2000.0, 20.0)
    half = ops.exp(0.5 * x)
    p = half * half + 1.0
    scale = 1.0 / (p * p + 1.0)
    return half * (scale * (p + 1.0 + 4.0 * x * p * scale)) * half


@with_derivative(_mish_derivative)
def _mish(x: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    half = ops.exp(0.5 * at_most(x, 20.0))  # twice, since eˣ may be too small for a normal number; from 20 on it is x
    p = half * half + 1.0
    return x * (half * ((p + 1.0) / (p * p + 1.0))) * half


@activation_function
def mish(x: Tensor) -> Tensor:
    """`x · tanh(softplus(x))`: like `silu`, a little deeper in the dip.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> mish([-1.0, 2.0])
    array([-0.3034,  1.944 ], dtype=float32)

    Source: Misra 2019, arXiv:1908.08681.
    """
    return _mish(x)


class Mish(Activation):
    """`x · tanh(softplus(x))` as a layer; see `keras_acts.mish`."""

    spec = Spec(
        function=mish,
        formula=r"x \tanh(\ln(1 + e^x))",
        range=(-0.30884341301725123, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Misra 2019, arXiv:1908.08681",
    )


@activation_function
def e_swish(x: Tensor, beta: float | Tensor = 1.375) -> Tensor:
    """`silu` times a constant: `beta · x · σ(x)`.

    A slope above 1 to the right carries the gradient through more layers.

    Args:
        x: Float tensor of any shape.
        beta: The factor, from 1 to 2 in the paper: a number, or a tensor that broadcasts to `x`.
            Defaults to `1.375`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> e_swish([-1.0, 2.0])
    array([-0.3698,  2.4222], dtype=float32)

    Source: Alcaide 2018, arXiv:1801.07145.
    """
    return beta * _numerics.silu(x)


class ESwish(Activation):
    """`silu` times a constant, as a layer; see `keras_acts.e_swish`.

    Args:
        beta: The factor. Defaults to `1.375`.
        learn: `("beta",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=e_swish,
        formula=r"\beta x\,\sigma(x)",
        params={"beta": Param(search=(1.0, 2.0))},
        range=(-0.38288874629647646, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Alcaide 2018, arXiv:1801.07145",
    )

    def __init__(self, beta: float = 1.375, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"beta": beta}, learn=learn, **kwargs)


@activation_function
def quick_gelu(x: Tensor) -> Tensor:
    """`gelu` with a sigmoid for the normal distribution function: `x · σ(1.702 · x)`.

    Off from `gelu` by up to 0.02: for weights that were trained with it, such as those of CLIP.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> quick_gelu([-1.0, 2.0])
    array([-0.1542,  1.9357], dtype=float32)

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """
    return _numerics.swish(x, 1.702)


class QuickGELU(Activation):
    """`gelu` with a sigmoid, as a layer; see `keras_acts.quick_gelu`."""

    spec = Spec(
        function=quick_gelu,
        formula=r"x\,\sigma(1.702\,x)",
        range=(-0.16361018963635357, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Hendrycks and Gimpel 2016, arXiv:1606.08415",
    )


def _through_a_ramp(start: float, end: float) -> Unary:
    """`x` behind a gate that opens along a straight line."""

    def derivative(x: Tensor) -> Tensor:
        return ops.where(x <= start, 0.0, ops.where(x >= end, 1.0, (2.0 * x - start) / (end - start)))

    @with_derivative(derivative)
    def value(x: Tensor) -> Tensor:
        return at_least(x, start) * ops.clip((x - start) / (end - start), 0.0, 1.0)

    return value


_hard_silu = _through_a_ramp(-3.0, 3.0)
_hard_mish = _through_a_ramp(-2.0, 0.0)


@activation_function
def hard_silu(x: Tensor) -> Tensor:
    """`silu` with a gate of straight lines: `x · clip(x + 3, 0, 6) / 6`.

    Without an exponential, for small devices and integers. Also called `hard_swish`.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_silu([-1.0, 2.0])
    array([-0.3333,  1.6667], dtype=float32)

    Source: Howard et al. 2019, arXiv:1905.02244. The derivative at −3 is 0, at 3 it is 1.
    """
    return _hard_silu(x)


class HardSiLU(Activation):
    """`silu` with a gate of straight lines, as a layer; see `keras_acts.hard_silu`."""

    spec = Spec(
        function=hard_silu,
        formula=r"x\,\frac{\min(\max(x + 3, 0), 6)}{6}",
        range=(-0.375, float("inf")),
        monotone=False,
        smoothness=0,
        initializer="he_normal",
        aliases=("hard_swish",),
        source="Howard et al. 2019, arXiv:1905.02244",
    )


@activation_function
def hard_mish(x: Tensor) -> Tensor:
    """`mish` with a gate of straight lines: `x · clip(x + 2, 0, 2) / 2`.

    Without an exponential; `x` itself from 0 on.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_mish([-1.0, 2.0])
    array([-0.5,  2. ], dtype=float32)

    Source: Wright 2020, the implementation in timm. The derivative at −2 is 0.
    """
    return _hard_mish(x)


class HardMish(Activation):
    """`mish` with a gate of straight lines, as a layer; see `keras_acts.hard_mish`."""

    spec = Spec(
        function=hard_mish,
        formula=r"x\,\frac{\min(\max(x + 2, 0), 2)}{2}",
        range=(-0.5, float("inf")),
        monotone=False,
        smoothness=0,
        initializer="he_normal",
        source="Wright 2020, timm",
    )


@activation_function
def tanhexp(x: Tensor) -> Tensor:
    """`x · tanh(exp(x))`: `mish` with a steeper gate, which is open from 1 on.

    TeLU is the same function under another name.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> tanhexp([-1.0, 2.0])
    array([-0.3521,  2.    ], dtype=float32)

    Source: Liu and Di 2020, arXiv:2003.09855; as TeLU, Fernandez and Mali 2024, arXiv:2412.20269.
    """
    return _numerics.gated(x, 1.0, lambda z: _numerics.tanh(ops.exp(z)), top=6.0)


class TanhExp(Activation):
    """`x · tanh(exp(x))` as a layer; see `keras_acts.tanhexp`."""

    spec = Spec(
        function=tanhexp,
        formula=r"x \tanh(e^x)",
        range=(-0.35328577784821125, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Liu and Di 2020, arXiv:2003.09855; Fernandez and Mali 2024, arXiv:2412.20269",
    )


@activation_function
def serf(x: Tensor) -> Tensor:
    """`x · erf(softplus(x))`: `mish` with the error function for its hyperbolic tangent.

    A little steeper than `mish` at 0, and deeper in the dip.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> serf([-1.0, 2.0])
    array([-0.3422,  1.9947], dtype=float32)

    Source: Nag and Bhattacharyya 2021, arXiv:2108.09598.
    """
    return _numerics.gated(x, 1.0, lambda z: _numerics.erf(_numerics.softplus(z)))


class Serf(Activation):
    """`x · erf(softplus(x))` as a layer; see `keras_acts.serf`."""

    spec = Spec(
        function=serf,
        formula=r"x\,\mathrm{erf}(\ln(1 + e^x))",
        range=(-0.3484374587596064, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Nag and Bhattacharyya 2021, arXiv:2108.09598",
    )


@activation_function
def phish(x: Tensor) -> Tensor:
    """`x · tanh(gelu(x))`: a gate that turns negative with `x`.

    So that the value is nowhere below 0: a bump of 0.165 to the left of 0. In float32 values smaller
    than 2e-36 (x below −13) are 0.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> phish([-1.0, 2.0])
    array([0.1573, 1.9213], dtype=float32)

    Source: Naveen 2022, "Phish: a novel hyper-optimizable activation function".
    """
    near = _numerics.clip(x, -_FAR, _FAR)
    return ops.where(x > _FAR, x, near * _numerics.tanh(_numerics.gelu(near)))


class Phish(Activation):
    """`x · tanh(gelu(x))` as a layer; see `keras_acts.phish`."""

    spec = Spec(
        function=phish,
        formula=r"x \tanh(x\,\Phi(x))",
        range=(0.0, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Naveen 2022",
    )


def _smish_bend(s: Tensor, t: Tensor) -> Tensor:
    q = 1.0 + s
    square = q * q
    return 4.0 * ((t - s) * q * (square + 1.0) + s * t * (1.0 - 3.0 * square)) / (square + 1.0) ** 3


_smish, _ = _numerics.sigmoid_gated(  # tanh(ln q) is (q² − 1)/(q² + 1), here with q = 1 + s
    opening=lambda s: s * (2.0 + s) / (s * (2.0 + s) + 2.0),
    slope=lambda s, t: 4.0 * (1.0 + s) / ops.square((1.0 + s) ** 2 + 1.0),
    bend=_smish_bend,
)


@activation_function
def smish(x: Tensor) -> Tensor:
    """`x · tanh(ln(1 + σ(x)))`: a gate that opens to 0.6.

    So the slope to the right tends to 0.6, not to 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> smish([-1.0, 2.0])
    array([-0.2338,  1.1184], dtype=float32)

    Source: Wang, Ren and Wang 2022, "Smish: a novel activation function for deep learning methods".
    """
    return _smish(x)


class Smish(Activation):
    """`x · tanh(ln(1 + σ(x)))` as a layer; see `keras_acts.smish`."""

    spec = Spec(
        function=smish,
        formula=r"x \tanh(\ln(1 + \sigma(x)))",
        range=(-0.24999366366012948, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Wang, Ren and Wang 2022",
    )


_logish, _ = _numerics.sigmoid_gated(
    opening=_numerics.log1p,
    slope=lambda s, t: 1.0 / (1.0 + s),
    bend=lambda s, t: ((t - s) * (1.0 + s) - s * t) / ops.square(1.0 + s),
)


@activation_function
def logish(x: Tensor) -> Tensor:
    """`x · ln(1 + σ(x))`: a gate that opens to ln 2.

    So the slope to the right tends to 0.693, not to 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> logish([-1.0, 2.0])
    array([-0.2382,  1.2634], dtype=float32)

    Source: Zhu et al. 2021, "Logish: a new nonlinear nonmonotonic activation function".
    """
    return _logish(x)


class Logish(Activation):
    """`x · ln(1 + σ(x))` as a layer; see `keras_acts.logish`."""

    spec = Spec(
        function=logish,
        formula=r"x \ln(1 + \sigma(x))",
        range=(-0.25276881678944035, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Zhu et al. 2021",
    )


@activation_function
def lisht(x: Tensor) -> Tensor:
    """`x · tanh(x)`: even, and nowhere below 0.

    Almost `|x|`, round at 0. The sign of the input is lost.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> lisht([-1.0, 2.0])
    array([0.7616, 1.9281], dtype=float32)

    Source: Roy et al. 2019, arXiv:1901.05894.
    """
    return _folded(x, _numerics.tanh)


class LiSHT(Activation):
    """`x · tanh(x)` as a layer; see `keras_acts.lisht`."""

    spec = Spec(
        function=lisht,
        formula=r"x \tanh x",
        range=(0.0, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Roy et al. 2019, arXiv:1901.05894",
    )


def _golu_second(x: Tensor) -> Tensor:
    x = ops.clip(x, -7.0, 2000.0)
    root = ops.exp(-0.5 * x)
    steepness = root * root
    half = ops.exp(-0.5 * steepness)
    return (2.0 - x + x * steepness) * root * half * half * root


@with_derivative(_golu_second)
def _golu_derivative(x: Tensor) -> Tensor:
    x = ops.clip(x, -7.0, 2000.0)
    steepness = ops.exp(-x)
    half = ops.exp(-0.5 * steepness)
    return (1.0 + x * steepness) * half * half


@with_derivative(_golu_derivative)
def _golu(x: Tensor) -> Tensor:
    x = at_least(x, -7.0)  # the gate is 0 there
    half = ops.exp(-0.5 * ops.exp(-x))  # twice: the gate may be too small for a normal number
    return x * half * half


@activation_function
def golu(x: Tensor) -> Tensor:
    """`x · exp(−exp(−x))`: the Gompertz linear unit.

    Its gate is a Gompertz curve, which is also the distribution function of Gumbel. Asymmetric: it
    shuts faster than it opens, so that the dip is shallow, −0.097.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> golu([-1.0, 2.0])
    array([-0.066 ,  1.7468], dtype=float32)

    Source: Das et al. 2025, arXiv:2502.03654.
    """
    return _golu(x)


class GoLU(Activation):
    """A line behind a Gompertz curve, as a layer; see `keras_acts.golu`."""

    spec = Spec(
        function=golu,
        formula=r"x\,e^{-e^{-x}}",
        range=(-0.09726013122763941, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Das et al. 2025, arXiv:2502.03654",
    )


@activation_function
def gcu(x: Tensor) -> Tensor:
    """The growing cosine unit: `x · cos(x)`.

    Oscillates, so that one unit can tell XOR apart; its values grow without end.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> gcu([-1.0, 2.0])
    array([-0.5403, -0.8323], dtype=float32)

    Source: Noel et al. 2021, arXiv:2108.12943.
    """
    return x * _cos(x)


class GCU(Activation):
    """The growing cosine unit as a layer; see `keras_acts.gcu`."""

    spec = Spec(
        function=gcu,
        formula=r"x \cos x",
        range=(-float("inf"), float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Noel et al. 2021, arXiv:2108.12943",
    )


@activation_function
def erfact(x: Tensor, alpha: float | Tensor = 0.75, beta: float | Tensor = 0.75) -> Tensor:
    """`x · erf(alpha · exp(beta · x))`: a gate of learned place and steepness.

    For `alpha` above 0 the gate goes from 0 on the left to 1 on the right, and `alpha` moves it sideways.

    Args:
        x: Float tensor of any shape.
        alpha: Where the gate opens: at 0 it is erf(`alpha`) open. A number, or a tensor that broadcasts
            to `x`. Defaults to `0.75`.
        beta: How fast it opens, likewise. Defaults to `0.75`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> erfact([-1.0, 2.0])
    array([-0.3836,  2.    ], dtype=float32)

    Source: Biswas et al. 2021, arXiv:2109.04386.
    """
    return _numerics.gated(x, beta, lambda z: _numerics.erf(alpha * ops.exp(z)), top=60.0)


class ErfAct(Activation):
    """`x · erf(alpha · exp(beta · x))` with a learned gate; see `keras_acts.erfact`.

    Args:
        alpha: Where the gate opens, at the start, or for good where `learn` does not name it: at 0 it
            is erf(`alpha`) open. Defaults to `0.75`.
        beta: How fast it opens, likewise. Defaults to `0.75`.
        learn: The names of those to learn. Defaults to both, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=erfact,
        formula=r"x\,\mathrm{erf}(\alpha e^{\beta x})",
        params={
            "alpha": Param(per="layer", search=(0.1, 2.0), log=True),
            "beta": Param(per="layer", search=(0.1, 2.0), log=True),
        },
        range=(-0.405280845173458, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Biswas et al. 2021, arXiv:2109.04386",
    )

    def __init__(
        self,
        alpha: float = 0.75,
        beta: float = 0.75,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta}, learn=learn, **kwargs)


@activation_function
def pserf(x: Tensor, gamma: float | Tensor = 1.25, delta: float | Tensor = 0.85) -> Tensor:
    """`serf` with a gate to learn: `x · erf(gamma · softplus(delta · x))`.

    For `gamma` above 0 the gate goes from 0 on the left to 1 on the right.

    Args:
        x: Float tensor of any shape.
        gamma: Where the gate opens: at 0 it is erf(`gamma` · ln 2) open. A number, or a tensor that
            broadcasts to `x`. Defaults to `1.25`.
        delta: How fast it opens, likewise. Defaults to `0.85`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> pserf([-1.0, 2.0])
    array([-0.4707,  1.9981], dtype=float32)

    Source: Biswas et al. 2021, arXiv:2109.04386.
    """
    return _numerics.gated(x, delta, lambda z: _numerics.erf(gamma * _numerics.softplus(z)))


class PSerf(Activation):
    """`serf` with a learned gate; see `keras_acts.pserf`.

    Args:
        gamma: Where the gate opens, at the start, or for good where `learn` does not name it: at 0 it
            is erf(`gamma` · ln 2) open. Defaults to `1.25`.
        delta: How fast it opens, likewise. Defaults to `0.85`.
        learn: The names of those to learn. Defaults to both, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=pserf,
        formula=r"x\,\mathrm{erf}(\gamma \ln(1 + e^{\delta x}))",
        params={
            "gamma": Param(per="layer", search=(0.1, 4.0), log=True),
            "delta": Param(per="layer", search=(0.1, 4.0), log=True),
        },
        range=(-0.5060068753569109, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Biswas et al. 2021, arXiv:2109.04386",
    )

    def __init__(
        self,
        gamma: float = 1.25,
        delta: float = 0.85,
        *,
        learn: tuple[str, ...] | list[str] | str = ("gamma", "delta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"gamma": gamma, "delta": delta}, learn=learn, **kwargs)


@activation_function
def acon_c(x: Tensor, p1: float | Tensor = 1.2, p2: float | Tensor = -0.3, beta: float | Tensor = 1.0) -> Tensor:
    """A smooth maximum of two lines: `(p1 − p2) · x · σ(beta · (p1 − p2) · x) + p2 · x`.

    From their mean (beta 0) to `max(p1 · x, p2 · x)` (beta infinite): a unit learns whether to
    activate at all.

    Args:
        x: Float tensor of any shape.
        p1: The slope of one line: a number, or a tensor that broadcasts to `x`. Defaults to `1.2`.
        p2: The slope of the other, likewise. Defaults to `-0.3`.
        beta: How sharp the maximum is, likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> acon_c([-1.0, 2.0], p1=1.0, p2=0.0)
    array([-0.2689,  1.7616], dtype=float32)

    Source: Ma et al. 2020, arXiv:2009.04759. The slopes have no start value there (they are drawn);
    the defaults are ours.
    """
    p1, p2 = (ops.convert_to_tensor(slope, dtype=x.dtype) for slope in (p1, p2))
    steepness = beta * (p1 - p2)
    # Each line behind its own gate, so that nothing cancels where one of the slopes is near 0.
    return p1 * _numerics.swish(x, steepness) + p2 * _numerics.swish(x, -steepness)


_NORMAL_START = {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 1.0}}


class ACONC(Activation):
    """A smooth maximum of two learned lines; see `keras_acts.acon_c`.

    Args:
        p1: The slope of one line, where `learn` does not name it; a learned one is drawn from the
            standard normal distribution (`initializers` says otherwise). Defaults to `1.2`.
        p2: The slope of the other, likewise. Defaults to `-0.3`.
        beta: How sharp the maximum is, at the start, or for good where `learn` does not name it.
            Defaults to `1.0`.
        learn: The names of those to learn. Defaults to all.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=acon_c,
        formula=r"(p_1 - p_2)\,x\,\sigma(\beta (p_1 - p_2)\,x) + p_2 x",
        params={
            "p1": Param(initializer=_NORMAL_START),
            "p2": Param(initializer=_NORMAL_START),
            "beta": Param(search=(0.1, 10.0), log=True),
        },
        range=(-0.09295818929993109, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Ma et al. 2020, arXiv:2009.04759",
    )

    def __init__(
        self,
        p1: float = 1.2,
        p2: float = -0.3,
        beta: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("p1", "p2", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"p1": p1, "p2": p2, "beta": beta}, learn=learn, **kwargs)


class MetaACON(Activation):
    """`acon_c` whose sharpness depends on the example: a small network on the mean over space chooses it.

    `beta` is `σ(W₂ · BN(W₁ · mean))`, one for each example and channel, so that an example decides
    which channels activate.

    Args:
        r: The hidden layer of the small network has this many times fewer units than there are
            channels, and at least `r`. Defaults to `16`.
        p1: The slope of one line, where `learn` does not name it; a learned one is drawn from the
            standard normal distribution (`initializers` says otherwise). Defaults to `1.2`.
        p2: The slope of the other, likewise. Defaults to `-0.3`.
        learn: The names of those to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …, channels)`, any rank from 2 on; sizes other than the channels' may be
    unknown.
    Output shape: the same.

    Raises:
        TypeError: `r` is not an integer.
        ValueError: `r` is below 1.

    Example:
    >>> MetaACON()(keras.ops.ones((2, 8, 8, 3))).shape == (2, 8, 8, 3)
    True

    Source: Ma et al. 2020, arXiv:2009.04759. The authors' code also normalizes the batch behind W₂.
    """

    spec = Spec(
        name="meta_acon",
        formula=r"(p_1 - p_2)\,x\,\sigma(\beta(x) (p_1 - p_2)\,x) + p_2 x",
        params={"p1": Param(initializer=_NORMAL_START), "p2": Param(initializer=_NORMAL_START)},
        range=(-float("inf"), float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        elementwise=False,
        source="Ma et al. 2020, arXiv:2009.04759",
    )

    def __init__(
        self,
        r: int = 16,
        p1: float = 1.2,
        p2: float = -0.3,
        *,
        learn: tuple[str, ...] | list[str] | str = ("p1", "p2"),
        **kwargs: Any,
    ) -> None:
        r = checked_integer("MetaACON", "r", r, at_least=1)
        super().__init__({"r": r, "p1": p1, "p2": p2}, learn=learn, **kwargs)
        self.squeeze: Any = None
        if self._channels is not None:
            self._create_network(self._channels)

    def build(self, input_shape: Any) -> None:
        """Create what is learned for each channel, and the small network.

        Raises:
            ValueError: `axis` is not an axis of the input, or the channel count is unknown or
                differs from `channels`.
        """
        channels = self._channel_count(tuple(input_shape))
        super().build(input_shape)
        if self.squeeze is None:
            self._create_network(channels)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Apply the activation; `training` says which statistics the normalization takes, `mask` which steps count."""
        rank = len(inputs.shape)
        channel_axis = self._axis % rank
        pooled = self._mean_over_space(inputs, mask)
        beta = self.excite(self.normalize(self.squeeze(pooled), training=training))
        shape = [-1, *(beta.shape[-1] if axis == channel_axis else 1 for axis in range(1, rank))]
        arguments = self.arguments_for(inputs)
        return acon_c(inputs, arguments["p1"], arguments["p2"], beta=ops.reshape(beta, shape))

    def _create_network(self, channels: int) -> None:
        hidden = max(self.r, channels // self.r)
        self.squeeze = keras.layers.Dense(hidden, name="squeeze", dtype=self.dtype_policy)
        self.normalize = keras.layers.BatchNormalization(name="normalize", dtype=self.dtype_policy)
        self.excite = keras.layers.Dense(channels, activation="sigmoid", name="excite", dtype=self.dtype_policy)
        self.squeeze.build((None, channels))
        self.normalize.build((None, hidden))
        self.excite.build((None, hidden))


@activation_function
def smu(x: Tensor, alpha: float | Tensor = 0.25, mu: float | Tensor = 1.0) -> Tensor:
    """A smooth maximum of `x` and `alpha · x`: `½[(1 + alpha)x + (1 − alpha)x · erf(mu · (1 − alpha)x)]`.

    `leaky_relu` made round by the error function, `gelu` at alpha 0 and mu 1/√2.

    Args:
        x: Float tensor of any shape.
        alpha: The slope far to the left: a number, or a tensor that broadcasts to `x`. Defaults to
            `0.25`.
        mu: How sharp the bend is, likewise. Defaults to `1.0`; the authors' varies.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> smu([-1.0, 2.0])
    array([-0.3583,  1.9746], dtype=float32)

    Source: Biswas et al. 2021, arXiv:2111.04682.
    """
    # ½(1 + erf(z)) is Φ(√2·z), which keeps its digits on the left.
    rest = 1.0 - alpha
    return alpha * x + rest * _numerics.through_normal_cdf(x, math.sqrt(2.0) * mu * rest)


class SMU(Activation):
    """A smooth maximum of `x` and `alpha · x`, of learned sharpness; see `keras_acts.smu`.

    Args:
        alpha: The slope far to the left. Defaults to `0.25`.
        mu: How sharp the bend is, at the start, or for good where `learn` does not name it. Defaults
            to `1.0`.
        learn: The names of those to learn. Defaults to `("mu",)`, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=smu,
        formula=r"\frac{(1 + \alpha)x + (1 - \alpha)x\,\mathrm{erf}(\mu(1 - \alpha)x)}{2}",
        params={
            "alpha": Param(per="layer", search=(0.01, 0.5), log=True),
            "mu": Param(per="layer", search=(0.1, 10.0), log=True),
        },
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Biswas et al. 2021, arXiv:2111.04682",
    )

    def __init__(
        self, alpha: float = 0.25, mu: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("mu",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha, "mu": mu}, learn=learn, **kwargs)


@activation_function
def smu1(x: Tensor, alpha: float | Tensor = 0.25, mu: float | Tensor = 1.0) -> Tensor:
    """`smu` without the error function: `½[(1 + alpha)x + √(((1 − alpha)x)² + mu²)]`.

    `leaky_relu` made round by a square root, `squareplus` at alpha 0.

    Args:
        x: Float tensor of any shape.
        alpha: The slope far to the left: a number, or a tensor that broadcasts to `x`. Defaults to
            `0.25`.
        mu: How round the bend is, likewise; the value at 0 is half of it. Defaults to `1.0`; the
            authors' varies.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> smu1([-1.0, 2.0], mu=2.0)
    array([0.443, 2.5  ], dtype=float32)

    Source: Biswas et al. 2021, arXiv:2111.04682.
    """
    return alpha * x + squareplus((1.0 - alpha) * x, mu * mu)


class SMU1(Activation):
    """`smu` without the error function, of learned roundness; see `keras_acts.smu1`.

    Args:
        alpha: The slope far to the left. Defaults to `0.25`.
        mu: How round the bend is, above 0, at the start, or for good where `learn` does not name it.
            Defaults to `1.0`.
        learn: The names of those to learn. Defaults to `("mu",)`, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=smu1,
        formula=r"\frac{(1 + \alpha)x + \sqrt{((1 - \alpha)x)^2 + \mu^2}}{2}",
        params={
            "alpha": Param(per="layer", search=(0.01, 0.5), log=True),
            "mu": Param(above=0.0, per="layer", search=(0.1, 10.0), log=True),
        },
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Biswas et al. 2021, arXiv:2111.04682",
    )

    def __init__(
        self, alpha: float = 0.25, mu: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("mu",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha, "mu": mu}, learn=learn, **kwargs)


@with_derivative(lambda x: 2.0 / math.pi / ops.square(1.0 + x * x))
def _arctan_gated_derivative(x: Tensor) -> Tensor:
    x = ops.clip(x, -1e15, 1e15)
    # To the left ½ + atan(x)/π and x/π/(1 + x²) nearly cancel: (φ − sin φ)/2π of the angle φ, as a series.
    angle = 2.0 * plain_arctan(1.0 / at_most(x, -1.5))
    series = [(-1.0) ** n / math.factorial(2 * n + 3) for n in range(10)]
    left = -0.5 / math.pi * angle**3 * _numerics.polynomial(angle * angle, series)
    return ops.where(x < -1.5, left, 0.5 + plain_arctan(x) / math.pi + x / math.pi / (1.0 + x * x))


@with_derivative(_arctan_gated_derivative)
def _arctan_gated(x: Tensor) -> Tensor:
    x = at_least(x, -1e30)
    left = x * plain_arctan(-1.0 / at_most(x, -1.0))
    return ops.where(x < -1, left / math.pi, x * (0.5 + plain_arctan(x) / math.pi))  # π·x may be too large


@with_derivative(lambda x: 4.0 / math.pi / ops.square(1.0 + x * x))
def _x_arctan_derivative(x: Tensor) -> Tensor:
    x = ops.clip(x, -1e15, 1e15)
    return 2.0 / math.pi * (plain_arctan(x) + x / (1.0 + x * x))


@with_derivative(_x_arctan_derivative)
def _x_arctan(x: Tensor) -> Tensor:
    return x * (2.0 / math.pi * plain_arctan(x))


def _stretched(x: Tensor, alpha: float | Tensor, plain: Tensor, tilt: Tensor) -> Tensor:
    """`plain + alpha · tilt`, and its limit at `inf`, where it would be a difference of infinities."""
    return ops.where(x == math.inf, x * (1.0 + alpha), plain + gate(tilt, alpha))


@activation_function
def xatlu(x: Tensor, alpha: float | Tensor = 0.0) -> Tensor:
    """A line behind a stretched arc tangent: `x · (g(x)(1 + 2 · alpha) − alpha)`, `g = ½ + atan(x)/π`.

    The gate goes from `−alpha` to `1 + alpha`, not from 0 to 1, so that gradients flow back on the
    left too.

    Args:
        x: Float tensor of any shape.
        alpha: How far the gate is stretched: a number, or a tensor that broadcasts to `x`. Defaults
            to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> xatlu([-1.0, 2.0], alpha=0.25)
    array([-0.125 ,  2.0572], dtype=float32)

    Source: Huang 2024, arXiv:2405.20768.
    """
    return _stretched(x, alpha, _arctan_gated(x), _x_arctan(x))


class XATLU(Activation):
    """A line behind a learned arc tangent; see `keras_acts.xatlu`.

    Args:
        alpha: How far the gate is stretched, at the start, or for good where `learn` does not name
            it. Defaults to `0.0`.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=xatlu,
        formula=r"x\,\bigl(g(x)(1 + 2\alpha) - \alpha\bigr),\quad g(x) = \tfrac12 + \tfrac{1}{\pi}\arctan x",
        params={"alpha": Param(per="layer", search=(-0.25, 0.5))},
        range=(-1.0 / math.pi, float("inf")),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Huang 2024, arXiv:2405.20768",
    )

    def __init__(
        self, alpha: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def xgelu(x: Tensor, alpha: float | Tensor = 0.0) -> Tensor:
    """`gelu` with a stretched gate: `x · (Φ(x)(1 + 2 · alpha) − alpha)`.

    The gate goes from `−alpha` to `1 + alpha`, not from 0 to 1, so that gradients flow back on the
    left too.

    Args:
        x: Float tensor of any shape.
        alpha: How far the gate is stretched: a number, or a tensor that broadcasts to `x`. Defaults
            to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> xgelu([-1.0, 2.0], alpha=0.5)
    array([0.1827, 2.909 ], dtype=float32)

    Source: Huang 2024, arXiv:2405.20768.
    """
    return _stretched(x, alpha, _numerics.gelu(x), _folded(x, lambda z: _numerics.erf(math.sqrt(0.5) * z)))


class XGELU(Activation):
    """`gelu` with a learned gate; see `keras_acts.xgelu`.

    Args:
        alpha: How far the gate is stretched, at the start, or for good where `learn` does not name
            it. Defaults to `0.0`.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=xgelu,
        formula=r"x\,(\Phi(x)(1 + 2\alpha) - \alpha)",
        params={"alpha": Param(per="layer", search=(-0.25, 0.5))},
        range=(-0.16997120747990369, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Huang 2024, arXiv:2405.20768",
    )

    def __init__(
        self, alpha: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def xsilu(x: Tensor, alpha: float | Tensor = 0.0) -> Tensor:
    """`silu` with a stretched gate: `x · (σ(x)(1 + 2 · alpha) − alpha)`.

    The gate goes from `−alpha` to `1 + alpha`, not from 0 to 1, so that gradients flow back on the
    left too.

    Args:
        x: Float tensor of any shape.
        alpha: How far the gate is stretched: a number, or a tensor that broadcasts to `x`. Defaults
            to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> xsilu([-1.0, 2.0], alpha=0.5)
    array([-0.0379,  2.5232], dtype=float32)

    Source: Huang 2024, arXiv:2405.20768.
    """
    return _stretched(x, alpha, _numerics.silu(x), _folded(x, lambda z: _numerics.tanh(0.5 * z)))


class XSiLU(Activation):
    """`silu` with a learned gate; see `keras_acts.xsilu`.

    Args:
        alpha: How far the gate is stretched, at the start, or for good where `learn` does not name
            it. Defaults to `0.0`.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=xsilu,
        formula=r"x\,(\sigma(x)(1 + 2\alpha) - \alpha)",
        params={"alpha": Param(per="layer", search=(-0.25, 0.5))},
        range=(-0.27846454276107374, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Huang 2024, arXiv:2405.20768",
    )

    def __init__(
        self, alpha: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)
