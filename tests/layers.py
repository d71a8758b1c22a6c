"""What each layer of the registry needs, where that is not what every other one takes."""

from typing import Any

import keras_acts as ka

ARGUMENTS: dict[str, dict[str, Any]] = {}
"""Constructor arguments without a default."""

RANKS: dict[str, tuple[int, ...]] = {}
"""The ranks of input that a layer takes; all from 2 to 5 where it is not here."""

SHAPES = {2: (4, 8), 3: (4, 5, 8), 4: (4, 5, 6, 8), 5: (4, 3, 2, 3, 8)}


def make(name: str, **arguments: Any) -> ka.Activation:
    """A fresh layer of that name."""
    return ka.ACTIVATIONS[name](**{**ARGUMENTS.get(name, {}), **arguments})


def ranks(name: str) -> tuple[int, ...]:
    """The ranks of input the layer takes."""
    return RANKS.get(name, tuple(SHAPES))


def shape(name: str) -> tuple[int, ...]:
    """The smallest input shape the layer takes, batch and all."""
    return SHAPES[ranks(name)[0]]
