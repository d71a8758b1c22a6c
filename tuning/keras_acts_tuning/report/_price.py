"""Figures of what the activations cost, and of scores against it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from keras_acts_tuning.analyse import Estimate, pareto_front
from keras_acts_tuning.report import _charts as charts, _facts as facts
from keras_acts_tuning.report._blocks import (
    Cell,
    Drawn,
    Figure,
    Missing,
    amount,
    listed,
    number,
    table,
    word,
)
from keras_acts_tuning.report._charts import DASHED, beyond_the_axis
from keras_acts_tuning.report._picture import Area, Line, Mark, Picture, Shape, Text, fitted, width_of
from keras_acts_tuning.report._scale import Scale, quantity, robust_range, short, spanning

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison


def pareto(comparison: "Comparison") -> Drawn:
    """Score against each cost, and what no other activation beats on both."""
    plan = comparison.plan
    means = {r.activation: r.mean for r in comparison.table() if r.mean is not None and math.isfinite(r.mean)}
    panels = [
        measure
        for measure in facts.measures(comparison)
        if measure.weighed and len({e.value for arm, e in measure.values.items() if arm in means}) > 1
    ]
    if len(means) < 2 or not panels:
        return Missing("Score against cost needs two activations with a score and with measured costs")
    fronts = {
        measure.name: pareto_front(
            {plan.metric: means, measure.name: {arm: e.value for arm, e in measure.values.items() if arm in means}},
            {plan.metric: plan.direction, measure.name: measure.direction},
        ).front
        for measure in panels
    }
    low, high = robust_range(list(means.values()))
    ranges = {m.name: _range_with_front(m, means, (low, high), fronts[m.name]) for m in panels}

    def draw(width: float) -> Picture:
        columns = charts.columns_for(width, len(panels), wide=2, narrow=1)
        picture, places = charts.panels(
            [m.name for m in panels], width, columns=columns, height=260, margin=52, gap=58, below=charts.AXIS + 14
        )
        for measure, place in zip(panels, places, strict=False):
            values = {arm: e.value for arm, e in measure.values.items() if arm in means}
            least, greatest = ranges[measure.name]
            log = least > 0 and greatest > 8 * least
            x = spanning([least, greatest], place.left + 6, place.right - 6, log=log, room=0.08)
            y = spanning([low, high], place.bottom - 4, place.top + 4, room=0.08)
            charts.upright_axis(picture, y, left=place.left, right=place.right)
            unit = f" ({_axis_unit(measure.unit, values.values())[1]})" if measure.unit else ""
            factor = _axis_unit(measure.unit, values.values())[0]
            shown = Scale(x.low / factor, x.high / factor, x.start, x.stop, log)
            charts.axis(
                picture,
                shown,
                f"{measure.name}{unit}{', logarithmic' if log else ''}",
                bottom=place.bottom,
                left=place.left,
                right=place.right,
            )
            front = sorted((values[arm], means[arm]) for arm in fronts[measure.name])
            stairs = _stairs(x, y, front)
            picture.add(Line(stairs, "blue", 1.2, DASHED))
            for arm, value in values.items():
                best = arm in fronts[measure.name]
                hint = f"{arm}: {plan.metric} {short(means[arm])}, {quantity(value, measure.unit)}"
                at, arrow = (x(value), y(means[arm])), _arrow(x, y, value, means[arm])
                if arrow:
                    picture.add(Mark(at, arrow, "orange", 4.5, hint=hint))
                elif best:
                    picture.add(Mark(at, "diamond", "blue", 5, hint=hint))
                else:
                    picture.add(Mark(at, "circle", "soft", 4, filled=False, hint=hint))
            spots = {arm: (x(value), y(means[arm])) for arm, value in values.items()}
            picture.add(*_labels(spots, stairs, place, plan.reference))
        return picture

    beyond = sum(
        not (low <= means[arm] <= high and ranges[m.name][0] <= e.value <= ranges[m.name][1])
        for m in panels
        for arm, e in m.values.items()
        if arm in means
    )
    everywhere = [arm for arm in means if all(arm in front for front in fronts.values())]
    up = "up" if plan.direction == "max" else "down"
    return Figure(
        "pareto",
        "Score against cost",
        f"Mean {plan.metric} against what it costs: {up} and to the left is better. ◆ on the dashed line: no other "
        "activation is as good on both and better on one. Means and medians only: a small lead on either may be chance."
        + (f" On every line: {listed(everywhere)}." if everywhere and len(panels) > 1 else "")
        + beyond_the_axis(beyond),
        "; ".join(f"best trade-offs of {plan.metric} and {name}: {listed(front)}" for name, front in fronts.items()),
        draw,
        table(
            "Score and costs; ◆ where no other is as good on both and better on one",
            ["activation", plan.metric, *(measure.name for measure in panels)],
            (
                [
                    word(arm),
                    number(mean, comparison.form),
                    *(
                        _marked(measure.values.get(arm), measure.unit, arm in fronts[measure.name])
                        for measure in panels
                    ),
                ]
                for arm, mean in means.items()
            ),
        ),
    )


def costs(comparison: "Comparison") -> Drawn:
    """What each activation costs, by every measure."""
    reference = comparison.plan.reference
    found = [measure for measure in facts.measures(comparison) if measure.values]
    arms = facts.labels(comparison)
    arms = [arm for arm in arms if any(arm in measure.values for measure in found)]
    if not arms:
        return Missing("Costs need at least one completed trial")

    def draw(width: float) -> Picture:
        columns = charts.columns_for(width, len(found), wide=3, narrow=1)
        column = min(max(map(width_of, arms)), 0.3 * width, 150) + 8
        row = 20.0
        picture, places = charts.panels(
            [f"{m.name}" + (" (more is better)" if m.direction == "max" else "") for m in found],
            width,
            columns=columns,
            height=row * len(arms),
            margin=column,
            gap=18,
            below=14,
        )
        for measure, place in zip(found, places, strict=False):
            texts = {arm: quantity(e.value, measure.unit) for arm, e in measure.values.items()}
            room = max(width_of(text, charts.SMALL) for text in texts.values()) + 8
            greatest = max(max(e.value, e.high or 0.0) for e in measure.values.values()) or 1.0
            x = Scale(0, greatest, place.left, max(place.right - room, place.left + 20))
            for index, arm in enumerate(arms):
                y = place.top + row * (index + 0.5)
                if place.leftmost:
                    label = fitted(arm, column - 8)
                    hint = arm if label != arm else ""
                    picture.add(Text((column - 8, y + 4), label, "end", bold=arm == reference, hint=hint))
                if arm not in measure.values:
                    picture.add(Text((place.left + 4, y + 4), "not measured", "start", "soft", charts.SMALL))
                    continue
                estimate, end = measure.values[arm], x(measure.values[arm].value)
                corners = [(place.left, y - 6), (end, y - 6), (end, y + 6), (place.left, y + 6)]
                picture.add(Area(corners, "soft" if arm == reference else "blue", 0.85, hint=f"{arm}: {texts[arm]}"))
                if estimate.low is not None and estimate.high is not None:
                    picture.add(Line([(x(estimate.low), y), (x(estimate.high), y)], "ink", 1.5))
                    end = max(end, x(estimate.high))
                picture.add(Text((end + 5, y + 4), texts[arm], "start", "soft", charts.SMALL))
            picture.add(Line([(place.left, place.top), (place.left, place.bottom)], "soft"))
            if reference in measure.values:
                at = x(measure.values[reference].value)
                picture.add(Line([(at, place.top), (at, place.bottom)], "ink", 1, DASHED))
        return picture

    return Figure(
        "costs",
        "Costs",
        f"What an activation costs; the dashed line is {reference}. A thin line across a bar's end is its spread. "
        "Times compare only if nothing else ran meanwhile, other trials included.",
        "; ".join(
            f"{measure.name}: "
            + listed(f"{arm} {quantity(e.value, measure.unit)}" for arm, e in measure.values.items())
            for measure in found
        ),
        draw,
        table(
            "Costs",
            ["activation", *(measure.name for measure in found)],
            ([word(arm), *(_with_spread(m.values.get(arm), m.unit) for m in found)] for arm in arms),
        ),
    )


def _axis_unit(unit: str, values: Iterable[float]) -> tuple[float, str]:
    """What to divide numbers of that unit by on an axis, and the unit they have then."""
    if unit != "B":
        return 1.0, unit
    greatest = max(values)
    for factor, bigger in ((2.0**30, "GiB"), (2.0**20, "MiB")):
        if greatest >= factor:
            return factor, bigger
    return 1024.0, "KiB"


def _stairs(x: Scale, y: Scale, front: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    points = [(x(front[0][0]), y(front[0][1]))]
    for cost, score in front[1:]:
        points += [(x(cost), points[-1][1]), (x(cost), y(score))]
    return points


def _with_spread(estimate: Estimate | None, unit: str) -> Cell:
    cell = amount(estimate.value if estimate else None, unit)
    if estimate is None or estimate.low is None or estimate.high is None:
        return cell
    low, high = quantity(estimate.low, unit), quantity(estimate.high, unit)
    return Cell(f"{cell.text} ({low} to {high})", cell.order)


def _marked(estimate: Estimate | None, unit: str, on_front: bool) -> Cell:
    cell = amount(estimate.value if estimate else None, unit)
    return Cell(f"◆ {cell.text}", cell.order) if on_front else cell


def _range_with_front(
    measure: facts.Measure, means: dict[str, float], shown: tuple[float, float], front: Iterable[str]
) -> tuple[float, float]:
    """The costs that an axis holds: those not far off, and those of the front where its scores are shown."""
    low, high = robust_range([e.value for arm, e in measure.values.items() if arm in means])
    ends = [measure.values[arm].value for arm in front if shown[0] <= means[arm] <= shown[1]]
    return min(low, *ends), max(high, *ends)


def _arrow(x: Scale, y: Scale, cost: float, score: float) -> Shape | None:
    """Towards what lies beyond an axis; `None` where nothing does."""
    if not y.holds(score):
        return "down" if score < y.low else "up"
    if not x.holds(cost):
        return "left" if cost < x.low else "right"
    return None


def _labels(
    spots: dict[str, tuple[float, float]], stairs: Sequence[tuple[float, float]], place: charts.Panel, bold: str
) -> list[Text | Line]:
    """A label by each spot, or near it with a line to it, where it covers nothing; none where there is no room."""
    size = charts.SMALL
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots.values()]
    taken += [(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in pairwise(stairs)]
    labels: list[Text | Line] = []
    for arm, (x, y) in spots.items():
        text = fitted(arm, 130, size)
        width = width_of(text, size)
        for away, dx, dy in _sides(width):
            box = (x + dx, y + dy - 9, x + dx + width, y + dy + 2)
            inside = place.left <= box[0] and box[2] <= place.right and place.top <= box[1] and box[3] <= place.bottom
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                if away > _BESIDE:
                    end = (min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3]))
                    labels.append(Line([(x, y), end], "soft", 0.7))
                labels.append(Text((x + dx, y + dy), text, size=size, bold=arm == bold))
                break
    return labels


_BESIDE = 8.0


def _sides(width: float) -> Iterator[tuple[float, float, float]]:
    """Where a label of that width may go, as its distance and where its text starts; the nearest places first."""
    for away in (_BESIDE, 24.0, 40.0, 60.0):
        yield from ((away, away, 4.0), (away, -away - width, 4.0))
        yield from ((away, -width / 2, -away - 1), (away, -width / 2, away + 10))
        yield from ((away, dx, side * away + 4) for dx in (away, -away - width) for side in (-0.8, 0.8))


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
