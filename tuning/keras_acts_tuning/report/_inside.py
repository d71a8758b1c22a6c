"""Figures of what goes on in the networks: what was learned, and their health."""

from typing import TYPE_CHECKING

from keras_acts_tuning.report import _charts as charts, _facts as facts
from keras_acts_tuning.report._blocks import Drawn, Figure, Missing, listed, number, percent, table, word
from keras_acts_tuning.report._charts import DASHED
from keras_acts_tuning.report._picture import Line, Mark, Picture, Text, fitted, width_of
from keras_acts_tuning.report._scale import Scale, short, spanning

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison


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
        reasons = dict.fromkeys(r for o in comparison.outcomes if (r := o.details.get("health_reason")))
        why = f": {listed(reasons)}" if reasons else ""
        return Missing(f"The health of these networks was not recorded{why}")

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
            if item.gradient is not None:
                at = (place.right - 4, place.top + 14)
                picture.add(Text(at, f"gradient × {short(float(f'{item.gradient:.2g}'))}", "end", "soft", charts.SMALL))
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
        "Share of units that are dead (▼, solid) and saturated (▲, dashed), by layer from input to output; medians "
        "over trials. In the corner: the gradient at the first layer over that at the last hidden one.",
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


def _layer_name(path: str) -> str:
    return path.rpartition("/")[2]
