"""Numbers on an axis and in words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """From values to places.

    Args:
        low: The value at `start`.
        high: The value at `stop`, another one.
        start: A place.
        stop: Another.
        log: Whether equal ratios lie equally far apart; both values are above 0 then.
        whole: Whether only whole numbers have ticks.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """The place of `value`; of the nearest end where it lies outside."""
        value = min(max(value, self.low), self.high)
        low, high, at = (
            (math.log(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        )
        return self.start + (at - low) / (high - low) * (self.stop - self.start)

    def holds(self, value: float) -> bool:
        """Whether `value` lies within the axis."""
        return self.low <= value <= self.high

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """About `count` round values with their texts, two at least."""
        if self.whole:
            count = max(1, min(count, int(self.high - self.low)))
        values = _log_ticks(self.low, self.high, count) if self.log else _ticks(self.low, self.high, count)
        return [(value, short(round(value, 12))) for value in values] if self.log else _alike(values)


def spanning(values: Iterable[float], start: float, stop: float, *, log: bool = False, room: float = 0.04) -> Scale:
    """A scale that holds all values, with some room at either end; a value apart where all are equal."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    if log:
        ratio = max((high / low) ** room, 1.2 if high == low else 1.0)
        return Scale(low / ratio, high * ratio, start, stop, log=True)
    margin = room * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(low - margin, high + margin, start, stop)


def robust_range(values: Sequence[float], times: float = 4.0) -> tuple[float, float]:
    """The least and the greatest value that are not far from all others.

    One activation that does not train would squeeze all others into a line: what lies further from the
    middle half than so many times its length is drawn at the edge.
    """
    low, high = np.quantile(values, [0.25, 0.75])
    reach = times * (high - low) or math.inf
    near = [value for value in values if low - reach <= value <= high + reach]
    return min(near), max(near)


def short(value: float | None) -> str:
    """A number in few letters: four digits, thousands apart, ∞ for what is infinite, – for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-4 <= size < 1e7:
        return _signed(f"{value:.3g}")
    digits = max(0, 3 - math.floor(math.log10(size))) if size else 0
    text = f"{value:,.{min(digits, 6)}f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def fixed(value: float | None, form: str) -> str:
    """A number in a form such as `".4f"`, with words for what is no number."""
    return short(value) if value is None or not math.isfinite(value) else _signed(format(value, form))


def share(value: float | None) -> str:
    """A fraction in per cent."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit; bytes in the multiple that suits."""
    if value is not None and unit == "B":
        for bigger in ("KiB", "MiB", "GiB"):
            value /= 1024
            unit = bigger
            if abs(value) < 1000:
                break
    if value is None or not math.isfinite(value):
        return short(value)
    if not unit:
        return short(value)
    plain = 1e-3 <= abs(value) < 1e7 or not value
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{f'{value:,.{digits}f}' if plain else f'{value:.3g}'}\N{NO-BREAK SPACE}{unit}"


def _alike(values: list[float]) -> list[tuple[float, str]]:
    """Values at equal steps, each with its text of as many digits as the step needs."""
    digits = max(0, -math.floor(math.log10(values[1] - values[0]) + 1e-9))
    plain = digits <= 6 and max(map(abs, values)) < 1e7
    return [(value, _signed(f"{value:,.{digits}f}") if plain else short(value)) for value in values]


def _signed(text: str) -> str:
    """With a minus sign instead of a hyphen; no minus for zero."""
    if text.startswith("-") and not text.strip("-0.,"):
        return text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _ticks(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    first_step = next(place for place, factor in enumerate((1, 2, 5, 10)) if power * factor >= rough * (1 - 1e-9))
    for factor in (0.5, 1, 2, 5, 10)[first_step + 1 :: -1]:
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last > first:
            break
    return [index * step for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        ticks = [f * 10.0**p for p in powers for f in factors if low <= f * 10.0**p <= high]
        if len(ticks) >= min(count, 3):
            break
    if len(ticks) < 2:
        return _ticks(low, high, count)
    return ticks[:: math.ceil(len(ticks) / count)]
