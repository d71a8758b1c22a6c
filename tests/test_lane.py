"""The timing lane: alone, in turns, each arm in a process of its own, and once."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest

import keras_acts as ka
import keras_acts_tuning as kat
from keras_acts_tuning import lane as lanes, study as studies
from keras_acts_tuning.arms import arms_from
from keras_acts_tuning.cell import Cell
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.data import split
from keras_acts_tuning.lane import ROUNDS, lane
from keras_acts_tuning.measure import MEASURES
from keras_acts_tuning.store import Measurement, Store, now

X = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")
HERE = kat.Execution(in_process=True)


def cells(build: Callable[..., Any] = networks.tiny, labels: str = "relu,tanh,elu") -> list[Cell]:
    return [Cell(arm, (0,), build, TOY, split(TOY, seed=0), 1, 8, "accuracy", "max") for arm in arms_from(labels)]


def timed(todo: Sequence[Cell], how: kat.Execution) -> dict[str, list[Measurement]]:
    step_s = dict.fromkeys((cell.arm.label for cell in todo), 1e-3)
    return {found[0].arm: found for found, _ in lane(todo, step_s, how)}


class Recorder:
    """A bench that notes its turns."""

    turns: list[str]

    def __init__(self, model: Any, *_: Any, **__: Any) -> None:
        self._name = next(layer.spec.name for layer in model.layers if isinstance(layer, ka.Activation))

    def turn(self) -> None:
        self.turns.append(self._name)

    def measurements(self, arm: str, circumstances: str) -> list[Measurement]:
        return [Measurement(arm=arm, name="step_ms", value=1.0, unit="ms", method=circumstances)]


@pytest.mark.parametrize(("together", "order"), [(12, ["relu", "tanh", "elu"] * ROUNDS), (1, None)])
def test_arms_take_turns(monkeypatch: pytest.MonkeyPatch, together: int, order: list[str] | None) -> None:
    monkeypatch.setattr(lanes, "Bench", Recorder)
    monkeypatch.setattr(lanes, "_TOGETHER", together)
    Recorder.turns = []
    found = timed(cells(), HERE)
    assert Recorder.turns == (order or sorted(Recorder.turns, key=["relu", "tanh", "elu"].index))
    assert len(Recorder.turns) == 3 * ROUNDS
    assert f"{ROUNDS} rounds, each a turn of {min(together, 3)} activations" in found["relu"][0].method


def test_data_that_are_large_are_held_by_fewer_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_DATA_BYTES", 2 * TOY.x.nbytes)
    assert [len(group) for group in lanes._groups(cells())] == [2, 1]


def test_an_arm_that_cannot_be_timed_says_why_and_harms_no_other() -> None:
    def fate(activation: Any, data: Any) -> Any:  # in here, so that it travels by value
        if activation.name == "tanh":
            os.kill(os.getpid(), signal.SIGKILL)
        if activation.name == "elu":
            raise RuntimeError("no elu today")
        return networks.tiny(activation, data)

    found = timed(cells(fate), kat.Execution())
    assert {m.reason for m in found["tanh"]} == {"its process ended with signal 9"}
    assert {m.reason for m in found["elu"]} == {"RuntimeError: no elu today"}
    for label, measurements in found.items():
        assert [m.name for m in measurements] == list(MEASURES)
        assert all((m.value is None) == (m.reason != "") for m in measurements)
        assert any(m.value is not None for m in measurements) == (label == "relu")


def test_an_arm_that_takes_too_long_says_so() -> None:
    found = timed(cells(labels="relu"), kat.Execution(trial_timeout_s=0.01))
    assert {m.reason for m in found["relu"]} == {"ran longer than the limit of 0.01 s"}


def test_an_arm_that_takes_too_long_is_ended_before_the_others_go_on() -> None:
    class Hanging:
        def turn(self) -> None:
            while True:
                pass

    others = set(multiprocessing.active_children())
    with lanes._place(Hanging(), (), kat.Execution(trial_timeout_s=0.01)) as ask:  # type: ignore[arg-type]
        assert ask("turn") == (None, "ran longer than the limit of 0.01 s")
        assert set(multiprocessing.active_children()) == others


def test_settings_of_keras_are_those_of_the_script() -> None:
    settings = networks.change_settings()
    for how in (HERE, kat.Execution()):
        found = timed(cells(networks.telling, "relu"), how)
        assert {m.reason for m in found["relu"]} == {settings}


def test_a_study_on_a_cluster_says_that_it_was_timed_elsewhere() -> None:
    pytest.importorskip("ray")
    methods = {m.name: m.method for m in timed(cells(labels="relu"), kat.Execution(address="auto"))["relu"]}
    assert methods["step_ms"].endswith(" of the machine that the study was started on")


def study(directory: Path, **changes: Any) -> Comparison:
    settings: dict[str, Any] = {"activations": "relu,tanh", "seeds": 1, "epochs": 1, "directory": directory}
    return kat.compare(networks.tiny, TOY, **{"execution": HERE, **settings, **changes})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The arms that the lane was asked to time, call by call; it finds the study's trials all ended."""
    made: list[list[str]] = []

    def instead(todo: Sequence[Cell], step_s: Mapping[str, float], how: kat.Execution) -> Iterator[Any]:
        made.append([cell.arm.label for cell in todo])
        with Store.open(tmp_path) as store:
            assert len(store.finished()) == len(store.plan.trials)
        for cell in todo:
            assert step_s[cell.arm.label] > 0
            values = {"step_ms": 123.0, "latency_1_ms": 0.5, "compile_s": 7.0, "other_cpu_share": 0.45}
            found = [
                Measurement(arm=cell.arm.label, name=name, value=value, unit="ms", method="a test", finished=now())
                for name, value in values.items()
            ]
            yield found, {"processor": "the lane's"}

    monkeypatch.setattr(studies, "lane", instead)
    return made


def test_arms_are_timed_once_after_all_trials(calls: list[list[str]], tmp_path: Path) -> None:
    first = study(tmp_path)
    again = study(tmp_path)
    assert calls == [["relu", "tanh"]]
    assert again.measurements == first.measurements
    assert {"processor": "the lane's"} in first.environments
    study(tmp_path, activations="relu,tanh,elu", extend=True)
    assert calls[1:] == [["elu"]]


def test_timing_that_is_not_wanted_is_not_done_and_can_follow(calls: list[list[str]], tmp_path: Path) -> None:
    assert study(tmp_path, measure=False).measurements == ()
    assert not calls
    assert len(study(tmp_path).measurements) == 8


def test_an_arm_that_never_trained_is_not_timed(calls: list[list[str]], tmp_path: Path) -> None:
    kat.compare(networks.raising, TOY, activations="relu,tanh", seeds=1, epochs=1, directory=tmp_path, execution=HERE)
    assert calls == [["relu"]]


def test_the_table_prefers_what_was_timed_apart(calls: list[list[str]], tmp_path: Path) -> None:
    comparison = study(tmp_path)
    for row in comparison.table():
        assert (row.step_ms, row.latency_ms, row.compile_s) == (123.0, 0.5, 7.0)
        assert row.train_s is not None
    assert comparison.timing.startswith("Trials ran one at a time.")
    assert "timed apart" in comparison.timing
    assert "others took up to 45% of its processor cores" in comparison.timing


def test_trials_that_ran_side_by_side_have_no_times(tmp_path: Path) -> None:
    comparison = study(tmp_path, measure=False, execution=kat.Execution(workers=2))
    for row in comparison.table():
        assert row.train_s is row.compile_s is row.step_ms is row.latency_ms is None
        assert row.parameters is not None
        assert row.peak_memory_bytes is not None
    assert comparison.timing == "Trials that ran side by side have no times."
    alone = study(tmp_path / "alone", measure=False)
    assert all(row.train_s is not None and row.step_ms is not None for row in alone.table())
    assert "training time" not in str(comparison.verdict())
