"""`register_with_keras` lets Keras find the catalogue by name, and changes nothing else."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_acts as ka


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    module = importlib.import_module("keras.src.activations")
    before = module.ALL_OBJECTS_DICT
    yield
    module.ALL_OBJECTS_DICT = before


def test_nothing_is_registered_unasked() -> None:
    with pytest.raises(ValueError, match="snake"):
        keras.layers.Dense(2, activation="snake")


def test_a_name_gives_a_fresh_layer_each_time() -> None:
    assert "snake" in ka.register_with_keras()
    first, second = (keras.layers.Dense(2, activation="snake").activation for _ in range(2))
    assert isinstance(first, ka.Snake)
    assert first is not second


def test_a_name_that_keras_has_stays_keras_s() -> None:
    before = keras.activations.get("gelu")
    assert "gelu" not in ka.register_with_keras()
    assert keras.activations.get("gelu") is before
    with pytest.raises(ValueError, match="no_such_name"):
        keras.activations.get("no_such_name")


def test_registering_twice_is_registering_once() -> None:
    assert ka.register_with_keras() == ka.register_with_keras()


def test_a_model_built_so_loads_without_it(tmp_path: Path) -> None:
    ka.register_with_keras()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="snake")])
    x = np.ones((2, 3), "float32")
    want = keras.ops.convert_to_numpy(model(x))
    model.save(tmp_path / "model.keras")
    module = importlib.import_module("keras.src.activations")
    module.ALL_OBJECTS_DICT = dict(module.ALL_OBJECTS_DICT)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(keras.saving.load_model(tmp_path / "model.keras")(x)), want
    )


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("telu", "'tanhexp' for"),
        ("TeLU", "'tanhexp' for"),
        ("shifted_relu", "'srelu' is"),
        ("flexible_relu", "'frelu' is"),
    ],
)
def test_an_ambiguous_name_is_refused_with_its_candidates(name: str, candidates: str) -> None:
    with pytest.raises(ValueError, match=candidates):
        ka.get(name)


def test_an_alias_leads_to_its_activation() -> None:
    for cls in ka.ACTIVATIONS.values():
        for alias in cls.spec.aliases:
            assert type(ka.get(alias)) is cls
