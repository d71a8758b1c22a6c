"""Whether one model can take another's place in the same graphs."""

from types import FunctionType
from typing import Any

import keras


def is_optimizer(value: Any) -> bool:
    return isinstance(value, keras.optimizers.Optimizer)


def parts_of(model: keras.Model) -> list[Any]:
    """What a graph of the model refers to and `compile` replaces; it always makes a new metric of the loss."""
    return [model.optimizer, model.loss, *model.metrics]


def identical(ours: list[Any], theirs: list[Any]) -> bool:
    return len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))


def state_of(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def facts_of(model: keras.Model) -> dict[str, list[Any]]:
    """What a graph of the model depends on, apart from the values of its variables, as far as objects tell.

    Not told are numbers that the code of a layer or a model holds without naming them in its config.
    """
    compiled = model._compile_config.config  # private to Keras: what `compile` was called with
    return {
        "variables": [(tuple(v.shape), str(v.dtype), v.trainable) for v in model.variables],
        "layers": [_plain(layer) for layer in model.layers],
        "loss": [_plain(model.loss), _plain(compiled["loss_weights"])],
        "metrics": [_plain(compiled["metrics"]), _plain(compiled["weighted_metrics"])],
        "optimizer": [_plain(model.optimizer)],
    }


def _plain(value: Any) -> Any:
    """An object as its type and configuration, without what differs between two builds or lives in variables."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        starts = {"name", "seed", "learning_rate"} | {key for key in value if str(key).endswith("initializer")}
        return {
            key: _plain(item)
            for key, item in value.items()
            if key not in starts or (key == "learning_rate" and isinstance(item, dict))
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    kind = getattr(value, "__qualname__", type(value).__qualname__)
    if isinstance(value, FunctionType):
        held = [*(value.__defaults__ or ()), *(cell.cell_contents for cell in value.__closure__ or ())]
        return kind, [item.__qualname__ if isinstance(item, FunctionType) else _plain(item) for item in held]
    if isinstance(value, keras.losses.Loss):  # whose config, unless it is given one, lacks what it adds
        return kind, _plain(vars(value))
    try:
        return kind, _plain(value.get_config())
    except (AttributeError, NotImplementedError, TypeError):  # a class, or a layer without one
        return kind


def difference_of(ours: list[Any], theirs: list[Any]) -> dict[str, Any]:
    """The first items that differ, or the numbers of them."""
    if len(ours) != len(theirs):
        return {"model": len(ours), "fresh": len(theirs)}
    return next({"model": a, "fresh": b} for a, b in zip(ours, theirs, strict=True) if a != b)
