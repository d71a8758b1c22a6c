"""Functions whose outputs along an axis are probabilities: the output side of a classifier."""

from typing import Any

import keras
from keras import ops

from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Spec


@activation_function
def softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Probabilities from scores: `exp(x) / Σ exp(x)` along an axis.

    The output for one answer among several. For a yes-or-no answer, or several independent ones,
    take `sigmoid`: softmax over one unit is always 1.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:

    >>> softmax([[0.0, 0.0, 0.0, 0.0]])
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)

    Source: Bridle 1990.
    """
    rank = len(x.shape)
    for one in axis if isinstance(axis, (tuple, list)) else (axis,):
        if not -rank <= one < rank:
            raise ValueError(received("`softmax` needs `axis` to be an axis of `x`", axis=axis, shape=tuple(x.shape)))
    powers = ops.exp(x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True)))
    return powers / ops.sum(powers, axis=axis, keepdims=True)


class Softmax(Activation):
    """Probabilities from scores as a layer; see `keras_acts.softmax`.

    Called with a `mask` (boolean, broadcastable to the input, `True` to keep), entries that are
    masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=softmax,
        formula=r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=float("inf"),
        role="output",
        elementwise=False,
        source="Bridle 1990",
    )

    def __init__(self, axis: int | list[int] | tuple[int, ...] = -1, **kwargs: Any) -> None:
        super().__init__({"axis": axis if isinstance(axis, int) else tuple(axis)}, **kwargs)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply softmax to `inputs`, leaving out what `mask` hides.

        Raises:
            ValueError: `mask` does not broadcast to `inputs`.
        """
        if mask is None:
            return softmax(inputs, axis=self.axis)
        wanted, given = tuple(inputs.shape), tuple(mask.shape)
        pairs = zip(reversed(given), reversed(wanted), strict=False)
        if len(given) > len(wanted) or any(None not in (m, n) and m not in (1, n) for m, n in pairs):
            raise ValueError(
                received("`Softmax` needs a `mask` that broadcasts to its input", mask=given, input=wanted)
            )
        keep = ops.cast(mask, "bool")
        # A finite score, so that a slice with nothing to keep is spread evenly rather than NaN.
        lowest = float(ops.finfo(keras.backend.standardize_dtype(inputs.dtype)).min) if hasattr(ops, "finfo") else -3e38
        scores = ops.where(keep, inputs, ops.full_like(inputs, lowest))
        return softmax(scores, axis=self.axis)
