"""How wrong is a value? The reference table, a backend's derivatives, and the bound they are held to.

`reference/README.md` defines the bound; `k` below is its factor.
"""

import contextlib
import csv
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

TABLE = Path(__file__).parent / "reference" / "elementwise.csv"

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
TINY = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}
LARGEST = {
    "float64": float(np.finfo("float64").max),
    "float32": float(np.finfo("float32").max),
    "float16": 65504.0,
    "bfloat16": (2 - 2.0**-7) * 2.0**127,
}


@dataclass(frozen=True)
class Case:
    """The reference values of one function at one setting of its parameters."""

    name: str
    params: tuple[tuple[str, float], ...]
    x: np.ndarray
    f: np.ndarray
    df: np.ndarray
    d2f: np.ndarray

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v:g}" for k, v in self.params)])


@functools.cache
def cases() -> tuple[Case, ...]:
    """The whole table, in its order."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    with TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            numbers = [float(row[column]) for column in ("x", "f", "df", "d2f")]
            found.setdefault((row["name"], row["params"]), []).append(numbers)
    result = []
    for (name, params), numbers in found.items():
        pairs = tuple((k, float(v)) for k, v in (pair.split("=") for pair in params.split()))
        result.append(Case(name, pairs, *np.array(numbers).T))
    return tuple(result)


def factor(got: Any, want: Any, slope: Any, x: Any, dtype: str, tiny: float | None = None) -> np.ndarray:
    """The least k with |got − want| ≤ k·eps·(|want| + |x·slope|) + tiny, for each element.

    `inf` where a value is NaN or infinite and should not be, or is finite and should not be.
    """
    tiny = TINY[dtype] if tiny is None else tiny
    got, want, slope, x = (np.asarray(a, "float64") for a in (got, want, slope, x))
    with np.errstate(all="ignore"):
        excess = np.maximum(np.abs(got - want) - tiny, 0.0)
        scale = EPSILON[dtype] * (np.abs(want) + np.where(slope == 0, 0.0, np.abs(x * slope)))
        k = np.where(excess == 0, 0.0, excess / np.where(scale == 0, np.finfo("float64").tiny, scale))
        overflows = np.abs(want) > LARGEST[dtype]
        at_the_edge = np.abs(got) >= LARGEST[dtype] * (1 - 8 * EPSILON[dtype])
        k = np.where(overflows, np.where(at_the_edge & (np.sign(got) == np.sign(want)), 0.0, np.inf), k)
        k = np.where(np.isnan(got) != np.isnan(want), np.inf, k)
        return np.where(
            np.isinf(got) & ~overflows & ~(np.abs(want) > LARGEST[dtype] * (1 - 8 * EPSILON[dtype])), np.inf, k
        )


def derivatives(
    function: Callable[[Any], Any], x: np.ndarray, dtype: str, order: int = 2, compiled: bool = False
) -> list[np.ndarray]:
    """f, f' … up to `order`, elementwise at `x`, as the backend in use differentiates it, in float64.

    Compiled: `tf.function(jit_compile=True)`, `jax.jit`, or `torch.compile`.
    """
    run = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    wide = "float64" if dtype == "float64" else "float32"
    with double_precision() if dtype == "float64" else contextlib.nullcontext():
        values = run(function, ops.cast(ops.convert_to_tensor(x, wide), dtype), order, compiled)
        with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
            return [ops.convert_to_numpy(ops.cast(value, wide)).astype("float64") for value in values]


def double_precision() -> contextlib.AbstractContextManager[Any]:
    """Where float64 is float64: JAX makes it float32 unless told not to."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


def _tensorflow(function: Callable[[Any], Any], x: Any, order: int, compiled: bool) -> list[Any]:
    import tensorflow as tf

    def up_to(order: int, x: Any) -> list[Any]:
        if order == 0:
            return [function(x)]
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = up_to(order - 1, x)
        return [*values, tape.gradient(values[-1], x, unconnected_gradients="zero")]

    def run(x: Any) -> list[Any]:
        return up_to(order, x)

    return (tf.function(run, jit_compile=True) if compiled else run)(x)


def _jax(function: Callable[[Any], Any], x: Any, order: int, compiled: bool) -> list[Any]:
    import jax

    functions = [function]
    for _ in range(order):
        functions.append(jax.grad(lambda x, last=functions[-1]: last(x).sum()))
    return [(jax.jit(f) if compiled else f)(x) for f in functions]


def _torch(function: Callable[[Any], Any], x: Any, order: int, compiled: bool) -> list[Any]:
    import torch

    if compiled:
        torch._dynamo.reset()  # it gives up after eight functions from the same lines
    x = x.detach().requires_grad_(True)
    values = [(torch.compile(function, fullgraph=True) if compiled else function)(x)]
    for _ in range(order):
        if not values[-1].requires_grad:
            values.append(torch.zeros_like(x))
            continue
        (gradient,) = torch.autograd.grad(values[-1].sum(), x, create_graph=True, allow_unused=True)
        values.append(torch.zeros_like(x) if gradient is None else gradient)
    return [value.detach() for value in values]


def worst(k: np.ndarray, x: np.ndarray) -> str:
    """The largest factor and where it stands, for a message."""
    at = int(np.nanargmax(k))
    return f"k = {k[at]:.4g} at x = {x[at]!r}" if math.isfinite(k[at]) else f"wrong kind of value at x = {x[at]!r}"


_CLOSE = 10.0 ** np.arange(-9, 0)
AROUND_ZERO = np.unique([0.0, *-_CLOSE, *np.linspace(-12, 12, 9601) + 1e-4, *_CLOSE])
"""Edges of cells to search for jumps, ascending: close to 0 they are many."""


def jumps(at: Callable[[np.ndarray], list[np.ndarray]], edges: np.ndarray) -> list[list[float]]:
    """Where each of several functions of one number jumps: the cells of `edges` with most change, closed in upon.

    Args:
        at: Gives the functions' values at many points.
        edges: The ends of the cells to search, ascending.
    """
    values = at(edges)
    order = np.arange(len(values))
    change = np.nan_to_num(np.abs(np.diff(np.stack(values))))
    # Much change, or steep change: a small jump is steep between close edges.
    cells = np.concatenate([np.argsort(measure, axis=1)[:, -8:] for measure in (change, change / np.diff(edges))], 1)
    left, right = edges[cells], edges[cells + 1]
    for _ in range(7):  # 128 parts each time: from any cell down to neighbouring numbers
        points = np.linspace(left, right, 129, axis=-1)
        found = np.stack(at(points.ravel())).reshape(len(values), *points.shape)[order, order]
        change = np.abs(np.diff(found))
        widest = np.argmax(change, axis=-1)[..., None]
        left, right = (np.take_along_axis(points, widest + side, -1)[..., 0] for side in (0, 1))
        change = np.take_along_axis(change, widest, -1)[..., 0]
    scale = 1 + np.abs(np.stack(values)[order[:, None], cells])
    return [sorted(set(np.round(here[much], 9))) for here, much in zip(right, change > 1e-8 * scale, strict=True)]
