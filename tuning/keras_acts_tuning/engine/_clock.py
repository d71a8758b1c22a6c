"""What a training gave and what it took, and the clock that tells it of Keras's `fit`."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

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
            With `fit`, what its first epoch's first and last call took over the median of all (the
            last may have a batch of its own shape); a training of one call does not tell them apart.
        validate_s: Seconds in validation.
        step_s: Seconds a training step, median, first and third quartile: over the epochs, each
            divided by its steps; with `fit`, over its calls, each divided by `steps_per_execution`.
    """

    history: dict[str, list[float]]
    engine: Literal["graph", "fit"]
    reason: str
    train_s: float
    compile_s: float
    validate_s: float
    step_s: tuple[float, float, float]


class Call(NamedTuple):
    """What lies between two hooks of a batch: as many steps as the model's `steps_per_execution`, or what is left."""

    seconds: float
    steps: int


@dataclass
class Clock:
    """Seconds that `fit` took: each call of each epoch, and what it did between calls."""

    started: float = 0.0
    train_calls: list[list[Call]] = field(default_factory=list)
    test_calls: list[list[Call]] = field(default_factory=list)
    train_between: list[float] = field(default_factory=list)
    test_between: list[float] = field(default_factory=list)
    history: keras.callbacks.History = field(default_factory=keras.callbacks.History)

    def around(self, callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """The callbacks for `fit`, between those that keep the time."""
        return [_Stop(self), *callbacks, _Start(self), self.history]

    def seconds(self) -> float:
        """The time since the clock was started."""
        return time.perf_counter() - self.started

    def training(self, reason: str) -> Training:
        """What `fit` gave, once it has trained a step."""
        train, train_compile_s = _without_compilation(self.train_calls)
        validate, validate_compile_s = _without_compilation(self.test_calls)
        return Training(
            history=self.history.history,
            engine="fit",
            reason=reason,
            train_s=sum(call.seconds for call in train) + sum(self.train_between),
            compile_s=train_compile_s + validate_compile_s,
            validate_s=sum(call.seconds for call in validate) + sum(self.test_between),
            step_s=quartiles([call.seconds / call.steps for call in train]),
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
        self._step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.train_calls.append([])

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.train_between.append(self._clock.seconds())
        self._step = batch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = self._clock.seconds()
        steps = self.model.steps_per_execution  # before Keras 3.11, `batch` is the first step here too
        if (count := self.params.get("steps")) is not None:
            steps = min(steps, count - self._step)
        self._clock.train_calls[-1].append(Call(seconds, steps))

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._clock.train_between.append(self._clock.seconds())
        self._clock.test_calls.append([])

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.test_between.append(self._clock.seconds())

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.test_calls[-1].append(Call(self._clock.seconds(), self.model.steps_per_execution))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._clock.test_between.append(self._clock.seconds())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.train_between.append(self._clock.seconds())


def _without_compilation(epochs: list[list[Call]]) -> tuple[list[Call], float]:
    """The calls with the two that may have compiled cut down to the median step, and the seconds cut."""
    calls = [call for epoch in epochs for call in epoch]
    median = float(np.median([call.seconds / call.steps for call in calls])) if calls else 0.0
    cut = 0.0
    for place in {0, len(epochs[0]) - 1} if epochs else ():
        call = calls[place]
        excess = max(0.0, call.seconds - median * call.steps)
        calls[place] = call._replace(seconds=call.seconds - excess)
        cut += excess
    return calls, cut


def quartiles(seconds: list[float]) -> tuple[float, float, float]:
    first, median, third = np.percentile(seconds, [25.0, 50.0, 75.0])
    return float(median), float(first), float(third)
