"""A study as one flat table, for other programs: a row a trial, or a row an epoch."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from keras_acts_tuning.errors import StudyError, received

if TYPE_CHECKING:
    from keras_acts_tuning.comparison import Comparison

Table: TypeAlias = list[dict[str, Any]]
"""Rows that all have the same columns, in the same order."""


def rows(comparison: "Comparison", *, histories: bool = False) -> Table:
    """The study as rows of plain values.

    Args:
        comparison: The study.
        histories: Whether to give a row an epoch instead of a row a trial.
    """
    return _filled(_epochs(comparison) if histories else _trials(comparison))


def write(comparison: "Comparison", file: str | Path, *, histories: bool = False) -> None:
    """Write the rows to a file.

    Args:
        comparison: The study.
        file: Its ending says the format: `.csv`, `.json` or `.parquet`. A file that is there is replaced.
        histories: As for `rows`.

    Raises:
        StudyError: The ending is another, the file cannot be written, or Parquet lacks its package.
    """
    file = Path(file)
    if file.suffix not in _WRITERS:
        raise StudyError(received("An export needs a file that ends in .csv, .json or .parquet", file=str(file)))
    table = rows(comparison, histories=histories)
    draft = file.with_name(f".{file.name}.draft")  # so that no half of a file is left
    try:
        _WRITERS[file.suffix](table, draft)
        draft.replace(file)
    except OSError as error:
        raise StudyError(received(f"An export needs a file that can be written ({error})", file=str(file))) from error
    finally:
        if draft.exists():
            draft.unlink()


def to_pandas(table: Table) -> Any:
    """The rows as a pandas data frame.

    Raises:
        StudyError: pandas is missing.
    """
    try:
        import pandas
    except ImportError:
        raise StudyError("A data frame needs pandas: pip install 'keras-acts[export]'") from None
    return pandas.DataFrame(table)


def _trials(comparison: "Comparison") -> Table:
    plan = comparison.plan
    study = {
        "data": plan.data["name"],
        "data_sha256": plan.data.get("sha256"),
        "build": plan.build.get("function"),
        "backend": plan.backend,
        "metric": plan.metric,
        "direction": plan.direction,
        "reference": plan.reference,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "split_seed": plan.split_seed,
    }
    apart: dict[str, dict[str, Any]] = {arm.label: {} for arm in plan.arms}
    for m in comparison.measurements:
        apart[m.arm] |= {f"apart_{m.name}": m.value, f"apart_{m.name}_low": m.low, f"apart_{m.name}_high": m.high}
    table = []
    for outcome in comparison.outcomes:
        arm = plan.arm(outcome.arm)
        table.append(
            {
                **study,
                "arm": arm.label,
                "activation": arm.name,
                "arguments": json.dumps(dict(arm.arguments)),
                "seed": outcome.seed,
                "status": outcome.status,
                "reason": outcome.reason,
                "score": outcome.score,
                "best_epoch": outcome.best_epoch,
                "started": outcome.started,
                "finished": outcome.finished,
                "engine": outcome.details.get("engine"),
                "alone": outcome.details.get("alone"),
                **outcome.measures,
                **apart[arm.label],
            }
        )
    return table


def _epochs(comparison: "Comparison") -> Table:
    return [
        {
            "data": comparison.plan.data["name"],
            "arm": outcome.arm,
            "seed": outcome.seed,
            "status": outcome.status,
            "epoch": epoch,
            **dict(zip(outcome.history, values, strict=True)),
        }
        for outcome in comparison.outcomes
        for epoch, values in enumerate(zip(*outcome.history.values(), strict=True), 1)
    ]


def _filled(table: Table) -> Table:
    """Every row with every column: a trial that failed has fewer."""
    columns = dict.fromkeys(column for row in table for column in row)
    return [{**columns, **row} for row in table]


def _write_csv(table: Table, file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, fieldnames=list(table[0]) if table else [])
        writer.writeheader()
        writer.writerows(table)


def _write_json(table: Table, file: Path) -> None:
    # JSON has no word for NaN and the infinities.
    plain = [
        {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()} for row in table
    ]
    file.write_text(json.dumps(plain, indent=2), encoding="utf-8")


def _write_parquet(table: Table, file: Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise StudyError("Parquet needs pyarrow: pip install 'keras-acts[export]'") from None
    parquet.write_table(pyarrow.Table.from_pylist(table), file)


_WRITERS: dict[str, Callable[[Table, Path], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
