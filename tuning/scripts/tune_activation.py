"""Search the activation with KerasTuner, as one hyper-parameter among others.

Hyperband over a network for the handwritten digits: which activation after each of two layers (with
its parameters, where it has some), how wide, which learning rate. Stopped at any moment, the same
command goes on. Copy it and put your own data and network in.

    python tuning/scripts/tune_activation.py [--max-epochs 9] [--directory results/tuner]
"""

import argparse

import keras
import keras_tuner
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from keras_acts_tuning import ActivationSpace, Hyperband

SPACE = ActivationSpace("relu, leaky_relu, prelu, elu, gelu, silu, mish, snake, tanh")


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """A network with two hidden layers; each has an activation of its own choice."""
    units = hp.Choice("units", [32, 64, 128])
    stack = [keras.Input((64,))]
    for site in ("first", "second"):
        stack += [keras.layers.Dense(units, kernel_initializer=SPACE.initializer(hp, site)), SPACE(hp, site)]
    model = keras.Sequential([*stack, keras.layers.Dense(10, activation="softmax")])
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Search, and print the best trials with what they cost."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--max-epochs", type=int, default=9)
    arguments.add_argument("--directory", default="results/tuner")
    options = arguments.parse_args()

    x, y = load_digits(return_X_y=True)
    x_train, x_validation, y_train, y_validation = train_test_split(x / 16.0, y, random_state=0, stratify=y)
    tuner = Hyperband(
        build,
        objective="val_accuracy",
        max_epochs=options.max_epochs,
        directory=options.directory,
        project_name="digits",
    )
    tuner.search(x_train, y_train, validation_data=(x_validation, y_validation), batch_size=32, verbose=0)
    tuner.results_summary()


if __name__ == "__main__":
    main()
