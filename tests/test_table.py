"""A study as a flat table: the same rows in every format, and a clear word where a package is missing."""

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from test_plan import plan
from test_store import MEASUREMENT, outcome, resume

from keras_acts_tuning.comparison import Comparison, load
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.export import rows, write
from keras_acts_tuning.store import Outcome


@pytest.fixture
def study(tmp_path: Path) -> Comparison:
    with resume(tmp_path / "study", plan(seeds=(0, 1))) as store:
        for seed in (0, 1):
            store.add(outcome(seed=seed))
        store.add(Outcome(arm="gelu", seed=0, status="failed", reason='no, "none"', started="s", finished="f"))
        store.add_measurements([MEASUREMENT], {})
    return load(tmp_path / "study")


def test_a_row_a_trial_holds_plan_measures_and_what_was_timed_apart(study: Comparison) -> None:
    table = rows(study)
    assert [(row["arm"], row["seed"]) for row in table] == [("relu", 0), ("relu", 1), ("gelu", 0)]
    assert len({tuple(row) for row in table}) == 1
    first, failed = table[0], table[2]
    assert (first["data"], first["metric"], first["batch_size"], first["epochs"]) == ("toy", "accuracy", 8, 3)
    assert (first["score"], first["train_s"], first["energy_j"]) == (0.1, 0.5, None)
    assert [first[f"apart_step_ms{end}"] for end in ("", "_low", "_high")] == [1.5, 1.25, 2.0]
    assert (failed["status"], failed["score"], failed["train_s"], failed["apart_step_ms"]) == ("failed", *[None] * 3)


def test_a_row_an_epoch_holds_every_metric(study: Comparison) -> None:
    table = rows(study, histories=True)
    assert [(row["arm"], row["seed"], row["epoch"]) for row in table] == [
        ("relu", s, e) for s in (0, 1) for e in (1, 2)
    ]
    assert table[0]["loss"] == 0.3
    assert math.isnan(table[1]["loss"])


def test_csv_needs_no_pandas_and_reads_back(study: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pandas", "pyarrow"):
        monkeypatch.setitem(sys.modules, package, None)
    write(study, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert read == [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows(study)]


def test_json_has_null_where_there_is_no_number(study: Comparison, tmp_path: Path) -> None:
    write(study, tmp_path / "table.json", histories=True)
    assert [row["loss"] for row in json.loads((tmp_path / "table.json").read_text())] == [0.3, None] * 2


def test_parquet_reads_back(study: Comparison, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write(study, tmp_path / "table.parquet")
    assert parquet.read_table(tmp_path / "table.parquet").to_pylist() == rows(study)


def test_a_data_frame_has_the_rows(study: Comparison) -> None:
    pytest.importorskip("pandas")
    frame = study.to_pandas()
    assert list(frame.columns) == list(rows(study)[0])
    assert frame.groupby("arm").score.mean()["relu"] == pytest.approx(0.6)
    assert len(study.to_pandas(histories=True)) == 4


@pytest.mark.parametrize(("package", "use"), [("pyarrow", "write"), ("pandas", "frame")])
def test_a_missing_package_is_named_with_its_extra(
    study: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, use: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StudyError, match=rf"{package}: pip install 'keras-acts\[export\]'"):
        write(study, tmp_path / "table.parquet") if use == "write" else study.to_pandas()
    assert not list(tmp_path.glob("*table*"))


@pytest.mark.parametrize(("name", "message"), [("table.xls", "ends in .csv"), ("none/table.csv", "can be written")])
def test_a_file_that_cannot_be_is_refused(study: Comparison, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        write(study, tmp_path / name)


def test_a_failed_export_leaves_the_file_that_was_there(
    study: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    write(study, tmp_path / "table.csv")
    before = (tmp_path / "table.csv").read_bytes()
    monkeypatch.setattr(csv.DictWriter, "writerows", full)
    with pytest.raises(StudyError, match="No space left"):
        write(study, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["table.csv"]
