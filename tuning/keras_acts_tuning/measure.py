"""What a network costs: each measure with its unit, its method and its spread, or the reason why there is none.

A measure that could not be taken is `None` with a reason: never 0, and never an estimate.
"""

import contextlib
import gc
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from keras_acts_tuning.engine import Trainer
from keras_acts_tuning.store import Measurement, now

_SAMPLE_S = 0.025
"""About how long the training for one sample takes, and the inference of one turn."""

_TURN_S = 0.1
"""The least that the training of one turn takes."""

_FEWEST_STEPS = 3
"""Of a training: with `fit`, the first and the last of them may hold compilation, and are cut to the median."""


@dataclass(frozen=True)
class Kind:
    """What a measure is.

    Args:
        unit: Of its numbers.
        method: How it is taken, in words; details of the machine and the backend come after it.
    """

    unit: str
    method: str


MEASURES = {
    "compile_s": Kind("s", "tracing and compiling the training step, at the network's first training"),
    "step_ms": Kind("ms", "wall time of a training step of a full batch: the median over trainings of several steps"),
    "step_cpu_ms": Kind("ms", "processor time of all threads over those trainings, callbacks included, by their steps"),
    "latency_1_ms": Kind("ms", "wall time of a forward pass of one example, from the device's memory to its result"),
    "latency_batch_ms": Kind("ms", "wall time of a forward pass of a training batch, likewise"),
    "throughput_per_s": Kind("examples/s", "forward passes of training batches, begun one after another"),
    "forward_flops": Kind("FLOP", "floating-point operations of a forward pass of one example"),
    "parameters": Kind("parameters", "weights of the network, trained or not"),
    "peak_device_memory_bytes": Kind("B", "most memory that the backend had taken on the accelerator, data included"),
    "epoch_energy_cpu_j": Kind("J", "energy of the timed training steps, times the steps of an epoch over theirs"),
    "epoch_energy_gpu_j": Kind("J", "energy of the timed training steps, times the steps of an epoch over theirs"),
    "other_cpu_share": Kind(
        "of all cores", "processor time that all but the timed process took in a turn, over its length times the cores"
    ),
}
"""What the timing lane measures of each arm."""


class NotMeasuredError(Exception):
    """A measure cannot be taken here; its text is the reason."""


class EnergyCounter(Protocol):
    """A counter of energy in hardware."""

    method: str
    resolution_s: float
    """How long the counter may stand still."""

    def read(self) -> Sequence[int]:
        """What the counters show."""

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """The energy between two readings."""


class RAPL:
    """The energy counters of the processor's packages and of their memory, as Linux shows them.

    Args:
        root: Where it shows them.

    Raises:
        NotMeasuredError: There are none, or they may not be read.
    """

    method = "RAPL counters of the whole package, whatever else runs on it included"
    resolution_s = 0.001

    def __init__(self, root: Path = Path("/sys/class/powercap")) -> None:
        try:
            # A package counts its cores and graphics too; a second interface to it (intel-rapl-mmio) and
            # the whole platform (psys) would count it twice.
            zones = [
                zone
                for zone in sorted(root.glob("intel-rapl:*"))
                if (zone / "name").read_text().startswith(("package", "dram"))
            ]
            self._files = [zone / "energy_uj" for zone in zones]
            self._ranges = [int((zone / "max_energy_range_uj").read_text()) for zone in zones]
        except (OSError, ValueError) as error:
            raise NotMeasuredError(f"the RAPL counters cannot be read: {error}") from error
        if not zones:
            raise NotMeasuredError(f"no RAPL counter in {root}")
        self.read()

    def read(self) -> Sequence[int]:
        """Microjoules, by zone."""
        try:
            return [int(file.read_text()) for file in self._files]
        except PermissionError as error:
            hint = "the system's administrator can allow it with `chmod a+r`"
            raise NotMeasuredError(f"no permission to read {error.filename}; {hint}") from error
        except (OSError, ValueError) as error:
            raise NotMeasuredError(f"the RAPL counters cannot be read: {error}") from error

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """The energy between two readings, less than one turn of the counter apart."""
        spent = [
            end - start + (limit if end < start else 0)
            for start, end, limit in zip(before, after, self._ranges, strict=True)
        ]
        return sum(spent) / 1e6


class NVML:
    """The energy counter of the first NVIDIA GPU that this process may use.

    Raises:
        NotMeasuredError: `nvidia-ml-py` is missing, or there is no such GPU or counter.
    """

    method = "NVML's total-energy counter of the whole GPU"
    resolution_s = 0.1

    def __init__(self) -> None:
        try:
            self._nvml = import_module("pynvml")
        except ImportError:
            raise NotMeasuredError("NVML needs the package nvidia-ml-py") from None
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
        try:
            self._nvml.nvmlInit()
            by = "Index" if visible.isdigit() else "UUID"
            name = int(visible) if visible.isdigit() else visible
            self._device = getattr(self._nvml, f"nvmlDeviceGetHandleBy{by}")(name)
        except self._nvml.NVMLError as error:
            raise NotMeasuredError(f"NVML has no such GPU: {error}") from error
        self.read()

    def read(self) -> Sequence[int]:
        """Millijoules since the driver was loaded."""
        try:
            return [self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device)]
        except self._nvml.NVMLError as error:
            raise NotMeasuredError(f"the GPU has no energy counter: {error}") from error

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """The energy between two readings."""
        return (after[0] - before[0]) / 1e3


class OtherCPU:
    """What everything but this process takes of the machine's processor cores, as Linux counts it.

    Args:
        file: Where it does.

    Raises:
        NotMeasuredError: It does not.
    """

    def __init__(self, file: Path = Path("/proc/stat")) -> None:
        self._file = file
        self.start()

    def start(self) -> None:
        """From now on."""
        self._started, self._since = self._read(), time.perf_counter()

    def share(self) -> float:
        """The share of all cores' time since the start, from 0 to 1."""
        seconds = self._read() - self._started
        # The system counts in hundredths of a second, so that the difference may come out just below 0.
        return max(0.0, seconds / (time.perf_counter() - self._since) / self._cores)

    def _read(self) -> float:
        """Seconds of all cores together, but for this process's."""
        try:
            total, *cores = (line.split() for line in self._file.read_text().splitlines() if line.startswith("cpu"))
        except (OSError, ValueError):
            raise NotMeasuredError("only Linux tells what other processes take") from None
        user, nice, system, idle, _, irq, softirq, steal = map(int, total[1:9])
        if not user + idle:  # in a sandbox that imitates Linux
            raise NotMeasuredError(f"the system does not count processor time in {self._file}")
        self._cores = len(cores)
        busy = user + nice + system + irq + softirq + steal
        return busy / os.sysconf("SC_CLK_TCK") - time.process_time()


class PeakMemory:
    """The most that this process holds in memory from now on, above what it holds now.

    Where the system lets it (Linux), the mark that it keeps of the most is set back first.
    """

    def __init__(self) -> None:
        self.reason = ""
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        start, peak = memory_in_use(), peak_memory()
        self._start = start or 0.0
        if start is None or peak is None:
            self.reason = "only Linux tells what a process holds"
        elif peak - start > 4 * 2**20:  # the kernel counts by thread, and sums up now and then
            self.reason = "the process has held more before than now, and the system does not forget it"

    def bytes(self) -> float | None:
        """The peak above the start, or `None` for `reason`."""
        peak = peak_memory()
        return None if self.reason or peak is None else max(0.0, peak - self._start)


def memory_in_use() -> float | None:
    """What this process holds in memory now, in bytes; `None` where the system does not tell (only Linux does)."""
    return _status("VmRSS")


def peak_memory() -> float | None:
    """The most that this process has held in memory, in bytes; `None` likewise."""
    return _status("VmHWM")


def _status(name: str) -> float | None:
    try:
        with open("/proc/self/status") as file:
            return 1024.0 * next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))
    except (OSError, StopIteration):
        return None


def peak_device_memory() -> float:
    """The most memory that the backend has taken on the accelerator since this process began, in bytes.

    Raises:
        NotMeasuredError: There is no accelerator, or the backend does not tell.
    """
    if accelerator() is None:
        raise NotMeasuredError("no accelerator")
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return float(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        case "jax":
            import jax

            statistics = jax.local_devices()[0].memory_stats() or {}
            if "peak_bytes_in_use" not in statistics:
                raise NotMeasuredError("JAX does not tell the memory of this device")
            return float(statistics["peak_bytes_in_use"])
        case _:  # the only other with accelerators here
            import torch

            return float(torch.cuda.max_memory_allocated())


def accelerator() -> str | None:
    """The name of what the backend computes on where that is not the CPU, of several the first; else `None`."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            if not tf.config.list_logical_devices("GPU"):
                return None
            device = tf.config.get_visible_devices("GPU")[0]
            return str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
        case "jax":
            import jax

            return None if jax.default_backend() == "cpu" else str(jax.local_devices()[0].device_kind)
        case "torch":
            import torch

            return torch.cuda.get_device_name() if torch.cuda.is_available() else None
        case _:
            return None


@dataclass(frozen=True)
class Forward:
    """A forward pass of one batch.

    Args:
        how: What runs it.
        start: Begins it, and returns what it will give.
        wait: Waits until that is there.
        flops: Its floating-point operations, with what was counted how; may raise `NotMeasuredError`.
    """

    how: str
    start: Callable[[], Any]
    wait: Callable[[Any], Any]
    flops: Callable[[], tuple[float, str]]


def forward(model: keras.Model, x: Any) -> Forward:
    """The forward pass of `model` over the batch `x`, as the backend would serve it.

    Raises:
        NotMeasuredError: The backend is not one of TensorFlow, JAX and PyTorch.
    """
    backend = keras.backend.backend()
    if backend not in _FORWARD:
        raise NotMeasuredError(f"nothing here times a forward pass on {backend}")
    return _FORWARD[backend](model, keras.ops.convert_to_tensor(x))


def _tensorflow(model: keras.Model, x: Any) -> Forward:
    import tensorflow as tf

    function = tf.function(lambda x: model(x, training=False), autograph=False, jit_compile=model.jit_compile)
    compiled = function.get_concrete_function(tf.TensorSpec(x.shape, x.dtype))

    def flops() -> tuple[float, str]:
        kinds = {operation.type for operation in compiled.graph.get_operations()}
        if nested := sorted(kind for kind in kinds if kind.removeprefix("Stateless") in _NESTED):
            raise NotMeasuredError(f"TensorFlow's profiler does not count inside {', '.join(nested)}")
        builder = tf.compat.v1.profiler.ProfileOptionBuilder
        options = builder(builder.float_operation()).with_empty_output().build()
        log = logging.getLogger("tensorflow")
        level = log.level
        log.setLevel(logging.ERROR)  # the profiler warns of what it is made of
        try:
            by_kind = tf.compat.v1.profiler.profile(compiled.graph, options=options, cmd="op")
        finally:
            log.setLevel(level)
        left_out = kinds - _MOVING - set(_counted(by_kind))
        note = f" (it has no count for {', '.join(sorted(left_out))})" if left_out else ""
        return float(by_kind.total_float_ops), "counted by TensorFlow's profiler" + note

    how = "a tf.function" + (", compiled by XLA" if model.jit_compile else "")
    return Forward(how, lambda: compiled(x), lambda out: keras.tree.map_structure(lambda t: t.numpy(), out), flops)


_NESTED = {"While", "If", "Case", "PartitionedCall", "StatefulPartitionedCall"}
_MOVING = {
    "BroadcastTo", "ConcatV2", "Const", "ExpandDims", "Fill", "GatherV2", "Identity", "IdentityN", "NoOp", "Pack",
    "Placeholder", "Range", "ReadVariableOp", "Reshape", "Shape", "Split", "SplitV", "Squeeze", "StopGradient",
    "StridedSlice", "Transpose", "Unpack",
}  # fmt: skip
"""Operations of TensorFlow that compute no numbers."""


def _counted(node: Any) -> Iterator[str]:
    for child in node.children:
        if child.float_ops:
            yield child.name
        yield from _counted(child)


def _jax(model: keras.Model, x: Any) -> Forward:
    import jax

    weights = [[v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables)]
    function = jax.jit(lambda trained, fixed, x: model.stateless_call(trained, fixed, x, training=False)[0])
    lowered = function.lower(*weights, x)
    compiled = lowered.compile()

    def flops() -> tuple[float, str]:
        counts = lowered.cost_analysis() or {}
        if "flops" not in counts:
            raise NotMeasuredError("XLA gives no count for this device")
        if "stablehlo.while" in lowered.as_text():
            raise NotMeasuredError("XLA counts the inside of a loop once, however often it runs")
        apart = f"counted by XLA before it optimises, {counts.get('transcendentals', 0.0):.0f} transcendentals apart"
        return float(counts["flops"]), apart

    return Forward("compiled by XLA", lambda: compiled(*weights, x), jax.block_until_ready, flops)


def _torch(model: keras.Model, x: Any) -> Forward:
    import torch

    def start() -> Any:
        with torch.no_grad():
            return model(x, training=False)

    def wait(_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def flops() -> tuple[float, str]:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            start()
        return float(counter.get_total_flops()), "counted by PyTorch: matrix products, convolutions and attention alone"

    return Forward("eager, without gradients", start, wait, flops)


_FORWARD: dict[str, Callable[[keras.Model, Any], Forward]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


class Bench:
    """One network, ready to be timed in turns with others.

    Args:
        model: The network, compiled.
        x: Inputs of as many training steps as a sample takes.
        y: Their targets.
        batch_size: Examples a training step.
        epoch_steps: Steps of a training epoch.
    """

    def __init__(self, model: keras.Model, x: Any, y: Any, *, batch_size: int, epoch_steps: float) -> None:
        self._model = model
        self._epoch_steps = epoch_steps
        self._steps = -(-len(x) // batch_size)
        self._trainer = Trainer(model, x, y, batch_size=batch_size)
        self._counters: dict[str, EnergyCounter] = {}
        self._reasons: dict[str, str] = {}
        self._details: dict[str, str] = {}
        self._samples: dict[str, list[float]] = defaultdict(list)
        self._turns = 0
        self._others: OtherCPU | None = None
        with self._or_reason("other_cpu_share"):
            self._others = OtherCPU()
        with self._or_reason("epoch_energy_cpu_j"):
            self._counters["epoch_energy_cpu_j"] = RAPL()
        with self._or_reason("epoch_energy_gpu_j"):
            if accelerator() is None:
                raise NotMeasuredError("no accelerator")
            self._counters["epoch_energy_gpu_j"] = NVML()
        # The first training compiles, and the one after it is the first with everything in place.
        training = self._trainer.train(1, seed=0)
        self._samples["compile_s"].append(training.compile_s)
        self._details["step_ms"] = f"engine {training.engine}, {self._steps} steps a sample"
        self._trainer.train(1, seed=0)
        with self._or_reason("peak_device_memory_bytes"):
            self._samples["peak_device_memory_bytes"].append(peak_device_memory())
        self._forward: dict[int, Forward] = {}
        with self._or_reason("latency_1_ms", "latency_batch_ms", "throughput_per_s", "forward_flops"):
            self._forward = {size: forward(model, x[:size]) for size in {1, min(batch_size, len(x))}}
            for each in self._forward.values():
                each.wait(each.start())
            timed = ("latency_1_ms", "latency_batch_ms", "throughput_per_s")
            self._details |= dict.fromkeys(timed, self._forward[1].how)
            with self._or_reason("forward_flops"):
                flops, self._details["forward_flops"] = self._forward[1].flops()
                self._samples["forward_flops"].append(flops)

    def turn(self) -> None:
        """Time training and inference for a moment."""
        self._turns += 1
        gc.collect()
        gc.disable()
        if self._others is not None:
            self._others.start()
        try:
            self._time_training()
            if self._forward:
                self._time_inference()
        finally:
            gc.enable()
        if self._others is not None:
            self._samples["other_cpu_share"].append(self._others.share())

    def measurements(self, arm: str, circumstances: str) -> list[Measurement]:
        """All of `MEASURES`, as the arm's.

        Args:
            arm: The arm's label.
            circumstances: How the turns were taken, for the method.
        """
        samples = {
            "parameters": [float(self._model.count_params())],
            **self._samples,
        }
        result = []
        for name, kind in MEASURES.items():
            values = samples.get(name, [])
            low, middle, high = np.percentile(values, [25.0, 50.0, 75.0]).tolist() if values else [None] * 3
            spread = len(values) > 1
            how = [kind.method, self._details.get(name, "")]
            how += [f"median and quartiles of {len(values)} samples, {circumstances}"] if spread else []
            result.append(
                Measurement(
                    arm=arm,
                    name=name,
                    value=middle,
                    low=low if spread else None,
                    high=high if spread else None,
                    unit=kind.unit,
                    method="; ".join(part for part in how if part),
                    reason="" if values else self._reasons[name],
                    finished=now(),
                )
            )
        return result

    def _time_training(self) -> None:
        least_s = max([_TURN_S, *(10.0 * counter.resolution_s for counter in self._counters.values())])
        before = {name: counter.read() for name, counter in self._counters.items()}
        started, cpu_started, trainings = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - started < least_s:
            training = self._trainer.train(1, seed=self._turns)
            self._samples["step_ms"].append(1e3 * training.step_s[0])
            trainings += 1
        steps = trainings * self._steps
        self._samples["step_cpu_ms"].append(1e3 * (time.process_time() - cpu_started) / steps)
        for name, counter in self._counters.items():
            joules = counter.joules(before[name], counter.read())
            self._samples[name].append(joules * self._epoch_steps / steps)
            self._details[name] = counter.method

    def _time_inference(self) -> None:
        batch_size = max(self._forward)
        for size, name in ((1, "latency_1_ms"), (batch_size, "latency_batch_ms")):
            run = self._forward[size]
            until = time.perf_counter() + _SAMPLE_S
            run.wait(run.start())  # warm again after the others' turns
            while True:
                started = time.perf_counter()
                run.wait(run.start())
                ended = time.perf_counter()
                self._samples[name].append(1e3 * (ended - started))
                if ended > until:
                    break
        passes = max(1, round(_SAMPLE_S / (ended - started)))
        started = time.perf_counter()
        for _ in range(passes):
            last = run.start()
        run.wait(last)
        self._samples["throughput_per_s"].append(passes * batch_size / (time.perf_counter() - started))

    @contextlib.contextmanager
    def _or_reason(self, *names: str) -> Iterator[None]:
        try:
            yield
        except NotMeasuredError as error:
            self._reasons |= dict.fromkeys(names, str(error))


def steps_a_sample(examples: int, batch_size: int, step_s: float) -> int:
    """How many steps to train for one sample, of full batches, so that fast and slow networks take about as long.

    Args:
        examples: Examples of the training part.
        batch_size: Examples a step.
        step_s: About how long a step takes.
    """
    return max(1, min(examples // batch_size, max(_FEWEST_STEPS, round(_SAMPLE_S / step_s))))


def not_measured(arm: str, reason: str) -> list[Measurement]:
    """All of `MEASURES`, none of which could be taken."""
    return [
        Measurement(arm=arm, name=name, unit=kind.unit, method=kind.method, reason=reason, finished=now())
        for name, kind in MEASURES.items()
    ]
