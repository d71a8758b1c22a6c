"""Kernel initializers that belong to an activation, and the scale they take from it."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._layer import Activation
from keras_acts._lookup import get, is_elementwise


@keras.saving.register_keras_serializable(package="keras_acts")
class SirenInitializer(keras.initializers.Initializer):  # type: ignore[misc, unused-ignore]
    """The start of a network of `sine` layers: what goes into each sine has variance 1 at any depth.

    Uniform within ±1/fan-in for the first layer, and within ±√(6/fan-in)/omega for the others.

    Args:
        omega: The angular frequency of the `sine` after the layer, above 0. Defaults to `30.0`.
        first: Whether the layer is the network's first. Defaults to `False`.
        seed: Seed of the draw, or `None` for a new one each time a layer is made. Defaults to `None`.

    Raises:
        ValueError: `omega` is not above 0.

    Example:
    >>> dense = keras.layers.Dense(64, kernel_initializer=SirenInitializer(first=True))

    Source: Sitzmann et al. 2020, arXiv:2006.09661, section 3.2.
    """

    def __init__(self, omega: float = 30.0, first: bool = False, seed: int | None = None) -> None:
        if not omega > 0:
            raise ValueError(received("`SirenInitializer` needs `omega` above 0", omega=omega))
        self.omega = float(omega)
        self.first = bool(first)
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        """Weights of `shape`, whose last axis is the layer's units."""
        fan_in = max(1, math.prod(shape[:-1]))
        limit = 1.0 / fan_in if self.first else math.sqrt(6.0 / fan_in) / self.omega
        return keras.initializers.RandomUniform(-limit, limit, seed=self.seed)(shape, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"omega": self.omega, "first": self.first, "seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_acts")
class GainInitializer(keras.initializers.VarianceScaling):  # type: ignore[misc, unused-ignore]
    """Random weights scaled for the activation *before* their layer, so that variance stays the same.

    A layer's sums then have the variance of the sums that its inputs were made from, at any depth:
    what `he_normal` does for `relu` and `lecun_normal` for `selu`, for any elementwise activation. The
    variance of the weights is `gain(activation)² / fan`.

    Args:
        activation: An activation as `gain` takes it. Defaults to `"relu"`.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`. Defaults to `"fan_in"`.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`. Defaults to
            `"truncated_normal"`.
        seed: Seed of the draw, or `None` for a new one each time a layer is made. Defaults to `None`.

    Raises:
        TypeError: `activation` is nothing `keras_acts.get` takes.
        ValueError: The activation mixes units, or gives 0 or no finite number for normal inputs.

    Example:
    >>> GainInitializer("relu").get_config()["mode"]
    'fan_in'
    >>> dense = keras.layers.Dense(64, kernel_initializer=GainInitializer("mish"))

    Source: He et al. 2015, arXiv:1502.01852, for `relu`; Bingham and Miikkulainen 2021,
    arXiv:2109.08958, for any function (theirs centres the outputs too).
    """

    def __init__(
        self,
        activation: Any = "relu",
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(gain(activation) ** 2, mode, distribution, seed)
        self.activation = activation

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        plain = isinstance(self.activation, (str, dict))
        return {
            "activation": self.activation if plain else keras.saving.serialize_keras_object(self.activation),
            **{name: config[name] for name in ("mode", "distribution", "seed")},
        }


def gain(activation: Any) -> float:
    """What weights are to be multiplied by after an activation, so that variance stays the same.

    `1 / √E[f(z)²]` for normal z of mean 0 and variance 1: √2 for `relu`, 1 for `selu`. Weights of
    variance `gain² / fan_in` make sums of variance 1 out of the outputs of units whose own sums had
    variance 1.

    Args:
        activation: A name, a Keras config or a callable, as `keras_acts.get` takes it. Of a layer with
            learned parameters, the values that it has now count, on average over channels.

    Raises:
        TypeError: `activation` is nothing `keras_acts.get` takes.
        ValueError: The activation mixes units, or gives 0 or no finite number for normal inputs.

    Example:
    >>> gain("relu"), gain(keras.activations.tanh)
    (1.4142, 1.5925)

    Source: He et al. 2015, arXiv:1502.01852, equation 10, for any function in place of `relu`.
    """
    found = get(activation)
    if not is_elementwise(found):
        raise ValueError(received("`gain` needs an activation that does not mix units", activation=activation))
    function, channels = _at_rest(found)
    z = np.linspace(-10.0, 10.0, 20_001)  # even steps: exact to 1e-7 for smooth functions, and for kinks at a step
    density = np.exp(-0.5 * z * z)
    points = ops.convert_to_tensor(np.repeat(z[:, None], channels, axis=1), "float32")
    values = ops.convert_to_numpy(function(points)).astype("float64")
    moment = float(density @ np.mean(values**2, axis=1) / density.sum())
    if not 0.0 < moment < math.inf:
        raise ValueError(received("`gain` needs an activation with a mean square above 0", mean_square=moment))
    return 1.0 / math.sqrt(moment)


def _at_rest(activation: Any) -> tuple[Callable[[Tensor], Tensor], int]:
    """A function of `(points, channels)`, and how many channels: a layer as a copy of its own."""
    if not isinstance(activation, Activation):
        return activation, 1
    shapes = [weight.shape for weight in activation.weights]
    channels = max([shape[0] for shape in shapes if shape], default=1)
    config = activation.get_config()
    copy = type(activation).from_config({**config, "axis": -1} if "axis" in config else config)
    copy.build((None, channels))
    if len(copy.weights) == len(shapes):  # else it has not seen its channels yet, and starts as the copy does
        copy.set_weights(activation.get_weights())
    return copy, channels
