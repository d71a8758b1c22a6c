"""A cell: one arm with its seeds, trained one after another in one process."""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import keras

# Private to Keras, whose `clear_session` would forget the user's settings too.
from keras.src.utils.naming import reset_uids

import keras_acts as ka
from keras_acts._health import Inspector
from keras_acts_tuning.analyse import Direction
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data, Splits
from keras_acts_tuning.engine import Trainer, has_drawn, seed_generators
from keras_acts_tuning.engine._obstacles import overrides
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.measure import PeakMemory, accelerator
from keras_acts_tuning.store import Outcome, Status, now
from keras_acts_tuning.tasks import call_build

if TYPE_CHECKING:
    from keras_acts_tuning.search import Search

PROBE = 256
"""How many validation examples the health of a trained network is measured on."""


@dataclass(frozen=True)
class Cell:
    """What a process needs to run an arm.

    Args:
        arm: The activation.
        seeds: The seeds to run, in this order.
        build: A compiled model from the arm (and the data, and hyper-parameters).
        data: The data, as `build` may want to see them.
        splits: The data as trained on.
        epochs: Training epochs a trial.
        batch_size: Examples a step.
        metric: The metric that chooses the epoch, and scores it.
        direction: `"max"` or `"min"`.
        search: A search for the arm's hyper-parameters, run instead of its trials.
    """

    arm: Arm
    seeds: tuple[int, ...]
    build: Callable[..., Any]
    data: Data
    splits: Splits
    epochs: int
    batch_size: int
    metric: str
    direction: Direction
    search: "Search | None" = None


@dataclass(frozen=True)
class Progress:
    """A running trial after one of its epochs."""

    arm: str
    seed: int
    epoch: int
    value: float


def run(cell: Cell, report: Callable[[Progress], None] = lambda _: None) -> Iterator[Outcome]:
    """Train the cell's trials one after another.

    Weights, data order and dropout of a trial depend on its seed alone, so that trials of several
    arms with one seed are paired, and a trial run again gives the same history.

    One compiled model serves all seeds, as long as `build` gives models that are alike but for their weights. A
    width, say, that it draws at random shows in the model. A number that a loss holds may not show, so that after
    any draw from NumPy, the backend or `keras.random` the model is compiled for its seed alone. (Only such a number
    drawn from Python's `random`, inside a class that does not name it in its config, would go unnoticed.)

    Args:
        cell: What to run.
        report: Called after every epoch.

    Yields:
        The outcome of each trial as it ends: completed, or how it failed; or what a search yields.

    Raises:
        StudyError: `build` returns no compiled model, or the model lacks the metric.
    """
    if cell.search is not None:
        yield from cell.search(cell, report)
        return
    trainer: Trainer | None = None
    memory = PeakMemory()
    for seed in cell.seeds:
        started = now()
        try:
            model = seeded_model(cell, seed)
            # Where `build` draws, what it has drawn may be a number in the graph, where nobody sees it.
            ready = trainer_from(None if has_drawn(seed) else trainer, cell, model)
            if ready is not trainer:
                trainer = ready
                inspector = Inspector(model, traced=True)  # once for a graph: 5 ms a trial after that
            outcome = _train(cell, trainer, inspector, seed, report, started, memory)
        except StudyError:
            raise  # the study is wrong as asked: no trial of it can run
        except Exception as error:
            outcome = failure(cell.arm.label, seed, error, started)
            trainer = None  # what is left of it cannot be trusted
        yield replace(outcome, environment=environment())


def failure(arm: str, seed: int, error: Exception, started: str) -> Outcome:
    """The outcome of a trial that raised an error."""
    status: Status = "out_of_memory" if _is_memory(error) else "failed"
    reason = f"{type(error).__name__}: {str(error).strip()}"
    return Outcome(arm=arm, seed=seed, status=status, reason=reason, started=started, finished=now())


def seeded_model(cell: Cell, seed: int) -> Any:
    """The cell's model with the weights of that seed.

    Raises:
        StudyError: `build` returned no compiled Keras model, or one that lacks the metric.
    """
    seed_generators(seed)
    # As in a new process. And TensorFlow never frees 35 KB of each name that a variable had (2.21), so that
    # the memory of a process would grow by a MB a seed.
    reset_uids()
    model = call_build(cell.build, activation=cell.arm, data=cell.data)
    if not isinstance(model, keras.Model) or not model.compiled:
        raise StudyError(received("`build` needs to return a compiled Keras model", returned=type(model).__name__))
    return model


def trainer_from(trainer: Trainer | None, cell: Cell, model: Any) -> Trainer:
    """A trainer at the start of the model: the given one, where the two models are alike, or else a new one.

    Args:
        trainer: One whose graphs hold the numbers that the model's would, as far as its code decides.
        cell: Whose data it trains on.
        model: A compiled model that is not trained yet.
    """
    if trainer is not None:
        try:
            trainer.restart_from(model)
        except ValueError:
            pass  # another architecture
        else:
            return trainer
    splits = cell.splits
    return Trainer(
        model,
        splits.x_train,
        splits.y_train,
        validation_data=(splits.x_validation, splits.y_validation),
        batch_size=cell.batch_size,
    )


def _train(
    cell: Cell,
    trainer: Trainer,
    inspector: Inspector,
    seed: int,
    report: Callable[[Progress], None],
    started: str,
    memory: PeakMemory,
) -> Outcome:
    best = BestEpoch(
        cell.metric, cell.direction, lambda epoch, value: report(Progress(cell.arm.label, seed, epoch, value))
    )
    training = trainer.train(cell.epochs, seed=seed, callbacks=[best])
    model = trainer.model
    finished: dict[str, Any] = {
        "arm": cell.arm.label,
        "seed": seed,
        "started": started,
        "history": curves(training.history),
        "measures": {
            "train_s": training.train_s,
            "compile_s": training.compile_s,
            "validate_s": training.validate_s,
            "step_ms": 1000.0 * training.step_s[0],
            "parameters": float(model.count_params()),
            "peak_memory_bytes": memory.bytes(),
        },
    }
    details: dict[str, Any] = {"engine": training.engine, "engine_reason": training.reason}
    if memory.reason:
        details["not_measured"] = {"peak_memory_bytes": memory.reason}
    if best.diverged is not None:
        return Outcome(status="diverged", reason=best.diverged, finished=now(), details=details, **finished)
    best.restore()
    tested = numbers(trainer.evaluate(cell.splits.x_test, cell.splits.y_test, batch_size=cell.batch_size))
    finished["measures"] |= {f"test_{name}": value for name, value in tested.items()}
    details["learned"] = learned_parameters(model)
    details |= _health(inspector, cell.splits)
    return Outcome(
        status="completed",
        score=tested[cell.metric],
        best_epoch=best.epoch,
        finished=now(),
        details=details,
        **finished,
    )


def _health(inspector: Inspector, splits: Splits) -> dict[str, Any]:
    """`health`: what `ka.inspect` says of the trained model on the first validation examples; or why there is none."""
    probe = keras.tree.map_structure(lambda a: a[:PROBE], (splits.x_validation, splits.y_validation))
    try:
        return {"health": inspector(*probe).to_dict()}
    except Exception as error:  # a model that cannot be looked at has been trained all the same
        return {"health": None, "health_reason": f"{type(error).__name__}: {str(error).strip()}"}


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best validation metric, and ends a training that diverged.

    Args:
        metric: The metric's name, without `val_`.
        direction: `"max"` or `"min"`.
        report: Called with each epoch (from 1) and its validation metric.
    """

    def __init__(self, metric: str, direction: Direction, report: Callable[[int, float], None]) -> None:
        super().__init__()
        self._metric = metric
        self._sign = 1.0 if direction == "max" else -1.0
        self._report = report
        self._best = -math.inf
        self._weights: list[Any] = []
        self.epoch = 0
        self.diverged: str | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Refuse a metric that the model lacks, where that can be told before a first epoch."""
        if overrides(self.model, "train_step") or overrides(self.model, "test_step"):
            return  # their logs may have names of their own
        try:
            computed = self.model.get_metrics_result()
        except ValueError:  # not built: TensorFlow's `fit` does that in its first step
            return
        self._check(numbers(computed))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare this epoch with the best so far."""
        logs = numbers(logs or {})
        name = f"val_{self._metric}"
        self._check([key.removeprefix("val_") for key in logs if key.startswith("val_")])
        if diverged := not_finite(logs):
            self.diverged = f"{diverged} in epoch {epoch + 1}"
            self.model.stop_training = True
            return
        value = logs[name]
        if self._sign * value > self._best:
            self._best, self.epoch = self._sign * value, epoch + 1
            self._weights = self.model.get_weights()
        self._report(epoch + 1, value)

    def _check(self, computed: Iterable[str]) -> None:
        if self._metric not in computed:
            names = sorted(computed, key=lambda name: (name == "loss", name))
            advice = f", such as `--metric {names[0]}`" if names else ""
            need = f"The metric needs to be one that the model computes{advice}"
            raise StudyError(received(need, metric=self._metric, computed=names))

    def restore(self) -> None:
        """Set the model to the weights of the best epoch."""
        self.model.set_weights(self._weights)


def numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as numbers: `name_0`, `name_1`, … where one has several values, such as one a class."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        array = keras.ops.convert_to_numpy(value)
        if array.size == 1:
            found[name] = float(array.item())
        else:
            found |= {f"{name}_{place}": float(number) for place, number in enumerate(array.ravel())}
    return found


def curves(history: Mapping[str, list[Any]]) -> dict[str, list[float]]:
    """What Keras's `History` holds, as `numbers` of each epoch."""
    epochs = [numbers(dict(zip(history, values, strict=True))) for values in zip(*history.values(), strict=True)]
    return {name: [logs[name] for logs in epochs] for name in (epochs[0] if epochs else ())}


def not_finite(logs: Mapping[str, float]) -> str:
    """The first metric that is NaN or infinite, in words; empty where none is."""
    return next((f"{key} was {number}" for key, number in logs.items() if not math.isfinite(number)), "")


def learned_parameters(model: Any) -> dict[str, dict[str, dict[str, float]]]:
    """What the activations of `model` have learned: mean, least and greatest value by layer and parameter."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, ka.Activation) and layer.learned:
            values = {name: keras.ops.convert_to_numpy(getattr(layer, name)) for name in layer.learned}
            found[layer.path or layer.name] = {
                name: {"mean": float(v.mean()), "least": float(v.min()), "greatest": float(v.max())}
                for name, v in values.items()
            }
    return found


@cache
def environment() -> Mapping[str, Any]:
    """The machine, the accelerator and the versions that this process trains with.

    To be called where training is done: to name the accelerator starts it.
    """
    packages = ("keras-acts", "keras", "keras-tuner", "numpy", "tensorflow", "tensorflow-cpu", "jax", "torch")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "accelerator": accelerator(),
        "backend": keras.backend.backend(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _is_memory(error: Exception) -> bool:
    words = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(
        w in words for w in ("resourceexhausted", "resource_exhausted", "out of memory", "oom when")
    )
