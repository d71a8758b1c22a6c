"""What a layer owes its host: named checks that anyone can run on an `Activation` of their own.

for name, check in PROMISES.items():
    check(Subject(MyActivation))
"""

import inspect
import json
import math
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import judge
import keras
import numpy as np
import pytest
from keras import ops
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
from layers import SHAPES, Subject, disturb

from keras_acts import Activation
from keras_acts._structural import Projecting

PROMISES: dict[str, Callable[[Subject], None]] = {}
"""Every check by its name; each raises where the promise is broken."""


def promise(check: Callable[[Subject], None]) -> Callable[[Subject], None]:
    """Decorate a check: it joins the promises."""
    PROMISES[check.__name__] = check
    return check


def values(layer: Any, x: Any, **more: Any) -> np.ndarray:
    """The layer's output for `x`, in NumPy, 16-bit floats widened."""
    y = layer(ops.convert_to_tensor(x), **more)
    wide = "float64" if keras.backend.standardize_dtype(y.dtype) == "float64" else "float32"
    return ops.convert_to_numpy(ops.cast(y, wide))


def assert_same(got: Any, want: Any, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


def accepts(subject: Subject, argument: str) -> bool:
    """Whether the layer has such an argument: its own, or the base's."""
    own = inspect.signature(subject.cls.__init__).parameters
    return argument in own or ("kwargs" in own and argument in inspect.signature(Activation.__init__).parameters)


# Saving


@promise
def a_keras_file_gives_the_same_model(subject: Subject) -> None:
    model, x = subject.model(), subject.numbers()
    disturb(model)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        model.save(path)
        again = keras.saving.load_model(path)
    assert type(again.layers[-1]) is subject.cls
    assert again.layers[-1].get_config() == model.layers[-1].get_config()
    assert_same(values(again, x), values(model, x))


@promise
def a_weights_file_fills_a_fresh_model(subject: Subject) -> None:
    model, fresh, x = subject.model(), subject.model(), subject.numbers()
    disturb(model)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.weights.h5"
        model.save_weights(path)
        fresh.load_weights(path)
    assert_same(values(fresh, x), values(model, x))


@promise
def its_config_is_plain_data_that_makes_it_again(subject: Subject) -> None:
    layer = subject.make()
    config = layer.get_config()
    again = subject.cls.from_config(json.loads(json.dumps(config)))
    assert json.dumps(again.get_config()) == json.dumps(config)


@promise
def a_cloned_model_computes_the_same(subject: Subject) -> None:
    model, x = subject.model(), subject.numbers()
    disturb(model)
    clone = keras.models.clone_model(model)
    assert clone.layers[-1] is not model.layers[-1]
    clone.set_weights(model.get_weights())
    assert_same(values(clone, x), values(model, x))


@promise
def a_pickled_model_computes_the_same(subject: Subject) -> None:
    model, x = subject.model(), subject.numbers()
    disturb(model)
    assert_same(values(pickle.loads(pickle.dumps(model)), x), values(model, x))


@promise
def one_instance_can_serve_twice(subject: Subject) -> None:
    layer, x = subject.make(), subject.numbers()
    first, second = (keras.Input(subject.shape[1:]) for _ in range(2))
    model = keras.Model([first, second], [layer(first), layer(second)])
    assert len(model.weights) == len(layer.weights)
    disturb(model)
    again = pickle.loads(pickle.dumps(model))
    assert len(again.weights) == len(layer.weights)
    for got in again([x, 2 * x]), model([x, 2 * x]):
        for y, scale in zip(got, (1, 2), strict=True):
            assert_same(ops.convert_to_numpy(y), values(layer, scale * x))


# Shapes


@promise
def it_takes_each_rank_that_it_says(subject: Subject) -> None:
    for rank, shape in SHAPES.items():
        layer, x = subject.make(), subject.numbers(rank)
        if rank in subject.ranks:
            assert values(layer, x).shape == tuple(layer.compute_output_shape(shape))
            assert subject.model(rank=rank).output_shape == (None, *layer.compute_output_shape(shape)[1:])
        else:
            with pytest.raises(ValueError, match=r"Received: |expected "):
                layer(x)


@promise
def no_examples_give_no_outputs(subject: Subject) -> None:
    layer = subject.make()
    y = values(layer, np.zeros((0, *subject.shape[1:]), "float32"))
    assert y.shape == (0, *layer.compute_output_shape(subject.shape)[1:])


@promise
def spatial_sizes_may_be_unknown(subject: Subject) -> None:
    for rank in subject.ranks:
        if rank > 2:
            layer, x = subject.make(), subject.numbers(rank)
            inputs = keras.Input((*[None] * (rank - 2), SHAPES[rank][-1]))
            model = keras.Model(inputs, layer(inputs))
            for some in (x, x[:, 1:]):
                assert_same(values(model, some), values(layer, some))


@promise
def channels_may_come_first(subject: Subject) -> None:
    if not accepts(subject, "axis"):
        return
    if issubclass(subject.cls, Projecting):  # like `Dense`, it knows the last axis only, and says so
        with pytest.raises(ValueError, match="on the last axis"):
            subject.make(axis=1)
        return
    for rank in subject.ranks:
        x = subject.numbers(rank)
        last, first = subject.make(axis=-1), subject.make(axis=1)
        want = values(last, x)
        flipped = np.moveaxis(x, -1, 1)
        values(first, flipped)
        disturb(last)
        first.set_weights(last.get_weights())
        want = values(last, x)
        assert_same(values(first, flipped), np.moveaxis(want, -1, 1))


@promise
def a_mask_goes_through(subject: Subject) -> None:
    if 3 not in subject.ranks:
        return
    x = subject.numbers(3)
    x[0, 2:] = 0.0
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(subject.make()(keras.layers.Masking()(inputs))))
    layer = model.layers[-2]
    assert_same(values(model, x)[0], values(layer, x[:1, :2]).mean(1)[0], rtol=1e-5)


# Precision


@promise
def it_runs_in_mixed_precision(subject: Subject) -> None:
    x = subject.numbers()
    for dtype in ("bfloat16", "float16"):
        x = ops.convert_to_numpy(ops.cast(ops.cast(x, dtype), "float32"))
        layer, exact = subject.make(dtype=f"mixed_{dtype}"), subject.make()
        y = layer(x)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        assert {keras.backend.standardize_dtype(w.dtype) for w in layer.trainable_weights} <= {"float32"}
        want = values(exact, x)
        exact.set_weights(layer.get_weights())
        want = values(exact, x)
        got = ops.convert_to_numpy(ops.cast(y, "float32"))
        np.testing.assert_allclose(got, want, rtol=8 * judge.EPSILON[dtype], atol=8 * judge.EPSILON[dtype])


@promise
def it_runs_in_float64(subject: Subject) -> None:
    x = subject.numbers()
    with judge.double_precision():
        layer, rough = subject.make(dtype="float64"), subject.make()
        y = layer(x.astype("float64"))
        assert keras.backend.standardize_dtype(y.dtype) == "float64"
        assert {keras.backend.standardize_dtype(w.dtype) for w in layer.trainable_weights} <= {"float64"}
        values(rough, x)
        rough.set_weights(layer.get_weights())
        assert_same(values(rough, x), ops.convert_to_numpy(y), rtol=1e-5)


# Positions


@promise
def it_serves_as_the_activation_of_other_layers(subject: Subject) -> None:
    """Dense, Conv, LSTM and GRU, and a fresh model of them takes the weights before it is ever called."""
    if not subject.cls.spec.elementwise:
        return
    more = {"channels": 8} if accepts(subject, "channels") else {}

    def model() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input((5, 8)),
                keras.layers.Conv1D(8, 3, activation=subject.make(**more)),
                keras.layers.LSTM(8, activation=subject.make(**more), return_sequences=True),
                keras.layers.GRU(8, activation=subject.make(**more)),
                keras.layers.Dense(8, activation=subject.make(**more)),
            ]
        )

    trained, fresh, x = model(), model(), subject.numbers(3)
    weights = len(subject.make(**more).trainable_weights)
    assert len(trained.trainable_weights) == 2 + 3 + 3 + 2 + 4 * weights
    disturb(trained)
    with tempfile.TemporaryDirectory() as directory:
        trained.save_weights(Path(directory) / "model.weights.h5")
        fresh.load_weights(Path(directory) / "model.weights.h5")
        trained.save(Path(directory) / "model.keras")
        again = keras.saving.load_model(Path(directory) / "model.keras")
    dense = trained.layers[-1]
    hidden = keras.Sequential(trained.layers[:-1])(x)
    want = values(dense.activation, hidden @ dense.kernel + dense.bias)
    for one in (trained, fresh, again):
        assert_same(values(one, x), want, rtol=1e-5)


# Learning


@promise
def gradients_of_weights_agree_with_differences(subject: Subject) -> None:
    # On PyTorch Keras's own layers, some of which are parts of ours, make float64 float32.
    with judge.double_precision(), mock.patch.dict(BIT64_TO_BIT32_DTYPE, float64="float64"):
        random = np.random.default_rng(3)
        layer, x = subject.make(dtype="float64"), subject.numbers().astype("float64")
        weights = random.normal(size=values(layer, x).shape)
        if not layer.trainable_weights:
            return
        disturb(layer)

        def loss() -> float:
            return float((values(layer, x) * weights).sum())

        for weight, gradient in zip(layer.trainable_weights, weight_gradients(layer, x, weights), strict=True):
            start = ops.convert_to_numpy(weight).copy()
            direction = random.normal(size=start.shape)

            def moved(step: float, weight: Any = weight, start: Any = start, direction: Any = direction) -> float:
                weight.assign(start + step * direction)
                return loss()

            h, digits = 1e-5, 1e-6  # short enough to cross no kink
            difference = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
            weight.assign(start)
            slope = float((gradient * direction).sum())
            assert math.isclose(slope, difference, rel_tol=digits, abs_tol=1e-4 * digits), weight.path


def weight_gradients(layer: Any, x: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """The gradients of `Σ weights · layer(x)` with respect to the layer's trainable weights."""
    if keras.backend.backend() == "jax":
        import jax

        trainable = [w.value for w in layer.trainable_variables]
        others = [w.value for w in layer.non_trainable_variables]
        gradients = jax.grad(lambda t: (layer.stateless_call(t, others, x)[0] * weights).sum())(trainable)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x) * weights)
        gradients = tape.gradient(loss, [w.value for w in layer.trainable_weights], unconnected_gradients="zero")
    else:
        import torch

        loss = (layer(x) * torch.as_tensor(weights)).sum()
        gradients = torch.autograd.grad(loss, [w.value for w in layer.trainable_weights], materialize_grads=True)
    return [ops.convert_to_numpy(gradient) for gradient in gradients]


def fit(subject: Subject, rate: float, **arguments: Any) -> Any:
    """The layer after one step of training towards a tenth, which no parameter starts at."""
    layer = subject.make(**arguments)
    model, x = subject.model(layer), subject.numbers()
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    model.fit(x, np.full((len(x), *model.output_shape[1:]), 0.1, "float32"), verbose=0)
    return layer


@promise
def what_it_learns_moves_in_training(subject: Subject) -> None:
    start = subject.make()
    start.build(subject.shape)
    if not start.trainable_weights:
        return
    trained = fit(subject, 0.1)
    for before, after in zip(start.trainable_weights, trained.trainable_weights, strict=True):
        if before.name in subject.cls.spec.params and subject.cls.spec.params[before.name].initializer is None:
            assert not np.array_equal(ops.convert_to_numpy(before), ops.convert_to_numpy(after)), before.path


@promise
def bounds_hold_after_training(subject: Subject) -> None:
    if not subject.make().learned:
        return
    for rate in (1e3, -1e3):
        layer = fit(subject, rate)
        for name in layer.learned:
            param, value = subject.cls.spec.params[name], ops.convert_to_numpy(getattr(layer, name))
            assert np.isfinite(value).all()
            assert (value >= np.float32(param.minimum)).all(), (name, value)
            assert (value <= np.float32(param.maximum)).all(), (name, value)


@promise
def regularizers_and_constraints_act(subject: Subject) -> None:
    learned = subject.make().learned
    if not learned:
        return
    layer = subject.make(**by_name(subject, "regularizer", keras.regularizers.L2(0.5)))
    values(layer, subject.numbers())
    weights = [ops.convert_to_numpy(getattr(layer, name)) for name in learned]
    assert_same(sum(ops.convert_to_numpy(loss) for loss in layer.losses), sum(0.5 * (w**2).sum() for w in weights))
    layer = fit(subject, 0.1, **by_name(subject, "constraint", Pinned()))
    for name in learned:
        param = subject.cls.spec.params[name]
        assert_same(ops.convert_to_numpy(getattr(layer, name)), np.clip(Pinned.at, param.minimum, param.maximum))


@keras.saving.register_keras_serializable(package="keras_acts_tests")
class Pinned(keras.constraints.Constraint):  # type: ignore[misc]
    """Sets a weight to a value, whatever it was."""

    at = 0.625

    def __call__(self, w: Any) -> Any:
        return ops.full_like(ops.convert_to_tensor(w), self.at)


def by_name(subject: Subject, kind: str, what: Any) -> dict[str, Any]:
    """The constructor's arguments that give each learned parameter such a regularizer or constraint."""
    learned = subject.make().learned
    if accepts(subject, f"{learned[0]}_{kind}"):
        return {f"{name}_{kind}": what for name in learned}
    return {f"{kind}s": dict.fromkeys(learned, what)}
