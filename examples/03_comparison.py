"""Which activation for my own network and data? Same seeds, data order and budget for each.

Run it again and it is done at once: every trial is in the store. Takes seconds.
"""

import keras
from sklearn.datasets import load_wine

import keras_acts_tuning as kat


def build(activation: kat.Arm, data: kat.Data) -> keras.Model:
    """A compiled model; `activation()` is a fresh layer of the activation under test."""
    model = keras.Sequential(
        [
            keras.Input(data.x.shape[1:]),
            keras.layers.Dense(16, kernel_initializer=activation.initializer),
            activation(),
            keras.layers.Dense(data.outputs, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


wine = kat.from_arrays(*load_wine(return_X_y=True), name="wine")
comparison = kat.compare(build, wine, activations="relu, leaky_relu(negative_slope=0.1), elu, tanh", seeds=3, epochs=8)
for row in comparison.table():
    print(f"{row.activation:32} {comparison.plan.metric} {row.mean:.3f} ± {row.spread:.3f}  {row.train_s:.2f} s")
print("plot:", comparison.plot())
