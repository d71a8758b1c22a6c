"""What each `spec` claims is measured, and a claim that is false is found out.

All measurements are in float64, of the layer as it is by default. An elementwise one is a function of one
number; any other is measured over many inputs, and along lines through them.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import judge
import keras
import numpy as np
import pytest
from keras import ops
from layers import Subject, subject

import keras_acts as ka
from keras_acts import Spec
from keras_acts._backend import compiled

BACKEND = keras.backend.backend()

STAGES = (0, 1), (2,), (3,)
"""Orders of the derivatives searched for jumps, each stage where the last found none; without any, it is smooth."""

FAR = 10.0 ** np.arange(1, 16)
POINTS = np.unique([*-FAR, *judge.AROUND_ZERO, *FAR])

BLOCK = 1024
"""How many points JAX computes at once."""

COARSE = np.unique([0.0, *judge.AROUND_ZERO[::16]])

Derivatives = Callable[[np.ndarray, int], list[np.ndarray]]
"""Of a function of one number: f, f' … up to an order, at many points."""


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
    values = at(POINTS, 0)[0]
    steps = np.diff(values)
    noise = 1e-12 * (np.abs(values[1:]) + np.abs(values[:-1]))
    return Measured(
        lowest=-_supremum(lambda x: -at(x, 0)[0], -values),
        highest=_supremum(lambda x: at(x, 0)[0], values),
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


def smoothness(at: Derivatives, edges: np.ndarray = judge.AROUND_ZERO) -> float:
    """How many derivatives are continuous."""
    for orders in STAGES:
        found = judge.jumps(lambda x, orders=orders: at(x, orders[-1])[orders[0] :], edges)
        for order, places in zip(orders, found, strict=True):
            if places:
                return order - 1
    return math.inf


# Elementwise layers: along the line of their only input


def measured(name: str) -> Measured:
    with judge.double_precision():
        one = subject(name)
        drawn = any(param.initializer for param in one.cls.spec.params.values())  # claims are of the values given
        layer = one.make(dtype="float64", **({"learn": ()} if drawn else {}))
        layer.build((None, 1))

    def f(t: Any) -> Any:
        return ops.reshape(layer(ops.reshape(t, (-1, 1))), (-1,))

    return measure(derivatives(f))


def derivatives(f: Callable[[Any], Any]) -> Derivatives:
    """Those of an elementwise function."""
    if BACKEND != "jax":
        return lambda x, order: judge.derivatives(f, x, "float64", order)
    import jax

    # Compiled once, all orders and for blocks of one size: operation by operation, or for each size, it takes minutes.
    functions = [f]
    for _ in range(STAGES[-1][-1]):
        functions.append(jax.grad(lambda x, last=functions[-1]: last(x).sum()))
    together = jax.jit(lambda x: [function(x) for function in functions])

    def at(x: np.ndarray, order: int) -> list[np.ndarray]:
        with judge.double_precision():
            blocks = [together(block) for block in np.resize(x, (-(-len(x) // BLOCK), BLOCK))]
        return [np.concatenate([numbers(block[n]) for block in blocks])[: len(x)] for n in range(order + 1)]

    return at


def numbers(y: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(y))


ELEMENTWISE = [name for name, cls in ka.ACTIVATIONS.items() if cls.spec.elementwise]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_facts_of_an_elementwise_layer_are_true_and_false_ones_are_found_out(name: str) -> None:
    check(ka.ACTIVATIONS[name].spec, measured(name))


def check(spec: Spec, found: Measured) -> None:
    assert contradictions(spec, found) == []
    for claim in falsehoods(spec):
        assert contradictions(dataclasses.replace(spec, **claim), found), claim


def falsehoods(spec: Spec) -> list[dict[str, Any]]:
    """Claims that are not those of `spec`."""
    low, high = spec.range
    false: list[dict[str, Any]] = [{"monotone": not spec.monotone}]
    false += [{"smoothness": other} for other in (-1, 0, 1, 2, math.inf) if other != spec.smoothness]
    false += [{"range": (other, high)} for other in (low - 0.001, low + 0.001, -math.inf, 0.5) if other != low]
    false += [{"range": (low, other)} for other in (high - 0.001, high + 0.001, math.inf, 0.5) if other != high]
    return false


# The others: over many inputs, and along lines through them


def measured_over_many_inputs(name: str) -> Measured:
    with judge.double_precision():
        one, random = subject(name), np.random.default_rng(0)
        layer, shape = built(one, one.shape), one.shape[1:]
        near = random.normal(size=(64, *shape))
        lowest, highest = extremes(layer, np.concatenate([near * scale for scale in (1e-3, 1, 30, 1e6)]), 1e6)
        if math.isfinite(lowest) or math.isfinite(highest):
            # Bounded for so many channels; is it for any number?
            x = random.normal(size=(1, *shape[:-1], 10**4))
            lower, higher = extremes(built(one, x.shape), x, 1e6)
            lowest = -math.inf if lower < 10 * lowest - 1 else lowest
            highest = math.inf if higher > 10 * highest + 1 else highest
        raised = near.reshape(64, -1).copy()
        raised[np.arange(64), random.integers(raised.shape[1], size=64)] += 0.5
        change = numbers(layer(raised.reshape(near.shape))) - numbers(layer(near))
        weights = random.normal(size=change.shape[1:])
        origins = near[0], np.zeros(shape)
    return Measured(
        lowest,
        highest,
        decreases=bool((change < -1e-9).any()),
        smoothness=min(smoothness(along(layer, origin, near[1], weights), COARSE) for origin in origins),
    )


def built(one: Subject, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """The layer in float64, with its weights; on JAX compiled, since operation by operation takes minutes."""
    layer = one.make(dtype="float64")
    layer.build(shape)
    return compiled(layer) if BACKEND == "jax" else layer


def extremes(layer: Any, x: np.ndarray, far: float) -> tuple[float, float]:
    """The least and the greatest output for `x`, and for inputs that are 0 but for one entry."""
    spikes = np.zeros((4, *x.shape[1:]))
    spikes[:2, ..., 0] = far
    spikes[2:, ..., 0] = -far
    spikes[1::2, ..., 1] = 2 * far
    y = numbers(layer(np.concatenate([x, spikes])))
    least, greatest = float(y.min()), float(y.max())
    return (-math.inf if least < -far / 100 else least), (math.inf if greatest > far / 100 else greatest)


def along(layer: Any, origin: np.ndarray, direction: np.ndarray, weights: np.ndarray) -> Derivatives:
    """A weighted sum of the outputs as a function of the place on a line, and its derivatives."""

    def f(t: Any) -> Any:
        y = layer(origin + ops.reshape(t, (-1, *[1] * origin.ndim)) * direction)
        return ops.sum(y * weights, axis=tuple(range(1, weights.ndim + 1)))

    return derivatives(f)


# The batch normalization of Keras's is in float32 on JAX, whatever the dtype.
ROUGH = {"meta_acon"} if BACKEND == "jax" else set()
OTHERS = [name for name in ka.ACTIVATIONS if name not in ELEMENTWISE and name not in ROUGH]


@pytest.mark.parametrize("name", OTHERS)
def test_facts_of_any_other_layer_are_true_and_false_ones_are_found_out(name: str) -> None:
    check(ka.ACTIVATIONS[name].spec, measured_over_many_inputs(name))


# Facts that only one has


def test_selu_keeps_mean_0_and_variance_1() -> None:
    # The two halves apart, since Gauss's rule converges fast only where there is no kink.
    nodes, weights = np.polynomial.legendre.leggauss(100)
    x = np.concatenate([7 * nodes - 7, 7 * nodes + 7])
    density = np.concatenate([7 * weights] * 2) * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    (y,) = judge.derivatives(ka.selu, x, "float64", order=0)
    mean = float(density @ y)
    assert abs(mean) < 1e-7  # Keras's constants have so many digits
    assert abs(float(density @ (y - mean) ** 2) - 1) < 1e-7
