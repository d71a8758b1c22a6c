"""How much sooner a study is done, each figure a ratio of two medians taken in turns in one run.

    python tests/benchmarks/study_speed.py                        every section
    python tests/benchmarks/study_speed.py engine --rounds 15     one section, more rounds
    python tests/benchmarks/study_speed.py study --studies 3      whole studies against KerasTuner's own loop

Absolute times depend on the machine and on what else it does; the ratios much less. Each row gives
both medians, so that they can be judged.
"""

import argparse
import dataclasses
import gc
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from keras_acts_tuning.analyse import Race
from keras_acts_tuning.arms import DEFAULT_ACTIVATIONS, Arm
from keras_acts_tuning.comparison import standing
from keras_acts_tuning.data import Data, from_arrays, split
from keras_acts_tuning.engine import Trainer
from keras_acts_tuning.execute import Execution
from keras_acts_tuning.measure import memory_in_use
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.store import Outcome
from keras_acts_tuning.study import compare
from keras_acts_tuning.tasks import cnn, mlp

BATCH, TRAINED = 32, 1437
SEEDS, EPOCHS = 5, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="which; all of them by default")
    parser.add_argument("--rounds", type=int, default=9, help="how often each side is timed")
    parser.add_argument("--restarts", type=int, default=200, help="how many seeds the memory is watched for")
    parser.add_argument("--studies", type=int, default=1, help="how often each whole study is run")
    parser.add_argument("--networks", nargs="*", choices=list(NETWORKS), default=list(NETWORKS), help="of the studies")
    parser.add_argument("--repeats", type=int, default=20, help="how many races are replayed")
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "NETWORK"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(run_side(*arguments.side)))
        return
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


def study(arguments: argparse.Namespace) -> None:
    """Whole studies on the digits, twelve activations and five seeds, against KerasTuner's GridSearch."""
    for name in arguments.networks:
        print(f"{name}: {len(DEFAULT_ACTIVATIONS)} activations x {SEEDS} seeds x {EPOCHS} epochs")
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        scores: dict[str, dict[str, list[float]]] = {}
        for _ in range(arguments.studies):
            for side in SIDES:
                result = in_new_process(side, name)
                seconds[side].append(result["seconds"])
                scores[side] = result["scores"]
        medians = {side: statistics.median(taken) for side, taken in seconds.items()}
        for side in ("one worker", "two workers"):
            ours, theirs = medians[side], medians["GridSearch"]
            print(f"  {side}: {theirs / ours:.2f} times as fast as GridSearch ({ours:.0f} s, {theirs:.0f} s)")
        assert scores["one worker"] == scores["two workers"], "workers changed a result"
        print(f"  tables: {agreement(scores['one worker'], scores['GridSearch'])}")


def races(arguments: argparse.Namespace) -> None:
    """How many trainings a race saves, over repeats of the digits study with seeds of their own.

    A trial depends on its activation and seed alone, so that each race is replayed on the trials of
    one long study: what it would have run, and whether the full study's best is among its survivors.
    """
    repeats = arguments.repeats
    with tempfile.TemporaryDirectory() as directory:
        long = compare(data="digits", seeds=SEEDS * repeats, epochs=EPOCHS, directory=directory, measure=False)
        epochs, found = [], 0
        for first in range(0, SEEDS * repeats, SEEDS):
            seeds = tuple(range(first, first + SEEDS))
            plan = dataclasses.replace(long.plan, seeds=seeds, race=True)
            outcomes = [outcome for outcome in long.outcomes if outcome.seed in seeds]
            ended, trials = replay(plan, outcomes)
            means = {arm.label: statistics.mean(long.scores(arm.label)[seed] for seed in seeds) for arm in plan.arms}
            epochs.append(trials * EPOCHS)
            found += max(means, key=lambda arm: means[arm]) in ended.survivors
    full = len(DEFAULT_ACTIVATIONS) * SEEDS * EPOCHS
    median, mean = statistics.median(epochs), statistics.mean(epochs)
    print(f"  {full} epochs without a race; with it {median:.0f} (median), {mean:.0f} (mean), {max(epochs)} (most)")
    print(f"  {full / median:.2f} (median) and {full / mean:.2f} (mean) times fewer")
    print(f"  the full study's best arm is among the survivors in {found} of {repeats} repeats")


def replay(plan: Plan, outcomes: list[Outcome]) -> tuple[Race, int]:
    """The end of a race over trials that are all known, and how many of them it took."""
    left = {(outcome.arm, outcome.seed): outcome for outcome in outcomes}
    taken: list[Outcome] = []
    while (race := standing(plan, taken)).todo:
        taken.append(left[race.todo[0]])
    return race, len(taken)


def in_new_process(side: str, network: str) -> dict[str, Any]:
    """What `run_side` says in a process of its own; only the study itself is timed, not the imports."""
    command = [sys.executable, __file__, "--side", side, network]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_side(side: str, network: str) -> dict[str, Any]:
    build, shape = NETWORKS[network]
    x, y = load_digits(return_X_y=True)
    data = from_arrays(x.reshape(-1, *shape), y, name="digits", source="scikit-learn load_digits")
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        scores = SIDES[side](build, data, directory)
        return {"seconds": time.perf_counter() - started, "scores": scores}


def with_grid_search(build: Callable[..., Any], data: Data, directory: str) -> dict[str, list[float]]:
    import keras_tuner

    parts = split(data)
    tuner = keras_tuner.GridSearch(
        lambda hp: build(Arm.parse(hp.Choice("activation", list(DEFAULT_ACTIVATIONS))), data),
        objective="val_accuracy",
        executions_per_trial=SEEDS,
        directory=directory,
    )
    tuner.search(
        parts.x_train,
        parts.y_train,
        validation_data=(parts.x_validation, parts.y_validation),
        epochs=EPOCHS,
        batch_size=BATCH,
        verbose=0,
    )
    # KerasTuner keeps the mean over the executions alone.
    return {trial.hyperparameters.get("activation"): [trial.score] for trial in tuner.oracle.trials.values()}


def with_compare(build: Callable[..., Any], data: Data, directory: str, workers: int) -> dict[str, list[float]]:
    comparison = compare(
        build,
        data,
        seeds=SEEDS,
        epochs=EPOCHS,
        batch_size=BATCH,
        directory=directory,
        measure=False,
        execution=Execution(workers=workers),
    )
    best: dict[str, list[float]] = {arm.label: [] for arm in comparison.plan.arms}
    for outcome in sorted(comparison.outcomes, key=lambda outcome: outcome.seed):
        best[outcome.arm].append(max(outcome.history["val_accuracy"]))
    return best


def agreement(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> str:
    """How far the means lie apart, in standard errors of the difference of two means of `SEEDS` seeds.

    The noise between seeds is pooled over the activations: five seeds of one say little of it.
    """
    noise = math.sqrt(statistics.mean(statistics.variance(values) for values in ours.values()))
    error = noise * math.sqrt(2 / SEEDS)
    apart = {name: abs(statistics.mean(values) - theirs[name][0]) / error for name, values in ours.items()}
    farthest = max(apart, key=lambda name: apart[name])
    within = sum(errors <= 2.0 for errors in apart.values())
    return f"{within} of {len(apart)} means within 2 standard errors; farthest {farthest}, {apart[farthest]:.1f}"


NETWORKS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "dense": (mlp, (64,)),
    "convolutions": (cnn, (8, 8, 1)),
}
SIDES: dict[str, Callable[..., dict[str, list[float]]]] = {
    "one worker": lambda *args: with_compare(*args, workers=1),
    "GridSearch": with_grid_search,
    "two workers": lambda *args: with_compare(*args, workers=2),
}


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


SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {"engine": engine, "study": study, "races": races}

if __name__ == "__main__":
    main()
