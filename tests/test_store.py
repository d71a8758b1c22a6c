"""The store: what is committed stays, and nothing else is ever overwritten."""

import dataclasses
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import filelock
import pytest
from test_plan import plan

from keras_acts_tuning import store as stores
from keras_acts_tuning.arms import arms_from
from keras_acts_tuning.comparison import load
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import Plan
from keras_acts_tuning.store import FILE_NAME, SCHEMA_VERSION, Measurement, Outcome, Store, Tuning


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
        environment={"python": "3"},
    )


def resume(directory: Path, study: Plan | None = None, *, extend: bool = False) -> Store:
    return Store.create_or_resume(directory, study or plan(), created="2026-01-01T00:00:00", extend=extend)


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
    with Store.open(tmp_path) as store:
        (read,) = store.outcomes()
        assert repr(read) == repr(outcome())  # NaN is not equal to itself, its text is
        assert store.environments() == [{"python": "3"}]
        assert store.finished() == {("relu", 0)}
        (short,) = store.outcomes(long=False)
        assert short == dataclasses.replace(outcome(), details={}, history={}, environment={})


def test_a_trial_is_stored_once(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
        with pytest.raises(StudyError, match="UNIQUE"):
            store.add(outcome())
        assert len(store.outcomes()) == 1


def test_the_same_plan_goes_on_and_another_is_refused_untouched(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
    with resume(tmp_path) as store:
        assert store.finished() == {("relu", 0)}
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StudyError, match=r"holds another study.*epochs: stored 3, asked 9"):
        resume(tmp_path, plan(epochs=9))
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("kind", ["trial", "tuning", "measurement"])
def test_a_study_without_results_gives_way_to_another_and_one_with_any_does_not(tmp_path: Path, kind: str) -> None:
    resume(tmp_path).close()
    with resume(tmp_path, plan(epochs=9)) as store:
        assert store.plan.epochs == 9
        match kind:
            case "trial":
                store.add(outcome())
            case "tuning":
                store.add_tuning(Tuning(arm="relu", chosen={"rate": 0.1}))
            case "measurement":
                store.add_measurements([MEASUREMENT], {})
    with pytest.raises(StudyError, match=r"holds another study.*epochs: stored 9, asked 3"):
        resume(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_a_refused_study_leaves_no_file_open(tmp_path: Path) -> None:
    with resume(tmp_path / "other") as store:
        store.add(outcome())
    resume(tmp_path / "cut").close()
    (tmp_path / "cut" / FILE_NAME).write_bytes(b"SQLite")
    kept = []  # whoever keeps the error keeps what its frames hold
    for use in (
        lambda: resume(tmp_path / "other", plan(epochs=9)),
        lambda: resume(tmp_path / "cut"),
        lambda: Store.open(tmp_path / "cut"),
    ):
        with pytest.raises(StudyError) as caught:
            use()
        kept.append(caught)
    files = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [file for file in files if file.startswith(str(tmp_path))]


def test_more_seeds_extend_a_study_only_when_asked(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
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
            writer.add(outcome())
            assert reader.finished() == {("relu", 0)}
    resume(tmp_path).close()


def test_a_failed_opening_leaves_no_lock(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
    with pytest.raises(StudyError, match="another study"):
        resume(tmp_path, plan(epochs=9))
    filelock.FileLock(tmp_path / "study.lock").acquire(timeout=0).lock.release()


def test_a_directory_may_have_any_name(tmp_path: Path) -> None:
    resume(tmp_path / "50 % #1?").close()
    with Store.open(tmp_path / "50 % #1?") as store:
        assert store.finished() == set()


def test_a_directory_without_a_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="needs to hold a study"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_truncated_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with resume(tmp_path) as store:
        store.add(outcome())
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


# As keras-acts 0.1 made it, to the letter.
VERSION_1 = """
PRAGMA application_id = 1801544564; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
CREATE TABLE study (plan TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE environments (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
CREATE TABLE trials (
    arm TEXT NOT NULL,
    seed INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    score REAL,
    best_epoch INTEGER,
    measures TEXT NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments,
    started TEXT NOT NULL,
    finished TEXT NOT NULL,
    details TEXT NOT NULL,
    history TEXT NOT NULL,
    PRIMARY KEY (arm, seed)
);
INSERT INTO environments (facts) VALUES ('{"python": "3"}');
INSERT INTO trials VALUES ('relu', 0, 'completed', '', 0.5, 2, '{"train_s": 0.5}', 1, '', '', '{}', '{"loss": [1.0]}');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript(VERSION_1)
    with connection:
        connection.execute("INSERT INTO study VALUES (?, 'then')", [json.dumps(plan().to_dict())])
    connection.close()
    return tmp_path


def schema(directory: Path) -> tuple[int, list[str]]:
    connection = sqlite3.connect(directory / FILE_NAME)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    connection.close()
    return version, tables


def test_a_store_of_version_1_is_read_as_it_is(old: Path) -> None:
    before = schema(old)
    with Store.open(old) as store:
        assert store.finished() == {("relu", 0)}
        assert store.outcomes()[0].history == {"loss": [1.0]}
        assert store.measurements() == store.tunings() == []
    assert schema(old) == before == (1, ["environments", "study", "trials"])


def test_a_store_of_version_1_that_is_written_becomes_the_newest(old: Path) -> None:
    with resume(old) as store:
        store.add(dataclasses.replace(outcome("gelu"), environment={"python": "4"}))
        store.add_measurements([MEASUREMENT], {"python": "3"})
    resume(old / "new").close()
    assert schema(old) == schema(old / "new")
    with Store.open(old) as store:
        assert store.finished() == {("relu", 0), ("gelu", 0)}
        assert store.outcomes()[0].measures == {"train_s": 0.5}
        assert store.environments() == [{"python": "3"}, {"python": "4"}]


def test_a_migration_happens_as_a_whole_or_not_at_all(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stores.MIGRATIONS, 2, stores.MIGRATIONS[2] + "CREATE TABLE trials (again);")
    with pytest.raises(StudyError, match="what was stored before is safe"):
        resume(old)
    assert schema(old) == (1, ["environments", "study", "trials"])
    monkeypatch.undo()
    resume(old).close()
    assert schema(old)[0] == SCHEMA_VERSION


def test_a_refused_plan_leaves_an_old_store_as_it_was(old: Path) -> None:
    with pytest.raises(StudyError, match="holds another study"):
        resume(old, plan(epochs=9))
    assert schema(old)[0] == 1


MEASUREMENT = Measurement(
    arm="relu", name="step_ms", value=1.5, low=1.25, high=2.0, unit="ms", method="a clock", finished="now"
)


def test_measurements_are_read_as_they_were_written(tmp_path: Path) -> None:
    missing = Measurement(
        arm="relu", name="energy_j", unit="J", method="a counter", reason="no counter", finished="now"
    )
    with resume(tmp_path) as store:
        store.add_measurements([MEASUREMENT, missing], {"python": "3"})
        with pytest.raises(StudyError, match="UNIQUE"):  # together, or not at all
            store.add_measurements([dataclasses.replace(MEASUREMENT, arm="gelu"), MEASUREMENT], {})
    with Store.open(tmp_path) as store:
        assert store.measurements() == [MEASUREMENT, missing]
        assert store.environments() == [{"python": "3"}]


def test_a_tuning_is_read_as_it_was_written(tmp_path: Path) -> None:
    tuning = Tuning(arm="relu", chosen={"rate": 0.1}, trials=[{"rate": 0.1, "score": 0.5}], finished="now")
    with resume(tmp_path) as store:
        store.add_tuning(tuning)
    with Store.open(tmp_path) as store:
        assert store.tunings() == [tuning]


def test_a_search_that_goes_on_replaces_what_was_known_of_it(tmp_path: Path) -> None:
    begun = Tuning(arm="relu", chosen={}, trials=[{"score": 0.5}])
    other = Tuning(arm="tanh", chosen={"rate": 0.2}, trials=[], finished="now")
    ended = Tuning(arm="relu", chosen={"rate": 0.1}, trials=[{"score": 0.5}, {"score": 0.7}], finished="now")
    with resume(tmp_path) as store:
        for tuning in (begun, other):
            store.add_tuning(tuning)
        assert store.tunings() == [other, begun]
        assert list(load(tmp_path).tunings) == [other]
        store.add_tuning(ended)
        assert store.tunings() == [other, ended]


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="needs to be writable"):
        resume(tmp_path / "file")


def test_a_read_only_directory_is_refused_and_can_be_read(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    with resume(tmp_path / "study") as store:
        store.add(outcome())
    for path in (*(tmp_path / "study").iterdir(), tmp_path / "study", tmp_path):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with unprivileged():
            for directory in (tmp_path / "study", tmp_path / "new"):
                with pytest.raises(StudyError, match=r"^The directory needs to be writable \(Permission denied\)"):
                    resume(directory)
            with Store.open(tmp_path / "study") as store:
                assert store.finished() == {("relu", 0)}
    finally:
        tmp_path.chmod(0o755)
        (tmp_path / "study").chmod(0o755)


FULL = """
import resource, signal, sys
from pathlib import Path
from test_store import outcome, resume
from keras_acts_tuning.errors import StudyError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write over the limit fails as on a full disk
directory = Path(sys.argv[1])
with resume(directory) as store:
    store.add(outcome())
limit = 70_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
written = 1
try:
    with resume(directory) as store:
        for seed in range(1, 10_000):
            store.add(outcome(seed=seed))
            written += 1
except StudyError as error:
    print(written, error)
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", FULL, str(tmp_path / "study")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    written, message = result.stdout.strip().split(" ", 1)
    assert message.startswith("The study's file needs to be writable (")
    assert "what was stored before is safe" in message
    assert "\n" not in message
    with Store.open(tmp_path / "study") as store:
        assert len(store.finished()) == int(written) > 1
    with resume(tmp_path / "study") as store:  # there is room again
        store.add(outcome("gelu"))


def test_a_full_disk_at_the_start_leaves_no_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate = stores._migrate

    def crowded(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 3")
        migrate(connection)

    monkeypatch.setattr(stores, "_migrate", crowded)
    with pytest.raises(StudyError, match=r"needs to be writable \(database or disk is full\)"):
        resume(tmp_path)
    assert not (tmp_path / FILE_NAME).exists()
    monkeypatch.undo()
    resume(tmp_path).close()


def test_two_processes_on_one_directory_are_one_and_an_error(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from test_store import resume; resume(Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with resume(tmp_path) as store:
        command = [sys.executable, "-c", script, str(tmp_path)]
        other = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert other.returncode == 1
        assert "Only one process at a time can run a study" in other.stderr.splitlines()[-1]
        store.add(outcome())


@pytest.mark.parametrize("size", [0, 1, 99, 4096])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, size: int) -> None:
    resume(tmp_path).close()
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:size])
    for use in (lambda: Store.open(tmp_path), lambda: resume(tmp_path)):
        with pytest.raises(StudyError, match=r"damaged|needs to be a study") as caught:
            use()
        assert "\n" not in str(caught.value)
    assert file.stat().st_size == size


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
