"""Where and how the cells run changes no result: here or on Ray, forked or spawned, disturbed or not."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import keras
import networks
import numpy as np
import pytest

import keras_acts_tuning as kat
from keras_acts_tuning import _process, cell as cells
from keras_acts_tuning._process import Limits, Local, alone
from keras_acts_tuning.cell import Cell, Progress, seeded_model
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.data import split
from keras_acts_tuning.execute import Execution, execute
from keras_acts_tuning.measure import accelerator, memory_in_use
from keras_acts_tuning.study import Listener

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")
TOY = kat.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(int), name="toy")
BENCHMARKS = Path(__file__).parent / "benchmarks"


def cell(arm: str = "relu", seeds: tuple[int, ...] = (0, 1), build: Any = networks.tiny) -> Cell:
    return Cell(kat.Arm.of(arm), seeds, build, TOY, split(TOY, seed=0), 2, 32, "accuracy", "max")


def study(directory: Path, build: Any = networks.tiny, listener: Any = None, **execution: Any) -> Comparison:
    return kat.compare(
        build,
        TOY,
        activations="relu,tanh",
        seeds=2,
        epochs=2,
        directory=directory,
        execution=Execution(**execution),
        listener=listener,
    )


def results(comparison: Comparison) -> dict[tuple[str, int], Any]:
    return {(o.arm, o.seed): (o.status, o.score, o.best_epoch, o.history) for o in comparison.outcomes}


class Heard(Listener):
    """What a study tells."""

    def __init__(self) -> None:
        self.progress: list[Progress] = []

    def progressed(self, progress: Progress) -> None:
        self.progress.append(progress)


def test_a_function_alone_returns_raises_dies_or_takes_too_long() -> None:
    assert alone(lambda a, b: (a + b, os.getpid() != PID), 1, 2) == (3, True)
    with pytest.raises(KeyError, match="no such"):
        alone({}.__getitem__, "no such")
    with pytest.raises(ChildProcessError, match="signal 9"):
        alone(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(TimeoutError, match=r"limit of 0.2 s"):
        alone(time.sleep, 60, limits=Limits(timeout_s=0.2))
    with pytest.raises(MemoryError):
        alone(bytearray, 1 << 30, limits=Limits(memory_bytes=1 << 29))


PID = os.getpid()


def test_spawned_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "START_METHOD", "spawn")
    assert results(study(tmp_path / "spawned")) == results(study(tmp_path / "here", in_process=True))


def test_cells_are_asked_for_when_there_is_a_place() -> None:
    """What comes next may depend on what has ended: here, tanh runs only when relu has."""
    ended: list[str] = []

    def todo() -> Iterator[Cell | None]:
        yield cell(seeds=(0,))
        while not ended:
            yield None
        yield cell("tanh", seeds=(0,))

    for outcome in execute(todo(), Execution(workers=2), lambda progress: None):
        assert outcome.status == "completed"
        ended.append(outcome.arm)
    assert ended == ["relu", "tanh"]


@pytest.mark.parametrize(
    "how", [{"in_process": True}, {}, pytest.param({"address": "local", "workers": 1}, marks=pytest.mark.slow)]
)
def test_settings_of_keras_are_those_of_the_script(how: dict[str, Any]) -> None:
    if "address" in how:
        pytest.importorskip("ray")
    settings = networks.change_settings()
    (outcome,) = execute([cell(seeds=(0,), build=networks.telling)], Execution(**how), lambda progress: None)
    assert outcome.reason == settings


def test_a_policy_that_is_no_name_travels() -> None:
    policy = keras.dtype_policies.DTypePolicyMap(default_policy="mixed_bfloat16")
    policy["dense"] = keras.dtype_policies.DTypePolicy("float32")
    keras.config.set_dtype_policy(policy)

    def build(activation: Any) -> keras.Model:
        there: Any = keras.config.dtype_policy()
        raise RuntimeError(f"{there['dense'].name}, {there['another'].name}")

    (outcome,) = execute([cell(seeds=(0,), build=build)], Execution(), lambda progress: None)
    assert outcome.reason == "RuntimeError: float32, mixed_bfloat16"


def test_the_precision_that_is_asked_for_is_trained_in(tmp_path: Path) -> None:
    single = results(study(tmp_path / "single"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    here, there = study(tmp_path / "here", in_process=True), study(tmp_path / "there")
    assert results(here) == results(there) != single


def test_the_environment_is_that_of_the_process_that_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    there = alone(cells.environment)
    monkeypatch.setattr(cells, "environment", lambda: {"processor": "the driver's"})
    for outcome in execute([cell()], Execution(), lambda progress: None):
        assert outcome.environment == there
    assert there.keys() == {"python", "system", "processor", "accelerator", "backend", "versions"}
    assert there["accelerator"] == accelerator()


def test_a_result_that_came_in_time_counts_however_late_it_is_received(tmp_path: Path) -> None:
    def sends_when_told(send: Any, file: str) -> None:
        while not Path(file).exists():
            time.sleep(0.01)
        send("result", result=True)

    files = [tmp_path / "0", tmp_path / "1"]
    local = Local(2, Limits(timeout_s=300.0))
    for key, file in enumerate(files):
        local.start(key, cloudpickle.dumps(sends_when_told), str(file))  # type: ignore[arg-type]
    try:
        files[0].touch()
        events = local.events()
        assert next(events) == (0, pickle.dumps("result"))
        # While whoever asked is busy with that, the other one's result comes, and then its time is over.
        files[1].touch()
        assert local._running[1].connection.poll(60)
        local._running[1]._since -= 300.0
        assert [*events, *local.events()][0] == (1, pickle.dumps("result"))
    finally:
        local.close()


def test_no_process_outlives_a_killed_study(tmp_path: Path) -> None:
    script = (
        "import networks, os, test_execute as t; from pathlib import Path\n"
        "def build(activation, data):\n"
        "    Path('pid').write_text(str(os.getpid()))\n"
        "    import time; time.sleep(600)\n"
        "t.study(Path('study'), build)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert driver.poll() is None
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_weights_depend_on_the_seed_alone() -> None:
    """Those of a process that has built others before are those of a new one."""

    def drawn(of: Cell, seed: int) -> list[Any]:
        return [np.array(value) for value in seeded_model(of, seed).get_weights()]

    for of in (cell(), cell(build=networks.backend_drawn)):
        fresh = {seed: alone(drawn, of, seed) for seed in (3, 4)}
        for seed in (4, 3):
            for one, other in zip(drawn(of, seed), fresh[seed], strict=True):
                np.testing.assert_array_equal(one, other)


def test_memory_does_not_grow_with_the_seeds() -> None:
    def held_after(of: Cell) -> list[float]:
        held = []
        for number, outcome in enumerate(cells.run(of), 1):
            assert outcome.status == "completed"
            if number in (20, 200):
                gc.collect()
                held.append(memory_in_use() or 0.0)
        return held

    early, late = alone(held_after, cell(seeds=tuple(range(200))))
    assert 0 < late < 1.1 * early


def test_memory_does_not_grow_with_the_cells() -> None:
    held = []
    todo = (cell("tanh", (seed,), networks.raising) for seed in range(200))
    for number, _ in enumerate(execute(todo, Execution(), lambda progress: None), 1):
        if number in (20, 200):
            gc.collect()
            held.append(memory_in_use() or 0.0)
    assert 0 < held[1] < 1.1 * held[0]


@pytest.fixture(scope="module")
def ray() -> Any:
    return pytest.importorskip("ray")


@pytest.mark.slow
def test_ray_gives_the_same_and_tells_of_each_epoch(tmp_path: Path, ray: Any) -> None:
    heard = Heard()
    there = study(tmp_path / "there", listener=heard, address="local", workers=2)
    assert results(there) == results(study(tmp_path / "here", in_process=True))
    assert sorted((p.arm, p.seed, p.epoch) for p in heard.progress) == sorted(
        (arm, seed, epoch) for arm in ("relu", "tanh") for seed in (0, 1) for epoch in (1, 2)
    )
    (environment,) = there.environments
    assert [outcome.environment for outcome in there.outcomes] == [environment] * 4
    assert not ray.is_initialized()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "limits", "ended"),
    [
        (networks.hanging, {"trial_timeout_s": 25.0}, ("timed_out", "ran longer than the limit of 25 s")),
        (networks.needing_a_gigabyte, {"memory_limit_bytes": 1 << 29}, ("out_of_memory", "MemoryError: ")),
    ],
)
def test_limits_hold_on_ray(
    tmp_path: Path, build: Any, limits: dict[str, Any], ended: tuple[str, str], ray: Any
) -> None:
    found = {(o.status, o.reason) for o in study(tmp_path, build, address="local", **limits).outcomes}
    assert found == {("completed", ""), ended}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("victim", ["driver", "worker", "ray_worker", "raylet"])
def test_kills_change_nothing(victim: str) -> None:
    if victim.startswith("ray"):
        pytest.importorskip("ray")
    command = [sys.executable, str(BENCHMARKS / "kills.py"), "--victims", victim, "--kills", "2"]
    subprocess.run(command, check=True, timeout=900)


def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path, ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(kat.StudyError, match=r"`address` needs a Ray cluster that answers .*address='127.0.0.1:9'"):
        study(tmp_path, address="127.0.0.1:9")


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"address": "ray://head:10001"}, "own `host:port`, not that of its Ray Client server"),
        ({"address": "auto", "in_process": True}, "runs here, not on a cluster. Received: address='auto'"),
        ({"memory_limit_bytes": 0}, "`memory_limit_bytes` needs to be above 0"),
    ],
)
def test_an_execution_that_cannot_be_is_refused(execution: dict[str, Any], message: str) -> None:
    with pytest.raises(kat.StudyError, match=message):
        Execution(**execution)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(kat.StudyError, match=r"`address` needs Ray: pip install 'keras-acts\[ray\]'"):
        Execution(address="auto")
