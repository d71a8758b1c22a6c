"""What the command line prints: progress while a study runs, and tables."""

import dataclasses
import json
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import keras_acts as ka
from keras_acts._lookup import defaults, family_of, learned_by_default
from keras_acts_tuning.analyse import Estimate, plain
from keras_acts_tuning.cell import Progress
from keras_acts_tuning.comparison import Comparison, Row
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.store import Outcome, Tuning
from keras_acts_tuning.study import Listener
from keras_acts_tuning.suite import Suite
from keras_acts_tuning.tasks import SUITES, TASKS
from keras_acts_tuning.tune import SEARCH_SEED, described


class Display(Listener):
    """Progress on the terminal: what runs, what is left, the leader so far.

    On standard error, so that standard output holds the result alone. Where that is no terminal it
    is a line a trial.

    Args:
        quiet: Whether to show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._running = dict[str, Progress]()
        self._scores = defaultdict[str, list[float]](list)
        self._failures = 0
        self._plan: Plan | None = None
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = None

    def planned(self, plan: Plan, finished: list[Outcome]) -> None:
        """Begin the display, of the first study or of the next."""
        self._end()
        self._plan = plan
        self._running.clear()
        self._scores.clear()
        self._failures = 0
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        total = len(plan.trials)
        for outcome in finished:
            self._count(outcome)
        what = f"{plan.data['name']}: {len(plan.arms)} activations × {len(plan.seeds)} seeds × {plan.epochs} epochs"
        if plan.tune is not None:
            what += f", each tuned first ({plan.tune.tuner}, {plan.tune.trials} trainings)"
        self._console.print(what + (f"; {len(finished)} of {total} trials are stored already" if finished else ""))
        self._task = self._bar.add_task("trials", total=total, completed=len(finished))
        if self._console.is_terminal and len(finished) < total:
            self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=4, transient=True)
            self._live.start()

    def progressed(self, progress: Progress) -> None:
        """Note a trial's epoch."""
        self._running[progress.arm] = progress

    def searched(self, tuning: Tuning) -> None:
        """Note what a search found."""
        self._running.pop(tuning.arm, None)
        if self._live is None:
            found = described(tuning.chosen) or "the search found no values"
            found += f" ({tuning.failures})" if tuning.failures else ""
            self._console.print(f"{tuning.arm}: {found}", markup=False, highlight=False, soft_wrap=True)

    def ended(self, outcome: Outcome) -> None:
        """Note a trial's end."""
        self._running.pop(outcome.arm, None)
        self._count(outcome)
        self._bar.advance(self._task)
        if self._live is None:
            result = f"{outcome.score:.4g}" if outcome.score is not None else f"{outcome.status}: {outcome.reason}"
            self._console.print(
                f"{outcome.arm}, seed {outcome.seed}: {result}", markup=False, highlight=False, soft_wrap=True
            )

    def measuring(self, labels: list[str]) -> None:
        """Say that the timing begins."""
        what = f"{len(labels)} activations" if len(labels) > 1 else labels[0]
        self._console.print(f"timing {what}, one at a time", markup=False, highlight=False)

    def _count(self, outcome: Outcome) -> None:
        if outcome.status == "completed" and outcome.score is not None:
            self._scores[outcome.arm].append(outcome.score)
        else:
            self._failures += 1

    def _render(self) -> Table:
        assert self._plan is not None
        grid = Table.grid()
        grid.add_row(self._bar)
        for progress in self._running.values():
            grid.add_row(
                Text(
                    f"  {progress.arm}, {'search' if progress.seed == SEARCH_SEED else f'seed {progress.seed}'}: "
                    f"epoch {progress.epoch} of {self._plan.epochs}, "
                    f"validation {self._plan.metric} {progress.value:.4g}"
                )
            )
        means = {arm: math.fsum(scores) / len(scores) for arm, scores in self._scores.items()}
        if means:
            best = (max if self._plan.direction == "max" else min)(means, key=means.__getitem__)
            count = len(self._scores[best])
            trials = "trial" if count == 1 else "trials"
            grid.add_row(
                Text(f"  leader so far: {best}, mean {self._plan.metric} {means[best]:.4g} over {count} {trials}")
            )
        if self._failures:
            grid.add_row(Text(f"  {self._failures} not completed"))
        return grid


def print_result(found: Comparison | Suite, *, as_json: bool) -> None:
    """Print the answer of one study, or of several."""
    if as_json:
        print_json(found.to_dict())
    elif isinstance(found, Suite):
        _print_suite(found)
    else:
        _print_comparison(found)


def _print_comparison(comparison: Comparison) -> None:
    """The table, what failed, and where the plot is."""
    plan, console = comparison.plan, _console()
    first, *more = _tables(comparison, console)
    console.print(first)
    for table in more:
        console.print()
        console.print(table)
    console.print(
        f"{plan.metric} on the test part, at the best epoch on the validation part: mean ± standard deviation over "
        f"seeds; ▲ shown better, ▼ shown worse than {plan.reference} (paired, corrected for all comparisons, 5 %). "
        f"Times are medians, memory is the peak above the start of the process. {comparison.timing}",
        style="dim",
        highlight=False,
    )
    console.print()
    console.print(Text(str(comparison.verdict()), style="bold"))
    if comparison.race:
        console.print(Text(str(comparison.race)))
    if not comparison.complete or comparison.race:
        console.print(f"{len(comparison.outcomes)} of {len(plan.trials)} planned trials have ended.")
    for tuning in comparison.tunings:
        if tuning.failures:
            console.print(Text(f"{tuning.arm}, search: {tuning.failures}"))
    for outcome in comparison.failures:
        console.print(Text(f"{outcome.arm}, seed {outcome.seed} {outcome.status.replace('_', ' ')}: {outcome.reason}"))
    if len(comparison.failures) < len(comparison.outcomes):
        print_files([comparison.plot()])


def _print_suite(suite: Suite) -> None:
    """Each study, then the ranks over them all and what they show."""
    console = _console()
    for name, comparison in zip(suite.names, suite.comparisons, strict=True):
        console.print(Text(name, style="bold underline"))
        _print_comparison(comparison)
        console.print()
    if ranking := suite.ranking():
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("activation", overflow="fold")
        for heading in ("mean rank", *ranking.tasks):
            table.add_column(heading, justify="right", overflow="fold")
        for label, ranks in ranking.ranks.items():
            places = (ranking.mean_ranks[label], *ranks)
            table.add_row(Text(label), *(f"{place:.2f}".removesuffix(".00") for place in places))
        console.print(table)
        console.print("1 is the best mean score; equal ones share their ranks.", style="dim", highlight=False)
        console.print()
    console.print(Text(suite.verdict(), style="bold"))


def print_tasks(*, as_json: bool) -> None:
    """Print the built-in tasks, and what each needs."""
    rows: list[dict[str, Any]] = [
        {
            "name": task.name,
            "network": task.build.__name__,
            "epochs": task.epochs,
            "suites": [suite for suite, names in SUITES.items() if task.name in names],
            "needs": task.needs or None,
            "installed": task.installed,
            "data": task.title,
        }
        for task in TASKS.values()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "network", "epochs", "suite", "needs", "data"):
        table.add_column(heading, justify="right" if heading == "epochs" else "left", overflow="fold")
    for row in rows:
        state = "" if row["installed"] else " (missing)"
        needs = f"keras-acts[suite]: {row['needs']}{state}" if row["needs"] else ""
        cells = (row["name"], row["network"], row["epochs"], ", ".join(row["suites"]), needs, row["data"])
        table.add_row(*(Text(str(cell)) for cell in cells))
    _console().print(table)


def print_files(files: Sequence[Path], *, quiet: bool = False) -> None:
    """Say which files were written."""
    for file in [] if quiet else files:
        name = "Report" if file.suffix == ".html" else "Plot"
        _console().print(Text(f"{name}: {file}"), soft_wrap=True)


def print_status(plan: Plan, outcomes: list[Outcome], *, as_json: bool) -> None:
    """Print how many trials of each arm have ended, and how."""
    counts = {arm.label: {"planned": len(plan.seeds), "completed": 0, "not completed": 0} for arm in plan.arms}
    for outcome in outcomes:
        counts[outcome.arm]["completed" if outcome.status == "completed" else "not completed"] += 1
    if as_json:
        print_json({"planned": len(plan.trials), "ended": len(outcomes), "activations": counts})
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("activation", overflow="fold")
    for name in ("planned", "completed", "not completed"):
        table.add_column(name, justify="right")
    for label, count in counts.items():
        table.add_row(Text(label), *(str(number) for number in count.values()))
    console = _console()
    console.print(table)
    console.print(f"{len(outcomes)} of {len(plan.trials)} trials have ended.")


def print_catalogue(names: list[str], *, as_json: bool) -> None:
    """Print the activations' names with what they learn and where they come from."""
    if as_json:
        print_json([_facts(ka.ACTIVATIONS[name]) for name in names])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "layer", "family", "learns", "source"):
        table.add_column(heading, overflow="fold")
    for name in names:
        cls = ka.ACTIVATIONS[name]
        table.add_row(
            *(
                Text(t)
                for t in (name, cls.__name__, family_of(cls), ", ".join(learned_by_default(cls)), cls.spec.source)
            )
        )
    _console().print(table)


def print_activation(cls: type[ka.Activation], *, as_json: bool) -> None:
    """Print all that the catalogue knows of an activation."""
    facts = _facts(cls)
    if as_json:
        print_json(facts)
        return
    spec, console = cls.spec, _console()
    summary = (getattr(spec.function, "__doc__", None) or cls.__doc__ or "").split("\n\n")[0]
    console.print(Text(f"{spec.name} · keras_acts.{cls.__name__}", style="bold"))
    console.print(Text(" ".join(summary.split())))
    smooth = {-1: "jumps", 0: "a kink: the derivative jumps", math.inf: "smooth"}.get(
        spec.smoothness, f"{spec.smoothness:g} continuous derivatives"
    )
    lines = {
        "formula (LaTeX)": spec.formula,
        "range": "{:.5g} to {:.5g}".format(*spec.range),
        "monotone": "yes" if spec.monotone else "no",
        "smoothness": smooth,
        "kernel initializer": spec.initializer,
        "family": family_of(cls),
        "source": spec.source,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in lines.items():
        table.add_row(Text(name, style="dim"), Text(text))
    for name, default in defaults(cls).items():
        param = spec.params.get(name)
        learned = f"learned, one value a {param.per}" if param and name in learned_by_default(cls) else ""
        fixed = "fixed, can be learned" if param and not learned else ""
        table.add_row(
            Text(f"argument {name}", style="dim"), Text(f"{default!r}" + (f" ({learned or fixed})" if param else ""))
        )
    console.print(table)


def print_json(value: Any) -> None:
    """Print plain data as JSON; NaN and the infinities, for which JSON has no word, become null."""
    print(json.dumps(plain(value), indent=2, default=str))  # noqa: T201


Columns: TypeAlias = dict[str, list[str]]
"""Cells by heading."""

_INTERVAL = "95 % interval"


def _tables(comparison: Comparison, console: Console) -> list[Table]:
    """The whole table; where the terminal is too narrow for it, one of the scores and one of what they cost."""
    plan, rows, form = comparison.plan, comparison.table(), comparison.form
    marks = {"better": " ▲", "worse": " ▼"}
    apart = [row.difference for row in rows]
    scores: Columns = {
        plan.metric: [_number(row.mean, f"{{:{form}}}") for row in rows],
        "": [_number(row.spread, f"± {{:{form}}}") for row in rows],
        f"vs {plan.reference}": [
            format(d.value, f"+{form}") + marks.get(row.finding, "  ") if d else ""
            for row, d in zip(rows, apart, strict=True)
        ],
        _INTERVAL: [_interval(difference, f"+{form}") for difference in apart],
        "trials": [f"{row.completed}/{row.planned}" for row in rows],
    }
    mebibytes = [None if row.peak_memory_bytes is None else row.peak_memory_bytes / 2**20 for row in rows]
    costs: Columns = {
        "train s": [_number(row.train_s, "{:.2f}") for row in rows],
        "ms/step": [_number(row.step_ms, "{:.2f}") for row in rows],
        "latency ms": [_number(row.latency_ms, "{:.2f}") for row in rows],
        "compile s": [_number(row.compile_s, "{:.2f}") for row in rows],
        "memory": [_number(size, "{:.0f} MiB") for size in mebibytes],
        "parameters": [_number(row.parameters, "{:,}") for row in rows],
    }
    tuned: Columns = {} if plan.tune is None else {"tuned": [described(row.tuned) for row in rows]}
    whole = _table(plan, rows, scores | costs, tuned)
    if console.measure(whole, options=console.options.update(width=1000)).maximum <= console.width:
        return [whole]
    return [_table(plan, rows, scores, tuned), _table(plan, rows, costs, {})]


def _table(plan: Plan, rows: list[Row], numbers: Columns, texts: Columns) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("activation", overflow="fold", min_width=10)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=heading != _INTERVAL)
    for heading in texts:
        table.add_column(heading, overflow="fold", min_width=12)
    for index, row in enumerate(rows):
        label = Text(row.activation, style="bold" if row.activation == plan.reference else "")
        table.add_row(label, *(Text(cells[index]) for cells in (numbers | texts).values()))
    return table


def _interval(estimate: Estimate | None, form: str) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:{form}} to {estimate.high:{form}}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _facts(cls: type[ka.Activation]) -> dict[str, Any]:
    spec = cls.spec
    return {
        "name": spec.name,
        "layer": cls.__name__,
        "family": family_of(cls),
        "formula": spec.formula,
        "arguments": defaults(cls),
        "learned": list(learned_by_default(cls)),
        "params": {name: dataclasses.asdict(param) for name, param in spec.params.items()},
        "range": list(spec.range),
        "monotone": spec.monotone,
        "smoothness": spec.smoothness,
        "initializer": spec.initializer,
        "role": spec.role,
        "source": spec.source,
    }


def _console() -> Console:
    # A pipe has no width: a table must not be cut there.
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
