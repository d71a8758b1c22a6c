"""Gated linear units against plain NumPy."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import erf, expit

import keras_acts as ka

X = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
TOLERANCE = 16 * np.finfo("float32").eps

GATES: dict[str, Callable[[Any], Any]] = {
    "glu": expit,
    "bilinear": lambda b: b,
    "reglu": lambda b: np.maximum(b, 0),
    "geglu": lambda b: b * (1 + erf(b / np.sqrt(2))) / 2,
    "swiglu": lambda b: b * expit(b),
}


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("name", GATES)
def test_the_first_half_is_the_value_and_the_second_the_gate(name: str, axis: int) -> None:
    value, opening = np.split(X, 2, axis=axis)
    want = value * GATES[name](opening.astype("float64"))
    np.testing.assert_allclose(array(getattr(ka, name)(X, axis=axis)), want, TOLERANCE, TOLERANCE)
    layer = ka.get(name, axis=axis)
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)
    assert layer.compute_output_shape(X.shape) == want.shape


def test_gtu_bounds_the_value() -> None:
    value, opening = np.split(X, 2, axis=-1)
    np.testing.assert_allclose(array(ka.gtu(X)), np.tanh(value) * expit(opening), TOLERANCE, TOLERANCE)


def test_glu_is_keras_s() -> None:
    np.testing.assert_allclose(array(ka.glu(X)), array(keras.activations.glu(X)), TOLERANCE, TOLERANCE)


def test_an_infinite_value_behind_a_shut_gate_is_nothing() -> None:
    assert array(ka.glu(np.array([np.inf, -np.inf], "float32"))) == 0


@pytest.mark.parametrize("name", [*GATES, "gtu"])
def test_an_odd_size_is_refused(name: str) -> None:
    layer = ka.get(name)
    with pytest.raises(ValueError, match=rf"`{type(layer).__name__}` needs an even size on axis -1.*\(None, 5\)"):
        layer(keras.Input((5,)))
    with pytest.raises(ValueError, match=rf"`{name}` needs an even size"):
        getattr(ka, name)(X[..., :5])
    with pytest.raises(ValueError, match=r"an axis of its input. Received: axis=3"):
        getattr(ka, name)(X, axis=3)


@pytest.mark.parametrize("use_bias", [True, False])
def test_glu_dense_owns_its_projection(use_bias: bool) -> None:
    layer = ka.GLUDense(5, gate="silu", use_bias=use_bias, bias_initializer="normal")
    y = array(layer(X))
    kernel = array(layer.projection.kernel)
    projected = X @ kernel + (array(layer.projection.bias) if use_bias else 0)
    value, opening = np.split(projected.astype("float64"), 2, axis=-1)
    np.testing.assert_allclose(y, value * opening * expit(opening), TOLERANCE, TOLERANCE)
    assert kernel.shape == (6, 10)
    assert layer.compute_output_shape((None, 4, 6)) == (None, 4, 5)


def test_glu_dense_takes_any_gate_and_its_weights() -> None:
    layer = ka.GLUDense(gate=ka.PReLU(alpha=0.5))
    assert array(layer(X)).shape == X.shape
    assert [tuple(w.shape) for w in layer.trainable_weights] == [(6,), (6, 12), (12,)]
    again = ka.GLUDense.from_config(layer.get_config())
    assert again.gate.get_config()["alpha"] == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ka.GLUDense(0), ValueError, r"`units` of at least 1. Received: units=0"),
        (lambda: ka.GLUDense(2.5), TypeError, r"`units` to be an integer"),
        (lambda: ka.GLUDense(gate="silo"), ValueError, r"the nearest names are 'silu'"),
    ],
)
def test_a_gated_layer_that_cannot_be_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("gate", ["glu", "swiglu", ka.glu], ids=str)
def test_a_gate_that_changes_the_shape_is_refused(gate: Any) -> None:
    message = r"`GLUDense` needs a `gate` that keeps the shape. Received: takes=\(3, 4, 4\), gives=\(3, 4, 2\)"
    with pytest.raises(ValueError, match=message):
        ka.GLUDense(4, gate=gate)(X)
