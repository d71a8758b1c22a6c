"""Learned shapes against plain NumPy and SciPy."""

from typing import Any

import keras
import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.special import expit

import keras_acts as ka

X = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32") * 2
TOLERANCE = 64 * np.finfo("float32").eps


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def randomized(layer: Any) -> Any:
    """The layer, built on `X`, with other weights than it starts with."""
    layer(X)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize("alpha", [-0.7, -1e-4, 0.0, 1e-4, 0.7])
def test_soft_exponential_is_its_formula_and_smooth_in_alpha(alpha: float) -> None:
    x = np.linspace(-0.5, 3, 15)
    logarithm, exponential = (
        lambda: -np.log1p(-alpha * (x + alpha)) / alpha,
        lambda: np.expm1(alpha * x) / alpha + alpha,
    )
    want = logarithm() if alpha < 0 else exponential() if alpha > 0 else x
    got = array(ka.soft_exponential(x.astype("float32"), alpha))
    np.testing.assert_allclose(got, want, TOLERANCE, TOLERANCE)


def test_soft_exponential_is_finite_beyond_its_pole() -> None:
    assert np.isfinite(array(ka.soft_exponential(np.array([-1e30, -5.0], "float32"), -1.0))).all()


@pytest.mark.parametrize("groups", [None, 1, 3])
def test_apl_is_relu_plus_hinges(groups: int | None) -> None:
    layer = randomized(ka.APL(pieces=3, groups=groups))
    slopes, places = (np.repeat(array(w), 6 // len(array(w)), axis=0) for w in (layer.slopes, layer.places))
    want = np.maximum(X, 0) + (slopes * np.maximum(places - X[..., None], 0)).sum(-1)
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


def test_apl_starts_at_relu() -> None:
    np.testing.assert_array_equal(array(ka.APL()(X)), np.maximum(X, 0))


def test_rational_is_its_quotient_near_and_far() -> None:
    layer = randomized(ka.Rational(groups=2))
    x = np.concatenate([X, 1e3 * X, 1e12 * X])
    p, q = (np.repeat(array(w).astype("float64"), 3, axis=0) for w in (layer.numerator, layer.denominator))
    wide = x.astype("float64")
    above = sum(p[:, i] * wide**i for i in range(6))
    below = 1 + np.abs(sum(q[:, j] * wide ** (j + 1) for j in range(4)))
    scale = sum(np.abs(p[:, i] * wide**i) for i in range(6)) / below
    assert (np.abs(array(layer(x)) - above / below) <= TOLERANCE * scale).all()


@pytest.mark.parametrize(("name", "error"), [("tanh", 1e-5), ("sigmoid", 1e-6), ("gelu", 1e-3), ("leaky_relu", 3e-2)])
def test_rational_starts_at_the_function_it_is_told(name: str, error: float) -> None:
    x = np.linspace(-3, 3, 101).astype("float32")[None]
    want = array(ka.get(name)(x))
    assert np.abs(array(ka.Rational(start=name)(x)) - want).max() < error


@pytest.mark.parametrize("groups", [None, 1, 3])
def test_piecewise_linear_joins_its_knots_and_goes_on_beyond(groups: int | None) -> None:
    layer = randomized(ka.PiecewiseLinear(knots=9, low=-2.0, high=2.0, groups=groups))
    values = np.repeat(array(layer.values).astype("float64"), 6 // layer.values.shape[0], axis=0)
    knots = np.linspace(-2, 2, 9)
    want = np.empty(X.shape)
    for channel in range(6):
        v, x = values[channel], X[..., channel].astype("float64")
        inside = np.interp(x, knots, v)
        left, right = v[0] + (v[1] - v[0]) / 0.5 * (x + 2), v[-1] + (v[-1] - v[-2]) / 0.5 * (x - 2)
        want[..., channel] = np.where(x < -2, left, np.where(x > 2, right, inside))
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


def test_piecewise_linear_starts_at_the_function_it_is_told() -> None:
    x = np.linspace(-4, 4, 51).astype("float32")[None]
    layer = ka.PiecewiseLinear(start="tanh", groups=1)
    np.testing.assert_allclose(array(layer(x)), np.tanh(x), TOLERANCE, TOLERANCE)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_bspline_is_scipy_s(order: int) -> None:
    layer = randomized(ka.BSpline(grid=4, order=order, low=-1.5, high=1.0))
    step = 2.5 / 4
    knots = -1.5 + step * np.arange(-order, 4 + order + 1)
    want = np.empty(X.shape)
    for channel in range(6):
        x = X[..., channel].astype("float64")
        spline = BSpline(knots, array(layer.coefficients)[channel].astype("float64"), order, extrapolate=False)
        # SciPy's basis is whole inside the grid only; beyond it each function goes on to its own end.
        padded = np.concatenate(
            [knots[:1] - step * np.arange(order, 0, -1), knots, knots[-1] + step * np.arange(1, order + 1)]
        )
        whole = BSpline(padded, np.concatenate([np.zeros(order), spline.c, np.zeros(order)]), order, extrapolate=False)
        value = np.nan_to_num(whole(x), nan=0.0)
        want[..., channel] = array(layer.base_weight)[channel, 0] * x * expit(x) + value
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


@pytest.mark.parametrize("name", ["apl", "rational", "piecewise_linear", "bspline"])
def test_a_curve_works_on_any_axis_and_any_size(name: str) -> None:
    first = randomized(ka.get(name, axis=1, groups=2))
    last = ka.get(name, groups=2)
    moved = np.moveaxis(X, 1, -1)
    last(moved)
    for ours, theirs in zip(last.weights, first.weights, strict=True):
        ours.assign(theirs)
    np.testing.assert_array_equal(array(last(moved)), np.moveaxis(array(first(X)), 1, -1))
    inputs = keras.Input((None, 4))
    assert keras.Model(inputs, ka.get(name)(inputs))(X[..., :4]).shape == (3, 4, 4)


@pytest.mark.parametrize("name", ["rational", "piecewise_linear", "bspline", "apl"])
def test_a_curve_keeps_its_head_at_the_ends(name: str) -> None:
    y = array(ka.get(name, groups=1)(np.array([[-3e38, 3e38, np.nan]], "float32")))[0]
    assert np.isfinite(y[:2]).all()
    assert np.isnan(y[2])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ka.APL(0), ValueError, r"`APL` needs `pieces` of at least 1"),
        (lambda: ka.APL(groups=0), ValueError, r"`groups` of at least 1"),
        (lambda: ka.APL(groups=4)(X), ValueError, r"a multiple of `groups`. Received: groups=4, input_shape"),
        (
            lambda: ka.Rational("softmax"),
            ValueError,
            r"elementwise activation with a function. Received: start='softmax'",
        ),
        (lambda: ka.Rational("tahn"), ValueError, r"the nearest names are 'tanh'"),
        (lambda: ka.PiecewiseLinear(1), ValueError, r"`knots` of at least 2"),
        (lambda: ka.PiecewiseLinear(low=1.0, high=1.0), ValueError, r"`high` above `low`"),
        (lambda: ka.BSpline(order=0), ValueError, r"`order` of at least 1"),
        (lambda: ka.BSpline(grid=2.5), TypeError, r"`grid` to be an integer"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
