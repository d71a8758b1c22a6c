"""Layers that look at more than one element, against plain NumPy."""

from typing import Any

import judge
import keras
import numpy as np
import pytest
from scipy.special import expit

import keras_acts as ka

X = np.random.default_rng(0).normal(size=(2, 5, 4, 6)).astype("float32")
TOLERANCE = 64 * np.finfo("float32").eps


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def test_maxout_is_the_largest_of_its_pieces() -> None:
    layer = ka.Maxout(3, k=4, bias_initializer="normal")
    got = array(layer(X))
    pieces = np.einsum("...c,kcu->k...u", X, array(layer.kernel)) + array(layer.bias)[:, None, None, None]
    np.testing.assert_allclose(got, pieces.max(0), TOLERANCE, TOLERANCE)
    assert layer.compute_output_shape((None, 5, None, 6)) == (None, 5, None, 3)


def test_maxout_draws_each_piece_as_dense_would() -> None:
    layer = ka.Maxout(500, k=2, kernel_initializer="glorot_uniform")
    layer.build((None, 300))
    limit = np.sqrt(6 / 800)
    kernel = array(layer.kernel)
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.99 * limit
    assert not np.array_equal(kernel[0], kernel[1])


@pytest.mark.parametrize("axis", [-1, 1])
def test_frelu_is_the_larger_of_a_pixel_and_its_neighbourhood(axis: int) -> None:
    layer = ka.FReLU(axis=axis, kernel_initializer="normal")
    got = array(layer(X, training=False))
    images = np.moveaxis(X, axis, -1)
    kernel = array(layer.convolution.kernel)[..., 0]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    condition = sum(padded[:, i : i + height, j : j + width] * kernel[i, j] for i in range(3) for j in range(3))
    condition = condition / np.sqrt(1 + layer.normalization.epsilon)
    np.testing.assert_allclose(got, np.moveaxis(np.maximum(images, condition), -1, axis), TOLERANCE, TOLERANCE)


def test_frelu_normalizes_with_the_batch_in_training() -> None:
    layer = ka.FReLU()
    layer(X, training=True)
    assert np.abs(array(layer.normalization.moving_variance) - 1).max() > 0


@pytest.mark.parametrize("variant", ["A", "B"])
@pytest.mark.parametrize("axis", [-1, 2])
def test_dyrelu_is_the_largest_line_that_the_mean_chooses(variant: str, axis: int) -> None:
    layer = ka.DyReLU(k=3, variant=variant, axis=axis)
    got = array(layer(X))
    x = np.moveaxis(X, axis, -1).astype("float64")
    dense = [(array(d.kernel), array(d.bias)) for d in (layer.squeeze, layer.excite)]
    hidden = np.maximum(x.mean((1, 2)) @ dense[0][0] + dense[0][1], 0)
    residual = 2 * expit(hidden @ dense[1][0] + dense[1][1]) - 1
    slopes, intercepts = np.split(residual.reshape(2, 6, 1, 1, -1), 2, axis=1)
    start = np.array([1, 0, 0]).reshape(1, 3, 1, 1, 1)
    lines = x[:, None] * (start + slopes) + 0.5 * intercepts
    np.testing.assert_allclose(got, np.moveaxis(lines.max(1), -1, axis), TOLERANCE, TOLERANCE)


@pytest.mark.parametrize("axis", [-1, 1])
def test_polynorm_is_a_sum_of_normalized_powers(axis: int) -> None:
    layer = ka.PolyNorm(axis=axis)
    layer.weight.assign([0.5, -1.0, 2.0])
    layer.bias.assign(0.25)
    x = X.astype("float64")
    powers = [x**i / np.sqrt(np.mean(x ** (2 * i), axis=axis, keepdims=True) + 1e-6) for i in (1, 2, 3)]
    want = 0.5 * powers[0] - powers[1] + 2 * powers[2] + 0.25
    np.testing.assert_allclose(array(layer(X)), want, TOLERANCE, TOLERANCE)


@pytest.mark.parametrize("size", [1e-3, 1e4, 1e13, 1e30])
def test_polynorm_is_right_where_its_powers_overflow(size: float) -> None:
    layer = ka.PolyNorm(weight=[0.5, -1.0, 2.0])
    x = X.astype("float64") * size
    powers = [x**i / np.sqrt(np.mean(x ** (2 * i), axis=-1, keepdims=True) + 1e-6) for i in (1, 2, 3)]
    got, slope = judge.derivatives(layer, x, "float32", order=1)
    np.testing.assert_allclose(got, 0.5 * powers[0] - powers[1] + 2 * powers[2], TOLERANCE, TOLERANCE)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0


def test_polynorm_in_float16_does_not_overflow_by_its_cubes() -> None:
    layer = ka.PolyNorm(dtype="mixed_float16")
    assert np.isfinite(array(layer(1000 * X))).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ka.Maxout(k=0), ValueError, r"`Maxout` needs `k` of at least 1. Received: k=0"),
        (lambda: ka.Maxout(1.5), TypeError, r"`units` to be an integer"),
        (lambda: ka.FReLU(0), ValueError, r"`kernel_size` of at least 1"),
        (lambda: ka.FReLU()(X[0]), ValueError, r"`FReLU` needs images.*input_shape=\(5, 4, 6\)"),
        (lambda: ka.DyReLU(variant="C"), ValueError, r"'A' or 'B'. Received: variant='C'"),
        (lambda: ka.DyReLU(axis=4)(X), ValueError, r"`axis` to be an axis of its input"),
        (lambda: ka.PolyNorm(order=0), ValueError, r"`order` of at least 1"),
        (lambda: ka.PolyNorm(epsilon=0.0), ValueError, r"`epsilon` above 0"),
        (lambda: ka.DyReLU()(keras.Input((4, None))), ValueError, r"needs their number"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("cls", [ka.DyReLU, ka.MetaACON])
def test_masked_steps_take_no_part_in_the_mean(cls: type[ka.Activation]) -> None:
    layer, x = cls(), X[:, :, 0]
    mask = np.arange(5) < np.array([[3], [0]])  # no step of the second example counts
    got = array(layer(x, mask=keras.ops.convert_to_tensor(mask)))
    spoilt = array(layer(np.where(mask[..., None], x, np.nan), mask=keras.ops.convert_to_tensor(mask)))
    np.testing.assert_allclose(got[0, :3], array(layer(x[:1, :3]))[0], TOLERANCE, TOLERANCE)
    np.testing.assert_allclose(spoilt[0, :3], got[0, :3], TOLERANCE, TOLERANCE)
    assert np.isfinite(got).all()
