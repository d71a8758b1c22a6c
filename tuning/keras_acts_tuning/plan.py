"""What a study is: everything that decides its results, and nothing else.

A trial is a pure function of its row in the plan, so that a study can stop anywhere and go on.
"""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import keras

from keras_acts_tuning import _settings
from keras_acts_tuning._reads import reads
from keras_acts_tuning.analyse import Direction
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.errors import StudyError, received, whole
from keras_acts_tuning.network import Network
from keras_acts_tuning.tune import Tune, tune_dict, tune_from

_RISING = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "cosine", "top_k", "true_")
_FALLING = ("loss", "error", "mse", "mae", "rmse", "mape", "msle", "crossentropy", "perplexity", "divergence", "false_")


@dataclass(frozen=True)
class Plan:
    """A study as planned.

    Args:
        data: Facts that identify the data: name, source, digest, kind, shape.
        build: What identifies the network: its function's name and a digest of its source.
        arms: The activations to compare.
        reference: Label of the arm that the others are measured against.
        seeds: Seeds of the trials; each arm runs with every one.
        epochs: Training epochs a trial.
        batch_size: Examples a step.
        metric: The metric that chooses the epoch on the validation part and scores it on the test
            part.
        direction: `"max"` or `"min"`.
        split_seed: Seed of the split in training, validation and test part.
        backend: Keras's backend, which changes results in their last digits.
        settings: Keras's other global settings, as the script has set them: `floatx`, the dtype policy, ….
        network: What the network's function reads, by name: values, and digests of the code that it calls. Empty
            where it reads nothing, and in plans that are older.
        tune: How each arm's hyper-parameters are searched before its trials; `None` for not at all.
        race: Whether arms that are beyond doubt not the best stop early.
    """

    data: Mapping[str, Any]
    build: Mapping[str, str]
    arms: tuple[Arm, ...]
    reference: str
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    metric: str
    direction: Direction
    split_seed: int = 0
    backend: str = dataclasses.field(default_factory=keras.backend.backend)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=_settings.settings)
    network: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tune: Tune | None = None
    race: bool = False

    def __post_init__(self) -> None:
        labels = [arm.label for arm in self.arms]
        if self.reference not in labels:
            raise StudyError(
                received(
                    "The reference needs to be one of the activations", reference=self.reference, activations=labels
                )
            )
        for name, least in (("epochs", 1), ("batch_size", 1), ("split_seed", 0)):
            object.__setattr__(self, name, whole(name, getattr(self, name), least))
        object.__setattr__(self, "seeds", seeds_from(self.seeds))
        if self.direction not in get_args(Direction):
            raise StudyError(received("`direction` needs to be 'max' or 'min'", direction=self.direction))
        if self.race and (len(self.seeds) < 2 or len(self.arms) < 2):
            need = "A race needs at least two activations and two seeds"
            raise StudyError(received(need, activations=labels, seeds=list(self.seeds)))

    @property
    def trials(self) -> list[tuple[Arm, int]]:
        """Every trial, an arm with a seed; all arms of one seed before the next seed."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms]

    def arm(self, label: str) -> Arm:
        """The arm of that label."""
        return next(arm for arm in self.arms if arm.label == label)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain["data"], plain["build"], plain["tune"] = dict(self.data), dict(self.build), tune_dict(self.tune)
        plain["arms"] = [{"label": a.label, "name": a.name, "arguments": dict(a.arguments)} for a in self.arms]
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` wrote."""
        arms = tuple(Arm(a["name"], tuple(sorted(a["arguments"].items())), a["label"]) for a in plain["arms"])
        tune = tune_from(plain.get("tune", {}))
        settings = {**_settings.DEFAULTS, **plain.get("settings", {})}  # plans that are older have none
        return cls(**{**plain, "arms": arms, "seeds": tuple(plain["seeds"]), "tune": tune, "settings": settings})

    def differences(self, stored: "Plan") -> list[str]:
        """What differs between this plan and a stored one, a line each; empty when nothing does.

        The order of arms and seeds does not count.
        """
        mine, theirs = self.to_dict(), stored.to_dict()
        lines = []
        for key in mine:
            if key == "network" and not theirs[key]:
                continue  # older than this field; or it read nothing, and its own source tells
            if key in ("arms", "seeds"):
                a, b = ({json.dumps(item, sort_keys=True): item for item in plan[key]} for plan in (mine, theirs))
                added = [_name(a[k]) for k in a if k not in b]
                gone = [_name(b[k]) for k in b if k not in a]
                word = "activations" if key == "arms" else "seeds"
                lines += [f"{word} added: {', '.join(added)}"] if added else []
                lines += [f"{word} left out: {', '.join(gone)}"] if gone else []
            elif isinstance(mine[key], dict):
                names = sorted(mine[key].keys() | theirs[key].keys())
                pairs = [(name, theirs[key].get(name), mine[key].get(name)) for name in names]
                lines += [f"{key} {name}: stored {old!r}, asked {new!r}" for name, old, new in pairs if old != new]
            elif mine[key] != theirs[key]:
                lines.append(f"{key}: stored {theirs[key]!r}, asked {mine[key]!r}")
        return lines

    def extends(self, stored: "Plan") -> bool:
        """Whether this plan is the stored one with more arms or seeds, and otherwise the same."""
        return all(" added: " in line for line in self.differences(stored))


def _name(item: Any) -> str:
    return str(item["label"] if isinstance(item, dict) else item)


def data_facts(data: Data) -> dict[str, Any]:
    """What identifies `data` in a plan."""
    return {
        "name": data.name,
        "source": data.source,
        "kind": data.kind,
        "examples": len(data.x),
        "shape": list(data.x.shape[1:]),
        "outputs": data.outputs,
        "sha256": data.digest(),
    }


def seeds_from(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """The seeds that their number, or they themselves, mean.

    Raises:
        StudyError: They are no whole numbers, none, or not all different.
    """
    try:
        given = list(seeds)  # type: ignore[arg-type]
    except TypeError:
        return tuple(range(whole("seeds", seeds, 1)))
    numbers = tuple(whole("seeds", seed, 0) for seed in given)
    if not numbers or len(set(numbers)) < len(numbers):
        raise StudyError(received("`seeds` needs different whole numbers, one at least", seeds=given))
    return numbers


def network_facts(build: Callable[..., Any]) -> dict[str, str]:
    """What `build`'s code reads, besides what `build_facts` holds already.

    Raises:
        StudyError: `build` is no Python code.
    """
    if isinstance(build, Network):
        return {}
    known = build_facts(build).get("sha256")
    return {name: text for name, text in reads(build).items() if text != known}


def build_facts(build: Callable[..., Any]) -> dict[str, str]:
    """What identifies `build` in a plan: a function's name, and a digest of its source; of a model its config's."""
    if isinstance(build, Network):
        return build.facts()
    name = f"{getattr(build, '__module__', '?')}:{getattr(build, '__qualname__', type(build).__name__)}"
    try:
        source = inspect.getsource(build)
    except (OSError, TypeError):  # defined at a prompt, or a callable object
        return {"function": name.replace("__main__", "script")}
    return {"function": name.replace("__main__", "script"), "sha256": hashlib.sha256(source.encode()).hexdigest()}


def direction_of(metric: str) -> Direction:
    """Whether more or less of a metric is better, from its name.

    Raises:
        StudyError: The name tells nothing.
    """
    name = metric.lower()
    falling, rising = (any(part in name for part in parts) for parts in (_FALLING, _RISING))
    if falling == rising:
        raise StudyError(
            received("The metric's name does not tell its direction: give `direction`, 'max' or 'min'", metric=metric)
        )
    return "min" if falling else "max"
