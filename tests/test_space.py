"""Activations as hyper-parameters: in every stock tuner of KerasTuner, with fresh layers."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

import keras_acts as ka
from keras_acts_tuning import ActivationSpace, StudyError

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def build(hp: Any) -> keras.Model:
    space = ActivationSpace("relu, snake, leaky_relu, prelu")
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, kernel_initializer=space.initializer(hp, "first")),
            space(hp, "first"),
            keras.layers.Dense(6, activation=space(hp, "second", channels=6)),
            space(hp, "first"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TUNERS = {
    "random": lambda **kw: keras_tuner.RandomSearch(build, objective="val_accuracy", max_trials=4, seed=1, **kw),
    "hyperband": lambda **kw: keras_tuner.Hyperband(build, objective="val_accuracy", max_epochs=3, seed=1, **kw),
    "bayesian": lambda **kw: keras_tuner.BayesianOptimization(
        build, objective="val_accuracy", max_trials=4, seed=1, **kw
    ),
    "grid": lambda **kw: keras_tuner.GridSearch(build, objective="val_accuracy", max_trials=4, seed=1, **kw),
}


# Hyperband loads a trial's weights into a model whose optimizer has none yet: KerasTuner's way, and harmless.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.parametrize("name", TUNERS)
def test_a_stock_tuner_searches_the_space(name: str, tmp_path: Path) -> None:
    tuner = TUNERS[name](directory=tmp_path, project_name=name)
    tuner.search(X, Y, validation_data=(X, Y), epochs=1, batch_size=32, verbose=0)
    trials = tuner.oracle.trials.values()
    assert {trial.status for trial in trials} == {"COMPLETED"}
    (best,) = tuner.get_best_hyperparameters(1)
    layers = tuner.hypermodel.build(best).layers
    assert isinstance(layers[1], ka.Activation)
    assert layers[1].spec.name == best.get("first")


def test_one_site_is_one_choice_and_every_layer_is_fresh() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Fixed("first", "prelu")
    layers = build(hp).layers
    assert type(layers[1]) is type(layers[3]) is ka.PReLU
    assert layers[1] is not layers[3]


def test_parameters_are_conditional_on_their_activation() -> None:
    hp = keras_tuner.HyperParameters()
    build(hp)
    names = {p.name: [(c.name, c.values) for c in p.conditions] for p in hp.space}
    assert names["first.snake.alpha"] == [("first", ["snake"])]
    assert names["second.leaky_relu.negative_slope"] == [("second", ["leaky_relu"])]
    assert "first.snake.alpha" not in hp.values


def test_a_searched_value_reaches_the_layer() -> None:
    hp = keras_tuner.HyperParameters()
    hp.values.update({"hidden": "snake", "hidden.snake.alpha": 3.5})
    assert ActivationSpace("relu,snake")(hp).get_config()["alpha"] == 3.5


def test_given_arguments_are_not_searched() -> None:
    hp = keras_tuner.HyperParameters()
    hp.values["hidden"] = "leaky_relu(negative_slope=0.05)"
    layer = ActivationSpace(["relu", "leaky_relu(negative_slope=0.05)"])(hp)
    assert layer.get_config()["negative_slope"] == 0.05
    assert set(hp.values) == {"hidden"}


def test_parameters_can_stay_out_of_the_search() -> None:
    hp = keras_tuner.HyperParameters()
    hp.values["hidden"] = "snake"
    ActivationSpace("relu,snake", parameters=False)(hp)
    assert set(hp.values) == {"hidden"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda hp: ActivationSpace([]), "at least one activation"),
        (lambda hp: ActivationSpace("snakee"), "the nearest names are 'snake'"),
        (lambda hp: ActivationSpace("relu")(hp, site=""), "A site needs a name"),
    ],
)
def test_a_space_that_cannot_be_is_refused(call: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        call(keras_tuner.HyperParameters())
