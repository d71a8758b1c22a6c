"""Sequences of numbers, each of a length of its own."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_acts_tuning.arms import Arm
from keras_acts_tuning.data import Array, Data
from keras_acts_tuning.tasks._task import Task, compiled, packaged


def gru(activation: Arm, data: Data) -> Any:
    """A dense layer on each step, a recurrent one of 32 units, a dense one on what it has gathered.

    The activation stands before and after the recurrent layer, not inside its cell: fed back step after step, one
    without bounds can grow without bounds, and the comparison would be of that alone; and one that learns
    parameters cannot make them within the loop.
    """
    inputs = keras.Input(data.x.shape[1:])
    steps = keras.layers.Masking()(inputs)  # standardised data are 0 where a sequence has ended
    steps = activation()(keras.layers.Dense(64, kernel_initializer=activation.initializer)(steps))
    gathered = keras.layers.GRU(32)(steps)
    features = activation()(keras.layers.Dense(64, kernel_initializer=activation.initializer)(gathered))
    return compiled(inputs, features, data)


def read_ts(path: Path) -> tuple[list[Array], list[str]]:
    """The sequences `(steps, channels)` of a `.ts` file, and the class of each.

    A line is an example: its channels parted by `:`, each of numbers with commas, and its class last.
    """
    lines = path.read_text("utf-8").splitlines()
    sequences, labels = [], []
    for line in filter(None, lines[lines.index("@data") + 1 :]):
        *channels, label = line.split(":")
        sequences.append(np.array([channel.split(",") for channel in channels], "float32").T)
        labels.append(label)
    return sequences, labels


def _japanese_vowels() -> Data:
    folder = ("datasets", "data", "JapaneseVowels")
    parts = [read_ts(packaged("sktime", *folder, f"JapaneseVowels_{part}.ts")) for part in ("TRAIN", "TEST")]
    sequences = [sequence for part, _ in parts for sequence in part]
    classes, numbers = np.unique([label for _, part in parts for label in part], return_inverse=True)
    x = np.full((len(sequences), max(map(len, sequences)), sequences[0].shape[1]), np.nan, "float32")
    for place, sequence in enumerate(sequences):
        x[place, : len(sequence)] = sequence
    test = np.arange(len(parts[0][0]), len(sequences))
    names = tuple(f"speaker {name}" for name in classes)
    source = "sktime JapaneseVowels"
    return Data(x, numbers.astype("int32"), "classification", "japanese_vowels", source, names, test)


TASKS = (
    Task(
        "japanese_vowels",
        "two spoken vowels, 7 to 29 steps of 12 channels, 9 speakers, 640 examples, 370 of them set apart for the test",
        _japanese_vowels,
        gru,
        epochs=30,
        needs="sktime",
    ),
)
