"""What a network's function reads: the same in every process, and another where another network comes of it."""

import importlib.util
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from keras_acts_tuning._reads import reads
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import build_facts, network_facts
from keras_acts_tuning.tasks import mlp

HEAD = """
import argparse, functools, os, keras, numpy as np
from dataclasses import dataclass
from keras.layers import Dense
UNITS = 4
UNUSED = 1
X = np.zeros((5000, 2))
"""

NETWORKS = {
    "a global": "def net(activation): return UNITS",
    "an argument of partial": "def base(activation, units): return units\nnet = functools.partial(base, units=4)",
    "a default": "SIZE = 4\ndef net(activation, units=SIZE): return units",
    "a default by keyword": "SIZE = 4\ndef net(activation, *, units=SIZE): return units",
    "a closure": "def make(units):\n    def net(activation): return units\n    return net\nnet = make(4)",
    "a list in a closure": "def make(u):\n    def net(activation): return u\n    return net\n"
    "net = make([(4, {'a': 'b'})])",
    "a helper": "def block(): return 4\ndef net(activation): return block()",
    "a helper's global": "def block(): return UNITS\ndef net(activation): return block()",
    "a nested function": "def net(activation):\n    return [(lambda: UNITS)() for _ in range(2)]",
    "helpers that call each other": "def f(n): return n and g(n)\ndef g(n): return f(n - UNITS)\n"
    "def net(activation): return f(9)",
    "an object": "class Net:\n    def __init__(self): self.units = 4\n"
    "    def __call__(self, activation): return self.units\nnet = Net()",
    "a method": "class Net:\n    units = 4\n    def net(self, activation): return self.units\nnet = Net().net",
    "a base class": "class Base:\n    def units(self): return 4\nclass Net(Base):\n"
    "    def __call__(self, activation): return self.units()\nnet = Net()",
    "a data class": "@dataclass\nclass Config:\n    units: int = 4\nC = Config(4)\ndef net(activation): return C.units",
    "slots": "@dataclass(slots=True)\nclass Config:\n    units: int = 0\nC = Config(4)\n"
    "def net(activation): return C.units",
    "a namespace": "args = argparse.Namespace(units=4)\ndef net(activation): return args.units",
    "a namespace given on": "args = argparse.Namespace(units=4)\ndef block(a): return a.units\n"
    "def net(activation): return block(args)",
    "a namespace as a whole": "args = argparse.Namespace(units=4)\ndef net(activation): return dict(**vars(args))",
    "a layer of one's own": "class Block(keras.layers.Layer):\n    def call(self, x): return 4 * x\n"
    "def net(activation): return Block()",
    "a property": "class Net:\n    @property\n    def units(self): return 4\n"
    "    def __call__(self, activation): return self.units\nnet = Net()",
    "a lambda of two on a line": "net = [lambda activation: 4, lambda activation: 5][0]",
    "what Keras was told": "make = keras.initializers.RandomNormal(stddev=4)\ndef net(activation): return make",
    "a small array": "W = np.full(3, 4.0)\ndef net(activation): return W",
    "a decorated function": "def twice(f):\n    @functools.wraps(f)\n    def g(activation): return f(activation, 4)\n"
    "    return g\n@twice\ndef net(activation, n): return n",
    "a cached helper": "@functools.cache\ndef block(): return 4\ndef net(activation): return block()",
}

CHANGED = {
    "a lambda of two on a line": ("[0]", "[1]"),
    "a global": ("UNITS = 4", "UNITS = 5"),
    "a helper's global": ("UNITS = 4", "UNITS = 5"),
    "a nested function": ("UNITS = 4", "UNITS = 5"),
    "helpers that call each other": ("UNITS = 4", "UNITS = 5"),
}

UNRELATED = """
UNUSED = object()
X = np.ones((6000, 3))
import json as further
def unused(): return UNITS + 1
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """What the name `net` stands for in a file of that text, as a new process would have it."""

    def load(text: str) -> Any:
        name = f"written_{len(list(tmp_path.iterdir()))}"
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module.net

    return load


def texts(build: Any) -> Any:
    """What identifies the network, but for the name of its file."""
    facts = build_facts(build)
    return facts.get("sha256"), network_facts(build)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_network_reads_tells_it_from_another_and_nothing_else_does(
    written: Callable[[str], Any], name: str
) -> None:
    text = HEAD + NETWORKS[name] + "\n"
    first = texts(written(text))
    assert texts(written(text)) == first
    assert texts(written("# a line more\n" + text + UNRELATED)) == first
    old, new = CHANGED.get(name, ("4", "6"))
    assert texts(written(text.replace(old, new))) != first


def test_every_process_reads_the_same(tmp_path: Path) -> None:
    for place, text in enumerate(NETWORKS.values()):
        (tmp_path / f"network_{place}.py").write_text(HEAD + text + "\nSETS = {'a', 'b', 'c'}\n")
    (tmp_path / "sets.py").write_text(
        "S = {'a', 'b', 'c', ('d', 1)}\ndef net(activation): return S, activation in {'a', 'b'}\n"
    )
    script = (
        "import importlib, sys; sys.path.insert(0, '.')\n"
        "from keras_acts_tuning._reads import reads\n"
        f"names = [f'network_{{i}}' for i in range({len(NETWORKS)})] + ['sets']\n"
        "for name in names: print(name, reads(importlib.import_module(name).net))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == len(NETWORKS) + 1


def test_values_are_named_and_shown() -> None:
    units, width = 4, 8

    def net(activation: Arm, depth: int = 2) -> Any:
        return keras.layers.Dense(units * width * depth)

    assert network_facts(net) == {"units": "4", "width": "8", "depth": "2"}
    assert network_facts(partial(net, depth=3, layer=keras.layers.Dense))["layer"] == "Dense"


def test_attributes_that_nobody_names_do_not_count() -> None:
    settings = SimpleNamespace(units=4, seeds=5)

    def net(activation: Arm) -> Any:
        return settings.units

    assert reads(net).keys() == {"code", "settings", "settings.units"}


def test_a_long_value_is_a_digest_and_data_are_not_read() -> None:
    words, data = [str(n) for n in range(1000)], np.zeros((1001, 3))

    def net(activation: Arm) -> Any:
        return words, data

    found = network_facts(net)
    assert len(found["words"]) == 64
    assert found["data"] == "ndarray"


def test_a_function_without_source_is_known_by_its_bytecode() -> None:
    def typed(text: str) -> Any:
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(text, scope)  # as at a prompt
        return scope["net"]

    found = reads(typed("def net(activation): return 4 in {4, 5}"))
    (name,) = found
    assert name == f"code (Python {sys.version_info.major}.{sys.version_info.minor})"
    assert reads(typed("def net(activation):\n\n    return 4 in {4, 5}  # alike")) == found
    assert reads(typed("def net(activation): return 4 in {4, 6}")) != found


def test_functions_of_other_files_count_unless_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[str], Any]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for version in (1, 2):
        (tmp_path / f"blocks_{version}.py").write_text(
            f"def dense(): return {version}\ndef other(): return {version}\n"
        )
    one, two = (
        texts(
            written(f"import blocks_{v} as blocks\nfrom os.path import join\ndef net(a): return blocks.dense(), join\n")
        )
        for v in (1, 2)
    )
    assert one != two
    assert one[1].keys() == two[1].keys() == {"blocks.dense", "join"}
    assert one[1]["join"] == "join"


def test_what_is_built_in_has_its_helpers_read() -> None:
    assert all("sha" not in name for name in reads(mlp))
    assert "code" in reads(mlp)


def test_what_is_installed_counts_by_its_name() -> None:
    def facts(function: Any, times: int = 2000) -> dict[str, str]:
        many = [object()] * times

        def net(activation: Arm) -> Any:
            return function, many

        return network_facts(net)

    named = {function: facts(function)["function"] for function in (np.sin, np.mean, math.cos, keras.ops.relu, list)}
    assert list(named.values()) == ["sin", "mean", "cos", "relu", "list"]
    assert facts(len)["many"] == "list"
    assert facts(len, times=1)["many[0]"] == "object"


@pytest.mark.parametrize("build", [print, partial(print), 3])
def test_a_build_without_code_is_refused(build: Any) -> None:
    with pytest.raises(StudyError, match=r"`build` needs to be Python code.*call it from a function"):
        reads(build)


def test_a_value_that_holds_itself_is_read_once() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    node = SimpleNamespace(units=3)
    node.self = node

    def net(activation: Arm) -> Any:
        return loop, node.units, node.self

    assert reads(net) == {**reads(net), "loop[0]": "1", "node.units": "3"}
