"""Figures of how good the activations are: every trial, differences, learning curves, ranks."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from keras_acts_tuning.analyse import Difference, Ranking
from keras_acts_tuning.report import _charts as charts, _facts as facts
from keras_acts_tuning.report._blocks import (
    Drawn,
    Figure,
    Missing,
    Table,
    listed,
    number,
    percent,
    table,
    word,
)
from keras_acts_tuning.report._charts import DASHED, better_side, beyond_the_axis
from keras_acts_tuning.report._picture import Colour, Line, Mark, Picture, Shape, Text, fitted, width_of
from keras_acts_tuning.report._scale import Scale, fixed, robust_range, short, spanning

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

SIGNS = {"better": "▲ better", "worse": "▼ worse", "none": "○ open"}


def scores(comparison: "Comparison") -> Drawn:
    """Every trial's score, and each arm's mean."""
    plan = comparison.plan
    by_arm = {arm: comparison.all_scores.finite(arm) for arm in facts.labels(comparison)}
    by_arm = {arm: values for arm, values in by_arm.items() if values}
    if not by_arm:
        return Missing("A plot needs at least one completed trial")
    means = {arm: float(np.mean(list(values.values()))) for arm, values in by_arm.items()}
    everything = [value for values in by_arm.values() for value in values.values()]
    low, high = robust_range(everything)

    def draw(width: float) -> Picture:
        notes = [fixed(mean, comparison.form) for mean in means.values()]
        chart = charts.rows(list(means), notes, width, bold=plan.reference)
        scale = chart.scale(lambda start, stop: spanning([low, high], start, stop))
        chart.axis(scale, f"{plan.metric} on the test part: {better_side(plan.direction)} is better")
        if plan.reference in means:
            x = scale(means[plan.reference])
            chart.picture.add(*chart.upright(x, "ink", DASHED))
        for (arm, values), y in zip(by_arm.items(), chart.centres, strict=True):
            offsets = np.linspace(-6, 6, len(values)) if len(values) > 1 else [0.0]
            for (seed, value), offset in zip(values.items(), offsets, strict=True):
                hint = f"{arm}, seed {seed}: {short(value)}"
                chart.picture.add(edged(scale, value, y + offset, size=2.8, colour="soft", opacity=0.75, hint=hint))
            x = scale(means[arm])
            colour: Colour = "ink" if arm == plan.reference else "blue"
            mean = Line([(x, y - 9), (x, y + 9)], colour, 3)
            beyond_it = Mark((x, y), "left" if means[arm] < scale.low else "right", colour, 5)
            chart.picture.add(mean if scale.holds(means[arm]) else beyond_it)
        return chart.picture

    beyond = sum(not low <= value <= high for value in everything)
    return Figure(
        "scores",
        "Every trial",
        f"A dot a trial, a bar for each activation's mean; the dashed line is {plan.reference}'s mean. "
        f"{plan.metric} is of the test part, which chose nothing." + beyond_the_axis(beyond),
        f"{plan.metric} of every trial, best mean first: "
        + listed(f"{arm} {fixed(mean, comparison.form)}" for arm, mean in means.items()),
        draw,
        table(
            f"{plan.metric} by activation and seed",
            ["activation", "mean", *(f"seed {seed}" for seed in plan.seeds)],
            (
                [
                    word(arm),
                    number(means[arm], comparison.form),
                    *(number(values.get(seed), comparison.form) for seed in plan.seeds),
                ]
                for arm, values in by_arm.items()
            ),
        ),
    )


def forest(comparison: "Comparison") -> Drawn:
    """Paired differences to the reference, with their intervals."""
    plan, analysis, signed = comparison.plan, comparison.analysis, f"+{comparison.form}"
    found = {arm: d for arm, d in analysis.differences.items() if d.difference is not None}
    sign = 1 if plan.direction == "max" else -1
    found = dict(sorted(found.items(), key=lambda item: -sign * _estimate(item[1])[0]))
    if not found:
        return Missing(
            f"Differences need an activation that shares a completed seed with the reference, {plan.reference}"
        )
    ends = {arm: _estimate(difference) for arm, difference in found.items()}
    reach = 6 * float(np.median([max(map(abs, values)) for values in ends.values()])) or math.inf
    clipped = [min(max(value, -reach), reach) for values in ends.values() for value in values]

    def draw(width: float) -> Picture:
        notes = [
            fixed(value, signed) + (f" [{fixed(low, signed)}, {fixed(high, signed)}]" if high > low else "")
            for value, low, high in ends.values()
        ]
        chart = charts.rows(list(found), notes, width)
        scale = chart.scale(lambda start, stop: spanning([*clipped, 0.0], start, stop))
        side = better_side(plan.direction)
        chart.axis(scale, f"difference in {plan.metric} to {plan.reference}: {side} of the line is better")
        chart.picture.add(*chart.upright(scale(0.0), "ink", DASHED))
        for (arm, difference), y in zip(found.items(), chart.centres, strict=True):
            value, low, high = ends[arm]
            shape, colour, filled = _look(difference)
            if high > low:
                chart.picture.add(Line([(scale(low), y), (scale(high), y)], colour, 2))
                for end in (low, high):
                    cap = Line([(scale(end), y - 4), (scale(end), y + 4)], colour, 2)
                    arrow = Mark((scale(end), y), "left" if end < scale.low else "right", colour)
                    chart.picture.add(cap if scale.holds(end) else arrow)
            hint = f"{arm}: {SIGNS[difference.finding]}, {difference.pairs} seeds"
            if scale.holds(value):
                chart.picture.add(Mark((scale(value), y), shape, colour, 5, filled, hint=hint))
        return chart.picture

    absent = [arm for arm in analysis.differences if arm not in found]
    level = f"{100 * analysis.level:g} %"
    single = all(difference.pairs < 2 for difference in found.values())
    return Figure(
        "forest",
        f"Differences to {plan.reference}",
        (
            "One seed in common: differences without intervals, which tell nothing of another seed."
            if single
            else f"Mean difference over the seeds that both completed, with its {level} interval. ▲ shown better, "
            "▼ shown worse, ○ open, after correction for all comparisons (Holm); an interval is its comparison's own, "
            "so it may leave out 0 where the corrected test still says open; from ten seeds on it allows for skewed "
            "noise, and may hold 0 where the test shows a difference."
        )
        + (f" Not shown, for want of a common seed: {listed(absent)}." if absent else "")
        + beyond_the_axis(sum(not -reach <= value <= reach for values in ends.values() for value in values)),
        f"Mean paired difference in {plan.metric} to {plan.reference}: "
        + listed(f"{arm} {fixed(ends[arm][0], signed)} ({SIGNS[d.finding][2:]})" for arm, d in found.items()),
        draw,
        table(
            f"Differences in {plan.metric} to {plan.reference}",
            [
                "activation",
                "difference",
                "low",
                "high",
                "shown",
                "p, corrected",
                "p",
                "effect (Hedges's g)",
                "chance to win with a new seed",
                "seeds in common",
                "exact ties",
                "seeds that would tell",
            ],
            (
                [
                    word(arm),
                    number(ends[arm][0], signed),
                    number(d.difference.low if d.difference else None, signed),
                    number(d.difference.high if d.difference else None, signed),
                    word(SIGNS[d.finding]),
                    number(d.p_corrected, ".2g"),
                    number(d.p, ".2g"),
                    number(d.effect, "+.2f"),
                    percent(d.improvement.value if d.improvement else None),
                    number(d.pairs),
                    number(d.ties),
                    number(d.seeds_needed),
                ]
                for arm, d in found.items()
            ),
        ),
    )


def curves(comparison: "Comparison") -> Drawn:
    """Mean validation metric over the epochs, with the mean's interval."""
    plan = comparison.plan
    found = facts.curves(comparison)
    known = [m for curve in found.values() for m in curve.means if math.isfinite(m.value)]
    if not known:
        return Missing("Learning curves need at least one completed trial with a finite validation metric")
    level = "95 %"
    bounds = robust_range([estimate.value for estimate in known], times=12)
    log = plan.direction == "min" and bounds[0] > 0 and bounds[1] > 50 * bounds[0]
    last = max((*(e for c in found.values() for e in c.epochs), *(e for c in found.values() for _, e, _ in c.ended)))
    reference = found.get(plan.reference)

    def draw(width: float) -> Picture:
        columns = charts.columns_for(width, len(found), wide=4, narrow=2)
        picture, places = charts.panels(
            list(found), width, columns=columns, height=100, margin=46, below=24, bold=plan.reference
        )
        for (arm, curve), place in zip(found.items(), places, strict=False):
            x = Scale(1, max(last, 2), place.left + 4, place.right - 4)
            y = spanning(bounds, place.bottom, place.top, log=log)
            charts.upright_axis(picture, y, left=place.left, right=place.right, labelled=place.leftmost)
            picture.add(Line([(place.left, place.bottom), (place.right, place.bottom)], "soft"))
            for epoch, anchor in ((1, "start"), (last, "end")):
                at = (x(epoch), place.bottom + 14)
                text = f"epoch {epoch}" if epoch == last else str(epoch)
                picture.add(Text(at, text, anchor, "soft", charts.SMALL))  # type: ignore[arg-type]
            if reference and arm != plan.reference:
                picture.add(*_pieces(x, y, reference, "soft", DASHED))
            bands = [
                (epoch, mean.low, mean.high)
                for epoch, mean in zip(curve.epochs, curve.means, strict=True)
                if mean.low is not None and mean.high is not None
            ]
            picture.add(charts.band(x, y, bands)) if len(bands) > 1 else None
            picture.add(*_pieces(x, y, curve, "ink" if arm == plan.reference else "blue"))
            if curve.means and not y.holds(curve.means[-1].value):
                picture.add(*_off_the_axis(x(curve.epochs[-1]), y, curve.means[-1].value, comparison.form))
            for seed, epoch, value in curve.ended:
                height = place.bottom - 6 if value is None else y(value)
                hint = f"{arm}, seed {seed}: diverged in epoch {epoch}"
                picture.add(Mark((x(epoch), height), "cross", "orange", 4, hint=hint))
        return picture

    diverged = any(curve.ended for curve in found.values())
    beyond = any(not bounds[0] <= mean.value <= bounds[1] for mean in known)
    return Figure(
        "curves",
        "Learning curves",
        f"{plan.metric} on the validation part after each epoch: the mean over seeds with its {level} band"
        + (" (none for one seed)" if all(curve.trials < 2 for curve in found.values()) else "")
        + f"; {plan.reference}'s mean is dashed in every panel. A band may reach beyond its panel."
        + (" Means far off are left out of the panels; an arrow says where one ends." if beyond else "")
        + (" ✕ marks the end of a trial that diverged; it counts in no mean." if diverged else "")
        + (" The axis is logarithmic." if log else ""),
        f"Mean validation {plan.metric} after the last epoch: "
        + listed(f"{arm} {fixed(c.means[-1].value, comparison.form)}" for arm, c in found.items() if c.means),
        draw,
        table(
            f"Validation {plan.metric}: mean over seeds",
            ["activation", "trials", *(f"epoch {epoch}" for epoch in _some_epochs(found.values())), "diverged"],
            (
                [
                    word(arm),
                    number(curve.trials),
                    *(number(_at(curve, epoch), comparison.form) for epoch in _some_epochs(found.values())),
                    number(len(curve.ended)),
                ]
                for arm, curve in found.items()
            ),
        ),
    )


def ranks(comparison: "Comparison") -> Drawn:
    """Where each arm ranks among the others, seed by seed."""
    found = facts.seed_ranks(comparison)
    if found is None:
        return Missing("Ranks need at least two seeds that two activations have both ended")
    places = found.ranks

    def draw(width: float) -> Picture:
        notes = [f"mean rank {found.mean_ranks[arm]:.2f}" for arm in places]
        chart = charts.rows(list(places), notes, width, bold=comparison.plan.reference)
        scale = chart.scale(lambda start, stop: Scale(1, len(places), start, stop, whole=True))
        chart.axis(scale, "rank, 1 the best")
        for (arm, values), y in zip(places.items(), chart.centres, strict=True):
            chart.picture.add(Line([(scale(min(values)), y), (scale(max(values)), y)], "soft", 1.5))
            for value in sorted(set(values)):
                count = values.count(value)
                size = 2.5 + 4.5 * math.sqrt(count / len(values))
                hint = f"{arm}: rank {short(value)} with {count} of {len(values)} seeds"
                chart.picture.add(Mark((scale(value), y), "circle", "soft", size, opacity=0.45, hint=hint))
            chart.picture.add(Mark((scale(found.mean_ranks[arm]), y), "diamond", "blue", 5))
        return chart.picture

    return Figure(
        "ranks",
        "Ranks over seeds",
        "Where each activation comes in with each seed: the larger a dot, the more seeds; ◆ is the mean. Equal scores "
        "share their rank, and a trial that diverged is last. This describes; the tests are those of the differences."
        + (f" Left out, for want of a trial with every seed: {listed(found.left_out)}." if found.left_out else ""),
        "Mean ranks: " + listed(f"{arm} {mean:.2f}" for arm, mean in found.mean_ranks.items()),
        draw,
        ranks_table("Ranks by seed", found),
    )


def critical_difference(found: Ranking) -> Figure:
    """Mean ranks over several studies, those that do not differ joined by a bar."""
    arms = list(found.mean_ranks)
    count = len(arms)

    def draw(width: float) -> Picture:
        size = charts.legible_size(width)
        half, step, top = (count + 1) // 2, 22.0, 62.0
        notes = {arm: f" {mean:.2f}" for arm, mean in found.mean_ranks.items()}
        reach = min(max(width_of(arm + note, size) for arm, note in notes.items()) + 14, 0.36 * width)
        x = Scale(1, count, reach, width - reach, whole=True)
        below = top + 14 + 9 * len(found.groups)
        picture = Picture(width, below + step * half + 8)
        stop = x.start + found.critical_difference / max(count - 1, 1) * (x.stop - x.start)
        inside = stop <= width
        ruler = min(stop, width - 2)
        picture.add(Line([(x.start, 14), (ruler, 14)], "ink", 2), Line([(x.start, 10), (x.start, 18)], "ink", 2))
        picture.add(Line([(ruler, 10), (ruler, 18)], "ink", 2) if inside else Mark((ruler, 14), "right", "ink", 4))
        text = f"critical difference {found.critical_difference:.2f}"
        picture.add(Text((x.start, 30), text, "start", "soft", charts.SMALL))
        picture.add(Line([(x.start, top), (x.stop, top)], "ink", 1.2))
        for value, label in x.ticks(max(2, int((x.stop - x.start) / 24))):
            picture.add(Line([(x(value), top - 5), (x(value), top)], "ink"))
            picture.add(Text((x(value), top - 9), label, "middle", "soft", charts.SMALL))
        for index, group in enumerate(found.groups):
            y = top + 10 + 9 * index
            ends = [x(found.mean_ranks[group[0]]) - 3, x(found.mean_ranks[group[-1]]) + 3]
            picture.add(Line([(ends[0], y), (ends[1], y)], "orange", 4))
        for index, arm in enumerate(arms):
            left = index < half
            y = below + step * (index if left else count - 1 - index) + 8
            mean = found.mean_ranks[arm]
            edge, anchor = (reach - 6, "end") if left else (width - reach + 6, "start")
            picture.add(Line([(x(mean), top), (x(mean), y), (edge, y)], "soft"))
            shown = fitted(arm, reach - 12 - width_of(notes[arm], size), size) + notes[arm]
            at = (edge - 4, y + 4) if left else (edge + 4, y + 4)
            picture.add(Text(at, shown, anchor, size=size, hint=arm))  # type: ignore[arg-type]
        return picture

    return Figure(
        "critical_difference",
        "Critical difference",
        "Mean rank over the studies, 1 the best (left). Activations joined by a bar are not shown to differ: two mean "
        f"ranks have to lie further apart than the critical difference, {found.critical_difference:.2f} (Nemenyi, 5 %)."
        + (f" Left out, for want of a score in every study: {listed(found.left_out)}." if found.left_out else ""),
        "Mean ranks: " + listed(f"{arm} {mean:.2f}" for arm, mean in found.mean_ranks.items()),
        draw,
        ranks_table("Ranks by study", found),
    )


def ranks_table(caption: str, found: Ranking) -> Table:
    """Each arm's rank in each task, and their mean."""
    return table(
        caption,
        ["activation", "mean rank", *found.tasks],
        (
            [word(arm), number(found.mean_ranks[arm], ".2f"), *(number(value) for value in values)]
            for arm, values in found.ranks.items()
        ),
    )


def edged(scale: Scale, value: float, y: float, *, size: float, colour: Colour, opacity: float, hint: str) -> Mark:
    """A dot, or an arrow at the edge for a value that the axis does not hold."""
    shape: Shape = "circle" if scale.holds(value) else "left" if value < scale.low else "right"
    return Mark((scale(value), y), shape, colour, size, opacity=opacity, hint=hint)


def _estimate(difference: Difference) -> tuple[float, float, float]:
    """The value and both ends; the value itself where there is no interval."""
    found = difference.difference
    assert found is not None
    return (
        found.value,
        found.value if found.low is None else found.low,
        found.value if found.high is None else found.high,
    )


def _look(difference: Difference) -> tuple[Shape, Colour, bool]:
    """Shape, colour, and whether the shape is filled."""
    match difference.finding:
        case "better":
            return "up", "blue", True
        case "worse":
            return "down", "orange", True
        case "none":
            return "circle", "soft", False


def _pieces(x: Scale, y: Scale, curve: facts.Curve, colour: Colour, dash: tuple[float, ...] = ()) -> list[Line]:
    """A curve as lines, broken where it is not finite or beyond the axis."""
    lines: list[list[tuple[float, float]]] = [[]]
    for epoch, mean in zip(curve.epochs, curve.means, strict=True):
        if math.isfinite(mean.value) and y.holds(mean.value):
            lines[-1].append((x(epoch), y(mean.value)))
        elif lines[-1]:
            lines.append([])
    return [Line(points, colour, 1.8, dash) for points in lines if points]


def _off_the_axis(x: float, y: Scale, value: float, form: str) -> list[Mark | Text]:
    """An arrow at the edge, and the number that it stands for."""
    edge, down = y(value), value < y.low
    return [
        Mark((x - 4, edge - 5 if down else edge + 5), "down" if down else "up", "orange"),
        Text((x - 14, edge - 2 if down else edge + 10), fixed(value, form), "end", "soft", charts.SMALL),
    ]


def _some_epochs(found: Iterable[facts.Curve]) -> list[int]:
    """A handful of the epochs that the curves show, first and last among them."""
    epochs = sorted({epoch for curve in found for epoch in curve.epochs})
    return [epochs[round(place)] for place in np.linspace(0, len(epochs) - 1, min(len(epochs), 6))]


def _at(curve: facts.Curve, epoch: int) -> float | None:
    return curve.means[curve.epochs.index(epoch)].value if epoch in curve.epochs else None
