"""Quality against cost: the Pareto front, and the time to a target."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from keras_acts_tuning.analyse._data import Direction, Plain, check_fraction
from keras_acts_tuning.errors import StudyError, received


@dataclass(frozen=True, kw_only=True)
class ParetoFront(Plain):
    """The arms that no other arm beats on every measure at once.

    Args:
        front: Those arms, in the order given.
        dominated: Every other arm, with the arms that are as good on each measure and better on one.
        left_out: Arms that lack one of the measures.
    """

    front: tuple[str, ...]
    dominated: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]


def pareto_front(
    measures: Mapping[str, Mapping[str, float | None]], directions: Mapping[str, Direction]
) -> ParetoFront:
    """The Pareto front over any measures.

    Args:
        measures: Values by measure and arm, such as `{"accuracy": {"relu": 0.9}, "train_s": {"relu": 3.1}}`.
            `None` and NaN are "not measured".
        directions: Whether more (`"max"`) or less (`"min"`) is better, for each measure.

    Raises:
        StudyError: There is no measure, or the two name different ones, or a direction is unknown.

    Example:
    >>> seconds = {"relu": 3.0, "mish": 4.0, "tanh": 4.0}
    >>> pareto_front({"accuracy": {"relu": 0.90, "mish": 0.92, "tanh": 0.88}, "train_s": seconds},
    ...              {"accuracy": "max", "train_s": "min"}).dominated
    {'tanh': ('relu', 'mish')}
    """
    if not measures or measures.keys() != directions.keys():
        need = "`pareto_front` needs a direction for each measure, and a measure at least"
        raise StudyError(received(need, measures=list(measures), directions=dict(directions)))
    if unknown := {name: value for name, value in directions.items() if value not in ("max", "min")}:
        raise StudyError(received("Directions need to be 'max' or 'min'", **unknown))
    arms = list(dict.fromkeys(arm for values in measures.values() for arm in values))
    costs = {arm: [_cost(values.get(arm), directions[name]) for name, values in measures.items()] for arm in arms}
    placed = [arm for arm in arms if not any(math.isnan(cost) for cost in costs[arm])]
    table = np.array([costs[arm] for arm in placed]).reshape(len(placed), len(measures))
    no_worse = np.all(table[:, None] <= table[None], axis=2)
    dominates = no_worse & ~no_worse.T  # no worse on any measure, and not equal on all
    dominated = {
        arm: tuple(other for other, wins in zip(placed, dominates[:, column], strict=True) if wins)
        for column, arm in enumerate(placed)
        if dominates[:, column].any()
    }
    return ParetoFront(
        front=tuple(arm for arm in placed if arm not in dominated),
        dominated=dominated,
        left_out=tuple(arm for arm in arms if arm not in placed),
    )


@dataclass(frozen=True, kw_only=True)
class TimeToTarget(Plain):
    """How long an arm takes to reach a target.

    Args:
        planned: Trials planned.
        reached: Trials that reached the target.
        times_s: Seconds by seed; infinite for a miss.
        median_s: Their median over the trials planned; infinite when half of them or more miss.
        low_s: Lower end of the median's interval; `None` where there are too few trials for one.
        high_s: Upper end, which may be infinite.
    """

    planned: int
    reached: int
    times_s: dict[int, float]
    median_s: float
    low_s: float | None
    high_s: float | None


def time_to_target(times_s: Sequence[float], values: Sequence[float], target: float, direction: Direction) -> float:
    """The first of `times_s` at which a value is as good as the target; infinite if none is.

    Args:
        times_s: Seconds since the start of the training, rising, one for each value.
        values: The metric at these times; NaN is no hit.
        target: The value to reach.
        direction: `"max"` to rise to it, `"min"` to fall to it.

    Raises:
        StudyError: The two sequences differ in length, or the direction is unknown.

    Example:
    >>> time_to_target([1.0, 2.0, 3.0], [0.7, 0.8, 0.9], 0.8, "max")
    2.0
    """
    if len(times_s) != len(values):
        raise StudyError(received("A curve needs a time for each value", times=len(times_s), values=len(values)))
    if direction not in ("max", "min"):
        raise StudyError(received("`direction` needs to be 'max' or 'min'", direction=direction))
    hits = (t for t, v in zip(times_s, values, strict=True) if (v >= target if direction == "max" else v <= target))
    return float(next(hits, math.inf))


def times_to_target(
    curves: Mapping[str, Mapping[int, tuple[Sequence[float], Sequence[float]]]],
    target: float,
    direction: Direction,
    *,
    planned: Mapping[str, int],
    level: float = 0.95,
) -> dict[str, TimeToTarget]:
    """Each arm's time to a target, over its seeds. A miss, and a failed trial, counts as infinite.

    Dropping misses instead would reward an arm for failing when it is slow. The interval is that of
    order statistics, which asks nothing of the distribution; it takes six trials for 95 %.

    Args:
        curves: For each arm and seed, the times in seconds and the values at them.
        target: The value to reach.
        direction: `"max"` to rise to it, `"min"` to fall to it.
        planned: How many trials each arm was to have; an arm that is absent had its curves.
        level: Least coverage of the interval.

    Returns:
        For each arm of `curves` and `planned`.

    Raises:
        StudyError: A curve is malformed, an arm has more curves than planned, or `level` is not between 0 and 1.

    Source: Dahl et al. 2023, arXiv:2306.07179 (AlgoPerf), for counting a miss as infinite; Conover
    1999, "Practical nonparametric statistics", section 3.2, for the interval.
    """
    check_fraction("level", level)
    result = {}
    for arm in dict.fromkeys([*curves, *planned]):
        times = {seed: time_to_target(*curve, target, direction) for seed, curve in curves.get(arm, {}).items()}
        trials = planned.get(arm, len(times))
        if trials < len(times):
            raise StudyError(
                received(f"`planned` needs to cover the curves of '{arm}'", planned=trials, curves=len(times))
            )
        ordered = sorted(times.values()) + [math.inf] * (trials - len(times))
        # The k-th time from either end, k the most that keeps P(fewer than k of n fall below the median) in bounds.
        k = int(stats.binom.ppf((1 - level) / 2, trials, 0.5)) if trials else 0
        result[arm] = TimeToTarget(
            planned=trials,
            reached=sum(map(math.isfinite, times.values())),
            times_s=times,
            median_s=float(np.median(ordered)) if ordered else math.inf,
            low_s=ordered[k - 1] if k else None,
            high_s=ordered[-k] if k else None,
        )
    return result


def _cost(value: float | None, direction: Direction) -> float:
    if value is None:
        return math.nan
    return -value if direction == "max" else value
