"""Replacing activations: the same model with others, and a word on each that was left alone."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

import keras_acts as ka

X = np.random.default_rng(0).standard_normal((16, 6)).astype("float32")
IMAGES = np.random.default_rng(1).standard_normal((4, 8, 8, 3)).astype("float32")
SERIES = np.random.default_rng(2).standard_normal((4, 5, 3)).astype("float32")


def mlp(*hidden, outputs=3):
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(outputs, "softmax", name="classes")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def classic():
    return mlp(layers.Dense(8, "relu", name="first"), layers.Dense(8, name="second"), layers.ReLU(name="act"))


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x))


def arrays(model):
    return [np.array(array) for array in model.get_weights()]


def test_the_function_is_replaced_and_the_weights_are_kept(tmp_path):
    model = classic()
    model.fit(X, np.arange(16) % 3, verbose=0)
    before, answers = arrays(model), outputs(model, X)
    new, report = ka.replace(model, "mish")
    assert report.changed == {"first": ("relu", "mish"), "act": ("relu", "mish")}
    assert report.left == {"classes": "it gives the model's output"}
    assert all(map(np.array_equal, before, arrays(new)))
    hidden = ka.mish(X @ before[0] + before[1])
    hidden = ka.mish(hidden @ before[2] + before[3])
    expected = ka.softmax(hidden @ before[4] + before[5])
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    close(outputs(new, X), keras.ops.convert_to_numpy(expected))
    close(outputs(saved_and_loaded(new, tmp_path), X), outputs(new, X))
    # The original is what it was, also after the copy has been trained.
    new.fit(X, np.arange(16) % 3, verbose=0)
    assert all(map(np.array_equal, before, arrays(model)))
    assert np.array_equal(answers, outputs(model, X))
    assert model.get_layer("first").activation is keras.activations.relu


def test_to_relu_and_back_is_the_same_model():
    model = classic()
    there, _ = ka.replace(model, ka.Snake)
    back, _ = ka.replace(there, "relu")
    np.testing.assert_allclose(outputs(back, X), outputs(model, X), rtol=1e-6)


@pytest.mark.parametrize(
    "activation",
    [
        "snake",
        ka.Snake,
        ka.Snake(alpha=1.0),
        lambda: ka.Snake(),
        functools.partial(ka.Snake, alpha=1.0),
        keras.saving.serialize_keras_object(ka.Snake()),
    ],
    ids=["name", "class", "layer", "factory", "partial", "config"],
)
def test_each_place_gets_a_layer_of_its_own(activation, tmp_path):
    new, report = ka.replace(classic(), activation)
    assert report.changed == {"first": ("relu", "snake"), "act": ("relu", "snake")}
    one, other = new.get_layer("first").activation, new.get_layer("act")
    assert one is not other
    assert one.alpha.shape == other.alpha.shape == (8,)
    assert len(new.trainable_variables) == 8
    again = saved_and_loaded(new, tmp_path)
    np.testing.assert_allclose(outputs(again, X), outputs(new, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", [ka.gelu, keras.ops.silu, keras.activations.tanh])
def test_a_function_stands_where_a_layer_stood(function):
    new, _ = ka.replace(classic(), function)
    assert new.get_layer("first").activation is function
    assert isinstance(new.get_layer("act"), layers.Activation)


def test_every_kind_of_activation_layer_is_found():
    kinds = [
        layers.Activation("tanh", name="a"),
        layers.ReLU(name="b"),
        layers.LeakyReLU(name="c"),
        layers.PReLU(name="d"),
        layers.ELU(name="e"),
        ka.PReLU(name="f"),
        layers.Softmax(name="g"),
        ka.GLU(name="h"),
        layers.Dense(4, "linear", name="i"),
    ]
    _, report = ka.replace(mlp(*kinds), "gelu")
    names = dict(zip("abcdef", ["tanh", "relu", "leaky_relu", "prelu", "elu", "prelu"], strict=True))
    assert report.changed == {place: (name, "gelu") for place, name in names.items()}
    assert report.left == {
        "g": "softmax belongs to outputs and attention",
        "h": "glu mixes units",
        "classes": "it gives the model's output",
    }
    assert str(report).splitlines()[0] == "a        tanh → gelu"
    assert str(report).splitlines()[-1] == "classes  left alone: it gives the model's output"


def functional():
    """Nested models, a shared layer, functions, a gate, two outputs."""
    inputs = keras.Input((8, 8, 3))
    block = keras.Sequential([layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")], name="block")
    inner_inputs = keras.Input((8, 8, 4))
    inner = keras.Model(
        inner_inputs, layers.ReLU(name="act")(block.layers[0].__class__(4, 1)(inner_inputs)), name="inner"
    )
    x = block(inputs)
    shared = layers.Activation("tanh", name="shared")
    x = shared(inner(x)) + shared(x)
    x = keras.activations.relu(layers.BatchNormalization(name="norm")(x))
    x = ka.mish(x)
    squeezed = layers.Dense(4, "sigmoid", name="gate")(layers.GlobalAveragePooling2D()(x))
    x = layers.GlobalAveragePooling2D()(layers.Multiply()([x, layers.Reshape((1, 1, 4))(squeezed)]))
    squeezed = layers.Dense(4, "sigmoid", name="plain_gate")(x)
    x = x * squeezed
    return keras.Model(inputs, [layers.Dense(1, "relu", name="amount")(x), layers.Softmax(name="kind")(x)])


def test_functional_and_nested_models(tmp_path):
    model = functional()
    new, report = ka.replace(model, "elu")
    by_name = {place: before for place, (before, _) in report.changed.items()}
    functions = {place: before for place, before in by_name.items() if "/" not in place and place != "shared"}
    assert by_name.items() >= {"block/conv": "relu", "inner/act": "relu", "shared": "tanh"}.items()
    assert sorted(functions.values()) == ["mish", "relu"]
    assert set(report.left) == {"gate", "plain_gate", "amount", "kind"}
    assert report.left["plain_gate"].startswith("it is a gate")
    assert all(map(np.array_equal, arrays(model), arrays(new)))
    assert type(new) is type(model)
    for one, other in zip(saved_and_loaded(new, tmp_path)(IMAGES), new(IMAGES), strict=True):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (one, other)), rtol=1e-5, atol=1e-6)


def test_a_gate_is_one_also_where_its_shape_is_changed_first():
    x = inputs = keras.Input((8, 8, 4))
    share = layers.Dense(4, "sigmoid", name="gate")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([layers.ReLU(name="act")(x), layers.Reshape((1, 1, 4))(share)])
    _, report = ka.replace(keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x))), "mish")
    assert report.changed == {"act": ("relu", "mish")}
    assert report.left["gate"].startswith("it is a gate")


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x[:, 0],
        lambda x: layers.Rescaling(255.0)(x),
        lambda x: 2.0 * x - 1.0,
        lambda x: layers.Concatenate()([x, layers.Dense(3, "softmax")(x)]),
        lambda x: layers.Average()([x, x]),
    ],
    ids=["taken", "rescaled", "shifted", "joined", "averaged"],
)
def test_an_output_is_one_also_where_it_is_arranged(arrange):
    inputs = keras.Input((6,))
    answer = layers.Dense(2, "sigmoid", name="answer")(layers.Dense(4, "relu", name="hidden")(inputs))
    _, report = ka.replace(keras.Model(inputs, arrange(answer)), "mish")
    assert report.changed == {"hidden": ("relu", "mish")}
    assert report.left["answer"] == "it gives the model's output"


def test_a_hard_sigmoid_written_out_is_a_gate_and_relu6_is_none():
    x = inputs = keras.Input((6,))
    x = layers.ReLU(6.0, name="hidden")(layers.Dense(6)(x))
    gate = layers.ReLU(6.0, name="gate")(layers.Dense(6)(x) + 3.0) * (1 / 6)
    _, report = ka.replace(keras.Model(inputs, layers.Dense(1)(x * gate)), "mish")
    assert report.changed == {"hidden": ("relu6", "mish")}
    assert report.left["gate"].startswith("it is a gate")


def test_recurrent_layers_and_wrappers(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True, name="lstm"), name="both"),
            layers.TimeDistributed(layers.Dense(4, "relu", name="dense"), name="steps"),
            layers.TimeDistributed(layers.ReLU(name="act"), name="each"),
            layers.GRU(4, name="gru"),
            layers.Dense(2),
        ]
    )
    new, report = ka.replace(model, ka.Swish)
    assert report.changed == {
        "both/forward_lstm": ("tanh", "swish"),
        "both/backward_lstm": ("tanh", "swish"),
        "steps/dense": ("relu", "swish"),
        "each/act": ("relu", "swish"),
        "gru": ("tanh", "swish"),
    }
    gates = ["both/forward_lstm", "both/backward_lstm", "gru"]
    assert set(report.left) == {f"{place}.recurrent_activation" for place in gates}
    alphas = [weight for weight in new.weights if weight.name == "beta"]
    assert [tuple(beta.shape) for beta in alphas] == [(4,)] * 5
    kept = [weight for weight in new.weights if weight.name != "beta"]
    assert all(np.array_equal(a, keras.ops.convert_to_numpy(b)) for a, b in zip(arrays(model), kept, strict=True))
    again = saved_and_loaded(new, tmp_path)
    np.testing.assert_allclose(outputs(again, SERIES), outputs(new, SERIES), rtol=1e-5, atol=1e-6)

    _, report = ka.replace(model, "hard_sigmoid", where="gru.recurrent_activation")
    assert report.changed == {"gru.recurrent_activation": ("sigmoid", "hard_sigmoid")}


def test_models_within_wrappers(tmp_path):
    inputs = keras.Input((6,))
    x = layers.ReLU(name="act")(layers.Dense(4, name="dense")(inputs))
    x = keras.activations.relu(x * layers.Dense(4, "sigmoid", name="gate")(x))
    image = keras.Model(inputs, layers.Dense(3, "tanh", name="last")(x), name="image")
    small = keras.Sequential([keras.Input((3,)), layers.Dense(2, "relu", name="only")], name="small")
    model = keras.Sequential(
        [keras.Input((5, 6)), layers.TimeDistributed(image, name="a"), layers.TimeDistributed(small, name="b")]
    )
    frames = np.random.default_rng(3).standard_normal((2, 5, 6)).astype("float32")
    new, report = ka.replace(model, "prelu")
    relu = next(place for place in report.changed if place.startswith("a/image/re"))
    assert report.changed == {
        "a/image/act": ("relu", "prelu"), relu: ("relu", "prelu"), "a/image/last": ("tanh", "prelu"),
    }  # fmt: skip
    assert set(report.left) == {"a/image/gate", "b/small/only"}
    assert report.left["b/small/only"] == "it gives the model's output"
    again = saved_and_loaded(new, tmp_path)
    np.testing.assert_allclose(outputs(again, frames), outputs(new, frames), rtol=1e-5, atol=1e-6)
    back, _ = ka.replace(new, "relu", where=["a/image/act", relu])
    back, _ = ka.replace(back, "tanh", where="a/image/last")
    np.testing.assert_allclose(outputs(back, frames), outputs(model, frames), rtol=1e-5, atol=1e-6)


def twice_tanh(x):
    return 2.0 * keras.ops.tanh(x)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("own", [twice_tanh, lambda x: -x], ids=["function", "lambda"])
def test_functions_of_the_users_stay_where_they_are(own):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, "relu"), layers.Activation(own), layers.Dense(2, activation=own)]
    )
    new, _ = ka.replace(model, ka.relu, where=lambda layer: isinstance(layer, layers.Dense))
    assert new.layers[1].activation is new.layers[2].activation is own
    np.testing.assert_allclose(outputs(new, X), outputs(model, X), rtol=1e-6)


class Named(layers.Layer):
    """Keeps its activation's name."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation
        self.function = keras.activations.get(activation)

    def call(self, inputs):
        return self.function(inputs)

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


def test_an_activation_that_a_layer_keeps_by_its_name_is_that_activation():
    _, report = ka.replace(mlp(Named("relu", name="a"), Named("softmax", name="b"), Named("linear", name="c")), "elu")
    assert report.changed == {"a": ("relu", "elu")}
    assert report.left["b"] == "softmax belongs to outputs and attention"
    assert set(report.left) == {"b", "classes"}


def test_a_function_whose_parameters_are_computed_is_left_alone():
    inputs = keras.Input((6,))
    hidden = ka.snake(layers.Dense(6, "relu", name="hidden")(inputs), alpha=layers.Dense(6, name="alpha")(inputs))
    _, report = ka.replace(keras.Model(inputs, layers.Dense(1)(hidden)), "elu")
    assert report.changed == {"hidden": ("relu", "elu")}
    assert list(report.left.values()) == ["other layers compute its parameters"]


def test_what_is_frozen_stays_frozen():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.ReLU()])
    model = mlp(inner, layers.Dense(4, "relu", trainable=False))
    inner.trainable = False
    new, report = ka.replace(model, "prelu")
    assert len(report.changed) == 3
    assert len(new.weights) == len(model.weights) + 3
    assert len(new.trainable_weights) == len(model.trainable_weights)


def test_half_precision_is_kept_whatever_the_policy_is_now():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = classic()
    finally:
        keras.config.set_dtype_policy("float32")
    new, _ = ka.replace(model, "prelu")
    assert new.dtype_policy.name == "mixed_float16"
    assert type(new.optimizer) is type(model.optimizer) is keras.optimizers.LossScaleOptimizer
    assert new.get_layer("first").activation.dtype_policy.name == "mixed_float16"
    new.fit(X, np.arange(16) % 3, verbose=0)


def test_a_model_whose_schedule_has_no_config_is_left_to_be_compiled():
    class Own(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    model = classic()
    model.compile(keras.optimizers.SGD(Own()), "mse")
    new, report = ka.replace(model, "elu")
    assert not new.compiled
    assert "'Own' must override `get_config()`" in report.left["compile"]


@pytest.mark.parametrize(
    ("where", "places"),
    [
        (lambda layer: isinstance(layer, layers.ReLU), {"act"}),
        ("f*", {"first"}),
        (["first", "act"], {"first", "act"}),
        (["classes"], {"classes"}),
        (["second"], {"second"}),
        ("*", {"first", "act"}),
    ],
)
def test_where_says_which(where, places):
    _, report = ka.replace(classic(), "elu", where)
    assert set(report.changed) == places


class Block(layers.Layer):
    """Makes its activation in its own code."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense, self.act = layers.Dense(units, name="dense"), layers.ReLU(name="act")

    def call(self, inputs):
        return self.act(self.dense(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_what_cannot_be_replaced_is_said():
    model = mlp(Block(4, name="block"), layers.Lambda(lambda x: 2 * x), layers.Dense(4, "relu", name="dense"))
    new, report = ka.replace(model, "elu")
    assert report.left["block/act"] == "`Block` makes it by itself: its config does not hold it"
    assert all(map(np.array_equal, arrays(model), arrays(new)))


def test_it_can_be_trained_at_once():
    def my_loss(y, p):
        return keras.losses.sparse_categorical_crossentropy(y, p)

    model = classic()
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer, my_loss, metrics=[keras.metrics.SparseCategoricalAccuracy("hits")])
    model.fit(X, np.arange(16) % 3, verbose=0)
    optimizer.learning_rate = 0.002
    new, _ = ka.replace(model, "prelu")
    assert new.compiled
    assert model.compiled
    assert new.optimizer is not optimizer
    assert float(new.optimizer.learning_rate) == pytest.approx(0.002)
    assert int(new.optimizer.iterations) == 0
    history = new.fit(X, np.arange(16) % 3, verbose=0).history
    assert set(history) == {"loss", "hits"}
    assert not np.array_equal(new.get_layer("act").alpha, np.full(8, 0.25, "float32"))
    assert not ka.replace(keras.Sequential(model.layers[:-1]), "elu", "first")[0].compiled


def test_without_its_weights_only_what_is_frozen_is_kept():
    norm = layers.Normalization(name="norm")
    norm.adapt(X * 3 + 1)
    frozen = layers.Dense(5, "relu", name="frozen", trainable=False)
    model = mlp(norm, frozen, layers.Dense(8, "relu", name="free"))
    new, _ = ka.replace(model, "elu", keep_weights=False)
    same = {
        layer.name: all(map(np.array_equal, arrays(layer), arrays(new.get_layer(layer.name)))) for layer in model.layers
    }
    assert same == {"norm": True, "frozen": True, "free": False, "classes": False}
    assert not new.get_layer("frozen").trainable


def test_mixed_precision_and_channels_first():
    with_policy = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(4, "relu", dtype="mixed_bfloat16"),
            layers.ReLU(dtype="mixed_bfloat16", name="act"),
        ]
    )
    new, _ = ka.replace(with_policy, "swish", "*e*")
    assert new.layers[0].activation.dtype_policy.name == "mixed_bfloat16"
    inputs = keras.Input((3, 8, 8))
    hidden = layers.Activation("relu", name="act")(layers.Conv2D(4, 1, data_format="channels_first")(inputs))
    new, _ = ka.replace(keras.Model(inputs, layers.Dense(1)(layers.Flatten()(hidden + 1))), "prelu")
    assert tuple(new.get_layer("act").alpha.shape) == (4,)
    assert new.get_layer("act").get_config()["axis"] == 1


def test_a_sequential_model_without_input_is_replaced_before_and_after_its_first_call():
    model = keras.Sequential([layers.Dense(4, "relu", name="first"), layers.Dense(2)])
    assert ka.replace(model, "elu")[1].changed == {"first": ("relu", "elu")}
    model(X)
    new, _ = ka.replace(model, "elu")
    assert all(map(np.array_equal, arrays(model), arrays(new)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2, "relu")

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize(
    ("make", "arguments", "error", "message"),
    [
        (Subclassed, {}, TypeError, r"Give its `__init__` the activation as an argument.*model='Subclassed'"),
        (lambda: mlp(layers.Dense(4)), {}, ValueError, r"hidden activation that it can replace.*'classes': \"it gives"),
        (classic, {"activation": "mihs"}, ValueError, r"nearest names are 'mish'.*name='mihs'"),
        (classic, {"activation": 3}, TypeError, r"needs an activation: a name.*activation=3"),
        (classic, {"activation": lambda: 3}, TypeError, r"make a layer or a function. Received: activation=3"),
        (
            classic,
            {"activation": "crelu"},
            ValueError,
            r"keeps the shape.*layer='first', takes=\(None, 8\), gives=\(None, 16\)",
        ),
        (
            classic,
            {"activation": ka.glu},
            ValueError,
            r"keeps the shape.*layer='first', takes=\(None, 8\), gives=\(None, 4\)",
        ),
        (classic, {"where": "frist"}, ValueError, r"nearest names are 'first'. Received: where='frist'"),
        (classic, {"where": 3}, TypeError, r"a function of a layer, or names of places. Received: where=3"),
    ],
)
def test_what_cannot_be_done_is_refused(make, arguments, error, message):
    with pytest.raises(error, match=message):
        ka.replace(make(), **{"activation": "elu", **arguments})
