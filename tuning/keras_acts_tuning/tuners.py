"""KerasTuner's tuners, with every trial measured, and with searches that survive a kill.

They are used as KerasTuner's own: the same `build(hp)`, the same `search(…)`, the same files. What is
added is the same for all four, and stands in `Measured`.
"""

import json
import os
import statistics
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import filelock
import keras
import keras_tuner as kt
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_acts_tuning import cell as cells
from keras_acts_tuning.analyse import pareto_front
from keras_acts_tuning.engine import Clock
from keras_acts_tuning.errors import StudyError, nearest, received
from keras_acts_tuning.measure import PeakMemory
from keras_acts_tuning.store import Outcome, now
from keras_acts_tuning.tune import described

MEASURES = ("train_s", "compile_s", "step_ms", "parameters", "peak_memory_bytes", "best_epoch", "epochs")
"""What is measured of every execution besides the metrics of the model; less is better for each.

Seconds of training without compiling, validation and callbacks; seconds of compiling; median
milliseconds a step; parameters; peak memory above what the process held before, in bytes (Linux
only); the epoch whose metrics count, and the last epoch, both from 1.
"""

# What may change between a search and its continuation: how long to go on, not what is compared.
_FREE = {"max_trials", "max_consecutive_failed_trials", "directory", "project_name"}


@dataclass(frozen=True)
class TrialRow:
    """A trial in the table of a search: means over its executions.

    Args:
        trial: KerasTuner's identifier of the trial.
        values: Its hyper-parameters.
        score: Mean of the objective; `None` where the trial failed.
        spread: Standard deviation of the objective over the executions (of a sample); `None` below two.
        measures: Every metric at the best epoch, and every one of `MEASURES`; `None` where it could
            not be taken.
        front: Whether no other trial is at least as good on every measure of the table, and better on one.
        reason: Why the trial failed; empty where it did not.
    """

    trial: str
    values: Mapping[str, Any]
    score: float | None
    spread: float | None
    measures: Mapping[str, float | None]
    front: bool = False
    reason: str = ""


class _SearchError(StudyError, kt.errors.FatalError):
    """An error that ends the search: KerasTuner takes any other for the failure of one trial."""


class Measured(kt.Tuner):
    """What the four tuners share; it comes before one of KerasTuner's among the bases.

    Every execution of a trial has a seed of its own, made from the search's seed, the trial and the
    execution. A search that was killed goes on where it was, with the same script, and ends as if
    it had not been: what ran is run again. A trial that raises, or whose loss or metrics are NaN or
    infinite in any epoch, has failed: it is recorded with its reason, has no score, and the search
    goes on.

    Args:
        hypermodel: As KerasTuner's: a function `build(hp)`, or a `HyperModel`.
        objective: As KerasTuner's: a metric's name, a `keras_tuner.Objective`, or a list of them; also
            any of `MEASURES`.
        *args: As KerasTuner's.
        executions_per_trial: How often each trial is trained, each time with a seed of its own. Defaults to `1`.
        seed: Decides what is tried, and all that is random in a trial; from 1, since KerasTuner takes
            0 for none. Defaults to `1`.
        overwrite: Whether to begin anew where the directory holds a search. Defaults to `False`.
        **kwargs: As KerasTuner's.

    Raises:
        StudyError: `seed` is below 1, the directory holds another search, its files cannot be read,
            or KerasTuner's variables for distributed searches are set.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        *args: Any,
        executions_per_trial: int = 1,
        seed: int = 1,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> None:
        _refuse_chief_and_workers()
        for name, value in (("seed", seed), ("executions_per_trial", executions_per_trial)):
            if not isinstance(value, int) or value < 1:
                raise StudyError(received(f"`{name}` needs a whole number from 1 on", **{name: value}))
        self._executions = executions_per_trial
        self._begun: list[Outcome] = []
        self._given: Mapping[str, Any] = {}  # the arguments of `search`, once there were some
        self._model: Any = None
        self._seed = seed
        # A trial that fails says nothing about the next: only the user's word ends the search.
        kwargs.setdefault("max_consecutive_failed_trials", sys.maxsize)
        super().__init__(
            hypermodel,
            _objective(objective),
            *args,
            executions_per_trial=executions_per_trial,
            seed=seed,
            overwrite=overwrite,
            **kwargs,
        )
        if not Path(self._get_tuner_fname()).exists():
            self.save()

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Search, or go on with a search: the arguments are those of `fit`.

        Raises:
            StudyError: Another process runs this search, it was begun with other arguments, no trial
                completed, or the objective is not among what a trial gives.
        """
        lock = filelock.FileLock(Path(self.project_dir) / "search.lock")
        try:
            held = lock.acquire(timeout=0)
        except filelock.Timeout:
            need = "Only one process at a time can run a search: wait for the other, or use another directory"
            raise StudyError(received(need, directory=self.project_dir)) from None
        with held:
            self.oracle.reload()
            self.oracle.settle()
            given = {name: value for name, value in kwargs.items() if name != "verbose" and _plain(value)}
            if self._given:
                self._refuse_differences(self._given, given)
            self._given = given
            self.save()
            super().search(*args, **kwargs)
            rows = self._rows()
            if rows and all(row.score is None for row in rows):
                raise StudyError(received("No trial completed; the first one failed", reason=rows[0].reason))

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        """Train a trial, as often as `executions_per_trial` says; KerasTuner calls this."""
        # A trial that was broken off, or is tried again, begins anew.
        trial.metrics = type(trial.metrics)()
        self._begun = []
        return super().run_trial(trial, *args, **kwargs)

    def outcomes(self, trial_id: str) -> list[Outcome]:
        """The executions of a trial, with seed, score, measures and history; the last one may have failed."""
        file = self._outcomes_file(trial_id)
        return [Outcome(**plain) for plain in _read(file)] if file.exists() else []

    def pareto_table(self, measures: Sequence[str] = ("train_s", "parameters")) -> list[TrialRow]:
        """Every trial that has ended, best score first; `front` marks the Pareto front.

        Args:
            measures: What counts besides the objective: any of `MEASURES`, or metrics (those are
                better the way KerasTuner takes them to be). Defaults to training seconds and parameters.

        Raises:
            StudyError: There is no such measure.
        """
        rows = self._rows()
        scored = [row for row in rows if row.score is not None]
        known = sorted({name for row in scored for name in row.measures})
        if scored and (unknown := [name for name in measures if name not in known]):
            raise StudyError(received(f"No such measure; {nearest(unknown[0], known)}", measures=unknown))
        values: dict[str, dict[str, float | None]] = {"": {row.trial: row.score for row in scored}}
        values |= {name: {row.trial: row.measures[name] for row in scored} for name in measures}
        directions = {name: self._direction(name) for name in measures} | {"": self.oracle.objective.direction}
        front = pareto_front(values, directions).front
        return [replace(row, front=row.trial in front) for row in rows]

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials with what they cost; ● marks the Pareto front over score, training time and size."""
        rows = self.pareto_table()
        table = Table(box=None, pad_edge=False)
        for heading in ("", "trial", self.oracle.objective.name, "", "epoch", "train s", "ms/step", "memory"):
            table.add_column(heading, justify="left" if heading in ("", "trial") else "right")
        table.add_column("parameters", justify="right")
        table.add_column("values", overflow="fold")

        def cell(value: float | None, form: str) -> str:
            return "–" if value is None else form.format(value)

        scored = [row for row in rows if row.score is not None]
        for row in scored[:num_trials]:
            m = row.measures
            memory = m["peak_memory_bytes"]
            table.add_row(
                "●" if row.front else "",
                row.trial,
                cell(row.score, "{:.4f}"),
                "" if row.spread is None else f"± {row.spread:.4f}",
                f"{cell(m['best_epoch'], '{:g}')}/{cell(m['epochs'], '{:g}')}",
                cell(m["train_s"], "{:.2f}"),
                cell(m["step_ms"], "{:.2f}"),
                cell(None if memory is None else memory / 2**20, "{:.0f} MiB"),
                cell(m["parameters"], "{:,.0f}"),
                Text(described({k: v for k, v in row.values.items() if not k.startswith("tuner/")})),  # Hyperband's own
            )
        console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
        console.print(table)
        for row in rows:
            if row.score is None:
                console.print(Text(f"trial {row.trial} failed: {row.reason}"))

    def get_state(self) -> dict[str, Any]:
        """What tells this search from another."""
        return {"settings": self._settings, "search": self._given}

    def save(self) -> None:
        """Write the search's state, each file as a whole."""
        self.oracle.save()
        _write(self._get_tuner_fname(), self.get_state())

    def reload(self) -> None:
        """Read the search's state.

        Raises:
            StudyError: The files cannot be read, or are another search's.
        """
        self._populate_initial_space()
        stored = _read(Path(self._get_tuner_fname()))
        if "settings" not in stored:
            need = "The directory holds a search of KerasTuner's own: use another"
            raise StudyError(received(need, directory=self.project_dir))
        self._refuse_differences(stored["settings"], self._settings)
        self._given = stored["search"]
        self.oracle.reload()

    def _refuse_differences(self, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        pairs = [(name, stored.get(name), asked.get(name)) for name in {**stored, **asked}]
        differences = [f"{name}: stored {old!r}, asked {new!r}" for name, old, new in pairs if old != new]
        if differences:
            need = "The directory holds another search; use another directory, or `overwrite=True`"
            raise StudyError(f"{need}. Received: directory={self.project_dir!r}; {'; '.join(differences)}")

    def _populate_initial_space(self) -> None:
        # KerasTuner's tuners make their oracle themselves. Ours is the same object; it keeps its files otherwise.
        self.oracle.__class__ = _DURABLE[type(self.oracle)]
        super()._populate_initial_space()
        facts = {name: value for name, value in vars(self.oracle).items() if name not in _FREE and _plain(value)}
        self._settings = {
            "tuner": type(self).__name__,
            "objective": str(self.oracle.objective),
            "executions_per_trial": self._executions,
            **{name: value for name, value in facts.items() if not name.startswith("_")},
        }
        for hyperparameter in self.oracle.get_space().get_config()["space"]:
            config = dict(hyperparameter["config"])
            name = f"space {config.pop('name')}"
            self._settings |= {name: hyperparameter["class_name"]}
            self._settings |= {f"{name} {key}": value for key, value in config.items()}
        self._settings = json.loads(json.dumps(self._settings))

    def _build_hypermodel(self, hp: Any) -> Any:
        keras.utils.set_random_seed(self._seed)
        self._model = super()._build_hypermodel(hp)
        return self._model

    def _build_and_fit_model(self, trial: Any, *args: Any, callbacks: Sequence[Any] = (), **kwargs: Any) -> Any:
        self._seed = _seed(self.oracle.seed, trial.trial_id, len(self._begun))
        started, clock, memory = now(), Clock(), PeakMemory()
        try:
            results = super()._build_and_fit_model(trial, *args, callbacks=clock.around(callbacks), **kwargs)
        except kt.errors.FatalError:
            raise
        except Exception as error:
            self._record(cells.failure(trial.trial_id, self._seed, error, started))
            raise
        measures: dict[str, float | None] = dict.fromkeys(MEASURES)
        measures["peak_memory_bytes"] = memory.bytes()
        measures["parameters"] = float(self._model.count_params()) if self._model.built else None
        self._model = None
        if clock.train_calls:  # not so where a `fit` of the user's own passes no callbacks on
            training = clock.training("KerasTuner's")
            measures |= {"train_s": training.train_s, "compile_s": training.compile_s}
            measures["step_ms"] = 1000.0 * training.step_s[0]
        history, epochs, metrics = _unpacked(results, self.oracle.objective)
        outcome = Outcome(
            arm=trial.trial_id,
            seed=self._seed,
            status="completed",
            started=started,
            finished=now(),
            measures=measures,
            history=history,
        )
        for epoch, logs in enumerate(epochs or [metrics]):
            if diverged := cells.not_finite(logs):
                reason = f"{diverged} in epoch {epoch + 1}" if epochs else diverged
                self._record(replace(outcome, status="diverged", reason=reason))
                raise kt.errors.FailedTrialError(reason)
        if epochs:
            best = _best(epochs, self.oracle.objective)
            metrics = epochs[best]
            measures |= {"best_epoch": best + 1.0, "epochs": float(len(epochs))}
            outcome = replace(outcome, best_epoch=best + 1)
        numbers = {**metrics, **{name: value for name, value in measures.items() if value is not None}}
        score = self._score(numbers)
        self._record(replace(outcome, score=score, measures={**metrics, **measures}))
        return {**numbers, self.oracle.objective.name: score}

    def _score(self, numbers: Mapping[str, float]) -> float:
        objective = self.oracle.objective
        if not objective.has_value(numbers):
            need = f"The objective needs to be among what a trial gives ({', '.join(sorted(numbers))})"
            raise _SearchError(received(need, objective=str(objective)))
        return float(objective.get_value(numbers))

    def _record(self, outcome: Outcome) -> None:
        self._begun.append(outcome)
        _write(self._outcomes_file(outcome.arm), [asdict(o) for o in self._begun])

    def _outcomes_file(self, trial_id: str) -> Path:
        return Path(self.project_dir) / f"trial_{trial_id}" / "outcomes.json"

    def _direction(self, measure: str) -> Literal["min", "max"]:
        if measure in MEASURES:
            return "min"
        trials = (t.metrics for t in self.oracle.trials.values() if t.metrics.exists(measure))
        return next(trials).get_direction(measure)  # type: ignore[no-any-return]

    def _rows(self) -> list[TrialRow]:
        ended = [self.oracle.trials[trial_id] for trial_id in self.oracle.end_order]
        sign = -1.0 if self.oracle.objective.direction == "max" else 1.0
        rows = [self._row(trial) for trial in ended]
        return sorted(rows, key=lambda row: float("inf") if row.score is None else sign * row.score)

    def _row(self, trial: Any) -> TrialRow:
        outcomes = self.outcomes(trial.trial_id)
        completed = trial.status == "COMPLETED"
        scores = [o.score for o in outcomes if o.score is not None]
        names = dict.fromkeys(name for o in outcomes for name in (*o.measures, *MEASURES))
        measures: dict[str, float | None] = {}
        for name in names:
            values = [value for o in outcomes if (value := o.measures.get(name)) is not None]
            measures[name] = statistics.fmean(values) if values else None
        failed = [o.reason for o in outcomes if o.reason] or [(trial.message or "").strip().rpartition("\n")[2]]
        return TrialRow(
            trial=trial.trial_id,
            values=trial.hyperparameters.values,
            score=float(trial.score) if completed else None,
            spread=statistics.stdev(scores) if completed and len(scores) > 1 else None,
            measures=measures,
            reason="" if completed else failed[0],
        )


class RandomSearch(Measured, kt.RandomSearch):
    """`keras_tuner.RandomSearch`, measured and resumable: values at random, at most `max_trials` of them.

    See `Measured` for what is added; the other arguments are KerasTuner's.

    Example:
    >>> import tempfile
    >>> def build(hp):
    ...     model = keras.Sequential([keras.layers.Dense(1)])
    ...     model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    ...     return model
    >>> tuner = RandomSearch(build, "loss", max_trials=2, directory=tempfile.mkdtemp(), executions_per_trial=2)
    >>> tuner.search(np.ones((8, 2)), np.ones((8, 1)), epochs=1, verbose=0)
    >>> [len(tuner.outcomes(row.trial)) for row in tuner.pareto_table()]
    [2, 2]
    """


class BayesianOptimization(Measured, kt.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, measured and resumable: where a Gaussian process expects most.

    See `Measured` for what is added; the other arguments are KerasTuner's. It takes seconds a
    suggestion after some fifty trials.
    """


class Hyperband(Measured, kt.Hyperband):
    """`keras_tuner.Hyperband`, measured and resumable: many short trainings, the better ones continued.

    See `Measured` for what is added; the other arguments are KerasTuner's. A trial that continues
    another one counts its own epochs and seconds only.
    """

    def _build_hypermodel(self, hp: Any) -> Any:
        with warnings.catch_warnings():
            # It continues with the weights of another trial, and with a new optimizer, which Keras warns of.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            return super()._build_hypermodel(hp)


class GridSearch(Measured, kt.GridSearch):
    """`keras_tuner.GridSearch`, measured and resumable: every combination of values.

    See `Measured` for what is added; the other arguments are KerasTuner's.
    """


class _Durable(kt.Oracle):
    """An oracle whose files tell what happened, whenever its process was killed.

    `oracle.json` is what counts. KerasTuner writes a trial's own file just before it: a trial that
    is not in `oracle.json` has not begun; one that still runs there, but has ended in its own file,
    is ended again.
    """

    ongoing_trials: dict[str, Any]

    def save(self) -> None:
        _write(self._get_oracle_fname(), self.get_state())

    def reload(self) -> None:
        state = _read(Path(self._get_oracle_fname()))
        self.trials = {}
        for trial_id in state["start_order"]:
            file = Path(self._get_trial_dir(trial_id)) / "trial.json"
            self.trials[trial_id] = kt.engine.trial.Trial.from_state(_read(file))
        self.set_state(state)

    def settle(self) -> None:
        """End the trials that had ended when the process was killed, and have the others run again."""
        self.verbose = 0  # `search` sets it; KerasTuner's display has not seen these trials begin
        running, self.ongoing_trials = [trial.trial_id for trial in self.ongoing_trials.values()], {}
        for trial_id in running:
            if trial_id in self.end_order or trial_id in self._retry_queue:
                continue
            if self.trials[trial_id].status == "RUNNING":
                self._retry_queue.append(trial_id)
            else:
                self.end_trial(self.trials[trial_id])

    def get_best_trials(self, num_trials: int = 1) -> list[Any]:
        """The best trials of those that completed; KerasTuner fills up with failed ones."""
        return [trial for trial in super().get_best_trials(num_trials) if trial.status == "COMPLETED"]

    def _save_trial(self, trial: Any) -> None:
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())


class _RandomSearchOracle(_Durable, kt.oracles.RandomSearchOracle):
    pass


class _BayesianOptimizationOracle(_Durable, kt.oracles.BayesianOptimizationOracle):
    """KerasTuner's begins its random numbers anew when it is reloaded."""

    def get_state(self) -> dict[str, Any]:
        kind, keys, *rest = self._random_state.get_state()
        return {**super().get_state(), "random_state": [kind, keys.tolist(), *rest]}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self._random_state.set_state(tuple(state["random_state"]))


class _HyperbandOracle(_Durable, kt.oracles.HyperbandOracle):
    pass


class _GridSearchOracle(_Durable, kt.oracles.GridSearchOracle):
    """KerasTuner's forgets the order of what it tried when it is reloaded."""

    _ordered_ids: Any

    def get_state(self) -> dict[str, Any]:
        order: list[str] = []
        links = self._ordered_ids
        index = links._next_index[None]
        while index is not None:
            order.append(links._memory[index])
            index = links._next_index[index]
        return {**super().get_state(), "ordered_ids": order, "populate_next": list(self._populate_next)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self._ordered_ids = type(self._ordered_ids)()
        for trial_id in state["ordered_ids"]:
            self._ordered_ids.insert(trial_id)
        self._populate_next = list(state["populate_next"])

    def end_trial(self, trial: Any) -> None:
        # KerasTuner does this too, but only after it has saved the state; twice does no harm.
        self._populate_next.append(trial.trial_id)
        super().end_trial(trial)


_DURABLE = {
    oracle.__bases__[1]: oracle
    for oracle in (_RandomSearchOracle, _BayesianOptimizationOracle, _HyperbandOracle, _GridSearchOracle)
}


def _unpacked(results: Any, objective: Any) -> tuple[dict[str, list[float]], list[dict[str, float]], dict[str, float]]:
    """What `fit` returned: a history and its epochs, or the numbers that a `fit` of the user's own returned."""
    if isinstance(results, keras.callbacks.History):
        history = cells.curves(results.history)
        epochs = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
        return history, epochs, {}
    return {}, [], cells.numbers(results if isinstance(results, Mapping) else {objective.name: results})


def _best(epochs: Sequence[Mapping[str, float]], objective: Any) -> int:
    """The epoch that is best by the objective; the last where the objective is not of epochs."""
    if not epochs or not objective.has_value(epochs[0]):
        return len(epochs) - 1
    values = [objective.get_value(logs) for logs in epochs]
    return int(np.argmax(values) if objective.direction == "max" else np.argmin(values))


def _objective(objective: Any) -> Any:
    if isinstance(objective, list):
        return [_objective(one) for one in objective]
    return kt.Objective(objective, "min") if isinstance(objective, str) and objective in MEASURES else objective


def _seed(search: int, trial_id: str, execution: int) -> int:
    return int(np.random.SeedSequence([search, int(trial_id), execution]).generate_state(1)[0])


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _refuse_chief_and_workers() -> None:
    if given := {k: os.environ[k] for k in ("KERASTUNER_ORACLE_IP", "KERASTUNER_TUNER_ID") if k in os.environ}:
        need = (
            "KerasTuner's chief and workers lose trials when one of them dies, and are not supported: unset these "
            "variables; `compare` runs on several processors with `workers=`, on several machines with `address=`"
        )
        raise StudyError(received(need, **given))


def _write(file: str | Path, plain: Any) -> None:
    """Write a file as a whole: a kill leaves the old one or the new one."""
    draft = Path(f"{file}.draft")
    try:
        draft.write_text(json.dumps(plain))
        os.replace(draft, file)
    except OSError as error:
        raise _SearchError(received(f"The search's files need to be writable ({error})", file=str(file))) from error


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        need = f"The search's file cannot be read ({error}): restore a copy, or begin anew with `overwrite=True`"
        raise StudyError(received(need, file=str(file))) from error
