"""Small networks and data that the tests of the comparison train, in a module that other processes can import."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_acts_tuning.data import Data
from keras_acts_tuning.tasks import Task


def tiny(activation: Any, data: Any) -> keras.Model:
    """One hidden layer of eight units."""
    loss, out = ("mse", "linear") if data.kind == "regression" else ("sparse_categorical_crossentropy", "softmax")
    model = keras.Sequential(
        [keras.Input(data.x.shape[1:]), keras.layers.Dense(8), activation(), keras.layers.Dense(data.outputs, out)]
    )
    rmse = keras.metrics.RootMeanSquaredError(name="rmse")
    model.compile("adam", loss, metrics=[rmse if data.kind == "regression" else "accuracy"])
    return model


def of_class_0(y: Any, p: Any) -> Any:
    """The probability of class 0."""
    return p[:, 0]


class ByClass(keras.metrics.MeanMetricWrapper):
    """The mean probability of each class: a metric of two values."""

    def __init__(self) -> None:
        super().__init__(of_class_0, name="by_class")

    def result(self) -> Any:
        """Of class 0, and of class 1."""
        first = super().result()
        return keras.ops.stack([first, 1.0 - first])


def judging_by_class(activation: Any, data: Any) -> keras.Model:
    """`tiny`, with a metric of two values besides the accuracy."""
    model = tiny(activation, data)
    model.compile("adam", model.loss, metrics=["accuracy", ByClass()])
    return model


def raising(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but no network for tanh."""
    if activation.name == "tanh":
        raise RuntimeError("no network for <tanh> today")
    return tiny(activation, data)


def exploding(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but tanh's loss is the logarithm of a negative number."""
    model = tiny(activation, data)
    if activation.name == "tanh":
        model.compile("adam", lambda y, p: keras.ops.log(-1.0 - p[:, 0]), metrics=["accuracy"])
    return model


def change_settings() -> str:
    """Set all of Keras's settings, and give what `telling` then tells."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    keras.config.disable_flash_attention()
    return "RuntimeError: ('float64', 'mixed_bfloat16', 0.001, 'channels_first') False"


def telling(activation: Any) -> keras.Model:
    """No network, but Keras's settings where it was asked for one."""
    config = keras.config
    found = (config.floatx(), config.dtype_policy().name, config.epsilon(), config.image_data_format())
    raise RuntimeError(f"{found} {config.is_flash_attention_enabled()}")


def hanging(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but tanh never gets there."""
    if activation.name == "tanh":
        time.sleep(3600)
    return tiny(activation, data)


def greedy(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but tanh wants more memory than there is."""
    if activation.name == "tanh":
        bytearray(1 << 42)
    return tiny(activation, data)


def dying(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but the process of tanh is killed, the first times that `deaths` in the working directory says."""
    file = Path("deaths")
    left = int(file.read_text())
    if activation.name == "tanh" and left:
        file.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return tiny(activation, data)


def uncompiled(activation: Any) -> keras.Model:
    """A model that nobody compiled."""
    return keras.Sequential([keras.layers.Dense(2), activation()])


def no_model(activation: Any) -> int:
    """No model at all."""
    return 3


def wide(activation: Any, data: Any, units: int = 8, learning_rate: float = 1e-3) -> keras.Model:
    """One hidden layer, as wide and as fast as told; elu and 99 units are too much."""
    if activation.name == "elu" or units == 99:
        raise RuntimeError("too much")
    layers = [keras.layers.Dense(units), activation(), keras.layers.Dense(data.outputs, "softmax")]
    model = keras.Sequential([keras.Input(data.x.shape[1:]), *layers])
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


FAULTS = (96, 97, 98, 99)


def faulty(activation: Any, data: Any, units: int) -> keras.Model:
    """`wide`, but with some numbers of units it gives NaN, raises, is killed or never gets there."""
    model = wide(activation, data, min(units, 8))
    match units:
        case 96:
            model.compile("adam", lambda y, p: keras.ops.log(-1.0 - p[:, 0]), metrics=["accuracy"])
        case 97:
            raise RuntimeError("too much")
        case 98:
            os.kill(os.getpid(), signal.SIGKILL)
        case 99:
            time.sleep(3600)
    return model


def drawing(hp: Any, activation: Any, data: Any) -> keras.Model:
    """`wide`, with what it draws from `hp`; the second layer is drawn only where there is one."""
    units = hp.Choice("units", [2, 4])
    if units == 4:
        hp.Float("unused", 0.0, 1.0)
    return wide(activation, data, units, hp.Float("rate", 1e-3, 1e-1, sampling="log"))


def drawing_nothing(hp: Any, activation: Any, data: Any) -> keras.Model:
    """`wide`, without a glance at `hp`."""
    return wide(activation, data)


def scheduled(activation: Any, data: Any) -> keras.Model:
    """`wide`, with a schedule for the learning rate."""
    model = wide(activation, data)
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def needing_a_gigabyte(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but tanh wants a gigabyte, which there is."""
    if activation.name == "tanh":
        bytearray(1 << 30)
    return tiny(activation, data)


def backend_drawn(activation: Any, data: Any) -> keras.Model:
    """`tiny`, but its first bias is drawn from the backend's own generator."""
    model = tiny(activation, data)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        model.layers[0].bias.assign(tf.random.normal([8]))
    return model


def smaller(task: Task) -> Task:
    """The task with a part of its examples, those that its authors set apart for the test among them."""

    def load() -> Data:
        data = task.load()
        kept = np.arange(0, len(data.x), max(1, len(data.x) // 300))
        return dataclasses.replace(data, x=data.x[kept], y=data.y[kept], test=np.flatnonzero(np.isin(kept, data.test)))

    return dataclasses.replace(task, load=load)
