"""The analysis: figures against independent ones, simulated studies whose truth is known, and the words."""

import doctest
import json
import math
import re
import time
from typing import Any

import numpy as np
import pytest
from benchmarks import calibration
from scipy import stats

from keras_acts_tuning import analyse as package
from keras_acts_tuning.analyse import (
    Scores,
    analyse,
    hedges_g,
    holm,
    interquartile_mean,
    interquartile_means,
    mean_interval,
    paired_t,
    pareto_front,
    power_of_paired_t,
    probability_of_being_best,
    probability_of_improvement,
    rank,
    rounding_variance,
    seeds_needed,
    time_to_target,
    times_to_target,
    verdict,
)
from keras_acts_tuning.errors import StudyError

NOISE = np.random.default_rng(7).standard_normal((20, 20)).tolist()
"""Scores' noise by arm and seed."""


def study(
    means: dict[str, float], seeds: int = 10, *, noise: float = 0.01, direction: Any = "max", **changes: Any
) -> Scores:
    """Scores around means; `changes` replace an arm's scores by seed."""
    values = {
        arm: {seed: mean + noise * NOISE[row][seed] for seed in range(seeds)}
        for row, (arm, mean) in enumerate(means.items())
    }
    return Scores("accuracy", direction, {**values, **changes}, dict.fromkeys([*means, *changes], seeds))


def equal_but(best: str, by: float, *, arms: int = 6) -> dict[str, float]:
    """Equal means, save that of one arm."""
    return {arm: 0.8 + by * (arm == best) for arm in ["relu", "mish", *(f"arm{i}" for i in range(arms - 2))]}


# Intervals, tests, effects


def test_with_few_values_the_interval_is_students() -> None:
    sample = np.array([0.3, -0.1, 0.4, 0.2])
    expected = stats.ttest_1samp(sample, 0).confidence_interval(0.9)
    found = mean_interval(sample, level=0.9)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, *expected), rel=1e-12)


def test_from_ten_values_on_the_interval_holds_students_and_reaches_further_on_the_long_side() -> None:
    sample = np.array([0.01, 0.02, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.4, 0.9])
    expected = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    found = mean_interval(sample)
    assert found.low == pytest.approx(expected.low)
    assert found.high is not None
    assert found.high > expected.high + 0.2


def test_one_value_has_no_interval() -> None:
    assert mean_interval(np.array([0.5])).to_dict() == {"value": 0.5, "low": None, "high": None}


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert mean_interval(np.full(12, 0.25)).to_dict() == {"value": 0.25, "low": 0.25, "high": 0.25}


def test_a_resample_without_spread_does_not_break_the_interval() -> None:
    found = mean_interval(np.array([0.0] * 11 + [1.0]))
    assert found.low is not None
    assert found.low < 0 < found.value < math.inf == found.high  # a third of the resamples hold no 1


def test_the_test_is_students_paired_one() -> None:
    sample = np.array([0.3, -0.1, 0.4, 0.2])
    assert paired_t(sample) == pytest.approx(stats.ttest_1samp(sample, 0).pvalue, rel=1e-12)
    assert paired_t(np.zeros(3)) == 1.0
    assert paired_t(np.ones(3)) == 0.0


def test_a_display_step_has_the_published_uncertainty() -> None:
    assert math.sqrt(rounding_variance(1.0)) == pytest.approx(0.29, abs=0.002)  # GUM F.2.2.1: 0.29 of the step


def test_three_equal_steps_of_a_counted_metric_are_no_finding() -> None:
    runs = {"relu": {0: 0.90, 1: 0.91, 2: 0.93}, "mish": {0: 0.91, 1: 0.92, 2: 0.94}}
    difference = analyse(Scores("accuracy", "max", runs, {}), "relu").differences["mish"]
    assert difference.finding == "none"
    assert difference.p == pytest.approx(2 * stats.t.sf(math.sqrt(3 * 6), 2), rel=1e-6)  # 1 / √(1/6 / 3)


def test_the_grain_of_a_metric_is_its_least_step_and_no_rounding_error() -> None:
    single = {seed: float(np.float32(correct / 150)) for seed, correct in enumerate([120, 121, 125])}
    double = {seed: correct / 150 for seed, correct in enumerate([121, 125, 130])}
    assert Scores("accuracy", "max", {"a": single, "b": double}, {}).resolution == pytest.approx(1 / 150, rel=1e-4)
    assert Scores("loss", "min", {"a": {0: 1e9, 1: 0.2, 2: 0.3}}, {}).resolution == pytest.approx(0.1)
    assert Scores("loss", "min", {"a": {0: 0.5, 1: 0.5}}, {}).resolution == 0


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": 0.9})
    assert found == pytest.approx({"d": 0.025, "a": 0.04, "c": 0.09, "b": 0.09, "e": 0.9})
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_the_effect_is_unbiased_by_the_gamma_ratio() -> None:
    sample = np.array([0.1, 0.2, 0.6])
    assert hedges_g(sample) == pytest.approx(0.3 / np.std(sample, ddof=1) / math.sqrt(math.pi))  # J(2) = 1 / √π
    many = np.random.default_rng(0).normal(0.5, 1, (20_000, 5))
    assert np.mean([hedges_g(row) for row in many]) == pytest.approx(0.5, abs=0.02)
    assert hedges_g(np.zeros(4)) == 0
    assert math.isnan(hedges_g(np.array([1.0, 2.0])))


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_needed_are_the_published_ones(effect: float, seeds: int) -> None:
    assert seeds_needed(effect, 1.0) == seeds  # G*Power 3.1, matched pairs, two-sided 5 %, power 80 %


def test_seeds_needed_is_the_least_number_with_the_power_asked_for() -> None:
    needed = seeds_needed(-0.02, 0.015, power=0.9, comparisons=11)
    assert needed is not None
    assert power_of_paired_t(0.02 / 0.015, needed, comparisons=11) >= 0.9
    assert power_of_paired_t(0.02 / 0.015, needed - 1, comparisons=11) < 0.9


def test_the_power_formula_is_what_simulation_finds() -> None:
    samples = np.random.default_rng(1).normal(1.5, 1, (20_000, 10))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05 / 11)
    assert power_of_paired_t(1.5, 10, comparisons=11) == pytest.approx(found, abs=0.012)


def test_seeds_needed_at_the_ends() -> None:
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e-6, 1.0) is None
    assert seeds_needed(1.0, 0.0) == 2


def test_improvement_counts_a_tie_as_half_a_win() -> None:
    found = probability_of_improvement(7, 1, 2)
    assert found.value == 0.75
    expected = stats.beta(8, 3).interval(0.95)
    assert (found.low, found.high) == pytest.approx(expected)


# The study


def test_differences_are_paired() -> None:
    scores = study({"relu": 0.8, "mish": 0.82}, 5)
    harder = {arm: {s: v - 0.1 * s for s, v in values.items()} for arm, values in scores.values.items()}
    plain = analyse(scores, "relu").differences["mish"].difference
    found = analyse(Scores("accuracy", "max", harder, {}), "relu").differences["mish"].difference
    assert found is not None
    assert plain is not None
    assert found.to_dict() == pytest.approx(plain.to_dict(), abs=1e-4)  # up to the grain, which the shift changes


def test_less_is_better_mirrors_more_is_better() -> None:
    scores = study(equal_but("mish", 0.05))
    mirrored = {arm: {seed: -v for seed, v in values.items()} for arm, values in scores.values.items()}
    rising, falling = analyse(scores, "relu"), analyse(Scores("loss", "min", mirrored, {}), "relu")
    assert rising.winner == falling.winner == "mish"
    assert rising.contenders == falling.contenders
    for arm, difference in rising.differences.items():
        other = falling.differences[arm]
        assert other.difference is not None
        assert difference.difference is not None
        assert other.difference.value == -difference.difference.value
        assert (other.p_corrected, other.improvement) == (difference.p_corrected, difference.improvement)


def test_the_order_of_arms_and_seeds_changes_nothing() -> None:
    scores = study(equal_but("mish", 0.02))
    turned = {arm: dict(reversed(values.items())) for arm, values in reversed(scores.values.items())}
    one, other = analyse(scores, "relu"), analyse(Scores("accuracy", "max", turned, {}), "relu")
    assert set(one.contenders) == set(other.contenders)
    for arm, difference in one.differences.items():
        assert other.differences[arm].p_corrected == pytest.approx(difference.p_corrected, rel=1e-9)


def test_the_same_scores_give_the_same_analysis() -> None:
    scores = study(equal_but("mish", 0.02))
    assert analyse(scores, "relu") == analyse(scores, "relu")


def test_a_summary_counts_every_planned_trial() -> None:
    scores = study({"relu": 0.8}, mish={0: 0.9, 1: math.nan, 2: -math.inf, 3: 0.8})
    mish = analyse(scores, "relu").arms["mish"]
    assert (mish.planned, mish.scored, mish.diverged, mish.failed) == (10, 2, 2, 6)
    assert mish.mean is not None
    assert (mish.mean.value, mish.median, mish.iqm) == pytest.approx((0.85, 0.85, 0.85))


def test_an_arm_that_lost_its_hard_seeds_does_not_lead_for_it() -> None:
    seeds = {seed: 0.5 + 0.05 * seed for seed in range(8)}
    good = {seed: v + 0.02 + 1e-3 * NOISE[0][seed] for seed, v in seeds.items()}
    lucky = {seed: v + 1e-3 * NOISE[1][seed] for seed, v in seeds.items() if seed > 4}
    scores = Scores("accuracy", "max", {"relu": seeds, "good": good, "lucky": lucky}, {"lucky": 8})
    assert np.mean(list(lucky.values())) > np.mean(list(good.values()))
    analysis = analyse(scores, "relu")
    assert analysis.leader == analysis.winner == "good"
    assert analysis.differences["lucky"].pairs == 3
    assert (analysis.arms["good"].best_probability or 0) > 0.95


def test_an_arm_that_diverged_neither_wins_nor_is_shown_better() -> None:
    scores = study(equal_but("mish", 0.5))
    values = {arm: dict(scores.values[arm]) for arm in scores.arms}
    values["mish"][3] = math.nan
    analysis = analyse(Scores("accuracy", "max", values, {}), "relu")
    mish = analysis.differences["mish"]
    assert (mish.pairs, mish.diverged, mish.finding) == (9, 1, "none")
    assert (mish.p_corrected or 1) < 1e-6  # what survived looks good, which is why it must not count
    assert "mish" not in (analysis.leader, *analysis.contenders)
    assert analysis.arms["mish"].best_probability == 0
    assert mish.improvement is not None
    assert mish.improvement.value == 0.9


def test_probabilities_of_being_best_add_up_and_agree_with_the_test() -> None:
    analysis = analyse(study({"relu": 0.8, "mish": 0.803}, 5))
    probabilities = [arm.best_probability or 0 for arm in analysis.arms.values()]
    assert sum(probabilities) == pytest.approx(1)
    p = analysis.rivals["relu" if analysis.leader == "mish" else "mish"].p
    assert p is not None
    assert max(probabilities) == pytest.approx(1 - p / 2, abs=0.02)


def test_equal_arms_share_the_probability_of_being_best() -> None:
    runs = {arm: {0: 0.5, 1: 0.7, 2: 0.6} for arm in ("a", "b", "c", "d")}
    found = probability_of_being_best(Scores("accuracy", "max", runs, {}))
    assert found == pytest.approx(dict.fromkeys(runs, 0.25), abs=0.03)


def test_a_study_of_twenty_arms_and_seeds_takes_less_than_a_second() -> None:
    scores = study(equal_but("mish", 0.02, arms=20), 20)
    analyse(scores, "relu")  # the resamples are drawn once
    start = time.process_time()
    analyse(scores, "relu")
    assert time.process_time() - start < 1


def test_every_result_is_json() -> None:
    scores = study(equal_but("mish", 0.02), snake={0: math.inf}, tanh={})
    results = [
        scores,
        analyse(scores, "relu"),
        verdict(analyse(scores, "relu")),
        rank({"a": scores, "b": scores}),
        pareto_front({"x": {"a": 1.0, "b": None}}, {"x": "max"}),
        *times_to_target({"a": {0: ([1.0], [0.1])}}, 0.5, "max", planned={}).values(),
        *interquartile_means({"a": scores}).values(),
    ]
    for result in results:
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) is not None


# Simulated studies whose truth is known (tests/benchmarks/calibration.py runs all of them, and longer)


def not_above(rate: calibration.Rate, promise: float) -> bool:
    """Whether a true rate of `promise` would give as many hits in at least one of a millions runs."""
    return rate.hits <= stats.binom.ppf(0.999, rate.studies, promise)


@pytest.mark.parametrize(("noise", "seeds"), [("normal", 3), ("counted", 3), ("skewed", 5), ("heavy-tailed", 10)])
def test_equal_arms_bring_a_finding_in_at_most_five_percent(noise: str, seeds: int) -> None:
    winner, anything = calibration.false_findings(noise, seeds=seeds, count=80)
    assert winner.hits == 0  # one of twelve equal arms beats all others in far less than 5 %
    assert not_above(anything, 0.05)


def test_of_two_equal_best_arms_one_wins_in_at_most_five_percent() -> None:
    assert not_above(calibration.false_winner("normal", seeds=5, count=80, equal=2), 0.05)


@pytest.mark.parametrize(
    ("noise", "seeds"),
    [("normal", 3), ("normal", 5), ("normal", 10), ("normal", 20), ("skewed", 10), ("heavy-tailed", 10)],
)
def test_intervals_hold_the_truth_as_often_as_they_say(noise: str, seeds: int) -> None:
    low, high = calibration.coverage(noise, seeds=seeds, count=300).interval
    assert low <= 0.97
    assert high >= 0.93


def test_a_large_difference_is_found_under_correction() -> None:
    _, high = calibration.power("normal", seeds=10, count=80, effect=1.5).interval
    assert high >= 0.75


def test_the_best_arm_is_a_contender() -> None:
    rate = calibration.best_is_contender("normal", seeds=5, count=80, spread=0.5)
    assert not_above(calibration.Rate(rate.studies - rate.hits, rate.studies), 0.05)


def test_equal_arms_rank_as_different_in_at_most_five_percent() -> None:
    for rate in calibration.false_ranks(tasks=7, arms=4, count=150):
        assert not_above(rate, 0.05)


# Several data sets


def test_the_critical_difference_is_the_published_one() -> None:
    rng = np.random.default_rng(0)
    tasks = {f"t{i}": study(dict.fromkeys("abcd", 0.0), 1, a={0: rng.random()}) for i in range(14)}
    assert rank(tasks).critical_difference == pytest.approx(1.25, abs=0.005)  # Demšar 2006, section 3.2.2


def test_ranks_share_ties_and_put_divergence_last() -> None:
    better = Scores("accuracy", "max", {"a": {0: 0.9}, "b": {0: 0.8}, "c": {0: 0.8}, "d": {0: 0.7}}, {})
    lower = Scores("loss", "min", {"a": {0: 0.1}, "b": {0: 0.2, 1: math.nan}, "c": {0: 0.3}, "d": {0: 0.4}}, {})
    found = rank({"one": better, "two": lower})
    assert found.ranks == {"a": (1, 1), "c": (2.5, 2), "b": (2.5, 4), "d": (4, 3)}
    assert found.mean_ranks == {"a": 1, "c": 2.25, "b": 3.25, "d": 3.5}


def test_friedmans_p_is_exact_for_few_data_sets() -> None:
    runs = {"a": {0: 3.0}, "b": {0: 2.0}, "c": {0: 1.0}}
    agreeing = {f"t{i}": Scores("score", "max", runs, {}) for i in range(3)}
    assert rank(agreeing).p == pytest.approx(1 / 36, abs=0.006)  # 3! orders, the same three times of 6² pairs


def test_groups_are_the_longest_runs_within_a_critical_difference() -> None:
    order = {f"t{i}": study({f"a{j}": 1.0 - 0.1 * j for j in range(8)}, 1, noise=0.0) for i in range(12)}
    found = rank(order)
    assert list(found.mean_ranks.values()) == list(range(1, 9))
    assert 3 < found.critical_difference < 4
    assert found.groups == tuple(tuple(f"a{j}" for j in range(i, i + 4)) for i in range(5))


def test_arms_without_a_score_everywhere_are_left_out_of_the_ranks() -> None:
    one, two = study({"a": 0.9, "b": 0.8, "c": 0.7}, 3), study({"a": 0.9, "b": 0.8}, 3)
    found = rank({"one": one, "two": two})
    assert (list(found.ranks), found.left_out) == (["a", "b"], ("c",))


def test_the_interquartile_mean_weighs_what_the_quartiles_cut() -> None:
    assert interquartile_mean(np.array([5.0, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6])) == 6.5
    assert interquartile_mean(np.array([1.0, 3, 5, 7, 9, 11, 13, 15, 17])) == 9
    assert interquartile_mean(np.array([-math.inf, 1.0, 2.0, 3.0, math.inf])) == pytest.approx(2.0)


def test_interquartile_means_compare_metrics_of_any_scale_and_direction() -> None:
    accuracy = study({"relu": 0.8, "mish": 0.9, "tanh": 0.7})
    errors = {arm: {s: 1000 * (1 - v) for s, v in values.items()} for arm, values in accuracy.values.items()}
    one = interquartile_means({"a": accuracy})
    both = interquartile_means({"a": accuracy, "b": Scores("error", "min", errors, {})})
    for arm, estimate in both.items():
        assert estimate.value == pytest.approx(one[arm].value, abs=1e-9)
    assert both["mish"].value > both["relu"].value > both["tanh"].value
    assert both["mish"].low is not None
    assert both["relu"].high is not None
    assert both["mish"].low > both["relu"].high


def test_interquartile_means_bear_a_quarter_of_diverged_trials() -> None:
    diverging = {seed: 0.9 + 0.01 * NOISE[0][seed] if seed > 1 else math.nan for seed in range(10)}
    found = interquartile_means({"a": study({"relu": 0.8}, mish=diverging)})
    assert found["mish"].value > found["relu"].value
    assert found["mish"].low == -math.inf


# Trade-offs


def test_the_front_is_what_nothing_dominates() -> None:
    measures = {
        "accuracy": {"relu": 0.90, "mish": 0.92, "tanh": 0.89, "twin": 0.92, "late": 0.99},
        "train_s": {"relu": 1.0, "mish": 2.0, "tanh": 2.0, "twin": 2.0, "late": None},
    }
    found = pareto_front(measures, {"accuracy": "max", "train_s": "min"})
    assert found.front == ("relu", "mish", "twin")
    assert found.dominated == {"tanh": ("relu", "mish", "twin")}
    assert found.left_out == ("late",)


def test_the_front_agrees_with_its_definition() -> None:
    points = np.random.default_rng(3).integers(0, 4, (40, 3))
    found = pareto_front(
        {f"m{i}": {f"a{j}": float(points[j, i]) for j in range(40)} for i in range(3)},
        {"m0": "max", "m1": "max", "m2": "max"},
    )
    for j, point in enumerate(points):
        beaten = any((other >= point).all() and (other > point).any() for other in points)
        assert (f"a{j}" in found.dominated) == beaten
        assert (f"a{j}" in found.front) != beaten


def test_the_time_to_a_target_is_the_first_hit() -> None:
    assert time_to_target([1, 2, 3, 4], [0.5, math.nan, 0.8, 0.7], 0.7, "max") == 3
    assert time_to_target([1, 2, 3], [0.5, 0.3, 0.2], 0.3, "min") == 2
    assert time_to_target([1, 2], [0.5, 0.6], 0.9, "max") == math.inf


def test_a_miss_counts_as_infinite() -> None:
    hit, miss = ([1.0, 2.0], [0.1, 0.9]), ([1.0, 2.0], [0.1, 0.2])
    curves = {"a": {0: hit, 1: hit, 2: miss}, "b": {0: hit, 1: miss}}
    found = times_to_target(curves, 0.5, "max", planned={"a": 3, "b": 3, "c": 2})
    assert (found["a"].reached, found["a"].median_s) == (2, 2.0)
    assert (found["b"].reached, found["b"].planned, found["b"].median_s) == (1, 3, math.inf)  # one failed, one missed
    assert (found["c"].planned, found["c"].median_s) == (2, math.inf)
    assert found["a"].low_s is None


def test_the_interval_of_a_median_time_is_that_of_order_statistics() -> None:
    curves = {"a": {seed: ([float(seed)], [1.0]) for seed in range(1, 11)}}
    found = times_to_target(curves, 0.5, "max", planned={})["a"]
    assert (found.median_s, found.low_s, found.high_s) == (5.5, 2.0, 9.0)  # of 10: the second from either end, 97.9 %


def test_a_noisy_leader_does_not_keep_bad_arms_in_contention() -> None:
    noisy = {seed: 0.9 + 0.5 * NOISE[5][seed] for seed in range(10)}
    analysis = analyse(study({"relu": 0.8, "mish": 0.85, "tanh": 0.7}, noisy=noisy), "relu")
    assert analysis.leader == "noisy"
    assert all(rival.finding == "none" for rival in analysis.rivals.values())
    assert analysis.contenders == ("mish", "noisy")


# In words

COSTS = {
    "training time": {"relu": 10.0, "mish": 13.0, "arm0": 12.0},
    "memory": {"relu": 100.0, "mish": 100.0, "arm0": 100.0, "arm1": None},
}


def said(scores: Scores, reference: str | None = "relu", costs: Any = COSTS, **settings: Any) -> tuple[Any, str]:
    """The verdict and its text, held to what every verdict must be."""
    found = verdict(analyse(scores, reference, **settings), costs)
    assert 1 <= len(found.sentences) <= 3
    for sentence in found.sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        for wrong in ("None", "nan", "inf ", "  ", "[]", "()"):
            assert wrong not in sentence
    return found, str(found)


def test_a_winner_is_named_with_how_sure_and_at_what_cost() -> None:
    found, text = said(study(equal_but("mish", 0.05)))
    assert (found.kind, found.pick) == ("winner", "mish")
    assert text.startswith("Use mish: its mean accuracy is 0.046 higher than relu's")
    assert "relu's (95 % interval of the difference 0.034 to 0.056, corrected p < 0.0001), and" in text
    assert "and it is shown better than each of the 5 others." in text
    assert "Compared with relu it takes 1.30 times the training time and the same memory." in text


def test_a_reference_that_wins_stays() -> None:
    found, text = said(study(equal_but("relu", 0.05)))
    assert (found.kind, found.pick) == ("winner", "relu")
    assert text.startswith("Stay with relu: it is shown better than each of the 5 others; its mean accuracy is")


def test_no_winner_is_named_where_the_data_show_none() -> None:
    found, text = said(study(equal_but("", 0.0), 5))
    assert (found.kind, found.pick) == ("open", "relu")
    assert text.startswith("No winner, so stay with relu: ")
    assert "is not shown better" in text
    assert "more seeds" in text


def test_of_several_better_arms_the_cheapest_is_picked() -> None:
    means = {**equal_but("mish", 0.05), "arm0": 0.85}
    found, text = said(study(means))
    assert (found.kind, found.pick) == ("better", "arm0")
    assert "each shown better than relu and none the best, it is the cheapest; its mean accuracy is" in text
    found, text = said(study(means), costs=None)
    assert "it is first" in text


def test_what_may_be_better_still_is_said() -> None:
    scores = study(equal_but("mish", 0.05, arms=4), arm0={0: 0.8, 1: 0.99, 2: 0.7, 3: 0.98})
    found, text = said(scores)
    assert (found.kind, found.pick) == ("better", "mish")
    assert "arm0 may be better still" in text
    assert "Not every trial counts: arm0 failed in 6 of 10." in text


def test_arms_shown_worse_are_named() -> None:
    found, text = said(study({**equal_but("", 0.0), "arm3": 0.6}))
    assert found.kind == "open"
    assert "arm3 is shown worse" in text


def test_more_seeds_are_for_the_difference_asked_about() -> None:
    _, text = said(study(equal_but("", 0.0), 5), worthwhile=0.02)
    assert "To find a true difference of 0.02 with a chance of 80 % takes about " in text
    _, text = said(study(equal_but("", 0.0), 20), worthwhile=0.05)
    assert "These 20 seeds had a chance of 80 % or more to find a true difference of 0.05" in text
    _, text = said(study(equal_but("", 0.0), 5), worthwhile=1e-5)
    assert "would take over 10,000 seeds" in text


def test_two_arms_are_compared_with_each_other() -> None:
    found, text = said(study({"relu": 0.8, "mish": 0.85}))
    assert (found.kind, found.pick) == ("winner", "mish")
    assert "others" not in text


def test_less_is_better_in_words() -> None:
    found, text = said(study(equal_but("mish", -0.05), direction="min"))
    assert (found.kind, found.pick) == ("winner", "mish")
    assert " lower than relu's (95 % interval of the difference -0.0" in text


def test_one_seed_tells_nothing() -> None:
    found, text = said(study(equal_but("mish", 0.05), 1))
    assert (found.kind, found.pick) == ("unjudged", None)
    assert text.startswith("One seed tells nothing: mish came first (accuracy 0.8")


def test_seeds_without_a_partner_tell_nothing() -> None:
    runs = {"relu": {0: 0.8, 1: 0.8}, "mish": {2: 0.9, 3: 0.9}}
    found, text = said(Scores("accuracy", "max", runs, {}))
    assert found.kind == "unjudged"
    assert "shares fewer than two seeds with any other." in text


def test_equal_scores_are_no_difference() -> None:
    runs = {arm: {0: 0.8, 1: 0.85, 2: 0.83} for arm in ("relu", "mish", "arm0")}
    scores = Scores("accuracy", "max", runs, {})
    found, text = said(scores)
    assert (found.kind, found.pick) == ("open", "relu")
    assert text == ("No difference at all: relu, mish and arm0 scored exactly the same with every seed; relu will do.")
    assert all(d.p == 1 and d.effect == 0 and d.ties == 3 for d in analyse(scores, "relu").differences.values())
    found, text = said(scores, reference=None)
    assert found.pick == "relu"  # the cheapest


def test_failed_and_diverged_trials_are_told() -> None:
    _, text = said(study(equal_but("mish", 0.05), snake={**dict.fromkeys(range(8), 0.8), 8: math.inf}))
    assert (
        "Not every trial counts: snake failed in 1 and diverged in 1 of 10; "
        "an activation that diverged is not recommended." in text
    )


def test_a_reference_without_scores_is_told() -> None:
    scores = study({"mish": 0.85, "arm0": 0.8, "arm1": 0.8}, relu={})
    found, text = said(scores)
    assert (found.kind, found.pick) == ("winner", "mish")
    assert text.startswith("Use mish: it is shown better than each of the 2 others; its mean accuracy is")
    assert "The reference, relu, has no score, so nothing is compared with it; " in text


def test_without_a_reference_the_contenders_are_named() -> None:
    found, text = said(study({"mish": 0.8, "relu": 0.8, "arm0": 0.8}, 5), reference=None)
    assert (found.kind, found.pick) == ("open", "relu")
    assert text.startswith("No winner: the best may be mish, relu or arm0; relu is the cheapest of them.")


def test_nothing_is_recommended_where_every_arm_diverged() -> None:
    runs = {"relu": {0: math.nan, 1: 0.8, 2: 0.8}, "mish": {0: math.inf, 1: math.nan, 2: 0.9}}
    found, text = said(Scores("loss", "min", runs, {}))
    assert (found.kind, found.pick) == ("unjudged", None)
    assert "every activation with a score diverged, relu the least often" in text
    _, text = said(Scores("loss", "min", {"mish": runs["mish"]}, {"relu": 3, "mish": 3}))
    assert text.startswith("Nothing to recommend: only mish has scores, and it diverged. Not every trial counts: ")


def test_a_lone_arm_and_an_empty_study_compare_nothing() -> None:
    _, text = said(study({"relu": 0.8}, mish={}))
    assert text.startswith("Nothing to compare: only relu has scores to judge by.")
    _, text = said(Scores("accuracy", "max", {}, {"relu": 3, "mish": 3}))
    assert text.startswith("Nothing to compare: no trial has a score. Not every trial counts: relu failed in 3 of 3")
    _, text = said(Scores("accuracy", "max", {"relu": {}, "mish": {}}, {}))
    assert text == "Nothing to compare: no trial has a score."


def test_a_reference_that_leads_is_held_against_what_it_is_not_shown_better_than() -> None:
    steady = {seed: 0.79 + 1e-4 * seed for seed in range(10)}
    unsure = {seed: 0.7 if seed % 3 else 0.9 for seed in range(10)}
    found, text = said(Scores("accuracy", "max", {"relu": dict.fromkeys(range(10), 0.8), "a": steady, "b": unsure}, {}))
    assert (found.kind, found.pick) == ("open", "relu")
    assert "relu comes first, but is not shown the best; its mean accuracy is 0.02 higher than b's" in text
    assert "a is shown worse" in text


def test_what_shares_no_seeds_is_not_measured_against_each_other() -> None:
    nine = dict.fromkeys(range(3), 0.9)
    _, text = said(Scores("accuracy", "max", {"relu": {4: 0.8, 7: 0.8}, "mish": nine, "elu": nine}, {}))
    assert text.endswith("mish comes first, but is not shown better; it shares fewer than two seeds with relu.")
    runs = {"relu": dict.fromkeys(range(5), 0.9), "mish": {0: 0.7, 1: 0.71, 2: 0.7}, "elu": {4: 0.7, 5: 0.9}}
    _, text = said(Scores("accuracy", "max", runs, {}))
    assert "relu comes first, but is not shown the best; it shares fewer than two seeds with elu; mish is shown" in text
    runs = {"relu": {0: 0.8, 1: 0.81}, "mish": {0: 0.8, 1: 0.81}, "elu": {2: 0.1, 3: 0.2}}
    _, text = said(Scores("accuracy", "max", runs, {}))
    assert "No difference at all" not in text


def test_a_leading_reference_is_no_less_shown_to_lead_than_the_others_are_to_follow() -> None:
    runs = {"relu": {0: 90.0, 2: 90.0}, "mish": {0: 84.0, 1: 87.0, 2: 84.0}, "tanh": {0: 86.0, 1: math.nan, 2: 88.0}}
    scores = Scores("accuracy", "max", runs, {})
    analysis = analyse(scores, "relu")
    assert analysis.rivals["mish"].p_corrected == analysis.differences["mish"].p_corrected
    assert "likely none" not in said(scores)[1]


def test_an_arm_that_diverged_is_not_recommended_though_it_is_shown_better() -> None:
    runs = {"relu": dict.fromkeys(range(1, 6), 0.8), "mish": {0: math.nan, **{s: 0.9 + s / 1e3 for s in range(1, 6)}}}
    runs["elu"] = {s: 0.7 + 0.3 * (s % 2) for s in range(6)}
    scores = Scores("accuracy", "max", runs, {"relu": 6})
    assert analyse(scores, "relu").better == ("mish",)
    found, text = said(scores)
    assert (found.kind, found.pick) == ("open", "relu")
    assert "an activation that diverged is not recommended" in text


def test_numbers_of_any_size_are_written_out() -> None:
    millionths = {
        arm: {s: 1e-6 * v for s, v in runs.items()} for arm, runs in study(equal_but("mish", 1)).values.items()
    }
    _, text = said(Scores("rmse", "max", millionths, {}))
    assert re.search(r"interval of the difference \d\.\d+e-07 to \d\.?\d*e-06, ", text)
    millions = {arm: {s: 1e6 * v for s, v in runs.items()} for arm, runs in study(equal_but("", 0.0), 5).values.items()}
    _, text = said(Scores("rmse", "min", millions, {}))
    assert not re.search(r"\de[+-]\d", text)
    assert re.search(r"interval of the difference -?[\d,]+00 to -?[\d,]+00, ", text)
    runs = {"relu": {0: 0.8, 1: 0.8, 2: 0.8}, "mish": {0: 0.9, 1: 0.84, 2: 0.81}}
    _, text = said(Scores("accuracy", "max", runs, {}))
    assert "-0.0 to" not in text
    assert "-0.00 to" not in text


def test_what_single_precision_tells_apart_is_equal() -> None:
    """A third of an accuracy's mean is another number in another order, and each score is one of single precision."""
    single = [float(np.float32(correct / 360)) for correct in range(361)]
    runs = {
        "relu": {0: single[350], 1: single[344], 2: single[331]},
        "mish": {0: single[345], 1: single[348], 2: single[332]},
    }
    assert np.mean(list(runs["mish"].values())) != np.mean(list(runs["relu"].values()))
    scores = Scores("accuracy", "max", runs, {})
    assert rank({"one": scores, "two": scores}).mean_ranks == {"relu": 1.5, "mish": 1.5}
    for reference in runs:
        assert analyse(scores, reference).leader == reference
        _, text = said(scores, reference)
        assert "mean accuracy is the same as" in text
        assert "To find" not in text
    steady = {"relu": dict.fromkeys(range(3), 2.302585), "mish": dict.fromkeys(range(3), 2.302584)}
    found, text = said(Scores("loss", "min", steady, {}))
    assert (found.kind, found.pick) == ("open", "relu")
    assert text.startswith("No difference at all")


# Errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Scores("accuracy", "up", {"a": {}}, {}),
            "`direction` needs to be 'max' or 'min'. Received: direction='up'",
        ),
        (lambda: Scores("accuracy", "max", {}, {}), "`Scores` needs at least one activation. Received: values={}"),
        (
            lambda: Scores("accuracy", "max", {"a": {0: 1.0, 1: 1.0}}, {"a": 1}),
            "`planned` needs to cover the scores of 'a'. Received: planned=1, scores=2",
        ),
        (
            lambda: analyse(study({"relu": 0.8, "mish": 0.8}), "rleu"),
            "`reference` needs to be one of the activations; the nearest names are 'relu'. Received: reference='rleu'",
        ),
        (lambda: analyse(study({"relu": 0.8}), level=95), "`level` needs to lie between 0 and 1. Received: level=95"),
        (lambda: analyse(study({"relu": 0.8}), power=1.0), "`power` needs to lie between 0 and 1. Received: power=1.0"),
        (
            lambda: analyse(study({"relu": 0.8}), worthwhile=0),
            "`worthwhile` needs to be above 0. Received: worthwhile=0",
        ),
        (lambda: mean_interval(np.ones(3), level=0), "`level` needs to lie between 0 and 1. Received: level=0"),
        (lambda: seeds_needed(1.0, -1.0), "`seeds_needed` needs `sd` of at least 0. Received: sd=-1.0"),
        (
            lambda: seeds_needed(1.0, 1.0, comparisons=0),
            "`seeds_needed` needs `comparisons` of at least 1. Received: comparisons=0",
        ),
        (
            lambda: rank({"a": study({"relu": 0.8, "mish": 0.8})}),
            "`rank` needs at least two data sets and two activations that have scores on all of them. "
            "Received: tasks=['a'], arms=['relu', 'mish']",
        ),
        (
            lambda: interquartile_means({"a": study({"relu": 0.8}), "b": study({"mish": 0.8})}),
            "`interquartile_means` needs an activation with scores on every data set. Received: tasks=['a', 'b']",
        ),
        (
            lambda: pareto_front({"x": {"a": 1.0}}, {}),
            "`pareto_front` needs a direction for each measure, and a measure at least. "
            "Received: measures=['x'], directions={}",
        ),
        (
            lambda: pareto_front({"x": {"a": 1.0}}, {"x": "less"}),  # type: ignore[dict-item]
            "Directions need to be 'max' or 'min'. Received: x='less'",
        ),
        (
            lambda: time_to_target([1.0], [], 0.5, "max"),
            "A curve needs a time for each value. Received: times=1, values=0",
        ),
        (
            lambda: time_to_target([1.0], [1.0], 0.5, "up"),  # type: ignore[arg-type]
            "`direction` needs to be 'max' or 'min'. Received: direction='up'",
        ),
        (
            lambda: times_to_target({"a": {0: ([1.0], [1.0])}}, 0.5, "max", planned={"a": 0}),
            "`planned` needs to cover the curves of 'a'. Received: planned=0, curves=1",
        ),
    ],
)
def test_an_error_says_what_is_needed_and_what_came(call: Any, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("module", ["_data", "_paired", "_study", "_tasks", "_tradeoffs", "_verdict"])
def test_the_examples_in_the_docstrings_are_true(module: str) -> None:
    part = getattr(package, module)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(part, extraglobs=vars(package), optionflags=flags).failed == 0
