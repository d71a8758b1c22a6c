"""Elementary functions that keep their digits, in value and in derivative, on every backend.

The activations are composed of these, so that automatic differentiation of a composition is
right wherever its parts are. Each says what the backend's own version loses.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_acts._backend import (
    Tensor,
    Unary,
    at_least,
    at_most,
    compiled_by_torch,
    erfc,
    export_lacks,
    larger,
    native,
    plain_arctan,
    with_derivative,
)

_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)
_tanh, _sin, _cos = map(native, ("tanh", "sin", "cos"))


def _sigmoid_second(x: Tensor) -> Tensor:
    return -tanh(0.5 * x) * _sigmoid_derivative(x)


@with_derivative(_sigmoid_second)
def _sigmoid_derivative(x: Tensor) -> Tensor:
    return ops.sigmoid(x) * ops.sigmoid(-x)


@with_derivative(_sigmoid_derivative)
def sigmoid(x: Tensor) -> Tensor:
    """The logistic function. A backend's derivative `y·(1 − y)` is exactly 0 from x = 17 on."""
    return ops.sigmoid(x)


def _tanh_second(x: Tensor) -> Tensor:
    return -2.0 * _tanh(x) * _tanh_derivative(x)


@with_derivative(_tanh_second)
def _tanh_derivative(x: Tensor) -> Tensor:
    decay = ops.exp(-ops.abs(x))
    root = 2.0 * decay / (1.0 + decay * decay)  # 1/cosh, a normal number wherever its square is
    return root * root


@with_derivative(_tanh_derivative)
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent. A backend's derivative `1 − y²` loses its digits from |x| = 5 on."""
    return _tanh(x)


@with_derivative(sigmoid)
def softplus(x: Tensor) -> Tensor:
    """`ln(1 + eˣ)` without overflow; LiteRT's own is infinite from x = 89 on."""
    return ops.relu(x) + log1p(ops.exp(-ops.abs(x)))


def log1p(x: Tensor) -> Tensor:
    """`ln(1 + x)`; in ONNX, which has no such function, without the digits of a small x."""
    return ops.log(1.0 + x) if export_lacks("log1p") else ops.log1p(x)


@with_derivative(ops.exp)
def expm1(x: Tensor) -> Tensor:
    """`eˣ − 1`. JAX and PyTorch derive it as `y + 1`, which is 0 from x = −17 on."""
    if compiled_by_torch() or export_lacks("expm1"):  # the former has nothing left of a small x
        return _tanh(0.5 * x) * (ops.exp(x) + 1.0)
    return ops.expm1(x)


@with_derivative(lambda x: ops.cast(x <= 0, x.dtype))
def negative_part(x: Tensor) -> Tensor:
    """`x` where it is below 0, else 0, of slope 1 at 0 (and `relu` of slope 0), so that one side is chosen there."""
    return at_most(x, 0.0)


def _elu_second(x: Tensor) -> Tensor:
    return ops.where(x <= 0, ops.exp(at_most(x, 0.0)), 0.0)


@with_derivative(_elu_second)
def _elu_derivative(x: Tensor) -> Tensor:
    return ops.exp(at_most(x, 0.0))


@with_derivative(_elu_derivative)
def elu(x: Tensor) -> Tensor:
    """`x` where it is positive, else `eˣ − 1`, which is nowhere below x: in half the steps of the two sides' sum."""
    return larger(x, expm1(at_most(x, 0.0)))


def _chain(*functions: Unary) -> Unary:
    """The first function, whose derivative is the second, whose derivative is the third, and so on."""
    return functools.reduce(lambda derivative, value: with_derivative(derivative)(value), reversed(functions))


def _x_exp(order: int) -> Unary:
    def derivative(x: Tensor) -> Tensor:
        x = at_least(x, -2000.0)
        half = ops.exp(0.5 * x)
        return (x + order) * half * half

    return derivative


x_exp = _chain(*map(_x_exp, range(4)))
"""`x·eˣ`, also where eˣ itself is too small for a normal number (which TensorFlow and JAX make 0)."""


def _gaussian(hermite: Unary) -> Unary:
    def derivative(x: Tensor) -> Tensor:
        x = ops.clip(x, -60.0, 60.0)
        half = ops.exp(-0.5 * x * x)
        return hermite(x) * half * half

    return derivative


_HERMITE: tuple[Unary, ...] = (
    lambda x: 1.0,
    lambda x: -2.0 * x,
    lambda x: 4.0 * x * x - 2.0,
    lambda x: (12.0 - 8.0 * x * x) * x,
)
gaussian = _chain(*map(_gaussian, _HERMITE))
"""`exp(−x²)`, with derivatives that are right also where it is too small for a normal number itself."""


def _normal_density(x: Tensor) -> Tensor:
    return _NORMAL * gaussian(math.sqrt(0.5) * x)


@with_derivative(_normal_density)
def normal_cdf(x: Tensor) -> Tensor:
    """The normal distribution function. `(1 + erf)/2` has no digits left below x = −5."""
    if export_lacks("erfc"):
        return 0.5 + 0.5 * erf(math.sqrt(0.5) * x)
    return 0.5 * erfc(-math.sqrt(0.5) * x)


def _erf_derivative(x: Tensor) -> Tensor:
    return 2.0 / math.sqrt(math.pi) * ops.exp(-x * x)


@with_derivative(_erf_derivative)
def erf(x: Tensor) -> Tensor:
    """The error function. Compiled by `torch.compile` it has no digit left at 1e-7; in LiteRT there is only GELU."""
    if export_lacks("erf"):
        z = math.sqrt(2.0) * ops.clip(ops.where(x == 0, 1.0, x), -6.0, 6.0)
        y = 2.0 * ops.gelu(z, approximate=False) / z - 1.0
    else:
        y = ops.erf(x)
        if not compiled_by_torch():
            return y
    return ops.where(ops.abs(x) < 0.5, x * polynomial(x * x, _ERF), y)


_ERF = [2.0 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(13)]


def _arctan_second(x: Tensor) -> Tensor:
    slope = _arctan_derivative(x)
    return -2.0 * (x * slope) * slope


@with_derivative(_arctan_second)
def _arctan_derivative(x: Tensor) -> Tensor:
    return 1.0 / (1.0 + x * x)


@with_derivative(_arctan_derivative)
def arctan(x: Tensor) -> Tensor:
    """The arc tangent. A backend's second derivative is 0 from x = 5e9 on, and NaN at the largest x."""
    return plain_arctan(x)


def gate(x: Tensor, opening: Tensor) -> Tensor:
    """`x · opening`, and 0 where the gate is shut, even at x = ±inf (where 0·inf would be NaN)."""
    return ops.where(ops.isinf(x) & (opening == 0), 0.0, x) * opening


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    """`near` and `far` such that g(x) = g(near)·far, for a g that is a multiple of eˣ from −40 down.

    Where g itself is too small for a normal number (which TensorFlow and JAX make 0), x·g and its
    derivatives are not yet, if x is multiplied in between.
    """
    near = at_least(x, -40.0)
    return near, ops.exp(at_most(x + 40.0, 0.0))


def sigmoid_gated(
    opening: Unary,
    slope: Callable[[Tensor, Tensor], Any],
    bend: Callable[[Tensor, Tensor], Any],
) -> tuple[Unary, Unary]:
    """`x·g(x)` and its derivative, for a gate g that is a function of s = σ(x) and t = σ(−x).

    All is in closed form, so that no term is lost where s or t is too small for a normal number,
    and that gradients are cheap.

    Args:
        opening: g as a function of s; a multiple of s where s is small.
        slope: `g'/(s·t)`.
        bend: `g''/(s·t)`.
    """

    def second(x: Tensor) -> Tensor:
        x = ops.clip(x, -2000.0, 2000.0)
        root = sigmoid_root(x)
        s, t = ops.sigmoid(x), ops.sigmoid(-x)
        return (2.0 * slope(s, t) + x * bend(s, t)) * root * root

    @with_derivative(second)
    def first(x: Tensor) -> Tensor:
        x = ops.clip(x, -2000.0, 2000.0)
        near, far = _split(x)
        s, t = ops.sigmoid(near), ops.sigmoid(-near)
        return (opening(s) + x * (s * t) * slope(s, t)) * far

    @with_derivative(first)
    def value(x: Tensor) -> Tensor:
        x = at_least(x, -2000.0)
        near, far = _split(x)
        return x * opening(ops.sigmoid(near)) * far

    return value, first


def times_sigmoid(factor: Tensor, x: Tensor) -> Tensor:
    """`factor·σ(x)`, also where σ is too small for a normal number and the factor is large."""
    near, far = _split(x)
    return factor * ops.sigmoid(near) * far


def sigmoid_root(x: Tensor) -> Tensor:
    """The square root of the sigmoid's derivative: a normal number wherever x times that derivative is."""
    size = ops.abs(x)
    return ops.sigmoid(size) * ops.exp(-0.5 * size)


def _silu_second(x: Tensor) -> Tensor:
    x = ops.clip(x, -2000.0, 2000.0)
    root = sigmoid_root(x)
    return (2.0 - x * _tanh(0.5 * x)) * root * root


@with_derivative(_silu_second)
def silu_derivative(x: Tensor) -> Tensor:
    """The derivative of `silu`: (1 + x·σ(−x))/(1 + e⁻ˣ)."""
    x = ops.clip(x, -2000.0, 2000.0)
    share = math.exp(-6.0)  # both sides times that: so e⁻ˣ overflows only where the value itself is too small
    decay = ops.exp(-6.0 - x)
    return share * (1.0 + x / (1.0 + share / decay)) / (share + decay)


@with_derivative(silu_derivative)
def silu(x: Tensor) -> Tensor:
    """`x·σ(x)`, also where σ is too small for a normal number: x/(1 + h²) with h = exp(−x/2)."""
    x = at_least(x, -2000.0)
    half = ops.exp(-0.5 * at_most(x, 80.0))
    return x / (1.0 / half + half) / half


@with_derivative(
    lambda x, beta: silu_derivative(beta * x),
    lambda x, beta: ops.square(x * sigmoid_root(beta * x)),
)
def swish(x: Tensor, beta: Tensor) -> Tensor:
    """`x·σ(βx)`, with every digit of the derivative in β, at β = 0 too."""
    near, far = _split(beta * x)
    return gate(x * ops.sigmoid(near), far)


def _gelu_second(x: Tensor) -> Tensor:
    x = ops.clip(x, -60.0, 60.0)
    half = ops.exp(-0.25 * x * x)
    return _NORMAL * (2.0 - x * x) * half * half


@with_derivative(_gelu_second)
def _gelu_derivative(x: Tensor) -> Tensor:
    x = ops.clip(x, -60.0, 60.0)
    half = ops.exp(-0.25 * x * x)
    return 0.5 * erfc(-math.sqrt(0.5) * x) + _NORMAL * x * half * half


@with_derivative(_gelu_derivative)
def gelu(x: Tensor) -> Tensor:
    """`x·Φ(x)`, with derivatives in closed form: they are right where φ is too small for a normal number."""
    if export_lacks("erf"):
        return ops.gelu(x, approximate=False)
    if export_lacks("erfc"):
        return x * normal_cdf(x)
    return 0.5 * at_least(x, -60.0) * erfc(-math.sqrt(0.5) * x)


def _by_normal_slope(x: Tensor, slope: Tensor) -> Tensor:
    z = ops.clip(slope * x, -60.0, 60.0)
    return _NORMAL * ops.square(x * ops.exp(-0.25 * z * z))


@with_derivative(lambda x, slope: _gelu_derivative(slope * x), _by_normal_slope)
def through_normal_cdf(x: Tensor, slope: Tensor) -> Tensor:
    """`x·Φ(slope·x)`, with every digit of the derivative in the slope."""
    return gate(x, normal_cdf(slope * x))


def _carry_slope(order: int) -> Unary:
    def derivative(z: Tensor) -> Tensor:
        far = (at_least(z, -2000.0) + order) * ops.exp(at_most(z + 40.0, 0.0))
        return ops.where(z > -40.0, 1.0 if order == 1 else 0.0, far)

    return derivative


_first_carry_slope = _chain(*map(_carry_slope, range(1, 4)))


def _carry_by_slope(x: Tensor, slope: Tensor) -> Tensor:
    z = slope * x
    return ops.where(z > -40.0, 0.0, x * ops.exp(at_most(z + 40.0, 0.0)) * x)


@with_derivative(lambda x, slope: _first_carry_slope(slope * x), _carry_by_slope)
def _carry(x: Tensor, slope: Tensor) -> Tensor:
    return gate(x, ops.exp(at_most(slope * x + 40.0, 0.0)))


def gated(x: Tensor, slope: float | Tensor, opening: Unary, top: float = 1e30) -> Tensor:
    """`x·opening(slope·x)`, also where the opening is too small for a normal number, and its derivatives.

    Args:
        x: The tensor.
        slope: The factor within the gate.
        opening: The gate: a multiple of eᶻ for z below −40.
        top: Where the gate is open to the last digit; it is asked for no more than that.
    """
    # Below −40 the fall of the gate goes with x, so that it is multiplied by x before it can get lost.
    return _carry(x, slope) * opening(clip(slope * x, -40.0, top))


def clip(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """`x` within bounds, of slope 0 at both of them, where the backends' own disagree (0, ½ or 1)."""
    low, high = (ops.convert_to_tensor(bound, dtype=x.dtype) for bound in (low, high))
    return ops.where(x <= low, low, ops.where(x >= high, high, x))


def hypotenuse(x: Tensor, b: Tensor) -> Tensor:
    """`√(x² + b)` for every x, for use within a derivative of its own: the square itself overflows from x = 2e19 on."""
    size = ops.abs(x)
    return larger(size, ops.sqrt(ops.square(at_most(size, 1e18)) + b))  # far out it is |x|, to the last digit


def isru(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """`x / √(1 + αx²)`: plainly written, x² overflows and the derivative far out is a difference of equals."""
    alpha = ops.convert_to_tensor(alpha, dtype=x.dtype)
    # Beyond the bend both sides of the fraction are divided by x. Any bend does, for value and derivatives.
    bend = ops.stop_gradient(1.0 / ops.sqrt(alpha))
    size = ops.abs(x)
    far = size > bend
    above = ops.where(far, bend * ops.sign(x), x)
    below = bend / ops.where(far, size, bend)
    return above / ops.sqrt(below * below + alpha * above * above)


def relu6(x: Tensor) -> Tensor:
    """`x` within 0 and 6, of slope 0 at both: one step where the backend has it (JAX's has other slopes there)."""
    return clip(x, 0.0, 6.0) if keras.backend.backend() == "jax" else ops.relu6(x)


def polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """The sum of `coefficients[n] · xⁿ`."""
    total = ops.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _sinc(order: int, far: Unary) -> Unary:
    # Near 0 the closed forms of the derivatives are differences of equals.
    powers = range(order, 16 + order)
    series = [
        0.0 if power % 2 else (-1.0) ** (power // 2) / (power + 1) / math.factorial(power - order) for power in powers
    ]

    def derivative(x: Tensor) -> Tensor:
        close = ops.abs(x) < 0.8
        beyond = ops.where(close, 1.0, clip(x, -1e30, 1e30))  # a sine has no limit at infinity
        return ops.where(close, polynomial(ops.where(close, x, 0.0), series), far(beyond))

    return derivative


_sinc_slope = with_derivative(
    _sinc(2, lambda x: -_sin(x) / x - 2.0 * (_cos(x) - _sin(x) / x) / x / x),
)(_sinc(1, lambda x: (_cos(x) - _sin(x) / x) / x))


@with_derivative(_sinc_slope)
def sinc(x: Tensor) -> Tensor:
    """`sin(x)/x`, and 1 at 0."""
    x = at_least(at_most(x, 1e30), -1e30)  # a sine has no limit at infinity
    x = ops.where(ops.abs(x) < 1e-20, 1e-20, x)
    return _sin(x) / x


def _over(a: Tensor, x: Tensor, reach: float, near: Unary, far: Unary) -> Tensor:
    # `far(ax)/a`, and `x·near(ax)` up to `reach`, where the derivative of the former in `a` is a difference of equals.
    product = a * ops.where(a == 0, clip(x, -1e30, 1e30), x)  # so that 0·inf is 0, in the derivative too
    close = ops.abs(product) < reach
    series = x * near(ops.where(close, product, 0.0))
    return ops.where(close, series, far(ops.where(close, reach, product)) / ops.where(close, 1.0, a))


@with_derivative(expm1)
def expm1_less_x(x: Tensor) -> Tensor:
    """`eˣ − 1 − x` for |x| ≤ 2, whose own leading digits cancel."""
    return x * x * polynomial(x, [1.0 / math.factorial(n + 2) for n in range(20)])


def expm1_over(a: Tensor, x: Tensor) -> Tensor:
    """`(exp(ax) − 1)/a`: at a = 0 its limit `x`, with the right derivative in `a` there and nearby."""
    series = [1.0 / math.factorial(n + 1) for n in range(14)]
    return _over(a, x, 0.5, lambda z: polynomial(z, series), expm1)


def log1p_over(a: Tensor, x: Tensor) -> Tensor:
    """`ln(1 + ax)/a`: at a = 0 its limit `x`, with the right derivative in `a` there and nearby."""
    series = [1.0 / (2 * n + 1) for n in range(11)]

    def near(z: Tensor) -> Tensor:  # ln(1 + z) = 2·artanh(z/(2 + z))
        return 2.0 / (2.0 + z) * polynomial(ops.square(z / (2.0 + z)), series)

    return _over(a, x, 0.25, near, log1p)
