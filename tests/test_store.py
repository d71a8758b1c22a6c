"""The store: what is committed stays, and nothing else is ever overwritten."""

import dataclasses
import sqlite3
import time
from pathlib import Path

import filelock
import pytest
from test_plan import plan

from keras_acts_tuning.arms import arms_from
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.store import FILE_NAME, SCHEMA_VERSION, Outcome, Store


def outcome(arm: str = "relu", seed: int = 0) -> Outcome:
    return Outcome(
        arm=arm,
        seed=seed,
        status="completed",
        score=0.1 + seed,
        best_epoch=2,
        measures={"train_s": 0.5, "energy_j": None},
        started="2026-01-01T00:00:00",
        finished="2026-01-01T00:00:01",
        details={"engine": "graph"},
        history={"loss": [0.3, float("nan")]},
    )


def resume(directory: Path, study: Plan | None = None, *, extend: bool = False) -> Store:
    return Store.create_or_resume(directory, study or plan(), created="2026-01-01T00:00:00", extend=extend)


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome(), {"python": "3"})
    with Store.open(tmp_path) as store:
        (read,) = store.outcomes()
        assert repr(read) == repr(outcome())  # NaN is not equal to itself, its text is
        assert store.environments() == [{"python": "3"}]
        assert store.finished() == {("relu", 0)}
        (short,) = store.outcomes(long=False)
        assert short == dataclasses.replace(outcome(), details={}, history={})


def test_a_trial_is_stored_once(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome(), {})
        with pytest.raises(StudyError, match="UNIQUE"):
            store.add(outcome(), {})
        assert len(store.outcomes()) == 1


def test_the_same_plan_goes_on_and_another_is_refused_untouched(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome(), {})
    with resume(tmp_path) as store:
        assert store.finished() == {("relu", 0)}
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StudyError, match=r"holds another study.*epochs: stored 3, asked 9"):
        resume(tmp_path, plan(epochs=9))
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_more_seeds_extend_a_study_only_when_asked(tmp_path: Path) -> None:
    resume(tmp_path).close()
    bigger = plan(seeds=(0, 1, 2), arms=arms_from("relu,gelu,elu"))
    with pytest.raises(StudyError, match=r"add `--extend`.*activations added: elu; seeds added: 2"):
        resume(tmp_path, bigger)
    with resume(tmp_path, bigger, extend=True) as store:
        assert store.plan.seeds == (0, 1, 2)
    with pytest.raises(StudyError, match="holds another study"):
        resume(tmp_path, plan(epochs=9), extend=True)


def test_two_writers_are_refused_and_a_reader_is_welcome(tmp_path: Path) -> None:
    with resume(tmp_path) as writer:
        with pytest.raises(StudyError, match="Only one process"):
            resume(tmp_path)
        with Store.open(tmp_path) as reader:
            writer.add(outcome(), {})
            assert reader.finished() == {("relu", 0)}
    resume(tmp_path).close()


def test_a_failed_opening_leaves_no_lock(tmp_path: Path) -> None:
    resume(tmp_path).close()
    with pytest.raises(StudyError, match="another study"):
        resume(tmp_path, plan(epochs=9))
    filelock.FileLock(tmp_path / "study.lock").acquire(timeout=0).lock.release()


def test_a_directory_without_a_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="needs to hold a study"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_truncated_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome(), {})
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:5000])
    for use in (lambda: Store.open(tmp_path), lambda: resume(tmp_path)):
        with pytest.raises(StudyError, match="damaged"):
            use()
    assert len(file.read_bytes()) == 5000


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(StudyError, match="a study of keras-acts"):
        resume(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    resume(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StudyError, match="newer keras-acts"):
        Store.open(tmp_path)


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="needs to be writable"):
        resume(tmp_path / "file")


def test_ten_thousand_trials_are_read_quickly(tmp_path: Path) -> None:
    study = plan(seeds=tuple(range(5000)))
    with resume(tmp_path, study) as store:
        store._connection.execute("BEGIN")
        for seed in study.seeds:
            for arm in study.arms:
                store._connection.execute(
                    "INSERT INTO trials VALUES (?, ?, 'completed', '', 0.5, 1, '{}', 1, '', '', '{}', ?)",
                    [arm.label, seed, "[" + "0.123456789, " * 200 + "0]"],
                )
        store._connection.execute("COMMIT")
        started = time.perf_counter()
        assert len(store.finished()) == 10_000
        assert len(store.outcomes(long=False)) == 10_000
        assert time.perf_counter() - started < 2.0
