"""Gated linear units: one half of the channels is the value, the other half opens the gate it passes through."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import ActivationFunction, activation_function
from keras_acts._gated import gelu, silu
from keras_acts._layer import Activation, checked_integer
from keras_acts._lookup import get
from keras_acts._rectified import linear, relu
from keras_acts._sigmoidal import sigmoid
from keras_acts._spec import Spec
from keras_acts._structural import Projecting

_INF = float("inf")


def _gated(name: str, x: Tensor, gate: Callable[[Tensor], Tensor], axis: int) -> Tensor:
    """The first half of `x` times `gate` of the second."""
    _check_halves(name, tuple(x.shape), axis)
    value, opening = ops.split(x, 2, axis=axis)
    # `_numerics.gate`, so that a value of ±inf behind a shut gate gives 0, not NaN.
    return _numerics.gate(value, gate(opening))


def _check_halves(name: str, shape: tuple[int | None, ...], axis: int) -> int:
    rank = len(shape)
    if not -rank <= axis < rank:
        raise ValueError(received(f"`{name}` needs `axis` to be an axis of its input", axis=axis, input_shape=shape))
    size = shape[axis]
    if size is None or size % 2:
        need = f"`{name}` needs an even size on axis {axis}, half for the value and half for the gate"
        raise ValueError(received(need, input_shape=shape))
    return size // 2


@activation_function
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The gated linear unit: the first half times the sigmoid of the second, `a · σ(b)`.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> glu([3.0, 0.0])
    array([1.5], dtype=float32)

    Source: Dauphin et al. 2016, arXiv:1612.08083.
    """
    return _gated("glu", x, sigmoid, axis)


@activation_function
def gtu(x: Tensor, axis: int = -1) -> Tensor:
    """The gated tanh unit: `tanh(a) · σ(b)`.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> gtu([1.0, 0.0])
    array([0.3808], dtype=float32)

    Source: van den Oord et al. 2016, arXiv:1606.05328.
    """
    _check_halves("gtu", tuple(x.shape), axis)
    value, opening = ops.split(x, 2, axis=axis)
    return _numerics.tanh(value) * _numerics.sigmoid(opening)


@activation_function
def bilinear(x: Tensor, axis: int = -1) -> Tensor:
    """The product of the halves, with no other non-linearity: `a · b`.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> bilinear([3.0, -2.0])
    array([-6.], dtype=float32)

    Source: Mnih and Hinton 2007; Shazeer 2020, arXiv:2002.05202.
    """
    return _gated("bilinear", x, linear, axis)


@activation_function
def reglu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half times the rectified second, `a · relu(b)`.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> reglu([3.0, 2.0])
    array([6.], dtype=float32)

    Source: Shazeer 2020, arXiv:2002.05202.
    """
    return _gated("reglu", x, relu, axis)


@activation_function
def geglu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half times the `gelu` of the second.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> geglu([3.0, 2.0])
    array([5.8635], dtype=float32)

    Source: Shazeer 2020, arXiv:2002.05202.
    """
    return _gated("geglu", x, gelu, axis)


@activation_function
def swiglu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half times the `silu` of the second: the feed-forward block of most language models.

    Args:
        x: Float tensor with an even size on `axis`.
        axis: The axis to halve. Defaults to `-1`.

    Returns:
        A tensor with half the size of `x` on `axis`.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: The size on `axis` is odd, or `axis` is not an axis of `x`.

    Example:
    >>> swiglu([3.0, 2.0])
    array([5.2848], dtype=float32)

    Source: Shazeer 2020, arXiv:2002.05202.
    """
    return _gated("swiglu", x, silu, axis)


class _Halving(Activation):
    """A layer that halves an axis."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__({"axis": checked_integer(type(self).__name__, "axis", axis)}, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Check that the axis can be halved.

        Raises:
            ValueError: The size on `axis` is odd or unknown, or `axis` is not an axis of the input.
        """
        _check_halves(type(self).__name__, tuple(input_shape), self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape, halved on `axis`."""
        shape = list(input_shape)
        shape[self.axis] = _check_halves(type(self).__name__, tuple(input_shape), self.axis)
        return tuple(shape)


def _halving_spec(function: ActivationFunction[Any], formula: str, **facts: Any) -> Spec:
    defaults = {"range": (-_INF, _INF), "monotone": False, "smoothness": _INF, "elementwise": False}
    source = "Shazeer 2020, arXiv:2002.05202"
    return Spec(function=function, formula=formula, **{**defaults, "source": source, **facts})


class GLU(_Halving):
    """The gated linear unit as a layer; see `keras_acts.glu`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(glu, r"a \cdot \sigma(b)", source="Dauphin et al. 2016, arXiv:1612.08083")


class GTU(_Halving):
    """The gated tanh unit as a layer; see `keras_acts.gtu`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(
        gtu, r"\tanh(a) \cdot \sigma(b)", range=(-1.0, 1.0), source="van den Oord et al. 2016, arXiv:1606.05328"
    )


class Bilinear(_Halving):
    """The product of the halves as a layer; see `keras_acts.bilinear`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(bilinear, r"a \cdot b", source="Mnih and Hinton 2007; Shazeer 2020, arXiv:2002.05202")


class ReGLU(_Halving):
    """The first half times the rectified second as a layer; see `keras_acts.reglu`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(reglu, r"a \cdot \max(b, 0)", smoothness=0)


class GeGLU(_Halving):
    """The first half times the `gelu` of the second as a layer; see `keras_acts.geglu`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(geglu, r"a \cdot \mathrm{gelu}(b)")


class SwiGLU(_Halving):
    """The first half times the `silu` of the second as a layer; see `keras_acts.swiglu`.

    Args:
        axis: The axis to halve. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = _halving_spec(swiglu, r"a \cdot \mathrm{silu}(b)")


class GLUDense(Projecting):
    """A gated linear unit with its projection: `(x W + b) · gate(x V + c)`, any activation as the gate.

    Takes the place of a `Dense` layer and its activation. W and V are the halves of one matrix, of
    `2 · units` columns, which is what initializers see.

    Args:
        units: Size of the output's last axis. Defaults to `None`: that of the input.
        gate: An activation's name, a Keras config or a callable, as `keras_acts.get` takes it.
            Defaults to `"sigmoid"`.
        use_bias: Whether there are biases. Defaults to `True`.
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
        TypeError: `units` is not an integer, or `gate` is nothing `keras_acts.get` takes.
        ValueError: `units` is below 1, no activation has the gate's name, the gate changes the
            shape, or the channel count is unknown.

    Example:
    >>> keras.ops.shape(GLUDense(3, gate="silu")(keras.ops.ones((2, 5))))
    (2, 3)

    Source: Dauphin et al. 2016, arXiv:1612.08083; Shazeer 2020, arXiv:2002.05202.
    """

    spec = Spec(
        name="glu_dense",
        formula=r"(xW + b) \cdot \mathrm{gate}(xV + c)",
        range=(-_INF, _INF),
        monotone=False,
        smoothness=_INF,
        elementwise=False,
        source="Dauphin et al. 2016, arXiv:1612.08083; Shazeer 2020, arXiv:2002.05202",
    )

    def __init__(
        self,
        units: int | None = None,
        gate: Any = "sigmoid",
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
        units = None if units is None else checked_integer("GLUDense", "units", units, at_least=1)
        super().__init__({"units": units, "use_bias": bool(use_bias)}, **kwargs)
        self._gate_name = gate if isinstance(gate, str) else None
        self.gate = get(gate) if self._gate_name is None else get(gate, dtype=self.dtype_policy)
        self._keep_options(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.projection: Any = None
        if self._channels is not None:
            self._create_projection(self._channels)

    def build(self, input_shape: Any) -> None:
        """Create the projection, and the gate's own weights, unless they exist.

        Raises:
            ValueError: The channel count is unknown, or differs from `channels`.
        """
        channels = self._channel_count(tuple(input_shape))
        if self.projection is None:
            self._create_projection(channels)

    def _create_projection(self, channels: int) -> None:
        units = self.units or channels
        self.projection = keras.layers.Dense(
            2 * units, use_bias=self.use_bias, name="projection", dtype=self.dtype_policy, **dict(self._options)
        )
        self.projection.build((None, channels))
        if isinstance(self.gate, keras.layers.Layer) and not self.gate.built:
            self.gate.build((None, units))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: channels})

    def call(self, inputs: Tensor) -> Tensor:
        """The projected value, as far as the gate lets it through."""
        value, opening = ops.split(self.projection(inputs), 2, axis=-1)
        opened = self.gate(opening)
        if opened.shape[-1] != opening.shape[-1]:
            shapes = {"takes": tuple(opening.shape), "gives": tuple(opened.shape)}
            raise ValueError(received("`GLUDense` needs a `gate` that keeps the shape", **shapes))
        return _numerics.gate(value, opened)

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        return {**super().get_config(), "gate": self._gate_name or keras.saving.serialize_keras_object(self.gate)}
