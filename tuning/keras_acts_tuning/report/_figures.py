"""The figures of one study, each from the stored comparison alone."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from keras_acts_tuning.analyse import Difference, Estimate, Ranking, pareto_front
from keras_acts_tuning.report import _charts as charts, _facts as facts
from keras_acts_tuning.report._blocks import Cell, Figure, Missing, Table, amount, number, percent, table, word
from keras_acts_tuning.report._picture import Area, Colour, Line, Mark, Picture, Shape, Text, fitted, width_of
from keras_acts_tuning.report._scale import Scale, fixed, quantity, robust_range, short, spanning

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

Drawn: TypeAlias = Figure | Missing

DASHED = (4.0, 3.0)
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
        notes = [fixed(mean, ".4f") for mean in means.values()]
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
            chart.picture.add(Line([(x, y - 9), (x, y + 9)], colour, 3))
        return chart.picture

    beyond = sum(not low <= value <= high for value in everything)
    return Figure(
        "scores",
        "Every trial",
        f"A dot a trial, a bar for each activation's mean; the dashed line is {plan.reference}'s mean. "
        f"{plan.metric} is of the test part, which chose nothing." + beyond_the_axis(beyond),
        f"{plan.metric} of every trial, best mean first: "
        + listed(f"{arm} {fixed(mean, '.4f')}" for arm, mean in means.items()),
        draw,
        table(
            f"{plan.metric} by activation and seed",
            ["activation", "mean", *(f"seed {seed}" for seed in plan.seeds)],
            (
                [word(arm), number(means[arm], ".4f"), *(number(values.get(seed), ".4f") for seed in plan.seeds)]
                for arm, values in by_arm.items()
            ),
        ),
    )


def forest(comparison: "Comparison") -> Drawn:
    """Paired differences to the reference, with their intervals."""
    plan, analysis = comparison.plan, comparison.analysis
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
            f"{value:+.4f}".replace("-", "−")
            + (f" [{fixed(low, '+.4f')}, {fixed(high, '+.4f')}]" if high > low else "")
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
            "so it may leave out 0 where the corrected test still says open."
        )
        + (f" Not shown, for want of a common seed: {listed(absent)}." if absent else "")
        + beyond_the_axis(sum(not -reach <= value <= reach for values in ends.values() for value in values)),
        f"Mean paired difference in {plan.metric} to {plan.reference}: "
        + listed(f"{arm} {fixed(ends[arm][0], '+.4f')} ({SIGNS[d.finding][2:]})" for arm, d in found.items()),
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
                    number(ends[arm][0], "+.4f"),
                    number(d.difference.low if d.difference else None, "+.4f"),
                    number(d.difference.high if d.difference else None, "+.4f"),
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
    bounds = robust_range([estimate.value for estimate in known])
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
                picture.add(*_off_the_axis(x(curve.epochs[-1]), y, curve.means[-1].value))
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
        + listed(f"{arm} {fixed(c.means[-1].value, '.4f')}" for arm, c in found.items() if c.means),
        draw,
        table(
            f"Validation {plan.metric}: mean over seeds",
            ["activation", "trials", *(f"epoch {epoch}" for epoch in _some_epochs(found.values())), "diverged"],
            (
                [
                    word(arm),
                    number(curve.trials),
                    *(number(_at(curve, epoch), ".4f") for epoch in _some_epochs(found.values())),
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
    ranges = {m.name: robust_range([e.value for arm, e in m.values.items() if arm in means]) for m in panels}

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
                    number(mean, ".4f"),
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


def learned(comparison: "Comparison") -> Drawn:
    """What learned parameters became, layer by layer."""
    found = facts.learned(comparison)
    if not found:
        return Missing("Learned parameters need an activation that learns one, with a completed trial")
    groups: dict[tuple[str, str], list[facts.Learned]] = {}
    for item in found:
        groups.setdefault((item.arm, item.parameter), []).append(item)

    def draw(width: float) -> Picture:
        columns = charts.columns_for(width, len(groups), wide=2, narrow=1)
        depth = max(map(len, groups.values()))
        labels = {item.layer: _layer_name(item.layer) for item in found}
        column = min(max(map(width_of, labels.values())), 0.3 * width) + 8
        row = 20.0
        picture, places = charts.panels(
            [f"{arm}: {parameter}" for arm, parameter in groups],
            width,
            columns=columns,
            height=row * depth + 4,
            margin=column,
            gap=column + 16,
            below=charts.AXIS - 12,
        )
        for items, place in zip(groups.values(), places, strict=False):
            ends = [v for i in items for v in (i.least, i.greatest, i.start) if v is not None]
            x = spanning(ends, place.left + 6, place.right - 6)
            bottom = place.top + row * len(items) + 4
            for value, text in x.ticks(3):
                picture.add(Line([(x(value), place.top), (x(value), bottom)], "grid"))
                picture.add(Text((x(value), bottom + 14), text, "middle", "soft", charts.SMALL))
            picture.add(Line([(place.left, bottom), (place.right, bottom)], "soft"))
            for index, item in enumerate(items):
                y = place.top + row * (index + 0.5)
                picture.add(
                    Text((place.left - 8, y + 4), fitted(labels[item.layer], column - 8), "end", hint=item.layer)
                )
                picture.add(Line([(x(item.least), y), (x(item.greatest), y)], "blue", 2))
                if item.start is not None:
                    picture.add(Mark((x(item.start), y), "circle", "soft", 4, filled=False, hint="start"))
                picture.add(Mark((x(item.mean), y), "diamond", "blue", 4.5, hint=f"mean {short(item.mean)}"))
        return picture

    return Figure(
        "learned",
        "What was learned",
        "Learned parameters at the best epoch, by layer from input to output: ◆ mean over units and seeds, the line "
        "from the least to the greatest, ○ where it started.",
        listed(
            f"{i.arm}'s {i.parameter} in {_layer_name(i.layer)}: mean {short(i.mean)}, {short(i.least)} to "
            f"{short(i.greatest)}"
            for i in found[:12]
        ),
        draw,
        table(
            "Learned parameters",
            ["activation", "layer", "parameter", "start", "mean", "least", "greatest", "trials"],
            (
                [
                    word(i.arm),
                    word(i.layer),
                    word(i.parameter),
                    *(number(v, ".4g") for v in (i.start, i.mean, i.least, i.greatest)),
                    number(i.trials),
                ]
                for i in found
            ),
        ),
    )


def health(comparison: "Comparison") -> Drawn:
    """Dead and saturated units, and what becomes of the gradient, layer by layer."""
    found = facts.health(comparison)
    if not found:
        return Missing("The health of these networks was not recorded")

    def draw(width: float) -> Picture:
        columns = charts.columns_for(width, len(found), wide=4, narrow=2)
        picture, places = charts.panels(
            list(found), width, columns=columns, height=90, margin=46, below=24, bold=comparison.plan.reference
        )
        depth = max(len(item.layers) for item in found.values())
        for item, place in zip(found.values(), places, strict=False):
            x = Scale(1, max(depth, 2), place.left + 8, place.right - 8)
            y = Scale(0, 1, place.bottom, place.top)
            for value in (0.0, 0.5, 1.0):
                picture.add(Line([(place.left, y(value)), (place.right, y(value))], "soft" if not value else "grid"))
                if place.leftmost:
                    picture.add(
                        Text((place.left - 6, y(value) + 4), f"{100 * value:.0f} %", "end", "soft", charts.SMALL)
                    )
            picture.add(Text((place.left + 4, place.bottom + 14), "layer 1", "start", "soft", charts.SMALL))
            picture.add(Text((place.right - 4, place.bottom + 14), str(depth), "end", "soft", charts.SMALL))
            looks = (("dead", "orange", "down", ()), ("saturated", "blue", "up", DASHED))
            for name, colour, shape, dash in looks:
                values = [
                    (x(index), y(quantities[name]))
                    for index, quantities in enumerate(item.layers.values(), 1)
                    if name in quantities
                ]
                picture.add(Line(values, colour, 2, dash)) if len(values) > 1 else None  # type: ignore[arg-type]
                picture.add(*(Mark(at, shape, colour, 3.5) for at in values))  # type: ignore[arg-type]
        return picture

    return Figure(
        "health",
        "Health of the networks",
        "Share of units that are dead (▼, solid) and saturated (▲, dashed), by layer from input to output; the median "
        "over trials.",
        "; ".join(
            f"{arm}: {listed(item.findings) if item.findings else 'nothing found'}" for arm, item in found.items()
        ),
        draw,
        table(
            "Health by layer, medians over trials",
            ["activation", "layer", *facts.HEALTH.values(), "trials"],
            (
                [
                    word(arm),
                    word(layer),
                    *(
                        percent(quantities.get(name))
                        if name in ("dead", "saturated", "sparsity")
                        else number(quantities.get(name), ".3g")
                        for name in facts.HEALTH
                    ),
                    number(item.trials),
                ]
                for arm, item in found.items()
                for layer, quantities in item.layers.items()
            ),
        ),
    )


KINDS: dict[str, Callable[["Comparison"], Drawn]] = {
    "scores": scores,
    "forest": forest,
    "curves": curves,
    "ranks": ranks,
    "pareto": pareto,
    "costs": costs,
    "learned": learned,
    "health": health,
}
"""Every figure of a study, by its name on the command line."""


def critical_difference(found: Ranking) -> Figure:
    """Mean ranks over several studies, those that do not differ joined by a bar."""
    arms = list(found.mean_ranks)
    count = len(arms)

    def draw(width: float) -> Picture:
        size = charts.legible_size(width)
        half, step, top = (count + 1) // 2, 22.0, 62.0
        reach = min(max(width_of(arm, size) for arm in arms) + 44, 0.36 * width)
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
            note = f" {mean:.2f}"
            shown = fitted(arm, reach - 12 - width_of(note, size), size) + note
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


def listed(texts: Iterable[str]) -> str:
    """`a, b and c`."""
    texts = list(texts)
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def better_side(direction: str) -> str:
    """On which side of an axis the better scores lie."""
    return "right" if direction == "max" else "left"


def beyond_the_axis(count: int) -> str:
    """Says that something is drawn at the edge."""
    return " What lies far off is drawn as an arrow at the edge; its number is in the table." if count else ""


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


def _off_the_axis(x: float, y: Scale, value: float) -> list[Mark | Text]:
    """An arrow at the edge, and the number that it stands for."""
    edge, down = y(value), value < y.low
    return [
        Mark((x - 4, edge - 5 if down else edge + 5), "down" if down else "up", "orange"),
        Text((x - 14, edge - 2 if down else edge + 10), fixed(value, ".4f"), "end", "soft", charts.SMALL),
    ]


def _some_epochs(found: Iterable[facts.Curve]) -> list[int]:
    """A handful of the epochs that the curves show, first and last among them."""
    epochs = sorted({epoch for curve in found for epoch in curve.epochs})
    return [epochs[round(place)] for place in np.linspace(0, len(epochs) - 1, min(len(epochs), 6))]


def _at(curve: facts.Curve, epoch: int) -> float | None:
    return curve.means[curve.epochs.index(epoch)].value if epoch in curve.epochs else None


def _axis_unit(unit: str, values: Iterable[float]) -> tuple[float, str]:
    """What to divide numbers of that unit by on an axis, and the unit they have then."""
    if unit != "bytes":
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
    return Cell(f"{cell.text} ({low.rpartition(' ')[0]} to {high.rpartition(' ')[0]})", cell.order)


def _marked(estimate: Estimate | None, unit: str, on_front: bool) -> Cell:
    cell = amount(estimate.value if estimate else None, unit)
    return Cell(f"◆ {cell.text}", cell.order) if on_front else cell


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


def _layer_name(path: str) -> str:
    return path.rpartition("/")[2]
