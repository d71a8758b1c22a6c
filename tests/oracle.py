"""The catalogue's formulas once more, plain, at 60 digits, so that the library cannot certify itself.

Each is written from its paper, not from `keras_acts`, and carries the name, the parameters and the
defaults of the function it judges. `at` gives f and its derivatives anywhere.
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import judge
from mpmath import mp, mpf

mp.dps = 60

FORMULAS: dict[str, Callable[..., Any]] = {}
"""Every elementwise formula by the name of its function."""


def formula(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a formula of one number: it becomes the oracle of the function of its name."""
    FORMULAS[function.__name__] = function
    return function


def at(name: str, x: float, order: int = 0, side: int = 0, **params: Any) -> list[Any]:
    """f(x), f'(x) … up to `order`, as numbers of 60 digits.

    `side` −1 or 1: the limits from the left or from the right, at a kink or a jump.
    """
    point = mpf(x) + side * mpf("1e-30") * max(1, abs(x))

    def f(x: Any) -> Any:
        return FORMULAS[name](x, **params)

    return [mpf(f(point)), *(mp.diff(f, point, n) for n in range(1, order + 1))]


@functools.cache
def limit(name: str, side: int, order: int = 0, **params: Any) -> float | None:
    """The limit of f, or of a derivative of it, at −inf (`side` −1) or inf (1); `None` where there is none."""
    values = [at(name, side * 10.0**power, order, **params)[order] for power in range(10, 40, 3)]
    steps = [later - earlier for earlier, later in itertools.pairwise(values)]
    if all(abs(step) <= 1e-8 * (1 + abs(values[-1])) for step in steps):
        return float(values[-1]) if abs(values[-1]) > 1e-30 else 0.0
    if all(step > 0 for step in steps):
        return math.inf
    return -math.inf if all(step < 0 for step in steps) else None


def of(case: judge.Case) -> tuple[str, dict[str, Any]]:
    """The function's name and its arguments for a case of the reference table."""
    if case.name == "gelu_tanh":
        return "gelu", {"approximate": True}
    return case.name, dict(case.params)


def decay(t: Any) -> Any:
    """eᵗ, and 0 for a `t` so low that the number's exponent itself would fill the memory."""
    return mp.exp(t) if t > -1e40 else mpf(0)


def clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def sp(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def phi(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


# Sigmoid family


@formula
def sigmoid(x: Any, offset: float = 0.0) -> Any:
    return logistic(x - offset)


@formula
def sum_of_sigmoids(x: Any, n: int = 10, spacing: float = 1.0, start: float = 0.5) -> Any:
    return spacing * mp.fsum(logistic(x - start - spacing * i) for i in range(n))


@formula
def log_sigmoid(x: Any) -> Any:
    return -sp(-x)


@formula
def tanh(x: Any) -> Any:
    return mp.tanh(x)


@formula
def hard_sigmoid(x: Any) -> Any:
    return clip(x + 3, 0, 6) / 6


@formula
def hard_tanh(x: Any) -> Any:
    return clip(x, -1, 1)


@formula
def sparse_sigmoid(x: Any) -> Any:
    return clip((x + 1) / 2, 0, 1)


@formula
def lecun_tanh(x: Any) -> Any:
    return mpf("1.7159") * mp.tanh(2 * x / 3)


@formula
def penalized_tanh(x: Any, alpha: float = 0.25) -> Any:
    return mp.tanh(x) if x >= 0 else alpha * mp.tanh(x)


@formula
def arctan(x: Any) -> Any:
    return mp.atan(x)


@formula
def erf(x: Any) -> Any:
    return mp.erf(x)


@formula
def softsign(x: Any) -> Any:
    return x / (1 + abs(x))


@formula
def isru(x: Any, alpha: float = 1.0) -> Any:
    return x / mp.sqrt(1 + alpha * x**2)


@formula
def sqnl(x: Any) -> Any:
    return mp.sign(x) if abs(x) > 2 else x - mp.sign(x) * x**2 / 4


@formula
def bent_identity(x: Any) -> Any:
    return x + (mp.sqrt(x**2 + 1) - 1) / 2


@formula
def soft_clipping(x: Any, alpha: float = 1.0) -> Any:
    return (sp(alpha * x) - sp(alpha * (x - 1))) / alpha


# Rectifiers


@formula
def linear(x: Any) -> Any:
    return x


@formula
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    if max_value is not None and x >= max_value:
        return max_value
    return x if x > threshold else negative_slope * (x - threshold)


@formula
def relu6(x: Any) -> Any:
    return clip(x, 0, 6)


@formula
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    return x if x >= 0 else negative_slope * x


@formula
def prelu(x: Any, alpha: float = 0.25) -> Any:
    return x if x >= 0 else alpha * x


@formula
def rrelu(x: Any, lower: float = 1 / 8, upper: float = 1 / 3) -> Any:
    return x if x >= 0 else (mpf(lower) + upper) / 2 * x


@formula
def thresholded_relu(x: Any, theta: float = 1.0) -> Any:
    return x if x > theta else 0


@formula
def squared_relu(x: Any) -> Any:
    return max(x, 0) ** 2


@formula
def star_relu(x: Any, scale: float = 0.8944, bias: float = -0.4472) -> Any:
    return scale * max(x, 0) ** 2 + bias


@formula
def smelu(x: Any, beta: float = 1.0) -> Any:
    return max(x, 0) if abs(x) > beta else (x + beta) ** 2 / (4 * beta)


@formula
def softplus(x: Any) -> Any:
    return sp(x)


@formula
def squareplus(x: Any, b: float = 4.0) -> Any:
    return (x + mp.sqrt(x**2 + b)) / 2


@formula
def sparse_plus(x: Any) -> Any:
    return max(x, 0) if abs(x) > 1 else (x + 1) ** 2 / 4


@formula
def flatten_t_swish(x: Any, threshold: float = -0.2) -> Any:
    return max(x, 0) * logistic(x) + threshold


@formula
def srelu(x: Any, t_left: float = 0.0, a_left: float = 0.1, t_right: float = 1.0, a_right: float = 0.5) -> Any:
    if x >= t_right:
        return t_right + a_right * (x - t_right)
    return x if x > t_left else t_left + a_left * (x - t_left)


@formula
def arelu(x: Any, alpha: float = 0.9, beta: float = 2.0) -> Any:
    return (1 + logistic(mpf(beta))) * x if x >= 0 else clip(alpha, 0.01, 0.99) * x


# Exponential linear


@formula
def elu(x: Any, alpha: float = 1.0) -> Any:
    return x if x > 0 else alpha * mp.expm1(x)


@formula
def selu(x: Any) -> Any:
    scale, alpha = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
    return scale * elu(x, alpha)


@formula
def celu(x: Any, alpha: float = 1.0) -> Any:
    return x if x > 0 else alpha * mp.expm1(x / alpha)


@formula
def pelu(x: Any, a: float = 1.0, b: float = 1.0) -> Any:
    return mpf(a) / b * x if x >= 0 else a * mp.expm1(x / b)


@formula
def mpelu(x: Any, alpha: float = 1.0, beta: float = 1.0) -> Any:
    return x if x > 0 else alpha * mp.expm1(beta * x)


@formula
def isrlu(x: Any, alpha: float = 1.0) -> Any:
    return x if x >= 0 else isru(x, alpha)


@formula
def elish(x: Any) -> Any:
    return (x if x >= 0 else mp.expm1(x)) * logistic(x)


@formula
def hard_elish(x: Any) -> Any:
    return (x if x >= 0 else mp.expm1(x)) * sparse_sigmoid(x)


@formula
def serlu(x: Any) -> Any:
    return mpf("1.0786") * (x if x >= 0 else mpf("2.90427") * x * mp.exp(x))


@formula
def ptelu(x: Any, alpha: float = 1.0, beta: float = 1.0) -> Any:
    return x if x >= 0 else alpha * mp.tanh(beta * x)


@formula
def colu(x: Any) -> Any:
    # e^x is left out of the exponent where it is larger than any number needs: e^-x·e^(-e^x) is 0 there.
    return x if x > 1e4 else x / (1 - x * mp.exp(-(x + mp.exp(x))))


@formula
def xielu(x: Any, alpha_p: float = 0.8, alpha_n: float = 0.8, beta: float = 0.5) -> Any:
    curve = alpha_p * x**2 if x > 0 else alpha_n * (mp.expm1(min(x, mpf(-1e-6))) - x)
    return curve + beta * x


# Self-gated


@formula
def silu(x: Any) -> Any:
    return x * logistic(x)


@formula
def swish(x: Any, beta: float = 1.0) -> Any:
    return x * logistic(beta * x)


@formula
def e_swish(x: Any, beta: float = 1.375) -> Any:
    return beta * x * logistic(x)


@formula
def gelu(x: Any, approximate: bool = False) -> Any:
    if approximate:  # (1 + tanh u)/2 = σ(2u)
        return x * logistic(2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3))
    return x * phi(x)


@formula
def quick_gelu(x: Any) -> Any:
    return x * logistic(mpf("1.702") * x)


@formula
def mish(x: Any) -> Any:
    return x * mp.tanh(sp(x))


@formula
def hard_silu(x: Any) -> Any:
    return x * hard_sigmoid(x)


@formula
def hard_mish(x: Any) -> Any:
    return x * clip(x + 2, 0, 2) / 2


@formula
def tanhexp(x: Any) -> Any:
    return x * (mp.tanh(mp.exp(x)) if x < 1e4 else 1)


@formula
def serf(x: Any) -> Any:
    return x * mp.erf(sp(x))


@formula
def phish(x: Any) -> Any:
    return x * mp.tanh(gelu(x))


@formula
def smish(x: Any) -> Any:
    return x * mp.tanh(mp.log1p(logistic(x)))


@formula
def logish(x: Any) -> Any:
    return x * mp.log1p(logistic(x))


@formula
def lisht(x: Any) -> Any:
    return x * mp.tanh(x)


@formula
def golu(x: Any) -> Any:
    return x * (decay(-mp.exp(-x)) if x > -1e4 else 0)


@formula
def gcu(x: Any) -> Any:
    return x * mp.cos(x)


@formula
def erfact(x: Any, alpha: float = 0.75, beta: float = 0.75) -> Any:
    return x * (mp.erf(alpha * mp.exp(beta * x)) if beta * x < 1e4 else mp.sign(alpha))


@formula
def pserf(x: Any, gamma: float = 1.25, delta: float = 0.85) -> Any:
    return x * mp.erf(gamma * sp(delta * x))


@formula
def acon_c(x: Any, p1: float = 1.2, p2: float = -0.3, beta: float = 1.0) -> Any:
    d = mpf(p1) - p2
    return d * x * logistic(beta * d * x) + p2 * x


@formula
def smu(x: Any, alpha: float = 0.25, mu: float = 1.0) -> Any:
    return ((1 + mpf(alpha)) * x + (1 - mpf(alpha)) * x * mp.erf(mu * (1 - mpf(alpha)) * x)) / 2


@formula
def smu1(x: Any, alpha: float = 0.25, mu: float = 1.0) -> Any:
    return ((1 + mpf(alpha)) * x + mp.sqrt(((1 - mpf(alpha)) * x) ** 2 + mpf(mu) ** 2)) / 2


def expanded(gate: Any, alpha: float) -> Any:
    return gate * (1 + 2 * mpf(alpha)) - alpha


@formula
def xatlu(x: Any, alpha: float = 0.0) -> Any:
    return x * expanded(mpf(1) / 2 + mp.atan(x) / mp.pi, alpha)


@formula
def xgelu(x: Any, alpha: float = 0.0) -> Any:
    return x * expanded(phi(x), alpha)


@formula
def xsilu(x: Any, alpha: float = 0.0) -> Any:
    return x * expanded(logistic(x), alpha)


# Periodic and bumps


@formula
def sine(x: Any, omega: float = 1.0) -> Any:
    return mp.sin(omega * x)


@formula
def snake(x: Any, alpha: float = 1.0) -> Any:
    return x + mp.sin(alpha * x) ** 2 / alpha if alpha else x


@formula
def snake_beta(x: Any, alpha: float = 1.0, beta: float = 1.0) -> Any:
    return x + mp.sin(alpha * x) ** 2 / beta


@formula
def sinlu(x: Any, a: float = 1.0, b: float = 1.0) -> Any:
    return (x + a * mp.sin(b * x)) * logistic(x)


@formula
def gaussian(x: Any) -> Any:
    return mp.exp(-(x**2))


# Shrinkage


@formula
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    return x if abs(x) > threshold else 0


@formula
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    return mp.sign(x) * max(abs(x) - threshold, 0)


@formula
def tanh_shrink(x: Any) -> Any:
    return x - mp.tanh(x)


@formula
def threshold(x: Any, threshold: float = 0.5, default_value: float = 0.0) -> Any:
    return x if x > threshold else default_value


# Learned shapes


@formula
def soft_exponential(x: Any, alpha: float = 0.0) -> Any:
    if alpha < 0:
        return -mp.log1p(-alpha * (x + alpha)) / alpha
    return x if alpha == 0 else mp.expm1(alpha * x) / alpha + alpha


@formula
def dyt(x: Any, alpha: float = 0.5, gamma: float = 1.0, beta: float = 0.0) -> Any:
    return gamma * mp.tanh(alpha * x) + beta


@formula
def derf(x: Any, alpha: float = 0.5, shift: float = 0.0, gamma: float = 1.0, beta: float = 0.0) -> Any:
    return gamma * mp.erf(alpha * x + shift) + beta


# What the formulas do not say

MORE_SETTINGS: dict[str, list[dict[str, Any]]] = {
    "relu": [{"negative_slope": 0.125, "max_value": 6.0, "threshold": 1.0}],
    "sum_of_sigmoids": [{"n": 3, "spacing": 0.5, "start": -1.0}],
    "rrelu": [{"lower": 0.25, "upper": 0.5}],
    "threshold": [{"threshold": -2.0, "default_value": 3.0}],
    "gelu": [{"approximate": True}],
    "arelu": [{"alpha": 2.0}],
}
"""Arguments to judge besides the defaults, the table's and the ends of the search intervals."""

KINKS: dict[str, dict[float, int]] = {
    "relu": {0: -1},
    "relu6": {0: -1, 6: 1},
    "leaky_relu": {0: -1},
    "prelu": {0: -1},
    "rrelu": {0: -1},
    "thresholded_relu": {1: -1},
    "flatten_t_swish": {0: -1},
    "srelu": {0: -1, 1: 1},
    "arelu": {0: 1},
    "hard_sigmoid": {-3: -1, 3: 1},
    "hard_tanh": {-1: -1, 1: 1},
    "hard_silu": {-3: -1, 3: 1},
    "hard_mish": {-2: -1},
    "sparse_sigmoid": {-1: -1, 1: 1},
    "penalized_tanh": {0: 1},
    "selu": {0: -1},
    "hard_elish": {-1: -1, 1: 1},
    "serlu": {0: -1},
    "xielu": {-1e-6: -1, 0: -1},
    "hard_shrink": {-0.5: 1, 0.5: -1},
    "soft_shrink": {-0.5: 1, 0.5: -1},
    "threshold": {0.5: -1},
}
"""Where f or f' jumps, at the defaults, and which one-sided derivative is taken there, on every backend.

Where f saturates the derivative is that of the flat side; else that of the side whose formula includes the point.
"""
