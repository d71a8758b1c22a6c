"""A cell: its seeds share a compiled model where that is exact, and what each gives is what it gives alone."""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_acts_tuning as kat
from keras_acts_tuning import cell as cells
from keras_acts_tuning.cell import Cell
from keras_acts_tuning.data import split

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")


def cell(build: Any, seeds: tuple[int, ...] = (0, 1, 2, 3)) -> Cell:
    return Cell(kat.Arm.of("relu"), seeds, build, TOY, split(TOY, seed=0), 2, 32, "loss", "min")


def network(units: int = 4, loss: Any = "sparse_categorical_crossentropy") -> keras.Model:
    stack = [keras.Input((4,)), layers.Dense(units, "tanh"), layers.Dense(2, "softmax")]
    model = keras.Sequential(stack)
    model.compile("adam", loss)
    return model


def scaled(factor: Any) -> Callable[..., Any]:
    """A loss that holds a number where no config shows it."""
    return lambda y, p: factor * keras.losses.sparse_categorical_crossentropy(y, p)


DRAWING = {
    "a width, from NumPy": lambda: network(units=int(np.random.choice([2, 4]))),
    "a width, from Python": lambda: network(units=random.choice([2, 4])),
    "a factor, from NumPy": lambda: network(loss=scaled(np.random.uniform())),
    "a factor, from Python": lambda: network(loss=scaled(random.uniform(0.0, 1.0))),
    "a factor, from Keras": lambda: network(loss=scaled(float(keras.random.uniform(())))),
    "weights alone": network,
}


@pytest.mark.parametrize("build", DRAWING.values(), ids=DRAWING.keys())
def test_a_seed_gives_what_it_gives_alone(build: Callable[[], keras.Model]) -> None:
    together = [(o.status, o.reason, o.score, o.history) for o in cells.run(cell(build))]
    assert {status for status, *_ in together} == {"completed"}
    apart = [outcome for seed in range(4) for outcome in cells.run(cell(build, (seed,)))]
    assert together == [(o.status, o.reason, o.score, o.history) for o in apart]


@pytest.mark.parametrize(("build", "compiled"), [("weights alone", 1), ("a factor, from NumPy", 4)])
def test_seeds_share_a_compiled_model_where_that_is_exact(build: str, compiled: int, trainers: list[Any]) -> None:
    assert len(list(cells.run(cell(DRAWING[build])))) == 4
    assert len(trainers) == compiled
