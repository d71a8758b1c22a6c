"""The timing lane: the arms of a study take turns at being timed, while nothing else of it runs.

Each arm has a process of its own. A round gives every arm one turn (A B C A B C …), so that a machine
that grows slower or busier meanwhile does so for all of them alike.
"""

import contextlib
import dataclasses
import functools
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from keras_acts_tuning._process import Ended, Process, described
from keras_acts_tuning._settings import carried
from keras_acts_tuning.cell import Cell, environment, seeded_model
from keras_acts_tuning.data import Splits
from keras_acts_tuning.execute import Execution
from keras_acts_tuning.measure import Bench, not_measured, steps_a_sample
from keras_acts_tuning.store import Measurement

ROUNDS = 5
"""How many turns each arm has."""

_TOGETHER = 12
"""How many arms at most take turns with one another: each waits in a process that holds its network."""

_DATA_BYTES = 2**30
"""How much of the study's data all those processes together may hold, with one at least."""

Ask: TypeAlias = Callable[..., tuple[Any, str]]
"""Calls a method of an `_Arm`, wherever that is; gives its answer, or the reason why there is none."""


def lane(
    cells: Sequence[Cell], step_s: Mapping[str, float], how: Execution
) -> Iterator[tuple[list[Measurement], Mapping[str, Any]]]:
    """Time the cells' networks, and yield each arm's measurements and the environment that they were taken in.

    Args:
        cells: The arms; of each cell's seeds the first decides its weights.
        step_s: About how long a training step takes, by arm.
        how: Whether to run in this process, and how long one turn may take.
    """
    cores = _cores()
    for group in _groups(cells):
        where = f"on processor cores {', '.join(map(str, cores))}" if cores and not how.in_process else "on any core"
        where += " of the machine that the study was started on" if how.address else ""
        circumstances = f"taken in {ROUNDS} rounds, each a turn of {len(group)} activations, {where}"
        with contextlib.ExitStack() as stack:
            asks = {
                cell.arm.label: stack.enter_context(_place(_Arm(cell, step_s[cell.arm.label]), cores, how))
                for cell in group
            }
            reasons = dict.fromkeys(asks, "")
            for method in ("prepare", *["turn"] * ROUNDS):
                for label, ask in asks.items():
                    if not reasons[label]:
                        _, reasons[label] = ask(method)
            for label, ask in asks.items():
                found, reason = (None, reasons[label]) if reasons[label] else ask("finish", circumstances)
                yield found or (not_measured(label, reason), {})


class _Arm:
    """An arm where it is timed."""

    def __init__(self, cell: Cell, step_s: float) -> None:
        x, y, size = cell.splits.x_train, cell.splits.y_train, cell.batch_size
        self._epoch_steps = len(x) / size
        count = size * steps_a_sample(len(x), size, step_s)
        self._x, self._y = x[:count], y[:count]
        # What travels to the arm's process is what it needs.
        nothing = Splits(**{name: part[:0] for name, part in vars(cell.splits).items()})
        self._model = functools.partial(seeded_model, dataclasses.replace(cell, splits=nothing), cell.seeds[0])
        self._label, self._batch_size = cell.arm.label, size

    def prepare(self) -> None:
        """Build and compile."""
        self._bench = Bench(self._model(), self._x, self._y, batch_size=self._batch_size, epoch_steps=self._epoch_steps)

    def turn(self) -> None:
        """Time it for a moment."""
        self._bench.turn()

    def finish(self, circumstances: str) -> tuple[list[Measurement], Mapping[str, Any]]:
        """What came of all turns, and where they were taken."""
        return self._bench.measurements(self._label, circumstances), environment()


@contextlib.contextmanager
def _place(arm: _Arm, cores: Sequence[int], how: Execution) -> Iterator[Ask]:
    """The arm in a process of its own, or here."""
    if how.in_process:
        yield functools.partial(_call, arm)
        return
    commands, ours = multiprocessing.Pipe(duplex=False)
    process = Process(carried(functools.partial(_serve, arm=arm, cores=cores)), (commands,))
    commands.close()

    def ask(method: str, *arguments: Any) -> tuple[Any, str]:
        with contextlib.suppress(BrokenPipeError):  # then there is an end to receive
            ours.send((method, arguments))
        if not process.connection.poll(how.trial_timeout_s):
            process.kill()  # or it would go on, and take its time from the others' turns
            return None, f"ran longer than the limit of {how.trial_timeout_s:g} s"
        answer = process.receive()
        if isinstance(answer, Ended):
            return None, f"its process ended with {described(answer.exitcode)}"
        return pickle.loads(answer)  # type: ignore[no-any-return]  # noqa: S301

    try:
        yield ask
    finally:
        process.kill()
        ours.close()


def _serve(send: Callable[[Any], None], commands: Connection, *, arm: _Arm, cores: Sequence[int]) -> None:
    """The process's side: do as asked."""
    if cores:
        os.sched_setaffinity(0, cores)
    # Several processes share an accelerator here, of which each backend would take all the memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    while True:
        method, arguments = commands.recv()
        send(_call(arm, method, *arguments))


def _call(arm: _Arm, method: str, *arguments: Any) -> tuple[Any, str]:
    try:
        return getattr(arm, method)(*arguments), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _cores() -> list[int]:
    """The processor cores to time on: where there are enough, one is left to the system and to this process."""
    if not hasattr(os, "sched_getaffinity"):  # only Linux can pin
        return []
    cores = sorted(os.sched_getaffinity(0))
    return cores[1:] if len(cores) > 3 else cores


def _groups(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    held = max(1, cells[0].data.x.nbytes) if cells else 1
    size = max(1, min(_TOGETHER, _DATA_BYTES // held))
    count = -(-len(cells) // size)
    for index in range(count):  # of equal sizes
        yield cells[index::count]
