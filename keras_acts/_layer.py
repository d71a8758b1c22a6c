"""The layer that every activation is: parameters fixed or learned, saved and loaded like Keras's own."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from keras_acts._backend import Tensor, native, to_floating
from keras_acts._errors import nearest, received
from keras_acts._function import widen
from keras_acts._spec import Granularity, Spec

ACTIVATIONS: dict[str, type["Activation"]] = {}
"""The registry: every activation's layer by the activation's name."""

_GRANULARITIES = ("channel", "layer")


class Activation(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """Base of all activation layers.

    A subclass declares `spec`, and is then registered: with the catalogue under the activation's
    name, and with Keras for saving. Its `__init__` names the activation's arguments and hands them
    on; nothing else need be written.

    Each parameter in `spec.params` is a fixed number (or a row of them), or a weight where `learn`
    names it. A weight is float32 where the layer computes in 16 bits, and is used as such. One with
    one value for the layer, or one a group, exists from construction on. One with a value for each channel
    exists from construction when `channels` is given, else from the first call or `build`; give
    `channels` when the layer is the `activation=` of another and weights are to be loaded into a
    fresh model.

    Args:
        arguments: The arguments of `spec.function` besides `x`, by name.
        learn: Names of the parameters to learn; the others stay fixed at their values.
        per: `"channel"`, `"layer"`, or how many groups of neighbouring channels share a value, for
            all learned parameters, or a dict by name. Defaults to what `spec` says for each.
        axis: The channel axis. Defaults to `-1`; `1` for channels-first images. A layer that looks at
            no channels takes it, and `channels`, too, so that one call serves every activation.
        channels: The channel count, if it is known at construction.
        initializers: Keras initializers of learned parameters, by name. By default each starts at
            its value in `arguments`.
        regularizers: Keras regularizers of learned parameters, by name.
        constraints: Keras constraints of learned parameters, by name; the bounds that `spec`
            declares hold as well.
        **kwargs: `name`, `dtype`, `trainable` and the rest of `keras.layers.Layer`'s arguments.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: An argument is not of the type needed.
        ValueError: A parameter is out of bounds, or `learn`, `per` or `axis` name nothing there is.
    """

    spec: ClassVar[Spec]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "spec" in cls.__dict__:
            package = cls.__module__.partition(".")[0]
            keras.saving.register_keras_serializable(package=package)(cls)
            taken = ACTIVATIONS.get(cls.spec.name)
            if taken is not None and taken.__module__ != cls.__module__:
                need = f"The name '{cls.spec.name}' is taken by {taken.__module__}.{taken.__name__}; choose another"
                raise ValueError(received(need, layer=f"{cls.__module__}.{cls.__name__}"))
            ACTIVATIONS[cls.spec.name] = cls

    def __init__(
        self,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        learn: Iterable[str] | str = (),
        per: Granularity | Mapping[str, Granularity] | None = None,
        axis: int = -1,
        channels: int | None = None,
        initializers: Mapping[str, Any] | None = None,
        regularizers: Mapping[str, Any] | None = None,
        constraints: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        params = self.spec.params
        owner = type(self).__name__
        arguments = dict(arguments or {})
        for name, param in params.items():
            arguments[name] = param.check(owner, name, arguments[name])
        learned = (learn,) if isinstance(learn, str) else tuple(learn)
        self._check_names("learn", learned)
        self._learned = tuple(name for name in params if name in learned)
        self._per = self._granularities(per)
        self._axis = checked_integer(owner, "axis", axis)
        self._channels = None if channels is None else checked_integer(owner, "channels", channels, at_least=1)
        self._initializers = self._by_name("initializers", initializers, keras.initializers.get)
        self._regularizers = self._by_name("regularizers", regularizers, keras.regularizers.get)
        self._constraints = self._by_name("constraints", constraints, keras.constraints.get)
        # Tuples, because Keras tracks (and wraps) dicts and lists set on a layer.
        self._arguments = tuple(arguments.items())
        for name, value in arguments.items():
            setattr(self, name, value)
        for name in self._learned:
            match self._granularity(name):
                case "channel":
                    setattr(self, name, None)
                case "layer":
                    self._create(name, ())
                case int(groups):
                    self._create(name, (groups,))
        if self._channels is not None:
            self._create_channel_weights(self._channels)

    def build(self, input_shape: Any) -> None:
        """Create the weights that have a value for each channel.

        Raises:
            ValueError: `axis` is not an axis of the input, or the channel count is unknown, differs
                from `channels`, or is no multiple of the groups that `per` names.
        """
        if any(self._granularity(name) != "layer" for name in self._learned):
            self._create_channel_weights(self._channel_count(tuple(input_shape)))

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation to `inputs`; 16-bit floats are computed in float32, and rounded once, at the end."""
        inputs = to_floating(inputs, name=type(self).__name__)
        x = widen(inputs)
        return ops.cast(self._compute(x, **self.arguments_for(x)), inputs.dtype)

    def _compute(self, x: Tensor, **arguments: Any) -> Tensor:
        assert self.spec.function is not None, "a layer without a function overrides `call` or `_compute`"
        return self.spec.function(x, **arguments)

    def arguments_for(self, inputs: Tensor) -> dict[str, Any]:
        """The function's arguments, learned ones as tensors that broadcast to `inputs`."""
        arguments = dict(self._arguments)
        for name in self._learned:
            arguments[name] = self.value(name, inputs)
        return arguments

    def value(self, name: str, inputs: Tensor) -> Tensor:
        """The learned parameter `name`, shaped so that it broadcasts to `inputs`; a row is one axis more, the last."""
        weight = ops.convert_to_tensor(getattr(self, name))
        granularity = self._granularity(name)
        if granularity == "layer":
            return weight
        if isinstance(granularity, int):
            weight = ops.repeat(weight, inputs.shape[self._axis] // granularity, axis=0)
        rank = len(inputs.shape)
        after = rank - 1 - self._axis if self._axis >= 0 else -1 - self._axis
        return ops.reshape(weight, (-1, *[1] * after, *weight.shape[1:])) if after else weight

    def _mean_over_space(self, inputs: Tensor, mask: Tensor | None) -> Tensor:
        """Each channel's mean over space and time, `(batch, channels)`, without the steps that a Keras mask hides."""
        rank = len(inputs.shape)
        channel_axis = self._axis % rank
        space = tuple(axis for axis in range(1, rank) if axis != channel_axis)
        if not space:
            return inputs
        if mask is None or len(mask.shape) > channel_axis:  # a mask is of the leading axes, and of steps only
            return native("mean")(inputs, axis=space)
        shown = ops.reshape(ops.cast(mask, "bool"), (*ops.shape(mask), *[1] * (rank - len(mask.shape))))
        shown = ops.broadcast_to(shown, ops.shape(inputs))
        share = ops.cast(shown, "float32")
        share = share / ops.clip(ops.sum(share, axis=space, keepdims=True), 1.0, math.inf)  # at most 1: no overflow
        return ops.sum(ops.where(shown, inputs, 0.0) * ops.cast(share, inputs.dtype), axis=space)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        config: dict[str, Any] = dict(super().get_config())
        if self.spec.params:
            config["learn"] = list(self._learned)
            config["per"] = dict(self._per) if self._per else None
            config["axis"] = self._axis
            config["channels"] = self._channels
            config["initializers"] = {k: keras.initializers.serialize(v) for k, v in self._initializers}
            config["regularizers"] = {k: keras.regularizers.serialize(v) for k, v in self._regularizers}
            config["constraints"] = {k: keras.constraints.serialize(v) for k, v in self._constraints}
        config.update(self._arguments)
        return config

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the parameters that are learned."""
        return self._learned

    @property
    def _channel_weights(self) -> list[str]:
        return [name for name in self._learned if self._granularity(name) == "channel"]

    def _granularity(self, name: str) -> Granularity:
        return dict(self._per).get(name, self.spec.params[name].per)

    def _create_channel_weights(self, channels: int) -> None:
        for name in self._learned:
            groups = self._granularity(name)
            if isinstance(groups, int) and channels % groups:
                need = f"`{type(self).__name__}` needs a channel count that is a multiple of the groups in `per`"
                raise ValueError(received(need, per=groups, channels=channels))
        for name in self._channel_weights:
            if getattr(self, name) is None:
                self._create(name, (channels,))
        self.input_spec = keras.layers.InputSpec(axes={self._axis: channels})

    def _create(self, name: str, shape: tuple[int, ...]) -> None:
        param = self.spec.params[name]
        start = np.asarray(self._start(name))
        constraint = dict(self._constraints).get(name)
        if math.isfinite(param.minimum) or math.isfinite(param.maximum):
            constraint = Bounded(param.minimum, param.maximum, constraint)
        weight = self.add_weight(
            shape=(*shape, *start.shape),
            name=name,
            initializer=dict(self._initializers).get(name, param.initializer or keras.initializers.Constant(start)),
            regularizer=dict(self._regularizers).get(name),
            constraint=constraint,
            autocast=False,
        )
        setattr(self, name, weight)

    def _start(self, name: str) -> Any:
        """What the weight of the parameter `name` starts at where no initializer is named: a number or a row."""
        return dict(self._arguments)[name]

    def _channel_count(self, shape: tuple[int | None, ...]) -> int:
        owner = type(self).__name__
        if not -len(shape) < self._axis < len(shape) or self._axis == 0:
            need = f"`{owner}` needs `axis` to be an axis of its input other than the batch axis"
            raise ValueError(received(need, axis=self._axis, input_shape=shape))
        count = shape[self._axis]
        if count is None:
            need = f"`{owner}` learns a value for each channel and needs their number: give the input a size on axis "
            raise ValueError(received(need + f"{self._axis}, or use per='layer'", input_shape=shape))
        if self._channels not in (None, count):
            need = f"`{owner}` needs as many channels as `channels` says"
            raise ValueError(received(need, channels=self._channels, input_shape=shape))
        return count

    def _check_names(self, argument: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.spec.params:
                has = nearest(str(name), self.spec.params) if self.spec.params else "it has none"
                need = f"`{type(self).__name__}` needs `{argument}` to name its parameters: {has}"
                raise ValueError(received(need, **{argument: name}))

    def _granularities(
        self, per: Granularity | Mapping[str, Granularity] | None
    ) -> tuple[tuple[str, Granularity], ...]:
        if per is None:
            return ()
        if not self.spec.params:
            raise ValueError(received(f"`{type(self).__name__}` needs no `per`: it has no parameters", per=per))
        by_name = dict(per) if isinstance(per, Mapping) else dict.fromkeys(self.spec.params, per)
        self._check_names("per", by_name)
        for value in by_name.values():
            groups = isinstance(value, int) and not isinstance(value, bool) and value > 0
            if not groups and value not in _GRANULARITIES:
                need = f"`{type(self).__name__}` needs `per` to be 'channel', 'layer' or a number of groups"
                raise ValueError(received(need, per=value))
        return tuple(by_name.items())

    def _by_name(
        self, argument: str, values: Mapping[str, Any] | None, get: Callable[[Any], Any]
    ) -> tuple[tuple[str, Any], ...]:
        if values is None:
            return ()
        if not isinstance(values, Mapping):
            need = f"`{type(self).__name__}` needs `{argument}` to be a dict by parameter name"
            raise TypeError(received(need, **{argument: values}))
        self._check_names(argument, values)
        return tuple((name, get(value)) for name, value in values.items() if value is not None)


@keras.saving.register_keras_serializable(package="keras_acts")
class Bounded(keras.constraints.Constraint):  # type: ignore[misc, unused-ignore]
    """Keeps a weight within bounds after each update.

    Args:
        minimum: The least value; may be `-inf`.
        maximum: The greatest value; may be `inf`.
        inner: Another Keras constraint, applied first.
    """

    def __init__(self, minimum: float = -math.inf, maximum: float = math.inf, inner: Any = None) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.inner = keras.constraints.get(inner)

    def __call__(self, w: Tensor) -> Tensor:
        """The weight `w` within the bounds."""
        if self.inner is not None:
            w = self.inner(w)
        return ops.clip(w, self.minimum, self.maximum)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "inner": keras.constraints.serialize(self.inner) if self.inner is not None else None,
        }


def checked_integer(owner: str, name: str, value: Any, at_least: int | None = None) -> int:
    """`value` as an integer.

    Raises:
        TypeError: `value` is not an integer.
        ValueError: `value` is less than `at_least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(received(f"`{owner}` needs `{name}` to be an integer", **{name: value}))
    if at_least is not None and value < at_least:
        raise ValueError(received(f"`{owner}` needs `{name}` of at least {at_least}", **{name: value}))
    return int(value)
