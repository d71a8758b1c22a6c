"""Finding an activation: by name, by what it is, or from a saved config."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_acts._errors import nearest, received
from keras_acts._layer import ACTIVATIONS, Activation


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
    >>> get("leaky_relu", negative_slope=0.1)
    <LeakyReLU name=leaky_re_lu, built=False>
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
        ValueError: No activation has the name; the message lists the nearest.
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    for cls in ACTIVATIONS.values():
        if name == cls.__name__ or name in cls.spec.aliases:
            return cls
    raise ValueError(received(f"No activation has this name; {nearest(name, ACTIVATIONS)}", name=name))


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
        elementwise: Whether each output depends on one input only.

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


def defaults(cls: type[Activation]) -> dict[str, Any]:
    """The layer's own arguments with their defaults, in the order of its signature."""
    mine = inspect.signature(cls.__init__).parameters.values()
    skip = {"self", "arguments", "learn"} | set(inspect.signature(Activation.__init__).parameters)
    return {p.name: p.default for p in mine if p.name not in skip and p.kind is not p.VAR_KEYWORD}
