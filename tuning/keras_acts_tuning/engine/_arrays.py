"""The arrays that a model is trained on: what Keras makes of them, their order, and their batches."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import tree

# Private to Keras: how `fit` reads arrays (floats to floatx, class weights to sample weights, pandas to
# columns, one sample weight to every output), so that the two engines cannot differ.
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

from keras_acts_tuning.errors import received

Arrays: TypeAlias = Any
"""An array, a tensor, or a (nested) tuple, list or dict of them."""


def as_arrays(
    owner: str, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict[int, float] | None = None
) -> Arrays | None:
    """What `fit` would cut into batches, as NumPy arrays; `None` where NumPy cannot hold it in numbers."""
    parts = {"x": x, "y": y, "sample_weight": sample_weight}
    leaves = {name: [leaf for leaf in tree.flatten(part) if leaf is not None] for name, part in parts.items()}
    if not all(hasattr(leaf, "__array__") and hasattr(leaf, "shape") for part in leaves.values() for leaf in part):
        return None
    lengths = {name: sorted({int(leaf.shape[0]) for leaf in part}) for name, part in leaves.items() if part}
    counts = {length for each in lengths.values() for length in each}
    if len(counts) != 1:
        raise ValueError(received(f"{owner} needs arrays of one length", **lengths))
    count = counts.pop()
    if not count:
        raise ValueError(received(f"{owner} needs at least one sample", **lengths))
    adapter = ArrayDataAdapter(x, y, sample_weight, batch_size=count, class_weight=class_weight)
    data = tree.lists_to_tuples(next(adapter.get_numpy_iterator()))
    numbers = all(leaf is None or leaf.dtype.kind in "biuf" for leaf in tree.flatten(data))
    return data if numbers else None


def is_arraylike(data: Any) -> bool:
    """Whether Keras cuts `data` into batches itself."""
    return all(hasattr(leaf, "shape") for leaf in tree.flatten(data) if leaf is not None)


def map_arrays(function: Callable[..., Any], *structures: Any) -> Any:
    """`map_structure` that leaves `None` alone: an output may have no sample weights."""
    return tree.map_structure(lambda *leaves: None if leaves[0] is None else function(*leaves), *structures)


def count_of(data: Arrays) -> int:
    return next(len(leaf) for leaf in tree.flatten(data) if leaf is not None)


def on_device(data: Arrays) -> Arrays:
    return map_arrays(keras.ops.convert_to_tensor, data)


def order_of(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)


def in_batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


class InOrder(keras.utils.PyDataset):
    """The arrays in the order of the graphs, for `fit`."""

    def __init__(self, data: Arrays, batch_size: int, seed: int) -> None:
        super().__init__()
        self._data, self._batch_size, self._seed = data, batch_size, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        self._index = in_batches(order_of(count_of(self._data), self._seed, epoch), self._batch_size)

    @property
    def num_batches(self) -> int:
        return len(self._index)

    def __getitem__(self, index: int) -> Arrays:
        return map_arrays(lambda a: a[self._index[index]], self._data)
