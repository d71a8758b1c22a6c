"""Keras's global settings, which decide what a model computes: a script sets them, and its processes follow.

What is left out either changes no result, is no business of a trial (how many epochs to cut a training to), or is
a permission that is given to one process alone (`enable_unsafe_deserialization`).
"""

import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cloudpickle
import keras

DEFAULTS: Mapping[str, Any] = {
    "floatx": "float32",
    "dtype_policy": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "flash_attention": True,
}
"""Keras's own."""


def settings() -> dict[str, Any]:
    """The settings of this process, as plain data."""
    policy = keras.config.dtype_policy()
    return {
        "floatx": keras.config.floatx(),
        "dtype_policy": policy.name if type(policy) is keras.DTypePolicy else keras.dtype_policies.serialize(policy),
        "epsilon": float(keras.config.epsilon()),
        "image_data_format": keras.config.image_data_format(),
        "flash_attention": keras.config.is_flash_attention_enabled() is not False,  # `None` where it is
    }


def apply(wanted: Mapping[str, Any]) -> None:
    """Give this process the settings that `settings` found in another."""
    keras.config.set_floatx(wanted["floatx"])
    keras.config.set_dtype_policy(keras.dtype_policies.get(wanted["dtype_policy"]))
    keras.config.set_epsilon(wanted["epsilon"])
    keras.config.set_image_data_format(wanted["image_data_format"])
    if wanted["flash_attention"]:
        keras.config.enable_flash_attention()
    else:
        keras.config.disable_flash_attention()


def carried(call: Callable[..., Any]) -> bytes:
    """`call`, pickled to run in another process under the settings of this one."""
    return pickle.dumps(partial(_under, settings(), cloudpickle.dumps(call)))


def _under(wanted: Mapping[str, Any], call: bytes, *arguments: Any) -> Any:
    apply(wanted)  # before `call` is unpickled: it may hold a model, which is made then
    return pickle.loads(call)(*arguments)  # noqa: S301
