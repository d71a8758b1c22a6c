"""Layers whose output at one element depends on others: on neighbours, on the mean over space, on all channels."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_acts._backend import Tensor, largest, native
from keras_acts._errors import received
from keras_acts._layer import Activation, checked_integer
from keras_acts._learned import Curve, checked_row
from keras_acts._spec import Param, Spec

_INF = float("inf")
_KINDS = {"initializer": keras.initializers, "regularizer": keras.regularizers, "constraint": keras.constraints}


class Projecting(Activation):
    """A layer that owns a projection of the last axis, with the options of `keras.layers.Dense` for it."""

    def _keep_options(self, **options: Any) -> None:
        if self._axis != -1:
            need = f"`{type(self).__name__}` needs its channels on the last axis, as `keras.layers.Dense` does"
            raise ValueError(received(need, axis=self._axis))
        # A tuple, because Keras tracks (and wraps) dicts set on a layer.
        self._options = tuple((name, _KINDS[name.rpartition("_")[2]].get(value)) for name, value in options.items())

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape, its last axis `units` long."""
        return (*input_shape[:-1], self.units or input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        options = {name: _KINDS[name.rpartition("_")[2]].serialize(value) for name, value in self._options}
        return {**super().get_config(), **options}


class Maxout(Projecting):
    """The largest of `k` affine functions of the input: an activation and its projection in one.

    With enough pieces it approximates any convex function, so that the network learns its own
    activation. Takes the place of a `Dense` layer and its activation, at `k` times the weights.

    Args:
        units: Size of the output's last axis. Defaults to `None`: that of the input.
        k: How many affine pieces, at least 1. Defaults to `2`.
        use_bias: Whether each piece has a bias. Defaults to `True`.
        kernel_initializer: Keras initializer of the kernel. Defaults to `"glorot_uniform"`.
        bias_initializer: Keras initializer of the bias. Defaults to `"zeros"`.
        kernel_regularizer: Keras regularizer of the kernel. Defaults to `None`.
        bias_regularizer: Keras regularizer of the bias. Defaults to `None`.
        kernel_constraint: Keras constraint of the kernel. Defaults to `None`.
        bias_constraint: Keras constraint of the bias. Defaults to `None`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …, channels)`.
    Output shape: `(batch, …, units)`.

    Raises:
        TypeError: `units` or `k` is not an integer.
        ValueError: `units` or `k` is below 1, or the channel count is unknown.

    Example:
    >>> keras.ops.shape(Maxout(3)(keras.ops.ones((2, 5))))
    (2, 3)

    Source: Goodfellow et al. 2013, arXiv:1302.4389.
    """

    spec = Spec(
        name="maxout",
        formula=r"\max_{i \le k}\ (W_i x + b_i)",
        range=(-_INF, _INF),
        monotone=False,
        smoothness=0,
        elementwise=False,
        source="Goodfellow et al. 2013, arXiv:1302.4389",
    )

    def __init__(
        self,
        units: int | None = None,
        k: int = 2,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        units = None if units is None else checked_integer("Maxout", "units", units, at_least=1)
        k = checked_integer("Maxout", "k", k, at_least=1)
        super().__init__({"units": units, "k": k, "use_bias": bool(use_bias)}, **kwargs)
        self._keep_options(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.kernel: Any = None
        self.bias: Any = None
        if self._channels is not None:
            self._create_pieces(self._channels)

    def build(self, input_shape: Any) -> None:
        """Create the kernels, `(k, channels, units)`, and the biases, `(k, units)`, unless they exist.

        Raises:
            ValueError: The channel count is unknown, or differs from `channels`.
        """
        channels = self._channel_count(tuple(input_shape))
        if self.kernel is None:
            self._create_pieces(channels)

    def _create_pieces(self, channels: int) -> None:
        units, options = self.units or channels, dict(self._options)
        self.kernel = self._pieces("kernel", (channels, units), options)
        self.bias = self._pieces("bias", (units,), options) if self.use_bias else None
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: channels})

    def _pieces(self, name: str, shape: tuple[int, ...], options: dict[str, Any]) -> Any:
        # Each piece is drawn by itself, so that an initializer sees the fan-in and fan-out of one.
        draws = [_seeded_apart(options[f"{name}_initializer"], i) for i in range(self.k)]
        return self.add_weight(
            name=name,
            shape=(self.k, *shape),
            initializer=lambda _, dtype: ops.stack([draw(shape, dtype=dtype) for draw in draws]),
            regularizer=options[f"{name}_regularizer"],
            constraint=options[f"{name}_constraint"],
        )

    def call(self, inputs: Tensor) -> Tensor:
        """The largest piece, element by element."""
        # Not by `keras.ops.matmul`, which makes float64 float32 on PyTorch.
        pieces = [inputs @ self.kernel[i] for i in range(self.k)]
        return _maximum(pieces if self.bias is None else [piece + self.bias[i] for i, piece in enumerate(pieces)])


class FReLU(Activation):
    """The funnel rectifier: the larger of a pixel and what its neighbourhood says, `max(x, T(x))`.

    T is a depthwise convolution with batch normalization: a condition that sees space, for images.

    Args:
        kernel_size: Height and width of the neighbourhood, odd or even. Defaults to `3`.
        axis: The channel axis: `-1`, or `1` for channels first. Defaults to `-1`.
        kernel_initializer: Keras initializer of the depthwise kernel. Defaults to
            `"glorot_uniform"`; the paper names none.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, height, width, channels)`; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `kernel_size` is not an integer.
        ValueError: `kernel_size` is below 1, or the input is not of rank 4.

    Example:
    >>> keras.ops.shape(FReLU()(keras.ops.ones((2, 8, 8, 3))))
    (2, 8, 8, 3)

    Source: Ma, Zhang and Sun 2020, arXiv:2007.11824. Not the "flexible" rectifier relu(x) + b of
    arXiv:1706.08098, which has the same short name.
    """

    spec = Spec(
        name="frelu",
        formula=r"\max(x,\ T(x))",
        range=(-_INF, _INF),
        monotone=False,
        smoothness=0,
        elementwise=False,
        initializer="he_normal",
        source="Ma, Zhang and Sun 2020, arXiv:2007.11824",
    )

    def __init__(
        self, kernel_size: int = 3, *, axis: int = -1, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        kernel_size = checked_integer("FReLU", "kernel_size", kernel_size, at_least=1)
        super().__init__({"kernel_size": kernel_size, "axis": axis}, axis=axis, **kwargs)
        self._kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any) -> None:
        """Create the convolution and its normalization.

        Raises:
            ValueError: The input is not of rank 4, `axis` is not an axis of it, or the channel count
                is unknown.
        """
        shape = tuple(input_shape)
        if len(shape) != 4:
            need = "`FReLU` needs images, of shape (batch, height, width, channels)"
            raise ValueError(received(need, input_shape=shape))
        channels = self._channel_count(shape)
        self.convolution = keras.layers.DepthwiseConv2D(
            self.kernel_size,
            padding="same",
            use_bias=False,
            depthwise_initializer=self._kernel_initializer,
            # Channels last whatever the input: TensorFlow convolves no other way on a CPU.
            data_format="channels_last",
            name="convolution",
            dtype=self.dtype_policy,
        )
        self.normalization = keras.layers.BatchNormalization(name="normalization", dtype=self.dtype_policy)
        for layer in (self.convolution, self.normalization):
            layer.build((None, None, None, channels))
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={self._axis: channels})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Apply the activation; `training` chooses the normalization's statistics."""
        images = ops.moveaxis(inputs, self._axis, -1)
        condition = self.normalization(self.convolution(images), training=training)
        return _maximum([inputs, ops.moveaxis(condition, -1, self._axis)])

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        initializer = keras.initializers.serialize(self._kernel_initializer)
        return {**super().get_config(), "kernel_initializer": initializer}


class DyReLU(Activation):
    """A rectifier whose slopes depend on the example: `max over j of (a_j(x) · x_c + b_j(x))`.

    A small network on the mean over space chooses the coefficients. At the start it is close to
    `relu` (slopes 1 and 0).

    Args:
        k: How many lines, at least 1. Defaults to `2`.
        reduction: The hidden layer of the small network has this many times fewer units than there
            are channels. Defaults to `4`; the paper's code has 4, its text 8.
        variant: `"B"`, lines of its own for each channel; `"A"`, the same for all. Defaults to `"B"`.
        axis: The channel axis. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …, channels)`; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `k` or `reduction` is not an integer.
        ValueError: `k` or `reduction` is below 1, or `variant` is neither.

    Example:
    >>> keras.ops.shape(DyReLU()(keras.ops.ones((2, 8, 8, 3))))
    (2, 8, 8, 3)

    Source: Chen et al. 2020, arXiv:2003.10027: variants A and B, with its ranges of 1 for the slopes
    and ½ for the intercepts.
    """

    spec = Spec(
        name="dyrelu",
        formula=r"\max_{j \le k}\ (a_j(x)\,x_c + b_j(x))",
        range=(-_INF, _INF),
        monotone=False,
        smoothness=0,
        elementwise=False,
        initializer="he_normal",
        source="Chen et al. 2020, arXiv:2003.10027",
    )

    def __init__(self, k: int = 2, reduction: int = 4, variant: str = "B", *, axis: int = -1, **kwargs: Any) -> None:
        k = checked_integer("DyReLU", "k", k, at_least=1)
        reduction = checked_integer("DyReLU", "reduction", reduction, at_least=1)
        if variant not in ("A", "B"):
            raise ValueError(received("`DyReLU` needs `variant` to be 'A' or 'B'", variant=variant))
        super().__init__({"k": k, "reduction": reduction, "variant": variant, "axis": axis}, axis=axis, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Create the small network.

        Raises:
            ValueError: `axis` is not an axis of the input, or the channel count is unknown.
        """
        channels = self._channel_count(tuple(input_shape))
        hidden = max(1, channels // self.reduction)
        lines = 2 * self.k * (channels if self.variant == "B" else 1)
        self.squeeze = keras.layers.Dense(hidden, "relu", name="squeeze", dtype=self.dtype_policy)
        self.excite = keras.layers.Dense(lines, "sigmoid", name="excite", dtype=self.dtype_policy)
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={self._axis: channels})

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply the activation; the mean is over the steps that `mask` shows."""
        rank = len(inputs.shape)
        channel_axis = self._axis % rank
        residuals = 2.0 * self.excite(self.squeeze(self._mean_over_space(inputs, mask))) - 1.0
        of_each = inputs.shape[channel_axis] if self.variant == "B" else 1
        shape = (-1, *(of_each if axis == channel_axis else 1 for axis in range(1, rank)))
        parts = [ops.reshape(part, shape) for part in ops.split(residuals, 2 * self.k, axis=-1)]
        lines = [
            inputs * (parts[j] + (1.0 if j == 0 else 0.0))
            + 0.5 * parts[self.k + j]  # line 0 starts as x, the others as 0
            for j in range(self.k)
        ]
        return _maximum(lines)


class PolyNorm(Curve):
    """A sum of normalized powers: `Σ w_i · x^i / rms(x^i) + b` for i from 1 to the order.

    The mean square of each power is taken over the channels, so that no power runs away. For the
    feed-forward blocks of transformers.

    Args:
        order: The highest power, at least 1. Defaults to `3`.
        epsilon: Added to the mean square, above 0. Defaults to `1e-6`.
        weight: The weight of each power at the start, or for good where `learn` does not name it: a
            number for each, or one for all. Defaults to `None`: one over the order.
        bias: What is added, likewise. Defaults to `0.0`.
        learn: Which of the two to learn. Defaults to both, one set for the layer.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …, channels)`; any size may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `order` is not an integer, or `weight` not numbers.
        ValueError: `order` is below 1, `epsilon` is not above 0, or the weights are not so many.

    Example:
    >>> keras.ops.shape(PolyNorm()(keras.ops.ones((2, 5))))
    (2, 5)

    Source: Zhuo et al. 2024, arXiv:2411.03884: three powers, each weight starting at ⅓, b at 0.
    """

    spec = Spec(
        name="polynorm",
        formula=r"\sum_{i=1}^{3} w_i \frac{x^i}{\mathrm{rms}(x^i)} + b",
        params={"weight": Param(row=True, per="layer"), "bias": Param(per="layer")},
        range=(-_INF, _INF),
        monotone=False,
        smoothness=_INF,
        elementwise=False,
        source="Zhuo et al. 2024, arXiv:2411.03884",
    )

    def __init__(
        self,
        order: int = 3,
        epsilon: float = 1e-6,
        weight: float | Sequence[float] | None = None,
        bias: float = 0.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("weight", "bias"),
        **kwargs: Any,
    ) -> None:
        order = checked_integer("PolyNorm", "order", order, at_least=1)
        if not epsilon > 0:
            raise ValueError(received("`PolyNorm` needs `epsilon` above 0", epsilon=epsilon))
        row = checked_row("PolyNorm", "weight", 1.0 / order if weight is None else weight, order)
        arguments = {"order": order, "epsilon": float(epsilon), "weight": row, "bias": bias}
        super().__init__(arguments, learn=learn, **kwargs)

    def _curve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        # In units of the largest, so that no power overflows. Any unit does, for value and derivatives.
        most = ops.stop_gradient(largest(ops.abs(x), (self._axis,)))
        unit = ops.where(ops.isfinite(most) & (most > 1.0), most, 1.0)
        x = x / unit
        power, epsilon = x, self.epsilon / unit / unit
        total = bias
        for i in range(self.order):
            mean_square = native("mean")(ops.square(power), axis=self._axis, keepdims=True)
            total = total + weight[..., i] * power * ops.rsqrt(mean_square + epsilon)
            power, epsilon = power * x, epsilon / unit / unit
        return total


def _seeded_apart(initializer: Any, i: int) -> Any:
    """A copy of an initializer; one with a seed of its own gets another seed for each `i`."""
    config = initializer.get_config()
    if isinstance(config.get("seed"), int):
        config["seed"] += i
    return type(initializer).from_config(config)


def _maximum(tensors: list[Tensor]) -> Tensor:
    """The elementwise maximum, whose derivative at a tie is the first one's on every backend."""
    largest = tensors[0]
    for tensor in tensors[1:]:
        largest = ops.where(tensor > largest, tensor, largest)
    return largest
