"""The comparison: plan it, run what is missing, and read the answer from the store."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from keras_acts_tuning import cell as cells
from keras_acts_tuning.analyse import (
    Analysis,
    Direction,
    Estimate,
    Race,
    Scores,
    Verdict,
    analyse,
    race as decide,
    verdict,
)
from keras_acts_tuning.arms import Arm, arms_from
from keras_acts_tuning.cell import Cell, Progress
from keras_acts_tuning.data import Data, from_arrays, load_file, split
from keras_acts_tuning.errors import StudyError, nearest, received
from keras_acts_tuning.execute import Execution, execute
from keras_acts_tuning.lane import lane
from keras_acts_tuning.plan import Plan, build_facts, data_facts, direction_of
from keras_acts_tuning.store import Measurement, Outcome, Store, Tuning, now
from keras_acts_tuning.tasks import TASKS, default_build, find_task
from keras_acts_tuning.tune import SEARCH_SEED, Space, Tune, Tuned, Tuner, described

RESULTS = Path("results")
"""Where studies go unless told otherwise, each in a directory with its data's name."""


class Listener:
    """What a comparison tells while it runs; override what is of interest."""

    def planned(self, plan: Plan, finished: list[Outcome]) -> None:
        """The study begins, or goes on after the trials that are finished."""

    def progressed(self, progress: Progress) -> None:
        """A trial has ended an epoch."""

    def searched(self, tuning: Tuning) -> None:
        """An arm's hyper-parameters were searched, and what was found is in the store."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended, and is in the store."""

    def measuring(self, labels: list[str]) -> None:
        """All trials have ended, and these activations are about to be timed."""


def compare(
    build: Callable[..., Any] | None = None,
    data: Data | tuple[Any, Any] | str | Path = "digits",
    *,
    activations: Iterable[str | Arm] | str | None = None,
    reference: str = "relu",
    seeds: int | Iterable[int] = 5,
    epochs: int | None = None,
    batch_size: int = 32,
    metric: str | None = None,
    direction: Direction | None = None,
    target: str | None = None,
    split_seed: int = 0,
    directory: str | Path | None = None,
    extend: bool = False,
    tune: Space | None = None,
    tune_trials: int = 10,
    race: bool = False,
    tuner: Tuner = "random",
    measure: bool = True,
    execution: Execution | None = None,
    listener: Listener | None = None,
) -> "Comparison":
    """Compare activations on your model and data.

    Every activation is trained with the same seeds, data order and budget. Each trial picks its
    best epoch on the validation part and is scored on the test part, which chose nothing. A study
    that was stopped goes on where it was, with the same call.

    Args:
        build: A function that returns a compiled model. It is called with those of these arguments
            that it names: `activation` (call it for a fresh layer, as often as needed;
            `activation.initializer` is the kernel initializer that suits it), `data`, the names in
            `tune`, and KerasTuner's `hp`: what it draws from `hp` is tuned. Defaults to a small
            network that fits the data.
        data: The name of a built-in task, a `.npz` or `.csv` file, a pair of arrays `(x, y)`, or
            `Data`. Defaults to `"digits"`.
        activations: Names, texts such as `"leaky_relu(negative_slope=0.1)"`, or `Arm`s; or one text
            with commas. Defaults to twelve classics.
        reference: Label of the activation that the others are measured against. Defaults to
            `"relu"`, which is added where it is missing.
        seeds: How many seeds, or the seeds themselves. Defaults to `5`.
        epochs: Training epochs a trial. Defaults to what the task says, else 20.
        batch_size: Examples a step. Defaults to `32`.
        metric: The metric that counts, one that the model computes. Defaults to `"accuracy"`, for
            a regression `"rmse"`.
        direction: `"max"` or `"min"`; needed where the metric's name does not tell.
        target: The target column of a `.csv`.
        split_seed: Seed of the split in training, validation and test part. Defaults to `0`.
        directory: Where the study is stored. Defaults to `results/` and the data's name.
        extend: Whether a stored study may be extended by activations or seeds. Defaults to `False`.
        tune: What to tune for each activation before its trials, on the validation part and with a
            seed of its own: `{"learning_rate": (1e-4, 1e-2), "units": [32, 64]}`, ranges as pairs (on a
            log scale where both ends are above 0) and choices as lists. `build` gets what it names;
            a `learning_rate` that it does not name is set in the optimizer.
        tune_trials: The budget of each activation's search, in trainings of `epochs`. Defaults to `10`.
        race: Whether activations that are beyond doubt not the best stop early, and the study with
            them when the seeds left would hardly change the answer; see `keras_acts_tuning.analyse.race`.
            The seeds then take turns, each trial in a process of its own, so that it pays where a
            training takes longer than compiling. Defaults to `False`.
        tuner: `"random"`, `"bayesian"` or `"hyperband"`, KerasTuner's. Defaults to `"random"`.
        measure: Whether to time each activation apart, after all trials and alone on this machine: a
            second or two each. What has been measured is not measured again. Defaults to `True`.
        execution: Workers and limits. Defaults to one worker without limits.
        listener: Told of each step.

    Returns:
        The comparison, read from the store.

    Raises:
        StudyError: Anything asked for is not possible; nothing has been written then.
    """
    task = find_task(data) if isinstance(data, str) else None
    data = resolve_data(data, target)
    build = build or (task.build if task else default_build(data))
    arms = arms_from(activations)
    if reference not in [arm.label for arm in arms]:
        arms = (Arm.parse(reference), *arms)
        reference = arms[0].label
    metric = metric or ("accuracy" if data.kind == "classification" else "rmse")
    plan = Plan(
        data=data_facts(data),
        build=build_facts(build),
        arms=arms,
        reference=reference,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
        epochs=epochs if epochs is not None else (task.epochs if task else 20),
        batch_size=batch_size,
        metric=metric,
        direction=direction or direction_of(metric),
        split_seed=split_seed,
        tune=Tune.of(tune, build, tuner, tune_trials),
        race=race,
    )
    splits = split(data, seed=split_seed)
    environment = cells.environment()
    listener = listener or Listener()
    directory = Path(directory) if directory is not None else RESULTS / data.name
    with Store.create_or_resume(directory, plan, created=now(), extend=extend) as store:
        listener.planned(plan, store.outcomes(long=False))
        finished = store.finished()
        todo = [
            Cell(arm, seeds_left, build, data, splits, plan.epochs, plan.batch_size, plan.metric, plan.direction)
            for arm in plan.arms
            if (seeds_left := tuple(seed for seed in plan.seeds if (arm.label, seed) not in finished))
        ]
        execution = execution or Execution()
        alone = execution.workers in (None, 1) and execution.address is None
        if plan.tune is not None:
            todo, lost = _tuned(todo, plan.tune, store, execution, listener)
            for outcome in lost:
                store.add(outcome, environment)
                listener.ended(outcome)
        run = _raced(plan, store.outcomes()) if plan.race else execute
        for outcome in run(todo, execution, listener.progressed):
            store.add(replace(outcome, details={**outcome.details, "alone": alone}), environment)
            listener.ended(outcome)
        if measure:
            cells_ = [
                Cell(arm, plan.seeds, build, data, splits, plan.epochs, plan.batch_size, plan.metric, plan.direction)
                for arm in plan.arms
            ]
            _measure(cells_, plan.tune, store, execution, environment, listener)
    return load(directory)


def _raced(plan: Plan, ended: list[Outcome]) -> Callable[..., Iterator[Outcome]]:
    """`execute`, but a seed at a time, and only the trials that the race asks for."""

    def run(cells: Sequence[Cell], how: Execution, report: Callable[[Progress], None]) -> Iterator[Outcome]:
        by_arm = {cell.arm.label: cell for cell in cells}
        while todo := standing(plan, ended).todo:
            done = {(outcome.arm, outcome.seed) for outcome in ended}
            left = [replace(by_arm[arm], seeds=(seed,)) for arm, seed in todo if (arm, seed) not in done]
            for outcome in execute(left, how, report):
                ended.append(outcome)
                yield outcome
                if not standing(plan, ended).todo:
                    return

    return run


def standing(plan: Plan, outcomes: Iterable[Outcome]) -> Race:
    """How the race of a study stands, by the validation scores that chose each trial's epoch."""
    values: dict[str, dict[int, float]] = {arm.label: {} for arm in plan.arms}
    for outcome in outcomes:
        chosen = outcome.best_epoch
        history = outcome.history.get(f"val_{plan.metric}")
        values[outcome.arm][outcome.seed] = history[chosen - 1] if chosen and history else math.nan
    return decide(values, plan.seeds, plan.direction)


def _measure(
    cells_: list[Cell],
    tune: Tune | None,
    store: Store,
    execution: Execution,
    environment: dict[str, Any],
    listener: Listener,
) -> None:
    """Time those activations that have trained and are not measured yet."""
    known = {measurement.arm for measurement in store.measurements()}
    step_ms: dict[str, list[float]] = defaultdict(list)
    for outcome in store.outcomes(long=False):
        if outcome.status == "completed" and (ms := outcome.measures.get("step_ms")):
            step_ms[outcome.arm].append(ms)
    todo = [cell for cell in cells_ if cell.arm.label in step_ms.keys() - known]
    if tune is not None:
        chosen = {tuning.arm: tuning.chosen for tuning in store.tunings()}
        todo = [replace(cell, build=Tuned(cell.build, tune, chosen[cell.arm.label])) for cell in todo]
    if not todo:
        return
    listener.measuring([cell.arm.label for cell in todo])
    step_s = {label: statistics.median(values) / 1e3 for label, values in step_ms.items()}
    for measurements in lane(todo, step_s, execution):
        store.add_measurements(measurements, environment)


def _tuned(
    todo: list[Cell], tune: Tune, store: Store, execution: Execution, listener: Listener
) -> tuple[list[Cell], list[Outcome]]:
    """The cells with what a search found for each, and the outcomes of those for which it found nothing."""
    from keras_acts_tuning.search import Search, failures, tuning_of

    found = {tuning.arm: tuning for tuning in store.tunings()}
    searches = [
        replace(cell, seeds=(SEARCH_SEED,), search=Search(tune)) for cell in todo if cell.arm.label not in found
    ]
    limit = execution.trial_timeout_s
    execution = replace(execution, trial_timeout_s=None if limit is None else limit * tune.trials)
    for outcome in execute(searches, execution, listener.progressed):
        tuning = found[outcome.arm] = tuning_of(outcome)
        store.add_tuning(tuning)
        listener.searched(tuning)
    lost = [o for cell in todo if not found[cell.arm.label].chosen for o in failures(cell, found[cell.arm.label])]
    cells = [
        replace(cell, build=Tuned(cell.build, tune, chosen))
        for cell in todo
        if (chosen := found[cell.arm.label].chosen)
    ]
    return cells, lost


def resolve_data(data: Data | tuple[Any, Any] | str | Path, target: str | None = None) -> Data:
    """The data that a name, a path or arrays mean.

    Raises:
        StudyError: They mean nothing, or the data cannot be studied.
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, tuple):
        if len(data) != 2:
            raise StudyError(received("Arrays need to come as a pair (x, y)", length=len(data)))
        return from_arrays(*data)
    if task := find_task(str(data)):
        if target is not None:
            raise StudyError(received("`--target` names a column of a .csv", target=target, data=str(data)))
        return task.load()
    if not Path(data).suffix and not Path(data).exists():
        raise StudyError(
            received(
                f"DATA needs to be a built-in task, or a .npz or .csv file; {nearest(str(data), TASKS)}", data=str(data)
            )
        )
    return load_file(data, target)


def load(directory: str | Path) -> "Comparison":
    """The comparison stored in `directory`, finished or not.

    Raises:
        StudyError: There is none, or it cannot be read.
    """
    with Store.open(directory) as store:
        return Comparison(
            Path(directory),
            store.plan,
            store.outcomes(),
            store.environments(),
            store.measurements(),
            store.tunings(),
        )


_SURE = ("parameters", "peak_memory_bytes")
"""Measures of a trial that no other trial beside it can spoil."""

_BUSY = 1.25
"""Processes a core above which a machine does something else than a study's own work."""


def _alone(outcome: Outcome) -> bool:
    """Whether no other trial ran beside this one."""
    return bool(outcome.details.get("alone", True))


@dataclass(frozen=True)
class Row:
    """One arm in the table.

    Args:
        activation: The arm's label.
        completed: Trials that completed with a finite score.
        planned: Trials planned.
        mean: Mean score over the completed trials, on the test part.
        spread: Their standard deviation (of a sample).
        difference: Mean difference to the reference over the seeds that both completed, with its 95 %
            interval.
        finding: `"better"` or `"worse"` where the difference is shown at 5 % over all arms (Holm),
            else `"open"`; empty for the reference.
        best_probability: How likely this is the best arm, over new seeds.
        train_s: Median seconds of training, without compiling, validation and callbacks, over the
            trials that ran with no other beside them.
        compile_s: Seconds of tracing and compiling, once an arm, as `step_ms`.
        step_ms: Median milliseconds a training step, as measured apart from the trials; where that
            was not done, over the trials that ran with no other beside them.
        latency_ms: Median milliseconds of a forward pass of one example, measured apart.
        peak_memory_bytes: Peak memory of the arm's process above what it held at its start.
        parameters: Parameters of the network.
        tuned: The hyper-parameters that the search before its trials chose.
    """

    activation: str
    completed: int
    planned: int
    mean: float | None
    spread: float | None
    difference: Estimate | None
    finding: str
    best_probability: float | None
    train_s: float | None
    compile_s: float | None
    step_ms: float | None
    latency_ms: float | None
    peak_memory_bytes: float | None
    parameters: int | None
    tuned: Mapping[str, Any]


class Comparison:
    """A comparison's results, as stored.

    Args:
        directory: The study's directory.
        plan: The study as planned.
        outcomes: The trials that have ended.
        environments: The machines and versions that they ran on.
        measurements: What was measured apart from the trials.
        tunings: What a search found for each arm before them.
    """

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        outcomes: list[Outcome],
        environments: list[dict[str, Any]],
        measurements: Sequence[Measurement] = (),
        tunings: Sequence[Tuning] = (),
    ) -> None:
        self.directory = directory
        self.plan = plan
        self.outcomes = outcomes
        self.environments = environments
        self.measurements = tuple(measurements)
        self.tunings = tuple(tunings)

    @cached_property
    def race(self) -> Race | None:
        """How the race stands; `None` for a study without one."""
        return standing(self.plan, self.outcomes) if self.plan.race else None

    @property
    def complete(self) -> bool:
        """Whether every trial that the plan, or its race, asks for has ended."""
        return not self.race.todo if self.race else len(self.outcomes) == len(self.plan.trials)

    @property
    def tuned(self) -> dict[str, Mapping[str, Any]]:
        """The hyper-parameters that were chosen for each arm."""
        return {tuning.arm: tuning.chosen for tuning in self.tunings}

    @property
    def failures(self) -> list[Outcome]:
        """The trials that did not complete."""
        return [outcome for outcome in self.outcomes if outcome.status != "completed"]

    def scores(self, label: str) -> dict[int, float]:
        """The scores of an arm's completed trials, by seed."""
        pairs = {o.seed: o.score for o in self.outcomes if o.arm == label and o.status == "completed"}
        return {seed: score for seed, score in sorted(pairs.items()) if score is not None}

    @cached_property
    def all_scores(self) -> Scores:
        """The scores of every arm, a trial that diverged being NaN, as `keras_acts_tuning.analyse` takes them."""
        plan = self.plan
        values: dict[str, dict[int, float]] = {arm.label: self.scores(arm.label) for arm in plan.arms}
        for outcome in self.outcomes:
            if outcome.status == "diverged":
                values[outcome.arm][outcome.seed] = math.nan
        ended = Counter(outcome.arm for outcome in self.outcomes)
        return Scores(plan.metric, plan.direction, values, ended)

    @cached_property
    def analysis(self) -> Analysis:
        """Differences to the reference, tests, and what may be best; see `keras_acts_tuning.analyse`."""
        return analyse(self.all_scores, self.plan.reference)

    @property
    def timing(self) -> str:
        """How the times in the table were taken, in a sentence or two."""
        apart = {m.arm for m in self.measurements if m.name == "step_ms" and m.value is not None}
        beside = any(not _alone(outcome) for outcome in self.outcomes)
        sentences = ["Trials that ran side by side have no times." if beside else "Trials ran one at a time."]
        if apart:
            sentences.append("Steps, latency and compilation were timed apart, one activation at a time.")
        load = max((m.value or 0.0 for m in self.measurements if m.name == "load_per_core"), default=0.0)
        if load > _BUSY:
            sentences.append(f"The machine was busy then: its load was {load:.1f} processes a core.")
        return " ".join(sentences)

    def verdict(self) -> Verdict:
        """What to use, how sure that is, and at what cost, in up to three sentences; and what was tuned for it."""
        rows = self.table()
        time = ("training time", "train_s") if any(row.train_s for row in rows) else ("time a step", "step_ms")
        costs = dict([time, ("memory", "peak_memory_bytes")])
        answer = verdict(
            self.analysis,
            {name: {row.activation: getattr(row, field) for row in rows} for name, field in costs.items()},
        )
        if answer.pick is None or not (chosen := self.tuned.get(answer.pick)):
            return answer
        return replace(answer, sentences=(*answer.sentences, f"Tuned for {answer.pick}: {described(chosen)}."))

    def table(self) -> list[Row]:
        """A row an arm, the best mean first, arms without a score last."""
        sign = -1.0 if self.plan.direction == "max" else 1.0
        rows = [self._row(arm.label) for arm in self.plan.arms]
        return sorted(rows, key=lambda row: math.inf if row.mean is None else sign * row.mean)

    def to_dict(self) -> dict[str, Any]:
        """The plan, the table and every trial, as plain data."""
        return {
            "directory": str(self.directory),
            "complete": self.complete,
            "plan": self.plan.to_dict(),
            "verdict": self.verdict().to_dict(),
            "race": self.race.to_dict() if self.race else None,
            "table": [asdict(row) for row in self.table()],
            "tunings": [asdict(tuning) for tuning in self.tunings],
            "trials": [asdict(outcome) for outcome in self.outcomes],
            "measurements": [asdict(measurement) for measurement in self.measurements],
            "timing": self.timing,
            "environments": self.environments,
        }

    def to_pandas(self, *, histories: bool = False) -> Any:
        """A pandas data frame: a row a trial with the plan, the score and every measure.

        Args:
            histories: Whether to give a row an epoch, with every metric, instead. Defaults to `False`.

        Raises:
            StudyError: pandas is missing.
        """
        from keras_acts_tuning.export import rows, to_pandas

        return to_pandas(rows(self, histories=histories))

    def plot(self, path: str | Path | None = None, kind: str = "scores") -> Path:
        """Draw one of the report's plots.

        Args:
            path: A `.png`, `.svg` or `.pdf` file. Defaults to `plot.png` in the study's directory.
            kind: `"scores"` (every score and each arm's mean), `"forest"`, `"curves"`, `"ranks"`,
                `"pareto"`, `"costs"`, `"learned"` or `"health"`. Defaults to `"scores"`.

        Returns:
            The file.

        Raises:
            StudyError: There is no such kind, the study has nothing to show in it, or the file cannot
                be written.
        """
        from keras_acts_tuning.report import save_plot

        return save_plot(self, kind, Path(path) if path is not None else self.directory / "plot.png")

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report: one HTML file that needs no network.

        Args:
            path: The file. Defaults to `report.html` in the study's directory.

        Returns:
            The file.

        Raises:
            StudyError: The file cannot be written.
        """
        from keras_acts_tuning.report import write_report

        return write_report([self], Path(path) if path is not None else self.directory / "report.html")

    def _row(self, label: str) -> Row:
        scores = list(self.all_scores.finite(label).values())
        completed = [o for o in self.outcomes if o.arm == label and o.status == "completed"]

        apart = {m.name: m.value for m in self.measurements if m.arm == label}

        def measured(name: str, summary: Callable[[list[float]], float] = statistics.median) -> float | None:
            values = [v for o in completed if (v := o.measures.get(name)) is not None and (_alone(o) or name in _SURE)]
            return summary(values) if values else None

        def timed(name: str, summary: Callable[[list[float]], float] = statistics.median) -> float | None:
            return measured(name, summary) if apart.get(name) is None else apart[name]

        parameters = measured("parameters")
        against = self.analysis.differences.get(label)
        summary = self.analysis.arms.get(label)
        return Row(
            activation=label,
            completed=len(scores),
            planned=len(self.plan.seeds),
            mean=float(np.mean(scores)) if scores else None,
            spread=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
            difference=against.difference if against else None,
            finding=against.finding if against else "",
            best_probability=summary.best_probability if summary else None,
            train_s=measured("train_s"),
            compile_s=timed("compile_s", max),  # only the first trial of an arm compiles
            step_ms=timed("step_ms"),
            latency_ms=apart.get("latency_1_ms"),
            peak_memory_bytes=measured("peak_memory_bytes", max),
            parameters=None if parameters is None else int(parameters),
            tuned=self.tuned.get(label, {}),
        )
