"""The arms of a comparison: an activation with the settings it is compared at."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras_acts as ka
from keras_acts._lookup import layer_class
from keras_acts_tuning.errors import StudyError, received

DEFAULT_ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "snake", "softplus", "tanh", "sigmoid",
)  # fmt: skip
"""What is compared unless told otherwise: the classics, one of each idea."""


@dataclass(frozen=True)
class Arm:
    """One activation at one setting; calling it makes a fresh layer.

    Args:
        name: The activation's name in the catalogue.
        arguments: Constructor arguments of its layer, as sorted pairs.
        label: What tables call it; another arm of the study may be the same activation.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            settings = ", ".join(f"{key}={value!r}" for key, value in self.arguments)
            object.__setattr__(self, "label", f"{self.name}({settings})" if settings else self.name)

    def __call__(self, **arguments: Any) -> ka.Activation:
        """A fresh layer.

        Args:
            **arguments: Further constructor arguments, such as `axis` or `channels`.
        """
        return layer_class(self.name)(**{**dict(self.arguments), **arguments})

    @property
    def initializer(self) -> str:
        """The Keras kernel initializer that suits a layer before this activation."""
        return layer_class(self.name).spec.initializer

    @classmethod
    def parse(cls, text: str) -> "Arm":
        """An arm from text such as `gelu` or `leaky_relu(negative_slope=0.1)`.

        Raises:
            StudyError: The text has another form, the name is unknown, or the layer refuses the
                arguments.
        """
        match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
        if match is None:
            need = "An activation needs the form `name` or `name(argument=value)`"
            raise StudyError(received(need, activation=text))
        name, inside = match.groups()
        try:
            call = ast.parse(f"f({inside or ''})", mode="eval").body
            assert isinstance(call, ast.Call)
            if call.args or any(keyword.arg is None for keyword in call.keywords):
                raise ValueError("arguments need names")
            arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        except (SyntaxError, ValueError, AssertionError):
            need = "The arguments of an activation need the form `argument=value`, with plain values"
            raise StudyError(received(need, activation=text)) from None
        return cls.of(name, arguments)

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Any] | None = None, label: str = "") -> "Arm":
        """An arm, checked by making its layer once.

        Raises:
            StudyError: No such activation, or its layer refuses the arguments.
        """
        arguments = dict(arguments or {})
        try:
            spec = layer_class(name).spec
            ka.get(spec.name, **arguments)
        except (TypeError, ValueError) as error:
            raise StudyError(str(error).replace("\n", " ")) from None
        if spec.role != "hidden":
            need = f"An activation to compare needs to work between layers; `{spec.name}` belongs at the output"
            raise StudyError(received(need, activation=name))
        return cls(spec.name, tuple(sorted(arguments.items())), label)


def arms_from(activations: Iterable["str | Arm"] | str | None) -> tuple[Arm, ...]:
    """The arms that a list of names, texts or arms means, or one text with commas.

    Raises:
        StudyError: The list is empty, an entry is wrong, or two arms have one label.
    """
    if activations is None:
        activations = DEFAULT_ACTIVATIONS
    elif isinstance(activations, str):
        # A comma inside parentheses belongs to an activation's arguments.
        activations = [part for part in re.split(r",(?![^()]*\))", activations) if part.strip()]
    arms = tuple(item if isinstance(item, Arm) else Arm.parse(item) for item in activations)
    if not arms:
        raise StudyError(received("A comparison needs at least one activation", activations=[]))
    labels = [arm.label for arm in arms]
    for label in labels:
        if labels.count(label) > 1:
            raise StudyError(
                received("Each activation can be compared once, or under labels of its own", activation=label)
            )
    return arms
