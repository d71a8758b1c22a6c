"""Columns of numbers, and images as such."""

import csv
import io
import zipfile
from typing import Any

import keras
import numpy as np

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data, from_arrays
from keras_acts_tuning.tasks._task import Task, compiled, packaged


def mlp(activation: Arm, data: Data) -> Any:
    """Two hidden layers of 128 units: the network for columns of numbers and for small images."""
    inputs = keras.Input(data.x.shape[1:])
    features = keras.layers.Flatten()(inputs) if data.x.ndim > 2 else inputs
    for _ in range(2):
        features = keras.layers.Dense(128, kernel_initializer=activation.initializer)(features)
        features = activation()(features)
    return compiled(inputs, features, data)


def _digits() -> Data:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return from_arrays(bunch.data, bunch.target, name="digits", source="scikit-learn load_digits")


def _breast_cancer() -> Data:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return from_arrays(bunch.data, bunch.target, name="breast_cancer", source="scikit-learn load_breast_cancer")


def _diabetes() -> Data:
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return from_arrays(
        bunch.data, bunch.target, name="diabetes", source="scikit-learn load_diabetes", kind="regression"
    )


def _image_segments() -> Data:
    with zipfile.ZipFile(packaged("river", "datasets", "segment.csv.zip")) as archive:
        text = archive.read("segment.csv.zip").decode()  # its only member, a plain .csv in spite of its name
    table = np.array(list(csv.reader(io.StringIO(text)))[1:])
    # 224 of the 2,310 rows are there twice: split apart, they would carry the answers into the test part.
    _, first = np.unique(table, axis=0, return_index=True)
    rows = table[np.sort(first)]
    return from_arrays(rows[:, :-1].astype("float32"), rows[:, -1], name="image_segments", source="river ImageSegments")


TASKS = (
    Task("digits", "handwritten digits, 8×8, 10 classes, 1,797 examples", _digits, mlp),
    Task("breast_cancer", "tumours, 30 columns, 2 classes, 569 examples", _breast_cancer, mlp),
    Task(
        "image_segments",
        "patches of outdoor images, 18 columns, 7 classes, 2,086 examples",
        _image_segments,
        mlp,
        epochs=40,
        needs="river",
    ),
    Task("diabetes", "disease progression, 10 columns, a regression, 442 examples", _diabetes, mlp),
)
