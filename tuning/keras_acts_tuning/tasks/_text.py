"""Text, character by character."""

import re
from typing import Any

import keras
import numpy as np

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Data
from keras_acts_tuning.tasks._task import Task, compiled

WINDOW = 32
"""Characters that a prediction may see."""

WINDOWS = 2500
"""How much of the text is used: 80,000 characters, so that an epoch takes about a second."""


def transformer(activation: Arm, data: Data) -> Any:
    """One block, causal attention with four heads and a feed-forward part with the activation, 64 units wide."""
    inputs = keras.Input(data.x.shape[1:], dtype="int32")
    stream = keras.layers.Embedding(data.outputs, 64)(inputs)
    stream = keras.layers.Conv1D(64, 3, padding="causal")(stream)  # attention alone does not know what is next to what
    normal = keras.layers.LayerNormalization()(stream)
    stream += keras.layers.MultiHeadAttention(4, 16)(normal, normal, use_causal_mask=True)
    normal = keras.layers.LayerNormalization()(stream)
    hidden = activation()(keras.layers.Dense(256, kernel_initializer=activation.initializer)(normal))
    stream += keras.layers.Dense(64)(hidden)
    return compiled(inputs, keras.layers.LayerNormalization()(stream), data)


def _pydoc_topics() -> Data:
    from pydoc_data.topics import topics

    # Topics repeat each other's paragraphs, indented otherwise: each is taken once, without its indents and the lines
    # drawn below headings, or the test part would hold what was trained on.
    paragraphs = (paragraph for topic in topics.values() for paragraph in re.split(r"\n\s*\n", topic))
    text = "\n".join(dict.fromkeys(" ".join(re.sub(r"([^\w\s])\1{3,}", "", p).split()) for p in paragraphs))
    # Windows share no character, none is there twice, and the last fifth of them is the test.
    starts = range(0, len(text) - WINDOW, WINDOW + 1)
    windows = list({text[start : start + WINDOW]: text[start : start + WINDOW + 1] for start in starts}.values())
    characters, numbers = np.unique([list(window) for window in windows[:WINDOWS]], return_inverse=True)
    numbers = numbers.reshape(WINDOWS, WINDOW + 1).astype("int32")
    test = np.arange(WINDOWS * 4 // 5, WINDOWS)
    source, names = "Python's pydoc_data.topics", tuple(map(str, characters))
    return Data(numbers[:, :-1], numbers[:, 1:], "classification", "pydoc_topics", source, names, test)


TASKS = (
    Task(
        "pydoc_topics",
        "the next character of Python's documentation, windows of 32, 2,500 of them; differs by Python version",
        _pydoc_topics,
        transformer,
        epochs=10,
    ),
)
