"""The activation as a hyper-parameter of a KerasTuner search.

`ActivationSpace` gives a fresh layer of the activation that the tuner chose, and makes its
parameters conditional hyper-parameters. Takes seconds.
"""

import tempfile

import keras
import keras_tuner
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from keras_acts_tuning import ActivationSpace

SPACE = ActivationSpace("relu, elu, snake, leaky_relu")


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(16, kernel_initializer=SPACE.initializer(hp)),
            SPACE(hp),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


x, y = load_breast_cancer(return_X_y=True)
with tempfile.TemporaryDirectory() as directory:
    tuner = keras_tuner.RandomSearch(build, objective="val_accuracy", max_trials=4, seed=1, directory=directory)
    tuner.search(scale(x), y, validation_split=0.25, epochs=4, verbose=0)
    for trial in tuner.oracle.get_best_trials(4):
        print(f"{trial.score:.3f}", trial.hyperparameters.values)
