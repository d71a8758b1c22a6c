"""The built-in tasks: real data that come inside a package, each with a small network that fits."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data, from_arrays


@dataclass(frozen=True)
class Task:
    """Data and the network to train on them.

    Args:
        name: What the command line calls it.
        title: One line for people.
        load: Reads the data.
        build: A compiled model from an activation and the data.
        epochs: How long to train unless told otherwise.
    """

    name: str
    title: str
    load: Callable[[], Data]
    build: Callable[[Arm, Data], Any]
    epochs: int = 20


def mlp(activation: Arm, data: Data) -> Any:
    """Two hidden layers of 128 units: the network for columns of numbers and for small images."""
    hidden = [
        layer
        for _ in range(2)
        for layer in (keras.layers.Dense(128, kernel_initializer=activation.initializer), activation())
    ]
    flatten = [keras.layers.Flatten()] if data.x.ndim > 2 else []
    return compiled([keras.Input(data.x.shape[1:]), *flatten, *hidden], data)


def cnn(activation: Arm, data: Data) -> Any:
    """Three convolutions of 32, 32 and 64 filters, then the mean over space: for images."""
    stack: list[Any] = [keras.Input(data.x.shape[1:])]
    for filters in (32, 32, 64):
        convolution = keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer=activation.initializer)
        stack += [convolution, activation()]
    return compiled([*stack, keras.layers.GlobalAveragePooling2D()], data)


def compiled(stack: list[Any], data: Data) -> Any:
    """A compiled `Sequential` of `stack` and the output layer, loss and metric that the data call for."""
    if data.kind == "classification":
        output, loss, metric = "softmax", "sparse_categorical_crossentropy", "accuracy"
    else:
        output, loss, metric = "linear", "mean_squared_error", keras.metrics.RootMeanSquaredError(name="rmse")
    model = keras.Sequential([*stack, keras.layers.Dense(data.outputs, activation=output)])
    model.compile("adam", loss, metrics=[metric])
    return model


def default_build(data: Data) -> Callable[[Arm, Data], Any]:
    """The built-in network that suits data of this shape."""
    return cnn if data.x.ndim == 4 else mlp


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


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("digits", "handwritten digits, 8×8, 10 classes, 1,797 examples", _digits, mlp),
        Task("breast_cancer", "tumours, 30 columns, 2 classes, 569 examples", _breast_cancer, mlp),
        Task("diabetes", "disease progression, 10 columns, a regression, 442 examples", _diabetes, mlp),
    )
}


def call_build(build: Callable[..., Any], *, activation: Arm, data: Data, **further: Any) -> Any:
    """Call a user's `build` with those of `activation`, `data` and further arguments that its signature names."""
    offered = {"activation": activation, "data": data, **further}
    parameters = inspect.signature(build).parameters
    return build(**{name: offered[name] for name in parameters if name in offered})
