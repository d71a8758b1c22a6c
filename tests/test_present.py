"""What the command line prints is whole on any terminal."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_plan import plan
from test_store import MEASUREMENT, outcome, resume

from keras_acts_tuning import present
from keras_acts_tuning.arms import Arm
from keras_acts_tuning.comparison import Comparison, load
from keras_acts_tuning.suite import Suite


@pytest.fixture
def study(tmp_path: Path) -> Comparison:
    arms = (Arm("relu"), Arm.parse("leaky_relu(negative_slope=0.123)"))
    with resume(tmp_path / "study", plan(arms=arms, seeds=(0, 1))) as store:
        for arm in arms:
            for seed in (0, 1):
                measured = {"train_s": 12.34, "step_ms": 5.67, "peak_memory_bytes": 89.0 * 2**20, "parameters": 1234567}
                store.add(dataclasses.replace(outcome(seed=seed), arm=arm.label, score=0.125 * seed, measures=measured))
            store.add_measurements([dataclasses.replace(MEASUREMENT, arm=arm.label, value=6.54)], {})
    return load(tmp_path / "study")


def printed(study: Comparison, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(present, "_console", lambda: Console(width=width))
    present.print_result(study, as_json=False)
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_cell_of_the_table_is_lost(study: Comparison, width: int, monkeypatch: Any, capsys: Any) -> None:
    out = printed(study, width, monkeypatch, capsys)
    table = out.partition("accuracy on the test part")[0]
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= width
    for cell in ("relu", "0.0625", "± 0.0884", "+0.0000  ", "-0.4585 to +0.4585", "2/2", "6.54", "89 MiB", "1,234,567"):
        assert cell in table, cell
    assert "leaky_relu(negative_slope=0.123)" in "".join(line.split("  ")[0] for line in table.splitlines())


@pytest.mark.parametrize(("size", "cells"), [(1e-6, ("6.250e-08", "8.839e-08")), (1e8, ("6.250e+06", "8.839e+06"))])
def test_scores_of_any_size_can_be_read(
    study: Comparison, size: float, cells: tuple[str, ...], monkeypatch: Any, capsys: Any
) -> None:
    sized = [dataclasses.replace(o, score=(o.score or 0) * size) for o in study.outcomes]
    out = printed(Comparison(study.directory, study.plan, sized, []), 80, monkeypatch, capsys)
    assert "…" not in out
    for cell in ("relu", *cells):
        assert cell in out


def test_ranks_keep_the_activations_names_on_a_narrow_terminal(
    study: Comparison, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(present, "_console", lambda: Console(width=80))
    suite = Suite([study] * 7, study.directory)
    suite.names = tuple(f"some_data_set_{place}" for place in range(7))
    monkeypatch.setattr(present, "_print_comparison", lambda comparison: None)
    present.print_result(suite, as_json=False)
    out = capsys.readouterr().out.partition("1 is the best")[0]
    assert "…" not in out
    assert "leaky_relu(negative_slope=0.123)" in "".join(line.split("  ")[0].strip() for line in out.splitlines())


def test_tasks_are_listed_whole_on_a_narrow_terminal(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(present, "_console", lambda: Console(width=80))
    present.print_tasks(as_json=False)
    assert "…" not in capsys.readouterr().out


def test_a_wide_terminal_has_one_table(study: Comparison, monkeypatch: Any, capsys: Any) -> None:
    assert printed(study, 200, monkeypatch, capsys).count("activation  ") == 1
    assert printed(study, 80, monkeypatch, capsys).count("activation  ") == 2
