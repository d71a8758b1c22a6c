"""Searches that the tests of the tuners run, in a module that a process of its own can import and be killed in."""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_acts_tuning as kat

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 4)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype("int32")
SPACE = kat.ActivationSpace("relu, tanh, leaky_relu", parameters=False)


def build(hp: Any) -> keras.Model:
    """One hidden layer: which activation, how wide, how fast."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(hp.Choice("units", [4, 8])),
            SPACE(hp),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    rate = hp.Choice("learning_rate", [1e-3, 1e-2])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


SETTINGS: dict[str, dict[str, Any]] = {
    "RandomSearch": {"max_trials": 5},
    "BayesianOptimization": {"max_trials": 5, "num_initial_points": 4},
    "Hyperband": {"max_epochs": 2, "factor": 2},
    "GridSearch": {"max_trials": 5},
}
"""The four tuners, with a search of a few trials each."""


def tuner(name: str, directory: Path, hypermodel: Any = build, **changes: Any) -> Any:
    """A tuner of that name."""
    settings = {"objective": "val_loss", "executions_per_trial": 1, **SETTINGS[name], **changes}
    return getattr(kat, name)(hypermodel, directory=str(directory), project_name="search", **settings)


def search(name: str, directory: Path, **changes: Any) -> Any:
    """That tuner after its search."""
    found = tuner(name, directory, **changes)
    found.search(X, Y, validation_data=(X, Y), epochs=2, batch_size=32, verbose=0)
    return found


def results(found: Any) -> list[Any]:
    """All that must repeat: which trials ran, in which order, with which values, seeds, scores and histories."""
    trials = [found.oracle.trials[trial_id] for trial_id in found.oracle.end_order]
    return [
        (
            *(t.trial_id, t.status, t.score, t.hyperparameters.values),
            *((o.seed, o.status, o.score, o.history) for o in found.outcomes(t.trial_id)),
        )
        for t in trials
    ]


if __name__ == "__main__":
    search(sys.argv[1], Path(sys.argv[2]))
