"""What chance a training draws from."""

import random

import keras
import numpy as np

# Private to Keras: the generator that `keras.random` falls back on, to reset it.
from keras.src.backend.common.global_state import get_global_attribute, set_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR


def seed_generators(seed: int) -> None:
    """What `keras.utils.set_random_seed` does, without throwing away TensorFlow's graphs.

    `tf.random.set_seed` has TensorFlow optimize all of them again when they are called next: 0.2 seconds
    for a small model, each time. It does so to forget how far operations with this very seed have drawn.
    Here they go on where they are, so that a `build` that draws from TensorFlow itself
    (`tf.random.normal`) gives one model for a seed only where each seed comes once in a process.

    Args:
        seed: A number of at least 0.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    set_global_attribute(GLOBAL_SEED_GENERATOR, None)  # the next draw makes it anew
    match keras.backend.backend():
        case "tensorflow":
            from tensorflow.python.eager import context

            # Private: the two of the three lines of `tf.random.set_seed` that do not empty its caches.
            eager = context.context()
            eager._seed, eager._rng = seed, random.Random(seed)
        case "torch":
            import torch

            torch.manual_seed(seed)


def has_drawn(seed: int) -> bool:
    """Whether a random number was drawn after `seed_generators(seed)`: from NumPy, the backend or `keras.random`.

    Keras draws the seeds of its initializers and layers from Python's `random`, of which nobody can tell then
    whether others have drawn from it too.
    """
    fresh = np.random.RandomState(seed % 2**32)
    if any(not np.array_equal(a, b) for a, b in zip(np.random.get_state(), fresh.get_state(), strict=True)):
        return True
    if get_global_attribute(GLOBAL_SEED_GENERATOR) is not None:
        return True
    match keras.backend.backend():
        case "tensorflow":
            from tensorflow.python.eager import context

            return bool(context.context()._rng.getstate() != random.Random(seed).getstate())
        case "torch":
            import torch

            return not torch.equal(torch.get_rng_state(), torch.Generator().manual_seed(seed).get_state())
    return False


def seed_fit(seed: int) -> None:
    """Seed a training by `fit`, once it has built the model."""
    seed_generators(seed)
    if keras.backend.backend() == "torch":
        import torch

        # PyTorch's data loader draws once whenever it is begun. `fit` begins it to build a new model, but
        # not one that was trained before: all start alike, as a new one that was seeded before `fit`.
        torch.empty((), dtype=torch.int64).random_()
