"""The plots of the activations: SVG that is legible on a light and on a dark page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from keras import ops
from matplotlib.axes import Axes

import keras_acts as ka
from keras_acts._lookup import family_of

GRAY = "#767676"  # contrast 4.5 on white, 4.1 on Furo's dark page
STYLE = {
    "axes.edgecolor": GRAY,
    "axes.labelcolor": GRAY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.prop_cycle": plt.cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]),
    "font.size": 10,
    "legend.frameon": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "keras-acts",
    "text.color": GRAY,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
}


FULL = (5.6, 3.2)
HALF = (4.0, 2.7)
THUMBNAIL = (1.5, 1.0)

SECTIONS: dict[str, tuple[float | None, ...] | None] = {
    "simplex": (None, 0.0, -1.0),
    "glu": (1.0, None),
    "glu_dense": None,
    "crelu": (None,),
    "k_winners": (None, 1.0, -1.0),
    "polynorm": (None, 1.0, -1.0),
}
"""The inputs of activations that are not elementwise, by name or family; the one that moves is `None`.

Those whose outputs are random at the start, or that need an image, have no plot.
"""


@dataclass(frozen=True)
class Plot:
    """A plot of an activation's page: its file, and what it shows."""

    file: str
    caption: str


def thumbnail(cls: type[ka.Activation]) -> str:
    """The file of an activation's small plot."""
    return f"{cls.spec.name}-small.svg"


@contextmanager
def drawing(path: Path, size: tuple[float, float] = FULL) -> Iterator[Axes]:
    """Axes in the style of the pages, saved at the end."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        yield axes
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def draw(cls: type[ka.Activation], folder: Path) -> list[Plot]:
    """Draw an activation's plots and its thumbnail into `folder`."""
    name = cls.spec.name
    if not cls.spec.elementwise:
        return _draw_section(cls, folder)
    with drawing(folder / thumbnail(cls), THUMBNAIL) as axes:
        ka.plot(name, ax=axes)
        _bare(axes)
    plots = [Plot(f"{name}.svg", f"{name} and its derivative, at the layer's defaults.")]
    with drawing(folder / plots[0].file) as axes:
        _cross(axes)
        ka.plot(name, ax=axes)
    for parameter, declared in cls.spec.params.items():
        if declared.search is not None:
            plots.append(
                Plot(f"{name}-{parameter}.svg", f"{name} over the values of {parameter} that a search covers.")
            )
            with drawing(folder / plots[-1].file, HALF) as axes:
                _cross(axes)
                ka.plot(name, over=parameter, derivative=False, ax=axes)
    return plots


def _draw_section(cls: type[ka.Activation], folder: Path) -> list[Plot]:
    """Draw how the outputs move with one input, where the others' values are chosen below."""
    name = cls.spec.name
    inputs = SECTIONS.get(name, SECTIONS.get(family_of(cls)))
    if inputs is None:
        return []
    x = np.linspace(-5.0, 5.0, 500)
    vectors = np.stack([x if value is None else np.full_like(x, value) for value in inputs], axis=-1)
    outputs = ops.convert_to_numpy(cls()(ops.convert_to_tensor(vectors, "float32")))
    shown = ", ".join("x" if value is None else f"{value:g}" for value in inputs).replace("-", "−")
    plot = Plot(f"{name}.svg", f"The outputs of {name} for the inputs ({shown}).")
    for file, size in ((plot.file, FULL), (thumbnail(cls), THUMBNAIL)):
        with drawing(folder / file, size) as axes:
            lines = axes.plot(x, outputs)
            axes.legend(lines, [f"output {number}" for number in range(1, len(lines) + 1)])
            (_cross if size == FULL else _bare)(axes)
    return [plot]


def _cross(axes: Axes) -> None:
    axes.axhline(0.0, color=GRAY, linewidth=0.6)
    axes.axvline(0.0, color=GRAY, linewidth=0.6)
    axes.set_xlabel("x")


def _bare(axes: Axes) -> None:
    """Leave the curves, and nothing that needs to be read."""
    axes.get_legend().remove()
    axes.set_axis_off()
