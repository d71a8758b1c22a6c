"""Kill -9 at random moments: a study ends complete all the same, with the results of an undisturbed one.

    python tests/benchmarks/kills.py                                20 kills of each kind of process
    python tests/benchmarks/kills.py --victims raylet --kills 5     five of one kind

Where the study's own process was killed, the same command is given again. Needs /proc, so Linux.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import networks

import keras_acts_tuning as kat
from keras_acts_tuning.execute import RETRIES
from keras_acts_tuning.store import Store

LONGEST_S = 600.0
"""After which a study counts as stuck."""

VICTIMS: dict[str, tuple[str | None, Callable[[int, str, str], bool]]] = {
    "driver": (None, lambda depth, name, parent: depth == 0),
    "worker": (None, lambda depth, name, parent: "forkserver" in name and "forkserver" in parent),
    "ray_worker": ("local", lambda depth, name, parent: name.startswith("ray::_run_on_node")),
    "raylet": ("local", lambda depth, name, parent: os.path.basename(name.split("\0")[0]) == "raylet"),
}
"""By name: the address of the study, and which of its processes are meant: by depth, command line, parent's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victims", nargs="*", choices=list(VICTIMS), default=list(VICTIMS))
    parser.add_argument("--kills", type=int, default=20, help="how many of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--study", nargs=2, metavar=("DIRECTORY", "ADDRESS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.study:
        study(Path(arguments.study[0]), arguments.study[1])
        return
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        calm = Path(scratch) / "calm"
        begin(calm, None).wait()
        for victim in arguments.victims:
            kills = studies = runs = 0
            while kills < arguments.kills:
                directory = Path(scratch) / f"{victim}-{studies}"
                # A trial whose process dies oftener than it is tried again has failed, and rightly so.
                most = arguments.kills - kills if victim == "driver" else min(RETRIES, arguments.kills - kills)
                killed, begun = disturbed(directory, victim, most, chance)
                check(directory, calm)
                kills, runs, studies = kills + killed, runs + begun, studies + 1
            print(
                f"{victim}: {kills} killed in {studies} studies ({runs} runs); complete, no trial twice, same results"
            )


def study(directory: Path, address: str) -> None:
    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    kat.compare(
        networks.tiny,
        kat.from_arrays(x, (x[:, 0] * x[:, 1] > 0).astype(int), name="toy"),
        activations="relu,tanh,prelu,snake",
        seeds=3,
        epochs=100,
        directory=directory,
        execution=kat.Execution(workers=2, address=address or None),
    )


def begin(directory: Path, address: str | None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, __file__, "--study", str(directory), address or ""]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def disturbed(directory: Path, victim: str, kills: int, chance: random.Random) -> tuple[int, int]:
    """Run a study to its end, and kill up to `kills` processes of a kind; how many were, in how many runs."""
    address, is_victim = VICTIMS[victim]
    killed = runs = 0
    deadline = time.monotonic() + LONGEST_S
    while True:
        driver = begin(directory, address)
        runs += 1
        moment = time.monotonic() + chance.uniform(1.0, 12.0)
        while driver.poll() is None:
            if time.monotonic() > deadline:
                driver.kill()
                raise SystemExit(f"{victim}: the study is stuck")
            time.sleep(0.02)
            if killed == kills or time.monotonic() < moment:
                continue
            if found := [pid for pid, *facts in processes(driver.pid) if is_victim(*facts)]:
                os.kill(chance.choice(found), signal.SIGKILL)
                killed += 1
                moment = time.monotonic() + chance.uniform(0.5, 6.0)
        if driver.returncode == 0:
            return killed, runs
        if victim != "driver":
            raise SystemExit(f"{victim}: the study ended with status {driver.returncode}")


def processes(root: int) -> list[tuple[int, int, str, str]]:
    """A process and its descendants: its id, depth, command line and its parent's."""
    children: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:  # it has just ended
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, next_ones = [], [(root, 0, "")]
    while next_ones:
        pid, depth, parent_name = next_ones.pop()
        found.append((pid, depth, names.get(pid, ""), parent_name))
        next_ones += [(child, depth + 1, names.get(pid, "")) for child in children.get(pid, [])]
    return found


def check(directory: Path, calm: Path) -> None:
    with Store.open(directory) as store:
        planned = Counter((arm.label, seed) for arm, seed in store.plan.trials)
        assert Counter((o.arm, o.seed) for o in store.outcomes()) == planned, "not every trial once"
    assert results(directory) == results(calm), "other results"


def results(directory: Path) -> dict[tuple[str, int], Any]:
    return {(o.arm, o.seed): (o.status, o.score, o.best_epoch, o.history) for o in kat.load(directory).outcomes}


if __name__ == "__main__":
    main()
