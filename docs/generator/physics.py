"""The numbers and plots of "Why it matters", computed with the library when the pages are built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from generator.figures import GRAY, drawing
from keras import ops

import keras_acts as ka
from keras_acts._backend import elementwise_derivative

WEIGHT_VARIANCE = {"glorot_uniform": 1.0, "lecun_normal": 1.0, "he_normal": 2.0}
"""Of a square layer's weights, times its width, by the initializer that the registry names for an activation."""

STEEPNESS_AT = -2.0
DEPTHS = (5, 10, 20)


def write(folder: Path) -> dict[str, str]:
    """Draw the plots into `folder` and return the numbers, by the name that the page calls them."""
    folder.mkdir(exist_ok=True)
    return {
        **_vanishing(folder / "gradient.svg"),
        **_stairs(folder / "stairs.svg"),
        **_dying(),
        **_centred(folder / "mean.svg"),
    }


@dataclass(frozen=True)
class Signals:
    """What passes through a random network, layer by layer from the first: one number a layer."""

    mean: Any
    deviation: Any
    zeros: Any
    gradient: Any


def signals(name: str, *, depth: int, width: int = 128, examples: int = 256) -> Signals:
    """Send normal inputs forward and a normal gradient back through a random network without biases.

    `gradient` is the root mean square of the gradient by the layer's input, as a share of that
    by the last layer's output.
    """
    random = np.random.default_rng(1)
    scale = np.sqrt(WEIGHT_VARIANCE[ka.ACTIVATIONS[name].spec.initializer] / width)
    weights = scale * random.standard_normal((depth, width, width))
    x = random.standard_normal((examples, width))
    values, slopes = [], []
    for weight in weights:
        x, slope = value_and_slope(name, x @ weight)
        values.append(x)
        slopes.append(slope)
    gradient = random.standard_normal(x.shape)
    first = np.sqrt(np.mean(gradient**2))
    shares = []
    for weight, slope in zip(weights[::-1], slopes[::-1], strict=True):
        gradient = (gradient * slope) @ weight.T
        shares.append(np.sqrt(np.mean(gradient**2)) / first)
    return Signals(
        mean=np.array([value.mean() for value in values]),
        deviation=np.array([value.std() for value in values]),
        zeros=np.array([np.mean(value == 0) for value in values]),
        gradient=np.array(shares[::-1]),
    )


def value_and_slope(name: str, x: Any) -> tuple[Any, Any]:
    """The function `name` and its derivative at `x`, as the library computes them in float32."""
    function = ka.ACTIVATIONS[name].spec.function
    x = ops.convert_to_tensor(x, "float32")
    pair = function(x), elementwise_derivative(function, x)
    return tuple(ops.convert_to_numpy(result).astype("float64") for result in pair)


def dead_share(name: str, *, depth: int, width: int = 3, networks: int = 4000) -> float:
    """The share of random networks of one input, without biases, whose output does not depend on it.

    `depth` counts hidden layers. Without biases a rectifier's network is a straight line on each side
    of 0, so that one point a side tells.
    """
    random = np.random.default_rng(2)
    scale = WEIGHT_VARIANCE[ka.ACTIVATIONS[name].spec.initializer]
    value = np.broadcast_to(np.array([[-1.0], [1.0]]), (networks, 2, 1))
    slope = np.ones_like(value)
    for _ in range(depth):
        inputs = value.shape[-1]
        weight = np.sqrt(scale / inputs) * random.standard_normal((networks, inputs, width))
        value, steepness = value_and_slope(name, value @ weight)
        slope = (slope @ weight) * steepness
    return float(np.mean(~slope.any(axis=(1, 2))))


def _vanishing(path: Path) -> dict[str, str]:
    depth = 20
    found = {name: signals(name, depth=depth) for name in ("sigmoid", "tanh", "relu", "selu")}
    with drawing(path) as axes:
        for name, signal in found.items():
            axes.plot(range(1, depth + 1), signal.gradient, label=name)
        axes.set(
            yscale="log", xticks=range(0, depth + 1, 5), xlabel="layer, from the input", ylabel="gradient, relative"
        )
        axes.legend()
    numbers = {f"{name}_gradient": power_of_ten(signal.gradient[0]) for name, signal in found.items()}
    numbers |= {f"{name}_factor": f"{signal.gradient[0] ** (1 / depth):.2f}" for name, signal in found.items()}
    return numbers | {"relu_zeros": f"{100 * found['relu'].zeros.mean():.0f}"}


def _stairs(path: Path) -> dict[str, str]:
    points = np.linspace(-6.0, 20.0, 500)
    x = ops.convert_to_tensor(points, "float32")
    limit = ka.softplus(x)
    numbers = {}
    with drawing(path) as axes:
        for spacing in (8.0, 4.0, 2.0, 1.0):
            stairs = ka.sum_of_sigmoids(x, n=int(32 / spacing), spacing=spacing, start=spacing / 2)
            axes.plot(points, ops.convert_to_numpy(stairs), label=f"sigmoids {spacing:g} apart", linewidth=1.0)
            error = float(ops.max(ops.abs(stairs - limit)))
            numbers[f"stairs_{spacing:g}"] = f"{error:.2g}" if error > 1e-3 else power_of_ten(error)
        axes.plot(points, ops.convert_to_numpy(limit), label="softplus", color=GRAY, linestyle="--")
        axes.plot(points, ops.convert_to_numpy(ka.relu(x)), label="relu", color=GRAY, linewidth=0.6)
        axes.set_xlabel("x")
        axes.legend()
    return numbers


def _dying() -> dict[str, str]:
    names = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu")
    rows = [
        ["", f"slope at {STEEPNESS_AT:g}".replace("-", "−"), *(f"dead, {depth} deep" for depth in DEPTHS)],
        ["---"] * (2 + len(DEPTHS)),
    ]
    for name in names:
        slope = value_and_slope(name, np.array([STEEPNESS_AT]))[1][0]
        shares = (f"{100 * dead_share(name, depth=depth):.0f} %" for depth in DEPTHS)
        rows.append([f"{{py:func}}`~keras_acts.{name}`", f"{slope:.3g}".replace("-", "−"), *shares])
    return {"dying_table": "\n".join(f"| {' | '.join(row)} |" for row in rows)}


def _centred(path: Path) -> dict[str, str]:
    depth = 32
    found = {name: signals(name, depth=depth) for name in ("relu", "elu", "selu")}
    with drawing(path) as axes:
        for name, signal in found.items():
            axes.plot(range(1, depth + 1), signal.mean / signal.deviation, label=name)
        axes.axhline(0.0, color=GRAY, linewidth=0.6)
        axes.set(xticks=range(0, depth + 1, 8), xlabel="layer, from the input", ylabel="mean / deviation")
        axes.legend()
    numbers = {f"{name}_mean": f"{np.mean(s.mean / s.deviation):.2f}".replace("-", "−") for name, s in found.items()}
    return numbers | {"selu_deviation": f"{found['selu'].deviation[-1]:.2f}"}


def power_of_ten(number: float) -> str:
    """A number as a digit times a power of ten, in Markdown's mathematics; as it is, where it is near 1."""
    if 0.01 <= number < 100:
        return f"{number:.2g}"
    digits, exponent = f"{number:.0e}".split("e")
    return f"${digits} \\cdot 10^{{{int(exponent)}}}$"
