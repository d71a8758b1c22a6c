"""Kernel initializers that belong to an activation."""

import math
from typing import Any

import keras

from keras_acts._backend import Tensor
from keras_acts._errors import received


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
