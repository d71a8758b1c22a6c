"""Running cells: each in a process of its own, so that none can spoil or take down another.

On one machine the processes are started by this one. With `address=` they run on a Ray cluster; one
machine needs no Ray, whose start takes some seconds.
"""

import importlib.util
import itertools
import pickle
import sys
import sysconfig
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cloudpickle
import keras

from keras_acts_tuning import cell as cells
from keras_acts_tuning._process import Ended, Limits, Local, described
from keras_acts_tuning._settings import carried
from keras_acts_tuning.cell import Cell, Progress
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.store import Outcome, Status, now

RETRIES = 2
"""How often a trial is run again after its process died under it."""

LOSSES = 20
"""How often a trial is run again after the machine or the Ray worker that it ran on was lost."""


@dataclass(frozen=True)
class Execution:
    """How to run a study; none of it changes a result.

    Args:
        workers: How many cells to run side by side. Defaults to one; with `address`, to one for each
            GPU of the cluster or, where it has none, each CPU.
        address: `None` for processes of this machine. For Ray, the `host:port` of a cluster, `"auto"`
            for the one that runs here (or that `RAY_ADDRESS` names), or `"local"` for one of its own
            on this machine, as a rehearsal. Needs `keras-acts[ray]`, here and on the nodes.
        trial_timeout_s: Seconds after which a trial, or a training of a search, is ended and recorded as
            timed out; `None` for no limit.
        memory_limit_bytes: Address space a cell's process may take beyond what it starts with;
            `None` for no limit. Not enforced on Windows.
        in_process: Whether to run everything in this process, for a debugger. Neither limit holds
            then.
    """

    workers: int | None = None
    address: str | None = None
    trial_timeout_s: float | None = None
    memory_limit_bytes: int | None = None
    in_process: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise StudyError(received("`workers` needs to be at least 1", workers=self.workers))
        for name in ("trial_timeout_s", "memory_limit_bytes"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise StudyError(received(f"`{name}` needs to be above 0", **{name: limit}))
        if self.in_process and (self.workers or 1) > 1:
            raise StudyError(received("`in_process` runs one cell at a time", workers=self.workers))
        if self.address is None:
            return
        if self.in_process:
            raise StudyError(received("`in_process` runs here, not on a cluster", address=self.address))
        if self.address.startswith("ray://"):
            need = "`address` needs a cluster's own `host:port`, not that of its Ray Client server"
            raise StudyError(received(need, address=self.address))
        if importlib.util.find_spec("ray") is None:
            need = "`address` needs Ray: pip install 'keras-acts[ray]'"
            raise StudyError(received(need, address=self.address))


def execute(
    todo: Iterable[Cell | None], how: Execution, report: Callable[[Progress], None]
) -> Generator[Outcome, None, None]:
    """Run the cells, and yield each trial's outcome as it ends, of a search what it yields.

    Args:
        todo: The cells, in the order to start them; the next one is asked for when there is a free
            place. `None` for "not now": it is asked again after the next outcome, and if nothing runs
            there is no more.
        how: Workers and limits.
        report: Called in this process after every epoch of every trial.

    Raises:
        StudyError: The study is wrong as asked, or no cluster answers.
    """
    if how.in_process:
        for cell in todo:
            if cell is None:
                return
            yield from cells.run(cell, report)
        return
    upcoming = iter(todo)
    running, again = dict[int, _Attempt](), deque[_Attempt]()
    data = _Pickled()
    with _way(how) as way:
        keys = itertools.count()
        while True:
            while len(running) < way.places:
                if not again:
                    if (cell := next(upcoming, None)) is None:
                        break
                    again.append(_Attempt(cell))
                attempt, key = again.popleft(), next(keys)
                running[key] = attempt
                way.start(key, attempt.call(by_value=how.address is not None), data(attempt.cell))
            if not running:
                return
            for key, event in way.events():
                attempt = running[key]
                if isinstance(event, Ended):
                    del running[key]
                    yield from attempt.ended(event, how)
                    if attempt.left:
                        again.append(attempt)
                    continue
                match pickle.loads(event):  # noqa: S301
                    case Progress() as progress:
                        report(progress)
                    case Outcome() as outcome:
                        attempt.settle(outcome)
                        yield outcome
                    case StudyError() as error:
                        raise error


class _Way(Protocol):
    """Where processes run."""

    places: int

    def start(self, key: int, call: bytes, data: bytes) -> None:
        """Start a function in a process, as `key`."""

    def events(self) -> Iterator[tuple[int, bytes | Ended]]:
        """Wait for news: a message of a process, or how it ended."""

    def close(self) -> None:
        """End what still runs."""


@contextmanager
def _way(how: Execution) -> Iterator[_Way]:
    limits = Limits(how.trial_timeout_s, how.memory_limit_bytes)
    if how.address is None:
        with closing(Local(how.workers or 1, limits)) as local:
            yield local
        return
    from keras_acts_tuning._ray import NoClusterError, Ray

    try:
        with closing(Ray(how.address, how.workers, limits, keras.backend.backend())) as cluster:
            yield cluster
    except NoClusterError as error:
        need = f"`address` needs a Ray cluster that answers ({error})"
        raise StudyError(received(need, address=how.address)) from None


class _Attempt:
    """A cell on its way through one process or, where processes die, several."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.left = cell.seeds
        self._ends = Counter[tuple[int, int, str]]()  # by what was running, and how its process ended
        self._started = ""

    def call(self, *, by_value: bool) -> bytes:
        """What a process is to run next, apart from the data."""
        self._started = now()
        nothing: Any = None
        cell = replace(self.cell, seeds=self.left, data=nothing, splits=nothing)
        with _by_value(self.cell.build) if by_value else nullcontext():
            return carried(partial(_run, cloudpickle.dumps(cell)))

    def settle(self, outcome: Outcome) -> None:
        """The next trial has its outcome, or a search a training more."""
        if self.cell.search is not None and not outcome.finished:
            self.cell = replace(self.cell, search=self.cell.search.went_on(outcome))
        else:
            self.left = self.left[1:]
        self._started = now()

    def ended(self, end: Ended, how: Execution) -> Iterator[Outcome]:
        """What the end of its process means for the trial or training that was running: an outcome, or another try.

        Raises:
            StudyError: It cannot run at all.
        """
        if end.how == "refused":
            raise StudyError(received("A cell needs to run on the cluster's nodes", reason=end.reason))
        if not self.left:
            return
        search = self.cell.search
        running = self.left[0], len(search.known) if search else 0, end.how
        self._ends[running] += 1
        count = self._ends[running]
        status: Status = "failed"
        match end.how:
            case "timed_out":
                status, reason = "timed_out", f"ran longer than the limit of {how.trial_timeout_s:g} s"
            case "lost" if count > LOSSES:
                reason = f"the Ray worker or node that it ran on was lost {count} times ({end.reason})"
            case "died" | "done" if count > RETRIES:
                hint = "; the system may have been out of memory" if end.exitcode == -9 else ""
                status = "out_of_memory" if end.exitcode == -9 else "failed"
                reason = f"its process ended with {described(end.exitcode)}, {count} times{hint}"
            case _:
                return  # what is left, this trial first, runs again in a fresh process
        outcome = Outcome(
            arm=self.cell.arm.label,
            seed=self.left[0],
            status=status,
            reason=reason,
            started=self._started,
            finished=now(),
        )
        if search is not None:
            outcome = search.without(self.cell, outcome)
        self.settle(outcome)
        yield outcome


class _Pickled:
    """The data of cells as bytes, made once for all that share them."""

    def __init__(self) -> None:
        self._of: tuple[Any, Any] = None, None
        self._bytes = b""

    def __call__(self, cell: Cell) -> bytes:
        if self._of[0] is not cell.data or self._of[1] is not cell.splits:
            self._of = cell.data, cell.splits
            self._bytes = cloudpickle.dumps(self._of)
        return self._bytes


def _run(pickled: bytes, send: Callable[..., None], data: bytes) -> None:
    """A cell in its process."""
    try:
        try:
            cell = pickle.loads(pickled)  # noqa: S301
        except Exception as error:
            need = "`build` needs to work in another process; give it in a module that can be imported there"
            raise StudyError(received(need, error=f"{type(error).__name__}: {error}")) from error
        whole, splits = pickle.loads(data)  # noqa: S301
        for outcome in cells.run(replace(cell, data=whole, splits=splits), send):
            send(outcome, result=True)
    except StudyError as error:
        send(error)


@contextmanager
def _by_value(function: Any) -> Iterator[None]:
    """Pickle `function` with its code, where its module is a file of the user's that other machines may not have."""
    function = getattr(function, "build", function)  # of a tuned one, or of a class
    name = getattr(function, "__module__", None) or type(function).__module__
    module = sys.modules[name]
    installed = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")]
    file = Path(getattr(module, "__file__", None) or installed[0] / "builtin")
    if name.partition(".")[0] in ("__main__", "keras_acts_tuning") or any(map(file.is_relative_to, installed)):
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)
