"""One study: every arm against the reference, the best arm against every other."""

import math
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats

from keras_acts_tuning.analyse._data import (
    PRECISION,
    Array,
    Direction,
    Estimate,
    Plain,
    Scores,
    check_arm,
    check_fraction,
)
from keras_acts_tuning.analyse._paired import (
    hedges_g,
    holm,
    mean_interval,
    paired_t,
    probability_of_improvement,
    rounding_variance,
    seeds_needed,
)
from keras_acts_tuning.analyse._tasks import interquartile_mean
from keras_acts_tuning.errors import StudyError, received

Finding: TypeAlias = Literal["better", "worse", "none"]

DRAWS = 5_000
"""Draws behind a probability of being best."""


@dataclass(frozen=True, kw_only=True)
class Summary(Plain):
    """One arm by itself.

    Args:
        arm: The arm.
        planned: Trials planned.
        scored: Trials with a finite score.
        diverged: Trials whose score is infinite or NaN.
        failed: Trials without a score.
        mean: Mean of the finite scores, with its interval.
        sd: Their standard deviation.
        median: Their median.
        iqm: Mean of their middle half.
        best_probability: How likely its true mean is the best of all; see `probability_of_being_best`.
    """

    arm: str
    planned: int
    scored: int
    diverged: int
    failed: int
    mean: Estimate | None
    sd: float | None
    median: float | None
    iqm: float | None
    best_probability: float | None


@dataclass(frozen=True, kw_only=True)
class Difference(Plain):
    """One arm against another, seed by seed.

    Args:
        arm: The one.
        against: The other.
        pairs: Seeds with which both have a finite score: what the figures rest on.
        difference: Mean of arm − other in units of the metric, with its interval. The interval is
            this comparison's own, not corrected for the number of comparisons.
        ties: How many of them scored exactly the same.
        sd: Standard deviation of the differences.
        effect: Hedges's g: `difference` in standard deviations of the differences.
        improvement: How likely the arm is the better one with a new seed. Counts divergences as losses.
        p: Two-sided p-value of the paired t test.
        p_corrected: The same after Holm's correction over the arms compared.
        diverged: Seeds with which the arm diverged and the other did not.
        against_diverged: Seeds with which the other diverged and the arm did not.
        seeds_needed: Seeds, in all, that would find a true difference of the size asked for (else of
            the one seen); `None` for no practical number.
        finding: Whether the arm is shown to be better or worse at the family's level. An arm that
            diverged where the other did not is not shown better by the trials that survived.
    """

    arm: str
    against: str
    pairs: int
    ties: int
    difference: Estimate | None
    sd: float | None
    effect: float | None
    improvement: Estimate | None
    p: float | None
    p_corrected: float | None
    diverged: int
    against_diverged: int
    seeds_needed: int | None
    finding: Finding

    @property
    def size(self) -> float:
        """How far the means are apart, either way; 0 where that is no more than rounding."""
        size = abs(self.difference.value) if self.difference is not None else 0.0
        return 0.0 if self.sd is not None and size < 1e-3 * self.sd else size


@dataclass(frozen=True, kw_only=True)
class Analysis(Plain):
    """What a study shows.

    Args:
        metric: What was scored.
        direction: `"max"` where more is better.
        level: Coverage of each interval, and one less the rate of false findings in each family.
        power: The chance behind every `seeds_needed`.
        worthwhile: The difference behind them, in units of the metric; `None`: the one seen.
        reference: The arm that the others are compared with, if any.
        arms: Every arm by itself.
        differences: Every other arm against the reference.
        leader: The arm with the best mean among those that can be judged: that never diverged, and
            have two scores (one, where none has two).
        rivals: The leader against every other arm that can be judged.
        contenders: The arms that may be the best: those that can be judged and are not shown worse
            than another. They hold the truly best of them at the level asked for.
        winner: The leader, where it is shown better than every other arm.
    """

    metric: str
    direction: Direction
    level: float
    power: float
    worthwhile: float | None
    reference: str | None
    arms: dict[str, Summary]
    differences: dict[str, Difference]
    leader: str | None
    rivals: dict[str, Difference]
    contenders: tuple[str, ...]
    winner: str | None

    @property
    def better(self) -> tuple[str, ...]:
        """The arms shown better than the reference, the largest difference first."""
        found = [arm for arm, difference in self.differences.items() if difference.finding == "better"]
        return tuple(sorted(found, key=lambda arm: -self.differences[arm].size))

    @property
    def worse(self) -> tuple[str, ...]:
        """The arms shown worse than the reference, in the order given."""
        return tuple(arm for arm, difference in self.differences.items() if difference.finding == "worse")


def analyse(
    scores: Scores,
    reference: str | None = None,
    *,
    level: float = 0.95,
    power: float = 0.8,
    worthwhile: float | None = None,
) -> Analysis:
    """Compare the arms of a study, seed by seed.

    Two families of paired t tests, each with Holm's correction: every arm against the reference, and
    the best arm against every other. The second has a selection in it, that of the best, and still
    holds its level, because a winner has to beat *each* of the others: of two equal best arms one
    wins with 5 %, the rate of one two-sided test, and of more than two with less. A winner has to
    be the one in both families, so that arms which are all the same bring any finding at all in at
    most 5 % of studies. Contenders fall out by losing to the best arm, or (a noisy best arm beats
    nobody) to any other by Bonferroni's bound, and the reference by its own family.

    What a t test cannot see: where noise is both strongly skewed and of very different size from arm
    to arm (exponential, 0.3 to 3), equal means bring a finding in a quarter of studies, not 5 %. An arm that
    fails to train once in ten seeds is such noise; its `median` beside its `mean` shows it.

    Args:
        scores: What each arm reached with each seed.
        reference: The arm to compare the others with.
        level: Coverage of the intervals and one less the rate of false findings.
        power: The chance with which `seeds_needed` seeds find a difference.
        worthwhile: The difference they are to find, in units of the metric. Defaults to the one seen.

    Returns:
        The analysis. The same scores give the same one, always.

    Raises:
        StudyError: The reference is not one of the arms, `level` or `power` is not between 0 and 1,
            or `worthwhile` is not above 0.

    Example:
    >>> runs = {"relu": {0: 0.90, 1: 0.91, 2: 0.90}, "mish": {0: 0.93, 1: 0.945, 2: 0.935}}
    >>> analyse(Scores("accuracy", "max", runs, {"relu": 3, "mish": 3}), "relu").differences["mish"].finding
    'better'

    Source: Gutmann and Maymin 1987, Annals of Statistics 15, and Hung and Fithian 2019, Annals of
    Statistics 47, for testing a selected best; Gupta 1965, Technometrics 7, for the set that holds
    the best. Theirs share one variance; separate ones are ours, measured in
    `tests/benchmarks/calibration.py`.
    """
    if reference is not None:
        check_arm(scores, reference, "reference")
    check_fraction("level", level)
    check_fraction("power", power)
    if worthwhile is not None and not worthwhile > 0:
        raise StudyError(received("`worthwhile` needs to be above 0", worthwhile=worthwhile))
    family = partial(_family, scores, level=level, power=power, worthwhile=worthwhile)
    compared = [(arm, reference) for arm in scores.arms if arm != reference] if reference is not None else []
    differences = {arm: difference for (arm, _), difference in family(compared).items()}
    judged = _judged(scores)
    leader = _leader(scores, judged, reference)
    # A leading reference is compared once, with every other: what is corrected for is the same both ways.
    opponents = scores.arms if leader == reference else judged
    found = family([(str(leader), arm) for arm in opponents if arm != leader])
    rivals = {against: rival for (_, against), rival in found.items() if against in judged}
    probabilities = probability_of_being_best(scores)
    return Analysis(
        metric=scores.metric,
        direction=scores.direction,
        level=level,
        power=power,
        worthwhile=worthwhile,
        reference=reference,
        arms={arm: _summary(scores, arm, level, probabilities.get(arm)) for arm in scores.arms},
        differences=differences,
        leader=leader,
        rivals=rivals,
        contenders=_contenders(judged, reference, differences, rivals, _outdone(scores, judged, level)),
        winner=leader if _wins(leader, reference, differences, rivals) else None,
    )


def probability_of_being_best(scores: Scores) -> dict[str, float]:
    """How likely each arm's true mean is the best of all.

    The share of draws in which an arm leads. A draw moves each arm's mean difference to the arm with
    the most seeds by Student's t noise, with one common draw for each seed: pairs of arms stay as
    correlated as their scores are, and for two arms the answer is that of the paired t test,
    1 − p/2 for the leader. (The Bayesian bootstrap gives a mean of three seeds half its variance.)
    With twelve equal arms some arm easily gets 40 %: that is not a finding.

    Returns:
        Probabilities that add up to 1, equal arms sharing; 0 for an arm that diverged. An arm with
        fewer than two seeds in common with the one that has most is left out.

    Source: the posterior of normal means under the reference prior, as in Box and Tiao 1973,
    "Bayesian inference in statistical analysis", section 2.4.
    """
    margins = {arm: margin for arm, margin in _margins(scores, _judged(scores)).items() if len(margin) > 1}
    if not margins:
        return {}
    rng = np.random.default_rng(0)
    seeds = sorted({seed for margin in margins.values() for seed in margin})
    noise = dict(zip(seeds, rng.standard_normal((len(seeds), DRAWS)), strict=True))
    quantiles = rng.random(DRAWS)
    widths = {n: np.sqrt((n - 1) / stats.chi2.ppf(quantiles, n - 1)) for n in {len(m) for m in margins.values()}}
    rounding = rounding_variance(scores.resolution)
    draws = np.empty((len(margins), DRAWS))
    for row, margin in zip(draws, margins.values(), strict=True):
        values = np.array(list(margin.values()))
        count = len(values)
        shift = (values - values.mean()) @ np.array([noise[seed] for seed in margin]) / math.sqrt(count * (count - 1))
        shift += math.sqrt(rounding / count) * rng.standard_normal(DRAWS)
        row[:] = values.mean() + shift * widths[count]
    leads = draws == draws.max(axis=0)
    shares = (leads / leads.sum(axis=0)).mean(axis=1)
    diverged = {arm: 0.0 for arm in scores.arms if scores.diverged(arm)}
    return {**{arm: float(share) for arm, share in zip(margins, shares, strict=True)}, **diverged}


def _judged(scores: Scores) -> list[str]:
    """The arms that never diverged and have two scores to judge by, or one where none has two."""
    steady = {arm: len(scores.finite(arm)) for arm in scores.arms if not scores.diverged(arm)}
    enough = min(2, max(steady.values(), default=0))
    return [arm for arm, count in steady.items() if count >= enough > 0]


def _contenders(
    judged: list[str],
    reference: str | None,
    differences: dict[str, Difference],
    rivals: dict[str, Difference],
    outdone: set[str],
) -> tuple[str, ...]:
    """The arms that are not shown worse: by the leader or any other arm; the reference by its own family."""
    improved = any(differences[arm].finding == "better" for arm in judged if arm in differences)
    beaten = {arm for arm in rivals if rivals[arm].finding == "better" or arm in outdone} - {reference}
    return tuple(arm for arm in judged if arm not in beaten and not (improved and arm == reference))


def _wins(
    leader: str | None, reference: str | None, differences: dict[str, Difference], rivals: dict[str, Difference]
) -> bool:
    """Whether the leader is shown better than each rival, in the reference's family too where that is one of them."""
    if not rivals or any(rival.finding != "better" for rival in rivals.values()):
        return False
    if leader == reference:
        return all(differences[arm].finding == "worse" for arm in rivals)
    return reference not in rivals or differences[str(leader)].finding == "better"


def _outdone(scores: Scores, arms: list[str], level: float) -> set[str]:
    """The arms that another one beats, at Bonferroni's bound over the others."""
    rounding = rounding_variance(scores.resolution, scores=2)
    outdone = set()
    for arm, other in combinations(arms, 2):
        sample = _paired_sample(scores, arm, other)
        if len(sample) > 1 and paired_t(sample, rounding=rounding) * (len(arms) - 1) <= 1 - level:
            outdone.add(other if scores.sign * np.mean(sample) > 0 else arm)
    return outdone


def _leader(scores: Scores, arms: list[str], reference: str | None) -> str | None:
    """The arm with the best mean; the reference, or else the first, where several are equal."""
    means = {arm: float(np.mean(list(margin.values()))) for arm, margin in _margins(scores, arms).items()}
    best = max(means, key=lambda arm: means[arm], default=None)
    if best is None or reference not in means:
        return best
    rounding = PRECISION * abs(float(np.mean(list(scores.finite(best).values()))))
    return reference if means[best] - means[reference] <= rounding else best


def _margins(scores: Scores, arms: list[str]) -> dict[str, dict[int, float]]:
    """By how much each arm beats the one with the most seeds, by seed; positive is better.

    Arms that lost different seeds are comparable by such differences, where their means are not.
    """
    if not arms:
        return {}
    finite = {arm: scores.finite(arm) for arm in arms}
    pivot = finite[max(arms, key=lambda arm: len(finite[arm]))]
    margins = {
        arm: {seed: scores.sign * (score - pivot[seed]) for seed, score in values.items() if seed in pivot}
        for arm, values in finite.items()
    }
    return {arm: margin for arm, margin in margins.items() if margin}


def _summary(scores: Scores, arm: str, level: float, best_probability: float | None) -> Summary:
    values = np.array(list(scores.finite(arm).values()))
    diverged, planned = len(scores.diverged(arm)), scores.planned_of(arm)
    rounding = rounding_variance(scores.resolution)
    return Summary(
        arm=arm,
        planned=planned,
        scored=len(values),
        diverged=diverged,
        failed=planned - len(values) - diverged,
        mean=mean_interval(values, level=level, rounding=rounding) if len(values) else None,
        sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        median=float(np.median(values)) if len(values) else None,
        iqm=float(interquartile_mean(values)) if len(values) else None,
        best_probability=best_probability,
    )


def _family(
    scores: Scores, pairs: list[tuple[str, str]], *, level: float, power: float, worthwhile: float | None
) -> dict[tuple[str, str], Difference]:
    """The differences of these pairs of arms, with p-values corrected over all that could be tested."""
    samples = {pair: _paired_sample(scores, *pair) for pair in pairs}
    rounding = rounding_variance(scores.resolution, scores=2)
    p_values = {pair: paired_t(sample, rounding=rounding) for pair, sample in samples.items() if len(sample) > 1}
    corrected = holm(p_values)

    def difference(arm: str, against: str) -> Difference:
        pair, sample = (arm, against), samples[arm, against]
        sd, needed = None, None
        if pair in p_values:
            sd = math.sqrt(float(np.var(sample, ddof=1)) + rounding)
            size = worthwhile if worthwhile is not None else float(np.mean(sample))
            needed = seeds_needed(size, sd, power=power, level=level, comparisons=len(p_values))
        lost = len(scores.diverged(arm) & scores.finite(against).keys())
        won = len(scores.diverged(against) & scores.finite(arm).keys())
        both_lost = len(scores.diverged(arm) & scores.diverged(against))
        wins, ties, losses = (int(np.sum(np.sign(scores.sign * sample) == sign)) for sign in (1, 0, -1))
        outcomes = (wins + won, ties + both_lost, losses + lost)
        return Difference(
            arm=arm,
            against=against,
            pairs=len(sample),
            ties=ties,
            difference=mean_interval(sample, level=level, rounding=rounding) if len(sample) else None,
            sd=sd,
            effect=hedges_g(sample, rounding=rounding) if len(sample) > 2 else None,
            improvement=probability_of_improvement(*outcomes, level=level) if any(outcomes) else None,
            p=p_values.get(pair),
            p_corrected=corrected.get(pair),
            diverged=lost,
            against_diverged=won,
            seeds_needed=needed,
            finding=finding(scores.sign * sample, corrected.get(pair, 1.0), lost, won),
        )

    def finding(gains: Array, p: float, lost: int, won: int) -> Finding:
        if p > 1 - level:
            return "none"
        if np.mean(gains) > 0:
            return "none" if lost else "better"
        return "none" if won else "worse"

    return {pair: difference(*pair) for pair in pairs}


def _paired_sample(scores: Scores, arm: str, against: str) -> Array:
    """The arm's score less the other's, for each seed with which both have a finite one."""
    mine, theirs = scores.finite(arm), scores.finite(against)
    pairs = [(score, theirs[seed]) for seed, score in mine.items() if seed in theirs]
    return np.array([0.0 if math.isclose(*pair, rel_tol=PRECISION) else pair[0] - pair[1] for pair in pairs])
