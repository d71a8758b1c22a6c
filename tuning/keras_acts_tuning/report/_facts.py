"""What a report shows, computed from the stored study: curves, costs, ranks, what was learned, health."""

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_acts._lookup import defaults, layer_class
from keras_acts_tuning.analyse import Direction, Estimate, Ranking, Scores, mean_interval, rank

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

_NUMBER = re.compile(r"\d+")

CURVE_POINTS = 100
"""Of a learning curve; a longer training is thinned to as many."""


@dataclass(frozen=True)
class Curve:
    """The validation metric over the epochs.

    Args:
        epochs: From 1.
        means: Over the trials that completed, at each of them.
        trials: How many those are.
        ended: For each trial that diverged, its seed, its last epoch, and the metric before it, if any.
    """

    epochs: tuple[int, ...]
    means: tuple[Estimate, ...]
    trials: int
    ended: tuple[tuple[int, int, float | None], ...]


def curves(comparison: "Comparison") -> dict[str, Curve]:
    """Each arm's learning curve."""
    name = f"val_{comparison.plan.metric}"
    found = {}
    for arm in labels(comparison):
        stories = [(o, o.history[name]) for o in comparison.outcomes if o.arm == arm and o.history.get(name)]
        whole = [values for outcome, values in stories if outcome.status == "completed"]
        length = min(map(len, whole), default=0)
        kept = sorted({round(place) for place in np.linspace(0, length - 1, min(length, CURVE_POINTS))})
        means = [_mean([values[index] for values in whole]) for index in kept]
        ended = [
            (o.seed, len(values), next((v for v in reversed(values) if math.isfinite(v)), None))
            for o, values in stories
            if o.status == "diverged"
        ]
        if means or ended:
            found[arm] = Curve(tuple(index + 1 for index in kept), tuple(means), len(whole), tuple(ended))
    return found


def _mean(values: list[float]) -> Estimate:
    finite = np.array(values)
    return mean_interval(finite) if np.isfinite(finite).all() else Estimate(math.nan)


@dataclass(frozen=True)
class Measure:
    """What the arms cost by one measure.

    Args:
        name: In words.
        unit: Of its numbers; empty for a plain count.
        method: How it was measured.
        values: By arm, with the ends of its spread.
        reasons: By arm, why it was not measured.
        direction: Which way is better.
        weighed: Whether scores are to be weighed against it: a cost by itself, not a part or a cause of one.
    """

    name: str
    unit: str
    method: str
    values: Mapping[str, Estimate]
    reasons: Mapping[str, str]
    direction: Direction
    weighed: bool


_OF_TRIALS = {
    "train_s": ("s", "median over trials (least to greatest), without compiling and validation"),
    "step_ms": ("ms", "median over trials (least to greatest)"),
    "compile_s": ("s", "tracing and compiling, once an activation, in its first trial"),
    "peak_memory_bytes": ("B", "the most over trials, of the process above what it held at its start"),
    "parameters": ("", "counted"),
}
_NAMES = {
    "train_s": "training time",
    "step_ms": "time a step",
    "step_cpu_ms": "processor time a step",
    "compile_s": "compile time",
    "latency_1_ms": "latency, one example",
    "latency_batch_ms": "latency, a batch",
    "forward_flops": "operations, one example",
    "peak_device_memory_bytes": "peak device memory",
    "epoch_energy_cpu_j": "processor energy an epoch",
    "epoch_energy_gpu_j": "accelerator energy an epoch",
    "throughput_per_s": "throughput",
    "other_cpu_share": "taken by others meanwhile",
    "load_per_core": "load while it was timed",  # of studies that were measured before there was `other_cpu_share`
}
_WEIGHED = (
    "train_s",
    "peak_memory_bytes",
    "latency_1_ms",
    "peak_device_memory_bytes",
    "epoch_energy_cpu_j",
    "epoch_energy_gpu_j",
)


def measures(comparison: "Comparison") -> list[Measure]:
    """What was measured: of every trial, and apart from them, which goes before it where both were."""
    found = {name: _of_trials(comparison, name) for name in _OF_TRIALS}
    apart = defaultdict(list)
    for measurement in comparison.measurements:
        apart[measurement.name].append(measurement)
    for name, taken in apart.items():
        values = {m.arm: Estimate(m.value, m.low, m.high) for m in taken if m.value is not None}
        reasons = {m.arm: m.reason for m in taken if m.value is None}
        methods = _in_one([m.method for m in taken])
        unit = "" if taken[0].unit == name else taken[0].unit
        if values or name not in found:
            found[name] = _measure(name, unit, methods, values, reasons)
    return [measure for measure in found.values() if measure.values or measure.reasons]


def _in_one(texts: Sequence[str]) -> str:
    """The texts as one: clauses that differ in their numbers alone are said once, with the range of each."""
    numbers: dict[str, list[list[int]]] = {}
    for clause in (clause for text in texts for clause in text.split("; ")):
        numbers.setdefault(_NUMBER.sub("\0", clause), []).append([int(n) for n in _NUMBER.findall(clause)])
    said = []
    for clause, found in numbers.items():
        ranges = (f"{min(n)} to {max(n)}" if len(set(n)) > 1 else str(n[0]) for n in zip(*found, strict=True))
        said.append(re.sub("\0", lambda _, ranges=ranges: next(ranges), clause))  # type: ignore[misc]
    return "; ".join(said)


def _of_trials(comparison: "Comparison", name: str) -> Measure:
    unit, method = _OF_TRIALS[name]
    values: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    for row in comparison.table():
        trials = [o for o in comparison.outcomes if o.arm == row.activation and o.status == "completed"]
        taken = [value for o in trials if (value := o.measures.get(name)) is not None]
        value = getattr(row, name)
        if value is not None:
            spread = (min(taken), max(taken)) if name in ("train_s", "step_ms") and len(taken) > 1 else (None, None)
            values[row.activation] = Estimate(float(value), *spread)
        elif trials:
            reasons[row.activation] = trials[0].details.get("not_measured", {}).get(name, "not recorded")
    return _measure(name, unit, method, values, reasons)


def _measure(name: str, unit: str, method: str, values: Mapping[str, Estimate], reasons: Mapping[str, str]) -> Measure:
    direction: Direction = "max" if name.startswith("throughput") else "min"
    return Measure(
        _NAMES.get(name, name.removesuffix("_bytes").replace("_", " ")),
        unit,
        method,
        values,
        reasons,
        direction,
        name in _WEIGHED,
    )


def prices(comparison: "Comparison") -> list[Measure]:
    """The measures that scores are weighed against, and how many parameters the networks have."""
    return [m for m in measures(comparison) if m.values and (m.weighed or m.name == "parameters")]


def seed_ranks(comparison: "Comparison") -> Ranking | None:
    """How the arms rank with each seed; `None` where fewer than two seeds or arms can be ranked."""
    scores = comparison.all_scores
    by_seed = {
        f"seed {seed}": Scores(
            scores.metric,
            scores.direction,
            {arm: {seed: values[seed]} for arm, values in scores.values.items() if seed in values},
            dict.fromkeys(scores.arms, 1),
        )
        for seed in comparison.plan.seeds
        if any(seed in values for values in scores.values.values())
    }
    return ranking(by_seed)


def ranking(tasks: Mapping[str, Scores]) -> Ranking | None:
    """The ranks over several tasks; `None` where fewer than two tasks or arms can be ranked."""
    arms = {arm for scores in tasks.values() for arm in scores.arms}
    everywhere = [arm for arm in arms if all(scores.values.get(arm) for scores in tasks.values())]
    return rank(tasks) if len(tasks) > 1 and len(everywhere) > 1 else None


@dataclass(frozen=True)
class Learned:
    """What a parameter of one layer became, over the trials of an arm.

    Args:
        arm: The arm.
        layer: The layer's path.
        parameter: The parameter's name.
        start: Where it started; `None` where that is no single number.
        mean: Its mean over units and trials.
        least: Its least value over both.
        greatest: Its greatest.
        trials: How many trials.
    """

    arm: str
    layer: str
    parameter: str
    start: float | None
    mean: float
    least: float
    greatest: float
    trials: int


def learned(comparison: "Comparison") -> list[Learned]:
    """What the learned parameters became, by arm and layer."""
    found = []
    for arm in comparison.plan.arms:
        trials = [o.details.get("learned") or {} for o in comparison.outcomes if o.arm == arm.label]
        for layer, tables in _by_layer(trials).items():
            for parameter in tables[0]:
                values = [table[parameter] for table in tables if parameter in table]
                found.append(
                    Learned(
                        arm.label,
                        layer,
                        parameter,
                        _start(arm.name, {**dict(arm.arguments)}, parameter),
                        statistics.fmean(value["mean"] for value in values),
                        min(value["least"] for value in values),
                        max(value["greatest"] for value in values),
                        len(values),
                    )
                )
    return found


def _start(name: str, arguments: Mapping[str, Any], parameter: str) -> float | None:
    value = arguments.get(parameter, defaults(layer_class(name)).get(parameter))
    return float(value) if isinstance(value, (int, float)) else None


HEALTH = {
    "dead": "dead units",
    "saturated": "saturated units",
    "sparsity": "zeros",
    "mean": "mean",
    "variance": "variance",
    "gradient_norm": "gradient norm",
    "gradient_factor": "gradient factor",
}
"""What is recorded of a layer's health, and what tables call it."""


@dataclass(frozen=True)
class Health:
    """How the networks of an arm fared.

    Args:
        layers: By layer, each quantity's median over trials.
        findings: What was found wrong, each in words with the number of trials that it was found in, the
            most frequent first.
        trials: How many trials it was recorded of.
    """

    layers: Mapping[str, Mapping[str, float]]
    findings: Mapping[str, int]
    trials: int

    @property
    def gradient(self) -> float | None:
        """The gradient at the first layer over that at the last hidden one; `None` where there are no two."""
        factors = [layer["gradient_factor"] for layer in self.layers.values() if "gradient_factor" in layer]
        return math.prod(factors) if factors else None


def health(comparison: "Comparison") -> dict[str, Health]:
    """The health of each arm's networks, of the arms of which it was recorded."""
    found = {}
    for arm in labels(comparison):
        reports = [r for o in comparison.outcomes if o.arm == arm and (r := o.details.get("health"))]
        if not reports:
            continue
        layers = {
            layer: {
                name: statistics.median(values)
                for name in HEALTH
                if (values := [float(v) for table in tables if (v := table.get(name)) is not None])
            }
            for layer, tables in _by_layer([report["layers"] for report in reports]).items()
        }
        found[arm] = Health(layers, _findings(reports), len(reports))
    return found


_FINDINGS = {
    "dying": "{layer} is dying: {value:.0%} of its units are 0 for every example",
    "saturating": "{layer} is saturated: at {value:.0%} of its outputs the slope is next to nothing",
    "vanishing": "the gradient vanishes at {layer}: {value:.2g} of that at the last hidden layer",
    "exploding": "the gradient explodes at {layer}: {value:.2g} times that at the last hidden layer",
}


def _findings(reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Each finding in words, of the median over the trials that it was found in, and how many those are."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for report in reports:
        for finding in report["findings"]:
            values[finding["kind"], finding["layer"]].append(finding["value"])
    ordered = sorted(values.items(), key=lambda item: -len(item[1]))
    return {
        _FINDINGS[kind].format(layer=layer, value=statistics.median(seen)): len(seen) for (kind, layer), seen in ordered
    }


def _by_layer(trials: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The tables of each layer over the trials.

    By place, since a name may count up from one network of a process to the next.
    """
    names: list[str] = []
    tables: list[list[Any]] = []
    for trial in trials:
        for place, (name, table) in enumerate(trial.items()):
            if place == len(names):
                names.append(name)
                tables.append([])
            tables[place].append(table)
    return dict(zip(names, tables, strict=True))


def labels(comparison: "Comparison") -> list[str]:
    """The arms, the best mean first."""
    return [row.activation for row in comparison.table()]
