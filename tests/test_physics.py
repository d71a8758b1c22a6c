"""Known physics of activations, measured on random networks: each figure within the error of the measurement."""

import functools
import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_acts as ka
from keras_acts._backend import elementwise_derivative

NETWORKS = 4000


@functools.cache
def weights(initializer, count, inputs, outputs, seed):
    """The kernels of many networks, drawn by a Keras initializer: `(count, inputs, outputs)`."""
    # One draw for all: the fans are told by a variance for one of them.
    scaling = {"he_normal": 2.0 / inputs, "lecun_normal": 1.0 / inputs, "glorot_normal": 2.0 / (inputs + outputs)}
    draw = keras.initializers.RandomNormal(stddev=math.sqrt(scaling[initializer]), seed=seed)
    return draw((count, inputs, outputs))


def born_dead(function, *, width, depth):
    """The share of networks of one input and `depth − 1` hidden layers whose output is the same everywhere.

    He start, biases 0. Right and left of 0 such a network is linear if the function is, so that two
    points there tell whether a rectifier's lets anything through; others must differ between them too.
    """
    points = ops.convert_to_tensor([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    values = ops.broadcast_to(points, (NETWORKS, 5, 1))
    for layer in range(depth - 1):
        inputs = values.shape[-1]
        values = function(ops.matmul(values, weights("he_normal", NETWORKS, inputs, width, layer)))
    spread = ops.max(values, axis=1) - ops.min(values, axis=1)
    return float(np.mean(ops.convert_to_numpy(ops.max(spread, axis=-1)) == 0))


@pytest.mark.parametrize(("depth", "known"), [(5, 0.21), (10, 0.56), (20, 0.88)])
def test_so_many_narrow_relu_networks_are_born_dead(depth, known):
    # Lu et al. 2019, arXiv:1903.06733. The figures are given to two digits: half a unit of the last is added.
    error = math.sqrt(known * (1 - known) / NETWORKS)
    assert born_dead(ka.relu, width=3, depth=depth) == pytest.approx(known, abs=4 * error + 0.005)


def test_fewer_are_born_dead_the_wider_they_are():
    shares = [born_dead(ka.relu, width=width, depth=10) for width in (2, 3, 4, 8)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.01


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "elu"])
def test_a_function_with_a_slope_on_both_sides_is_never_born_dead(name):
    for depth in (5, 10, 20):
        assert born_dead(ka.ACTIVATIONS[name].spec.function, width=3, depth=depth) == 0


def gradient_factors(name, *, width=1024, depth=6, examples=64, seed=0):
    """By how much the square of the gradient shrinks at each layer of a random network, on the way back.

    The sums that go into the first layer are standard normal; the weights have variance 1/width.
    """
    function = ka.ACTIVATIONS[name].spec.function
    kernels = weights("lecun_normal", depth, width, width, seed)
    x = keras.random.normal((examples, width), seed=seed)
    slopes = []
    for kernel in kernels:
        sums = ops.matmul(x, kernel)
        slopes.append(elementwise_derivative(function, sums))
        x = function(sums)
    gradient, factors = keras.random.normal((examples, width), seed=seed + 1), []
    for kernel, slope in zip(reversed(list(kernels)), reversed(slopes), strict=True):
        before = float(ops.mean(gradient**2))
        gradient = ops.matmul(gradient * slope, ops.transpose(kernel))
        factors.append(float(ops.mean(gradient**2)) / before)
    return factors[::-1], [float(ops.mean(slope**2)) for slope in slopes]


@pytest.mark.parametrize(("name", "known"), [("sigmoid", 0.045), ("tanh", 0.464), ("relu", 0.5)])
def test_a_layer_takes_from_the_gradient_what_the_mean_square_of_its_slope_says(name, known):
    factors, squares = gradient_factors(name)
    # Two numbers from 64 examples of 1024 units, which share the kernel: 1/√1024 at worst, and two of those.
    assert factors[0] == pytest.approx(known, rel=0.06)  # of standard normal sums
    for factor, square in zip(factors, squares, strict=True):  # of whatever comes deeper down
        assert factor == pytest.approx(square, rel=0.06)


def mean_square(name, widths):
    """Of the sums that go into the last layer, with the activation's gain; the first are standard normal."""
    function = ka.ACTIVATIONS[name].spec.function
    start = ka.GainInitializer(name, distribution="untruncated_normal", seed=keras.random.SeedGenerator(3))
    sums = keras.random.normal((64, widths[0]), seed=0)
    for shape in itertools.pairwise(widths):
        sums = ops.matmul(function(sums), start(shape))
    return float(ops.mean(sums**2))


@pytest.mark.parametrize("name", ["relu", "tanh", "elu", "silu", "mish", "softplus", "gelu", "sigmoid", "snake"])
def test_with_its_gain_a_layer_keeps_the_variance_of_its_sums(name):
    # The examples share most of a sum where the outputs have a mean: √(2/4096) from the units, four times.
    assert mean_square(name, (512, 4096)) == pytest.approx(1.0, abs=0.09)


@pytest.mark.parametrize("name", ["tanh", "elu", "selu"])
def test_and_many_layers_do_where_deviations_shrink(name):
    # √(2/512) a layer, three or four of which are still felt.
    assert mean_square(name, [512] * 17) == pytest.approx(1.0, abs=0.3)


def test_the_gain_of_relu_makes_its_gradient_factor_one():
    factors, _ = gradient_factors("relu")
    assert factors[0] * ka.gain("relu") ** 2 == pytest.approx(1.0, rel=0.06)


def network(activation, initializer, *, depth, width, inputs=64):
    hidden = [
        keras.layers.Dense(width, activation, kernel_initializer=initializer(seed), name=f"layer_{seed}")
        for seed in range(depth)
    ]
    return keras.Sequential([keras.Input((inputs,)), *hidden])


def test_the_mean_activation_is_nearer_zero_with_elu_than_with_relu():
    x = np.random.default_rng(0).standard_normal((256, 64))
    means = {}
    for function in (ka.elu, ka.relu):
        start = functools.partial(ka.GainInitializer, function, "fan_in", "untruncated_normal")
        health = ka.inspect(network(function, start, depth=8, width=128), x)
        means[function.__name__] = [abs(layer.mean) for layer in health.layers.values()]
    # Of sums of variance 1: 0.161 and 0.399.
    assert all(elu < 0.75 * relu for elu, relu in zip(means["elu"], means["relu"], strict=True))


def test_selu_keeps_mean_0_and_variance_1_through_32_layers():
    x = np.random.default_rng(0).standard_normal((256, 256))
    model = network(ka.selu, keras.initializers.LecunNormal, depth=32, width=256, inputs=256)
    layers = ka.inspect(model, x).layers.values()
    assert len(layers) == 32
    assert all(layer.mean == pytest.approx(0.0, abs=0.1) for layer in layers)
    assert all(layer.variance == pytest.approx(1.0, abs=0.2) for layer in layers)
    relu = network(ka.relu, keras.initializers.LecunNormal, depth=32, width=256, inputs=256)
    assert list(ka.inspect(relu, x).layers.values())[-1].variance < 1e-6  # the same start, another function


def test_a_sum_of_shifted_sigmoids_approaches_softplus():
    # Nair and Hinton 2010. A sigmoid every `spacing`, times it, is the midpoint rule for the integral of the sigmoid
    # from 0 on, whose error is spacing²/24 times the slope where it begins: at most 1/4, at x = 0. (The other end is
    # 30 or more away, and gives 1e-13.)
    x = np.linspace(-10.0, 10.0, 401)

    def error(spacing):
        n = round(40.0 / spacing)
        total = ops.convert_to_numpy(ka.sum_of_sigmoids(ops.array(x), n=n, spacing=spacing, start=spacing / 2))
        return np.max(np.abs(total - np.logaddexp(0.0, x)))

    for spacing in (1.0, 0.5, 0.25):
        assert error(spacing) == pytest.approx(spacing**2 / 96, rel=0.02)
    assert error(1.0) / error(0.5) == pytest.approx(4.0, rel=0.02)
