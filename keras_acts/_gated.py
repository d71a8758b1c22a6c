"""Functions in which `x` passes through a gate that `x` itself opens."""

import math
from typing import Any

from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, at_least, at_most, with_derivative
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Param, Spec


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
    array([-0.26894143,  1.761594  ], dtype=float32)

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
    array([-0.11920292,  1.9640276 ], dtype=float32)

    Source: Ramachandran, Zoph and Le 2017, arXiv:1710.05941.
    """
    return _numerics.swish(x, beta)


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

    The standard of transformers.

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
    array([-0.15865526,  1.9544997 ], dtype=float32)

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
    array([-0.30340147,  1.943959  ], dtype=float32)

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
