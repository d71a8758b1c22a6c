"""Learned shapes against plain NumPy and SciPy, and what is learned of them."""

from pathlib import Path
from typing import Any

import judge
import keras
import numpy as np
import pytest
from layers import Subject, disturb
from promises import PROMISES
from scipy.interpolate import BSpline
from scipy.special import expit

import keras_acts as ka

X = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32") * 2
GRANULARITIES = pytest.mark.parametrize("per", ["channel", "layer", 3])
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


def for_each_channel(row: Any) -> np.ndarray:
    """A learned row of each of the six channels, in float64."""
    rows = np.atleast_2d(array(row).astype("float64"))
    return np.repeat(rows, 6 // len(rows), axis=0)


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


@GRANULARITIES
def test_apl_is_relu_plus_hinges(per: Any) -> None:
    layer = randomized(ka.APL(pieces=3, per=per))
    slopes, places = map(for_each_channel, (layer.slopes, layer.places))
    want = np.maximum(X, 0) + (slopes * np.maximum(places - X[..., None], 0)).sum(-1)
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


def test_apl_starts_at_relu() -> None:
    np.testing.assert_array_equal(array(ka.APL()(X)), np.maximum(X, 0))


def test_rational_is_its_quotient_near_and_far() -> None:
    layer = randomized(ka.Rational(per=2))
    x = np.concatenate([X, 1e3 * X, 1e12 * X])
    p, q = map(for_each_channel, (layer.numerator, layer.denominator))
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


@GRANULARITIES
def test_piecewise_linear_joins_its_knots_and_goes_on_beyond(per: Any) -> None:
    layer = randomized(ka.PiecewiseLinear(knots=9, low=-2.0, high=2.0, per=per))
    values = for_each_channel(layer.values)
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
    layer = ka.PiecewiseLinear(start="tanh", per="layer")
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
        want[..., channel] = array(layer.base_weight)[channel] * x * expit(x) + value
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


# Their parameters

CURVES = ("apl", "rational", "piecewise_linear", "bspline", "polynorm")
GROUPED = [Subject(ka.ACTIVATIONS[name], {"per": 2}, label="groups") for name in CURVES]


@pytest.mark.parametrize("subject", GROUPED, ids=str)
@pytest.mark.parametrize(
    "promise",
    [
        "gradients_of_weights_agree_with_differences",
        "what_it_learns_moves_in_training",
        "regularizers_and_constraints_act",
        "a_keras_file_gives_the_same_model",
        "channels_may_come_first",
        "it_runs_in_mixed_precision",
    ],
)
def test_rows_of_numbers_are_learned_by_groups_of_channels(promise: str, subject: Subject) -> None:
    PROMISES[promise](subject)


@pytest.mark.parametrize("name", CURVES)
def test_what_a_curve_does_not_learn_stays_as_given(name: str) -> None:
    params = ka.ACTIVATIONS[name].spec.params
    learned = ka.get(name)
    given = {key: learned.get_config()[key] for key in params}
    fixed, start = ka.get(name, learn=()), ka.get(name, initializers={"places": "zeros"} if "places" in params else {})
    np.testing.assert_allclose(array(fixed(X)), array(start(X)), TOLERANCE, TOLERANCE)
    assert fixed.weights == []
    assert {key: getattr(fixed, key) for key in params} == given


def test_rows_may_be_given() -> None:
    layer = ka.Rational(numerator=[0, 1, 2, 0, 0, 0], denominator=[0, 0.5, 0, 0])
    np.testing.assert_allclose(array(layer(X)), (X + 2 * X**2) / (1 + 0.5 * X**2), TOLERANCE, TOLERANCE)
    line = ka.PiecewiseLinear(3, values=[1.0, 0.0, 4.0], learn=())
    np.testing.assert_allclose(array(line(np.array([[-4.0, -2.0, 1.0, 5.0]]))), [[1.0, 0.5, 1.0, 5.0]], TOLERANCE)


@pytest.mark.parametrize("layer", ["Rational", "PiecewiseLinear", "APL", "BSpline"])
def test_weights_of_a_curve_go_into_a_fresh_dense_layer(layer: str, tmp_path: Path) -> None:
    def model() -> keras.Model:
        more = {} if layer == "Rational" else {"channels": 3}
        return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation=ka.get(layer, **more))])

    trained, fresh = model(), model()
    disturb(trained)
    trained.save_weights(tmp_path / "model.weights.h5")
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(array(fresh(X[0])), array(trained(X[0])))


@pytest.mark.parametrize("name", ["rational", "piecewise_linear", "bspline"])
def test_coefficients_keep_their_digits_where_inputs_have_16_bits(name: str) -> None:
    single, short = ka.get(name), ka.get(name, dtype="mixed_bfloat16")
    x = keras.ops.cast(keras.ops.convert_to_tensor(X), "bfloat16")
    want = keras.ops.cast(single(keras.ops.cast(x, "float32")), "bfloat16")
    got, want = (array(keras.ops.cast(y, "float32")) for y in (short(x), want))
    np.testing.assert_array_equal(got, want)


def test_rational_s_slope_at_0_is_the_one_from_the_right() -> None:
    layer = ka.Rational(numerator=[1, 2, 0, 0, 0, 0], denominator=[0.5, 0, 0, 0])
    _, slope = judge.derivatives(layer, np.zeros((1, 3)), "float32", order=1)
    np.testing.assert_allclose(slope, 1.5)


@pytest.mark.parametrize("rate", [1e-2, 1e3, -1e3])
@pytest.mark.parametrize(
    "per", ["channel", "layer", 2, {"t_left": "channel", "t_right": "layer"}, {"t_left": "channel", "t_right": 2}]
)
def test_srelu_s_thresholds_are_in_order_after_a_step_though_they_were_not_before(per: Any, rate: float) -> None:
    layer = ka.SReLU(channels=8, per=per)
    random = np.random.default_rng(0)
    layer.t_left.assign(random.uniform(0.5, 1.5, layer.t_left.shape))
    layer.t_right.assign(random.uniform(-1.5, -0.5, layer.t_right.shape))
    model = keras.Sequential([keras.Input((8,)), layer])
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    model.fit(random.normal(size=(16, 8)), random.normal(size=(16, 8)), verbose=0)
    left, right = (np.resize(np.repeat(w, 8 // w.size), 8) for w in map(array, (layer.t_left, layer.t_right)))
    assert (right >= left).all()


# Where they work


@pytest.mark.parametrize("name", ["apl", "rational", "piecewise_linear", "bspline"])
def test_a_curve_works_on_any_axis_and_any_size(name: str) -> None:
    first = randomized(ka.get(name, axis=1, per=2))
    last = ka.get(name, per=2)
    moved = np.moveaxis(X, 1, -1)
    last(moved)
    for ours, theirs in zip(last.weights, first.weights, strict=True):
        ours.assign(theirs)
    np.testing.assert_array_equal(array(last(moved)), np.moveaxis(array(first(X)), 1, -1))
    inputs = keras.Input((None, 4))
    assert keras.Model(inputs, ka.get(name)(inputs))(X[..., :4]).shape == (3, 4, 4)


@pytest.mark.parametrize("name", ["rational", "piecewise_linear", "bspline", "apl"])
def test_a_curve_keeps_its_head_at_the_ends(name: str) -> None:
    y = array(ka.get(name, per="layer")(np.array([[-3e38, 3e38, np.nan]], "float32")))[0]
    assert np.isfinite(y[:2]).all()
    assert np.isnan(y[2])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ka.APL(0), ValueError, r"`APL` needs `pieces` of at least 1"),
        (lambda: ka.APL(slopes=[1.0]), ValueError, r"`APL` needs `slopes` to be 2 numbers. Received: slopes=\[1.0\]"),
        (lambda: ka.APL(places="left"), TypeError, r"`APL` needs `places` to be a sequence of numbers"),
        (lambda: ka.Rational(numerator=[1.0] * 5), ValueError, r"`numerator` to be 6 numbers"),
        (lambda: ka.BSpline(base="softmax"), ValueError, r"`base` to be an elementwise activation with a function"),
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
