"""Measures: a number from a counter, or the reason why there is none; never 0, never an estimate."""

import os
import subprocess
import sys
import time
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import keras_acts as ka
from keras_acts_tuning import measure
from keras_acts_tuning.measure import (
    MEASURES,
    NVML,
    RAPL,
    Bench,
    NotMeasuredError,
    OtherCPU,
    PeakMemory,
    forward,
    steps_a_sample,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def network(*layers: Any) -> keras.Model:
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers, keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bench(*layers: Any) -> Bench:
    return Bench(network(*layers), X, Y, batch_size=16, epoch_steps=8.0)


def zone(root: Path, name: str, kind: str, energy: int, limit: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "name").write_text(f"{kind}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{limit}\n")
    return folder / "energy_uj"


def test_rapl_adds_packages_and_memory_and_nothing_twice(tmp_path: Path) -> None:
    counted = [zone(tmp_path, "intel-rapl:0", "package-0", 100), zone(tmp_path, "intel-rapl:1", "package-1", 200)]
    counted.append(zone(tmp_path, "intel-rapl:0:1", "dram", 300))
    twice = [zone(tmp_path, "intel-rapl:0:0", "core", 5), zone(tmp_path, "intel-rapl:2", "psys", 7)]
    twice.append(zone(tmp_path, "intel-rapl-mmio:0", "package-0", 9))
    counter = RAPL(tmp_path)
    before = counter.read()
    for file in counted + twice:
        file.write_text(str(int(file.read_text()) + 2_000))
    assert counter.joules(before, counter.read()) == pytest.approx(3 * 0.002)


def test_rapl_counters_that_wrap_round_go_on(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 999_000)
    other = zone(tmp_path, "intel-rapl:1", "package-1", 10, limit=5)
    counter = RAPL(tmp_path)
    before = counter.read()
    file.write_text("500")
    other.write_text("20")
    assert counter.joules(before, counter.read()) == pytest.approx((1_500 + 10) / 1e6)


def test_rapl_that_may_not_be_read_says_so(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1).chmod(0)
    tmp_path.chmod(0o755)
    with unprivileged(), pytest.raises(NotMeasuredError, match=r"no permission to read .*energy_uj; .*chmod a\+r"):
        RAPL(tmp_path)


def test_a_machine_without_rapl_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="no RAPL counter in"):
        RAPL(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", 1).write_text("much")
    with pytest.raises(NotMeasuredError, match="cannot be read: invalid literal"):
        RAPL(tmp_path)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = types.ModuleType("pynvml")
    module.NVMLError = type("NVMLError", (Exception,), {})
    module.asked = []
    module.millijoules = iter([0, 5_000, 7_500])
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByIndex = lambda index: module.asked.append(index)
    module.nvmlDeviceGetHandleByUUID = lambda name: module.asked.append(name)
    module.nvmlDeviceGetTotalEnergyConsumption = lambda handle: next(module.millijoules)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return module


def test_nvml_counts_millijoules(nvml: Any) -> None:
    counter = NVML()
    assert counter.joules(counter.read(), counter.read()) == 2.5


@pytest.mark.parametrize(("visible", "asked"), [(None, 0), ("3,1", 3), ("GPU-8f2", "GPU-8f2")])
def test_nvml_asks_for_the_first_gpu_that_the_process_may_use(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, visible: str | None, asked: int | str
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    NVML()
    assert nvml.asked == [asked]


def test_nvml_without_a_gpu_a_counter_or_the_package_says_so(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise nvml.NVMLError("Not Supported")

    monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", refuse)
    with pytest.raises(NotMeasuredError, match="no energy counter: Not Supported"):
        NVML()
    monkeypatch.setattr(nvml, "nvmlInit", refuse)
    with pytest.raises(NotMeasuredError, match="no such GPU: Not Supported"):
        NVML()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NotMeasuredError, match="needs the package nvidia-ml-py"):
        NVML()


def cpu(file: Path, *busy: int, steal: int = 0) -> Path:
    """Linux's count on a machine with a core for each number, of which each was busy for so many hundredths."""
    rows = [("cpu", sum(busy)), *((f"cpu{core}", ticks) for core, ticks in enumerate(busy))]
    lines = [f"{name} {ticks} 0 0 1000 50 0 0 {steal} 7 7" for name, ticks in rows]
    file.write_text("\n".join([*lines, "intr 1 2 3", "ctxt 5"]))
    return file


def test_what_others_take_is_what_this_process_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", {"SC_CLK_TCK": 100}.__getitem__)
    clock = {"perf_counter": 10.0, "process_time": 3.0}
    for name in clock:
        monkeypatch.setattr(f"time.{name}", lambda name=name: clock[name])
    others = OtherCPU(cpu(tmp_path / "stat", 500, 300))
    clock |= {"perf_counter": 12.0, "process_time": 5.0}
    cpu(tmp_path / "stat", 600, 400)  # a second on each of two cores, both of them this process's
    assert others.share() == 0.0
    cpu(tmp_path / "stat", 700, 400, steal=20)  # another second, and what another virtual machine took
    assert others.share() == pytest.approx(1.2 / (2 * 2.0))
    others.start()
    clock["perf_counter"] += 1.0
    assert others.share() == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_another_process_is_seen() -> None:
    others, started = OtherCPU(), time.perf_counter()
    spin = "import time\nwhile time.process_time() < 1.0: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert others.share() * (time.perf_counter() - started) * (os.cpu_count() or 1) > 0.8


def test_a_system_that_does_not_tell_of_others_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="only Linux tells what other processes take"):
        OtherCPU(tmp_path / "none")
    (tmp_path / "stat").write_text("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n")
    with pytest.raises(NotMeasuredError, match="does not count processor time in"):
        OtherCPU(tmp_path / "stat")


def test_an_accelerator_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    match keras.backend.backend():
        case "tensorflow":
            config = "tensorflow.config"
            monkeypatch.setattr(f"{config}.list_logical_devices", {"GPU": ["a view of it"]}.__getitem__)
            monkeypatch.setattr(f"{config}.get_visible_devices", {"GPU": ["the device"]}.__getitem__)
            details = {"the device": {"device_name": "a fast one"}}
            monkeypatch.setattr(f"{config}.experimental.get_device_details", details.__getitem__)
        case "jax":
            monkeypatch.setattr("jax.default_backend", lambda: "gpu")
            monkeypatch.setattr("jax.local_devices", lambda: [types.SimpleNamespace(device_kind="a fast one")])
        case "torch":
            monkeypatch.setattr("torch.cuda.is_available", lambda: True)
            monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a fast one")
    assert measure.accelerator() == "a fast one"


def test_the_peak_is_above_what_the_process_holds_and_after_the_start() -> None:
    np.ones(40_000_000)  # 320 MB, gone before it begins
    memory = PeakMemory()
    np.ones(10_000_000)
    peak = memory.bytes()
    if memory.reason:
        assert peak is None
    else:
        assert peak is not None
        assert peak == pytest.approx(80e6, rel=0.1)


def test_a_bench_takes_every_measure_or_says_why_not() -> None:
    tried = bench(keras.layers.Dense(8), ka.Snake())
    for _ in range(2):
        tried.turn()
    found = {m.name: m for m in tried.measurements("snake", "for a test")}
    assert found.keys() == MEASURES.keys()
    for name, m in found.items():
        assert (m.arm, m.unit) == ("snake", MEASURES[name].unit)
        assert m.method.startswith(MEASURES[name].method)
        assert m.finished
        if m.value is None:
            assert m.reason
            assert m.low is m.high is None
        else:
            assert not m.reason
            assert m.value > 0 or name in ("compile_s", "other_cpu_share")
        if m.low is not None and m.high is not None and m.value is not None:
            assert m.low <= m.value <= m.high
            assert "for a test" in m.method
    for name in ("step_ms", "step_cpu_ms", "latency_1_ms", "latency_batch_ms", "throughput_per_s"):
        assert found[name].low is not None
    assert found["parameters"].value == 6 * 8 + 8 + 8 + 8 * 2 + 2
    if measure.accelerator() is None:
        assert found["peak_device_memory_bytes"].reason == found["epoch_energy_gpu_j"].reason == "no accelerator"


def test_energy_is_that_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counter:
        method, resolution_s = "a test's counter", 0.0
        reading = 0

        def read(self) -> list[int]:
            self.reading += 1
            return [self.reading]

        def joules(self, before: list[int], after: list[int]) -> float:
            assert after == [before[0] + 1]
            return float(steps[-1])

    steps: list[int] = []
    monkeypatch.setattr(measure, "RAPL", Counter)
    tried = bench()
    train = tried._trainer.train

    def counted(*arguments: Any, **settings: Any) -> Any:
        steps[-1] += 4  # of 16 examples each
        return train(*arguments, **settings)

    monkeypatch.setattr(tried._trainer, "train", counted)
    for _ in range(3):
        steps.append(0)
        tried.turn()
    found = {m.name: m for m in tried.measurements("relu", "")}["epoch_energy_cpu_j"]
    assert found.value == pytest.approx(8.0)  # a joule a step, eight steps an epoch
    assert "a test's counter" in found.method


def test_forward_flops_count_the_matrix_products() -> None:
    flops, how = forward(network(keras.layers.Dense(8)), X[:1]).flops()
    products = 2 * (6 * 8 + 8 * 2)
    assert products <= flops < 2 * products
    assert how.startswith("counted by")


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch has no graph with a loop in it")
def test_flops_inside_a_loop_are_not_guessed() -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    model.compile("adam", "mse", jit_compile=False)
    run = forward(model, RNG.normal(size=(1, 5, 3)).astype("float32"))
    with pytest.raises(NotMeasuredError, match=r"loop|While"):
        run.flops()


def test_a_forward_pass_is_the_models() -> None:
    model = network(ka.Mish())
    run = forward(model, X[:4])
    out = run.start()
    run.wait(out)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(out), model.predict(X[:4], verbose=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("examples", "batch_size", "step_s", "steps"),
    [(1000, 32, 1e-3, 25), (1000, 32, 1e-6, 31), (1000, 32, 10.0, 3), (20, 32, 1e-3, 1), (1000, 500, 10.0, 2)],
)
def test_a_sample_is_of_full_batches_and_takes_about_as_long(
    examples: int, batch_size: int, step_s: float, steps: int
) -> None:
    assert steps_a_sample(examples, batch_size, step_s) == steps
