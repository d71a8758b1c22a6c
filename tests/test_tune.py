"""Tuning in the comparison: the same budget for each arm, on what its trials are not scored on."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import networks
import numpy as np
import pytest
from typer.testing import CliRunner

import keras_acts_tuning as kat
from keras_acts_tuning.cell import Cell, seeded_model
from keras_acts_tuning.cli import app
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.data import split
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.present import print_result
from keras_acts_tuning.search import Search
from keras_acts_tuning.store import Outcome, Store
from keras_acts_tuning.tune import SEARCH_SEED, Tune, Tuned

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")
RATE = {"learning_rate": (1e-4, 1e-1)}
TIMED = kat.Execution(trial_timeout_s=25.0)


def study(directory: Path, build: Any = networks.tiny, **changes: Any) -> Comparison:
    settings: dict[str, Any] = {
        "activations": "relu,tanh",
        "seeds": 2,
        "epochs": 3,
        "tune": RATE,
        "tune_trials": 4,
        "directory": directory,
        "measure": False,
        "execution": kat.Execution(in_process=True),
    }
    return kat.compare(build, TOY, **{**settings, **changes})


def cell(build: Any = networks.tiny, epochs: int = 3) -> Cell:
    splits = split(TOY, seed=0)
    return Cell(kat.Arm.of("relu"), (SEARCH_SEED,), build, TOY, splits, epochs, 32, "accuracy", "max")


def searched(of: Cell, space: Any, tuner: Any = "random", trials: int = 4, known: Any = ()) -> dict[str, Any]:
    """What a search tells at its end."""
    return dict(steps(of, space, tuner, trials, known)[-1].details)


def steps(of: Cell, space: Any, tuner: Any = "random", trials: int = 4, known: Any = ()) -> list[Outcome]:
    """What a search tells after each training, and at its end."""
    tune = Tune.of(space, of.build, tuner, trials)
    return list(Search(tune, known)(of, lambda _: None))  # type: ignore[arg-type]


def found(comparison: Comparison) -> dict[str, Any]:
    return {t.arm: (t.chosen, [{**trial, "train_s": None} for trial in t.trials]) for t in comparison.tunings}


def results(comparison: Comparison) -> dict[tuple[str, int], Any]:
    return {(o.arm, o.seed): (o.status, o.score, o.history) for o in comparison.outcomes}


def test_each_arm_gets_the_same_budget_and_the_best_of_it(tmp_path: Path) -> None:
    comparison = study(tmp_path)
    assert comparison.complete
    offered = []
    for tuning in comparison.tunings:
        assert [trial["epochs"] for trial in tuning.trials] == [3] * 4
        best = max(tuning.trials, key=lambda trial: trial["score"])
        assert tuning.chosen == best["values"] == comparison.tuned[tuning.arm]
        offered.append([trial["values"] for trial in tuning.trials])
    assert offered[0] == offered[1]
    assert all(1e-4 <= values["learning_rate"] <= 1e-1 for values in offered[0])
    assert len({values["learning_rate"] for values in offered[0]}) == 4


def test_the_trials_are_those_of_a_network_with_these_values(tmp_path: Path) -> None:
    """Tuned and trained, or built with the very rate that was found: the same histories."""
    tuned = study(tmp_path / "tuned", activations="relu")
    rate = tuned.tuned["relu"]["learning_rate"]

    def fixed(activation: Any, data: Any) -> Any:
        model = networks.tiny(activation, data)
        model.optimizer.learning_rate = rate
        return model

    assert results(study(tmp_path / "fixed", fixed, activations="relu", tune=None, tune_trials=None)) == results(tuned)


def test_the_test_part_chooses_nothing(tmp_path: Path) -> None:
    comparison = study(tmp_path, activations="relu")
    ((_, trials),) = found(comparison).values()
    a_cell = cell()
    swapped = dataclasses.replace(a_cell.splits, x_test=a_cell.splits.x_test * np.nan)
    details = searched(dataclasses.replace(a_cell, splits=swapped), RATE)
    assert [{**trial, "train_s": None} for trial in details["trials"]] == trials


def test_a_search_has_a_seed_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(kat.StudyError, match="from 0 to 2147483647"):
        study(tmp_path, seeds=[SEARCH_SEED])


def test_a_process_of_its_own_changes_nothing(tmp_path: Path) -> None:
    here, there = study(tmp_path / "a"), study(tmp_path / "b", execution=kat.Execution(workers=2))
    assert found(here) == found(there)
    assert results(here) == results(there)


def test_a_build_gets_the_names_that_it_takes(tmp_path: Path) -> None:
    tune = {"units": [2, 16], "learning_rate": [1e-3, 1e-2]}
    comparison = study(tmp_path, networks.wide, tune=tune, activations="relu")
    for row in comparison.table():
        assert row.parameters == row.tuned["units"] * 7 + 2
    assert {tuple(sorted(t["values"])) for t in comparison.tunings[0].trials} == {("learning_rate", "units")}
    chosen = {"units": 2, "learning_rate": 0.5}
    model = Tuned(networks.wide, Tune(space=tune), chosen)(kat.Arm.of("relu"), TOY)  # type: ignore[arg-type]
    assert float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_a_build_may_draw_from_hp(tmp_path: Path, tuner: Any) -> None:
    comparison = study(tmp_path, networks.drawing, tune=None, tuner=tuner, activations="relu")
    chosen = comparison.tuned["relu"]
    assert chosen["units"] in (2, 4)
    assert 1e-3 <= chosen["rate"] <= 1e-1
    (row,) = comparison.table()
    assert row.parameters == 7 * chosen["units"] + 2
    a_cell = cell(Tuned(networks.drawing, comparison.plan.tune, chosen))  # type: ignore[arg-type]
    assert float(seeded_model(a_cell, 0).optimizer.learning_rate) == pytest.approx(chosen["rate"], rel=1e-6)


@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
def test_other_tuners_keep_to_the_budget(tmp_path: Path, tuner: Any) -> None:
    comparison = study(tmp_path, tuner=tuner, epochs=4, tune_trials=5)
    epochs = [[trial["epochs"] for trial in tuning.trials] for tuning in comparison.tunings]
    assert epochs[0] == epochs[1]
    assert sum(epochs[0]) <= 20
    if tuner == "hyperband":
        assert len(set(epochs[0])) > 1
        assert len(epochs[0]) > 5


def closing_over(k: float) -> keras.Model:
    return compiled(loss=lambda y, p: k * keras.losses.sparse_categorical_crossentropy(y, p))


class Times(keras.losses.Loss):
    """A loss whose config does not tell its factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.factor * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


class Scaled(keras.Model):
    """A model whose config does not tell its factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.dense = keras.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return keras.ops.softmax(self.factor * self.dense(inputs))


def compiled(model: keras.Model | None = None, **arguments: Any) -> keras.Model:
    model = model or keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **arguments})
    return model


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(closing_over, id="closure"),
        pytest.param(lambda k: compiled(loss=Times(k)), id="loss"),
        pytest.param(lambda k: compiled(loss_weights=[k]), id="loss_weights"),
        pytest.param(lambda k: compiled(Scaled(k)), id="model"),
    ],
)
def test_every_value_is_trained_with_itself(build: Any) -> None:
    """Also where it ends as a constant in a graph that no config tells of."""

    def scores(*values: float) -> dict[float, float]:
        of = dataclasses.replace(cell(build), metric="loss", direction="min")
        trials = searched(of, {"k": list(values)}, trials=len(values))["trials"]
        return {trial["values"]["k"]: trial["score"] for trial in trials}

    together = scores(1.0, 10.0, 0.001)
    assert together == scores(1.0) | scores(10.0) | scores(0.001)
    assert len(set(together.values())) == 3


def test_values_of_the_optimizer_alone_share_a_compiled_model(trainers: list[Any]) -> None:
    for build, count in ((networks.tiny, 1), (networks.wide, 4)):
        trainers.clear()
        assert len(searched(cell(build), RATE)["trials"]) == 4
        assert len(trainers) == count


def test_an_arm_whose_search_finds_nothing_is_recorded(tmp_path: Path) -> None:
    comparison = study(tmp_path, networks.wide, activations="relu,elu", tune={"units": [4, 99]})
    assert comparison.complete
    failures = {(o.arm, o.seed): o.reason for o in comparison.failures}
    why = "the search for its hyper-parameters found none: RuntimeError: too much"
    assert failures == {("elu", 0): why, ("elu", 1): why}
    assert comparison.tuned == {"relu": {"units": 4}, "elu": {}}
    statuses = {t["values"]["units"]: t["status"] for t in comparison.tunings[0].trials}
    assert statuses.get(99, "failed") == "failed"
    assert (
        study(tmp_path, networks.wide, activations="relu,elu", tune={"units": [4, 99]}).outcomes == comparison.outcomes
    )


@pytest.mark.slow
def test_a_value_that_cannot_be_trained_costs_its_training_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [4, 8, *networks.FAULTS]
    settings = {"activations": "relu", "seeds": 1, "tune_trials": len(values)}
    comparison = study(tmp_path / "all", networks.faulty, tune={"units": values}, execution=TIMED, **settings)
    (tuning,) = comparison.tunings
    trials = {trial["values"]["units"]: trial for trial in tuning.trials}
    assert {units: trial["status"] for units, trial in trials.items()} == {
        4: "completed",
        8: "completed",
        96: "diverged",
        97: "failed",
        98: "out_of_memory",
        99: "timed_out",
    }
    assert tuning.failures.startswith("4 of 6 trainings did not complete: ")
    for units in networks.FAULTS:
        assert trials[units]["reason"] in tuning.failures
    (sound,) = study(tmp_path / "sound", networks.faulty, tune={"units": [4, 8]}, **settings).tunings
    assert sound.chosen == tuning.chosen
    assert sound.failures == ""
    for trial in sound.trials:
        assert trials[trial["values"]["units"]] == {**trial, "train_s": trials[trial["values"]["units"]]["train_s"]}
    assert [outcome.status for outcome in comparison.outcomes] == ["completed"]
    print_result(comparison, as_json=False)
    assert "relu, search: 4 of 6 trainings did not complete: " in capsys.readouterr().out


def test_a_search_that_cannot_begin_ends(tmp_path: Path) -> None:
    """Here the values that KerasTuner begins with kill the process before any training."""

    def build(hp: Any, activation: Any, data: Any) -> Any:
        if hp.Choice("units", [98, 4]) == 98:
            os.kill(os.getpid(), signal.SIGKILL)
        return networks.tiny(activation, data)

    how = kat.Execution()
    comparison = study(tmp_path, build, activations="relu", seeds=1, tune=None, execution=how)
    assert comparison.complete
    (failure,) = comparison.failures
    assert "found none: its process ended with signal 9, 3 times" in failure.reason


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
@pytest.mark.parametrize(("build", "space"), [(networks.tiny, RATE), (networks.drawing, None)], ids=["tune", "hp"])
def test_a_search_that_goes_on_elsewhere_is_the_same(build: Any, space: Any, tuner: Any) -> None:
    """After each of its trainings, and with one lost there."""

    def plain(outcome: Outcome) -> list[Any]:
        return [{**trial, "train_s": None} for trial in outcome.details["trials"]]

    of = cell(build)
    undisturbed = steps(of, space, tuner)
    assert len(undisturbed) > 4
    for ended in (1, 3, len(undisturbed) - 1):
        known = json.loads(json.dumps(undisturbed[ended - 1].details["trials"]))
        resumed = steps(of, space, tuner, known=known)
        assert plain(resumed[-1]) == plain(undisturbed[-1])
        assert resumed[-1].details["chosen"] == undisturbed[-1].details["chosen"]
        assert [trial["train_s"] for trial in resumed[-1].details["trials"][:ended]] == [t["train_s"] for t in known]
    lost = [*undisturbed[0].details["trials"], {"status": "timed_out", "reason": "", "score": None}]
    without = steps(of, space, tuner, known=lost)
    again = steps(of, space, tuner, known=without[2].details["trials"])
    assert plain(again[-1]) == plain(without[-1])
    assert without[-1].details["trials"][1]["values"] == undisturbed[-1].details["trials"][1]["values"]


def test_the_chosen_values_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comparison = study(tmp_path)
    plain = comparison.to_dict()
    assert {row["activation"]: row["tuned"] for row in plain["table"]} == comparison.tuned
    assert {t["arm"] for t in plain["tunings"]} == {"relu", "tanh"}
    print_result(comparison, as_json=False)
    printed = capsys.readouterr().out
    for values in comparison.tuned.values():
        assert f"learning_rate={values['learning_rate']:.3g}" in printed
    verdict = comparison.verdict()
    assert (f"Tuned for {verdict.pick}: learning_rate=" in str(verdict)) == (verdict.pick is not None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tune": {}}, "a hyper-parameter at least"),
        ({"tune": {"units": [1, 2]}}, r"the names of arguments that `build` takes. Received: tune='units', build=\[\]"),
        ({"tune": {"activation": [1, 2]}}, "the names of arguments"),
        ({"tune": {"learning_rate": (1e-2, 1e-4)}}, r"low below high.*Received: learning_rate=\(0.01, 0.0001\)"),
        ({"tune": {"learning_rate": (1e-2,)}}, "a pair"),
        ({"tune": {"learning_rate": (0.0, 1e-2)}}, "A learning rate needs to be above 0"),
        ({"tune": {"learning_rate": (1e-4, float("inf"))}}, "a pair"),
        ({"tune": {"learning_rate": 1e-3}}, "a list of choices"),
        ({"tune": {"learning_rate": []}}, "a list of choices"),
        ({"tune": {"learning_rate": [1e-3, "fast"]}}, "of one type"),
        ({"tuner": "randam"}, "No such tuner; .*random"),
        ({"tuner": "hyperband", "tune": {"learning_rate": [1e-3, 1e-2]}}, "Hyperband needs a range"),
        ({"tuner": "random", "tune": None}, "A tuner and its trials need `tune`"),
        ({"tune_trials": 0}, "`tune_trials` needs to be a whole number from 1"),
        ({"build": networks.scheduled}, "a number as learning rate"),
        ({"build": networks.drawing_nothing, "tune": None}, "draw something from `hp`"),
        ({"metric": "auc"}, "one that the model computes"),
    ],
)
def test_what_cannot_be_tuned_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(kat.StudyError, match=message):
        study(tmp_path, **changes)


def test_another_search_is_another_study(tmp_path: Path) -> None:
    study(tmp_path, activations="relu", seeds=1, tune_trials=1)
    with pytest.raises(kat.StudyError, match="tune trials: stored 1, asked 2"):
        study(tmp_path, activations="relu", seeds=1, tune_trials=2)
    with pytest.raises(kat.StudyError, match="tune tuner: stored 'random', asked None"):
        study(tmp_path, activations="relu", seeds=1, tune=None, tune_trials=None)
    extended = study(tmp_path, activations="relu,tanh", seeds=2, tune_trials=1, extend=True)
    assert [tuning.arm for tuning in extended.tunings] == ["relu", "tanh"]


def test_plans_from_before_tuning_are_read(tmp_path: Path) -> None:
    plan = study(tmp_path, activations="relu", seeds=1, tune=None, tune_trials=None).plan
    plain = plan.to_dict()
    del plain["tune"]
    assert Plan.from_dict(plain) == plan
    with_tune = dataclasses.replace(plan, tune=Tune.of(RATE, networks.tiny, "random", 3))
    assert Plan.from_dict(with_tune.to_dict()).differences(with_tune) == []


SCRIPT = """
import networks, numpy as np, keras_acts_tuning as kat
X = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")
kat.compare(networks.tiny, TOY, activations="relu,tanh", seeds=2, epochs=3, directory="study",
            tune={"learning_rate": (1e-4, 1e-1)}, tune_trials=4, measure=False)
"""


@pytest.mark.slow
def test_a_killed_study_searches_no_arm_twice(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = {"args": [sys.executable, "script.py"], "cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": path}}
    driver = subprocess.Popen(**command)  # type: ignore[call-overload]
    deadline = time.monotonic() + 240
    while len(before := _tunings(tmp_path / "study")) < 2:
        assert driver.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    subprocess.run(**command, check=True, timeout=240)  # type: ignore[call-overload]
    after = kat.load(tmp_path / "study")
    assert after.tunings[0] == before[0]  # times and all: the very row
    trained_s = [trial["train_s"] for trial in before[1].trials]  # also of a search that had not ended
    assert [trial["train_s"] for trial in after.tunings[1].trials][: len(trained_s)] == trained_s
    undisturbed = study(tmp_path / "undisturbed")
    assert found(after) == found(undisturbed)
    assert results(after) == results(undisturbed)


def _tunings(directory: Path) -> list[Any]:
    try:
        with Store.open(directory) as store:
            return store.tunings()
    except kat.StudyError:
        return []


def test_the_command_line_tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("toy.npz", x=TOY.x, y=TOY.y)
    words = ["compare", "toy.npz", "--seeds", "1", "--epochs", "1", "--activations", "relu", "--tune-trials", "2"]
    result = CliRunner().invoke(app, [*words, "--tune", "learning_rate=1e-4:1e-2"])
    assert result.exit_code == 0, result.output
    (tuning,) = kat.load("results/toy").tunings
    assert f"learning_rate={tuning.chosen['learning_rate']:.3g}" in result.stdout
    again = CliRunner().invoke(app, [*words, "--tune", "learning_rate=1e-3,1e-2"])
    assert again.exit_code == 2
    assert "tune space: stored" in again.stderr


@pytest.mark.parametrize("option", ["--tuner=randam", "--tuner=random", "--tune-trials=10"])
def test_options_that_would_do_nothing_are_refused(option: str) -> None:
    result = CliRunner().invoke(app, ["compare", "digits", option])
    assert result.exit_code == 2
    assert "A tuner and its trials need `tune`, or a `build` that draws from `hp`" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("learning_rate", "NAME=LOW:HIGH or NAME=A,B,C. Received: tune='learning_rate'"),
        ("learning_rate=1:2:3", "NAME=LOW:HIGH"),
        ("learning_rate=1e-4:", "NAME=LOW:HIGH"),
        ("learning_rate=slow:fast", "a pair (low, high)"),
        ("unit=1:2", "the names of arguments"),
    ],
)
def test_a_wrong_option_is_one_line(option: str, message: str) -> None:
    result = CliRunner().invoke(app, ["compare", "digits", "--tune", option])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
