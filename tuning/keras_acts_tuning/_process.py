"""A function in a process of its own, that can do no harm to any other.

The processes come from a forkserver that has imported Keras and run nothing: a start costs
hundredths of a second instead of the seconds of an import, and no memory, random state or compiled
graph leaks from one to the next. Where there is no safe forkserver (macOS, Windows) they are spawned.

Only the standard library is imported here: Ray's processes use this module, and need no Keras.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, NamedTuple

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"


class Ended(NamedTuple):
    """How a process ended.

    Args:
        how: `"done"` by itself, `"died"`, `"timed_out"`, `"lost"` with what it ran on, or `"refused"`:
            it cannot be run there at all.
        exitcode: Its exit status; below 0 the signal that killed it.
        reason: What else is known.
    """

    how: Literal["done", "died", "timed_out", "lost", "refused"]
    exitcode: int = 0
    reason: str = ""


class Limits(NamedTuple):
    """What a process may take.

    Args:
        timeout_s: Seconds between two of its results; `None` for no limit.
        memory_bytes: Address space beyond what it starts with; `None` for no limit. Not enforced on Windows.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None


class Process:
    """A running function, from the side of the process that wants its results.

    Args:
        call: A function `f(send, *data)`, pickled (by cloudpickle where it is a user's). It calls
            `send(message)` as often as it likes, and `send(message, result=True)` for what the time
            limit waits for.
        data: Further arguments, which pickle passes on.
        limits: What it may take.
    """

    def __init__(self, call: bytes, data: Sequence[Any] = (), limits: Limits = Limits()) -> None:  # noqa: B008
        context: Any = multiprocessing.get_context(START_METHOD)
        if START_METHOD == "forkserver":
            context.set_forkserver_preload(["keras_acts_tuning.preload"])
        self.connection, theirs = context.Pipe(duplex=False)
        arguments = (call, data, theirs, limits.memory_bytes)
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        with main_unseen():
            self._process.start()
        theirs.close()
        self._timeout_s = limits.timeout_s
        self._since = time.monotonic()

    def left_s(self) -> float | None:
        """Seconds until the time limit; `None` without one."""
        if self._timeout_s is None:
            return None
        return max(0.0, self._since + self._timeout_s - time.monotonic())

    def receive(self) -> bytes | Ended:
        """The next message, pickled, or how the process ended; waits for it."""
        try:
            message, result = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            self.connection.close()
            code = self._process.exitcode or 0
            return Ended("died", code) if code else Ended("done")
        if result:
            self._since = time.monotonic()
        return message  # type: ignore[no-any-return]

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._process.join()
        self.connection.close()


class Local:
    """Several processes side by side on this machine.

    Args:
        places: How many.
        limits: What each may take.
    """

    def __init__(self, places: int, limits: Limits) -> None:
        self.places = places
        self._limits = limits
        self._running: dict[int, Process] = {}

    def start(self, key: int, call: bytes, data: bytes) -> None:
        """Start a function in a process, as `key`."""
        self._running[key] = Process(call, (data,), self._limits)

    def events(self) -> Iterator[tuple[int, bytes | Ended]]:
        """Wait for news: a message of a process, or how it ended."""
        lefts = [left for process in self._running.values() if (left := process.left_s()) is not None]
        wait([process.connection for process in self._running.values()], min(lefts, default=None))
        for key, process in list(self._running.items()):
            if process.connection.poll():  # asked anew of each: whoever takes the events may take long over one
                event = process.receive()
            elif process.left_s() == 0:
                process.kill()
                event = Ended("timed_out")
            else:
                continue
            if isinstance(event, Ended):
                del self._running[key]
            yield key, event

    def close(self) -> None:
        """End what still runs."""
        for process in self._running.values():
            process.kill()
        self._running.clear()


def alone(function: Callable[..., Any], *arguments: Any, limits: Limits = Limits()) -> Any:  # noqa: B008
    """What `function(*arguments)` returns when it is called in a fresh process.

    Args:
        function: Any function that cloudpickle can carry.
        *arguments: Its arguments.
        limits: What it may take.

    Raises:
        TimeoutError: It took too long.
        ChildProcessError: Its process died.
        Exception: Whatever it raised.
    """
    import cloudpickle

    process = Process(cloudpickle.dumps(_Returning(function, arguments)), limits=limits)
    try:
        event = process.receive() if process.connection.poll(process.left_s()) else Ended("timed_out")
    finally:
        process.kill()
    if isinstance(event, Ended):
        if event.how == "timed_out":
            raise TimeoutError(f"ran longer than the limit of {limits.timeout_s:g} s")
        raise ChildProcessError(f"the process ended with {described(event.exitcode)}")
    returned, value = pickle.loads(event)  # noqa: S301
    if not returned:
        raise value
    return value


def described(exitcode: int) -> str:
    """An exit status in words."""
    return f"signal {-exitcode}" if exitcode < 0 else f"exit status {exitcode}"


class _Returning:
    """A function that sends what another one returns or raises."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments

    def __call__(self, send: Callable[..., None]) -> None:
        try:
            answer = True, self._function(*self._arguments)
        except Exception as error:
            answer = False, error
        send(answer)


def _work(call: bytes, data: Sequence[Any], connection: Connection, memory_bytes: int | None) -> None:
    """The process's side."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if memory_bytes is not None:
        _limit_memory(memory_bytes)

    def send(message: Any, *, result: bool = False) -> None:
        connection.send((pickle.dumps(message), result))

    pickle.loads(call)(send, *data)  # noqa: S301
    connection.close()


def _end_with_parent() -> None:
    """No process outlives a parent that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


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


@contextmanager
def main_unseen() -> Iterator[None]:
    """Start a process without importing the user's script in it.

    multiprocessing imports the main module in every process it starts, which runs a script without
    an `if __name__ == "__main__":` again from its top. Nothing here needs it: a user's functions
    travel by value. multiprocessing finds the module by these two attributes.
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
