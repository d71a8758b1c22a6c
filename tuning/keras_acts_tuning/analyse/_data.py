"""The plain data that every part of the analysis takes and gives."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from keras_acts_tuning.errors import StudyError, nearest, received

Direction: TypeAlias = Literal["max", "min"]
Array: TypeAlias = NDArray[np.float64]

PRECISION = 1e-6
"""Share of themselves by which scores differ that single precision, in which most are computed, does not tell apart."""


class Plain:
    """A result that can be written as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data; what is not finite becomes `None`, since JSON has no word for it."""
        return plain(dataclasses.asdict(self))  # type: ignore[call-overload, no-any-return]


def plain(value: Any) -> Any:
    """Plain data that JSON can hold: NaN and the infinities, for which it has no word, become `None`."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Estimate(Plain):
    """An estimate with its interval.

    Args:
        value: The estimate.
        low: Lower end of its interval; `None` where the data allow none.
        high: Upper end, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scores(Plain):
    """What each arm reached with each seed.

    Args:
        metric: What was scored, such as `"accuracy"`.
        direction: `"max"` where more is better, `"min"` where less is.
        values: Scores by arm and seed. A failed trial is absent. One that diverged is infinite or
            NaN, and counts as worse than every finite score.
        planned: How many trials each arm was to have; an arm that is absent had as many as it has
            scores.

    Raises:
        StudyError: The direction is unknown, there is no arm, or one has more scores than planned.
    """

    metric: str
    direction: Direction
    values: Mapping[str, Mapping[int, float]]
    planned: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise StudyError(received("`direction` needs to be 'max' or 'min'", direction=self.direction))
        if not self.arms:
            raise StudyError(received("`Scores` needs at least one activation", values=dict(self.values)))
        for arm in self.arms:
            trials, planned = len(self.values.get(arm, {})), self.planned_of(arm)
            if trials > planned:
                need = f"`planned` needs to cover the scores of '{arm}'"
                raise StudyError(received(need, planned=planned, scores=trials))

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm, scored or not, in the order given."""
        return tuple(dict.fromkeys([*self.values, *self.planned]))

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return 1.0 if self.direction == "max" else -1.0

    def planned_of(self, arm: str) -> int:
        """How many trials the arm was to have."""
        return self.planned.get(arm, len(self.values.get(arm, {})))

    def finite(self, arm: str) -> dict[int, float]:
        """The arm's finite scores, by seed."""
        return {seed: float(score) for seed, score in self.values.get(arm, {}).items() if math.isfinite(score)}

    def diverged(self, arm: str) -> frozenset[int]:
        """The seeds with which the arm diverged."""
        return frozenset(seed for seed, score in self.values.get(arm, {}).items() if not math.isfinite(score))

    @cached_property
    def resolution(self) -> float:
        """The least step between two scores: the grain of a metric that counts, near 0 for a continuous one."""
        finite = np.unique([score for arm in self.arms for score in self.finite(arm).values()])
        steps = np.diff(finite)
        true = steps > PRECISION * np.maximum(np.abs(finite[:-1]), np.abs(finite[1:]))
        return float(np.min(steps[true])) if true.any() else 0.0


def check_arm(scores: Scores, arm: str, name: str) -> None:
    """Raise a `StudyError` unless `arm`, the value of the argument `name`, is one of the arms."""
    if arm not in scores.arms:
        raise StudyError(
            received(f"`{name}` needs to be one of the activations; {nearest(arm, scores.arms)}", **{name: arm})
        )


def check_fraction(name: str, value: float) -> None:
    """Raise a `StudyError` unless `value` lies strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise StudyError(received(f"`{name}` needs to lie between 0 and 1", **{name: value}))
