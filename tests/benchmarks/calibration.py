"""Is the analysis right? Simulated studies whose truth is known, and how often it says what it must.

    python tests/benchmarks/calibration.py                  all of it, about half an hour on one core
    python tests/benchmarks/calibration.py --studies 100    the same, coarser
    python tests/benchmarks/calibration.py --alternatives   the tests that were not chosen, beside the one that was
    python tests/benchmarks/calibration.py --real           real trainings: ReLU against itself under twelve names

Prints Markdown tables. Rates are of studies, with exact binomial intervals (Clopper-Pearson, 95 %).
Every cell has its own fixed stream of random numbers. `tests/test_analyse.py` runs a part of it.
"""

import argparse
import math
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from keras_acts_tuning.analyse import Analysis, Scores, analyse, race, rank
from keras_acts_tuning.analyse._tasks import stratified

Array = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...]], Array]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "heavy-tailed": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
    "counted": lambda rng, shape: np.round(rng.standard_normal(shape)),  # a metric with a coarse grain
    "very skewed": lambda rng, shape: rng.lognormal(size=shape) - math.exp(0.5),
    "contaminated": lambda rng, shape: rng.standard_normal(shape) * np.where(rng.random(shape) < 0.1, 5, 1),
}
"""Noise of mean 0. Skewness: exponential 2, log-normal 6.2. Student's t of 3 degrees has no fourth moment."""

REFERENCE = "arm 0"


@dataclass(frozen=True)
class Rate:
    """How many of the studies did what is counted."""

    hits: int
    studies: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> "Rate":
        found = list(outcomes)
        return cls(sum(found), len(found))

    @property
    def share(self) -> float:
        return self.hits / self.studies

    @property
    def interval(self) -> tuple[float, float]:
        exact = stats.binomtest(self.hits, self.studies).proportion_ci(0.95, "exact")
        return float(exact.low), float(exact.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.1f} % | {100 * low:.1f} to {100 * high:.1f} %"


def simulated(scores: Array) -> Scores:
    """A study of scores by seed and arm, greater being better."""
    seeds, arms = scores.shape
    values = {f"arm {arm}": dict(enumerate(scores[:, arm].tolist())) for arm in range(arms)}
    return Scores("score", "max", values, dict.fromkeys(values, seeds))


def studies(
    noise: str, *, seeds: int, count: int, arms: int = 12, means: Sequence[float] = (), scales: Sequence[float] = ()
) -> Iterator[Scores]:
    """Studies in which arm i scores `means[i]` (else 0), the seed's own luck, and noise times `scales[i]` (else 1)."""
    rng = np.random.default_rng(zlib.crc32(repr((noise, seeds, arms, means, scales)).encode()))
    shift, scale = np.zeros(arms), np.ones(arms)
    shift[: len(means)], scale[: len(scales)] = means, scales
    for _ in range(count):
        luck = rng.standard_normal((seeds, 1))
        if noise == "counted":
            luck = np.round(luck)
        yield simulated(shift + luck + scale * NOISES[noise](rng, (seeds, arms)))


def finds_anything(analysis: Analysis) -> bool:
    """Whether the analysis claims any difference at all."""
    return bool(analysis.winner or analysis.better or analysis.worse)


def false_findings(noise: str, *, seeds: int, count: int, **truth: Sequence[float]) -> tuple[Rate, Rate]:
    """A/A studies of twelve arms: how often a winner is declared, and how often anything is found."""
    analyses = [analyse(scores, REFERENCE) for scores in studies(noise, seeds=seeds, count=count, **truth)]
    return Rate.of(a.winner is not None for a in analyses), Rate.of(map(finds_anything, analyses))


def false_winner(noise: str, *, seeds: int, count: int, equal: int) -> Rate:
    """How often one of `equal` best arms, far above the reference and the others, is called the winner."""
    means = [-1000.0] + [0.0] * equal + [-1000.0] * (11 - equal)
    return Rate.of(
        analyse(scores, REFERENCE).winner is not None
        for scores in studies(noise, seeds=seeds, count=count, means=means)
    )


def coverage(noise: str, *, seeds: int, count: int, other: float = 0.0) -> Rate:
    """How often a difference's interval holds the truth. One arm has the noise; the other's is normal times `other`."""
    rng = np.random.default_rng(zlib.crc32(repr((noise, seeds, other)).encode()))

    def covers() -> bool:
        luck = rng.standard_normal(seeds)
        arm = luck + 1.0 + NOISES[noise](rng, (seeds,))
        against = luck + other * rng.standard_normal(seeds)
        found = analyse(simulated(np.stack([against, arm], axis=1)), REFERENCE).differences["arm 1"].difference
        return found.low <= 1.0 <= found.high

    return Rate.of(covers() for _ in range(count))


def power(noise: str, *, seeds: int, count: int, effect: float) -> Rate:
    """How often the one better arm of twelve is found; `effect` is in standard deviations of paired differences."""
    means = [0.0, effect * math.sqrt(2)]
    return Rate.of(
        "arm 1" in analyse(scores, REFERENCE).better for scores in studies(noise, seeds=seeds, count=count, means=means)
    )


def power_to_win(noise: str, *, seeds: int, count: int, effect: float) -> Rate:
    """How often that arm is declared the winner over all the others."""
    means = [0.0, effect * math.sqrt(2)]
    return Rate.of(
        analyse(scores, REFERENCE).winner == "arm 1" for scores in studies(noise, seeds=seeds, count=count, means=means)
    )


def best_is_contender(noise: str, *, seeds: int, count: int, spread: float) -> Rate:
    """How often the truly best arm is among the contenders, the others falling off by `spread` each."""
    means = [-spread * arm for arm in range(12)]
    return Rate.of(
        REFERENCE in analyse(scores, REFERENCE).contenders
        for scores in studies(noise, seeds=seeds, count=count, means=means)
    )


def false_ranks(*, tasks: int, arms: int, count: int) -> tuple[Rate, Rate]:
    """Equal arms on several data sets: how often Friedman's p is at most 5 %, or two arms are critically different."""
    rng = np.random.default_rng(zlib.crc32(repr((tasks, arms)).encode()))
    rankings = [
        rank({f"task {t}": simulated(rng.standard_normal((1, arms))) for t in range(tasks)}) for _ in range(count)
    ]
    apart = (max(r.mean_ranks.values()) - min(r.mean_ranks.values()) > r.critical_difference for r in rankings)
    return Rate.of(r.p <= 0.05 for r in rankings), Rate.of(apart)


def mean_coverage(noise: str, *, tasks: int, seeds: int, count: int) -> Rate:
    """How often the interval of an interquartile mean over several data sets holds the truth."""
    rng = np.random.default_rng(zlib.crc32(repr((noise, tasks, seeds)).encode()))
    estimates = (stratified(list(NOISES[noise](rng, (tasks, seeds))), 0.95) for _ in range(count))
    return Rate.of(estimate.low <= 0.0 <= estimate.high for estimate in estimates)


def race_drops_the_best(noise: str, *, seeds: int, count: int, lead: float) -> Rate:
    """How often a race of twelve arms drops the best one; with no lead all are best, and any drop is counted."""
    drops = []
    for scores in studies(noise, seeds=seeds, count=count, means=[lead]):
        known: dict[str, dict[int, float]] = {arm: {} for arm in scores.values}
        while (standing := race(known, range(seeds), "max")).todo:
            arm, seed = standing.todo[0]
            known[arm][seed] = scores.values[arm][seed]
        drops.append(REFERENCE in standing.dropped if lead else bool(standing.dropped))
    return Rate.of(drops)


def real_studies(count: int, *, arms: int = 12, seeds: int = 5, epochs: int = 10) -> Iterator[Scores]:
    """A/A studies of real trainings: one activation on the digits, its trials dealt to arms of other names.

    A trial depends on its activation and seed alone, so that two names with one seed would be equal to
    the last digit: each name gets seeds of its own.
    """
    from keras_acts_tuning import compare

    with tempfile.TemporaryDirectory() as directory:
        trials = compare(
            data="digits",
            activations="relu",
            seeds=count * seeds * arms,
            epochs=epochs,
            directory=directory,
            measure=False,
        )
    scores = np.array([score for _, score in sorted(trials.scores("relu").items())])
    yield from map(simulated, scores.reshape(count, seeds, arms))


def print_table(title: str, rows: Iterable[tuple[str, str, int | str, Rate, str]]) -> None:
    """Print one Markdown table, row by row as they come."""
    print(
        f"\n### {title}\n\n| what | noise | seeds | studies | rate | 95 % interval | asked |\n| {'--- | ' * 7}".rstrip()
    )
    for what, noise, seeds, rate, asked in rows:
        print(f"| {what} | {noise} | {seeds} | {rate.studies} | {rate} | {asked} |", flush=True)


def false_finding_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    uneven = {"scales": np.linspace(0.3, 3.0, 12).tolist()}
    for noise, seeds, what, truth in [
        *((noise, seeds, "12 equal arms", {}) for noise in list(NOISES)[:4] for seeds in (3, 5, 10, 20)),
        *(
            (noise, seeds, "12 arms, noise from 0.3 to 3", uneven)
            for noise in ("normal", "skewed")
            for seeds in (5, 10)
        ),
    ]:
        winner, anything = false_findings(noise, seeds=seeds, count=count, **truth)
        # Skewed noise of different sizes is no longer symmetric in the differences, as t tests take it to be.
        asked = "beyond the promise" if truth and noise == "skewed" else "≤ 5 %"
        yield f"{what}: a winner", noise, seeds, winner, "≤ 5 %"
        yield f"{what}: any finding", noise, seeds, anything, asked
    for noise, seeds, equal in [(n, s, e) for n in ("normal", "skewed") for s in (5, 10) for e in (2, 3, 11)]:
        rate = false_winner(noise, seeds=seeds, count=count, equal=equal)
        yield f"{equal} equal arms far above the others: a winner", noise, seeds, rate, "≤ 5 %"
    for seeds, spread in [(5, 0.1), (5, 1.0), (10, 0.1), (10, 1.0)]:
        rate = best_is_contender("normal", seeds=seeds, count=count, spread=spread)
        yield f"the best of 12, {spread:g} sd apart, is a contender", "normal", seeds, rate, "≥ 95 %"


def coverage_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    for noise, seeds in [("normal", s) for s in (3, 5, 10, 20)] + [
        (noise, seeds) for noise in ("skewed", "heavy-tailed") for seeds in (10, 20)
    ]:
        yield "differences", noise, seeds, coverage(noise, seeds=seeds, count=count), "93 to 97 %"
    for seeds in (10, 20):
        rate = coverage("skewed", seeds=seeds, count=count, other=1.0)
        yield "differences", "skewed in one arm, normal in the other", seeds, rate, "93 to 97 %"
    for noise in ("very skewed", "contaminated"):
        for seeds in (10, 20):
            yield "differences", noise, seeds, coverage(noise, seeds=seeds, count=count), "beyond the promise"
    for noise, tasks, seeds in [("normal", 7, 3), ("normal", 7, 5), ("heavy-tailed", 7, 5), ("normal", 1, 20)]:
        rate = mean_coverage(noise, tasks=tasks, seeds=seeds, count=count)
        yield f"interquartile mean over {tasks} data sets", noise, seeds, rate, "93 to 97 %"
    for noise in ("skewed", "heavy-tailed"):
        yield "differences", noise, 5, coverage(noise, seeds=5, count=count), "beyond the promise"


def power_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    for noise in ("normal", "skewed", "heavy-tailed"):
        rate = power(noise, seeds=10, count=count, effect=1.5)
        yield "1 of 12 arms better by 1.5 sd: found better than the reference", noise, 10, rate, "≥ 75 %"
    yield "the same: found the winner", "normal", 10, power_to_win("normal", seeds=10, count=count, effect=1.5), ""
    yield "the same by 3 sd", "normal", 5, power("normal", seeds=5, count=count, effect=3.0), ""


def rank_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    for tasks, arms in [(3, 4), (3, 12), (7, 4), (7, 12), (20, 12)]:
        friedman, nemenyi = false_ranks(tasks=tasks, arms=arms, count=count)
        yield f"{arms} equal arms on {tasks} data sets: Friedman", "normal", "", friedman, "≤ 5 %"
        yield f"{arms} equal arms on {tasks} data sets: Nemenyi", "normal", "", nemenyi, "≤ 5 %"


def race_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    for noise, seeds in [("normal", 5), ("normal", 10), ("heavy-tailed", 5)]:
        for lead in (0.0, 1.0):
            what = f"the best of 12, {lead:g} sd ahead, is dropped" if lead else "one of 12 equal arms is dropped"
            asked = "beyond the promise" if noise == "heavy-tailed" and not lead else "≤ 5 %"
            yield what, noise, seeds, race_drops_the_best(noise, seeds=seeds, count=count, lead=lead), asked


def real_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    analyses = [analyse(scores, REFERENCE) for scores in real_studies(count)]
    yield (
        "12 names of relu on the digits: a winner",
        "real",
        5,
        Rate.of(a.winner is not None for a in analyses),
        "≤ 5 %",
    )
    yield "12 names of relu on the digits: any finding", "real", 5, Rate.of(map(finds_anything, analyses)), "≤ 5 %"


def alternative_rows(count: int) -> Iterator[tuple[str, str, int | str, Rate, str]]:
    """Three ways to compare eleven arms with a reference, on the same studies."""
    noisy, effect = [1.0] * 5 + [3.0], [0.0, 1.5 * math.sqrt(2)]
    for what, seeds, truth in [
        ("12 equal arms: any finding", 10, {}),
        ("one arm three times as noisy: any finding", 10, {"scales": noisy}),
        ("one arm three times as noisy: any finding", 5, {"scales": noisy}),
        ("the reference three times as noisy: any finding", 10, {"scales": [3.0]}),
        ("one arm better by 1.5 sd: found", 10, {"means": effect}),
    ]:
        for noise in ("normal", "skewed", "heavy-tailed"):
            for method, test in ALTERNATIVES.items():
                found = []
                for scores in studies(noise, seeds=seeds, count=count, **truth):
                    rejected = test(np.array([list(values.values()) for values in scores.values.values()]).T) <= 0.05
                    found.append(bool(rejected[0] if "means" in truth else rejected.any()))
                yield f"{what} ({method})", noise, seeds, Rate.of(found), ""


def holm_each(scores: Array) -> Array:
    """Holm over paired t tests, each with its own variance."""
    return _holm(stats.ttest_1samp(scores[:, 1:] - scores[:, :1], 0.0).pvalue)


def holm_pooled(scores: Array) -> Array:
    """Holm over t tests with the residual variance of the randomised block design, pooled over all arms."""
    seeds, arms = scores.shape
    residual = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    degrees = (seeds - 1) * (arms - 1)
    error = math.sqrt(2 * (residual**2).sum() / degrees / seeds)
    return _holm(2 * stats.t.sf(np.abs((scores[:, 1:] - scores[:, :1]).mean(axis=0)) / error, degrees))


def step_down_flips(scores: Array) -> Array:
    """Step-down max-|t| over all flips of the seeds' signs (Westfall and Young 1993)."""
    differences = scores[:, 1:] - scores[:, :1]
    seeds = len(differences)
    flips = 1 - 2 * ((np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds)) & 1)
    means = flips @ differences / seeds
    spread = np.sqrt(((differences**2).mean(axis=0) - means**2) / (seeds - 1))
    t = np.abs(means) / spread
    order = np.argsort(-t[0])
    largest = np.maximum.accumulate(t[:, order[::-1]], axis=1)[:, ::-1]
    p = np.maximum.accumulate((largest >= t[0, order] * (1 - 1e-12)).mean(axis=0))
    return p[np.argsort(order)]


def _holm(p: Array) -> Array:
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return corrected[np.argsort(order)]


ALTERNATIVES = {"Holm, own variances": holm_each, "Holm, pooled": holm_pooled, "sign flips": step_down_flips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1_000, help="studies a cell; four times as many for coverage")
    parser.add_argument("--alternatives", action="store_true")
    parser.add_argument("--real", type=int, nargs="?", const=20, metavar="STUDIES", help="how many; 20 by default")
    arguments = parser.parse_args()
    if arguments.alternatives:
        print_table("Tests against a reference: what was weighed", alternative_rows(arguments.studies))
        return
    if arguments.real:
        print_table("False findings in real studies", real_rows(arguments.real))
        return
    print_table("False findings", false_finding_rows(arguments.studies))
    print_table("Coverage of 95 % intervals", coverage_rows(4 * arguments.studies))
    print_table("Power", power_rows(arguments.studies))
    print_table("Ranks over data sets", rank_rows(arguments.studies))
    print_table("Races", race_rows(arguments.studies // 5))


if __name__ == "__main__":
    main()
