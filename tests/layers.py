"""The layers of the registry as the tests call them: what each needs where the others do not."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

import keras_acts as ka
from keras_acts._lookup import learned_by_default

ARGUMENTS: dict[str, dict[str, Any]] = {}
"""Constructor arguments without a default."""

RANKS: dict[str, tuple[int, ...]] = {"frelu": (4,)}
"""The ranks of input that a layer takes; all from 2 to 5 where it is not here."""

PER_LAYER = {"entmax", "gumbel_softmax"}
"""The layers whose channel axis is the one they normalise: a value a channel is not for them."""

DRAWING = {"rrelu", "gumbel_softmax"}
"""The layers that draw in training: XLA and each replica draw other numbers than eager TensorFlow."""

NORMALIZING = {"frelu", "meta_acon"}
"""The layers that normalize by their batch in training, of which a replica sees its own part only."""

SHAPES = {2: (4, 8), 3: (4, 5, 8), 4: (4, 5, 6, 8), 5: (4, 3, 2, 3, 8)}


@dataclass(frozen=True)
class Subject:
    """A layer class with the arguments it is made with.

    Args:
        cls: The class.
        arguments: The constructor's arguments.
        ranks: The ranks of input it takes.
        label: What tells it from another subject of the class.
    """

    cls: type[ka.Activation]
    arguments: dict[str, Any] = field(default_factory=dict)
    ranks: tuple[int, ...] = tuple(SHAPES)
    label: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, [self.cls.spec.name, self.label]))

    def make(self, **more: Any) -> ka.Activation:
        """A fresh layer."""
        return self.cls(**{**self.arguments, **more})

    @property
    def shape(self) -> tuple[int, ...]:
        """The smallest shape of input, batch and all."""
        return SHAPES[self.ranks[0]]

    def model(self, layer: ka.Activation | None = None, rank: int | None = None) -> keras.Model:
        """A functional model of the layer alone."""
        layer = self.make() if layer is None else layer
        inputs = keras.Input(SHAPES[rank or self.ranks[0]][1:])
        return keras.Model(inputs, layer(inputs))

    def numbers(self, rank: int | None = None) -> np.ndarray:
        """Inputs for it, the same each time."""
        return np.random.default_rng(0).normal(size=SHAPES[rank or self.ranks[0]]).astype("float32")


def subject(name: str) -> Subject:
    """The layer of that name as it is by default."""
    return Subject(ka.ACTIVATIONS[name], ARGUMENTS.get(name, {}), RANKS.get(name, tuple(SHAPES)))


def learning(name: str) -> Subject:
    """The layer of that name with each parameter learned, at the granularity that is not its default."""
    default = subject(name)
    params = default.cls.spec.params
    per_layer = name in PER_LAYER
    other = {key: "layer" if per_layer or param.per == "channel" else "channel" for key, param in params.items()}
    arguments = {**default.arguments, "learn": tuple(params), "per": other}
    return Subject(default.cls, arguments, default.ranks, label="all learned")


DEFAULT = [subject(name) for name in ka.ACTIVATIONS]
LEARNING = [learning(name) for name, cls in ka.ACTIVATIONS.items() if cls.spec.params]
LEARNED_BY_DEFAULT = [one for one in DEFAULT if learned_by_default(one.cls)]


def disturb(layer: Any) -> None:
    """Move each float weight a little upwards, so that it is none that a fresh layer would have."""
    random = np.random.default_rng(1)
    for weight in layer.weights:
        if "float" in keras.backend.standardize_dtype(weight.dtype):
            value = keras.ops.convert_to_numpy(weight).astype("float64")
            weight.assign(value + random.uniform(0.01, 0.05, value.shape))
