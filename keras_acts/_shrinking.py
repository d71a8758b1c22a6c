"""Functions that set small values to zero: shrinkage, thresholds, and the winners of a layer."""

from typing import Any

from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, with_derivative
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation, checked_integer
from keras_acts._spec import Param, Spec


@activation_function
def hard_shrink(x: Tensor, threshold: float | Tensor = 0.5) -> Tensor:
    """`x` where its size exceeds a threshold, else 0.

    Removes small noise and leaves the rest as it is; jumps at the threshold.

    Args:
        x: Float tensor of any shape.
        threshold: The greatest size that is set to 0: a number, or a tensor that broadcasts to `x`.
            Defaults to `0.5`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_shrink([-2.0, 0.3, 0.7])
    array([-2. ,  0. ,  0.7], dtype=float32)

    Source: Donoho and Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage". NaN stays NaN
    (Keras: 0).
    """
    return ops.where(ops.abs(x) <= threshold, ops.zeros_like(x), x)


class HardShrink(Activation):
    """`x` where its size exceeds a threshold, else 0, as a layer; see `keras_acts.hard_shrink`.

    The threshold cannot be learned: the derivative with respect to it is 0.

    Args:
        threshold: The greatest size that is set to 0, at least 0. Defaults to `0.5`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=hard_shrink,
        formula=r"\begin{cases} x & |x| > \lambda \\ 0 & |x| \le \lambda \end{cases}",
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=-1,
        source="Donoho and Johnstone 1994",
    )

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__({"threshold": Param(at_least=0.0).check("HardShrink", "threshold", threshold)}, **kwargs)


@activation_function
def soft_shrink(x: Tensor, threshold: float | Tensor = 0.5) -> Tensor:
    """`x` moved towards 0 by a threshold, and 0 where it is smaller than that.

    The step of iterative sparse coding (the proximal map of `threshold · |x|`); unlike `hard_shrink`
    without a jump.

    Args:
        x: Float tensor of any shape.
        threshold: The distance: a number, or a tensor that broadcasts to `x`. Defaults to `0.5`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> soft_shrink([-2.0, 0.25, 0.75])
    array([-1.5 ,  0.  ,  0.25], dtype=float32)

    Source: Donoho and Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage". NaN stays NaN
    (Keras: 0).
    """
    return ops.where(ops.abs(x) <= threshold, ops.zeros_like(x), x - threshold * ops.sign(x))


class SoftShrink(Activation):
    """`x` moved towards 0 by a threshold, as a layer; see `keras_acts.soft_shrink`.

    Args:
        threshold: The distance, at least 0. Defaults to `0.5`.
        learn: `("threshold",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=soft_shrink,
        formula=r"\operatorname{sgn}(x) \max(|x| - \lambda, 0)",
        params={"threshold": Param(at_least=0.0, search=(0.05, 2.0), log=True)},
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        source="Donoho and Johnstone 1994",
    )

    def __init__(self, threshold: float = 0.5, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"threshold": threshold}, learn=learn, **kwargs)


def _tanh_squared(x: Tensor) -> Tensor:
    y = _numerics.tanh(x)
    return y * y


@with_derivative(_tanh_squared)
def _tanh_shrink(x: Tensor) -> Tensor:
    # Near 0 from the continued fraction tanh x = x/(1 + x²/(3 + x²/(5 + …))), in which nothing cancels.
    square = x * x
    rest = square / 17.0
    for odd in range(15, 1, -2):
        rest = square / (odd + rest)
    return ops.where(ops.abs(x) < 1, x * rest / (1.0 + rest), x - _numerics.tanh(x))


@activation_function
def tanh_shrink(x: Tensor) -> Tensor:
    """What `tanh` takes away: `x − tanh(x)`, nearly `x³ / 3` for small x.

    Shrinks by at most 1, smoothly.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> tanh_shrink([0.003, 2.0])
    array([0.   , 1.036], dtype=float32)

    Source: in PyTorch since its start; no paper that we could find. Right for small x too, where the
    difference itself (Keras's way) has no digit left.
    """
    return _tanh_shrink(x)


class TanhShrink(Activation):
    """What `tanh` takes away, as a layer; see `keras_acts.tanh_shrink`."""

    spec = Spec(
        function=tanh_shrink,
        formula=r"x - \tanh x",
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="PyTorch",
    )


@activation_function
def threshold(x: Tensor, threshold: float | Tensor = 0.5, default_value: float | Tensor = 0.0) -> Tensor:
    """`x` where it exceeds a threshold, else a default value.

    Args:
        x: Float tensor of any shape.
        threshold: The greatest `x` that is replaced: a number, or a tensor that broadcasts to `x`.
            Defaults to `0.5` (Keras: no default).
        default_value: What replaces it, likewise. Defaults to `0.0` (Keras: no default).

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> threshold([-1.0, 0.5, 2.0], threshold=0.5, default_value=-3.0)
    array([-3., -3.,  2.], dtype=float32)

    Source: PyTorch's, and Keras's. NaN stays NaN (Keras: the default value).
    """
    default_value = ops.convert_to_tensor(default_value, dtype=x.dtype)
    return ops.where(x <= threshold, default_value, x)


class Threshold(Activation):
    """`x` where it exceeds a threshold, else a default value, as a layer; see `keras_acts.threshold`.

    The threshold cannot be learned: the derivative with respect to it is 0.

    Args:
        threshold: The greatest input that is replaced. Defaults to `0.5`.
        default_value: What replaces it. Defaults to `0.0`.
        learn: `("default_value",)` to learn that. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=threshold,
        formula=r"\begin{cases} x & x > \theta \\ v & x \le \theta \end{cases}",
        params={"default_value": Param(search=(-1.0, 1.0))},
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=-1,
        source="PyTorch",
    )

    def __init__(
        self,
        threshold: float = 0.5,
        default_value: float = 0.0,
        *,
        learn: tuple[str, ...] | list[str] | str = (),
        **kwargs: Any,
    ) -> None:
        threshold = Param().check("Threshold", "threshold", threshold)
        super().__init__({"threshold": threshold, "default_value": default_value}, learn=learn, **kwargs)


class KWinners(Activation):
    """Keeps the largest entries along the channels, and sets the others to 0.

    Makes the output as sparse as wanted, whatever the input. An entry that ties with the last
    winner is kept as well.

    Args:
        k: How many to keep: a whole number, at least 1, or a fraction of the channels between 0 and
            1, which is rounded, up to one at least. Defaults to `0.2`.
        axis: The channel axis; `1` for channels-first images. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Example:
    >>> KWinners(k=2)(keras.ops.array([[3.0, -1.0, 2.0, 1.0]]))
    array([[3., 0., 2., 0.]], dtype=float32)

    Source: Xiao, Zhong and Zheng 2019, arXiv:1905.10510. Theirs keeps the largest of a whole layer's
    entries, ours of the channels at each place.
    """

    spec = Spec(
        name="k_winners",
        formula=r"\begin{cases} x_i & x_i \text{ among the } k \text{ largest} \\ 0 & \text{otherwise} \end{cases}",
        range=(-float("inf"), float("inf")),
        monotone=False,
        smoothness=-1,
        elementwise=False,
        source="Xiao, Zhong and Zheng 2019, arXiv:1905.10510",
    )

    def __init__(self, k: int | float = 0.2, axis: int = -1, **kwargs: Any) -> None:
        if hasattr(k, "__index__"):
            k = checked_integer("KWinners", "k", k, at_least=1)
        else:
            k = Param(above=0.0).check("KWinners", "k", k)
            if k >= 1:
                raise ValueError(received("`KWinners` needs a `k` that is no whole number to be below 1", k=k))
        super().__init__({"k": k, "axis": checked_integer("KWinners", "axis", axis)}, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Set all but the largest entries of `inputs` to 0.

        Raises:
            ValueError: `axis` is not an axis of `inputs`, or has less than `k` entries, or an
                unknown number of them.
        """
        shape = tuple(inputs.shape)
        channels = shape[self.axis] if -len(shape) <= self.axis < len(shape) else None
        if channels is None:
            need = "`KWinners` needs `axis` to be an axis of its input of known size"
            raise ValueError(received(need, axis=self.axis, input_shape=shape))
        k = self.k if isinstance(self.k, int) else max(1, round(self.k * int(channels)))
        if k > channels:
            raise ValueError(received("`KWinners` needs `k` of at most the channels", k=k, input_shape=shape))
        largest, _ = ops.top_k(ops.cast(ops.moveaxis(inputs, self.axis, -1), "float32"), k)
        last_winner = ops.moveaxis(largest[..., -1:], -1, self.axis)
        return ops.where(ops.cast(inputs, "float32") < last_winner, ops.zeros_like(inputs), inputs)
