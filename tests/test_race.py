"""The race: a pure function of the trials that have ended; and a study that runs as it says."""

import math

import networks
import numpy as np
import pytest

import keras_acts_tuning as kat
from keras_acts_tuning.analyse import race
from keras_acts_tuning.comparison import load, standing
from keras_acts_tuning.errors import StudyError

SEEDS = range(5)


def run(scores, direction="max", seeds=SEEDS, order=lambda todo: todo[0]):
    """The end of a race over a table of scores, and the trials it took."""
    known = {arm: {} for arm in scores}
    taken = []
    while (now := race(known, seeds, direction)).todo:
        arm, seed = order([trial for trial in now.todo if trial[1] not in known[trial[0]]])
        known[arm][seed] = scores[arm][seed]
        taken.append((arm, seed))
    return now, taken


def table(arms, seeds=5, stream=0, **better):
    generator = np.random.default_rng(stream)
    noise = generator.standard_normal((arms, seeds)) + 3.0 * generator.standard_normal(seeds)
    return {f"arm{i}": list(row + better.get(f"arm{i}", 0.0)) for i, row in enumerate(noise)}


def test_an_arm_far_below_the_others_goes_out_after_one_seed():
    ended, taken = run(table(12, arm7=-9.0))
    assert ended.dropped == {"arm7": 1}
    assert [arm for arm, seed in taken].count("arm7") == 1


def test_an_arm_that_only_several_seeds_tell_apart_goes_out_later():
    scores = table(12, seeds=20, arm7=-3.0, arm8=-3.0, arm9=-3.0)
    ended, _ = run(scores, seeds=range(20))
    assert min(ended.dropped.values()) > 1
    assert {"arm7", "arm8", "arm9"} >= set(ended.dropped)


def test_the_best_by_far_is_left_alone_at_the_end():
    ended, taken = run(table(4, seeds=10, arm2=6.0), seeds=range(10))
    assert ended.survivors == ("arm2",)
    assert ended.ended == "one activation is left"
    assert len(taken) < 40


def test_equal_arms_end_the_race_early_and_all_stay():
    ended, taken = run(table(12))
    assert len(ended.survivors) == 12
    assert 15 <= len(taken) <= 20, "a quarter to a third of 60"
    assert "hardly" in ended.ended


def test_less_is_better_where_that_is_asked():
    scores = table(12, arm7=-9.0)
    mirrored = {arm: [-value for value in values] for arm, values in scores.items()}
    assert run(mirrored, "min") == run(scores, "max")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_arm_whose_trial_failed_goes_out(bad):
    scores = table(6)
    scores["arm3"][0] = bad
    ended, taken = run(scores)
    assert ended.dropped["arm3"] == 1
    assert ("arm3", 1) not in taken


def test_every_arm_may_fail():
    ended, taken = run({"a": [math.nan] * 5, "b": [math.nan] * 5})
    assert ended.survivors == ()
    assert ended.ended == "no activation is left"
    assert "Still in it: none. Out: " in str(ended)
    assert len(taken) == 2


def test_equal_scores_drop_nobody():
    ended, _ = run({f"arm{i}": [0.5, 0.25, 0.5, 0.75, 0.5] for i in range(6)})
    assert len(ended.survivors) == 6


def test_trials_out_of_turn_change_nothing():
    scores = table(8, arm2=-2.0, arm5=1.0, stream=3)
    in_turn, _ = run(scores)
    late, _ = run(scores, order=lambda todo: todo[-1])
    assert late.survivors == in_turn.survivors
    assert late.dropped == in_turn.dropped
    known = {arm: dict(enumerate(values)) for arm, values in scores.items()}
    assert race(known, SEEDS, "max").survivors == in_turn.survivors


@pytest.mark.parametrize("arms", [3, 12])
def test_the_best_arm_is_dropped_in_at_most_one_race_in_twenty(arms):
    """All arms are equal: then any may be called the best, and any one that is dropped is an error."""
    races, errors = 200, 0
    for stream in range(races):
        ended, _ = run(table(arms, stream=stream))
        errors += bool(ended.dropped)
    # 18 of 200 is the 99.5 % point of a binomial at 5 %.
    assert errors <= 18


def test_a_level_that_is_none_is_refused():
    with pytest.raises(StudyError, match="needs to lie between 0 and 1"):
        race({"a": {}, "b": {}}, SEEDS, "max", level=1.5)


def test_a_race_needs_something_to_race(tmp_path):
    with pytest.raises(StudyError, match="A race needs at least two activations and two seeds"):
        kat.compare(
            data="digits", activations="relu,elu", seeds=1, race=True, measure=False, directory=tmp_path / "study"
        )
    assert not (tmp_path / "study").exists()


def test_a_study_races_and_goes_on_with_the_same_call(tmp_path):
    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    toy = kat.from_arrays(x, (x[:, 0] * x[:, 1] > 0).astype(int), name="toy")

    def study(**changed):
        asked = {"activations": "relu,elu,tanh", "seeds": 3, "epochs": 1, "race": True}
        return kat.compare(networks.tiny, toy, directory=tmp_path, measure=False, **{**asked, **changed})

    comparison = study(execution=kat.Execution(in_process=True))
    assert comparison.complete
    assert comparison.race == standing(comparison.plan, comparison.outcomes)
    assert comparison.race.ended
    assert load(tmp_path).to_dict()["race"]["survivors"] == list(comparison.race.survivors)
    ran = {(outcome.arm, outcome.seed) for outcome in comparison.outcomes}
    assert {(outcome.arm, outcome.seed) for outcome in study().outcomes} == ran
    with pytest.raises(StudyError, match="race: stored True, asked False"):
        study(race=False)
