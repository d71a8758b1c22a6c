"""What a study has found: read from its store, and put into words, tables and pictures."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from keras_acts_tuning.analyse import Analysis, Estimate, Race, Scores, Verdict, analyse, race, verdict
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.store import Measurement, Outcome, Store, Tuning
from keras_acts_tuning.tune import described


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
            [tuning for tuning in store.tunings() if tuning.finished],
        )


def standing(plan: Plan, outcomes: Iterable[Outcome]) -> Race:
    """How the race of a study stands, by the validation scores that chose each trial's epoch."""
    values: dict[str, dict[int, float]] = {arm.label: {} for arm in plan.arms}
    for outcome in outcomes:
        chosen = outcome.best_epoch
        history = outcome.history.get(f"val_{plan.metric}")
        values[outcome.arm][outcome.seed] = history[chosen - 1] if chosen and history else math.nan
    return race(values, plan.seeds, plan.direction)


_SURE = ("parameters", "peak_memory_bytes")
"""Measures of a trial that no other trial beside it can spoil."""

_BUSY = 0.25
"""Share of all cores that others take above which they may slow what is timed."""


def _alone(outcome: Outcome) -> bool:
    """Whether no other trial ran beside this one."""
    return bool(outcome.details.get("alone", True))


@dataclass(frozen=True)
class Row:
    """One activation in the table.

    Args:
        activation: Its label.
        completed: Trials that completed with a finite score.
        planned: Trials planned.
        mean: Mean score over the completed trials, on the test part.
        spread: Their standard deviation (of a sample).
        difference: Mean difference to the reference over the seeds that both completed, with its 95 %
            interval.
        finding: `"better"` or `"worse"` where the difference is shown at 5 % over all of them (Holm),
            else `"open"`; empty for the reference.
        best_probability: How likely this is the best one, over new seeds.
        train_s: Median seconds of training, without compiling, validation and callbacks, over the
            trials that ran with no other beside them.
        compile_s: Seconds of tracing and compiling, once an activation, as `step_ms`.
        step_ms: Median milliseconds a training step, as measured apart from the trials; where that
            was not done, over the trials that ran with no other beside them.
        latency_ms: Median milliseconds of a forward pass of one example, measured apart.
        peak_memory_bytes: Peak memory of its process above what it held at its start.
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
        environments: The machines, accelerators and versions that they and the measurements were run with.
        measurements: What was measured apart from the trials.
        tunings: What a search found for each activation before them.
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
        """The hyper-parameters that were chosen for each activation."""
        return {tuning.arm: tuning.chosen for tuning in self.tunings}

    @property
    def failures(self) -> list[Outcome]:
        """The trials that did not complete."""
        return [outcome for outcome in self.outcomes if outcome.status != "completed"]

    def scores(self, label: str) -> dict[int, float]:
        """The scores of an activation's completed trials, by seed."""
        pairs = {o.seed: o.score for o in self.outcomes if o.arm == label and o.status == "completed"}
        return {seed: score for seed, score in sorted(pairs.items()) if score is not None}

    @cached_property
    def all_scores(self) -> Scores:
        """All scores, a trial that diverged being NaN, as `keras_acts_tuning.analyse` takes them."""
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
        others = max((m.value or 0.0 for m in self.measurements if m.name == "other_cpu_share"), default=0.0)
        if others > _BUSY:
            sentences.append(f"The machine was busy then: others took up to {others:.0%} of its processor cores.")
        return " ".join(sentences)

    @cached_property
    def form(self) -> str:
        """How to write a score: as many places as the best mean's size asks for, four for an accuracy."""
        best = next((abs(row.mean) for row in self.table() if row.mean), 1.0)
        power = math.floor(math.log10(best))
        if not -4 <= power < 6:
            return ".3e"
        return f".{min(5 - power, max(4, 2 - power))}f"

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
        """A row an activation, the best mean first, those without a score last."""
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
            kind: `"scores"` (every score and each activation's mean), `"forest"`, `"curves"`, `"ranks"`,
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
