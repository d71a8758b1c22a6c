"""One sample of paired differences: its interval, its test, its size, and how many seeds it takes.

Libraries: scipy's distributions. `scipy.stats.bootstrap` has no studentised interval, and its BCa one
covers 91 % where 95 is asked with ten seeds (84 % with five), so the resampling here is numpy.
"""

import math
from bisect import bisect_left
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import TypeVar

import numpy as np
from scipy import special, stats

from keras_acts_tuning.analyse._data import Array, Estimate, check_fraction
from keras_acts_tuning.errors import StudyError, received

Name = TypeVar("Name", bound=Hashable)

RESAMPLES = 5_000
"""Bootstrap resamples. Their stream is fixed: the same scores always give the same analysis."""

BOOTSTRAP_FROM = 10
"""Seeds from which resampling says more about the noise than Student's t assumes."""

MOST_SEEDS = 10_000
"""Beyond this, `seeds_needed` gives no number."""


def mean_interval(sample: Array, *, level: float = 0.95, rounding: float = 0.0) -> Estimate:
    """The mean of a sample with an interval that covers the true mean at its nominal rate.

    With fewer than ten values it is Student's t: exact for normal noise, where any bootstrap of so
    few values is too short, because resampling cannot show what the sample does not hold. From ten
    on, each end is the further one of Student's t and the studentised bootstrap's. The first is a
    little long under heavy tails and too short on the long side of skewed noise (90 % for an
    exponential), the second the other way round (93 and 94 %); their envelope keeps to 93 to 97 %
    under each (`tests/benchmarks/calibration.py`).

    Args:
        sample: Finite numbers.
        level: The rate of coverage asked for.
        rounding: Variance that rounding adds to each number, see `rounding_variance`.

    Returns:
        The mean; without an interval for fewer than two values.

    Raises:
        StudyError: `level` is not between 0 and 1.

    Example:
    >>> mean_interval(np.array([1.0, 2.0, 3.0]))
    Estimate(value=2.0, low=-0.48..., high=4.48...)

    Source: Student 1908; Efron and Tibshirani 1993, "An introduction to the bootstrap", section 12.5;
    Hesterberg 2015, arXiv:1411.5279, for how short other bootstraps are. The envelope is ours.
    """
    check_fraction("level", level)
    mean = float(np.mean(sample))
    if len(sample) < 2:
        return Estimate(mean)
    error = _standard_error(sample, rounding)
    reach = float(stats.t.ppf((1 + level) / 2, len(sample) - 1))
    below, above = -reach, reach
    if len(sample) >= BOOTSTRAP_FROM and error > 0:
        tail = (1 - level) / 2
        ends = np.quantile(_studentised_resamples(sample, rounding), [tail, 1 - tail], method="inverted_cdf")
        below, above = min(below, float(ends[0])), max(above, float(ends[1]))
    return Estimate(mean, mean - above * error, mean - below * error)


def rounding_variance(resolution: float, *, scores: int = 1) -> float:
    """The variance that a metric's grain adds to a sum or difference of `scores` scores: `scores · r²/12`.

    An accuracy on a hundred examples moves in steps of 0.01: three seeds may then differ by exactly
    one step each, with no spread at all, and a t test without this term would be certain of it.

    Source: JCGM 100:2008 (GUM), F.2.2.1, resolution of a digital indication.
    """
    return scores * resolution**2 / 12


def paired_t(sample: Array, *, rounding: float = 0.0) -> float:
    """The two-sided p-value of Student's t test that the paired differences `sample` have mean 0.

    A t test, because tests by ranks or signs cannot answer with few seeds: their least p-value,
    `2 / 2ⁿ`, is over 5 % up to n = 5, and over Holm's first bound for eleven comparisons up to n = 8.
    Differences between two trials with alike noise are symmetric, for which it is conservative.

    Returns:
        The p-value; 1 where all differences are 0.
    """
    error = _standard_error(sample, rounding)
    mean = float(np.mean(sample))
    if error == 0:
        return 0.0 if mean else 1.0
    return float(2 * stats.t.sf(abs(mean) / error, len(sample) - 1))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Holm's correction: at most 5 % of families hold one false finding, however they depend on each other.

    `max over j ≤ i of (m − j) · p₍ⱼ₎`, j counted from 0. Its power over 11 comparisons of 10 pairs is 80 % for a
    difference of 1.5 standard deviations. Pooling the variance over all arms would give 97 %, but
    a single arm noisier than the others (three times as noisy, which a badly trained activation
    easily is) then brings false findings to 9 to 27 %; step-down by sign flips gains 2 to 8 points and
    cannot find anything with five seeds. `calibration.py --alternatives` measures all three.

    Example:
    >>> holm({"gelu": 0.01, "mish": 0.04, "silu": 0.03})
    {'gelu': 0.03, 'silu': 0.06, 'mish': 0.06}

    Source: Holm 1979, Scandinavian Journal of Statistics 6.
    """
    corrected: dict[Name, float] = {}
    least = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, (len(p_values) - rank) * p))
        corrected[name] = least
    return corrected


def hedges_g(sample: Array, *, rounding: float = 0.0) -> float:
    """The mean of paired differences in their standard deviations, without small samples' bias.

    `J(n − 1) · mean / sd`, with `J(m) = Γ(m/2) / (√(m/2) Γ((m − 1)/2))`: without it three seeds overstate an
    effect by three quarters.

    Returns:
        The effect; 0 where all differences are 0. Needs at least three values, else NaN.

    Source: Hedges 1981, Journal of Educational Statistics 6.
    """
    degrees, spread = len(sample) - 1, math.sqrt(np.var(sample, ddof=1) + rounding)
    if degrees < 2:
        return math.nan  # J(1) is 0: two values say nothing of their spread
    unbias = math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees - 1) / 2)) / math.sqrt(degrees / 2)
    mean = float(np.mean(sample))
    return unbias * mean / spread if mean else 0.0


def probability_of_improvement(wins: int, ties: int, losses: int, *, level: float = 0.95) -> Estimate:
    """How likely the one arm beats the other with a new seed, the same for both.

    The share of wins, a tie being half of one; the interval is Jeffreys's, the central posterior
    interval of a Beta(½, ½) prior.

    Source: Agarwal et al. 2021, arXiv:2108.13264 (theirs compares every run with every other; this
    keeps the pairs). Brown, Cai and DasGupta 2001, Statistical Science 16, for the interval.
    """
    won, trials = wins + ties / 2, wins + ties + losses
    ends = stats.beta.ppf([(1 - level) / 2, (1 + level) / 2], won + 0.5, trials - won + 0.5)
    return Estimate(won / trials, float(ends[0]), float(ends[1]))


def power_of_paired_t(effect: float, pairs: int, *, level: float = 0.95, comparisons: int = 1) -> float:
    """The chance that a paired t test finds a true difference of `effect` standard deviations.

    `P(F' > t²)`, F' being the non-central F distribution with 1 and n − 1 degrees of freedom and
    non-centrality `n · effect²`, t the quantile at `(1 − level) / (2 · comparisons)`: two-sided, and at the
    first, strictest bound of Holm's correction.

    Args:
        effect: The difference in standard deviations of the paired differences, not 0.
        pairs: How many seeds, at least 2.
        level: One less the rate of false findings.
        comparisons: How many tests share that rate.

    Example:
    >>> round(power_of_paired_t(1.5, 10, comparisons=11), 3)
    0.796

    Source: Cohen 1988, "Statistical power analysis", section 2.5, in its exact form.
    """
    # scipy.special, since scipy.stats takes a hundred times as long for one number, and `seeds_needed` asks for many.
    bound = special.stdtrit(pairs - 1, (1 - level) / (2 * comparisons))
    return float(1 - special.ncfdtr(1, pairs - 1, pairs * effect**2, bound**2))


def seeds_needed(
    difference: float, sd: float, *, power: float = 0.8, level: float = 0.95, comparisons: int = 1
) -> int | None:
    """How many seeds, in all, a paired t test needs to find `difference`.

    Args:
        difference: The true mean difference to be found, in units of the metric.
        sd: Standard deviation of the paired differences, likewise. From few seeds it is itself
            uncertain (by a factor of 2 from five), and so is the answer.
        power: The chance of finding it.
        level: One less the rate of false findings.
        comparisons: How many tests share that rate.

    Returns:
        The least sufficient number, at least 2; `None` above 10,000.

    Raises:
        StudyError: `power` or `level` is not between 0 and 1, `sd` is negative, or `comparisons` is below 1.

    Example:
    >>> seeds_needed(difference=0.01, sd=0.01)
    10
    """
    check_fraction("power", power)
    check_fraction("level", level)
    if not sd >= 0:
        raise StudyError(received("`seeds_needed` needs `sd` of at least 0", sd=sd))
    if comparisons < 1:
        raise StudyError(received("`seeds_needed` needs `comparisons` of at least 1", comparisons=comparisons))
    if difference == 0 or math.isnan(difference):
        return None
    effect = abs(difference) / sd if sd else math.inf
    effect = min(effect, 1e6)  # finite for the distribution, and beyond any bound
    counts = range(2, MOST_SEEDS + 1)
    index = bisect_left(
        counts, power, key=lambda pairs: power_of_paired_t(effect, pairs, level=level, comparisons=comparisons)
    )
    return counts[index] if index < len(counts) else None


def _standard_error(sample: Array, rounding: float) -> float:
    return math.sqrt((float(np.var(sample, ddof=1)) + rounding) / len(sample))


def _studentised_resamples(sample: Array, rounding: float) -> Array:
    """`(mean* − mean) / error*` of every resample, the studentised bootstrap's distribution."""
    count = len(sample)
    centred = sample - np.mean(sample)
    shares = _resample_shares(count)
    means = shares @ centred
    variances = np.maximum(shares @ centred**2 - means**2, 0) * count / (count - 1)
    errors = np.sqrt((variances + rounding) / count)
    # A resample of one value again and again has no spread; its mean is then infinitely far off.
    return np.asarray(np.divide(means, errors, out=np.copysign(np.inf, means), where=errors > 0))


@lru_cache(maxsize=32)
def _resample_shares(count: int) -> Array:
    """The share of each of `count` values in each resample with replacement."""
    counts = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return np.asarray(counts / count)
