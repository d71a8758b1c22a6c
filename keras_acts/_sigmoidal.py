"""Functions that saturate on both sides: the logistic function, the hyperbolic tangent, their kin."""

from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Param, Spec


@activation_function
def sigmoid(x: Tensor, offset: float | Tensor = 0.0) -> Tensor:
    """The logistic function, shifted: `1 / (1 + exp(−(x − offset)))`.

    The output for one yes-or-no answer, or for several independent ones (softmax is for one answer
    among several). Between layers it saturates: its derivative is at most 1/4, so that the gradient
    of a deep stack vanishes.

    Args:
        x: Float tensor of any shape.
        offset: The `x` at which the value is 1/2: a number, or a tensor that broadcasts to `x`.
            Defaults to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:

    >>> sigmoid([-2.0, 0.0, 2.0])
    array([0.11920292, 0.5       , 0.880797  ], dtype=float32)

    Source: Verhulst 1845; as an activation, Rumelhart, Hinton and Williams 1986. `offset` is ours
    (Keras has none).
    """
    return _numerics.sigmoid(x - offset)


class Sigmoid(Activation):
    """The logistic function as a layer; see `keras_acts.sigmoid`.

    Args:
        offset: The `x` at which the value is 1/2. Defaults to `0.0`.
        learn: `("offset",)` to learn the offset. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sigmoid,
        formula=r"\frac{1}{1 + e^{-(x - \mathrm{offset})}}",
        params={"offset": Param(search=(-2.0, 2.0))},
        range=(0.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="Verhulst 1845; Rumelhart, Hinton and Williams 1986",
    )

    def __init__(self, offset: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"offset": offset}, learn=learn, **kwargs)


@activation_function
def sum_of_sigmoids(x: Tensor, n: int = 10, spacing: float = 1.0, start: float = 0.5) -> Tensor:
    """A staircase of shifted sigmoids: `Σ spacing · σ(x − start − i·spacing)` for i from 0 to n − 1.

    Many units that share their weights and differ in their offset only. The finer and the longer
    the stair, the nearer it comes to `softplus`, whose shortcut is `relu`: for teaching that step
    more than for use, since it costs `n` sigmoids (and `n` times the memory) for one softplus.

    Args:
        x: Float tensor of any shape.
        n: How many sigmoids, at least 1. Defaults to `10`.
        spacing: The distance between two offsets, and the height of each stair; above 0. Defaults
            to `1.0`.
        start: The first offset. Defaults to `0.5`; half the spacing gives the best match.

    Returns:
        A tensor of the shape and dtype of `x`, between 0 and `n · spacing`.

    Raises:
        TypeError: `x` is a tensor of integers, or `n` is not an integer.
        ValueError: `n` or `spacing` is out of bounds.

    Example:

    >>> sum_of_sigmoids([0.0, 3.0], n=20), softplus([0.0, 3.0])
    (array([0.683..., 3.046...], dtype=float32), array([0.693..., 3.048...], dtype=float32))

    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines"
    (stepped sigmoid units). Theirs has spacing 1 and no end; `spacing` and `n` are ours.
    """
    _check_stairs("sum_of_sigmoids", n, spacing)
    offsets = start + spacing * ops.arange(n, dtype=keras.backend.standardize_dtype(x.dtype))
    return spacing * ops.sum(_numerics.sigmoid(ops.expand_dims(x, -1) - offsets), axis=-1)


class SumOfSigmoids(Activation):
    """A staircase of shifted sigmoids as a layer; see `keras_acts.sum_of_sigmoids`.

    Args:
        n: How many sigmoids. Defaults to `10`.
        spacing: The distance between two offsets. Defaults to `1.0`.
        start: The first offset. Defaults to `0.5`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sum_of_sigmoids,
        formula=r"\sum_{i=0}^{n-1} \mathrm{spacing}\cdot\sigma(x - \mathrm{start} - i\cdot\mathrm{spacing})",
        range=(0.0, 10.0),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Nair and Hinton 2010 (stepped sigmoid units)",
    )

    def __init__(self, n: int = 10, spacing: float = 1.0, start: float = 0.5, **kwargs: Any) -> None:
        _check_stairs("SumOfSigmoids", n, spacing)
        super().__init__({"n": int(n), "spacing": float(spacing), "start": float(start)}, **kwargs)


def _check_stairs(owner: str, n: Any, spacing: Any) -> None:
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(received(f"`{owner}` needs `n` to be an integer", n=n))
    if n < 1:
        raise ValueError(received(f"`{owner}` needs `n` of at least 1", n=n))
    if not spacing > 0:
        raise ValueError(received(f"`{owner}` needs `spacing` above 0", spacing=spacing))


@activation_function
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent: a sigmoid that is centred on zero, from −1 to 1.

    The state of a recurrent cell, or an output between −1 and 1. Between layers it saturates as
    the sigmoid does, though its derivative at 0 is 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:

    >>> tanh([-1.0, 0.0, 1.0])
    array([-0.7615942,  0.       ,  0.7615942], dtype=float32)

    Source: LeCun et al. 1998, "Efficient BackProp", for its use as an activation.
    """
    return _numerics.tanh(x)


class Tanh(Activation):
    """The hyperbolic tangent as a layer; see `keras_acts.tanh`."""

    spec = Spec(
        function=tanh,
        formula=r"\tanh x",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="LeCun et al. 1998",
    )
