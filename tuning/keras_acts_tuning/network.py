"""A compiled Keras model as what a study builds: the same network, with each activation in turn."""

import hashlib
import json
import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

import keras_acts as ka
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.errors import StudyError, received


class Network:
    """A `build` that gives a model's architecture, with other activations and with fresh weights.

    The weights of frozen layers, and of `Normalization`, are kept; all others start from the trial's seed,
    unless the layer's initializer has a seed of its own.

    Args:
        model: A compiled functional or sequential model.
        file: The file that it was read from, if any.

    Raises:
        StudyError: It is none, or `ka.replace` finds no hidden activation in it.
    """

    def __init__(self, model: keras.Model, file: str = "") -> None:
        if not model.compiled:
            raise StudyError(received("The model to compare activations in needs to be compiled", model=model.name))
        self.model = model
        self.file = file
        try:
            self(Arm("relu"))
        except (TypeError, ValueError) as error:
            need = f"The model to compare activations in needs hidden activations that can be replaced ({error})"
            raise StudyError(received(need, model=model.name)) from None

    def __call__(self, activation: Arm) -> keras.Model:
        """The compiled model with that activation."""
        return ka.replace(self.model, activation, keep_weights=False)[0]

    def __getstate__(self) -> dict[str, Any]:
        return {"file": self.file, "model": pickle.dumps(self.model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.file = state["file"]
        with _without_warnings():
            self.model = pickle.loads(state["model"])  # noqa: S301

    def check(self, data: Data) -> None:
        """Refuse data that the model does not take.

        Raises:
            StudyError: An example has another shape than the model's input.
        """
        expected, shape = self.model.input_shape, data.x.shape[1:]
        if isinstance(expected, list) or len(expected) != len(shape) + 1:
            fits = False
        else:
            fits = all(size in (None, given) for size, given in zip(expected[1:], shape, strict=True))
        if not fits:
            need = "The model needs to take the examples of the data"
            raise StudyError(received(need, input_shape=expected, example=shape))

    def facts(self) -> dict[str, str]:
        """What identifies the network in a plan: its name, and a digest of its config and of the weights it keeps."""
        digest = hashlib.sha256(json.dumps(config_of(self.model), sort_keys=True, default=str).encode())
        for layer in self.model._flatten_layers(include_self=False):
            if not layer.trainable or isinstance(layer, keras.layers.Normalization):
                for weight in layer.get_weights():
                    digest.update(weight.tobytes())
        return {"function": self.file or f"script:{type(self.model).__name__}", "sha256": digest.hexdigest()}


def config_of(thing: Any) -> Any:
    """The config of an object of Keras's; `None` for any other, and for one that has none.

    Names that Keras made up do not count: they depend on what else was made before.
    """
    if not hasattr(thing, "get_config"):
        return None
    layers = thing._flatten_layers() if isinstance(thing, keras.Layer) else ()
    try:
        config = keras.saving.serialize_keras_object(thing)
    except Exception:  # whatever a `get_config` of the user's own leads to
        return None
    return _plain(config, {layer.name: f"#{place}" for place, layer in enumerate(layers)})


def load_model(file: str | Path) -> keras.Model:
    """The model in a `.keras` file; code that the file may hold is not run.

    Raises:
        StudyError: There is no such file, or it cannot be loaded so.
    """
    if not Path(file).is_file():
        raise StudyError(received("`--model` needs a file that exists", model=str(file)))
    try:
        with _without_warnings():
            return keras.saving.load_model(file, safe_mode=True)
    except Exception as error:  # whatever a broken file leads to
        reason = str(error).strip().partition("\n")[0]
        need = f"`--model` needs a .keras file that loads without running code of its own ({reason})"
        raise StudyError(received(need, model=str(file))) from None


@contextmanager
def _without_warnings() -> Iterator[None]:
    """While a model is loaded: Keras warns of an optimizer without its state, which starts anew here anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _plain(config: Any, names: Mapping[str, str]) -> Any:
    """A config without names that Keras may have made up, and without places in memory."""
    if isinstance(config, Mapping):
        skip = ("name", "shared_object_id")
        return {key: _plain(value, names) for key, value in config.items() if key not in skip}
    if isinstance(config, (list, tuple)):
        return [_plain(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config
