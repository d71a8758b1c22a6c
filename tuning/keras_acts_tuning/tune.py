"""What is tuned for each arm before its trials, and how a network takes what was found."""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import keras

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.errors import MOST, StudyError, nearest, received, whole
from keras_acts_tuning.tasks import call_build

Tuner: TypeAlias = Literal["random", "bayesian", "hyperband"]

Space: TypeAlias = Mapping[str, Sequence[Any]]
"""What to tune, by name: a pair `(low, high)`, or a list of choices."""

SEARCH_SEED = MOST + 1
"""The seed of every training in a search. A study's own seeds stay below: what was tuned has not seen them."""


@dataclass(frozen=True)
class Tune:
    """How the hyper-parameters of each arm are searched, with the same budget for all.

    Args:
        space: For each hyper-parameter its `low`, `high` and whether the scale is `log`, or its
            `choices`; what `build` draws from `hp` is not in here.
        tuner: `"random"`, `"bayesian"` or `"hyperband"`.
        trials: The budget of an arm, in trainings of the study's epochs.
    """

    space: Mapping[str, Mapping[str, Any]]
    tuner: Tuner = "random"
    trials: int = 10

    def __post_init__(self) -> None:
        if self.tuner not in get_args(Tuner):
            raise StudyError(received(f"No such tuner; {nearest(str(self.tuner), get_args(Tuner))}", tuner=self.tuner))
        object.__setattr__(self, "trials", whole("tune_trials", self.trials, 1))

    @classmethod
    def of(
        cls, space: Space | None, build: Callable[..., Any], tuner: Tuner | None = None, trials: int | None = None
    ) -> "Tune | None":
        """How to tune what `space` and `build` ask for; `None` where they ask for nothing.

        Raises:
            StudyError: A name or a range of `space` cannot be, or there is nothing in it; or there is nothing to
                tune, and a tuner or its budget all the same.
        """
        takes = list(inspect.signature(build).parameters)
        how = {name: value for name, value in {"tuner": tuner, "trials": trials}.items() if value is not None}
        if space is None and "hp" not in takes:
            if how:
                need = "A tuner and its trials need `tune`, or a `build` that draws from `hp`"
                raise StudyError(received(need, tuner=tuner, tune_trials=trials))
            return None
        if space is not None and not space:
            raise StudyError(received("`tune` needs a hyper-parameter at least, such as learning_rate", tune={}))
        settable = [name for name in takes if name not in ("activation", "data", "hp")]
        for name in space or {}:
            if name != "learning_rate" and name not in settable:
                need = "`tune` needs learning_rate, or the names of arguments that `build` takes"
                raise StudyError(received(need, tune=name, build=settable))
        domains = {name: _domain(name, values) for name, values in (space or {}).items()}
        if tuner == "hyperband" and "hp" not in takes and all("choices" in domain for domain in domains.values()):
            need = "Hyperband needs a range (low, high) to draw from: choices run out before it has trained one fully"
            raise StudyError(received(need, tune=dict(space or {})))
        return cls(domains, **how)  # type: ignore[arg-type]

    def declare(self, hp: Any) -> None:
        """Declare the space to KerasTuner's `hp`."""
        for name, domain in self.space.items():
            if "choices" in domain:
                hp.Choice(name, list(domain["choices"]))
            else:
                number = hp.Int if isinstance(domain["low"], int) else hp.Float
                number(name, domain["low"], domain["high"], sampling="log" if domain["log"] else "linear")


@dataclass(frozen=True)
class Tuned:
    """A `build` with hyper-parameters that were found for it.

    Args:
        build: The user's.
        tune: What was tuned.
        values: What was found: `build` gets what its signature names, as an argument or in `hp`; else a
            `learning_rate` is set in the optimizer.
        hp: KerasTuner's, in a search; else one is made of the values.
    """

    build: Callable[..., Any]
    tune: Tune
    values: Mapping[str, Any]
    hp: Any = None

    def __call__(self, activation: Arm, data: Data) -> Any:
        """The compiled model.

        Raises:
            StudyError: A learning rate is to be set, and the optimizer has a schedule.
        """
        takes = inspect.signature(self.build).parameters
        model = call_build(self.build, activation=activation, data=data, hp=self._hp(takes), **self._further(takes))
        rate = "learning_rate"
        if rate in self.tune.space and rate not in takes and isinstance(model, keras.Model) and model.compiled:
            try:
                model.optimizer.learning_rate = self.values[rate]
            except TypeError as error:  # a schedule, which nothing can be set in
                need = "`tune` needs an optimizer with a number as learning rate, or a `build` that takes learning_rate"
                raise StudyError(received(need, optimizer=model.optimizer.name)) from error
        return model

    @property
    def given(self) -> dict[str, Any]:
        """What `build` itself is given of the values; the others are set in the optimizer alone."""
        takes = inspect.signature(self.build).parameters
        return dict(self.values) if "hp" in takes else self._further(takes)

    def _further(self, takes: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.values[name] for name in self.tune.space if name in takes}

    def _hp(self, takes: Mapping[str, Any]) -> Any:
        if self.hp is not None or "hp" not in takes:
            return self.hp
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        hp.values = dict(self.values)
        return hp


def tune_from(plain: Mapping[str, Any]) -> Tune | None:
    """What `tune_dict` wrote; nothing in plans that are older than tuning."""
    return Tune(**plain) if plain else None


def tune_dict(tune: Tune | None) -> dict[str, Any]:
    """The settings as plain data; empty for none."""
    return dataclasses.asdict(tune) if tune else {}


def described(values: Mapping[str, Any]) -> str:
    """Hyper-parameters in words."""
    return ", ".join(f"{name}={f'{v:.3g}' if isinstance(v, float) else v}" for name, v in values.items())


def _domain(name: str, values: Any) -> dict[str, Any]:
    """A range or choices, checked."""
    need = f"`{name}` needs a pair (low, high) of numbers with low below high, or a list of choices of one type"
    if isinstance(values, list) and values:
        if all(_is_number(value) for value in values) and any(isinstance(value, float) for value in values):
            values = [float(value) for value in values]
        if len({type(value) for value in values}) == 1 and isinstance(values[0], (bool, int, float, str)):
            least = min(values) if _is_number(values[0]) else 1
            return _above_zero(name, least, {"choices": list(dict.fromkeys(values))})
    elif isinstance(values, tuple) and len(values) == 2 and all(_is_number(value) for value in values):
        low, high = values if all(isinstance(value, int) for value in values) else map(float, values)
        if low < high:
            return _above_zero(name, low, {"low": low, "high": high, "log": low > 0})
    raise StudyError(received(need, **{name: values}))


def _above_zero(name: str, least: Any, domain: dict[str, Any]) -> dict[str, Any]:
    if name == "learning_rate" and not least > 0:
        raise StudyError(received("A learning rate needs to be above 0", learning_rate=least))
    return domain


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
