"""The report: one self-contained HTML file of one study or several, and its plots by themselves."""

from collections.abc import Sequence
from pathlib import Path

from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.errors import StudyError, nearest, received
from keras_acts_tuning.report._blocks import Missing
from keras_acts_tuning.report._charts import WIDE
from keras_acts_tuning.report._figures import KINDS
from keras_acts_tuning.report._page import page
from keras_acts_tuning.report._picture import save

PLOT_KINDS = tuple(KINDS)
"""Every plot of a study."""


def write_report(comparisons: Sequence[Comparison], path: Path) -> Path:
    """Write one HTML file of one study, or of several with their ranks over all of them.

    Args:
        comparisons: The studies, finished or not.
        path: The file.

    Returns:
        The file.

    Raises:
        StudyError: There is no study, or the file cannot be written.
    """
    if not comparisons:
        raise StudyError(received("A report needs at least one study", studies=[]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(comparisons), "utf-8", "replace")
    except OSError as error:
        raise StudyError(
            received(f"The report needs a file that can be written ({error.strerror})", path=str(path))
        ) from None
    return path


def save_plot(comparison: Comparison, kind: str, path: Path) -> Path:
    """Write one plot to a `.png`, `.svg` or `.pdf` file.

    Raises:
        StudyError: There is no such kind, the study has nothing to show in it, or the file cannot be
            written.
    """
    if kind not in KINDS:
        raise StudyError(received(f"`kind` needs to be one of {', '.join(KINDS)}; {nearest(kind, KINDS)}", kind=kind))
    figure = KINDS[kind](comparison)
    if isinstance(figure, Missing):
        raise StudyError(received(figure.need, directory=str(comparison.directory)))
    title = f"{figure.title}: {comparison.plan.data['name']}"
    save(figure.draw(WIDE), path, title=title, description=figure.description)
    return path


def save_plots(comparison: Comparison, folder: Path, ending: str) -> list[Path]:
    """Write every plot that the study has something to show in, named after its kind.

    Raises:
        StudyError: The folder cannot be made, or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        need = f"The plots need a folder that can be written ({error.strerror})"
        raise StudyError(received(need, folder=str(folder))) from None
    kinds = [kind for kind, draw in KINDS.items() if not isinstance(draw(comparison), Missing)]
    return [save_plot(comparison, kind, folder / f"{kind}.{ending}") for kind in kinds]
