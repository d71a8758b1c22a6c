"""Finding an activation: by name, by what it is, or from a saved config."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_acts._errors import nearest, received
from keras_acts._function import ActivationFunction
from keras_acts._layer import ACTIVATIONS, Activation

# Names that papers have given twice, where none of the two is this catalogue's under that name.
_AMBIGUOUS = {
    "telu": "take 'tanhexp' for x·tanh(eˣ) (arXiv:2412.20269); x·tanh(elu(αx)) (arXiv:2006.02797) is not here",
    "shifted_relu": "'srelu' is the S-shaped one (arXiv:1512.07030); max(-1, x) (arXiv:1511.07289) is not here",
    "flexible_relu": "'frelu' is the funnel (arXiv:2007.11824); relu(x) + b (arXiv:1706.08098) is not here",
}


def get(identifier: str | Mapping[str, Any] | Callable[..., Any], **arguments: Any) -> Callable[..., Any]:
    """The activation that `identifier` means.

    Args:
        identifier: An activation's name (`"snake"`), alias or layer class name (`"Snake"`): gives
            a fresh layer. Or a config as Keras saves it. Or a callable, which is returned as it is.
        **arguments: Passed to the layer's constructor; only with a name.

    Returns:
        A callable of a tensor, usable wherever Keras takes an activation.

    Raises:
        TypeError: `identifier` is none of these, or the layer does not take one of `arguments`.
        ValueError: No activation has the name; the message lists the nearest.

    Example:
    >>> get("leaky_relu", negative_slope=0.1).negative_slope
    0.1
    """
    if isinstance(identifier, str):
        return layer_class(identifier)(**arguments)
    if arguments:
        raise TypeError(received("`get` takes arguments only with a name", identifier=identifier, **arguments))
    if isinstance(identifier, Mapping):
        found = keras.saving.deserialize_keras_object(dict(identifier))
        if callable(found):
            return found  # type: ignore[no-any-return]
    elif callable(identifier):
        return identifier
    raise TypeError(received("`get` needs a name, a saved config or a callable", identifier=identifier))


def layer_class(name: str) -> type[Activation]:
    """The layer class of the activation called `name`: its name, an alias or the class's own name.

    Raises:
        ValueError: No activation has the name; the message lists the nearest. Or two papers give it
            to two functions; the message names both.
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    if name.lower() in _AMBIGUOUS:
        raise ValueError(received(f"Two functions have this name: {_AMBIGUOUS[name.lower()]}", name=name))
    for cls in ACTIVATIONS.values():
        if name == cls.__name__ or name in cls.spec.aliases:
            return cls
    raise ValueError(received(f"No activation has this name; {nearest(name, ACTIVATIONS)}", name=name))


def register_with_keras() -> list[str]:
    """Let Keras find the catalogue by name: `keras.layers.Dense(8, activation="snake")`.

    Opt-in, since it changes what Keras's own names lead to for the whole process. A name that Keras
    has stays Keras's. Each use of a name gives a fresh layer, with its learned parameters. Models
    built so are saved with the layers themselves: loading them needs `import keras_acts`, and this
    call no more.

    Returns:
        The names that Keras now knows.

    Example:
    >>> "snake" in register_with_keras()
    True
    >>> keras.layers.Dense(8, activation="snake").activation.learned
    ('alpha',)
    """
    # Private, but the one table that `keras.activations.get`, and so every layer, looks names up in.
    module: Any = importlib.import_module("keras.src.activations")
    own = module.ALL_OBJECTS_DICT
    if not isinstance(own, _KerasNames):
        module.ALL_OBJECTS_DICT = own = _KerasNames(own)
    return [name for name in ACTIVATIONS if not dict.__contains__(own, name)]


class _KerasNames(dict[str, Callable[..., Any]]):
    """Keras's table of activations, in which a name it lacks is looked up in the catalogue."""

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key)
        if found is None and isinstance(key, str) and key in ACTIVATIONS:
            return ACTIVATIONS[key]()
        return default if found is None else found


def names(
    *,
    family: str | None = None,
    role: str | None = None,
    learned: bool | None = None,
    monotone: bool | None = None,
    smooth: bool | None = None,
    elementwise: bool | None = None,
) -> list[str]:
    """The names of the activations that fit all the conditions given, in the catalogue's order.

    Args:
        family: The family's name, such as `"rectified"`.
        role: `"hidden"` or `"output"`.
        learned: Whether the layer learns a parameter by default.
        monotone: Whether the function never decreases.
        smooth: Whether the first derivative is continuous.
        elementwise: Whether each output depends on the input at its own place only.

    Raises:
        ValueError: No activation is of that family or role.
    """
    for argument, value, known in (
        ("family", family, {family_of(cls) for cls in ACTIVATIONS.values()}),
        ("role", role, {cls.spec.role for cls in ACTIVATIONS.values()}),
    ):
        if value is not None and value not in known:
            raise ValueError(
                received(f"`names` knows no such {argument}; {nearest(value, known)}", **{argument: value})
            )

    def fits(cls: type[Activation]) -> bool:
        facts = (
            (family, family_of(cls)),
            (role, cls.spec.role),
            (learned, bool(learned_by_default(cls))),
            (monotone, cls.spec.monotone),
            (smooth, cls.spec.smoothness >= 1),
            (elementwise, cls.spec.elementwise),
        )
        return all(asked is None or asked == fact for asked, fact in facts)

    return [name for name, cls in ACTIVATIONS.items() if fits(cls)]


def family_of(cls: type[Activation]) -> str:
    """The family of an activation: the module it is declared in."""
    return cls.__module__.rpartition(".")[2].lstrip("_")


def learned_by_default(cls: type[Activation]) -> tuple[str, ...]:
    """The parameters that the layer learns unless told otherwise."""
    learn = inspect.signature(cls.__init__).parameters.get("learn")
    return () if learn is None else tuple(learn.default)


_MIXING = {"softmax", "log_softmax", "sparsemax", "glu"}  # Keras's own functions that are not elementwise


def is_elementwise(activation: Callable[..., Any]) -> bool:
    """Whether each output of a layer or function depends on the input at its own place only, as far as is known."""
    if isinstance(activation, ActivationFunction):
        activation = ACTIVATIONS[activation.__name__]
    if isinstance(activation, Activation) or activation in ACTIVATIONS.values():
        return activation.spec.elementwise  # type: ignore[union-attr]
    return not isinstance(activation, keras.layers.Softmax) and getattr(activation, "__name__", "") not in _MIXING


def defaults(cls: type[Activation]) -> dict[str, Any]:
    """The layer's own arguments with their defaults, in the order of its signature."""
    mine = inspect.signature(cls.__init__).parameters.values()
    skip = {"self", "arguments", "learn"} | set(inspect.signature(Activation.__init__).parameters)
    return {p.name: p.default for p in mine if p.name not in skip and p.kind is not p.VAR_KEYWORD}
