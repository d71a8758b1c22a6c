"""Functions whose negative side is an exponential, so that their mean stays near zero."""

from typing import Any

from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
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
    array([-0.63212055,  2.        ], dtype=float32)

    Source: Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289.
    """
    return ops.where(x > 0, x, alpha * _numerics.expm1_negative(x))


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
    array([-1.1113307,  1.050701 ], dtype=float32)

    Source: Klambauer et al. 2017, arXiv:1706.02515. The derivative at 0 is the left one, 1.7581.
    """
    return _SELU_SCALE * ops.where(x > 0, x, _SELU_ALPHA * _numerics.expm1_negative(x))


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
