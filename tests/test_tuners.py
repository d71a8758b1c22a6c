"""The tuners: every trial measured, the same results again, and nothing lost or doubled by a kill."""

import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import networks
import numpy as np
import pytest
import searches
from searches import SETTINGS, X, Y, build, results, search, tuner

import keras_acts_tuning as kat
from keras_acts_tuning import tuners

# The Gaussian process has a handful of points here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Killed(BaseException):
    """What a kill looks like from inside."""


class Quick(keras_tuner.HyperModel):
    """Scores that cost nothing; the best value of `x` is 0.3."""

    def build(self, hp: Any) -> keras.Model:
        hp.Choice("kind", ["a", "b"])
        hp.Float("x", 0.0, 1.0, step=0.25)
        return keras.Sequential([keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, **_: Any) -> float:
        return (hp.get("x") - 0.3) ** 2 + (0.1 if hp.get("kind") == "a" else 0.0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tuner of `Quick`, which builds no model for a trial, and its search."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def build_nothing(self: Any, hp: Any) -> keras.Model:
        self._model = model
        return model

    monkeypatch.setattr(keras_tuner.Tuner, "_try_build", build_nothing)
    monkeypatch.setattr(searches.kat.Hyperband, "_get_checkpoint_fname", lambda self, trial_id: "unused")

    def run(name: str, directory: Path, **changes: Any) -> Any:
        found = tuner(name, directory, Quick(), objective=None, **changes)
        found.search(verbose=0)
        return found

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("written", [False, True])
def test_a_kill_at_any_write_loses_and_doubles_nothing(
    name: str, written: bool, quick: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed just before, or just after, each file that is ever written, the search ends as if it had not been."""
    undisturbed = results(quick(name, tmp_path / "undisturbed"))
    assert len(undisturbed) >= 5
    replace = os.replace
    for kill in itertools.count():
        count = itertools.count()

        def replace_or_die(draft: Any, file: Any, kill: int = kill, count: Any = count) -> None:
            dies = next(count) == kill
            if not dies or written:
                replace(draft, file)
            if dies:
                raise Killed

        monkeypatch.setattr(tuners.os, "replace", replace_or_die)
        try:
            quick(name, tmp_path / str(kill))
        except Killed:
            monkeypatch.setattr(tuners.os, "replace", replace)
        else:
            break
        assert results(quick(name, tmp_path / str(kill))) == undisturbed
    assert kill > 5 * len(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_a_killed_process_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command: dict[str, Any] = {
        "args": [sys.executable, "-m", "searches", name, str(tmp_path / "killed")],
        "env": {**os.environ, "PYTHONPATH": path},
        "stdout": subprocess.DEVNULL,
    }
    process = subprocess.Popen(**command)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("killed/search/trial_*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(random.Random(name).uniform(0.2, 2.0))
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = [row for row in results(tuner(name, tmp_path / "killed")) if row[1] == "COMPLETED"]
    subprocess.run(**command, check=True, timeout=240)
    after = results(tuner(name, tmp_path / "killed"))
    assert after[: len(before)] == before
    assert after == results(search(name, tmp_path / "undisturbed"))


def test_each_execution_is_measured_and_repeats(tmp_path: Path) -> None:
    first = search("RandomSearch", tmp_path / "a", executions_per_trial=2, max_trials=2)
    assert results(first) == results(search("RandomSearch", tmp_path / "b", executions_per_trial=2, max_trials=2))
    seeds = [o.seed for row in first.pareto_table() for o in first.outcomes(row.trial)]
    assert len(set(seeds)) == 4
    for row in first.pareto_table():
        outcomes = first.outcomes(row.trial)
        scores = [o.score for o in outcomes]
        assert row.score == pytest.approx(np.mean(scores), rel=1e-12)
        assert row.spread == pytest.approx(np.std(scores, ddof=1), rel=1e-12)
        for outcome in outcomes:
            assert outcome.score == min(outcome.history["val_loss"])
            assert outcome.best_epoch == 1 + int(np.argmin(outcome.history["val_loss"]))
            assert outcome.measures["epochs"] == 2
            for measure in ("train_s", "step_ms", "parameters"):
                assert (outcome.measures[measure] or 0) > 0
        units = row.values["units"]
        assert row.measures["parameters"] == 5 * units + 2 * units + 2
    peaks = [o.measures["peak_memory_bytes"] for row in first.pareto_table() for o in first.outcomes(row.trial)]
    assert all((peak is None) == (sys.platform != "linux") for peak in peaks)
    assert all(0 <= peak < 2**30 for peak in peaks if peak is not None)


def test_a_metric_of_several_values_is_numbered(tmp_path: Path) -> None:
    def judging(hp: Any) -> keras.Model:
        model = build(hp)
        model.compile("adam", model.loss, metrics=["accuracy", networks.ByClass()])
        return model

    objective = keras_tuner.Objective("val_by_class_1", "max")
    found = search("RandomSearch", tmp_path, hypermodel=judging, objective=objective, max_trials=1)
    ((outcome,),) = (found.outcomes(row.trial) for row in found.pareto_table())
    assert outcome.status == "completed"
    assert outcome.score == max(outcome.history["val_by_class_1"])


@pytest.mark.parametrize("objective", ["train_s", keras_tuner.Objective("parameters", "max"), ["val_loss", "train_s"]])
def test_a_measure_can_be_the_objective(objective: Any, tmp_path: Path) -> None:
    found = search("RandomSearch", tmp_path, objective=objective, max_trials=3)
    rows = found.pareto_table()
    assert len(rows) == 3
    for row in rows:
        if isinstance(objective, list):
            (outcome,) = found.outcomes(row.trial)
            last = outcome.history["val_loss"][-1]
            assert row.score == pytest.approx(last + (outcome.measures["train_s"] or 0), rel=1e-9)
        else:
            assert row.score == row.measures[getattr(objective, "name", objective)]
    scores = [row.score for row in rows]
    assert scores == sorted(scores, reverse=getattr(objective, "direction", "min") == "max")


def test_an_objective_that_no_trial_gives_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(kat.StudyError, match=r"among what a trial gives \(.*val_loss.*Received: objective=.*val_f1"):
        search("RandomSearch", tmp_path, objective=keras_tuner.Objective("val_f1", "max"))


def build_some(hp: Any) -> keras.Model:
    """`build`, but one activation raises and another one's loss is NaN."""
    model = build(hp)
    match hp.get("hidden"):
        case "tanh":
            raise RuntimeError("no network for <tanh> today")
        case "leaky_relu":
            model.compile("adam", lambda y, p: keras.ops.log(-1.0 - p[:, 0]), metrics=["accuracy"])
    return model


def test_a_failure_is_an_outcome_and_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"units": 4, "learning_rate": 1e-3}
    first = keras_tuner.HyperParameters()
    for name, value in good.items():
        first.Fixed(name, value)
    found = tuner("GridSearch", tmp_path, build, max_trials=None, hyperparameters=first, objective="val_accuracy")
    found.hypermodel.build = build_some
    found.search(X, Y, validation_data=(X, Y), epochs=2, batch_size=32, verbose=0)
    rows = {row.values["hidden"]: row for row in found.pareto_table()}
    statuses = {label: found.outcomes(row.trial)[-1].status for label, row in rows.items()}
    assert statuses == {"relu": "completed", "tanh": "failed", "leaky_relu": "diverged"}
    assert rows["relu"].score is not None
    assert rows["tanh"].score is rows["leaky_relu"].score is None
    assert rows["tanh"].reason == "RuntimeError: no network for <tanh> today"
    assert rows["leaky_relu"].reason.endswith("in epoch 1")
    assert len(found.get_best_hyperparameters(3)) == 1
    capsys.readouterr()
    found.results_summary()
    printed = capsys.readouterr().out
    assert "no network for <tanh> today" in printed
    assert "val_accuracy" in printed
    assert "●" in printed


def test_a_search_without_a_score_says_so(tmp_path: Path) -> None:
    def never(hp: Any) -> keras.Model:
        model = build(hp)
        if tmp_path.joinpath("search").exists() and list(tmp_path.glob("search/trial_*")):
            raise RuntimeError("not today")
        return model

    with pytest.raises(kat.StudyError, match=r"No trial completed; .* Received: reason='RuntimeError: not today'"):
        search("RandomSearch", tmp_path, hypermodel=never)


def test_the_pareto_front_is_over_the_objective_and_the_measures(quick: Any, tmp_path: Path) -> None:
    found = quick("GridSearch", tmp_path, max_trials=None)
    rows = found.pareto_table([])
    assert len(rows) == 10
    assert [row.front for row in rows] == [True] + [False] * 9
    assert rows[0].values == {"kind": "b", "x": 0.25}
    with pytest.raises(kat.StudyError, match="No such measure"):
        found.pareto_table(["trian_s"])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"objective": "val_accuracy"}, 'objective: stored \'Objective(name="val_loss", direction="min")\''),
        ({"hypermodel": Quick()}, "space units: stored 'Choice', asked None"),
        ({"seed": 2}, "seed: stored 1, asked 2"),
        ({"executions_per_trial": 2}, "executions_per_trial: stored 1, asked 2"),
    ],
)
def test_another_search_in_the_directory_is_refused(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    tuner("RandomSearch", tmp_path)
    with pytest.raises(kat.StudyError) as refusal:
        tuner("RandomSearch", tmp_path, **changes)
    assert difference in str(refusal.value)
    assert "overwrite=True" in str(refusal.value)
    tuner("RandomSearch", tmp_path, **changes, overwrite=True)


def test_a_search_that_has_not_begun_has_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tuner("RandomSearch", tmp_path)
    assert found.pareto_table() == []
    found.results_summary()
    assert "val_loss" in capsys.readouterr().out


def test_another_tuner_in_the_directory_is_refused(tmp_path: Path) -> None:
    tuner("RandomSearch", tmp_path)
    with pytest.raises(kat.StudyError, match="max_epochs: stored None, asked 2"):
        tuner("Hyperband", tmp_path)


def test_other_arguments_of_fit_are_refused(quick: Any, tmp_path: Path) -> None:
    tuner("RandomSearch", tmp_path, Quick(), objective=None).search(epochs=1, verbose=0)
    again = tuner("RandomSearch", tmp_path, Quick(), objective=None)
    with pytest.raises(kat.StudyError, match="epochs: stored 1, asked 2"):
        again.search(epochs=2, verbose=0)


def test_more_trials_extend_a_search(quick: Any, tmp_path: Path) -> None:
    first = results(quick("RandomSearch", tmp_path, max_trials=2))
    assert results(quick("RandomSearch", tmp_path, max_trials=4))[:2] == first


def test_a_search_of_stock_keras_tuner_is_refused(tmp_path: Path) -> None:
    keras_tuner.RandomSearch(Quick(), directory=tmp_path, project_name="search").save()
    with pytest.raises(kat.StudyError, match="a search of KerasTuner's own"):
        tuner("RandomSearch", tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    tuner("RandomSearch", tmp_path)
    (tmp_path / "search" / "oracle.json").write_text("")
    with pytest.raises(kat.StudyError, match=r"cannot be read .* restore a copy.* Received: file=.*oracle.json"):
        tuner("RandomSearch", tmp_path)


def test_one_process_at_a_time(quick: Any, tmp_path: Path) -> None:
    import filelock

    found = tuner("RandomSearch", tmp_path, Quick(), objective=None)
    with (
        filelock.FileLock(tmp_path / "search" / "search.lock"),
        pytest.raises(kat.StudyError, match="Only one process"),
    ):
        found.search(verbose=0)
    found.search(verbose=0)


@pytest.mark.parametrize("variable", ["KERASTUNER_ORACLE_IP", "KERASTUNER_TUNER_ID"])
def test_chief_and_workers_are_refused(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "chief")
    with pytest.raises(kat.StudyError, match=rf"`workers=`.*`address=`. Received: {variable}='chief'"):
        tuner("RandomSearch", tmp_path)


@pytest.mark.parametrize("changes", [{"seed": 0}, {"executions_per_trial": 0}])
def test_a_setting_that_cannot_be_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(kat.StudyError, match=r"needs a whole number from 1 on. Received: .*=0"):
        tuner("RandomSearch", tmp_path, **changes)


def test_the_tuners_are_keras_tuners_own(tmp_path: Path) -> None:
    for name in SETTINGS:
        found = tuner(name, tmp_path / name)
        assert isinstance(found, getattr(keras_tuner, name))
        assert isinstance(found.oracle, getattr(keras_tuner.oracles, f"{name}Oracle"))
        assert math.isfinite(json.loads((tmp_path / name / "search" / "tuner0.json").read_text())["settings"]["seed"])
