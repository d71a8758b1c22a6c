"""How precise are the activations, ours and Keras's, side by side?

    KERAS_BACKEND=jax python tests/benchmarks/precision.py [--compiled] [NAME …]

prints a Markdown table for the backend in use: the worst error of f and f' in float32 and of f in bfloat16 over
the points of `tests/reference/elementwise.csv`, and what goes wrong at ±inf, NaN and among gradients. An error is
the factor k of `tests/reference/README.md`: how many roundings of the input and the output it is worth. Up to 4
is as good as can be asked of a value, up to 8 of a derivative. NAME restricts the table; `--compiled` compiles
(XLA, or `torch.compile`).
"""

import argparse
import math
import platform
import sys
from collections.abc import Callable
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions to judge; all that the table holds if none")
    parser.add_argument("--compiled", action="store_true", help="compile before judging")
    options = parser.parse_args()
    known = [case for case in judge.cases() if oracle.of(case)[0] in ka.ACTIVATIONS]
    unknown = set(options.names) - {case.name for case in known}
    if unknown:
        parser.error(f"no reference values for {', '.join(sorted(unknown))}")
    print(f"Measured on {machine()}{', compiled' if options.compiled else ''}.\n")
    print("| function | f | Keras | f' | Keras | bfloat16 f | Keras | specials | Keras |")
    print("| --- " * 9 + "|")
    for case in known:
        if not options.names or case.name in options.names:
            print(row(case, options.compiled), flush=True)


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


def row(case: judge.Case, compiled: bool) -> str:
    """The table's line of one function at one setting."""
    name, params = oracle.of(case)
    ours = bind(getattr(ka, name), params)
    keras_function = getattr(keras.activations, name, None)
    theirs = bind(keras_function, params) if keras_function is not None and takes(keras_function, params) else None
    sides = [None if f is None else measure(case, f, compiled) for f in (ours, theirs)]
    cells = [f"`{case}`"]
    for column in range(4):
        cells += ["" if side is None else side[column] for side in sides]
    return "| " + " | ".join(cells) + " |"


def bind(function: Callable[..., Any], params: dict[str, Any]) -> Function:
    return lambda x: function(x, **params)


def takes(function: Callable[..., Any], params: dict[str, Any]) -> bool:
    """Whether Keras's function of the name has these arguments (and so means the same)."""
    try:
        function(ops.zeros((1,)), **params)
    except TypeError:
        return False
    return True


def measure(case: judge.Case, function: Function, compiled: bool) -> list[str]:
    """Worst k of f and f' in float32, of f in bfloat16; what is wrong at the ends."""
    f, df = judge.derivatives(function, case.x, "float32", order=1, compiled=compiled)
    single = judge.factor(f, case.f, case.df, case.x, "float32")
    slopes = judge.factor(df, case.df, case.d2f, case.x, "float32")
    x = ops.convert_to_numpy(ops.cast(ops.cast(case.x, "bfloat16"), "float32")).astype("float64")
    name, params = oracle.of(case)
    want = np.array([[float(value) for value in oracle.at(name, at, 1, **params)] for at in x]).T
    (f,) = judge.derivatives(function, x, "bfloat16", order=0, compiled=compiled)
    half = judge.factor(f, want[0], want[1], x, "bfloat16")
    return [figure(single.max()), figure(slopes.max()), figure(half.max()), specials(case, function, compiled)]


def figure(k: float) -> str:
    """k to two digits; a NaN or an infinity out of place has none."""
    return "wrong" if math.isinf(k) else f"{k:.2g}" if k < 1000 else f"{k:.0e}".replace("e+0", "e").replace("e+", "e")


def specials(case: judge.Case, function: Function, compiled: bool) -> str:
    """What is wrong at ±inf and NaN, and whether a gradient is NaN at 0, at the ends, or far out."""
    name, params = oracle.of(case)
    x = np.array([-math.inf, math.inf, math.nan, 0.0, -3e38, 3e38])
    f, df = judge.derivatives(function, x, "float32", order=1, compiled=compiled)
    wrong = []
    for at, side in enumerate((-1, 1)):
        limit = oracle.limit(name, side, **params)
        if limit is not None and judge.factor(f[at], limit, 0.0, 0.0, "float32") > 4:
            wrong.append(f"f({'−+'[at]}∞) = {f[at]:g}")
    if not math.isnan(f[2]):
        wrong.append(f"f(NaN) = {f[2]:g}")
    for at, label in ((3, "0"), (4, "−3e38"), (5, "3e38"), (0, "−∞"), (1, "∞")):
        if math.isnan(df[at]):
            wrong.append(f"f'({label}) = NaN")
    return ", ".join(wrong) or "right"


if __name__ == "__main__":
    main()
