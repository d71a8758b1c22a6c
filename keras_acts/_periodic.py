"""Functions with waves and bumps."""

from typing import Any

from keras import ops

from keras_acts._backend import Tensor
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Param, Spec


@activation_function
def snake(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """A straight line plus a periodic ripple: `x + sin²(alpha · x) / alpha`.

    Learns what is periodic, and continues it outside the data: sound, seasons. Costs a sine.

    Args:
        x: Float tensor of any shape.
        alpha: Ripple frequency in radians per unit of `x`: a number, or a tensor that broadcasts to
            `x`. At 0 the value is the limit, `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:

    >>> snake([-1.0, 2.0])
    array([-0.29192656,  2.8268218 ], dtype=float32)

    Source: Ziyin, Hartwig and Ueda 2020, arXiv:2006.08195. Same as theirs.
    """
    alpha = ops.convert_to_tensor(alpha, dtype=x.dtype)
    still = alpha == 0
    frequency = ops.where(still, ops.ones_like(alpha), alpha)
    return ops.where(still, x, x + ops.square(ops.sin(frequency * x)) / frequency)


class Snake(Activation):
    """A straight line plus a periodic ripple, of learned frequency; see `keras_acts.snake`.

    Args:
        alpha: Ripple frequency at the start, or for good where `learn` does not name it; above 0.
            Defaults to `1.0`.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=snake,
        formula=r"x + \frac{\sin^2(\alpha x)}{\alpha}",
        params={"alpha": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="Ziyin, Hartwig and Ueda 2020, arXiv:2006.08195",
    )

    def __init__(
        self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)
