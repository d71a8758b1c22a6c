"""Running cells: each in a process of its own, so that none can spoil or take down another.

The processes come from a forkserver that has imported Keras and run nothing: a start costs
hundredths of a second instead of the seconds of an import, and no memory, random state or compiled
graph leaks from cell to cell. Where there is no forkserver (Windows, macOS) they are spawned.
"""

import multiprocessing
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

import cloudpickle

from keras_acts_tuning import cell as cells
from keras_acts_tuning.cell import Cell, Progress
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.store import Outcome, Status, now

RETRIES = 2
"""How often a trial is run again after its process died under it."""


@dataclass(frozen=True)
class Execution:
    """How to run a study; none of it changes a result.

    Args:
        workers: How many cells to run side by side.
        trial_timeout_s: Seconds after which a trial is ended and recorded as timed out; `None` for
            no limit.
        memory_limit_bytes: Address space a cell's process may take beyond what it starts with;
            `None` for no limit. Not enforced on Windows.
        in_process: Whether to run everything in this process, for a debugger. Neither limit holds
            then.
    """

    workers: int = 1
    trial_timeout_s: float | None = None
    memory_limit_bytes: int | None = None
    in_process: bool = False

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise StudyError(received("`workers` needs to be at least 1", workers=self.workers))
        if self.trial_timeout_s is not None and not self.trial_timeout_s > 0:
            raise StudyError(
                received("The trial timeout needs to be above 0 seconds", trial_timeout_s=self.trial_timeout_s)
            )
        if self.in_process and self.workers > 1:
            raise StudyError(received("`in_process` runs one cell at a time", workers=self.workers))


def execute(todo: Sequence[Cell], how: Execution, report: Callable[[Progress], None]) -> Iterator[Outcome]:
    """Run the cells, and yield each trial's outcome as it ends.

    Args:
        todo: The cells, in the order to start them.
        how: Workers and limits.
        report: Called in this process after every epoch of every trial.

    Raises:
        StudyError: The study is wrong as asked.
    """
    if how.in_process:
        for cell in todo:
            yield from cells.run(cell, report)
        return
    context = _context()
    waiting, running = deque(todo), list[_Worker]()
    deaths = Counter[tuple[str, int]]()
    try:
        while waiting or running:
            while waiting and len(running) < how.workers:
                running.append(_Worker(context, waiting.popleft(), how, deaths))
            ready = wait([w.connection for w in running], timeout=_until_timeout(running, how))
            for worker in [w for w in running if w.connection in ready]:
                yield from worker.read(report)
            for worker in running:
                yield from worker.check_time(how)
            for worker in [w for w in running if w.ended]:
                running.remove(worker)
                if worker.left:
                    waiting.appendleft(replace(worker.cell, seeds=worker.left))
    finally:
        for worker in running:
            worker.kill()


class _Worker:
    """The parent's side of a process that runs a cell."""

    def __init__(self, context: Any, cell: Cell, how: Execution, deaths: Counter[tuple[str, int]]) -> None:
        self.cell = cell
        self._deaths = deaths  # how often a process died under each trial, over all the processes it was tried in
        self.left = cell.seeds
        self.ended = False
        self.connection, theirs = context.Pipe(duplex=False)
        # cloudpickle, so that `build` may be a function of a script, a notebook or a closure.
        self._process = context.Process(
            target=_work, args=(cloudpickle.dumps(cell), theirs, how.memory_limit_bytes), daemon=True
        )
        with _main_unseen():
            self._process.start()
        theirs.close()
        self.trial_started = time.monotonic()
        self._started_at = now()

    def read(self, report: Callable[[Progress], None]) -> Iterator[Outcome]:
        """What the process has to say: progress, an outcome, its end."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            yield from self._died()
            return
        match message:
            case Progress():
                report(message)
            case Outcome():
                self._settle()
                yield message
            case StudyError():
                self.kill()
                raise message
            case None:
                self._process.join()
                self._end()

    def check_time(self, how: Execution) -> Iterator[Outcome]:
        """End the trial if it has run too long."""
        if self.ended or how.trial_timeout_s is None or time.monotonic() - self.trial_started < how.trial_timeout_s:
            return
        self.kill()
        reason = f"ran longer than the limit of {how.trial_timeout_s:g} s"
        yield self._failure("timed_out", reason)

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._process.join()
        self._end()

    def _died(self) -> Iterator[Outcome]:
        self._process.join()
        self._end()
        if not self.left:
            return
        trial = (self.cell.arm.label, self.left[0])
        self._deaths[trial] += 1
        if self._deaths[trial] <= RETRIES:
            return  # what is left, this trial first, runs again in a fresh process
        code = self._process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        hint = "; the system may have been out of memory" if code == -9 else ""
        reason = f"its process ended with {how}, {RETRIES + 1} times{hint}"
        yield self._failure("out_of_memory" if code == -9 else "failed", reason)

    def _failure(self, status: Status, reason: str) -> Outcome:
        outcome = Outcome(
            arm=self.cell.arm.label,
            seed=self.left[0],
            status=status,
            reason=reason,
            started=self._started_at,
            finished=now(),
        )
        self._settle()
        return outcome

    def _settle(self) -> None:
        self.left = self.left[1:]
        self.trial_started = time.monotonic()
        self._started_at = now()

    def _end(self) -> None:
        self.ended = True
        self.connection.close()


def _work(pickled: bytes, connection: Connection, memory_limit_bytes: int | None) -> None:
    """The process's side: run the cell and say what becomes of it."""
    if memory_limit_bytes is not None:
        _limit_memory(memory_limit_bytes)
    cell = cloudpickle.loads(pickled)
    try:
        for outcome in cells.run(cell, connection.send):
            connection.send(outcome)
    except StudyError as error:
        connection.send(error)
    connection.send(None)
    connection.close()


def _limit_memory(limit_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    taken = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (taken + limit_bytes, taken + limit_bytes))


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:
            import resource

            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # no /proc
        return 0


def _context() -> Any:
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras_acts_tuning.preload"])
    return context


@contextmanager
def _main_unseen() -> Iterator[None]:
    """Start a process without importing the user's script in it.

    multiprocessing imports the main module in every process it starts, which runs a script without
    an `if __name__ == "__main__":` again from its top. Nothing here needs it: `build` travels by
    value. multiprocessing finds the module by these two attributes.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: main.__dict__.pop(name) for name in ("__file__", "__spec__") if name in main.__dict__
    }
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


def _until_timeout(running: Sequence[_Worker], how: Execution) -> float | None:
    if how.trial_timeout_s is None:
        return None
    return max(0.0, min(w.trial_started for w in running) + how.trial_timeout_s - time.monotonic())
