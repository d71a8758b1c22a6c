"""The race: which trial to run next, which arms are beyond doubt not the best, and when to stop.

The race of the published kind (Maron and Moore 1994; in blocks, Moore and Lee 1994) runs every arm on
one block after another, here a seed, and drops what a test over the paired results shows to be worse
than the best. Two things are added for blocks as few and as dear as seeds. After the first seed, when
nothing repeats yet, an outlier among the arms is dropped (Grubbs 1950). And the race ends when going on
would hardly change its answer: when the predictive probability that the seeds left drop one more arm is
low (Spiegelhalter, Freedman and Blackburn 1986).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from keras_acts_tuning.analyse._data import Array, Direction, Plain, check_fraction

FUTILE = 0.25
"""The race ends when the chance that the seeds left drop one more arm is below this."""

FEWEST_TRIALS = 0.25
"""The share of the trials planned before which no race is ended as hopeless: too little is known then."""

FEWEST_ARMS = 5
"""Arms from which an outlier among them can be told after one seed."""

_DRAWS = 1_000


@dataclass(frozen=True)
class Race(Plain):
    """A race as it stands.

    Args:
        survivors: The arms still in it: nothing shows that one of them is not the best.
        dropped: The other arms, with the number of seeds after which each went out.
        todo: The trials to run next, an arm with a seed, in this order; empty when the race is over.
        ended: Why it is over; empty while it is not.
    """

    survivors: tuple[str, ...]
    dropped: Mapping[str, int]
    todo: tuple[tuple[str, int], ...]
    ended: str

    def __str__(self) -> str:
        out = ", ".join(f"{arm} (after {runs} seed{'s' * (runs > 1)})" for arm, runs in self.dropped.items())
        state = f"The race is over: {self.ended}." if self.ended else "The race goes on."
        return f"{state} Still in it: {', '.join(self.survivors) or 'none'}. Out: {out or 'none'}."


def race(
    values: Mapping[str, Mapping[int, float]], seeds: Sequence[int], direction: Direction, *, level: float = 0.05
) -> Race:
    """Decide from the trials that have ended what the race does next.

    The decision depends on the trials in the order of the race alone: one that ended out of turn, as
    happens with several workers, does not count before those that come earlier. So a race that was
    stopped, or had more workers, has the same survivors.

    Arms are dropped after each whole seed: after the first by Grubbs's test on the lowest, with
    `level / 2`; after each of the `n - 1` others by Tukey's test of all pairs in the two-way layout of
    arms and seeds, with `level / (2 * (n - 1))`. The best arm is dropped with a probability of at most
    `level` over the whole race where the noise is normal and of one size; `tests/benchmarks/race.py`
    measures it on simulated and on real studies. A trial that failed or diverged drops its arm.

    Args:
        values: By arm and seed, the score each trial that has ended chose its epoch by, not the test
            score, which stays untouched by the choice; NaN for a trial that failed or diverged. Every
            arm of the race is a key.
        seeds: The seeds planned, in order.
        direction: `"max"` where more is better, `"min"` where less is.
        level: Probability of dropping the best arm. Defaults to `0.05`.

    Raises:
        StudyError: `level` is not between 0 and 1.

    Source: Maron and Moore 1994, "Hoeffding races"; Moore and Lee 1994, "Efficient algorithms for
    minimizing cross validation error" (blocks); Grubbs 1950; Tukey 1953; Spiegelhalter, Freedman and
    Blackburn 1986, "Monitoring clinical trials: conditional or predictive power?".
    """
    check_fraction("level", level)
    sign = 1.0 if direction == "max" else -1.0
    scores = {arm: {seed: sign * value for seed, value in known.items()} for arm, known in values.items()}
    alive, dropped = list(scores), dict[str, int]()
    for turn, seed in enumerate(seeds):
        order = _extremes_first({arm: sum(scores[arm][s] for s in seeds[:turn]) for arm in alive})
        for place, arm in enumerate(order):
            if seed not in scores[arm]:
                return Race(tuple(alive), dropped, tuple((later, seed) for later in order[place:]), "")
            if not math.isfinite(scores[arm][seed]):
                alive.remove(arm)
                dropped[arm] = turn + 1
                continue
            done = {a: seeds[: turn + (a in order[: place + 1])] for a in alive}
            if turn and len(alive) > 1 and _hopeless(_layout(scores, done), len(seeds), level):
                return Race(tuple(alive), dropped, (), "the seeds left would hardly drop one more activation")
        worse = _outliers if turn == 0 else _beaten
        for arm in worse({a: [scores[a][s] for s in seeds[: turn + 1]] for a in alive}, len(seeds), level):
            alive.remove(arm)
            dropped[arm] = turn + 1
        if len(alive) < 2:
            return Race(tuple(alive), dropped, (), "one activation is left" if alive else "no activation is left")
    return Race(tuple(alive), dropped, (), "every seed has been run")


def _extremes_first(sums: Mapping[str, float]) -> list[str]:
    # The best, the worst, the second best, …: whether an arm can still be dropped depends on those at
    # the ends, so that they tell soonest whether it is worth going on.
    ranked = sorted(sums, key=lambda arm: -sums[arm])
    return [ranked[-1 - place // 2] if place % 2 else ranked[place // 2] for place in range(len(ranked))]


def _outliers(scores: Mapping[str, Sequence[float]], seeds: int, level: float) -> list[str]:
    """The arms that lie too far below the others for chance, after one seed of each."""
    left, gone = {arm: values[0] for arm, values in scores.items()}, list[str]()
    while len(left) >= FEWEST_ARMS:
        values = np.array(list(left.values()))
        spread = values.std(ddof=1)
        if spread <= _rounding(values) or (values.mean() - values.min()) / spread <= _grubbs(len(left), level / 2):
            break
        gone.append(min(left, key=lambda arm: left[arm]))
        del left[gone[-1]]
    return gone


def _beaten(scores: Mapping[str, Sequence[float]], seeds: int, level: float) -> list[str]:
    """The arms that Tukey's test shows to be worse than the best of them, all with the same seeds."""
    if len(scores) < 2:
        return []
    fitted = _Layout(np.array(list(scores.values())))
    count, runs = fitted.scores.shape
    reach = _tukey(_later(level, seeds), count, fitted.free) * fitted.noise / math.sqrt(runs)
    best = fitted.effects.max()
    return [arm for arm, effect in zip(scores, fitted.effects, strict=True) if best - effect > reach]


def _hopeless(fitted: "_Layout", seeds: int, level: float) -> bool:
    """Whether the seeds left would hardly drop one more arm."""
    count = len(fitted.scores)
    run = np.sum(~np.isnan(fitted.scores), axis=1)
    if fitted.free < 3 or run.sum() < FEWEST_TRIALS * count * seeds:
        return False
    noise = fitted.noise**2
    # What the arms' true effects may be, seen against how far chance alone would spread them.
    between = max(0.0, fitted.effects.var(ddof=1) - noise * np.mean(1 / run))
    trust = between / (between + noise / run)
    generator = np.random.default_rng(0)
    true = trust * fitted.effects + np.sqrt(trust * noise / run) * generator.standard_normal((_DRAWS, count))
    noises = fitted.noise * np.sqrt(fitted.free / generator.chisquare(fitted.free, (_DRAWS, 1)))
    to_come = np.sqrt(seeds - run) * noises * generator.standard_normal((_DRAWS, count))
    last = (run * fitted.effects + (seeds - run) * true + to_come) / seeds
    reach = _tukey(_later(level, seeds), count, (count - 1) * (seeds - 1)) * noises[:, 0] / math.sqrt(seeds)
    return bool(np.mean(last.max(axis=1) - last.min(axis=1) > reach) < FUTILE)


class _Layout:
    """Least squares over arms and seeds: the arms' effects, and the noise that neither explains.

    Args:
        scores: A row an arm, a column a seed; NaN where a trial has not run.
    """

    def __init__(self, scores: Array) -> None:
        self.scores = scores
        arm, seed = np.nonzero(~np.isnan(scores))
        observed = scores[arm, seed]
        design = np.zeros((len(observed), sum(scores.shape)))
        design[np.arange(len(observed)), arm] = 1.0
        design[np.arange(len(observed)), len(scores) + seed] = 1.0
        solution, _, rank, _ = np.linalg.lstsq(design, observed, rcond=None)
        residual = observed - design @ solution
        self.effects: Array = solution[: len(scores)] - solution[: len(scores)].mean()
        self.free = len(observed) - int(rank)
        self.noise = max(math.sqrt(residual @ residual / self.free), _rounding(observed)) if self.free else math.nan


def _layout(scores: Mapping[str, Mapping[int, float]], done: Mapping[str, Sequence[int]]) -> _Layout:
    width = max(map(len, done.values()))
    rows = [[scores[arm][s] for s in seeds] + [math.nan] * (width - len(seeds)) for arm, seeds in done.items()]
    return _Layout(np.array(rows))


def _rounding(values: Array) -> float:
    # Scores that are equal must not differ by the rounding of the fit.
    return 1e-12 * float(np.abs(values).max()) + 1e-100


def _later(level: float, seeds: int) -> float:
    return level / (2 * (seeds - 1))


@lru_cache
def _tukey(level: float, count: int, free: int) -> float:
    return float(stats.studentized_range.ppf(1 - level, count, free))


@lru_cache
def _grubbs(count: int, level: float) -> float:
    reach = stats.t.ppf(1 - level / count, count - 2)
    return float((count - 1) / math.sqrt(count) * math.sqrt(reach**2 / (count - 2 + reach**2)))
