"""Training, an epoch at a time: the whole epoch inside one compiled graph where that is exact.

Keras's `fit` goes back to Python for every batch, which costs more than the arithmetic of a small
model. Here, on TensorFlow and JAX, the loop over the batches is part of the graph, around Keras's own
`train_step` and `test_step`, so that loss, metrics, optimizer, weights of samples and loss scaling are
Keras's (or the user's, where a model overrides them). What a graph cannot do is left to `fit`, and said so.

What is the same every time: with the same `seed` and a model in the same state, training gives the
same history bit for bit, in any process and whatever was trained before, on a CPU with as many
threads. Two things are outside of it: random numbers that a layer of the user's draws from the
backend itself (`tf.random.normal`) instead of a `keras.random.SeedGenerator`, and the operations that
the backend's vendor declares non-deterministic on a GPU.
"""

from keras_acts_tuning.engine._clock import Clock as Clock, Training as Training
from keras_acts_tuning.engine._seeds import has_drawn as has_drawn, seed_generators as seed_generators
from keras_acts_tuning.engine._trainer import Trainer as Trainer
