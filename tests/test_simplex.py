"""Probabilities along an axis: against plain NumPy, at the edges, and under each transformation."""

import functools
import itertools
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from transforms import (
    BACKEND,
    EPSILON,
    PRECISE,
    array,
    compiled,
    compiled_gradient,
    forward_jacobian,
    gradient,
    jacobian,
    mapped,
    tensor,
)

import keras_acts as ka

INF = float("inf")
FAMILY: dict[str, tuple[Callable[..., Any], float]] = {
    "softmax": (ka.softmax, 1.0),
    "entmax 1": (functools.partial(ka.entmax, alpha=1.0), 1.0),
    "entmax 1.2": (functools.partial(ka.entmax, alpha=1.2), 1.2),
    "entmax15": (ka.entmax15, 1.5),
    "entmax 1.5": (ka.entmax, 1.5),
    "entmax 1.9": (functools.partial(ka.entmax, alpha=1.9), 1.9),
    "entmax 2": (functools.partial(ka.entmax, alpha=2.0), 2.0),
    "sparsemax": (ka.sparsemax, 2.0),
}
OTHERS: dict[str, Callable[..., Any]] = {
    "taylor_softmax": ka.taylor_softmax,
    "spherical_softmax": ka.spherical_softmax,
    "gumbel_softmax": ka.gumbel_softmax,
    "gumbel_softmax cold": functools.partial(ka.gumbel_softmax, temperature=0.5),
}
PROBABILITIES = {**{name: function for name, (function, _) in FAMILY.items()}, **OTHERS}
ALL = {**PROBABILITIES, "log_softmax": ka.log_softmax}
LAYERS = [cls for cls in ka.ACTIVATIONS.values() if cls.__module__ == "keras_acts._simplex"]

family = pytest.mark.parametrize(("function", "alpha"), FAMILY.values(), ids=FAMILY)
probabilities = pytest.mark.parametrize("function", PROBABILITIES.values(), ids=PROBABILITIES)
every = pytest.mark.parametrize("function", ALL.values(), ids=ALL)


# Plain implementations


def plain_entmax(x: np.ndarray, alpha: float) -> np.ndarray:
    """By bisection for the threshold, along the last axis."""
    x = np.asarray(x, "float64")
    x = x - x.max(axis=-1, keepdims=True)
    if alpha == 1:
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    low, high = -np.ones_like(x[..., :1]), np.zeros_like(x[..., :1])
    for _ in range(60):
        middle = (low + high) / 2
        total = (np.maximum((alpha - 1) * x - middle, 0) ** (1 / (alpha - 1))).sum(axis=-1, keepdims=True)
        low, high = np.where(total > 1, middle, low), np.where(total > 1, high, middle)
    return np.maximum((alpha - 1) * x - low, 0) ** (1 / (alpha - 1))


def plain_projection(x: np.ndarray) -> np.ndarray:
    """The nearest point of the simplex: of the nearest points of all its faces' planes, the nearest that is in it."""
    best = None
    for size in range(1, len(x) + 1):
        for support in itertools.combinations(range(len(x)), size):
            p = np.zeros_like(x)
            p[list(support)] = x[list(support)] - (x[list(support)].sum() - 1) / size
            if p.min() >= 0 and (best is None or ((p - x) ** 2).sum() < ((best - x) ** 2).sum()):
                best = p
    assert best is not None
    return best


def plain_jacobian(p: np.ndarray, alpha: float) -> np.ndarray:
    s = np.where(p > 0, np.where(p > 0, p, 1) ** (2 - alpha), 0)
    return np.diag(s) - np.outer(s, s) / s.sum()


# Values


@pytest.mark.parametrize("seed", range(8))
def test_sparsemax_is_the_nearest_point_of_the_simplex(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=1 + seed % 6) * random.choice([0.2, 1.0, 5.0])
    np.testing.assert_allclose(array(ka.sparsemax(tensor(x))), plain_projection(x), atol=8 * EPSILON * np.abs(x).max())


def test_sparsemax_of_the_example_where_keras_gives_zeros() -> None:
    got = array(ka.sparsemax(tensor([0.5, 0.4, 0.3, 0.2])))
    np.testing.assert_allclose(got, [0.4, 0.3, 0.2, 0.1], atol=2 * EPSILON)


@family
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("classes", [2, 7, 100])
def test_family_is_the_plain_one(function: Callable[..., Any], alpha: float, scale: float, classes: int) -> None:
    x = array(tensor(np.random.default_rng(0).normal(size=(20, classes)) * scale))
    error = np.abs(array(function(tensor(x))) - plain_entmax(x, alpha))
    assert error.max() <= 8 * EPSILON


@probabilities
def test_ten_thousand_classes(function: Callable[..., Any]) -> None:
    random = np.random.default_rng(0)
    crowded = random.uniform(0, 1e-4, size=10_000)  # all of them in the support, even sparsemax's
    x = tensor([np.zeros(10_000), crowded, random.normal(size=10_000), np.linspace(-30, 30, 10_000)])
    got = array(function(x))
    assert np.abs(got.sum(axis=-1) - 1).max() <= 64 * EPSILON
    np.testing.assert_allclose(got[0], 1e-4, rtol=64 * EPSILON)
    for name, (member, alpha) in FAMILY.items():
        if member is function:
            assert np.abs(got - plain_entmax(array(x), alpha)).max() <= 8 * EPSILON, name


@every
def test_ties_share(function: Callable[..., Any]) -> None:
    got = array(function(tensor([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 1.5, -3.0], [0.3, -7.0, 0.3, -7.0]])))
    assert got[0, 0] == got[0, 1] == got[0, 2] == got[0, 3]
    assert got[1, 0] == got[1, 1]
    assert got[2, 0] == got[2, 2]
    assert got[2, 1] == got[2, 3]


@every
def test_minus_infinity_leaves_an_entry_out(function: Callable[..., Any]) -> None:
    without = [0.3, 1.2, -0.7]
    got = array(function(tensor([-INF, *without[:2], -INF, without[2]])))
    want = array(function(tensor(without)))
    np.testing.assert_allclose(got[[1, 2, 4]], want, rtol=4 * EPSILON)
    assert (got[[0, 3]] == (-INF if function is ka.log_softmax else 0)).all()


@every
def test_minus_infinity_gives_no_nan_gradient(function: Callable[..., Any]) -> None:
    def sum_of_squares_of_finite(x: Any) -> Any:
        return ops.sum(ops.square(ops.where(x == -INF, 0.0, function(x))))

    got = array(gradient(sum_of_squares_of_finite)(tensor([0.5, -INF, 0.2, 0.1])))
    assert np.isfinite(got).all()
    assert got[1] == 0
    assert got[0] != 0


@every
def test_one_class_is_certain(function: Callable[..., Any]) -> None:
    got = array(function(tensor([[3.0], [0.0], [-1e4], [-0.5]])))
    assert (got == (0 if function is ka.log_softmax else 1)).all()


@every
def test_nan_spoils_its_own_slice_only(function: Callable[..., Any]) -> None:
    got = array(function(tensor([[0.0, float("nan")], [0.0, 1.0]])))
    assert np.isnan(got[0]).all()
    assert np.isfinite(got[1]).all()


@every
@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_scores_of_any_size(function: Callable[..., Any], size: float) -> None:
    got = array(function(tensor([2 * size, size, -size], "float32")))
    assert not np.isnan(got).any()
    if function is not ka.log_softmax:
        np.testing.assert_allclose(got.sum(), 1, rtol=1e-6)


@every
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, (1,), (0, 2), (2, 1), (-1, -3), (0, 1, 2)])
def test_any_axis_is_the_last_one_moved(function: Callable[..., Any], axis: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    axes = axis if isinstance(axis, tuple) else (axis,)
    ends = tuple(range(-len(axes), 0))
    last = np.moveaxis(x, axes, ends)
    want = array(function(tensor(last.reshape(*last.shape[: -len(axes)], -1)))).reshape(last.shape)
    np.testing.assert_allclose(array(function(tensor(x), axis=axis)), np.moveaxis(want, ends, axes), atol=4 * EPSILON)


@every
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_is_float32_rounded_once(function: Callable[..., Any], dtype: str) -> None:
    x = ops.cast(tensor(np.random.default_rng(0).normal(size=(5, 9)) * 4, "float32"), dtype)
    got = function(x)
    assert keras.backend.standardize_dtype(got.dtype) == dtype
    want = ops.cast(function(ops.cast(x, "float32")), dtype)
    assert (array(got) == array(want)).all()


def test_log_softmax_is_the_logarithm_far_beyond_where_softmax_is_0() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6)) * 300
    shifted = x - x.max(axis=-1, keepdims=True)
    want = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(array(ka.log_softmax(tensor(x))), want, rtol=8 * EPSILON, atol=1000 * EPSILON)


def test_taylor_softmax_is_the_series() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6)) * 3
    powers = 1 + x + x**2 / 2
    want = powers / powers.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(array(ka.taylor_softmax(tensor(x))), want, rtol=32 * EPSILON)


def test_spherical_softmax_is_squares_over_their_sum_and_even_where_all_are_zero() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6))
    want = x**2 / (x**2).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(array(ka.spherical_softmax(tensor(x))), want, rtol=16 * EPSILON)
    assert (array(ka.spherical_softmax(tensor([0.0, -INF, 0.0]))) == [0.5, 0.0, 0.5]).all()


# Derivatives

SMOOTH_POINT = [0.31, -0.52, 0.83, 0.11, -1.9]


@family
@pytest.mark.parametrize("x", [SMOOTH_POINT, [0.5, 0.4, 0.3, 0.2], [1.0, 1.0, -4.0], [3.0], [0.1, -INF, 0.0]], ids=str)
def test_jacobian_is_the_closed_form(function: Callable[..., Any], alpha: float, x: list[float]) -> None:
    want = plain_jacobian(plain_entmax(np.array(x), alpha), alpha)
    for derive in (jacobian, forward_jacobian):
        np.testing.assert_allclose(array(derive(function)(tensor(x))), want, atol=32 * EPSILON)


@family
def test_second_derivatives_are_the_differences_of_the_closed_form(function: Callable[..., Any], alpha: float) -> None:
    x, h = np.array(SMOOTH_POINT), 1e-5

    def closed(x: np.ndarray) -> np.ndarray:
        return plain_jacobian(plain_entmax(x, alpha), alpha)

    want = np.stack([(closed(x + h * e) - closed(x - h * e)) / (2 * h) for e in np.eye(len(x))], axis=-1)
    np.testing.assert_allclose(array(jacobian(jacobian(function))(tensor(x))), want, atol=1e-8 + 256 * EPSILON)


@pytest.mark.parametrize("function", [*OTHERS.values(), ka.log_softmax], ids=[*OTHERS, "log_softmax"])
def test_other_jacobians_are_central_differences(function: Callable[..., Any]) -> None:
    plain = {
        ka.taylor_softmax: lambda x: (1 + x + x**2 / 2) / (1 + x + x**2 / 2).sum(),
        ka.spherical_softmax: lambda x: x**2 / (x**2).sum(),
        ka.gumbel_softmax: lambda x: plain_entmax(x, 1.0),
        ka.log_softmax: lambda x: np.log(plain_entmax(x, 1.0)),
    }.get(function, lambda x: plain_entmax(2 * x, 1.0))
    x, h = np.array(SMOOTH_POINT), 1e-5
    want = np.stack([(plain(x + h * e) - plain(x - h * e)) / (2 * h) for e in np.eye(len(x))], axis=-1)
    for derive in (jacobian, forward_jacobian):
        np.testing.assert_allclose(array(derive(function)(tensor(x))), want, atol=1e-9 + 64 * EPSILON)


@pytest.mark.parametrize("alpha", [1.0, 1.0 + 1e-6, 1.01, 1.3, 1.5, 1.9, 2.0])
def test_derivative_in_alpha_is_the_difference_of_the_plain_one(alpha: float) -> None:
    x = np.array(SMOOTH_POINT)

    def derivative(h: float) -> np.ndarray:  # one-sided, of second order, away from the end that is near
        h = h if alpha < 1.5 else -h
        values = [plain_entmax(x, alpha + i * h) for i in range(3)]
        return (-3 * values[0] + 4 * values[1] - values[2]) / (2 * h)

    # The plain power loses digits as alpha nears 1, so that the step cannot be small: extrapolate.
    want = (4 * derivative(5e-4) - derivative(1e-3)) / 3
    got = jacobian(lambda a: ka.entmax(tensor(x), alpha=a))(tensor(alpha))
    np.testing.assert_allclose(array(got), want, atol=2e-7 + 64 * EPSILON)


@every
def test_mapped_over_the_batch_with_its_gradient(function: Callable[..., Any]) -> None:
    rows = np.random.default_rng(0).normal(size=(3, 4))

    def loss(row: Any) -> Any:
        return ops.sum(ops.square(function(row)))

    for one in (function, gradient(loss)):
        want = np.stack([array(one(tensor(row))) for row in rows])
        np.testing.assert_allclose(array(mapped(one)(tensor(rows))), want, atol=16 * EPSILON)


# PyTorch unrolls the steps of entmax's search. To trace them takes half a minute, so it does for one alpha, since it is
# a tensor in all; to compile them takes minutes.
COMPILED = [name for name in ALL if BACKEND != "torch" or name == "entmax 1.5" or not name.startswith("entmax ")]


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_is_the_same(name: str) -> None:
    function, x = ALL[name], tensor(np.random.default_rng(0).normal(size=(3, 4)), "float32")
    trace_only = name == "entmax 1.5"

    def loss(x: Any) -> Any:
        return ops.sum(ops.square(function(x)))

    np.testing.assert_allclose(array(compiled(function, trace_only)(x)), array(function(x)), atol=1e-6)
    got, want = compiled_gradient(loss, trace_only)(x), gradient(loss)(x)
    np.testing.assert_allclose(array(got), array(want), atol=1e-5)


# Noise


def test_gumbel_softmax_chooses_as_often_as_softmax_says() -> None:
    p = np.array([0.1, 0.2, 0.7])
    draws = 20_000
    x = tensor(np.tile(np.log(p), (draws, 1)), "float32")
    chosen = array(ka.gumbel_softmax(x, hard=True, training=True, seed=1)).mean(axis=0)
    assert (np.abs(chosen - p) < 4 * np.sqrt(p * (1 - p) / draws)).all()


def test_gumbel_softmax_hard_is_one_hot_with_the_soft_gradient() -> None:
    x = tensor([[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]])
    hard = functools.partial(ka.gumbel_softmax, hard=True)
    assert (array(hard(x)) == [[0, 1, 0], [1, 0, 0]]).all()
    np.testing.assert_allclose(array(jacobian(hard)(x)), array(jacobian(ka.softmax)(x)), atol=4 * EPSILON)
    both = array(ka.gumbel_softmax(x, hard=True, axis=(0, 1)))
    assert (both == [[0, 1, 0], [0, 0, 0]]).all()


def test_gumbel_softmax_layer_is_noisy_in_training_only_and_by_its_seed() -> None:
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    layer, twin = ka.GumbelSoftmax(seed=3), ka.GumbelSoftmax(seed=3)
    np.testing.assert_allclose(array(layer(x)), array(ka.softmax(x)), atol=1e-6)
    first, second = array(layer(x, training=True)), array(layer(x, training=True))
    assert (first != second).any()
    assert (first == array(twin(x, training=True))).all()
    np.testing.assert_allclose(first.sum(axis=-1), 1, atol=1e-6)


# Layers


@pytest.mark.parametrize("cls", LAYERS)
def test_mask_hides_entries_and_empty_slices_are_empty(cls: type[ka.Activation]) -> None:
    random = np.random.default_rng(0)
    x, mask = random.normal(size=(4, 5)), random.uniform(size=(4, 5)) > 0.4
    mask[2] = False
    layer = cls()
    got = array(layer(tensor(x, "float32"), mask=ops.convert_to_tensor(mask)))
    nothing = -INF if cls is ka.LogSoftmax else 0.0
    assert (got[~mask] == nothing).all()
    for row in (0, 1, 3):
        want = array(layer(tensor(x[row, mask[row]][None], "float32")))[0]
        np.testing.assert_allclose(got[row, mask[row]], want, atol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
def test_mask_leaves_no_nan_in_the_gradient(cls: type[ka.Activation]) -> None:
    mask = ops.convert_to_tensor(np.array([[True, False, True], [False, False, False]]))
    layer = cls()

    def loss(x: Any) -> Any:
        return ops.sum(ops.square(ops.where(mask, layer(x, mask=mask), 0.0)))

    got = array(gradient(loss)(tensor([[0.5, 1.0, 0.4], [1.0, 2.0, 3.0]], "float32")))
    assert np.isfinite(got).all()
    assert (got[~array(mask).astype(bool)] == 0).all()


def test_masked_softmax_is_that_of_keras() -> None:
    random = np.random.default_rng(0)
    x, mask = random.normal(size=(3, 4, 5)).astype("float32"), random.uniform(size=(4, 1)) > 0.4
    for axis in (-1, 1, [1, 2]):
        want = keras.layers.Softmax(axis=axis)(x, mask=ops.convert_to_tensor(mask))
        got = ka.Softmax(axis=axis)(x, mask=ops.convert_to_tensor(mask))
        np.testing.assert_allclose(array(got), array(want), atol=1e-6)


def test_mask_of_numbers_keeps_what_is_above_a_half() -> None:
    got = ka.Softmax()(np.zeros((1, 3), "float32"), mask=ops.convert_to_tensor([[1.0, 0.4, 0.6]]))
    assert (array(got) == [[0.5, 0.0, 0.5]]).all()


def test_mask_of_time_steps_hides_whole_steps() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    x[:, 2] = 0.0
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Masking(), ka.Sparsemax()])
    got = array(model(x))
    assert (got[:, 2] == 0).all()
    np.testing.assert_allclose(got[:, [0, 1, 3]], array(ka.sparsemax(x[:, [0, 1, 3]])), atol=1e-6)


def test_mask_of_kerass_own_hides_steps_also_where_steps_classes_and_examples_are_as_many() -> None:
    words = np.array([[1, 2, 0], [3, 0, 0], [1, 1, 1]])
    embedding = keras.layers.Embedding(9, 3, mask_zero=True)
    for softmax in (ka.Softmax(), ka.Softmax(dtype="mixed_bfloat16")):  # the latter gets a copy of its input
        model = keras.Sequential([keras.Input((None,)), embedding, softmax])
        for got in (model(words), model.predict(words, verbose=0)):
            np.testing.assert_allclose(array(ops.cast(got, "float32")).sum(-1), words > 0, atol=0.02)


def test_mask_of_unknown_sizes_goes_where_they_are_the_same() -> None:
    layer = ka.Softmax()
    for mask, inputs, want in (
        ((None, None), (None, None, 9), (None, None, 1)),  # of steps
        ((None, 5), (None, 5, 5), (None, 5, 1)),
        ((None, None), (None, 8, None, None), (None, None)),  # of pairs of steps
        ((None, 1), (4, 8, 5), (None, 1)),
    ):
        mask = keras.KerasTensor(mask, "bool")
        assert tuple(layer._aligned(mask, keras.KerasTensor(inputs)).shape) == want


def test_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(
        ValueError, match=re.escape("`Softmax` needs a `mask` that broadcasts to its input. Received: ")
    ):
        ka.Softmax()(np.zeros((2, 3), "float32"), mask=ops.ones((3, 3), "bool"))
    with pytest.raises(ValueError, match="`Sparsemax` needs a `mask`"):
        ka.Sparsemax()(np.zeros((3,), "float32"), mask=ops.ones((1, 3), "bool"))


def test_entmax_learns_alpha_and_stays_in_the_family() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 4)).astype("float32")
    layer = ka.Entmax(learn="alpha")
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    model.fit(x, plain_entmax(x, 1.1), epochs=30, batch_size=64, verbose=0)
    assert 1.0 <= float(array(layer.alpha)) < 1.3
    model.fit(x, plain_entmax(9 * x, 2.0), epochs=30, batch_size=64, verbose=0)
    assert float(array(layer.alpha)) == 2.0


def test_entmax_learns_an_alpha_for_each_head() -> None:
    layer = ka.Entmax(learn="alpha", per="channel")
    scores = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer.build(scores.shape)
    layer.alpha.assign([1.0, 1.5, 2.0])
    got = array(layer(scores))
    for head, alpha in enumerate((1.0, 1.5, 2.0)):
        np.testing.assert_allclose(got[:, head], plain_entmax(scores[:, head], alpha), atol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
def test_layer_comes_back_from_its_config(cls: type[ka.Activation]) -> None:
    layer = cls(axis=[1, 2])
    again = cls.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    assert (array(again(x)) == array(layer(x))).all()


@pytest.mark.parametrize("cls", LAYERS)
def test_unknown_sizes_and_an_empty_batch(cls: type[ka.Activation]) -> None:
    for axis in (1, (1, 2)):
        inputs = keras.Input((None, None))
        model = keras.Model(inputs, cls(axis=axis)(inputs))
        assert model.output_shape == (None, None, None)
        assert model(np.ones((2, 3, 4), "float32")).shape == (2, 3, 4)
    assert tuple(cls(axis=(1, 2))(np.ones((0, 3, 4), "float32")).shape) == (0, 3, 4)


# Bad input


def refused(error: type[Exception], message: str) -> Any:
    return pytest.raises(error, match=re.escape(message))


@pytest.mark.parametrize("cls", LAYERS)
def test_axis_that_is_none_of_the_inputs_is_refused_at_build(cls: type[ka.Activation]) -> None:
    name = cls.__name__
    with refused(ValueError, f"`{name}` needs `axis` to be an axis of its input. Received: axis=3"):
        cls(axis=3).build((None, 4))
    with refused(ValueError, f"`{name}` needs different axes in `axis`"):
        cls(axis=(1, -1)).build((None, 4))
    with refused(TypeError, f"`{name}` needs `axis` to be an integer, or a tuple of integers"):
        cls(axis="last")


@every
def test_bad_arguments_of_functions_are_refused(function: Callable[..., Any]) -> None:
    name = getattr(function, "func", function).__name__
    with refused(ValueError, f"`{name}` needs `axis` to be an axis of its input. Received: axis=2"):
        function(tensor([1.0, 2.0]), axis=2)
    with refused(ValueError, f"`{name}` needs `axis` to be an axis"):
        function(tensor([1.0, 2.0]), axis=())
    with refused(TypeError, f"`{name}` needs a floating-point tensor"):
        function(ops.convert_to_tensor(np.array([1, 2])))


def test_parameters_out_of_bounds_are_refused() -> None:
    x = tensor([1.0, 2.0])
    with refused(ValueError, "`Entmax` needs `alpha` of at most 2. Received: alpha=2.5"):
        ka.Entmax(alpha=2.5)
    with refused(ValueError, "`entmax` needs `alpha` from 1 to 2. Received: alpha=0.5"):
        ka.entmax(x, alpha=0.5)
    with refused(ValueError, "`GumbelSoftmax` needs `temperature` above 0. Received: temperature=0"):
        ka.GumbelSoftmax(temperature=0)
    with refused(ValueError, "`gumbel_softmax` needs `temperature` above 0. Received: temperature=0"):
        ka.gumbel_softmax(x, temperature=0)
    with refused(ValueError, "`Entmax` needs a `channel_axis` other than `axis`. Received: channel_axis=1"):
        ka.Entmax(learn="alpha", per="channel").build((None, 4))


def test_precision_of_these_tests() -> None:
    assert keras.backend.standardize_dtype(ka.entmax(tensor([1.0])).dtype) == PRECISE
