"""Doctests of the library: a tensor prints as the array it holds, whatever the backend."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.doctest import DoctestItem


@pytest.fixture(autouse=True)
def _tensors_print_as_arrays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if isinstance(request.node, DoctestItem):
        import keras
        import numpy as np

        def display(value: Any) -> None:
            if value is not None:
                arrays = keras.tree.map_structure(_array, value) if isinstance(value, (tuple, list)) else _array(value)
                sys.stdout.write(f"{arrays!r}\n")

        def _array(value: Any) -> Any:
            return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value

        monkeypatch.setattr(sys, "__displayhook__", display)  # what doctest sets while an example runs
        with np.printoptions(precision=4, suppress=True):
            yield
    else:
        yield


@pytest.fixture(autouse=True)
def _names_of_the_library(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if isinstance(request.node, DoctestItem):
        import keras
        import numpy as np

        import keras_acts

        public = {name: value for name, value in vars(keras_acts).items() if not name.startswith("_")}
        doctest_namespace.update({"keras": keras, "np": np, **public})
