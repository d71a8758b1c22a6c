"""How precise are the activations, ours and Keras's, side by side?

    KERAS_BACKEND=jax python tests/benchmarks/precision.py [--compiled] [NAME …]
    python tests/benchmarks/precision.py --write docs/precision.md

prints Markdown tables for the backend in use, or writes the page of all three: the worst error of f and f' in
float32 and of f in bfloat16 over the points of `tests/reference/elementwise.csv`, and what goes wrong at ±inf, NaN
and among gradients. An error is the factor k of `tests/reference/README.md`: how many roundings of the input and the
output it is worth. NAME restricts the tables; `--compiled` compiles (XLA, or `torch.compile`).
"""

import argparse
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import judge
import keras
import numpy as np
import oracle
from keras import ops

import keras_acts as ka

Function = Callable[[Any], Any]


BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
BOUNDS = (4.0, 8.0, 2.0)
"""The largest k of f, of f' and of f in bfloat16 that this library's tests let pass."""

INTRODUCTION = """# Precision

How far each activation is from the true value, of this library and of `keras.activations`, in eager mode. A figure is
the worst error over the reference points, from subnormal to huge, as a factor k: how many roundings of the input and
of the output it is worth. About 1 is the best a precision can do; this library's tests let pass 4 for a value, 8 for a
derivative and 2 for a value in bfloat16. **Bold** is beyond that: {k}1000 means that three digits are lost, {k}1e7
that none is left, and *wrong* that a value is NaN or infinite and should not be, or the reverse. The last column says
what goes wrong at infinities, at NaN, and with gradients.

The page is made by `python tests/benchmarks/precision.py --write docs/precision.md`; the bound is defined in
`tests/reference/README.md`.
""".replace("{k}", "k = ")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions to judge; all that the table holds if none")
    parser.add_argument("--compiled", action="store_true", help="compile before judging")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the page of all backends")
    options = parser.parse_args()
    if options.write is not None:
        options.write.write_text("\n".join([INTRODUCTION, *map(section_of, BACKENDS)]))
        return
    known = [case for case in judge.cases() if oracle.of(case)[0] in ka.ACTIVATIONS]
    unknown = set(options.names) - {case.name for case in known}
    if unknown:
        parser.error(f"no reference values for {', '.join(sorted(unknown))}")
    rows = [row(case, options.compiled) for case in known if not options.names or case.name in options.names]
    print(section(rows, options.compiled))


def section_of(backend: str) -> str:
    """The page's section of one backend, from a process of its own."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, __file__]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


@dataclass(frozen=True)
class Measured:
    """What is found out about one function: k of f, of f' and of f in bfloat16, and what is wrong at the ends."""

    factors: tuple[float, float, float]
    wrong: str

    def cells(self) -> list[str]:
        """As Markdown, in bold what is out of bounds."""
        pairs = zip(self.factors, BOUNDS, strict=True)
        figures = [f"**{figure(k)}**" if k > bound else figure(k) for k, bound in pairs]
        return [*figures, f"**{self.wrong}**" if self.wrong else "right"]


@dataclass(frozen=True)
class Row:
    """One function at one setting: this library's, and Keras's where it has it."""

    case: judge.Case
    ours: Measured
    theirs: Measured | None


def row(case: judge.Case, compiled: bool) -> Row:
    """What is found out about a case of the reference table."""
    name, params = oracle.of(case)
    theirs = getattr(keras.activations, name, None)
    if theirs is not None and not takes(theirs, params):
        theirs = None
    ours = measure(case, bind(getattr(ka, name), params), compiled)
    return Row(case, ours, None if theirs is None else measure(case, bind(theirs, params), compiled))


def section(rows: list[Row], compiled: bool) -> str:
    """A backend's section: a table of the functions that Keras has too, and one of the others."""
    lines = [f"## {BACKENDS[keras.backend.backend()]}{', compiled' if compiled else ''}", "", machine() + ".", ""]
    both = [(row.case, row.ours, row.theirs) for row in rows if row.theirs is not None]
    if both:
        head = ["function", "f", "Keras", "f'", "Keras", "bfloat16 f", "Keras", "specials", "Keras"]
        pairs = [(case, zip(ours.cells(), theirs.cells(), strict=True)) for case, ours, theirs in both]
        lines += table(head, [[f"`{case}`", *(cell for pair in cells for cell in pair)] for case, cells in pairs])
    if alone := [row for row in rows if row.theirs is None]:
        lines += ["Functions that Keras does not have:", ""]
        lines += table(
            ["function", "f", "f'", "bfloat16 f", "specials"], [[f"`{r.case}`", *r.ours.cells()] for r in alone]
        )
    return "\n".join(lines)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table, line by line, and an empty line."""
    return [*(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]), ""]


def machine() -> str:
    """The processor and the versions that the figures depend on."""
    backend = keras.backend.backend()
    packages = {"keras-acts": ka.__version__, "Keras": keras.__version__, backend: backend_version(backend)}
    return ", ".join(
        [
            processor(),
            f"{platform.system()}, Python {platform.python_version()}",
            *(f"{name} {number}" for name, number in packages.items()),
        ]
    )


def processor() -> str:
    """The processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def backend_version(backend: str) -> str:
    """The version of the backend in use (TensorFlow has several distributions)."""
    if backend == "tensorflow":
        import tensorflow as tf

        return str(tf.__version__)
    return version(backend)


def bind(function: Callable[..., Any], params: dict[str, Any]) -> Function:
    return lambda x: function(x, **params)


def takes(function: Callable[..., Any], params: dict[str, Any]) -> bool:
    """Whether Keras's function of the name has these arguments (and so means the same)."""
    try:
        function(ops.zeros((1,)), **params)
    except TypeError:
        return False
    return True


def measure(case: judge.Case, function: Function, compiled: bool) -> Measured:
    """Worst k of f and f' in float32, of f in bfloat16; what is wrong at the ends."""
    f, df = judge.derivatives(function, case.x, "float32", order=1, compiled=compiled)
    single = judge.factor(f, case.f, case.df, case.x, "float32")
    slopes = judge.factor(df, case.df, case.d2f, case.x, "float32")
    x = ops.convert_to_numpy(ops.cast(ops.cast(case.x, "bfloat16"), "float32")).astype("float64")
    name, params = oracle.of(case)
    want = np.array([[float(value) for value in oracle.at(name, at, 1, **params)] for at in x]).T
    (f,) = judge.derivatives(function, x, "bfloat16", order=0, compiled=compiled)
    half = judge.factor(f, want[0], want[1], x, "bfloat16")
    return Measured((single.max(), slopes.max(), half.max()), specials(case, function, compiled))


def figure(k: float) -> str:
    """k to two digits; a NaN or an infinity out of place has none."""
    return "wrong" if math.isinf(k) else f"{k:.2g}" if k < 1000 else f"{k:.0e}".replace("e+0", "e").replace("e+", "e")


def specials(case: judge.Case, function: Function, compiled: bool) -> str:
    """What is wrong with f and f' at ±inf, with f at NaN, and whether a gradient is NaN at 0 or far out."""
    name, params = oracle.of(case)
    x = np.array([-math.inf, math.inf, math.nan, 0.0, -3e38, 3e38])
    f, df = judge.derivatives(function, x, "float32", order=1, compiled=compiled)
    wrong = []
    for order, values, bound in ((0, f, BOUNDS[0]), (1, df, BOUNDS[1])):
        for at, side in enumerate((-1, 1)):
            limit = oracle.limit(name, side, order, **params)
            if limit is not None and judge.factor(values[at], limit, 0.0, 0.0, "float32") > bound:
                wrong.append(f"f{chr(39) * order}({'−+'[at]}∞) = {said(values[at])}")
    if not math.isnan(f[2]):
        wrong.append(f"f(NaN) = {f[2]:g}")
    for at, label in ((3, "0"), (4, "−3e38"), (5, "3e38")):
        if math.isnan(df[at]):
            wrong.append(f"f'({label}) = NaN")
    return in_short(wrong)


def in_short(wrong: list[str]) -> str:
    """`f'(−∞) = NaN`, `f'(+∞) = NaN`, … as `f'(±∞) = NaN`."""
    places: dict[tuple[str, str], list[str]] = {}
    for text in wrong:
        function, place, value = re.fullmatch(r"(f'?)\((.+)\) = (.+)", text).groups()
        places.setdefault((function, value), []).append(place.removeprefix("+"))
    for found in places.values():
        for place in [place for place in found if f"−{place}" in found]:
            found.remove(f"−{place}")
            found[found.index(place)] = f"±{place}"
    return ", ".join(f"{function}({', '.join(found)}) = {value}" for (function, value), found in places.items())


def said(value: float) -> str:
    """A value as the page says it."""
    return "NaN" if math.isnan(value) else f"{value:g}".replace("inf", "∞").replace("-", "−")


if __name__ == "__main__":
    main()
