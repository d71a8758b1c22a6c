"""The data of a study: read, checked, and split once."""

import csv
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from keras_acts_tuning.errors import StudyError, nearest, received

Kind: TypeAlias = Literal["classification", "regression"]
Array: TypeAlias = NDArray[Any]

LEAST_EXAMPLES = 10
"""Fewer cannot be split in three parts that mean anything."""


@dataclass(frozen=True)
class Data:
    """Inputs and targets of a supervised task.

    Args:
        x: Inputs, float32 (token numbers: int32), shape `(examples, …)`. In sequences
            `(examples, steps, channels)` NaN stands where one has ended before the longest.
        y: Targets: class numbers from 0, int32, shape `(examples,)`, of sequences also
            `(examples, steps)`; or values, float32, shape `(examples, outputs)`.
        kind: `"classification"` or `"regression"`.
        name: What the data are called in tables.
        source: Where they came from.
        classes: The names of the classes; empty for a regression.
        test: Indices of the examples that the data's authors set apart for the test; empty where a
            study draws its own.
    """

    x: Array
    y: Array
    kind: Kind
    name: str
    source: str
    classes: tuple[str, ...] = ()
    test: Array = field(default_factory=lambda: np.empty(0, "int64"))

    @property
    def outputs(self) -> int:
        """How many units the last layer of a network needs."""
        return len(self.classes) if self.kind == "classification" else int(self.y.shape[1])

    def digest(self) -> str:
        """SHA-256 of the arrays: two studies with the same digest saw the same data."""
        hash_ = hashlib.sha256()
        for array in (self.x, self.y, self.test):
            hash_.update(f"{array.dtype}{array.shape}".encode())
            hash_.update(np.ascontiguousarray(array).tobytes())
        return hash_.hexdigest()


@dataclass(frozen=True)
class Splits:
    """Training, validation and test part of the data, standardised with the training part's figures."""

    x_train: Array
    y_train: Array
    x_validation: Array
    y_validation: Array
    x_test: Array
    y_test: Array


def split(data: Data, *, seed: int = 0, validation: float = 0.2, test: float = 0.2) -> Splits:
    """Split `data` in three, the same way for the same seed.

    Classes keep their shares in each part. Inputs that are columns of numbers get mean 0 and
    variance 1, as do sequences, which are 0 after their end; images are divided by their largest
    value; regression targets get mean 0 and variance 1, so that an error of 1 is that of always
    answering the mean. All figures come from the training part alone.

    Args:
        data: What to split.
        seed: Seed of the split, apart from the seeds of the trials.
        validation: Share of the examples that choose the best epoch; where the data have a test part,
            share of the others.
        test: Share of the examples that score it; not used where the data have a test part.

    Raises:
        StudyError: A class has fewer than three examples.
    """
    from sklearn.model_selection import train_test_split

    labels = data.y if data.kind == "classification" and data.y.ndim == 1 else None
    if labels is not None:
        counts = np.bincount(labels, minlength=len(data.classes))
        if counts.min() < 3:
            rare = data.classes[int(counts.argmin())]
            need = "Each class needs at least 3 examples, one for each of training, validation and test"
            if all(name.lstrip("-").isdigit() for name in data.classes):
                need += " (`kind`, `--kind regression`: these numbers are no classes)"
            raise StudyError(received(need, **{"class": rare, "examples": int(counts.min())}))
    everything = np.arange(len(data.x))
    to_share = np.setdiff1d(everything, data.test)

    def part(indices: Array, share: float) -> tuple[Array, Array]:
        size = max(round(share * len(to_share)), 1 if labels is None else len(data.classes))
        stratify = None if labels is None else labels[indices]
        left, taken = train_test_split(indices, test_size=size, random_state=seed, shuffle=True, stratify=stratify)
        return left, taken

    rest, tested = (to_share, data.test) if len(data.test) else part(everything, test)
    trained, validated = part(rest, validation)
    scale_x, scale_y = _scaling(data.x, trained), _scaling(data.y, trained)
    x = [scale_x(data.x[i]) for i in (trained, validated, tested)]
    y = [scale_y(data.y[i]) for i in (trained, validated, tested)]
    return Splits(x[0], y[0], x[1], y[1], x[2], y[2])


def _scaling(values: Array, trained: Array) -> Callable[[Array], Array]:
    if values.dtype.kind != "f":
        return lambda part: part  # class and token numbers
    reference = values[trained].astype("float64")
    if values.ndim >= 4:  # images: one scale keeps the black black
        offset, scale = np.zeros(1), np.abs(reference).max(keepdims=True).reshape(1)
    else:
        axes = tuple(range(values.ndim - 1))
        offset, scale = np.nanmean(reference, axes), np.nanstd(reference, axes)
    scale = np.where(scale > 0, scale, 1.0)

    def scaled(part: Array) -> Array:
        standard: Array = ((part - offset) / scale).astype("float32")
        return np.nan_to_num(standard, copy=False, nan=0.0) if values.ndim == 3 else standard

    return scaled


def load_file(path: str | Path, target: str | None = None, kind: Kind | None = None) -> Data:
    """Data from a user's `.npz` or `.csv` file.

    `.npz`: arrays `x` and `y`, first axis the examples. `.csv`: a header line, then numbers; a
    column of words becomes one column a word, the target may be words.

    Args:
        path: The file.
        target: The target column of a `.csv`.
        kind: As for `from_arrays`.

    Raises:
        StudyError: The file is missing or of another kind, the target column is absent, a value is
            missing or NaN, there are too few examples, or only one class.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(
            received("DATA needs to be a file that exists, or the name of a built-in task", data=str(path))
        )
    if path.suffix == ".npz":
        if target is not None:
            raise StudyError(
                received("`--target` names a column of a .csv; an .npz holds its target in `y`", target=target)
            )
        x, y = _read_npz(path)
    elif path.suffix == ".csv":
        x, y = _read_csv(path, target)
    else:
        raise StudyError(received("DATA needs to be a .npz or a .csv file", data=str(path)))
    return from_arrays(x, y, name=path.stem, source=str(path), kind=kind)


def from_arrays(x: Any, y: Any, *, name: str = "data", source: str = "arrays", kind: Kind | None = None) -> Data:
    """Data from arrays, checked.

    Args:
        x: Inputs, numbers, shape `(examples, …)`.
        y: Targets: numbers or words, shape `(examples,)`, `(examples, outputs)`.
        name: What the data are called in tables.
        source: Where they came from.
        kind: `"classification"` or `"regression"`. By default words, booleans and at most 100
            different whole numbers are classes, other targets a regression.

    Raises:
        StudyError: The arrays do not fit together, hold NaN or infinity, too few examples, or only
            one class.
    """
    if kind not in (None, *get_args(Kind)):
        raise StudyError(received(f"No such kind of data; {nearest(str(kind), get_args(Kind))}", kind=kind))
    x, y = np.asarray(x), np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if x.ndim < 2 or x.dtype.kind not in "biuf":
        need = "The inputs need to be numbers of shape (examples, …), rank 2 or more"
        raise StudyError(received(need, shape=x.shape, dtype=str(x.dtype)))
    if y.ndim not in (1, 2) or len(x) != len(y):
        raise StudyError(received("Inputs and targets need the same number of examples", x=x.shape, y=y.shape))
    if len(x) < LEAST_EXAMPLES:
        raise StudyError(received(f"A study needs at least {LEAST_EXAMPLES} examples", examples=len(x)))
    for what, array in (("inputs", x), ("targets", y)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int(np.count_nonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1)))
            first = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            need = f"The {what} need to be finite: drop or fill the examples with NaN or infinity"
            raise StudyError(received(need, examples=bad, first_at=first))
    if kind is None:
        whole = y.dtype.kind in "biuSUO" or (y.dtype.kind == "f" and np.array_equal(y, np.round(y)))
        kind = "classification" if y.ndim == 1 and whole and len(np.unique(y)) <= 100 else "regression"
    if kind == "regression":
        if y.dtype.kind not in "biuf":
            raise StudyError(received("A regression needs numbers as targets", dtype=str(y.dtype)))
        values = y.astype("float32").reshape(len(y), -1)
        if (values == values[0]).all():
            raise StudyError(received("A regression needs targets that differ", value=float(values[0, 0])))
        return Data(x.astype("float32"), values, "regression", name, source)
    classes, numbers = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise StudyError(received("A classification needs at least two classes", classes=[str(c) for c in classes]))
    names = tuple(str(int(c)) if y.dtype.kind == "f" and c == int(c) else str(c) for c in classes)
    return Data(x.astype("float32"), numbers.astype("int32"), "classification", name, source, names)


def _read_npz(path: Path) -> tuple[Array, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ("x", "y") if name not in file.files]
            if missing:
                raise StudyError(received("An .npz needs arrays named `x` and `y`", arrays=sorted(file.files)))
            return file["x"], file["y"]
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            received(f"An .npz needs to be an archive of plain arrays ({error})", data=str(path))
        ) from None


def _read_csv(path: Path, target: str | None) -> tuple[Array, Array]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(received(f"A .csv needs to be UTF-8 text ({error})", data=str(path))) from None
    if len(rows) < 2:
        raise StudyError(received("A .csv needs a header line and rows", data=str(path), rows=len(rows)))
    header, body = [name.strip() for name in rows[0]], rows[1:]
    if target is None:
        raise StudyError(received("A .csv needs `--target COLUMN`, the column to predict", columns=header))
    if target not in header:
        raise StudyError(
            received(f"`--target` needs to be a column of the file; {nearest(target, header)}", target=target)
        )
    for line, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise StudyError(received(f"Each row needs {len(header)} values", line=line, values=len(row)))
    columns = {name: [row[i].strip() for row in body] for i, name in enumerate(header)}
    if len(columns) < len(header):
        raise StudyError(received("A .csv needs a name of its own for each column", columns=header))
    y = _column(target, columns.pop(target))
    if not columns:
        raise StudyError(received("A .csv needs columns besides the target", columns=header))
    return np.column_stack([_one_hot(_column(name, values)) for name, values in columns.items()]), y


def _column(name: str, words: list[str]) -> Array:
    for line, word in enumerate(words, start=2):
        if word == "" or word.lower() in ("nan", "na", "null"):
            raise StudyError(
                received("Each cell needs a value: drop or fill the rows without", column=name, line=line, value=word)
            )
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        return np.array(words)
    if all(math.isfinite(n) and n == int(n) for n in numbers) and not any("." in word for word in words):
        return numbers.astype("int64")
    return numbers


def _one_hot(column: Array) -> Array:
    if column.dtype.kind != "U":
        return column[:, None].astype("float64")
    words = np.unique(column)
    if len(words) > 100:
        need = "A column of words needs at most 100 different ones: drop it, or turn it into numbers"
        raise StudyError(received(need, example=str(column[0]), different=len(words)))
    hits: Array = column[:, None] == words[None, :]
    return hits.astype("float64")
