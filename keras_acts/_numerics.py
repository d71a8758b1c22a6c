"""Elementary functions that keep their digits, in value and in derivative, on every backend.

The activations are composed of these, so that automatic differentiation of a composition is
right wherever its parts are. Each says what the backend's own version loses.
"""

import math

from keras import ops

from keras_acts._backend import Tensor, erfc, with_derivative


def _sigmoid_derivative(x: Tensor) -> Tensor:
    decay = ops.exp(-ops.abs(x))
    return decay / ops.square(1.0 + decay)


@with_derivative(_sigmoid_derivative)
def sigmoid(x: Tensor) -> Tensor:
    """The logistic function. A backend's derivative `y·(1 − y)` is exactly 0 from x = 17 on."""
    decay = ops.exp(-ops.abs(x))
    return ops.where(x >= 0, 1.0, decay) / (1.0 + decay)


def _tanh_derivative(x: Tensor) -> Tensor:
    decay = ops.exp(-2.0 * ops.abs(x))
    return 4.0 * decay / ops.square(1.0 + decay)


@with_derivative(_tanh_derivative)
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent. A backend's derivative `1 − y²` loses its digits from |x| = 5 on."""
    return ops.tanh(x)


@with_derivative(sigmoid)
def softplus(x: Tensor) -> Tensor:
    """`ln(1 + eˣ)` without overflow; LiteRT's own is infinite from x = 89 on."""
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))


@with_derivative(ops.exp)
def expm1(x: Tensor) -> Tensor:
    """`eˣ − 1`. JAX and PyTorch derive it as `y + 1`, which is 0 from x = −17 on."""
    return ops.expm1(x)


def expm1_negative(x: Tensor) -> Tensor:
    """`eˣ − 1` where x is below 0, and 0 elsewhere, so that nothing overflows in the unused branch."""
    return expm1(ops.where(x > 0, ops.zeros_like(x), x))


def _normal_density(x: Tensor) -> Tensor:
    return ops.exp(-0.5 * ops.square(x)) / math.sqrt(2.0 * math.pi)


@with_derivative(_normal_density)
def normal_cdf(x: Tensor) -> Tensor:
    """The normal distribution function. `(1 + erf)/2` has no digits left below x = −5."""
    return 0.5 * erfc(-x / math.sqrt(2.0))


def gate(x: Tensor, opening: Tensor) -> Tensor:
    """`x · opening`, and 0 where the gate is shut, even at x = ±inf (where 0·inf would be NaN)."""
    return ops.where(opening == 0, ops.zeros_like(x), x) * opening
