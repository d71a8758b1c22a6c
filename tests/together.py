"""Many layers trained in one model, since a graph costs seconds to compile; by halves only where that fails.

As a script: trains the default layers eagerly and in each other way of the backend in use (TensorFlow: in a graph,
compiled by XLA, and under `tf.distribute.MirroredStrategy` on two virtual CPUs; JAX and PyTorch: compiled), and prints
what went wrong by way and layer, as JSON.
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from layers import DEFAULT, DRAWING, NORMALIZING, Subject

Outcome = dict[str, str]
"""What went wrong, by subject; empty where nothing did."""

TENSORFLOW = keras.backend.backend() == "tensorflow"

WAYS: dict[str, set[str]] = {"compiled": DRAWING, "graph": set(), "mirrored": DRAWING | NORMALIZING}
"""Of training, with the layers that need not come out as they do eagerly, only finite."""
if not TENSORFLOW:
    WAYS = {"compiled": set() if keras.backend.backend() == "torch" else DRAWING}


def trained(
    subjects: list[Subject], scope: Callable[[], Any] = contextlib.nullcontext, **compiling: Any
) -> dict[str, list[np.ndarray]]:
    """The output and weights of each layer after two steps of training all of them, side by side in one model."""
    keras.utils.set_random_seed(0)
    with scope():
        inputs = {subject.ranks[0]: keras.Input(subject.shape[1:]) for subject in subjects}
        # Behind a projection each, so that gradients flow through the layer, and one without weights trains too.
        projections = [keras.layers.Dense(8) for _ in subjects]
        layers = [subject.make() for subject in subjects]
        outputs = [
            layer(projection(inputs[subject.ranks[0]]))
            for subject, projection, layer in zip(subjects, projections, layers, strict=True)
        ]
        model = keras.Model(list(inputs.values()), outputs)
        model.compile(keras.optimizers.SGD(0.01), loss=["mse"] * len(subjects), **compiling)
    x = [next(s for s in subjects if s.ranks[0] == rank).numbers() for rank in inputs]
    y = [np.full((4, *output.shape[1:]), 0.1, "float32") for output in outputs]
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    found = model(x)
    return {
        str(subject): [keras.ops.convert_to_numpy(a) for a in (value, *projection.weights, *layer.weights)]
        for subject, value, projection, layer in zip(subjects, found, projections, layers, strict=True)
    }


def by_halves(subjects: list[Subject], check: Callable[[list[Subject]], Outcome]) -> Outcome:
    """Check the subjects together, and in halves where that raises."""
    try:
        return check(subjects)
    except Exception as error:
        if len(subjects) == 1:
            return {str(subjects[0]): f"{type(error).__name__}: {error}"}
        halves = subjects[: len(subjects) // 2], subjects[len(subjects) // 2 :]
        return {name: text for half in halves for name, text in by_halves(half, check).items()}


def differences(got: dict[str, list[np.ndarray]], want: dict[str, list[np.ndarray]], excused: set[str]) -> Outcome:
    """What differs, by subject; those excused need to be finite only."""
    outcome = {}
    for name, arrays in got.items():
        try:
            for a, b in zip(arrays, want[name], strict=True):
                assert np.isfinite(a).all()
                if name not in excused:
                    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        except AssertionError as error:
            outcome[name] = str(error)
    return outcome


def main() -> None:
    settings: dict[str, dict[str, Any]] = {"compiled": {"jit_compile": True}, "graph": {"jit_compile": False}}
    if TENSORFLOW:
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        assert strategy.num_replicas_in_sync == 2
        settings["mirrored"] = {"jit_compile": False, "scope": strategy.scope}
    eager = trained(DEFAULT, run_eagerly=True)
    outcome = {}
    for way, excused in WAYS.items():
        outcome[way] = by_halves(
            DEFAULT,
            lambda subjects, way=way, excused=excused: differences(trained(subjects, **settings[way]), eager, excused),
        )
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
