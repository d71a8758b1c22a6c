"""What a built-in task is, and what the tasks share."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.errors import StudyError, received


@dataclass(frozen=True)
class Task:
    """Data and the network to train on them.

    Args:
        name: What the command line calls it.
        title: One line for people.
        load: Reads the data.
        build: A compiled model from an activation and the data.
        epochs: How long to train unless told otherwise: until most activations have stopped to gain.
        needs: The package that the data come with, where that is one of the extra `suite`.
    """

    name: str
    title: str
    load: Callable[[], Data]
    build: Callable[[Arm, Data], Any]
    epochs: int = 20
    needs: str = ""

    @property
    def installed(self) -> bool:
        """Whether the data are there to be read."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    def check(self) -> None:
        """Refuse a task whose data are not installed.

        Raises:
            StudyError: They are not.
        """
        if self.needs:
            _folder(self.needs)


def packaged(package: str, *parts: str) -> Path:
    """A file inside an installed package, found without the seconds that importing it may take.

    Raises:
        StudyError: The package is not installed, or this version of it lacks the file.
    """
    path = _folder(package).joinpath(*parts)
    if not path.is_file():
        raise StudyError(received(f"The task needs a version of {package} that holds its data", missing=str(path)))
    return path


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        need = f'The data of this task come with {package}: pip install "keras-acts[suite]"'
        raise StudyError(received(need, missing=package))
    return Path(spec.submodule_search_locations[0])


def compiled(inputs: Any, features: Any, data: Data) -> Any:
    """A compiled model from `inputs` to `features` and on to the output layer, with the loss and metric for `data`."""
    if data.kind == "classification":
        output, loss, metric = "softmax", "sparse_categorical_crossentropy", "accuracy"
    else:
        output, loss, metric = "linear", "mean_squared_error", keras.metrics.RootMeanSquaredError(name="rmse")
    model = keras.Model(inputs, keras.layers.Dense(data.outputs, activation=output)(features))
    model.compile("adam", loss, metrics=[metric])
    return model
