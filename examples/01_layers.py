"""Activations as layers: train a model on digits, save it, reload it, and see what was learned.

python examples/01_layers.py
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_acts as ka

keras.utils.set_random_seed(1)
digits = load_digits()
images = (digits.images / 16.0).astype("float32")[..., None]
train_x, test_x, train_y, test_y = train_test_split(images, digits.target, test_size=0.2, random_state=1)

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3),
        ka.PReLU(name="prelu"),  # one slope a channel, learned from 0.25
        keras.layers.Flatten(),
        keras.layers.Dense(32),
        ka.Snake(per="layer", name="snake"),  # one frequency for the layer, learned from 1
        keras.layers.Dense(32, activation=ka.gelu),
        keras.layers.Dense(10),
        ka.Softmax(),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_x, train_y, batch_size=64, epochs=5, verbose=2)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.keras"
    model.save(path)
    reloaded = keras.saving.load_model(path)  # no custom_objects: the import of keras_acts is enough

expected = model.predict(test_x, verbose=0)
np.testing.assert_allclose(reloaded.predict(test_x, verbose=0), expected, rtol=1e-5, atol=1e-6)
print(f"accuracy on {len(test_y)} digits not trained on: {np.mean(expected.argmax(axis=1) == test_y):.3f}")
for name in ("prelu", "snake"):
    alpha = keras.ops.convert_to_numpy(reloaded.get_layer(name).alpha)
    print(f"{name}: alpha became", np.array2string(alpha, precision=3, max_line_width=100))
