"""What is likely wrong with the activations of a model, told from the model alone, before it is trained."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_acts._initializers import GainInitializer
from keras_acts._layer import ACTIVATIONS, Activation
from keras_acts._surgery import Graph, activation_of, name_of

DEEP = 4
"""From so many saturating layers in a row on a stack is deep: Glorot and Bengio saw it with four (2010, section 3)."""

SHRINKING = 20
"""After so many layers a signal that loses half of its variance in each has lost a factor of a thousand in size."""

_NORMALIZING = tuple(
    getattr(keras.layers, f"{name}Normalization") for name in ("Batch", "Layer", "Group", "RMS", "Unit")
)
_BINARY = ("binarycrossentropy", "binaryfocalcrossentropy")
_CATEGORICAL = ("categoricalcrossentropy", "sparsecategoricalcrossentropy", "categoricalfocalcrossentropy")
_REGRESSION = ("meansquarederror", "meanabsoluteerror", "huber", "logcosh")
_GLOROT = "Glorot and Bengio 2010, proceedings.mlr.press/v9/glorot10a"
_HE = "He et al. 2015, arXiv:1502.01852"
_SELU = "Klambauer et al. 2017, arXiv:1706.02515"


@dataclass(frozen=True)
class Advice:
    """Something about a model that is likely a mistake; as a string, two sentences.

    Args:
        rule: A short name of the kind of mistake.
        layer: The layer's name.
        reason: What is wrong with it, and why.
        remedy: What to do.
        source: Where that was shown, or is documented.
    """

    rule: str
    layer: str
    reason: str
    remedy: str
    source: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.reason}. {self.remedy} ({self.source})"


def check(model: keras.Model) -> list[Advice]:
    """What is likely wrong with the activations of a model, without data and before training.

    Looked at are the layers of functional and sequential models, nested ones too, their weights where
    they exist, and the loss where the model is compiled. Code within custom layers is not seen; what
    the activations do to data is a question for `inspect`.

    - `softmax_of_one`: softmax over one unit.
    - `loss`: softmax or sigmoid with the other's loss; a loss told wrongly whether it gets logits.
    - `one_sided_output`: `relu` and its like before a loss of regression.
    - `saturating`: four or more layers of `sigmoid`, `tanh` and their like in a row, without normalization.
    - `dying`: most biases so low that `relu` gives 0.
    - `selu`: without `lecun_normal`, or with plain dropout.
    - `initializer`: one made for `relu` before a function that saturates, or one made for `tanh` in a
      deep stack of `relu`.

    Args:
        model: A functional or sequential Keras model.

    Returns:
        A list of findings, each with the layer, the reason, what to do, and a source; empty for none.

    Raises:
        TypeError: The model is neither functional nor sequential.

    Example:
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "softmax", name="answer")])
    >>> for advice in check(model):
    ...     print(advice.layer, "-", advice.remedy)
    answer - Take sigmoid for yes or no.
    """
    graph = Graph.of(model)
    ends = graph.ends()
    findings = [advice for place, step in enumerate(graph.steps) for advice in _of_step(graph, place, place in ends)]
    findings += [advice for end, loss in _losses(model, ends) for advice in _of_loss(graph.steps[end], loss)]
    findings += _of_stacks(graph, set(ends))
    return list(dict.fromkeys(findings))  # a layer that is used twice says it once


def _of_step(graph: Graph, place: int, is_end: bool) -> Iterator[Advice]:
    """What is wrong with one step as it stands."""
    step = graph.steps[place]
    name = name_of(activation_of(step.operation))
    cls = ACTIVATIONS.get(name)
    if type(step.operation) is keras.layers.Dropout and _comes_from(graph, place) == "selu":
        yield Advice(
            "selu",
            step.name,
            "plain dropout undoes the mean 0 and variance 1 that selu keeps up",
            "Take AlphaDropout.",
            _SELU,
        )
    if cls is None:
        return
    if _is_simplex(cls) and _width(step.operation) == 1:
        yield Advice(
            "softmax_of_one",
            step.name,
            f"{name} over one unit is 1 whatever goes in, and nothing is learned",
            "Take sigmoid for yes or no.",
            "keras-acts, docs/outputs.md",
        )
    holder, normalized = _holder(graph, place)
    if holder is None or normalized or is_end:
        return
    initializer = holder.kernel_initializer
    if name == "selu" and not _scales(initializer, 1.0):
        yield Advice(
            "selu",
            step.name,
            f"selu keeps mean and variance only after weights of variance 1 / fan-in, not {_named(initializer)}",
            'Take kernel_initializer="lecun_normal".',
            _SELU,
        )
    if _saturates(cls) and _scales(initializer, 2.0) and not isinstance(initializer, GainInitializer):
        yield Advice(
            "initializer",
            step.name,
            f"{_named(initializer)} doubles the variance for a function that drops half of it, and drives {name} to "
            "where it saturates",
            f'Take kernel_initializer="{cls.spec.initializer}".',
            _GLOROT,
        )
    if _rests_at_zero(cls) and (share := _off(holder)) >= 0.5:
        yield Advice(
            "dying",
            step.name,
            f"{share:.0%} of the biases of {holder.name} are so low (three times the size of the unit's weights) that "
            f"{name} is 0 for nearly all inputs of size 1, without a gradient",
            "Start biases at 0; in a trained model, lower the learning rate, or take leaky_relu.",
            "Lu et al. 2019, arXiv:1903.06733",
        )


def _of_loss(step: Any, loss: Any) -> Iterator[Advice]:
    """What is wrong between an output and its loss."""
    name = name_of(activation_of(step.operation))
    cls = ACTIVATIONS.get(name)
    kind, from_logits = _loss_name(loss), bool(getattr(loss, "from_logits", False))
    if cls is None:
        return
    low, high = cls.spec.range
    probability = low >= 0 and high <= 1
    keras_docs = "keras.io/api/losses/probabilistic_losses"
    if kind in _REGRESSION and _rests_at_zero(cls):
        yield Advice(
            "one_sided_output",
            step.name,
            f"{name} gives no negative numbers, which targets of a regression may be, and where its sum is negative "
            "it has no gradient",
            "Take no activation; for positive targets softplus.",
            "keras-acts, docs/outputs.md",
        )
    if kind not in (*_BINARY, *_CATEGORICAL):
        return
    if probability and from_logits:
        reason = f"the loss expects scores (from_logits=True) and gets what {name} made of them: it is applied twice"
        yield Advice("loss", step.name, reason, f"Drop {name}, or from_logits=True.", keras_docs)
    elif not probability and not from_logits:
        reason = f"the loss expects probabilities and gets the output of {name}"
        remedy = "Say from_logits=True." if name == "linear" else "Take sigmoid or softmax."
        yield Advice("loss", step.name, reason, remedy, keras_docs)
    elif probability and kind in _CATEGORICAL and not _is_simplex(cls):
        reason = f"the loss is for one of several classes, and the outputs of {name} do not sum to 1"
        remedy = "Take softmax; for several answers at once, or yes or no, binary_crossentropy."
        yield Advice("loss", step.name, reason, remedy, keras_docs)
    # Over two units the two losses are the same.
    elif kind in _BINARY and _is_simplex(cls) and (_width(step.operation) or 0) > 2:
        reason = f"the loss is for independent answers, and {name} makes them compete"
        remedy = "Take sigmoid; for one of several classes, categorical_crossentropy."
        yield Advice("loss", step.name, reason, remedy, keras_docs)


def _of_stacks(graph: Graph, ends: set[int]) -> Iterator[Advice]:
    """What is wrong with stacks of layers."""

    def saturates(place: int) -> bool:
        cls = _class_at(graph, place)
        return cls is not None and place not in ends and _saturates(cls)

    def shrinks(place: int) -> bool:
        cls = _class_at(graph, place)
        holder, normalized = _holder(graph, place)
        if cls is None or holder is None or normalized or not cls.spec.initializer.startswith("he"):
            return False
        initializer = holder.kernel_initializer
        return isinstance(initializer, keras.initializers.VarianceScaling) and initializer.scale <= 1

    for stack in _stacks(graph, saturates, DEEP):
        names = list(dict.fromkeys(name_of(activation_of(graph.steps[place].operation)) for place in stack))
        share = np.prod([_slope(_class_at(graph, place)) for place in stack])
        yield Advice(
            "saturating",
            graph.steps[stack[0]].name,
            f"it is the first of {len(stack)} layers of {' and '.join(names)} in a row without normalization or a "
            f"connection that skips them; their slopes let about {share:.1g} of a gradient through to it",
            "Take a function that does not saturate (relu, gelu), or put normalization between them.",
            _GLOROT,
        )
    for stack in _stacks(graph, shrinks, SHRINKING):
        place = stack[0]
        holder, _ = _holder(graph, place)
        yield Advice(
            "initializer",
            graph.steps[place].name,
            f"it is the first of {len(stack)} layers in a row after weights of {_named(holder.kernel_initializer)}, "
            f"where {name_of(activation_of(graph.steps[place].operation))} halves the variance in each",
            'Take kernel_initializer="he_normal", or GainInitializer.',
            _HE,
        )


def _stacks(graph: Graph, counts: Callable[[int], bool], least: int) -> list[list[int]]:
    """The longest rows of activations that count, one for each first of them, where they are `least` long."""
    rows: list[list[int]] = []
    longest: dict[int, list[int]] = {}
    for place, step in enumerate(graph.steps):
        operation = step.operation
        before = rows[step.parents[0]] if len(step.parents) == 1 else []  # where paths meet, a gradient has another way
        if isinstance(operation, (*_NORMALIZING, keras.layers.RNN, keras.layers.Bidirectional)):
            row = []
        elif counts(place):
            row = [*before, place]
        else:
            row = before if name_of(activation_of(operation)) in ("NoneType", "linear") else []
        rows.append(row)
        if len(row) >= max(least, len(longest.get(row[0], ())) if row else least):
            longest[row[0]] = row
    return list(longest.values())


def _class_at(graph: Graph, place: int) -> Any:
    return ACTIVATIONS.get(name_of(activation_of(graph.steps[place].operation)))


def _holder(graph: Graph, place: int) -> tuple[Any, bool]:
    """The layer whose weights make the sums that an activation gets, and whether these are normalized first."""
    normalized = False
    while True:
        step = graph.steps[place]
        if hasattr(step.operation, "kernel_initializer"):
            return step.operation, normalized
        normalized = normalized or isinstance(step.operation, _NORMALIZING)
        weightless = isinstance(step.operation, Activation) or not getattr(step.operation, "weights", ())
        if len(step.parents) != 1 or not (weightless or normalized):
            return None, normalized
        place = step.parents[0]


def _comes_from(graph: Graph, place: int) -> str:
    """The activation before a step, as long as nothing with weights lies between."""
    while len(graph.steps[place].parents) == 1:
        place = graph.steps[place].parents[0]
        operation = graph.steps[place].operation
        if activation_of(operation) is not None:
            return name_of(activation_of(operation))
        if getattr(operation, "weights", ()):
            break
    return ""


def _losses(model: Any, ends: list[int]) -> list[tuple[int, Any]]:
    """Each output with its loss."""
    loss = model.loss if model.compiled else None
    if isinstance(loss, dict):
        named = getattr(model, "_outputs_struct", None)  # private: the outputs as the model was given them
        # Keras lists the outputs of a dictionary in the order of their keys.
        names = sorted(named) if isinstance(named, dict) else getattr(model, "output_names", loss)
        loss = [loss.get(name) for name in names]
    losses = list(loss) if isinstance(loss, (list, tuple)) else [loss]
    losses = [keras.losses.get(each) if isinstance(each, str) else each for each in losses]
    return list(zip(ends, losses, strict=True)) if len(losses) == len(ends) else []


def _loss_name(loss: Any) -> str:
    name = type(loss).__name__ if isinstance(loss, keras.losses.Loss) else getattr(loss, "__name__", "")
    return str(name).lower().replace("_", "")


def _width(operation: Any) -> int | None:
    """How many units an operation has, where that is known; of a softmax, along the axis that it sums over."""
    axis = getattr(activation_of(operation), "axis", -1)
    units = getattr(operation, "units", getattr(operation, "filters", None))
    if units is not None and axis == -1:
        return int(units)
    try:
        shape = operation.output.shape
    except (AttributeError, ValueError):  # it has not been called yet
        return None
    return shape[axis] if isinstance(axis, int) else None


def _is_simplex(cls: type[Activation]) -> bool:
    return cls.spec.role == "output" and not cls.spec.elementwise


def _saturates(cls: type[Activation]) -> bool:
    """Whether a function is flat on both sides, and most of its inputs are not on a slope of 1 (as in `relu6`)."""
    spec = cls.spec
    bounded = bool(np.isfinite(spec.range).all())
    return bounded and spec.elementwise and spec.monotone and not spec.initializer.startswith("he")


def _values(cls: type[Activation], points: np.ndarray) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(cls()(ops.convert_to_tensor(points, "float32"))), "float64")


def _slope(cls: type[Activation]) -> float:
    """The root of the mean square of f' over normal inputs: what a layer leaves of a gradient."""
    z = np.linspace(-8.0, 8.0, 1601)
    density = np.exp(-0.5 * z * z)
    return float(np.sqrt(density @ np.gradient(_values(cls, z), z) ** 2 / density.sum()))


def _rests_at_zero(cls: type[Activation]) -> bool:
    """Whether a function gives nothing but 0 to the left, and more than that to the right."""
    spec = cls.spec
    if spec.range[0] != 0 or not spec.elementwise or spec.range[1] <= 1:
        return False
    return not _values(cls, np.linspace(-9.0, -3.0, 7)[:, None]).any()


def _off(layer: Any) -> float:
    """The share of a layer's units whose bias is below minus three times the size of their weights."""
    kernel, bias = getattr(layer, "kernel", None), getattr(layer, "bias", None)
    if kernel is None or bias is None or kernel.shape[-1] != bias.shape[0] or len(bias.shape) != 1:
        return 0.0
    sizes = np.linalg.norm(ops.convert_to_numpy(kernel).reshape(-1, kernel.shape[-1]).astype("float64"), axis=0)
    return float(np.mean(ops.convert_to_numpy(bias) < -3.0 * sizes))


def _scales(initializer: Any, scale: float) -> bool:
    """Whether weights start with the variance scale / fan-in."""
    scaling = isinstance(initializer, keras.initializers.VarianceScaling) and initializer.mode == "fan_in"
    return scaling and abs(initializer.scale - scale) < 1e-2


def _named(initializer: Any) -> str:
    return type(initializer).__name__
