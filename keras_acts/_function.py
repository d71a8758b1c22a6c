"""The catalogue's functions: plain to write and to call, and saved under their own name."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec

import keras
from keras import ops

from keras_acts._backend import Tensor, to_floating
from keras_acts._errors import nearest, received

P = ParamSpec("P")

FUNCTIONS: dict[str, "ActivationFunction[Any]"] = {}
"""Every catalogue function by name, filled as the modules of the families are imported."""


@keras.saving.register_keras_serializable(package="keras_acts")
class ActivationFunction(Generic[P]):
    """A function of the catalogue: callable, with the signature of the formula it holds.

    It is an object because Keras saves a plain function by its bare name and reloads its own
    namesake: `Dense(activation=sparsemax)` would come back as `keras.activations.sparsemax`.

    16-bit floats are computed in float32 and rounded once, at the end.
    """

    def __init__(self, formula: Callable[Concatenate[Tensor, P], Tensor]) -> None:
        functools.update_wrapper(self, formula)
        self.__name__: str = formula.__name__
        self._formula = formula

    def __call__(self, x: Tensor, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        if isinstance(x, keras.KerasTensor):
            given = dict(inspect.signature(self._formula).bind(x, *args, **kwargs).arguments)
            del given[next(iter(given))]
            # Parameters that other layers compute are inputs of the node, as `x` is.
            computed = {name: value for name, value in given.items() if isinstance(value, keras.KerasTensor)}
            return _Applied(self, settings={name: given[name] for name in given.keys() - computed})(x, **computed)
        x = to_floating(x, name=self.__name__)
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype not in ("float16", "bfloat16"):
            return self._formula(x, *args, **kwargs)
        args, kwargs = keras.tree.map_structure(widen, (args, kwargs))
        return ops.cast(self._formula(widen(x), *args, **kwargs), dtype)

    def __repr__(self) -> str:
        return f"<activation function keras_acts.{self.__name__}>"

    def __reduce__(self) -> str:
        return self.__name__

    def get_config(self) -> dict[str, Any]:
        """The name: all there is to save."""
        return {"name": self.__name__}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ActivationFunction[Any]":
        """The catalogue function of that name.

        Raises:
            ValueError: No function has the name.
        """
        name = config.get("name")
        if name not in FUNCTIONS:
            need = f"A saved activation function must be in the catalogue; {nearest(str(name), FUNCTIONS)}"
            raise ValueError(received(need, name=name))
        return FUNCTIONS[name]


def activation_function(
    formula: Callable[Concatenate[Tensor, P], Tensor],
) -> ActivationFunction[P]:
    """Decorate a formula of tensors: it joins the catalogue's functions."""
    function = ActivationFunction(formula)
    FUNCTIONS[function.__name__] = function
    return function


def widen(value: Any) -> Any:
    """A tensor of 16-bit floats as one of float32, and anything else as it is."""
    if hasattr(value, "dtype") and keras.backend.standardize_dtype(value.dtype) in ("float16", "bfloat16"):
        return ops.cast(value, "float32")
    return value


@keras.saving.register_keras_serializable(package="keras_acts")
class _Applied(keras.Operation):  # type: ignore[misc, unused-ignore]
    """A function called on the symbolic tensor of a functional model: one node of its graph."""

    def __init__(
        self, function: ActivationFunction[Any], arguments: Any = (), settings: Any = None, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._function = function
        self._arguments = tuple(arguments)
        self._settings = dict(settings or {})

    def call(self, x: Tensor, **computed: Tensor) -> Tensor:
        return self._function(x, *self._arguments, **self._settings, **computed)

    def get_config(self) -> dict[str, Any]:
        config = {"function": self._function, "arguments": self._arguments, "settings": self._settings}
        return {
            "name": self.name,
            **{key: keras.saving.serialize_keras_object(value) for key, value in config.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "_Applied":
        return cls(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})
