"""What every test stands on: the same random numbers, whatever ran before."""

from collections.abc import Iterator

import keras
import pytest


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
