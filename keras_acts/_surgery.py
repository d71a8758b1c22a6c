"""Other activations in a model that exists: where they are, and a copy of the model in which they are replaced."""

import contextlib
import fnmatch
import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops, tree

from keras_acts._errors import nearest, received
from keras_acts._function import _Applied
from keras_acts._layer import ACTIVATIONS, Activation
from keras_acts._lookup import get, is_elementwise

Where: TypeAlias = Callable[[Any], bool] | str | Iterable[str]

_LAYERS = (
    Activation,
    *(getattr(keras.layers, name) for name in ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")),
)
_ARGUMENTS = ("activation", "recurrent_activation")
_SHAPING = ("Reshape", "Flatten", "Permute", "Identity", "Transpose", "Squeeze")
# What leaves outputs what they are but for their choice, order and size, and the arithmetic that does where the other
# number is a constant.
_ARRANGING = ("GetItem", "ExpandDims", "Concatenate", "Stack", "Average", "Rescaling", "Cast", "Resizing")
_ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative")
# What these hold (code, or tables that `adapt` filled) is not in their config; they have no weights, and can be shared.
_SHARED = tuple(
    getattr(keras.layers, name) for name in ("Lambda", "TextVectorization", "StringLookup", "IntegerLookup")
)


@dataclass(frozen=True)
class Replaced:
    """What became of each activation of a model; prints as a table.

    Args:
        changed: The activation before and after, by place.
        left: Why an activation was left alone, by place. A `linear` one is none, and not listed.
    """

    changed: dict[str, tuple[str, str]]
    left: dict[str, str]

    def __str__(self) -> str:
        rows = [(place, f"{before} → {after}") for place, (before, after) in self.changed.items()]
        rows += [(place, f"left alone: {why}") for place, why in self.left.items()]
        width = max((len(place) for place, _ in rows), default=0)
        return "\n".join(f"{place:{width}}  {what}" for place, what in rows)


@dataclass(frozen=True)
class Step:
    """One use of a layer or operation in the order of the computation, nested models taken apart.

    Args:
        name: The layer's name, after those of the models it is in.
        operation: The layer or operation.
        parents: The steps whose outputs go into it.
    """

    name: str
    operation: Any
    parents: tuple[int, ...]


@dataclass
class Graph:
    """The steps of a functional or sequential model, and which of them give its outputs, in their order."""

    steps: list[Step] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, model: Any) -> "Graph":
        """The graph of a model.

        Raises:
            TypeError: It is no functional or sequential model.
        """
        if not isinstance(model, (keras.Sequential, keras.Function)):
            need = (
                "A functional or sequential model is needed: what a subclassed one does is known to its own code "
                "only. Give its `__init__` the activation as an argument, or take the models it is made of"
            )
            raise TypeError(received(need, model=type(model).__name__))
        graph = cls()
        graph.outputs = [place for group in graph._add_model(model, "", []) for place in group]
        return graph

    def uses(self, place: int) -> Iterator[Step]:
        """The steps that a step's outputs go into, those that only change the shape passed over."""
        for child, step in enumerate(self.steps):
            if place in step.parents:
                if _only_shapes(step.operation):
                    yield from self.uses(child)
                else:
                    yield step

    def ends(self) -> list[int]:
        """For each output the step that decides its values: the last but for those that only change the shape."""
        found = []
        for place in self.outputs:
            while _only_shapes(self.steps[place].operation) and self.steps[place].parents:
                place = self.steps[place].parents[0]
            found.append(place)
        return found

    def answers(self) -> set[int]:
        """The steps whose values are the outputs, be they joined, a part of them taken, or on another scale."""
        found, left = set(), list(self.outputs)
        while left:
            step = self.steps[place := left.pop()]
            kind = type(step.operation).__name__
            arranged = _only_shapes(step.operation) or kind in _ARRANGING
            if step.parents and (arranged or (kind in _ARITHMETIC and len(step.parents) == 1)):
                left.extend(step.parents)
            else:
                found.add(place)
        return found

    def _add(self, operation: Any, prefix: str, parents: list[list[int]]) -> list[list[int]]:
        """Add a layer, or a model's layers, behind `parents`, one list for each input; the steps behind each output."""
        if isinstance(operation, (keras.Sequential, keras.Function)):
            return self._add_model(operation, f"{prefix}{operation.name}/", parents)
        self.steps.append(Step(prefix + operation.name, operation, tuple(sorted(set(itertools.chain(*parents))))))
        return [[len(self.steps) - 1]]

    def _add_model(self, model: Any, prefix: str, parents: list[list[int]]) -> list[list[int]]:
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                parents = self._add(layer, prefix, parents)
            return parents
        behind = dict(zip(map(id, model.inputs), _as_many(parents, len(model.inputs)), strict=True))
        nodes = model._nodes_by_depth  # private: the one place where the order of a functional model is kept
        for node in (node for depth in sorted(nodes, reverse=True) for node in nodes[depth]):
            if not node.is_input:
                groups = self._add(node.operation, prefix, [behind[id(tensor)] for tensor in node.input_tensors])
                behind |= zip(map(id, node.outputs), _as_many(groups, len(node.outputs)), strict=True)
        return [behind[id(tensor)] for tensor in model.outputs]


def _as_many(groups: list[list[int]], count: int) -> list[list[int]]:
    """A list for each of so many tensors; where it is not known which belongs to which, all of them to each."""
    return groups if len(groups) == count else [list(itertools.chain(*groups))] * count


def _only_shapes(operation: Any) -> bool:
    linear = isinstance(operation, _LAYERS) and name_of(operation) == "linear"
    return linear or type(operation).__name__ in _SHAPING


@functools.cache
def _catalogue(count: int) -> dict[str, str]:
    return {name.replace("_", ""): name for name in ACTIVATIONS}


def name_of(activation: Any) -> str:
    """The catalogue's name of an activation, be it a layer, a function or Keras's own; else the name it has."""
    if isinstance(activation, Activation):
        return activation.spec.name
    if isinstance(activation, keras.layers.Activation):
        return name_of(activation.activation)
    if isinstance(activation, _Applied):
        return activation._function.__name__
    if isinstance(activation, keras.layers.ReLU) and activation.max_value == 6 and not activation.negative_slope:
        return "relu6"
    kind = type(activation).__name__
    name = kind if isinstance(activation, keras.Operation) else str(getattr(activation, "__name__", kind))
    if isinstance(activation, str):  # as a layer of the user's may keep it
        name = activation
    return _catalogue(len(ACTIVATIONS)).get(name.lower().replace("_", ""), name)


def is_activation(operation: Any) -> bool:
    """Whether a step of a model is an activation, and nothing else."""
    if isinstance(operation, (*_LAYERS, _Applied)):
        return True
    own = type(operation).__module__.startswith(("keras.src.ops.", "keras.src.activations."))
    return own and not isinstance(operation, keras.layers.Layer) and name_of(operation) in ACTIVATIONS


def activation_of(operation: Any) -> Any:
    """The activation that a step of a model ends with: itself, or its `activation`; `None` where there is none."""
    return operation if is_activation(operation) else getattr(operation, "activation", None)


def replace(
    model: keras.Model, activation: Any, where: Where | None = None, *, keep_weights: bool = True
) -> tuple[keras.Model, Replaced]:
    """The same model with other activations, and what was changed and what was not.

    Replaced are activation layers (of this library and Keras's), the `activation=` of other layers,
    activation functions in a functional model, and all of these in nested models and wrappers. Left
    alone are the model's outputs, softmax and its like anywhere, the gates of recurrent layers, a
    sigmoid whose output is only multiplied with something (a gate too), and activations that mix
    units. Layers keep their names, and their initializers. The model itself is left as it was; the
    copy is compiled as it is, with a fresh optimizer.

    The report comes with the model, since an activation that was left alone without a word is easily
    taken for one that was replaced.

    Args:
        model: A functional or sequential Keras model, compiled or not.
        activation: A name, a saved config, a layer or function, or what makes one when called without
            arguments, such as `ka.Mish`. Each place gets a layer of its own.
        where: Which of the hidden activations to replace: a function of the layer; or names of places as
            the report has them, one or several, in which `*` stands for anything. A name in full means
            that place whatever it is: an output too, or `"lstm.recurrent_activation"`. Defaults to all.
        keep_weights: Whether weights stay as they are. If not, trainable layers start anew, while frozen
            ones and `Normalization` keep theirs. Defaults to `True`.

    Returns:
        The new model, and a `Replaced` that says what became of each activation.

    Raises:
        TypeError: The model is neither functional nor sequential, or `activation` or `where` is of no use.
        ValueError: There is nothing to replace, a name in `where` means nothing, the activation changes the
            shape, or the model's class cannot be made from inputs and outputs.

    Example:
    >>> layers = [keras.layers.Dense(8, "relu", name="first"), keras.layers.Dense(1, "sigmoid", name="last")]
    >>> model, report = replace(keras.Sequential([keras.Input((4,)), *layers]), "mish")
    >>> print(report)
    first  relu → mish
    last   left alone: it gives the model's output
    """
    surgeon = _Surgeon(Graph.of(model), _factory(activation), where)
    scope = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    with _uncompiled(model), keras.saving.CustomObjectScope(scope):
        clone = keras.models.clone_model(model, clone_function=surgeon.clone, recursive=True)
    if type(clone) is not type(model):
        need = "`replace` needs a model of a class that can be made as `Class(inputs, outputs)`"
        raise ValueError(received(need, model=type(model).__name__))
    report = surgeon.report()
    clone.dtype_policy = model.dtype_policy  # whatever Keras's is now; by it `compile` knows whether to scale the loss
    for pair in surgeon.pairs:
        _copy_weights(*pair, keep=keep_weights)
    _compile_like(model, clone, report)
    return clone, report


class _Surgeon:
    """Clones layers one by one, with the activations that are asked for."""

    def __init__(self, graph: Graph, make: Callable[[], Any], where: Where | None) -> None:
        self._make = make
        self._names, self._fits = _selection(where)
        self._known: set[str] = set()
        self._changed: dict[str, tuple[str, str]] = {}
        self._left: dict[str, str] = {}
        # Each layer, its copy, and the layers (by type and name) that were swapped as activations within them.
        self.pairs: list[tuple[Any, Any, set[tuple[type, str]]]] = []
        self._places = _survey(graph, "", "it gives the model's output")

    def clone(self, operation: Any) -> Any:
        """A copy of a layer or operation, with other activations where that is asked for."""
        name, reason, axis = self._places[id(operation)]
        swapped: set[tuple[type, str]] = set()
        copy = self._copy(operation, name, reason, axis, swapped)
        if isinstance(operation, keras.layers.Layer):
            self.pairs.append((operation, copy, swapped))
            for place in self._unseen(operation, name):
                self._left[place] = f"`{type(operation).__name__}` makes it by itself: its config does not hold it"
        return copy

    def report(self) -> Replaced:
        """What was done.

        Raises:
            ValueError: Nothing, or a name in `where` meant nothing.
        """
        for name in self._names:
            if not any(fnmatch.fnmatchcase(known, name) for known in self._known):
                need = f"`where` needs names of places with an activation; {nearest(name, self._known)}"
                raise ValueError(received(need, where=name))
        if not self._changed:
            need = "`replace` needs a model with a hidden activation that it can replace"
            raise ValueError(received(need, left=self._left))
        return Replaced(self._changed, self._left)

    def _copy(self, operation: Any, name: str, reason: str, axis: int, swapped: set[tuple[type, str]]) -> Any:
        if isinstance(operation, _SHARED):
            return operation
        if isinstance(operation, (keras.Sequential, keras.Function)):  # within a wrapper
            places = _survey(Graph.of(operation), f"{name}/", reason)
            return keras.models.clone_model(
                operation, clone_function=lambda part: self._copy(part, *places[id(part)], swapped), recursive=True
            )
        config = _config(operation)
        if is_activation(operation):
            if not self._wanted(name, operation, operation, reason):
                return type(operation).from_config(config)
            axis = getattr(operation, "_axis", axis)
            return self._swap(name, operation, swapped, operation, axis, layer_name=operation.name)
        # Wrappers hold the configs of layers; nothing else in a config is of interest, or is to be made twice.
        inner = {type(layer).__name__ for layer in getattr(operation, "_layers", ())}
        for key, value in config.items():
            if key in _ARGUMENTS and value is not None:
                old = getattr(operation, key, None) or keras.activations.get(value)
                place, why = name, reason
                if key != "activation":
                    place, why = f"{name}.{key}", "it is a gate of a recurrent layer"
                if self._wanted(place, operation, old, why):
                    channels = getattr(operation, "units", getattr(operation, "filters", None))
                    config[key] = self._swap(place, old, swapped, operation, axis, channels)
            elif isinstance(value, (list, tuple)):
                config[key] = [self._copy_config(item, inner, name, reason, axis, swapped) for item in value]
            else:
                config[key] = self._copy_config(value, inner, name, reason, axis, swapped)
        return type(operation).from_config(config)

    def _copy_config(self, value: Any, classes: set[str], name: str, *context: Any) -> Any:
        """Part of a layer's config: where it is the config of a layer of one of `classes`, that of its copy."""
        if not (isinstance(value, Mapping) and value.get("class_name") in classes):
            return value
        layer = keras.saving.deserialize_keras_object(dict(value))
        return keras.saving.serialize_keras_object(self._copy(layer, f"{name}/{layer.name}", *context))

    def _wanted(self, place: str, layer: Any, old: Any, reason: str) -> bool:
        """Whether to replace the activation `old`, noted either way."""
        self._known.add(place)
        before = name_of(old)
        if place in self._names:
            return True
        if before == "linear":
            return False
        if not reason:
            if before in ACTIVATIONS and ACTIVATIONS[before].spec.role == "output":
                reason = f"{before} belongs to outputs and attention"
            elif not is_elementwise(old):
                reason = f"{before} mixes units"
            elif not self._fits(place, layer):
                reason = "`where` does not ask for it"
        if reason:
            self._left[place] = reason
        return not reason

    def _swap(
        self,
        place: str,
        old: Any,
        swapped: set[tuple[type, str]],
        owner: Any,
        axis: int,
        channels: int | None = None,
        layer_name: str | None = None,
    ) -> Any:
        """A fresh activation in the place of `old`, of `owner`'s precision; a layer where it is to have a name."""
        new = self._make()
        policy = getattr(owner, "dtype_policy", keras.config.dtype_policy())
        if isinstance(new, keras.layers.Layer):
            config = {**new.get_config(), "dtype": policy}
            config["trainable"] = new.trainable and getattr(owner, "trainable", True)  # what is frozen stays so
            config["name"] = layer_name or new.name
            if isinstance(new, Activation):
                known = {"axis": axis if config.get("axis") == -1 else config.get("axis")}
                known["channels"] = config.get("channels") or channels
                config |= {key: value for key, value in known.items() if key in config}
            new = type(new).from_config(config)
        elif not callable(new):
            raise TypeError(received("`activation` needs to make a layer or a function", activation=new))
        width = channels or 8
        if isinstance(new, keras.layers.Layer):
            given = tuple(new.compute_output_shape((None, width)))
        else:
            given = (None, *ops.shape(new(ops.ones((1, width))))[1:])
        if given != (None, width):
            need = "`replace` needs an activation that keeps the shape of what it is given"
            raise ValueError(received(need, activation=name_of(new), layer=place, takes=(None, width), gives=given))
        self._changed[place] = name_of(old), name_of(new)
        if layer_name and not isinstance(new, keras.layers.Layer):
            new = keras.layers.Activation(new, name=layer_name, dtype=policy)
        swapped |= {(type(part), part.name) for part in (old, new) if isinstance(part, keras.layers.Layer)}
        return new

    def _unseen(self, layer: Any, name: str) -> Iterator[str]:
        """Places of hidden activations that a layer has and its config does not show."""
        if name in self._known:
            return
        for part in layer._flatten_layers(include_self=False, recursive=False):
            place = f"{name}/{part.name}"
            found = name_of(activation_of(part))
            hidden = found in ACTIVATIONS and found != "linear" and ACTIVATIONS[found].spec.role == "hidden"
            if hidden and place not in self._known:
                yield place
            yield from self._unseen(part, place)


def _selection(where: Where | None) -> tuple[tuple[str, ...], Callable[[str, Any], bool]]:
    """The names that `where` holds, and whether it asks for a place of a layer."""
    if where is None:
        return (), lambda place, layer: True
    if callable(where):
        return (), lambda place, layer: bool(where(layer))
    names = (where,) if isinstance(where, str) else tuple(where) if isinstance(where, Iterable) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(received("`where` needs a function of a layer, or names of places", where=where))
    return names, lambda place, layer: any(fnmatch.fnmatchcase(place, name) for name in names)


def _factory(activation: Any) -> Callable[[], Any]:
    """What makes the activation, anew each time."""
    if isinstance(activation, (str, Mapping)):
        get(activation)  # an unknown name is told now
        return functools.partial(get, activation)
    if isinstance(activation, keras.layers.Layer):
        return lambda: type(activation).from_config(activation.get_config())
    if not callable(activation):
        need = "`replace` needs an activation: a name, a saved config, a layer, a function, or what makes one"
        raise TypeError(received(need, activation=activation))
    return activation if _takes_nothing(activation) else lambda: activation


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):  # it needs an argument, or is built in and does not say
        return False
    return True


def _survey(graph: Graph, prefix: str, of_outputs: str) -> dict[int, tuple[str, str, int]]:
    """For each layer of a model its name, why to leave its activation alone, and the axis of its channels.

    Args:
        graph: The model's graph.
        prefix: What names begin with.
        of_outputs: Why to leave the outputs alone; empty for no reason.
    """
    places: dict[int, tuple[str, str, int]] = {}
    answers = graph.answers()
    for place, step in enumerate(graph.steps):
        reason = of_outputs if place in answers else ""
        if not reason and _is_gate(graph, place):
            reason = "it is a gate: what it gives is only multiplied with something else"
        if isinstance(step.operation, _Applied) and len(step.parents) > 1:
            reason = "other layers compute its parameters"
        if reason or id(step.operation) not in places:
            places[id(step.operation)] = prefix + step.name, reason, _channel_axis(graph, place)
    return places


def _config(operation: Any) -> dict[str, Any]:
    """A layer's config, in which a function of the user's is itself: by its name alone it would not be found again."""
    config = dict(operation.get_config())
    for key in _ARGUMENTS:
        own = getattr(operation, key, None)
        if isinstance(config.get(key), Mapping) and callable(own) and not isinstance(own, keras.layers.Layer):
            config[key] = own
    return config


def _is_gate(graph: Graph, place: int) -> bool:
    """Whether a step gives a share, or a multiple of one (`relu6(x + 3) / 6` is `hard_sigmoid`), to multiply with."""
    cls = ACTIVATIONS.get(name_of(activation_of(graph.steps[place].operation)))
    uses = list(graph.uses(place))
    bounded = cls is not None and cls.spec.range[0] >= 0 and cls.spec.range[1] < math.inf
    return bounded and bool(uses) and all(type(step.operation).__name__ == "Multiply" for step in uses)


def _channel_axis(graph: Graph, place: int) -> int:
    """The axis of channels in a step's output, as the last layer that has images in it says."""
    while True:
        step = graph.steps[place]
        layout = getattr(step.operation, "data_format", None)
        if layout or hasattr(step.operation, "units") or not step.parents:
            return 1 if layout == "channels_first" else -1
        place = step.parents[0]


def _copy_weights(old: Any, new: Any, swapped: set[tuple[type, str]], *, keep: bool) -> None:
    """Set the weights of a copy to those of the layer, but for activations that were swapped."""
    if not keep and old.trainable and not isinstance(old, keras.layers.Normalization):
        return

    def kept(layer: Any) -> list[Any]:
        gone = [part for part in layer._flatten_layers() if (type(part), part.name) in swapped]
        ids = {id(weight) for part in gone for weight in part.weights}
        return [weight for weight in layer.weights if id(weight) not in ids]

    if old.built and not new.built:
        new.build_from_config(old.get_build_config())
    for source, target in zip(kept(old), kept(new), strict=True):
        # Through a copy: on JAX both would hold one array, which training the one deletes.
        target.assign(np.array(ops.convert_to_numpy(source)))


@contextlib.contextmanager
def _uncompiled(model: Any) -> Iterator[None]:
    """While it is cloned: Keras would compile the clone from a config, in which functions of the user's are lost."""
    compiled = [part for part in model._flatten_layers() if vars(part).get("compiled")]
    for part in compiled:
        vars(part)["compiled"] = False
    try:
        yield
    finally:
        for part in compiled:
            vars(part)["compiled"] = True


def _compile_like(model: Any, clone: Any, report: Replaced) -> None:
    if not model.compiled:
        return
    if type(model).compile is not keras.Model.compile:
        report.left["compile"] = "the model has a `compile` of its own: call it again"
        return
    arguments = dict(model._compile_config.config)  # private: what `compile` was given, as objects
    try:
        for name in ("optimizer", "metrics", "weighted_metrics"):
            arguments[name] = tree.map_structure(_anew, arguments[name])
    except (NotImplementedError, TypeError) as error:  # a schedule or metric of the user's without a config
        report.left["compile"] = f"the copy is to be compiled by hand: {error}"
        return
    clone.compile(**arguments)
    if clone.built:  # as Keras does when it loads a model; without its variables the optimizer could not be saved
        clone.optimizer.build(clone.trainable_variables)


def _anew(part: Any) -> Any:
    """A copy of what has a state of its own, and anything else as it is."""
    if isinstance(part, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return type(part).from_config(part.get_config())
    return part
