"""What each `spec` claims is measured, and a claim that is false is found out.

A layer is measured in float64 along a line through its inputs: an elementwise one along its only
input, any other along a fixed oblique direction, its outputs summed with fixed weights.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import judge
import numpy as np
import pytest
from keras import ops
from layers import subject

import keras_acts as ka
from keras_acts import Spec

ORDERS = 4
"""f and its first three derivatives: a function without a jump in these counts as smooth."""

FAR = 10.0 ** np.arange(1, 16)
POINTS = np.unique([*-FAR, *judge.AROUND_ZERO, *FAR])

Derivatives = Callable[[np.ndarray], list[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a function was found to do."""

    lowest: float
    highest: float
    decreases: bool
    smoothness: float


def contradictions(spec: Spec, measured: Measured) -> list[str]:
    """Each claim of `spec` that the measurement contradicts, in words."""
    found = []
    for end, claimed, got in zip(("lower", "upper"), spec.range, (measured.lowest, measured.highest), strict=True):
        if claimed != got and not math.isclose(claimed, got, rel_tol=1e-6, abs_tol=1e-6):
            found.append(f"the {end} end of its range is {got}, not {claimed}")
    if spec.monotone == measured.decreases:
        found.append("it decreases somewhere" if measured.decreases else "it decreases nowhere")
    if spec.smoothness != measured.smoothness:
        found.append(f"its smoothness is {measured.smoothness}, not {spec.smoothness}")
    return found


def measure(at: Derivatives) -> Measured:
    """Extremes, monotonicity and smoothness of a function of one number."""
    values = at(POINTS)[0]
    steps = np.diff(values)
    noise = 1e-12 * (np.abs(values[1:]) + np.abs(values[:-1]))
    return Measured(
        lowest=-_supremum(lambda x: -at(x)[0], -values),
        highest=_supremum(lambda x: at(x)[0], values),
        decreases=bool((steps < -noise).any()),
        smoothness=smoothness(at),
    )


def _supremum(f: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> float:
    """The least upper bound: the highest value, closed in upon; `inf` where it grows without end."""
    if values.max() > 1e9:
        return math.inf
    best = int(np.argmax(values))
    left, right = POINTS[max(best - 1, 0)], POINTS[min(best + 1, len(POINTS) - 1)]
    if right - left > 1:
        return float(values[best])
    for _ in range(4):
        inner = np.linspace(left, right, 101)
        best = int(np.argmax(f(inner)))
        left, right = inner[max(best - 1, 0)], inner[min(best + 1, 100)]
    return float(max(values.max(), f(inner).max()))


def smoothness(at: Derivatives) -> float:
    """How many derivatives are continuous."""
    for order, found in enumerate(judge.jumps(at, judge.AROUND_ZERO)):
        if found:
            return order - 1
    return math.inf


# The layers


@functools.cache
def measured(name: str) -> Measured:
    with judge.double_precision():
        f = along_a_line(name)
    return measure(lambda x: judge.derivatives(f, x, "float64", order=ORDERS - 1))


def along_a_line(name: str) -> Callable[[Any], Any]:
    """The layer as a function of one number, elementwise for many of them."""
    layer = subject(name).make(dtype="float64")
    if ka.ACTIVATIONS[name].spec.elementwise:
        return lambda t: ops.reshape(layer(ops.reshape(t, (-1, 1))), (-1,))
    random = np.random.default_rng(0)
    shape = subject(name).shape[1:]
    origin, direction = random.normal(size=shape), random.normal(size=shape)
    weights = random.normal(size=layer.compute_output_shape((1, *shape))[1:])

    def f(t: Any) -> Any:
        y = layer(origin + ops.reshape(t, (-1, *[1] * len(shape))) * direction)
        return ops.sum(y * weights, axis=tuple(range(1, len(weights.shape) + 1)))

    return f


@pytest.mark.parametrize("name", [name for name, cls in ka.ACTIVATIONS.items() if cls.spec.elementwise])
def test_facts_of_an_elementwise_layer_are_true(name: str) -> None:
    assert contradictions(ka.ACTIVATIONS[name].spec, measured(name)) == []


@pytest.mark.parametrize("name", [name for name, cls in ka.ACTIVATIONS.items() if cls.spec.elementwise])
def test_a_false_fact_of_an_elementwise_layer_is_found_out(name: str) -> None:
    spec = ka.ACTIVATIONS[name].spec
    low, high = spec.range
    false: list[dict[str, Any]] = [{"monotone": not spec.monotone}]
    false += [{"smoothness": other} for other in (-1, 0, 1, 2, math.inf) if other != spec.smoothness]
    false += [{"range": (other, high)} for other in (low - 0.001, low + 0.001, -math.inf, 0.5) if other != low]
    false += [{"range": (low, other)} for other in (high - 0.001, high + 0.001, math.inf, 0.5) if other != high]
    for claim in false:
        assert contradictions(dataclasses.replace(spec, **claim), measured(name)), claim
