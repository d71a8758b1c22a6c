"""Every layer trained in one model, since a graph costs seconds to compile; by halves only where that fails.

As a script, `together.py WAY`: trains the default layers eagerly and in one of the other ways of the backend in use,
and prints what went wrong by layer, as JSON.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from layers import DEFAULT, DRAWING, NORMALIZING, Subject

WAYS: dict[str, dict[str, set[str]]] = {
    "tensorflow": {"graph": set(), "compiled": DRAWING, "mirrored": DRAWING | NORMALIZING},
    "jax": {"compiled": DRAWING},
    "torch": {},
}
"""Of training on each backend but eagerly, with the layers that need not come out as they do eagerly, only finite.

`mirrored` is under `tf.distribute.MirroredStrategy` on two virtual CPUs. PyTorch compiles each function in
`test_catalogue.py`; a step of training of them all takes it longer than a gate may.
"""

STEPS = 2


def trained(
    subjects: list[Subject], scope: Callable[[], Any] = contextlib.nullcontext, **compiling: Any
) -> dict[str, list[np.ndarray]]:
    """The output and weights of each layer after a few steps of training all of them, side by side in one model."""
    keras.utils.set_random_seed(0)
    with scope():
        inputs = {subject.ranks[0]: keras.Input(subject.shape[1:]) for subject in subjects}
        # Behind a projection each, so that gradients flow through the layer, and one without weights trains too.
        projections = [keras.layers.Dense(8, use_bias=False) for _ in subjects]
        layers = [subject.make() for subject in subjects]
        outputs = [
            layer(projection(inputs[subject.ranks[0]]))
            for subject, projection, layer in zip(subjects, projections, layers, strict=True)
        ]
        flat = [keras.layers.Flatten()(output) for output in outputs]
        # One output, since each would bring a loss and a metric of its own into the graph.
        joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        model = keras.Model(list(inputs.values()), joined)
        rate = 0.01 * joined.shape[1]  # which the loss is divided by
        model.compile(keras.optimizers.SGD(rate), "mse", **compiling)
    x = [next(s for s in subjects if s.ranks[0] == rank).numbers() for rank in inputs]
    y = np.full((4, joined.shape[1]), 0.1, "float32")
    wanted, model.run_eagerly = model.run_eagerly, True
    model.test_on_batch(x, y)  # makes what has no variables yet: a graph that makes them is traced twice
    model.run_eagerly = wanted
    model.fit(x, y, batch_size=4, epochs=STEPS, shuffle=False, verbose=0)
    ends = np.cumsum([0] + [each.shape[1] for each in flat])
    found = keras.ops.convert_to_numpy(model(x))
    return {
        str(subject): [found[:, start:end], *map(keras.ops.convert_to_numpy, projection.weights + layer.weights)]
        for subject, projection, layer, start, end in zip(
            subjects, projections, layers, ends[:-1], ends[1:], strict=True
        )
    }


def by_halves(subjects: list[Subject], check: Callable[[list[Subject]], dict[str, str]]) -> dict[str, str]:
    """Check the subjects together, and in halves where that raises."""
    try:
        return check(subjects)
    except Exception as error:
        if len(subjects) == 1:
            return {str(subjects[0]): f"{type(error).__name__}: {error}"}
        halves = subjects[: len(subjects) // 2], subjects[len(subjects) // 2 :]
        return {name: text for half in halves for name, text in by_halves(half, check).items()}


def differences(
    got: dict[str, list[np.ndarray]], want: dict[str, list[np.ndarray]], excused: set[str]
) -> dict[str, str]:
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


def two_replicas() -> Callable[[], Any]:
    """The scope of a strategy with two virtual CPUs, to be made before TensorFlow does anything else."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    return strategy.scope  # type: ignore[no-any-return]


def main() -> None:
    way = sys.argv[1]
    settings: dict[str, Any] = {"jit_compile": way == "compiled"}
    if way == "mirrored":
        settings["scope"] = two_replicas()
    eager = trained(DEFAULT, run_eagerly=True)
    excused = WAYS[keras.backend.backend()][way]
    print(json.dumps(by_halves(DEFAULT, lambda some: differences(trained(some, **settings), eager, excused))))


if __name__ == "__main__":
    main()
