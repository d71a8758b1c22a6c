"""What a training gave and what it took, and the clock that tells it of Keras's `fit`."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np


@dataclass(frozen=True)
class Training:
    """What a training gave, and what it took.

    Args:
        history: What Keras's `History` holds: for each name, a value an epoch.
        engine: `"graph"`, a whole epoch in one call, or `"fit"`.
        reason: Why that engine.
        train_s: Seconds in training epochs, without compilation, validation and callbacks.
        compile_s: Seconds of tracing and compiling: next to nothing where a graph was used again.
            With `fit`, what its first epoch's first and last batch took over the median batch (the
            last may have a shape of its own); a training of one batch does not tell them apart.
        validate_s: Seconds in validation.
        step_s: Seconds a training step, median, first and third quartile: over the epochs, each
            divided by its steps; with `fit`, over the batches.
    """

    history: dict[str, list[float]]
    engine: Literal["graph", "fit"]
    reason: str
    train_s: float
    compile_s: float
    validate_s: float
    step_s: tuple[float, float, float]


@dataclass
class Clock:
    """Seconds that `fit` took: each step of each epoch, and what it did between steps."""

    started: float = 0.0
    train_steps: list[list[float]] = field(default_factory=list)
    test_steps: list[list[float]] = field(default_factory=list)
    train_between: list[float] = field(default_factory=list)
    test_between: list[float] = field(default_factory=list)
    history: keras.callbacks.History = field(default_factory=keras.callbacks.History)

    def around(self, callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """The callbacks for `fit`, between those that keep the time."""
        return [_Stop(self), *callbacks, _Start(self), self.history]

    def stop(self, seconds: list[float]) -> None:
        """Add the time since the clock was started."""
        seconds.append(time.perf_counter() - self.started)

    def training(self, reason: str) -> Training:
        """What `fit` gave, once it has trained a step."""
        train, train_compile_s = _without_compilation(self.train_steps)
        validate, validate_compile_s = _without_compilation(self.test_steps)
        return Training(
            history=self.history.history,
            engine="fit",
            reason=reason,
            train_s=sum(train) + sum(self.train_between),
            compile_s=train_compile_s + validate_compile_s,
            validate_s=sum(validate) + sum(self.test_between),
            step_s=quartiles(train),
        )


class _Start(keras.callbacks.Callback):
    """Starts the clock; the last of the callbacks, so that none of the others is timed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def _start(self, *_: Any, **__: Any) -> None:
        self._clock.started = time.perf_counter()

    on_epoch_begin = on_train_batch_begin = on_train_batch_end = _start
    on_test_begin = on_test_batch_begin = on_test_batch_end = on_test_end = _start


class _Stop(keras.callbacks.Callback):
    """Stops the clock; the first of the callbacks."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.train_steps.append([])

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.train_between)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.train_steps[-1])

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.train_between)
        self._clock.test_steps.append([])

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.test_between)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.test_steps[-1])

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.test_between)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.stop(self._clock.train_between)


def _without_compilation(epochs: list[list[float]]) -> tuple[list[float], float]:
    """Seconds a batch with the two that may have compiled cut down to the median, and what was cut."""
    batches = [seconds for epoch in epochs for seconds in epoch]
    median = float(np.median(batches)) if batches else 0.0
    cut = 0.0
    for place in {0, len(epochs[0]) - 1} if epochs else ():
        excess = max(0.0, batches[place] - median)
        batches[place] -= excess
        cut += excess
    return batches, cut


def quartiles(seconds: list[float]) -> tuple[float, float, float]:
    first, median, third = np.percentile(seconds, [25.0, 50.0, 75.0])
    return float(median), float(first), float(third)
