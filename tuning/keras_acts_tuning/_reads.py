"""What else than its own source decides the network that a function builds: what its code reads."""

import dataclasses
import dis
import hashlib
import inspect
import json
import os
import site
import sys
import sysconfig
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Set
from enum import Enum
from functools import cached_property, partial
from pathlib import Path, PurePath
from types import CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import keras_acts
from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.network import config_of

_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"

_INSTALLED = (
    "<frozen ",
    *(
        folder + os.sep
        for folder in (
            *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
            *site.getsitepackages(),
            site.getusersitepackages(),
            *(str(Path(str(file)).parent) for file in (keras_acts.__file__, __file__)),
        )
    ),
)
"""How the files begin whose code is known by its names, not by its source."""

_BY_ANY_NAME = frozenset({"__dict__", "asdict", "astuple", "getattr", "vars"})
"""Where one of these occurs, code may read attributes that it does not name."""

_LONGEST = 200
"""A longer value is kept as a digest."""

_CONSTANT = 1000
"""An array of more numbers than these is data, which a plan knows by a digest of its own; and so are more arrays."""


def reads(build: Callable[..., Any]) -> dict[str, str]:
    """What `build`'s code reads, by name: plain values in words, and the code that it calls as digests.

    Followed are closures, defaults, arguments of `functools.partial`, methods and what they are bound to, and the
    globals that are named in code; functions and classes that are installed count by their names alone. All of it is
    the same in every process.

    Raises:
        StudyError: `build` is no Python code.
    """
    file = _file_of(build)
    if not file:
        need = "`build` needs to be Python code, which tells one network from another: call it from a function"
        raise StudyError(received(need, build=build))
    reading = _Reading(os.path.dirname(file))
    reading.read("", build)
    return reading.found()


def _file_of(build: Any) -> str:
    """The file that holds `build`'s code, or what stands for it at a prompt; empty where there is no code."""
    while isinstance(build, partial):
        build = build.func
    build = inspect.unwrap(build)
    if not isinstance(build, (FunctionType, MethodType)):
        owner, name = (build, "__init__") if isinstance(build, type) else (type(build), "__call__")
        build = getattr(owner, name, None)
    return str(getattr(getattr(build, "__code__", None), "co_filename", ""))


class _Reading:
    """Follows values into what they hold and what their code reads, each object once.

    Args:
        home: The folder whose code is followed, wherever it lies.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._found: dict[str, tuple[str, Set[str]]] = {}
        self._named: set[str] = set()
        self._seen: dict[int, Any] = {}  # holding them, so that no two have one id

    def found(self) -> dict[str, str]:
        """What was read, without attributes that no code names."""
        everything = self._named & _BY_ANY_NAME
        return {path: text for path, (text, names) in self._found.items() if everything or names <= self._named}

    def read(self, path: str, value: Any, attributes: Set[str] = frozenset()) -> None:
        """Read `value`, found under `path` by way of these attributes of objects."""
        if (text := _text(value)) is not None:
            self._note(path, text if len(text) <= _LONGEST else _digest(text), attributes)
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        match value:
            case FunctionType() if self._is_own(value.__code__.co_filename):
                self._function(path, value, attributes)
            case FunctionType() if not hasattr(value, "__wrapped__"):
                self._note(path, value.__qualname__, attributes)
            case MethodType():
                self.read(path, value.__func__, attributes)
                self.read(_joined(path, "self"), value.__self__, attributes)
            case partial():
                self.read(path, value.func, attributes)
                for name, item in (*enumerate(value.args), *value.keywords.items()):
                    self.read(_joined(path, str(name)), item, attributes)
            case type():
                self._class(path, value, attributes)
            case ModuleType():
                pass  # what is read of it is read where it is named
            case dict() | list() | tuple() if len(value) > _CONSTANT:
                self._note(path, _name(value), attributes)
            case dict():
                for key, item in value.items():
                    self.read(f"{path}[{_text(key) or _name(key)}]", item, attributes)
            case list() | tuple():
                for place, item in enumerate(value):
                    self.read(f"{path}[{place}]", item, attributes)
            case _ if hasattr(value, "__wrapped__"):  # by a decorator, such as `functools.cache`
                self.read(path, value.__wrapped__, attributes)
            case _:
                self._object(path, value, attributes)

    def _function(self, path: str, function: FunctionType, attributes: Set[str]) -> None:
        code = function.__code__
        here = path or "code"
        try:
            self._note(here, _digest(inspect.getsource(code)), attributes)
            source_tells = code.co_name != "<lambda>"  # of which a line may hold several
        except OSError:  # written at a prompt
            source_tells = False
        if not source_tells:
            self._note(f"{here} ({_PYTHON})", _digest(_bytecode(code)), attributes)
        named = {name for part in _parts(code) for name in part.co_names}
        self._named |= named
        for name, value in sorted(_bound(function).items()):
            if not isinstance(value, ModuleType):
                self.read(_joined(path, name), value, attributes)
            elif self._is_own(getattr(value, "__file__", None) or ""):
                for further in sorted(named & vars(value).keys()):
                    self.read(_joined(path, f"{name}.{further}"), vars(value)[further], attributes)

    def _class(self, path: str, cls: type, attributes: Set[str]) -> None:
        if not self._is_own_class(cls):
            self._note(path, cls.__qualname__, attributes)
            return
        for base in filter(self._is_own_class, cls.__mro__):
            for name, value in sorted(vars(base).items()):
                match value:
                    case property():
                        value = value.fget
                    case cached_property():
                        value = value.func
                    case staticmethod() | classmethod():
                        value = value.__func__
                if isinstance(value, FunctionType):
                    self.read(_joined(path, name), value, attributes)
                elif not name.startswith("__") and _text(value) is not None:
                    self.read(_joined(path, name), value, {*attributes, name})

    def _object(self, path: str, value: Any, attributes: Set[str]) -> None:
        cls = type(value)
        self._note(path or "object", _name(value), attributes)
        if isinstance(value, Mapping):
            held: Mapping[str, Any] = {str(key): item for key, item in value.items()}
        elif self._is_own_class(cls):
            self.read(_joined(path, cls.__name__), cls, attributes)
            held = _attributes(value)
        elif dataclasses.is_dataclass(value) or isinstance(value, (Namespace, SimpleNamespace)):
            held = _attributes(value)
        else:
            if (config := config_of(value)) is not None:
                self.read(_joined(path, "config"), config, attributes)
            return
        for name, item in sorted(held.items()):
            self.read(_joined(path, name), item, {*attributes, name})

    def _note(self, path: str, text: str, attributes: Set[str]) -> None:
        self._found[path] = (text, attributes)

    def _is_own(self, file: str) -> bool:
        return bool(file) and (os.path.dirname(file) == self._home or not file.startswith(_INSTALLED))

    def _is_own_class(self, cls: type) -> bool:
        module = cls.__module__
        if module.partition(".")[0] in sys.stdlib_module_names:
            return False
        return self._is_own(getattr(sys.modules.get(module), "__file__", None) or "<prompt>")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: Any) -> str | None:
    """A number, a text, or a container of such, in words that are the same in every process; `None` for others."""
    try:
        return json.dumps(value, sort_keys=True, default=_plain)
    except (TypeError, ValueError):  # something else is in it, or it is in itself
        return None


def _plain(value: Any) -> Any:
    """What JSON lacks, in what it has."""
    match value:
        case np.generic():
            return value.item()
        case np.ndarray() if value.size <= _CONSTANT:
            return [value.dtype.str, value.tolist()]
        case set() | frozenset():
            return sorted(value, key=repr)
        case bytes() | complex() | range() | slice() | PurePath() | Enum() | np.dtype():
            return repr(value)
        case _ if value is ...:
            return "..."
    raise TypeError


def _name(value: Any) -> str:
    """A function's or a class's name; of another object, its class's."""
    return str(getattr(value, "__qualname__", getattr(value, "__name__", type(value).__qualname__)))


def _parts(code: CodeType) -> Iterator[CodeType]:
    """The code, and the code of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _bytecode(code: CodeType) -> str:
    """What the code does, without its place and its name."""
    constants = [_bytecode(c) if isinstance(c, CodeType) else _text(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants))


def _bound(function: FunctionType) -> dict[str, Any]:
    """What a function's names stand for: its defaults, its closure, and the globals that its code reads."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    found = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    found |= function.__kwdefaults__ or {}
    for part in _parts(code):
        for instruction in dis.get_instructions(part):
            name = instruction.argval
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name in function.__globals__:
                found[name] = function.__globals__[name]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _attributes(value: Any) -> dict[str, Any]:
    """An object's own attributes, those in slots too."""
    state = object.__getstate__(value)
    parts = state if isinstance(state, tuple) else (state,)
    return {name: item for part in parts if part for name, item in part.items()}
