"""Plots of a comparison."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_acts_tuning.errors import StudyError, received

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

INK, ACCENT, PALE = "#1f2933", "#0072b2", "#9aa5b1"  # blue on grey: apart for every kind of colour vision


def scores_plot(comparison: "Comparison", path: Path) -> Path:
    """Every trial's score as a dot, each arm's mean as a bar, the reference's mean as a line.

    Raises:
        StudyError: No trial has completed, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    plan = comparison.plan
    rows = [row for row in comparison.table() if row.mean is not None][::-1]
    if not rows:
        raise StudyError(received("A plot needs at least one completed trial", directory=str(comparison.directory)))
    figure = Figure(figsize=(7.0, 1.2 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for height, row in enumerate(rows):
        scores = list(comparison.scores(row.activation).values())
        spread = np.linspace(-0.16, 0.16, len(scores)) if len(scores) > 1 else np.zeros(1)
        axes.scatter(scores, height + spread, s=14, color=PALE, linewidths=0, zorder=2)
        mean, colour = np.mean(scores), INK if row.activation == plan.reference else ACCENT
        axes.plot([mean, mean], [height - 0.3, height + 0.3], color=colour, linewidth=2.5, zorder=3)
    reference = next((row.mean for row in rows if row.activation == plan.reference), None)
    if reference is not None:
        axes.axvline(reference, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.set_yticks(range(len(rows)), [row.activation for row in rows])
    better = "more is better" if plan.direction == "max" else "less is better"
    axes.set_xlabel(f"{plan.metric} on the test part ({better})")
    axes.set_title(
        f"{plan.data['name']}: {len(plan.seeds)} seeds, {plan.epochs} epochs; dots: trials, bars: means, "
        f"dashed: {plan.reference}",
        fontsize=9,
        loc="left",
        color=INK,
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise StudyError(received(f"The plot needs a file that can be written ({error})", path=str(path))) from None
    return path
