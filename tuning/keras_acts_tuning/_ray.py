"""The processes of `_process` on the machines of a Ray cluster.

Three kinds of process: the study's own, which asks for functions to be run and hears of their results;
a bridge, the only one that is connected to Ray, so that a Ray node that dies takes the bridge with it and
not the study; and Ray's workers, each of which starts a fresh process for a function, with the same
limits as on one machine. None but the fresh process imports Keras.

A node or worker that dies is an event like others: whoever asked starts what is left again.
"""

import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from keras_acts_tuning._process import Ended, Limits, Local, main_unseen

_LOOK_S = 1.0
"""How often the bridge looks whether its node is alive."""

_START_S = 120.0
"""How long a cluster may take to answer."""

_STARTS = 5
"""How often to try to connect to a cluster that should be there."""

_CARRIED = ("KERAS_", "TF_", "XLA_", "JAX_", "OMP_", "MKL_", "OPENBLAS_")
"""Environment variables that decide results in their last digits: Ray sets some of them, as many threads as CPUs."""


class NoClusterError(Exception):
    """No Ray cluster answers at the address."""


class Ray:
    """Several processes side by side on a Ray cluster.

    Args:
        address: `"local"` for a cluster of its own on this machine, which ends with it; `"auto"` for
            the one that runs here, or that `RAY_ADDRESS` names; or a cluster's `host:port`.
        places: How many; `None` for one a GPU of the cluster, without GPUs one a CPU.
        limits: What each may take.
        backend: Keras's backend here, and so there.

    Raises:
        NoClusterError: No cluster answers.
    """

    def __init__(self, address: str, places: int | None, limits: Limits, backend: str) -> None:
        self._address, self._asked, self._limits = address, places, limits
        self._environment = {name: value for name, value in os.environ.items() if name.startswith(_CARRIED)}
        self._environment["KERAS_BACKEND"] = backend
        self._running: set[int] = set()
        # A wrong address is told at once; a cluster of our own may be killed while it starts.
        self._open(_STARTS if address == "local" else 1)

    def _open(self, starts: int) -> None:
        for left in reversed(range(starts)):
            try:
                self._connect()
                return
            except NoClusterError:
                if not left:
                    raise

    def _connect(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._bridge = context.Process(target=_serve, args=(theirs, self._address, self._asked), daemon=True)
        with main_unseen():
            self._bridge.start()
        theirs.close()
        self._put: bytes | None = None
        try:
            answered = self._connection.poll(_START_S)
            answer = self._connection.recv() if answered else f"nothing in {_START_S:g} s"
        except EOFError:
            answer = "the connection broke"
        if isinstance(answer, str):
            self.close()
            raise NoClusterError(answer)
        self.places: int = answer

    def start(self, key: int, call: bytes, data: bytes) -> None:
        """Start a function in a process, as `key`."""
        self._running.add(key)
        with contextlib.suppress(OSError):  # the bridge is gone: the next events say so
            if data is not self._put:
                self._connection.send(("put", data))
                self._put = data
            self._connection.send(("start", key, call, self._limits, self._environment, sys.path))

    def events(self) -> Iterator[tuple[int, bytes | Ended]]:
        """Wait for news: a message of a process, or how it ended."""
        try:
            key, event = self._connection.recv()
        except (EOFError, OSError):
            lost = list(self._running)
            self._running.clear()
            self.close()
            self._open(_STARTS)
            yield from ((key, Ended("lost")) for key in lost)
            return
        if isinstance(event, Ended):
            self._running.discard(key)
        yield key, event

    def close(self) -> None:
        """Leave the cluster; what still runs there ends, and so does a cluster that was started here."""
        self._connection.close()
        self._bridge.join(10.0)
        self._bridge.kill()
        self._bridge.join()


def _serve(connection: Connection, address: str, places: int | None) -> None:
    """The bridge: starts what it is asked to, and passes on what comes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the study's, which then closes the connection
    # Ray writes its notes to the terminal; they are in its own logs too.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options: dict[str, Any] = {}
    if address == "local":
        # Without a fixed address, a machine whose own name does not resolve waits for minutes. And
        # nobody else on this machine can enter.
        options = {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": places}
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
        os.environ.pop("RAY_ADDRESS", None)
    import ray

    try:
        host, _, port = address.rpartition(":")
        if host:  # Ray itself would wait for minutes
            socket.create_connection((host, int(port)), timeout=10.0).close()
        # Always with an address: `ray.init()` would attach to whatever it finds.
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    gpu = 1 if resources.get("GPU") else 0
    connection.send(places or max(1, int(resources.get("GPU" if gpu else "CPU", 1))))
    # Ray must not run a function again by itself: some of its results are in.
    task = ray.remote(num_returns="streaming", num_cpus=1, num_gpus=gpu, max_retries=0)(_run_on_node)
    nodes: Any = ray.nodes
    here = ray.get_runtime_context().get_node_id()
    lock = threading.Lock()
    data: Any = None

    def tell(key: int, event: bytes | Ended) -> None:
        with lock, contextlib.suppress(OSError):  # the study may have closed the connection
            connection.send((key, event))

    def pass_on(key: int, results: Any) -> None:
        try:
            for reference in results:
                message = ray.get(reference)
                tell(key, message)
                if isinstance(message, Ended):
                    return
        except ray.exceptions.RayTaskError as error:
            tell(key, Ended("refused", reason=f"{type(error.cause).__name__}: {error.cause}"))
        except ray.exceptions.RayError as error:
            tell(key, Ended("lost", reason=type(error).__name__))

    try:
        while True:
            if not connection.poll(_LOOK_S):
                if not any(node["Alive"] for node in nodes() if node["NodeID"] == here):
                    os._exit(1)
                continue
            match connection.recv():
                case "put", data_bytes:
                    data = ray.put(data_bytes)
                case "start", key, *arguments:
                    results = task.remote(data, *arguments)
                    threading.Thread(target=pass_on, args=(key, results), daemon=True).start()
    except (EOFError, OSError):  # the study has closed the connection, or died
        ray.shutdown()


def _run_on_node(
    data: bytes, call: bytes, limits: Limits, environment: Mapping[str, str], paths: Sequence[str]
) -> Iterator[bytes | Ended]:
    """Ray's task: a function in a fresh process on the node, and its events."""
    for name in [name for name in os.environ if name.startswith(_CARRIED)]:
        del os.environ[name]
    os.environ.update(environment)
    sys.path.extend(path for path in paths if path not in sys.path)
    local = Local(1, limits)
    local.start(0, call, data)
    try:
        event: bytes | Ended = b""
        while not isinstance(event, Ended):
            for _, event in local.events():
                yield event
    finally:
        local.close()
