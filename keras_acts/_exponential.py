"""Functions whose negative side is an exponential, so that their mean stays near zero."""

import math
from typing import Any

from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, with_derivative
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Param, Spec

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@activation_function
def elu(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """The exponential linear unit: `x` where it is positive, else `alpha · (exp(x) − 1)`.

    Negative values pull the mean of a layer towards zero, which speeds up learning; the gradient
    does not vanish at once below 0. Costs an exponential.

    Args:
        x: Float tensor of any shape.
        alpha: Minus the limit on the left: a number, or a tensor that broadcasts to `x`. Defaults
            to `1.0`, where the derivative has no jump.

    Returns:
        A tensor of the shape and dtype of `x`, above `−alpha`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> elu([-1.0, 2.0])
    array([-0.6321,  2.    ], dtype=float32)

    Source: Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289.
    """
    if isinstance(alpha, (int, float)) and alpha == 1:
        return _numerics.elu(x)
    return ops.relu(x) + alpha * _numerics.expm1(_numerics.negative_part(x))


class ELU(Activation):
    """The exponential linear unit as a layer; see `keras_acts.elu`.

    Args:
        alpha: Minus the limit on the left. Defaults to `1.0`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=elu,
        formula=r"\begin{cases} x & x > 0 \\ \alpha(e^x - 1) & x \le 0 \end{cases}",
        params={"alpha": Param(search=(0.1, 2.0))},
        range=(-1.0, float("inf")),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289",
    )

    def __init__(self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


def _selu_derivative(x: Tensor) -> Tensor:
    # A number within `where` is float32 on PyTorch: only one that float32 holds may stand there.
    return _SELU_SCALE * ops.where(x > 0, 1.0, _SELU_ALPHA * ops.exp(_numerics.negative_part(x)))


@with_derivative(_selu_derivative)
def _selu(x: Tensor) -> Tensor:
    negative = _numerics.expm1(_numerics.negative_part(x))
    return ops.where(x > 0, _SELU_SCALE * x, (_SELU_SCALE * _SELU_ALPHA) * negative)


@activation_function
def selu(x: Tensor) -> Tensor:
    """The self-normalizing unit: `elu` scaled so that mean 0 and variance 1 reproduce themselves.

    Through any number of dense layers, provided that they start from `lecun_normal`, the input is
    standardised, and dropout is `AlphaDropout`.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, above −1.7581.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> selu([-1.0, 1.0])
    array([-1.1113,  1.0507], dtype=float32)

    Source: Klambauer et al. 2017, arXiv:1706.02515. The derivative at 0 is the left one, 1.7581.
    """
    return _selu(x)


class SELU(Activation):
    """The self-normalizing unit as a layer; see `keras_acts.selu`."""

    spec = Spec(
        function=selu,
        formula=r"\lambda \begin{cases} x & x > 0 \\ \alpha(e^x - 1) & x \le 0 \end{cases}"
        r",\quad \lambda = 1.0507,\ \alpha = 1.6733",
        range=(-_SELU_SCALE * _SELU_ALPHA, float("inf")),
        monotone=True,
        smoothness=0,
        initializer="lecun_normal",
        source="Klambauer et al. 2017, arXiv:1706.02515",
    )


@activation_function
def celu(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """`elu` without a jump in its derivative at any `alpha`: `alpha · (exp(x / alpha) − 1)` below 0.

    Args:
        x: Float tensor of any shape.
        alpha: Minus the limit on the left, and the scale on which it is reached; above 0. A number,
            or a tensor that broadcasts to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, above `−alpha`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> celu([-1.0, 2.0], alpha=2.0)
    array([-0.7869,  2.    ], dtype=float32)

    Source: Barron 2017, arXiv:1704.07483.
    """
    return ops.relu(x) + alpha * _numerics.expm1(_numerics.negative_part(x) * (1.0 / alpha))


class CELU(Activation):
    """`elu` without a jump in its derivative, as a layer; see `keras_acts.celu`.

    Args:
        alpha: Minus the limit on the left, above 0. Defaults to `1.0`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=celu,
        formula=r"\begin{cases} x & x > 0 \\ \alpha(e^{x/\alpha} - 1) & x \le 0 \end{cases}",
        params={"alpha": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(-1.0, math.inf),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Barron 2017, arXiv:1704.07483",
    )

    def __init__(self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def pelu(x: Tensor, a: float | Tensor = 1.0, b: float | Tensor = 1.0) -> Tensor:
    """`elu` with a shape to learn: `(a / b) · x` where it is not negative, else `a · (exp(x / b) − 1)`.

    The slope has no jump at 0, whatever the parameters.

    Args:
        x: Float tensor of any shape.
        a: Minus the limit on the left; at least 0.1 in the paper. A number, or a tensor that
            broadcasts to `x`. Defaults to `1.0`.
        b: The scale on which the limit is reached, likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, above `−a`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> pelu([-1.0, 2.0], a=2.0, b=0.5)
    array([-1.7293,  8.    ], dtype=float32)

    Source: Trottier, Giguère and Chaib-draa 2016, arXiv:1605.09332.
    """
    rate = 1.0 / b
    return a * (rate * ops.relu(x) + _numerics.expm1(_numerics.negative_part(x) * rate))


class PELU(Activation):
    """`elu` with a learned shape; see `keras_acts.pelu`.

    Args:
        a: Minus the limit on the left, at the start, or for good where `learn` does not name it; at
            least 0.1, always. Defaults to `1.0`.
        b: The scale on which the limit is reached, likewise. Defaults to `1.0`.
        learn: The names of those to learn. Defaults to both, one value for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=pelu,
        formula=r"\begin{cases} \frac{a}{b} x & x \ge 0 \\ a(e^{x/b} - 1) & x < 0 \end{cases}",
        params={
            "a": Param(at_least=0.1, per="layer", search=(0.1, 4.0), log=True),
            "b": Param(at_least=0.1, per="layer", search=(0.1, 4.0), log=True),
        },
        range=(-1.0, math.inf),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Trottier, Giguère and Chaib-draa 2016, arXiv:1605.09332",
    )

    def __init__(
        self, a: float = 1.0, b: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("a", "b"), **kwargs: Any
    ) -> None:
        super().__init__({"a": a, "b": b}, learn=learn, **kwargs)


@activation_function
def mpelu(x: Tensor, alpha: float | Tensor = 1.0, beta: float | Tensor = 1.0) -> Tensor:
    """From `relu` through `prelu` to `elu`: `x` where it is positive, else `alpha · (exp(beta · x) − 1)`.

    Args:
        x: Float tensor of any shape.
        alpha: Minus the limit on the left: a number, or a tensor that broadcasts to `x`. Defaults
            to `1.0`.
        beta: The rate at which the limit is reached, likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> mpelu([-1.0, 2.0], alpha=0.5, beta=2.0)
    array([-0.4323,  2.    ], dtype=float32)

    Source: Li et al. 2016, arXiv:1606.00305.
    """
    return ops.relu(x) + alpha * _numerics.expm1(beta * _numerics.negative_part(x))


class MPELU(Activation):
    """From `relu` through `prelu` to `elu`, as the data ask; see `keras_acts.mpelu`.

    Args:
        alpha: Minus the limit on the left, at the start, or for good where `learn` does not name
            it. Defaults to `1.0`.
        beta: The rate at which the limit is reached, likewise; at least 0, always, since a negative
            one grows without end. Defaults to `1.0`.
        learn: The names of those to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=mpelu,
        formula=r"\begin{cases} x & x > 0 \\ \alpha(e^{\beta x} - 1) & x \le 0 \end{cases}",
        params={"alpha": Param(search=(0.1, 2.0)), "beta": Param(at_least=0.0, search=(0.1, 4.0), log=True)},
        range=(-1.0, math.inf),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Li et al. 2016, arXiv:1606.00305",
    )

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta}, learn=learn, **kwargs)


@activation_function
def isrlu(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """`elu` without the exponential: `x` where it is not negative, else `x / √(1 + alpha · x²)`.

    An inverse square root is cheaper than an exponential on most hardware.

    Args:
        x: Float tensor of any shape.
        alpha: The limit on the left is `−1 / √alpha`; above 0. A number, or a tensor that
            broadcasts to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, above `−1 / √alpha`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> isrlu([-1.0, 2.0], alpha=3.0)
    array([-0.5,  2. ], dtype=float32)

    Source: Carlile et al. 2017, arXiv:1710.09967.
    """
    return ops.relu(x) + _numerics.isru(_numerics.negative_part(x), alpha)


class ISRLU(Activation):
    """`elu` without the exponential, as a layer; see `keras_acts.isrlu`.

    Args:
        alpha: The limit on the left is `−1 / √alpha`; above 0. Defaults to `1.0`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=isrlu,
        formula=r"\begin{cases} x & x \ge 0 \\ \frac{x}{\sqrt{1 + \alpha x^2}} & x < 0 \end{cases}",
        params={"alpha": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(-1.0, math.inf),
        monotone=True,
        smoothness=2,
        initializer="he_normal",
        source="Carlile et al. 2017, arXiv:1710.09967",
    )

    def __init__(self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def elish(x: Tensor) -> Tensor:
    """`silu` to the right of 0, and to the left `(exp(x) − 1) · σ(x)`.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> elish([-1.0, 2.0])
    array([-0.17  ,  1.7616], dtype=float32)

    Source: Basirat and Roth 2018, arXiv:1808.00783.
    """
    negative = _numerics.expm1(_numerics.negative_part(x)) * _numerics.sigmoid(x)
    return ops.where(x >= 0, _numerics.silu(x), negative)


class ELiSH(Activation):
    """`silu` to the right of 0, `elu` behind the same gate to the left; see `keras_acts.elish`."""

    spec = Spec(
        function=elish,
        formula=r"\begin{cases} x\,\sigma(x) & x \ge 0 \\ (e^x - 1)\,\sigma(x) & x < 0 \end{cases}",
        range=(2.0 * math.sqrt(2.0) - 3.0, math.inf),
        monotone=False,
        smoothness=1,
        initializer="he_normal",
        source="Basirat and Roth 2018, arXiv:1808.00783",
    )


@activation_function
def hard_elish(x: Tensor) -> Tensor:
    """`elish` with a gate of straight lines: `x`, or `exp(x) − 1` below 0, times `clip((x + 1) / 2, 0, 1)`.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_elish([-0.5, 2.0])
    array([-0.0984,  2.    ], dtype=float32)

    Source: Basirat and Roth 2018, arXiv:1808.00783.
    """
    gate = 0.5 * _numerics.clip(x + 1.0, 0.0, 2.0)
    return gate * (ops.relu(x) + _numerics.expm1(_numerics.negative_part(x)))


class HardELiSH(Activation):
    """`elish` with a gate of straight lines, as a layer; see `keras_acts.hard_elish`."""

    spec = Spec(
        function=hard_elish,
        formula=r"\mathrm{clip}\left(\tfrac{x + 1}{2}, 0, 1\right)"
        r"\begin{cases} x & x \ge 0 \\ e^x - 1 & x < 0 \end{cases}",
        range=(-0.0996731515287426, math.inf),
        monotone=False,
        smoothness=0,
        initializer="he_normal",
        source="Basirat and Roth 2018, arXiv:1808.00783",
    )


_SERLU_SCALE = 1.0786
_SERLU_ALPHA = 2.90427


@activation_function
def serlu(x: Tensor) -> Tensor:
    """A self-normalizing unit with a dip: `x` where it is not negative, else `2.90427 · x · exp(x)`, all times 1.0786.

    Like `selu` it reproduces mean 0 and variance 1; unlike it, large negative inputs come to nothing.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, at least −1.1524.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> serlu([-1.0, 2.0])
    array([-1.1524,  2.1572], dtype=float32)

    Source: Zhang and Li 2018, arXiv:1807.10117. The derivative at 0 is the left one, 3.1325.
    """
    dip = _numerics.x_exp(_numerics.negative_part(x))
    return _SERLU_SCALE * ops.relu(x) + (_SERLU_SCALE * _SERLU_ALPHA) * dip


class SERLU(Activation):
    """A self-normalizing unit with a dip, as a layer; see `keras_acts.serlu`."""

    spec = Spec(
        function=serlu,
        formula=r"\lambda \begin{cases} x & x \ge 0 \\ \alpha x e^x & x < 0 \end{cases}"
        r",\quad \lambda = 1.0786,\ \alpha = 2.90427",
        range=(-_SERLU_SCALE * _SERLU_ALPHA / math.e, math.inf),
        monotone=False,
        smoothness=0,
        initializer="lecun_normal",
        source="Zhang and Li 2018, arXiv:1807.10117",
    )


@activation_function
def ptelu(x: Tensor, alpha: float | Tensor = 1.0, beta: float | Tensor = 1.0) -> Tensor:
    """A line to the right of 0 and a tangent to the left: `alpha · tanh(beta · x)` below 0.

    Args:
        x: Float tensor of any shape.
        alpha: Minus the limit on the left: a number, or a tensor that broadcasts to `x`. Defaults
            to `1.0`.
        beta: The rate at which the limit is reached, likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> ptelu([-1.0, 2.0], alpha=0.5, beta=2.0)
    array([-0.482,  2.   ], dtype=float32)

    Source: Gupta and Duggal 2017, "P-TELU: parametric tan hyperbolic linear unit activation for deep
    neural networks", doi:10.1109/ICCVW.2017.119.
    """
    return ops.relu(x) + alpha * _numerics.tanh(beta * _numerics.negative_part(x))


class PTELU(Activation):
    """A line and a learned hyperbolic tangent; see `keras_acts.ptelu`.

    Args:
        alpha: Minus the limit on the left, at the start, or for good where `learn` does not name
            it; at least 0, always. Defaults to `1.0`.
        beta: The rate at which the limit is reached, likewise. Defaults to `1.0`.
        learn: The names of those to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=ptelu,
        formula=r"\begin{cases} x & x \ge 0 \\ \alpha\tanh(\beta x) & x < 0 \end{cases}",
        params={
            "alpha": Param(at_least=0.0, search=(0.1, 2.0)),
            "beta": Param(at_least=0.0, search=(0.1, 4.0), log=True),
        },
        range=(-1.0, math.inf),
        monotone=True,
        smoothness=2,
        initializer="he_normal",
        source="Gupta and Duggal 2017, doi:10.1109/ICCVW.2017.119",
    )

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta}, learn=learn, **kwargs)


@activation_function
def colu(x: Tensor) -> Tensor:
    """The collapsing line: `x / (1 − x · exp(−(x + exp(x))))`.

    Smooth, with a dip to −0.377, deeper than that of `mish`. Costs three exponentials.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> colu([-1.0, 2.0])
    array([-0.347 ,  2.0003], dtype=float32)

    Source: Vagerwal 2021, arXiv:2112.12078.
    """
    # Numerator and denominator times eˣ to the left of 0, where exp(−x) would overflow; from 7 on the
    # second term of the denominator is 0.
    near = _numerics.clip(x, -1e3, 7.0)
    shrunk = ops.exp(_numerics.negative_part(near))
    collapse = ops.exp(-ops.relu(near)) * ops.exp(-ops.exp(near))
    return ops.where(x >= 7, x, near * shrunk / (shrunk - near * collapse))


class CoLU(Activation):
    """The collapsing line as a layer; see `keras_acts.colu`."""

    spec = Spec(
        function=colu,
        formula=r"\frac{x}{1 - x e^{-(x + e^x)}}",
        range=(-0.37715856839612916, math.inf),
        monotone=False,
        smoothness=math.inf,
        initializer="he_normal",
        source="Vagerwal 2021, arXiv:2112.12078",
    )


@activation_function
def xielu(
    x: Tensor, alpha_p: float | Tensor = 0.8, alpha_n: float | Tensor = 0.8, beta: float | Tensor = 0.5
) -> Tensor:
    """The integral of `elu`, trained: `alpha_p · x² + beta · x`, left of 0 `alpha_n · (exp(x) − 1 − x) + beta · x`.

    Its slope grows with `x` on both sides; made for the feed-forward blocks of language models.

    Args:
        x: Float tensor of any shape.
        alpha_p: The curvature to the right, above 0: a number, or a tensor that broadcasts to `x`.
            Defaults to `0.8`.
        alpha_n: The curvature to the left, above `beta`, likewise. Defaults to `0.8`.
        beta: The slope at 0, likewise. Defaults to `0.5`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> xielu([-1.0, 2.0])
    array([-0.2057,  4.2   ], dtype=float32)

    Source: Huang and Schlag 2024, arXiv:2411.13010. As there, the exponent goes no nearer to 0 from
    below than −1e-6, so that the function jumps at 0, by `1e-6 · alpha_n`. The parameters are the
    effective ones, not those under a softplus.
    """
    flat = x > -1e-6  # by cases, since a difference that cancels in the value would not in the derivative
    bent = _numerics.expm1_less_x(_numerics.clip(ops.where(flat, -1e-6, x), -2.0, 0.0))
    near = alpha_n * ops.where(flat, math.expm1(-1e-6) - x, bent) + beta * x
    far = alpha_n * _numerics.expm1(_numerics.negative_part(x)) + (beta - alpha_n) * x
    right = ops.relu(x)  # in both factors: the slope of a side that is not taken is 0 times the other
    return ops.where(x > 0, (alpha_p * right + beta) * right, ops.where(x > -1, near, far))


class XIELU(Activation):
    """The integral of `elu` with learned curvatures; see `keras_acts.xielu`.

    A learned curvature is `softplus` of its weight, for `alpha_n` plus `beta`: so `alpha_p` stays
    above 0 and `alpha_n` above `beta`. Initializers, regularizers and constraints act on the weight.

    Args:
        alpha_p: The curvature to the right, above 0, at the start, or for good where `learn` does
            not name it. Defaults to `0.8`.
        alpha_n: The curvature to the left, above `beta`, likewise. Defaults to `0.8`.
        beta: The slope at 0, likewise. Defaults to `0.5`.
        learn: The names of those to learn. Defaults to `("alpha_p", "alpha_n")`, one value for the
            layer.
        **kwargs: The arguments of `keras_acts.Activation`.

    Raises:
        ValueError: `alpha_n` is not above `beta`.
    """

    spec = Spec(
        function=xielu,
        formula=r"\begin{cases} \alpha_p x^2 + \beta x & x > 0 \\"
        r" \alpha_n(e^{\min(x, -10^{-6})} - 1 - x) + \beta x & x \le 0 \end{cases}",
        params={
            "alpha_p": Param(per="layer", search=(0.1, 2.0), log=True),
            "alpha_n": Param(per="layer", search=(0.6, 2.0), log=True),
            "beta": Param(per="layer", search=(0.0, 0.79)),
        },
        range=(-0.2057512240964821, math.inf),
        monotone=False,
        smoothness=-1,
        initializer="he_normal",
        source="Huang and Schlag 2024, arXiv:2411.13010",
    )

    def __init__(
        self,
        alpha_p: float = 0.8,
        alpha_n: float = 0.8,
        beta: float = 0.5,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha_p", "alpha_n"),
        **kwargs: Any,
    ) -> None:
        # Bounds of the effective values: the weights have none.
        beta = Param().check("XIELU", "beta", beta)
        alpha_p = Param(above=0.0).check("XIELU", "alpha_p", alpha_p)
        alpha_n = Param(above=beta).check("XIELU", "alpha_n", alpha_n)
        super().__init__({"alpha_p": alpha_p, "alpha_n": alpha_n, "beta": beta}, learn=learn, **kwargs)

    def _start(self, name: str) -> Any:
        value = super()._start(name)
        if name == "beta":
            return value
        excess = value - super()._start("beta") if name == "alpha_n" else value
        return excess + math.log(-math.expm1(-excess))  # the inverse of softplus

    def value(self, name: str, inputs: Tensor) -> Tensor:
        """The learned parameter `name`, shaped so that it broadcasts to `inputs`."""
        value = super().value(name, inputs)
        if name == "beta":
            return value
        curvature = _numerics.softplus(value)
        if name == "alpha_p":
            return curvature
        return curvature + (super().value("beta", inputs) if "beta" in self.learned else self.beta)
