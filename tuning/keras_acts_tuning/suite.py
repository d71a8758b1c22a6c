"""Several comparisons with the same settings: one a data set, and the ranks over them all."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from keras_acts_tuning.analyse import Ranking
from keras_acts_tuning.arms import Arm, arms_from
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.plan import seeds_from
from keras_acts_tuning.study import RESULTS, compare
from keras_acts_tuning.tasks import SUITES, tasks_from


def compare_suite(
    tasks: str | Iterable[str] = "small",
    *,
    activations: Iterable[str | Arm] | str | None = None,
    seeds: int | Iterable[int] = 3,
    measure: bool = False,
    directory: str | Path | None = None,
    **settings: Any,
) -> "Suite":
    """Compare activations on several built-in tasks, one study each, and rank them over all.

    Each study is stored in a directory of its own and goes on where it was, as `compare`'s does; what suites share
    is not trained again.

    Args:
        tasks: A suite's name (`"small"`: seven data sets), or the names of built-in tasks, as a list or as one text
            with commas. Defaults to `"small"`.
        activations: As `compare` takes them. Defaults to twelve classics.
        seeds: How many seeds, or the seeds themselves. Defaults to `3`.
        measure: Whether to time each activation apart, once its study has ended. Defaults to `False`.
        directory: Where the studies are stored, each below it under its task's name. Defaults to `results/suite-`
            and the suite's name, of other tasks to `results/suite`.
        **settings: Further arguments of `compare`, the same for every task; each trains its own network for epochs
            of its own unless they say otherwise.

    Returns:
        The studies, read from their stores.

    Raises:
        StudyError: There is no such suite or task, or the data of one are not installed: nothing has been written
            then. Or what `compare` refuses of one study; those before it are stored.
    """
    chosen = tasks_from(tasks)
    if directory is None:
        directory = RESULTS / (f"suite-{tasks}" if isinstance(tasks, str) and tasks in SUITES else "suite")
    home = Path(directory)
    settings |= {"activations": arms_from(activations), "seeds": seeds_from(seeds), "measure": measure}
    return Suite([compare(data=task.name, directory=home / task.name, **settings) for task in chosen], home)


def study_names(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What each study is called: its data's name, with its directory where two have one name."""
    names = [str(comparison.plan.data["name"]) for comparison in comparisons]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({comparison.directory})"
        for name, comparison in zip(names, comparisons, strict=True)
    )


class Suite:
    """Several comparisons, and what they show together.

    Args:
        comparisons: The studies.
        directory: Where their report goes.

    Attributes:
        names: What each study is called, in the order of `comparisons`.
    """

    def __init__(self, comparisons: Sequence[Comparison], directory: Path) -> None:
        self.comparisons = tuple(comparisons)
        self.names = study_names(comparisons)
        self.directory = directory

    @property
    def complete(self) -> bool:
        """Whether every trial that the plans ask for has ended."""
        return all(comparison.complete for comparison in self.comparisons)

    def ranking(self) -> Ranking | None:
        """The ranks over all studies; `None` where fewer than two studies or activations can be ranked."""
        from keras_acts_tuning.report import _facts as facts

        return facts.ranking({name: c.all_scores for name, c in zip(self.names, self.comparisons, strict=True)})

    def verdict(self) -> str:
        """Which activation ranks first over all studies, before which others it is shown to, and how sure that is."""
        from keras_acts_tuning.report import _words as words

        return " ".join(words.ranking_verdict(self.ranking(), len(self.comparisons)))

    def to_dict(self) -> dict[str, Any]:
        """The ranking and every study, as plain data."""
        ranking = self.ranking()
        return {
            "directory": str(self.directory),
            "complete": self.complete,
            "verdict": self.verdict(),
            "ranking": ranking.to_dict() if ranking else None,
            "studies": {name: c.to_dict() for name, c in zip(self.names, self.comparisons, strict=True)},
        }

    def report(self, path: str | Path | None = None) -> Path:
        """Write one report of all studies: an HTML file that needs no network.

        Args:
            path: The file. Defaults to `report.html` in the suite's directory.

        Returns:
            The file.

        Raises:
            StudyError: The file cannot be written.
        """
        from keras_acts_tuning.report import write_report

        return write_report(self.comparisons, Path(path) if path is not None else self.directory / "report.html")
