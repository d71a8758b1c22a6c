"""The store: one SQLite file a study, one row a finished trial, one writer.

Whatever was committed survives a kill at any moment; a study goes on with what is missing.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import quote

import filelock

from keras_acts_tuning.errors import StudyError, received
from keras_acts_tuning.plan import Plan

FILE_NAME = "study.sqlite"
_APPLICATION = 0x6B616374  # "kact", in the file's header: other people's SQLite files are refused

Status: TypeAlias = Literal["completed", "diverged", "failed", "out_of_memory", "timed_out"]

MIGRATIONS = {
    1: """
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
""",
    2: """
CREATE TABLE measurements (
    arm TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    low REAL,
    high REAL,
    unit TEXT NOT NULL,
    method TEXT NOT NULL,
    reason TEXT NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments,
    finished TEXT NOT NULL,
    PRIMARY KEY (arm, name)
);
CREATE TABLE tunings (arm TEXT PRIMARY KEY, chosen TEXT NOT NULL, trials TEXT NOT NULL, finished TEXT NOT NULL);
""",
}
"""What leads from each version of the schema to the next, from an empty file on. Never change one that was released.

A table's long columns stand last, so that reading the others does not read them.
"""
SCHEMA_VERSION = max(MIGRATIONS)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one trial.

    Args:
        arm: The arm's label.
        seed: The trial's seed.
        status: `"completed"`, or how it ended otherwise.
        reason: Why it did not complete; empty where it did.
        score: The plan's metric on the test part, at the best epoch on the validation part.
        best_epoch: That epoch, from 1.
        measures: Other numbers by name, units in the names: `train_s`, `step_ms`, …
        started: When it started, UTC, ISO 8601.
        finished: When it ended, likewise.
        details: What else is known, as plain data: the learned parameters, the engine.
        history: Every metric after every epoch; one of several values as `name_0`, `name_1`, …
        environment: The machine and the versions that it ran with; empty where its process did not live to tell.
    """

    arm: str
    seed: int
    status: Status
    reason: str = ""
    score: float | None = None
    best_epoch: int | None = None
    measures: Mapping[str, float | None] = field(default_factory=dict)
    started: str = ""
    finished: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, list[float]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measure of one arm, taken apart from its trials.

    Args:
        arm: The arm's label.
        name: What was measured; the unit of a time or a size is in the name.
        value: The median; `None` where it could not be taken.
        low: First quartile of what was measured, `None` where it was measured once.
        high: Third quartile, likewise.
        unit: Of the three numbers.
        method: How it was measured, in words.
        reason: Why there is no value; empty where there is one.
        finished: When it was taken, UTC, ISO 8601.
    """

    arm: str
    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str
    method: str
    reason: str = ""
    finished: str = ""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a search found for one arm, before its trials.

    Args:
        arm: The arm's label.
        chosen: The hyper-parameters that its trials are to use; none where no training completed.
        trials: What was tried, in order, as plain data: each training's `values`, `epochs`, `status`, `reason`
            (why it did not complete), `score`, `best_epoch` and `train_s`.
        finished: When the search ended, UTC, ISO 8601; empty where it has not.
    """

    arm: str
    chosen: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]] = ()
    finished: str = ""

    @property
    def failures(self) -> str:
        """How many trainings did not complete, and why, in words; empty where all did."""
        reasons = [trial["reason"].partition("\n")[0] for trial in self.trials if trial["status"] != "completed"]
        if not reasons:
            return ""
        return f"{len(reasons)} of {len(self.trials)} trainings did not complete: {'; '.join(dict.fromkeys(reasons))}"


class Store:
    """A study's directory, opened to read or, by one process at a time, to write.

    Args:
        directory: The study's directory.
        connection: An open connection to its file.
        lock: The writer's lock; `None` for a reader.
    """

    def __init__(self, directory: Path, connection: sqlite3.Connection, lock: filelock.BaseFileLock | None) -> None:
        self.directory = directory
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, directory: str | Path) -> Self:
        """Open a study to read, also while another process writes it.

        Raises:
            StudyError: There is no study, or its file cannot be read.
        """
        directory = Path(directory)
        if not (directory / FILE_NAME).is_file():
            raise StudyError(received(f"The directory needs to hold a study (`{FILE_NAME}`)", directory=str(directory)))
        return cls(directory, _connect(directory / FILE_NAME, readonly=True), None)

    @classmethod
    def create_or_resume(cls, directory: str | Path, plan: Plan, *, created: str, extend: bool = False) -> Self:
        """Open a study to write: a new one, or the stored one with the same plan.

        A stored one that holds no trial, tuning or measurement gives way to any plan.

        Args:
            directory: The study's directory; made where it is missing.
            plan: The study as asked for.
            created: The time now, UTC, ISO 8601.
            extend: Whether to accept a plan that adds activations or seeds to the stored one.

        Raises:
            StudyError: Another process writes the study, the stored plan differs, or the directory
                cannot be written. Nothing is changed then.
        """
        directory = Path(directory)
        file = directory / FILE_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(directory / "study.lock")
            lock.acquire(timeout=0)
        except filelock.Timeout:
            need = "Only one process at a time can run a study: wait for the other, or use another directory"
            raise StudyError(received(need, directory=str(directory))) from None
        except OSError as error:
            raise StudyError(
                received(f"The directory needs to be writable ({error.strerror})", directory=str(directory))
            ) from None
        with ExitStack() as undo:
            undo.callback(lock.release)
            if not file.exists():
                _create(file, plan, created)
            connection = _connect(file, readonly=False)
            undo.callback(connection.close)
            store = cls(directory, connection, lock)
            store._accept(plan, created=created, extend=extend)
            store._migrate()
            undo.pop_all()
        return store

    def _accept(self, plan: Plan, *, created: str, extend: bool) -> None:
        stored = self.plan
        differences = plan.differences(stored)
        if not differences:
            return
        if (empty := self._is_empty()) or (extend and plan.extends(stored)):
            with self._transaction():
                self._connection.execute("UPDATE study SET plan = ?", [json.dumps(plan.to_dict())])
                if empty:
                    self._connection.execute("UPDATE study SET created = ?", [created])
            return
        if plan.extends(stored):
            advice = "add `--extend` to extend it, or use another directory"
        else:
            advice = "use another directory, or repeat the stored command"
        raise StudyError(
            f"The directory holds another study; {advice}. "
            f"Received: directory={str(self.directory)!r}; {'; '.join(differences)}"
        )

    def _is_empty(self) -> bool:
        """Whether the plan is all there is: no trial, tuning or measurement."""
        tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema")}  # few in an old file
        results = tables & {"trials", "tunings", "measurements"}
        return not any(self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in results)

    def _migrate(self) -> None:
        try:
            _migrate(self._connection)
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    @property
    def plan(self) -> Plan:
        """The study as planned."""
        return Plan.from_dict(json.loads(self._connection.execute("SELECT plan FROM study").fetchone()[0]))

    def add(self, outcome: Outcome) -> None:
        """Write a finished trial, in one transaction.

        Raises:
            StudyError: The disk is full or the file cannot be written; what was written before stays.
        """
        with self._transaction():
            self._connection.execute(
                "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    outcome.arm,
                    outcome.seed,
                    outcome.status,
                    outcome.reason,
                    outcome.score,
                    outcome.best_epoch,
                    json.dumps(dict(outcome.measures)),
                    self._environment(outcome.environment),
                    outcome.started,
                    outcome.finished,
                    json.dumps(dict(outcome.details)),
                    json.dumps({name: list(values) for name, values in outcome.history.items()}),
                ],
            )

    def add_measurements(self, measurements: Iterable[Measurement], environment: Mapping[str, Any]) -> None:
        """Write measurements, all of them in one transaction.

        Raises:
            StudyError: As for `add`.
        """
        with self._transaction():
            place = self._environment(environment)
            self._connection.executemany(
                "INSERT INTO measurements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (m.arm, m.name, m.value, m.low, m.high, m.unit, m.method, m.reason, place, m.finished)
                    for m in measurements
                ],
            )

    def measurements(self) -> list[Measurement]:
        """Every measurement, in the order in which they were taken."""
        columns = ("arm", "name", "value", "low", "high", "unit", "method", "reason", "finished")
        rows = self._connection.execute(f"SELECT {', '.join(columns)} FROM measurements ORDER BY rowid")
        return [Measurement(**dict(zip(columns, row, strict=True))) for row in rows]

    def add_tuning(self, tuning: Tuning) -> None:
        """Write what a search has found for an arm, in place of what it had found before, in one transaction.

        Raises:
            StudyError: As for `add`.
        """
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO tunings VALUES (?, ?, ?, ?)",
                [
                    tuning.arm,
                    json.dumps(dict(tuning.chosen)),
                    json.dumps([dict(trial) for trial in tuning.trials]),
                    tuning.finished,
                ],
            )

    def tunings(self) -> list[Tuning]:
        """What the searches have found, in the order in which they ended; those last that have not."""
        rows = self._connection.execute(
            "SELECT arm, chosen, trials, finished FROM tunings ORDER BY finished = '', rowid"
        )
        return [
            Tuning(arm=arm, chosen=json.loads(chosen), trials=json.loads(trials), finished=finished)
            for arm, chosen, trials, finished in rows
        ]

    def finished(self) -> set[tuple[str, int]]:
        """The trials that have an outcome, as (arm, seed)."""
        return set(self._connection.execute("SELECT arm, seed FROM trials"))

    def outcomes(self, *, long: bool = True) -> list[Outcome]:
        """Every outcome, in the order in which the trials ended.

        Args:
            long: Whether to read details, histories and environments, most of the file, too.
        """
        columns = "arm, seed, status, reason, score, best_epoch, measures, started, finished"
        further = ", details, history, (SELECT facts FROM environments WHERE id = environment)" if long else ""
        rows = self._connection.execute(f"SELECT {columns}{further} FROM trials ORDER BY rowid")
        names = columns.split(", ")
        result = []
        for row in rows:
            plain = dict(zip(names, row[:9], strict=True))
            plain["measures"] = json.loads(plain["measures"])
            if long:
                plain["details"], plain["history"], plain["environment"] = map(json.loads, row[9:])
            result.append(Outcome(**plain))
        return result

    def environments(self) -> list[dict[str, Any]]:
        """The machines and versions that trials and measurements ran with, as far as they are known."""
        rows = self._connection.execute("SELECT facts FROM environments WHERE facts != '{}' ORDER BY id")
        return [json.loads(facts) for (facts,) in rows]

    def close(self) -> None:
        """Close the file and let others write."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: sqlite3.Error) -> StudyError:
        need = f"The study's file needs to be writable ({error}); what was stored before is safe"
        return StudyError(received(need, file=str(self.directory / FILE_NAME)))

    def _environment(self, facts: Mapping[str, Any]) -> int:
        """The row of an environment, made where it is new."""
        text = json.dumps(dict(facts), sort_keys=True)
        self._connection.execute("INSERT OR IGNORE INTO environments (facts) VALUES (?)", [text])
        row = self._connection.execute("SELECT id FROM environments WHERE facts = ?", [text]).fetchone()
        return int(row[0])


def now() -> str:
    """The time now as the store writes it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _create(file: Path, plan: Plan, created: str) -> None:
    # Made under another name, so that a kill leaves either no study or a whole one.
    draft = file.with_suffix(".draft")
    try:
        draft.unlink(missing_ok=True)
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            _migrate(connection)
            with connection:
                connection.execute("INSERT INTO study VALUES (?, ?)", [json.dumps(plan.to_dict()), created])
        draft.rename(file)
    except (sqlite3.Error, OSError) as error:
        raise StudyError(received(f"The study's file needs to be writable ({error})", file=str(file))) from error


def _connect(file: Path, *, readonly: bool) -> sqlite3.Connection:
    address = f"file:{quote(file.as_posix())}?{_mode(file) if readonly else 'mode=rw'}"
    try:
        with ExitStack() as undo:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)
            undo.callback(connection.close)
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            version = _version(connection)
            if application != _APPLICATION:
                raise StudyError(received("The file needs to be a study of keras-acts", file=str(file)))
            if version > SCHEMA_VERSION:
                need = f"A newer keras-acts wrote the study: upgrade it (this one reads version {SCHEMA_VERSION})"
                raise StudyError(received(need, file=str(file), version=version))
            if not readonly:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("SELECT plan FROM study").fetchone()
            if readonly and version < SCHEMA_VERSION:
                return _migrated_copy(connection)
            undo.pop_all()
            return connection
    except sqlite3.DatabaseError as error:
        need = f"The study's file is damaged or not readable ({error}): restore a copy, or use another directory"
        raise StudyError(received(need, file=str(file))) from error


def _mode(file: Path) -> str:
    """How to read a file: SQLite keeps files of its own beside it, for which a directory may have no room."""
    writable = os.access(file.parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    # Without a log there is nothing in them, and where nobody can write, none comes.
    return "mode=ro" if writable or file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring a file of any version to the newest, in one transaction."""
    steps = [sql for version, sql in sorted(MIGRATIONS.items()) if version > _version(connection)]
    if not steps:
        return
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {' '.join(steps)} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except sqlite3.Error:
        connection.rollback()
        raise


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A reader changes no file: it reads an old one from a copy in memory that is brought up to date."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    _migrate(copy)
    return copy
