"""Several data sets at once: ranks with a critical difference, and interquartile means.

Libraries: scipy has the studentised range, which is all that Nemenyi's critical difference takes.
scikit-posthocs and autorank wrap the same quantile and cost 480 MB with what they need; rliable, whose
interquartile mean this is, is archived. So neither is needed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from keras_acts_tuning.analyse._data import PRECISION, Array, Estimate, Plain, Scores, check_fraction
from keras_acts_tuning.errors import StudyError, received

PERMUTATIONS = 10_000
"""Shuffles of the ranks behind Friedman's p-value."""

IQM_RESAMPLES = 2_000
"""Resamples behind an interquartile mean's interval."""


@dataclass(frozen=True, kw_only=True)
class Ranking(Plain):
    """How arms rank over several data sets.

    Args:
        tasks: The data sets.
        ranks: Each arm's ranks, 1 the best, in the order of `tasks`; the best arm first.
        mean_ranks: Their means.
        p: The chance that arms which are all the same rank as differently as these (Friedman).
        critical_difference: Two mean ranks that differ by more are different at the level asked for.
        groups: The largest groups of arms whose mean ranks all lie within one critical difference:
            the bars of a critical-difference diagram.
        left_out: Arms without a score on some data set.
    """

    tasks: tuple[str, ...]
    ranks: dict[str, tuple[float, ...]]
    mean_ranks: dict[str, float]
    p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]


def rank(tasks: Mapping[str, Scores], *, level: float = 0.95) -> Ranking:
    """Rank the arms over several data sets: Friedman's test and Nemenyi's critical difference.

    An arm's score on a data set is its mean over seeds; one that diverged there ranks last. Friedman's p-value
    is by permutation, right for as few data sets as there are, where its χ² approximation takes about ten.
    Nemenyi's `q(level; k, ∞) · √(k(k + 1) / 12N)`, q the quantile of the studentised range of k arms over
    N data sets, is the usual one, so that diagrams compare with published ones; it errs on the safe side
    for few data sets. A rank also depends on which other arms take part.

    Args:
        tasks: The scores on each data set. Metrics may differ.
        level: One less the rate at which arms that are all the same are found different.

    Returns:
        The ranking, of the arms that have a score on every data set.

    Raises:
        StudyError: There are fewer than two data sets, or fewer than two arms scored on all of them;
            or `level` is not between 0 and 1.

    Source: Demšar 2006, JMLR 7, "Statistical comparisons of classifiers over multiple data sets".
    """
    check_fraction("level", level)
    arms, left_out = _arms_everywhere(tasks)
    if len(tasks) < 2 or len(arms) < 2:
        need = "`rank` needs at least two data sets and two activations that have scores on all of them"
        raise StudyError(received(need, tasks=list(tasks), arms=arms))
    ranks = np.array([_ranks(scores, arms) for scores in tasks.values()])
    means = ranks.mean(axis=0)
    order = [int(index) for index in np.argsort(means, kind="stable")]
    count = len(arms)
    quantile = float(stats.studentized_range.ppf(level, count, math.inf))
    critical = quantile * math.sqrt(count * (count + 1) / (12 * len(tasks)))
    mean_ranks = {arms[index]: float(means[index]) for index in order}
    return Ranking(
        tasks=tuple(tasks),
        ranks={arms[index]: tuple(ranks[:, index].tolist()) for index in order},
        mean_ranks=mean_ranks,
        p=_friedman_p(ranks),
        critical_difference=critical,
        groups=_groups(mean_ranks, critical),
        left_out=left_out,
    )


def interquartile_means(tasks: Mapping[str, Scores], *, level: float = 0.95) -> dict[str, Estimate]:
    """Each arm's interquartile mean over the trials of all data sets, with a bootstrap stratified by data set.

    Scores of different data sets are made comparable first: less the median of all the data set's
    trials, over their interquartile range, greater being better. So 0 is a middling trial, and 1 is
    better than that by the range of the middle half. A mean of the middle half of an arm's trials
    neither jumps with one outlier as a mean does, nor ignores as much as a median; up to a quarter
    of them may even diverge.

    Args:
        tasks: The scores on each data set; one is enough.
        level: Coverage of the interval, which takes about 20 trials an arm to be reached.

    Returns:
        An estimate an arm, in interquartile ranges, for the arms that have a score on every data set.

    Raises:
        StudyError: No arm has; or `level` is not between 0 and 1.

    Source: Agarwal et al. 2021, arXiv:2108.13264 (rliable). Scaling by the trials' own quartiles is ours.
    """
    check_fraction("level", level)
    arms, _ = _arms_everywhere(tasks)
    if not arms:
        raise StudyError(
            received("`interquartile_means` needs an activation with scores on every data set", tasks=list(tasks))
        )
    scaled = [_scaled(scores) for scores in tasks.values()]
    return {arm: stratified([np.array(list(values[arm].values())) for values in scaled], level) for arm in arms}


def stratified(strata: Sequence[Array], level: float) -> Estimate:
    """The interquartile mean of all strata together, with a percentile interval by resampling within each.

    A resample takes one value fewer than the stratum has: as many would spread too little, by a
    fifth in variance for five seeds, however many strata there are.

    Source: Hesterberg 2015, arXiv:1411.5279, on narrowness bias.
    """
    rng = np.random.default_rng(0)
    resamples = [values[rng.integers(len(values), size=(IQM_RESAMPLES, max(1, len(values) - 1)))] for values in strata]
    # Interpolating between infinities is no number.
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.quantile(interquartile_mean(np.concatenate(resamples, axis=1)), tails, method="inverted_cdf")
    return Estimate(float(interquartile_mean(np.concatenate(strata))), float(ends[0]), float(ends[1]))


def interquartile_mean(values: Array) -> Array:
    """The mean of the middle half along the last axis; a value cut by a quartile counts in part."""
    count = values.shape[-1]
    places = np.arange(count)
    weights = np.clip(np.minimum(places + 1, 0.75 * count) - np.maximum(places, 0.25 * count), 0, None)
    inner = weights > 0  # an infinity outside must not become 0 · ∞
    return np.asarray(np.sort(values, axis=-1)[..., inner] @ weights[inner] / weights.sum())


def _arms_everywhere(tasks: Mapping[str, Scores]) -> tuple[list[str], tuple[str, ...]]:
    """The arms that have an outcome on every data set, and the others."""
    arms = list(dict.fromkeys(arm for scores in tasks.values() for arm in scores.arms))
    complete = [arm for arm in arms if all(scores.values.get(arm) for scores in tasks.values())]
    return complete, tuple(arm for arm in arms if arm not in complete)


def _ranks(scores: Scores, arms: list[str]) -> Array:
    means = [
        math.inf if scores.diverged(arm) else -scores.sign * float(np.mean(list(scores.finite(arm).values())))
        for arm in arms
    ]
    order = np.argsort(means)
    better, worse = np.array(means)[order[:-1]], np.array(means)[order[1:]]
    apart = (worse != better) & ~np.isclose(worse, better, rtol=PRECISION, atol=0.0)
    places = np.empty(len(arms))
    places[order] = [0, *np.cumsum(apart)]
    return np.asarray(stats.rankdata(places))


def _friedman_p(ranks: Array) -> float:
    """The share of shuffles, within each data set, that spread the mean ranks as far as seen."""
    rng = np.random.default_rng(0)
    totals = np.zeros((PERMUTATIONS, ranks.shape[1]))
    for row in ranks:
        totals += rng.permuted(np.tile(row, (PERMUTATIONS, 1)), axis=1)
    seen = np.var(ranks.sum(axis=0))
    as_far = np.var(totals, axis=1) >= seen * (1 - 1e-9)
    return float((1 + as_far.sum()) / (1 + PERMUTATIONS))


def _groups(mean_ranks: dict[str, float], critical: float) -> tuple[tuple[str, ...], ...]:
    """The runs of arms, in the order of mean ranks, within one critical difference and in no longer run."""
    arms, means = list(mean_ranks), np.array(list(mean_ranks.values()))
    ends = np.searchsorted(means, means + critical, side="right")
    starts = [start for start, end in enumerate(ends) if start == 0 or end > ends[start - 1]]
    return tuple(tuple(arms[start : ends[start]]) for start in starts if ends[start] - start > 1)


def _scaled(scores: Scores) -> dict[str, dict[int, float]]:
    """Scores as interquartile ranges above the median of all trials; -∞ for one that diverged."""
    finite = np.array([score for arm in scores.arms for score in scores.finite(arm).values()])
    low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75]) if finite.size else (0.0, 0.0, 0.0)
    # Where over half of all trials agree, the standard deviation has to do; where all do, nothing differs.
    spread = (high - low) or (float(np.std(finite)) if finite.size else 0.0) or 1.0
    return {
        arm: {
            seed: scores.sign * (score - middle) / spread if math.isfinite(score) else -math.inf
            for seed, score in scores.values.get(arm, {}).items()
        }
        for arm in scores.arms
    }
