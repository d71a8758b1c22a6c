"""The data of a study: what is read, what is refused, and how it is split."""

from pathlib import Path

import numpy as np
import pytest

from keras_acts_tuning.data import from_arrays, load_file, split
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.tasks import TASKS


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def people(path: Path, rows: int = 30) -> Path:
    lines = [f"{20 + i},{['red', 'green', 'blue'][i % 3]},{['no', 'yes'][i % 2]}" for i in range(rows)]
    return table(path, "\n".join(["age,colour,buys", *lines]))


def test_csv_turns_words_into_a_column_each_and_the_target_into_classes(tmp_path: Path) -> None:
    data = load_file(people(tmp_path / "people.csv"), "buys")
    assert data.kind == "classification"
    assert data.classes == ("no", "yes")
    assert data.x.shape == (30, 4)
    np.testing.assert_array_equal(data.x[0], [20, 0, 0, 1])  # blue, green, red
    np.testing.assert_array_equal(data.y[:4], [0, 1, 0, 1])


def test_csv_with_a_target_of_decimals_is_a_regression(tmp_path: Path) -> None:
    lines = "\n".join(f"{i},{i / 4:.2f}" for i in range(20))
    data = load_file(table(tmp_path / "a.csv", f"x,y\n{lines}"), "y")
    assert data.kind == "regression"
    assert data.y.shape == (20, 1)


def test_npz_keeps_shapes(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", x=np.random.default_rng(0).random((20, 4, 4, 3)), y=np.arange(20) % 2)
    data = load_file(tmp_path / "images.npz")
    assert data.x.shape == (20, 4, 4, 3)
    assert data.x.dtype == np.float32
    assert data.outputs == 2


@pytest.mark.parametrize(
    ("name", "text", "target", "message"),
    [
        ("a.csv", "x,y\n1,2\n", None, r"needs `--target COLUMN`.*columns=\['x', 'y'\]"),
        ("a.csv", "age,y\n1,2\n", "agee", r"the nearest names are 'age'.*target='agee'"),
        ("a.csv", "x,y\n1\n", "y", r"Each row needs 2 values. Received: line=2, values=1"),
        ("a.csv", "x,y\n1,2\n,3\n", "y", r"Each cell needs a value.*column='x', line=3"),
        ("a.csv", "x,y\n1,2\nnan,3\n", "y", r"Each cell needs a value.*value='nan'"),
        ("a.csv", "x,y\ninf,1\n" + "1,0\n" * 20, "y", r"The inputs need to be finite.*examples=1, first_at=0"),
        ("a.csv", "x,x\n1,2\n", "x", r"a name of its own for each column"),
        ("a.csv", "y\n1\n2\n", "y", r"columns besides the target"),
        ("a.csv", "x,y\n", "y", r"a header line and rows"),
        ("a.csv", "x,y\n" + "1,1\n" * 20, "y", r"at least two classes. Received: classes=\['1'\]"),
        ("a.csv", "x,y\n" + "1,1.5\n" * 20, "y", r"targets that differ"),
        ("a.csv", "x,y\n1,0\n2,1\n", "y", r"at least 10 examples. Received: examples=2"),
        ("a.txt", "x,y\n1,0\n", "y", r"a .npz or a .csv file"),
        ("a.npz", "not an archive", None, r"archive of plain arrays"),
    ],
)
def test_a_file_that_cannot_be_studied_is_refused(
    tmp_path: Path, name: str, text: str, target: str | None, message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        load_file(table(tmp_path / name, text), target)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="a file that exists"):
        load_file(tmp_path / "none.csv", "y")


def test_an_npz_is_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}] * 20, dtype=object), y=np.arange(20) % 2)
    with pytest.raises(StudyError, match="plain arrays"):
        load_file(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(20), np.arange(20) % 2, r"rank 2 or more"),
        (np.zeros((20, 2)), np.arange(19) % 2, r"same number of examples. Received: x=\(20, 2\), y=\(19,\)"),
        (np.full((20, 2), np.nan), np.arange(20) % 2, r"inputs need to be finite.*examples=20"),
        (np.zeros((20, 2)), np.where(np.arange(20) == 3, np.nan, 0.5), r"targets need to be finite.*first_at=3"),
    ],
)
def test_arrays_that_cannot_be_studied_are_refused(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        from_arrays(x, y)


def test_the_parts_are_disjoint_whole_and_the_same_for_the_same_seed() -> None:
    x = np.arange(100, dtype="float32")[:, None] * np.ones((1, 2), "float32")
    data = from_arrays(x, np.arange(100) % 4)
    once, again, other = split(data, seed=1), split(data, seed=1), split(data, seed=2)
    sizes = [len(part) for part in (once.x_train, once.x_validation, once.x_test)]
    assert sizes == [60, 20, 20]
    values = np.concatenate([once.x_train, once.x_validation, once.x_test])[:, 0]
    assert len(np.unique(values)) == 100
    np.testing.assert_array_equal(once.x_test, again.x_test)
    assert not np.array_equal(once.y_train, other.y_train)
    assert np.bincount(once.y_test).tolist() == [5, 5, 5, 5]


def test_scaling_comes_from_the_training_part_alone() -> None:
    data = TASKS["diabetes"].load()
    parts = split(data, seed=0)
    epsilon = np.finfo("float32").eps
    np.testing.assert_allclose(parts.x_train.mean(0), 0, atol=len(parts.x_train) * epsilon)
    np.testing.assert_allclose(parts.y_train.std(0), 1, rtol=len(parts.x_train) * epsilon)
    assert abs(parts.x_test.mean()) > 1e-4  # the test part has a mean of its own


def test_a_class_too_small_to_split_is_refused() -> None:
    targets = np.array([0] * 18 + [1] * 2)
    with pytest.raises(StudyError, match=r"at least 3 examples.*`--kind regression`.*class='1', examples=2"):
        split(from_arrays(np.zeros((20, 2)), targets))
    with pytest.raises(StudyError, match=r"at least 3 examples.* Received: class='b'") as caught:
        split(from_arrays(np.zeros((20, 2)), np.array(["a", "b"])[targets]))
    assert "--kind" not in str(caught.value)  # words are no regression


def test_whole_numbers_are_the_kind_that_is_said(tmp_path: Path) -> None:
    counts = np.arange(40) // 2
    np.savez(tmp_path / "counts.npz", x=np.zeros((40, 2)), y=counts)
    assert load_file(tmp_path / "counts.npz").kind == "classification"
    data = load_file(tmp_path / "counts.npz", kind="regression")
    assert (data.kind, data.y.dtype, data.y.shape) == ("regression", "float32", (40, 1))
    np.testing.assert_array_equal(data.y[:, 0], counts)
    assert from_arrays(np.zeros((40, 2)), counts / 4, kind="classification").classes[:3] == ("0", "0.25", "0.5")
    with pytest.raises(StudyError, match=r"No such kind of data.*'classification'.*kind='class'"):
        from_arrays(np.zeros((40, 2)), counts, kind="class")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TASKS)
def test_a_built_in_task_loads_offline_and_splits(name: str) -> None:
    data = TASKS[name].load()
    parts = split(data)
    assert len(parts.x_train) + len(parts.x_validation) + len(parts.x_test) == len(data.x)
    assert data.digest() == TASKS[name].load().digest()
