"""Network health: what is planted is found and named, in healthy networks nothing is, and looking is cheap."""

import copy
import json
import pickle
import time

import keras
import numpy as np
import pytest
from keras import layers

import keras_acts as ka
from keras_acts._health import Inspector

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((256, 16)).astype("float32")
Y = RANDOM.integers(0, 4, 256)


def constant(value):
    return keras.initializers.Constant(value)


def network(*hidden, outputs=4):
    """A compiled classifier of these hidden layers."""
    model = keras.Sequential([keras.Input((16,)), *hidden, layers.Dense(outputs, "softmax", name="classes")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def healthy():
    he = {"kernel_initializer": "he_normal"}
    return network(
        layers.Dense(32, "relu", name="first", **he), layers.Dense(32, name="second", **he), ka.ReLU(name="third")
    )


def dying():
    return network(
        layers.Dense(32, "relu", name="first"),
        layers.Dense(32, "relu", bias_initializer=constant(-50.0), name="planted"),
        layers.Dense(32, ka.elu, name="last"),
    )


def saturated():
    wide = keras.initializers.RandomNormal(stddev=20.0)
    return network(*(layers.Dense(32, "sigmoid", kernel_initializer=wide, name=f"planted_{n}") for n in range(3)))


def vanishing(depth=8):
    return network(*(layers.Dense(32, ka.Sigmoid(name="gate"), name=f"layer_{n}") for n in range(depth)))


def found(health, kind):
    return [finding.layer for finding in health.findings if finding.kind == kind]


def test_nothing_is_found_in_healthy_networks():
    assert ka.inspect(healthy(), X, Y).findings == ()
    selu = {"kernel_initializer": "lecun_normal"}
    assert ka.inspect(network(*(layers.Dense(64, ka.selu, **selu) for _ in range(16))), X, Y).findings == ()
    for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "tanh", "softplus", "snake", "relu6", "prelu"):
        start = ka.GainInitializer(name)
        parts = [part for _ in range(3) for part in (layers.Dense(32, kernel_initializer=start), ka.get(name))]
        assert ka.inspect(network(*parts), X, Y).findings == (), name


def test_a_dying_relu_is_found_and_named():
    health = ka.inspect(dying(), X, Y)
    assert found(health, "dying") == ["planted"]
    assert health.layers["planted"].dead == health.layers["planted"].sparsity == 1
    assert health.layers["planted"].saturated == 0  # zeros of a rectifier are sparse
    assert health.layers["first"].gradient_norm == 0
    assert found(health, "vanishing") == ["first"]  # nothing comes through the dead layer
    assert str(health.findings[-1]).startswith("planted is dying: 100% of its units are 0")


def test_half_dead_is_half_dead():
    bias = np.where(np.arange(32) < 12, -50.0, 0.0)
    model = network(layers.Dense(32, "relu", bias_initializer=constant(bias)))
    assert next(iter(ka.inspect(model, X).layers.values())).dead == pytest.approx(12 / 32)


@pytest.mark.parametrize(("activation", "dead"), [("leaky_relu", 0), ("elu", 0), ("relu", 1), ("squared_relu", 1)])
def test_only_a_function_without_a_slope_left_of_zero_dies(activation, dead):
    model = network(layers.Dense(8, bias_initializer=constant(-50.0)), ka.get(activation, name="planted"))
    assert ka.inspect(model, X).layers["planted"].dead == dead


def test_a_filter_that_is_dead_everywhere_is_one_dead_unit():
    images = RANDOM.standard_normal((8, 6, 6, 3))
    bias = constant(np.array([-99.0, 0.0, 0.0, 0.0]))
    last = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3, activation="relu", bias_initializer=bias)])
    assert next(iter(ka.inspect(last, images).layers.values())).dead == 0.25
    first = keras.Sequential([keras.Input((4, 6, 6)), ka.ThresholdedReLU(theta=9.0, axis=1)])
    images = np.full((8, 4, 6, 6), -1.0)
    images[3, 2, 5, 5] = 10.0
    assert next(iter(ka.inspect(first, images).layers.values())).dead == 0.75


def test_a_stack_of_saturated_sigmoids_is_found_and_named():
    health = ka.inspect(saturated(), X, Y)
    assert found(health, "saturating") == ["planted_0", "planted_1", "planted_2"]
    assert "slope is next to nothing (threshold 50%)" in str(health.findings[0])


@pytest.mark.parametrize("value", [-200.0, 200.0])
def test_saturation_is_seen_on_either_side_also_where_the_output_is_0(value):
    for function in (ka.sigmoid, ka.hard_tanh, "tanh"):
        model = network(layers.Dense(8, function, bias_initializer=constant(value), name="planted"))
        assert ka.inspect(model, X).layers["planted"].saturated == 1


def test_a_vanishing_gradient_is_found_and_named():
    health = ka.inspect(vanishing(), X, Y)
    names = found(health, "vanishing")
    assert names == [f"layer_{n}/gate" for n in range(len(names))]
    assert 2 <= len(names) <= 5
    norms = [layer.gradient_norm for layer in health.layers.values()][:-1]
    assert norms == sorted(norms)
    for (_, layer), (_, after) in zip(list(health.layers.items())[:6], list(health.layers.items())[1:], strict=False):
        assert layer.gradient_factor == pytest.approx(layer.gradient_norm / after.gradient_norm)
    assert health.findings[0].value == pytest.approx(norms[0] / norms[-1])


def test_an_exploding_gradient_is_found_and_named():
    wide = keras.initializers.RandomNormal(stddev=2.0)
    hidden = [layers.Dense(32, "relu", kernel_initializer=wide, name=f"layer_{n}") for n in range(6)]
    model = keras.Sequential([keras.Input((16,)), *hidden, layers.Dense(1)])
    model.compile("sgd", "mse")
    names = found(ka.inspect(model, X, Y), "exploding")
    assert names[0] == "layer_0"
    assert "layer_5" not in names


def test_numbers_that_are_none_explode():
    model = network(layers.Dense(4, "relu", bias_initializer=constant(np.inf), name="planted"))
    health = ka.inspect(model, X, Y)
    assert found(health, "exploding")[0] == "planted"
    assert str(health.findings[0]) == "planted gives numbers that are not finite, or gets such a gradient"
    assert health.to_dict()["findings"][0]["value"] is health.to_dict()["layers"]["planted"]["mean"] is None


def test_the_numbers_are_those_of_numpy():
    model = healthy()
    health = ka.inspect(model, X, Y)
    kernel, bias = (np.asarray(keras.ops.convert_to_numpy(w), "float64") for w in model.layers[0].weights)
    hidden = np.maximum(X @ kernel + bias, 0.0)
    layer = health.layers["first"]
    assert layer.sparsity == pytest.approx(np.mean(hidden == 0), abs=1e-3)
    assert layer.mean == pytest.approx(hidden.mean(), rel=1e-4)
    assert layer.variance == pytest.approx(hidden.var(), rel=1e-4)
    last = model.layers[2](model.layers[1](keras.ops.convert_to_tensor(hidden, "float32")))
    last = keras.ops.convert_to_numpy(last).astype("float64")
    weights, start = (keras.ops.convert_to_numpy(w).astype("float64") for w in model.layers[3].weights)
    scores = last @ weights + start
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = (odds / odds.sum(axis=1, keepdims=True) - np.eye(4)[Y]) / len(Y)
    assert health.layers["third"].gradient_norm == pytest.approx(np.linalg.norm(error @ weights.T), rel=1e-3)


def test_the_model_is_left_as_it_was():
    model = healthy()
    model.fit(X, Y, verbose=0)
    before, attributes = model.get_weights(), [dict(vars(layer)) for layer in model.layers]
    metrics = model.get_metrics_result()
    ka.inspect(model, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert [{key: vars(layer)[key] for key in own} for layer, own in zip(model.layers, attributes, strict=True)] == (
        attributes
    )
    assert all("call" not in vars(layer) for layer in model.layers)
    assert {k: float(v) for k, v in metrics.items()} == {k: float(v) for k, v in model.get_metrics_result().items()}


def test_the_model_is_left_as_it_was_also_when_it_fails():
    class Failing(layers.Layer):
        def call(self, inputs):
            if self.name == "now":
                raise RuntimeError("not today")
            return inputs

    model = network(layers.Dense(4, ka.mish, name="first"), Failing(name="later"))
    model.layers[1].name = "now"
    with pytest.raises(RuntimeError, match="not today"):
        ka.inspect(model, X, Y)
    assert model.get_layer("first").activation is ka.mish


class Twice(keras.Model):
    """A subclassed model that runs one activation twice, and a layer never."""

    def __init__(self):
        super().__init__()
        self.dense, self.out = layers.Dense(16, name="dense"), layers.Dense(4, name="out")
        self.act, self.idle = ka.Mish(name="act"), layers.Softmax(name="idle")
        self.idle.built = True

    def call(self, inputs):
        return self.out(self.act(self.dense(self.act(self.dense(inputs)))))


def test_every_kind_of_model_and_place_is_seen():
    inputs = keras.Input((16,))
    nested = keras.Sequential([layers.Dense(16, ka.PReLU(channels=16, name="own"), name="dense")], name="nested")
    outputs = layers.LeakyReLU(name="leaky")(ka.mish(nested(inputs)))
    outputs = ka.GLUDense(8, name="glu")(layers.Activation("tanh", name="tanh")(outputs))
    functional = keras.Model(inputs, layers.Dense(1)(outputs))
    functional.compile("sgd", "mse")
    health = ka.inspect(functional, X, Y)
    assert list(health.layers) == ["nested/dense/own", "mish", "leaky", "tanh", "glu"]
    assert health.layers["glu"].saturated is None
    assert "nested/dense/own" in str(health)

    health = ka.inspect(Twice(), X)  # which is not built yet
    assert list(health.layers) == ["act", "act (2)"]
    assert health.unseen == ("idle",)
    assert "Not looked at: idle" in repr(health)


def test_loops_are_named_and_left_alone():
    inputs = keras.Input((5, 3))
    hidden = layers.GRU(4, activation=ka.Mish(), return_sequences=True, name="gru")(inputs)
    hidden = layers.TimeDistributed(layers.Dense(3, "relu"), name="steps")(hidden)
    outputs = layers.Dense(1, "relu", name="out")(
        layers.Bidirectional(layers.LSTM(2, name="lstm"), name="both")(hidden)
    )
    health = ka.inspect(keras.Model(inputs, outputs), np.ones((4, 5, 3)))
    assert list(health.layers) == ["out"]
    assert health.unseen == ("both/backward_lstm", "both/forward_lstm", "gru", "steps")


def test_half_precision_gradients_are_scaled():
    keras.config.set_dtype_policy("mixed_float16")
    model = network(layers.Dense(32, "relu", name="first"), layers.Dense(32, "relu", name="second"))
    keras.config.set_dtype_policy("float32")
    twin = network(layers.Dense(32, "relu", name="first"), layers.Dense(32, "relu", name="second"))
    model.build((None, 16))
    twin.set_weights(model.get_weights())
    half, full = ka.inspect(model, X, Y), ka.inspect(twin, X, Y)
    for name in ("first", "second"):
        assert half.layers[name].gradient_norm == pytest.approx(full.layers[name].gradient_norm, rel=0.02)


def test_several_inputs_and_outputs():
    a, b = keras.Input((16,), name="a"), keras.Input((2,), name="b")
    hidden = layers.Dense(8, "relu", name="hidden")(layers.Concatenate()([a, b]))
    model = keras.Model(
        {"a": a, "b": b}, {"p": layers.Dense(1, name="p")(hidden), "q": layers.Dense(1, name="q")(hidden)}
    )
    model.compile("sgd", {"p": "mse", "q": "mae"})
    x = {"a": X, "b": X[:, :2]}
    health = ka.inspect(model, x, {"p": X[:, :1], "q": X[:, 1:2]})
    assert health.layers["hidden"].gradient_norm > 0


def test_a_function_whose_parameters_are_computed_is_looked_at():
    inputs = keras.Input((16,))
    hidden = ka.snake(inputs, alpha=layers.Dense(16, ka.softplus, name="alpha")(inputs) + 0.1)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    health = ka.inspect(model, X, X[:, :1])
    assert list(health.layers) == ["alpha", "snake"]
    assert health.layers["snake"].saturated is None


def test_to_dict_is_plain_data():
    plain = json.loads(json.dumps(ka.inspect(dying(), X, Y).to_dict()))
    assert set(plain) == {"layers", "findings", "unseen"}
    assert set(plain["layers"]["planted"]) == {
        "dead", "saturated", "sparsity", "mean", "variance", "gradient_norm", "gradient_factor",
    }  # fmt: skip
    assert plain["findings"][-1]["kind"] == "dying"
    assert plain["findings"][-1]["layer"] == "planted"
    assert plain["findings"][-1]["words"].startswith("planted is dying")


def test_what_it_needs():
    with pytest.raises(ValueError, match=r"needs a compiled model where `y` is given\. Received: model='plain'"):
        ka.inspect(keras.Sequential([keras.Input((16,)), layers.Dense(1)], name="plain"), X, Y)
    with pytest.raises(ValueError, match="at least one example"):
        ka.inspect(healthy(), X[:0])
    with pytest.raises(TypeError, match="`x` to be an array of numbers"):
        ka.inspect(healthy(), "x")


def test_an_inspector_sees_new_weights_without_a_new_trace():
    model = network(layers.Dense(8, "relu", name="layer"))
    inspector = Inspector(model, traced=True)
    before = inspector(X, Y).layers["layer"]
    calls = inspector._calls
    model.get_layer("layer").kernel.assign(2.0 * model.get_layer("layer").kernel)
    after = inspector(X, Y).layers["layer"]
    assert after.mean == pytest.approx(2.0 * before.mean, rel=1e-4)
    assert keras.backend.backend() == "torch" or inspector._calls is calls


def test_the_monitor_warns_once_and_keeps_history():
    monitor = ka.HealthMonitor(X, Y)
    with pytest.warns(UserWarning, match=r"Epoch 1: .*planted is dying") as warned:
        dying().fit(X, Y, epochs=3, verbose=0, callbacks=[monitor])
    assert sum("planted is dying" in str(warning.message) for warning in warned) == 1
    assert [(look["epoch"], look["batch"]) for look in monitor.history] == [(0, None), (1, None), (2, None)]
    assert found(monitor.history[2]["health"], "dying") == ["planted"]


def test_the_monitor_sees_the_weights_of_the_moment():
    model = healthy()
    monitor = ka.HealthMonitor(X, Y)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[monitor])
    now, before = ka.inspect(model, X, Y), monitor.history[0]["health"]
    assert monitor.history[1]["health"].layers["first"].mean == pytest.approx(now.layers["first"].mean, rel=1e-5)
    assert before.layers["first"].mean != now.layers["first"].mean


def test_the_monitor_looks_every_so_many_batches():
    monitor = ka.HealthMonitor(X, Y, interval=3)
    model = healthy()
    model.fit(X, Y, batch_size=64, epochs=2, verbose=0, callbacks=[monitor])
    assert [(look["epoch"], look["batch"]) for look in monitor.history] == [(0, 2), (1, 1)]
    assert monitor.history[0]["health"].layers["first"].mean != monitor.history[1]["health"].layers["first"].mean


def test_the_probe_is_the_validation_data_unless_given():
    monitor = ka.HealthMonitor(examples=100)
    model = healthy()
    model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[monitor])
    assert monitor.history[-1]["health"] == ka.inspect(model, X[:100], Y[:100])
    with pytest.raises(ValueError, match="needs `x`, or `fit` needs validation data"):
        model.fit(X, Y, verbose=0, callbacks=[ka.HealthMonitor()])


def test_the_monitor_can_be_copied_whenever():
    monitor = ka.HealthMonitor(X, Y, interval=4)
    healthy().fit(X, Y, verbose=0, callbacks=[monitor])
    for twin in (copy.deepcopy(monitor), pickle.loads(pickle.dumps(monitor))):
        assert len(twin.history) == 2
        healthy().fit(X, Y, epochs=2, verbose=0, callbacks=[twin])
        assert len(twin.history) == 4
    assert len(monitor.history) == 2


def test_the_monitor_says_what_it_needs():
    with pytest.raises(ValueError, match=r"`interval` to be 'epoch' or a number\. Received: interval='batch'"):
        ka.HealthMonitor(X, Y, interval="batch")
    with pytest.raises(ValueError, match=r"`interval` of at least 1\. Received: interval=0"):
        ka.HealthMonitor(X, Y, interval=0)
    with pytest.raises(TypeError, match="`examples` to be an integer"):
        ka.HealthMonitor(X, Y, examples=2.5)
    with pytest.raises(ValueError, match="needs `x` where `y` is given"):
        ka.HealthMonitor(y=Y)
    for data in (iter([X]), X.tolist()):
        with pytest.raises(TypeError, match=r"`HealthMonitor` needs `x` to be an array of numbers, or several"):
            ka.HealthMonitor(data)


def test_the_monitor_works_with_the_engine_of_the_comparison():
    engine = pytest.importorskip("keras_acts_tuning.engine", reason="needs the extra `tuning`")
    monitor = ka.HealthMonitor(X, Y)
    training = engine.Trainer(healthy(), X, Y).train(2, seed=0, callbacks=[monitor])
    assert training.engine == ("fit" if keras.backend.backend() == "torch" else "graph")
    assert len(monitor.history) == 2


@pytest.mark.slow
def test_the_monitor_costs_less_than_a_twentieth_of_training():
    x = RANDOM.standard_normal((10_000, 64)).astype("float32")
    y = RANDOM.integers(0, 10, 10_000)
    hidden = [part for _ in range(2) for part in (layers.Dense(128), ka.ReLU())]
    model = keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    monitor, epoch_s, look_s = ka.HealthMonitor(x[:256], y[:256]), [], []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            between = time.perf_counter()
            monitor.on_epoch_end(epoch, logs)
            epoch_s.append(between - self.started)
            look_s.append(time.perf_counter() - between)

    clock = Clock()
    monitor.set_model(model)
    model.fit(x, y, epochs=8, verbose=0, callbacks=[clock])
    share = np.median(look_s[1:]) / np.median(epoch_s[1:])
    print(f"a look takes {share:.2%} of an epoch")
    assert share < 0.05


@pytest.fixture
def study():
    """The cell of a small study of `relu`: two seeds of `networks.tiny`."""
    tuning = pytest.importorskip("keras_acts_tuning", reason="needs the extra `tuning`")
    from networks import tiny

    from keras_acts_tuning import cell, data

    toy = data.from_arrays(X, Y)
    arm = tuning.Arm.of("relu")
    return cell, cell.Cell(arm, (0, 1), tiny, toy, data.split(toy), 2, 32, "accuracy", "max")


def test_a_study_records_the_health_of_each_trial(study):
    cell, arm = study
    for outcome in cell.run(arm):
        health = outcome.details["health"]
        assert json.loads(json.dumps(health)) == health
        (hidden, layer), _ = health["layers"].items()
        assert hidden.startswith("re_lu")
        assert layer["gradient_norm"] > 0


def test_a_model_that_cannot_be_looked_at_is_trained_all_the_same(study, monkeypatch):
    cell, arm = study
    monkeypatch.setattr(Inspector, "__call__", lambda *_: 1 / 0)
    for outcome in cell.run(arm):
        assert outcome.status == "completed"
        assert outcome.details["health"] is None
        assert outcome.details["health_reason"] == "ZeroDivisionError: division by zero"
