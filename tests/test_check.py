"""Advice on a model: what is planted is found and named, and in sound networks nothing is."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import keras_acts as ka

ROOT = Path(__file__).parent.parent


def network(*parts, loss=None):
    model = keras.Sequential([keras.Input((16,)), *parts])
    if loss is not None:
        model.compile("adam", loss)
    return model


def dense(name, activation=None, units=8, **kwargs):
    return layers.Dense(units, activation, name=name, **kwargs)


def stack(activation, depth, **kwargs):
    return [dense(f"dense_{n}", activation, **kwargs) for n in range(depth)]


LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)
LOW = keras.initializers.Constant(-20.0)
HALF_LOW = keras.initializers.Constant(np.where(np.arange(8) < 4, -20.0, 0.0))

PLANTED = {
    "softmax of one": ([dense("bad", "softmax", 1)], None, "softmax_of_one"),
    "softmax of one as a layer": ([dense("a", None, 1), ka.Softmax(name="bad")], None, "softmax_of_one"),
    "sigmoid, categorical": ([dense("bad", "sigmoid", 3)], "categorical_crossentropy", "loss"),
    "sigmoid, sparse": ([dense("bad", "sigmoid", 3)], "sparse_categorical_crossentropy", "loss"),
    "softmax, binary": ([dense("bad", "softmax", 3)], keras.losses.BinaryCrossentropy(), "loss"),
    "sigmoid, logits": ([dense("bad", "sigmoid", 1)], LOGITS, "loss"),
    "softmax, logits": (
        [dense("a", None, 3), layers.Softmax(name="bad")],
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "loss",
    ),
    "linear, probabilities": ([dense("bad", None, 1)], "binary_crossentropy", "loss"),
    "tanh, probabilities": ([dense("bad", "tanh", 1)], "binary_crossentropy", "loss"),
    "relu before mse": ([dense("bad", "relu", 1)], "mse", "one_sided_output"),
    "relu before mse, reshaped": ([dense("bad", ka.relu, 1), layers.Reshape((1, 1))], "mae", "one_sided_output"),
    "sigmoids": ([dense("bad", "sigmoid"), *stack("sigmoid", 3), dense("out")], "mse", "saturating"),
    "tanh layers": ([dense("a"), ka.Tanh(name="bad"), *stack("tanh", 3), dense("out")], "mse", "saturating"),
    "low biases": ([dense("bad", "relu", bias_initializer=LOW), dense("out")], None, "dying"),
    "half of them low": ([dense("a", bias_initializer=HALF_LOW), ka.ReLU(name="bad"), dense("out")], None, "dying"),
    "selu, glorot": ([dense("bad", "selu"), dense("out")], None, "selu"),
    "selu, dropout": (
        [dense("a", ka.selu, kernel_initializer="lecun_normal"), layers.Dropout(0.1, name="bad"), dense("out")],
        None,
        "selu",
    ),
    "he, tanh": ([dense("bad", "tanh", kernel_initializer="he_normal"), dense("out")], None, "initializer"),
    "glorot, deep relu": ([dense("bad", "relu"), *stack("relu", 19), dense("out")], None, "initializer"),
}


@pytest.mark.parametrize(("parts", "loss", "rule"), PLANTED.values(), ids=PLANTED.keys())
def test_what_is_planted_is_found_and_named(parts, loss, rule):
    findings = ka.check(network(*parts, loss=loss))
    assert [(finding.rule, finding.layer) for finding in findings] == [(rule, "bad")]
    (finding,) = findings
    assert finding.reason
    assert finding.remedy.endswith(".")
    assert finding.source
    assert str(finding) == f"bad: {finding.reason}. {finding.remedy} ({finding.source})"


SOUND = {
    "regression": ([dense("a", "relu"), dense("out", None, 1)], "mse"),
    "softplus for positive targets": ([dense("out", "softplus", 1)], "mse"),
    "yes or no": ([dense("out", "sigmoid", 1)], "binary_crossentropy"),
    "logits": ([dense("out", None, 1)], LOGITS),
    "two units of softmax": ([dense("out", "softmax", 2)], "binary_crossentropy"),
    "classes": ([dense("a", "gelu"), dense("out", None, 3), layers.Softmax()], "sparse_categorical_crossentropy"),
    "three sigmoids": ([*stack("sigmoid", 3), dense("out", "sigmoid", 1)], "binary_crossentropy"),
    "normalized sigmoids": (
        [part for n in range(6) for part in (dense(f"d{n}"), layers.BatchNormalization(), ka.Sigmoid())],
        None,
    ),
    "deep relu after he": ([*stack("relu", 30, kernel_initializer="he_normal"), dense("out")], None),
    "deep relu6 after he": ([*stack("relu6", 8, kernel_initializer="he_normal"), dense("out")], None),
    "somewhat deep relu": ([*stack("relu", 12), dense("out")], None),
    "selu done right": (
        [*stack("selu", 8, kernel_initializer="lecun_normal"), layers.AlphaDropout(0.1), dense("out")],
        None,
    ),
    "gain": ([dense("a", "tanh", kernel_initializer=ka.GainInitializer("relu")), dense("out")], None),
    "own loss": ([dense("out", "relu", 1)], lambda y, p: keras.ops.mean((y - p) ** 2, axis=-1)),
    "dropout after relu": ([dense("a", "relu"), layers.Dropout(0.5), dense("out")], None),
    "low biases where the slope is not 0": ([dense("a", "elu", bias_initializer=LOW), dense("out")], None),
}


@pytest.mark.parametrize(("parts", "loss"), SOUND.values(), ids=SOUND.keys())
def test_nothing_is_found_in_sound_networks(parts, loss):
    assert ka.check(network(*parts, loss=loss)) == []


def test_connections_that_skip_layers_let_the_gradient_through():
    x = inputs = keras.Input((8,))
    for _ in range(8):
        x = layers.Add()([x, layers.Dense(8, "tanh")(x)])
    assert ka.check(keras.Model(inputs, layers.Dense(1)(x))) == []


def test_nested_models_and_several_outputs():
    inputs = keras.Input((8,))
    deep = keras.Sequential([layers.Dense(8, "sigmoid", name=f"layer_{n}") for n in range(5)], name="deep")
    x = deep(inputs)
    outputs = {"kind": layers.Dense(3, "sigmoid", name="kind")(x), "size": layers.Dense(1, name="size")(x)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"kind": "categorical_crossentropy", "size": "mse"})
    findings = {(finding.rule, finding.layer): finding for finding in ka.check(model)}
    assert set(findings) == {("saturating", "deep/layer_0"), ("loss", "kind")}
    # E σ'² of normal inputs is 0.0446: what is left after five layers is its root to the fifth.
    assert "5 layers of sigmoid" in findings["saturating", "deep/layer_0"].reason
    assert f"about {0.0446**2.5:.1g} of a gradient" in findings["saturating", "deep/layer_0"].reason


def test_a_loss_is_found_by_the_key_of_its_output():
    inputs = keras.Input((8,))
    outputs = {"size": layers.Dense(1, name="a")(inputs), "kind": layers.Dense(3, "sigmoid", name="b")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"size": "mse", "kind": "categorical_crossentropy"})
    assert [(finding.rule, finding.layer) for finding in ka.check(model)] == [("loss", "b")]


def test_a_softmax_over_steps_is_one_of_as_many_as_there_are():
    inputs = keras.Input((7, 5))
    for unit in (layers.Dense(1, ka.Softmax(axis=1)), layers.Dense(1, ka.Softmax(axis=(1, 2)))):
        shares = unit(inputs)
        assert ka.check(keras.Model(inputs, layers.Dense(2)(keras.ops.sum(shares * inputs, axis=1)))) == []


def test_loops_are_no_stack():
    model = keras.Sequential([keras.Input((5, 3)), *(layers.GRU(4, return_sequences=True) for _ in range(6))])
    assert ka.check(model) == []


def test_the_networks_of_the_tests_and_of_the_tasks_are_sound():
    tuning = pytest.importorskip("keras_acts_tuning", reason="needs the extra `tuning`")
    import networks

    from keras_acts_tuning.tasks import TASKS

    data = tuning.from_arrays(np.ones((20, 4)), np.arange(20) % 2)
    line = tuning.from_arrays(np.ones((20, 4)), np.arange(20) / 7, kind="regression")
    for arm in tuning.arms.arms_from(None):
        for model in (networks.tiny(arm, data), networks.tiny(arm, line)):
            expected = {"selu"} if arm.name == "selu" else set()  # with Glorot's weights, as it is written there
            assert {finding.rule for finding in ka.check(model)} == expected, arm.label
    arm = tuning.Arm.of("relu")
    for name in ("digits", "digits_images", "diabetes"):
        task = TASKS[name]
        assert ka.check(task.build(arm, task.load())) == [], name


def test_the_first_example_is_sound():
    """The network of `examples/01_layers.py`, without its training."""
    tree = ast.parse((ROOT / "examples" / "01_layers.py").read_text())
    wanted = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "model"]
    space = {"keras": keras, "ka": ka}
    exec(compile(ast.Module(wanted, []), "example", "exec"), space)
    space["model"].compile("adam", "sparse_categorical_crossentropy")
    assert ka.check(space["model"]) == []


def test_a_subclassed_model_is_refused():
    class Own(keras.Model):
        pass

    with pytest.raises(TypeError, match=r"functional or sequential model is needed.*model='Own'"):
        ka.check(Own())
