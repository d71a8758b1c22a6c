"""How much sooner a study is done, each figure a ratio of two medians taken in turns in one run.

    python tests/benchmarks/study_speed.py                        every section
    python tests/benchmarks/study_speed.py engine --rounds 15     one section, more rounds

Absolute times depend on the machine and on what else it does; the ratios much less. Each row gives
both medians, so that they can be judged.
"""

import argparse
import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from keras_acts_tuning.cell import memory_in_use
from keras_acts_tuning.engine import Trainer

BATCH, TRAINED = 32, 1437


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="which; all of them by default")
    parser.add_argument("--rounds", type=int, default=9, help="how often each side is timed")
    parser.add_argument("--restarts", type=int, default=200, help="how many seeds the memory is watched for")
    arguments = parser.parse_args()
    packages = ("keras", "tensorflow-cpu", "tensorflow", "jax", "torch", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in packages if version(name))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, {versions}; Keras on {keras.backend.backend()}\n")
    for name in arguments.sections or SECTIONS:
        print(f"== {name}")
        SECTIONS[name](arguments)


def engine(arguments: argparse.Namespace) -> None:
    """The training engine against `fit`, on scikit-learn's digits."""
    against_fit("dense 64-128-128-10", dense, (64,), arguments.rounds)
    against_fit("convolutions 32-32-64", convolutional, (8, 8, 1), arguments.rounds)
    memory(arguments.restarts)


def against_fit(name: str, build: Callable[[], keras.Model], shape: tuple[int, ...], rounds: int) -> None:
    x, y = digits(shape)
    train, epochs = (x[:TRAINED], y[:TRAINED]), 10
    both = {"validation_data": (x[TRAINED:], y[TRAINED:]), "batch_size": BATCH}
    print(name)

    steady, fitted = Trainer(build(), *train, batch_size=BATCH), build()
    against(
        f"an epoch of {-(-TRAINED // BATCH)} steps",
        lambda: steady.train(1, seed=0),
        "fit",
        lambda: fitted.fit(*train, batch_size=BATCH, verbose=0),
        rounds,
    )
    against(
        "a new model, one epoch and validation",
        lambda: Trainer(build(), *train, **both).train(1, seed=0),
        "fit",
        lambda: build().fit(*train, **both, verbose=0),
        rounds,
    )
    trainer = Trainer(build(), *train, **both)
    against(
        f"a further seed, {epochs} epochs and validation",
        lambda: (trainer.restart_from(build()), trainer.train(epochs, seed=1)),
        "fit",
        lambda: build().fit(*train, **both, epochs=epochs, verbose=0),
        rounds,
    )
    outside = statistics.median(overhead_s(trainer, build(), epochs) for _ in range(rounds))
    print(f"  outside the epochs of a further seed: {1e3 * outside:.3g} ms")


def overhead_s(trainer: Trainer, fresh: keras.Model, epochs: int) -> float:
    """Seconds of a restart and a training that are not its epochs."""
    started = time.perf_counter()
    trainer.restart_from(fresh)
    training = trainer.train(epochs, seed=0)
    return time.perf_counter() - started - training.train_s - training.validate_s


def memory(restarts: int) -> None:
    """What the process holds after `restarts` seeds, against after a tenth of them."""
    x, y = digits((64,))
    trainer = Trainer(dense(), x, y, batch_size=BATCH)
    held = []
    for seed in range(restarts):
        trainer.restart_from(dense())
        trainer.train(1, seed=seed)
        if seed + 1 in (restarts // 10, restarts):
            gc.collect()
            held.append((memory_in_use() or float("nan")) / 2**20)
    early, late = held
    print(
        f"memory after {restarts} seeds: {late / early:.3f} of after {restarts // 10} ({late:.0f} MiB, {early:.0f} MiB)"
    )


def against(what: str, ours: Callable[[], Any], rival: str, theirs: Callable[[], Any], rounds: int) -> None:
    """Time two sides in turns, after a call of each that does not count, and print the ratio of their medians."""
    seconds: dict[Callable[[], Any], list[float]] = {ours: [], theirs: []}
    for number in range(rounds + 1):
        for side, taken in seconds.items():
            started = time.perf_counter()
            side()
            if number:
                taken.append(time.perf_counter() - started)
    our_s, their_s = (statistics.median(taken) for taken in seconds.values())
    print(f"  {what}: {their_s / our_s:.2f} times as fast as {rival} ({1e3 * our_s:.3g} ms, {1e3 * their_s:.3g} ms)")


def digits(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return (x / 16.0).astype("float32").reshape(-1, *shape), y


def dense() -> keras.Model:
    return classifier(keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(128, "relu"))


def convolutional() -> keras.Model:
    return classifier(
        keras.Input((8, 8, 1)),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
    )


def classifier(*stack: Any) -> keras.Model:
    model = keras.Sequential([*stack, layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {"engine": engine}

if __name__ == "__main__":
    main()
