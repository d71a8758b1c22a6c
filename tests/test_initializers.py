"""The start that keeps variance: its scale, its draws and how it is saved."""

import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_acts as ka


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("relu", math.sqrt(2.0)),  # E[relu²] = 1/2
        ("linear", 1.0),
        ("selu", 1.0),  # what its two constants are made for
        ("leaky_relu", math.sqrt(2.0 / (1.0 + 0.3**2))),
        ("squared_relu", math.sqrt(2.0 / 3.0)),  # E[z⁴] = 3
        ("sine", 1.0 / math.sqrt((1.0 - math.exp(-2.0)) / 2.0)),  # E[sin²z] = (1 − e⁻²)/2
    ],
)
def test_gains_are_those_of_the_integrals_in_closed_form(name, known):
    activation = ka.Sine(omega=1.0) if name == "sine" else name
    assert ka.gain(activation) == pytest.approx(known, rel=1e-5)


def test_a_gain_is_that_of_the_parameters_as_they_are():
    layer = ka.PReLU()
    layer.build((None, 3))
    layer.alpha.assign([0.0, 0.5, 1.0])
    assert ka.gain(layer) == pytest.approx(1.0 / math.sqrt(np.mean([0.5, 0.625, 1.0])), rel=1e-5)


@pytest.mark.parametrize("activation", ["mish", keras.activations.tanh, ka.Snake(alpha=2.0), ka.elu])
def test_the_initializer_is_saved_and_loaded(activation):
    start = ka.GainInitializer(activation, mode="fan_avg", distribution="uniform", seed=7)
    again = keras.initializers.deserialize(keras.initializers.serialize(start))
    assert again.scale == pytest.approx(start.scale)
    assert np.array_equal(ops.convert_to_numpy(start((8, 4))), ops.convert_to_numpy(again((8, 4))))
    assert again.get_config() == start.get_config()


def test_the_weights_have_the_variance_that_gain_says():
    weights = ops.convert_to_numpy(ka.GainInitializer("silu", seed=0)((400, 500)))
    # Of 200,000 numbers: √(2/200000) is 0.3 %.
    assert weights.var() == pytest.approx(ka.gain("silu") ** 2 / 400, rel=0.02)


def test_what_gain_needs():
    with pytest.raises(ValueError, match=r"`gain` needs an activation that does not mix units\. Received: activation="):
        ka.gain("softmax")
    with pytest.raises(ValueError, match="`gain` needs an activation with a mean square above 0"):
        ka.gain(ops.zeros_like)
    with pytest.raises(ValueError, match="No activation has this name"):
        ka.GainInitializer("relo")
    with pytest.raises(TypeError, match="`get` needs a name"):
        ka.gain(3)
