"""Activation functions for Keras 3 as drop-in layers, standard and learned.

`ka.mish(x)` is a function, `ka.Mish()` its layer, `ka.get("mish")` the layer by name, and
`ka.names()` lists what there is.
"""

from keras_acts._exponential import ELU as ELU, SELU as SELU, elu as elu, selu as selu
from keras_acts._gated import (
    GELU as GELU,
    Mish as Mish,
    SiLU as SiLU,
    Swish as Swish,
    gelu as gelu,
    mish as mish,
    silu as silu,
    swish as swish,
)
from keras_acts._layer import ACTIVATIONS as ACTIVATIONS, Activation as Activation, Bounded as Bounded
from keras_acts._lookup import get as get, names as names
from keras_acts._periodic import Snake as Snake, snake as snake
from keras_acts._plot import plot as plot
from keras_acts._rectified import (
    LeakyReLU as LeakyReLU,
    Linear as Linear,
    PReLU as PReLU,
    ReLU as ReLU,
    Softplus as Softplus,
    leaky_relu as leaky_relu,
    linear as linear,
    prelu as prelu,
    relu as relu,
    softplus as softplus,
)
from keras_acts._sigmoidal import (
    Sigmoid as Sigmoid,
    SumOfSigmoids as SumOfSigmoids,
    Tanh as Tanh,
    sigmoid as sigmoid,
    sum_of_sigmoids as sum_of_sigmoids,
    tanh as tanh,
)
from keras_acts._simplex import Softmax as Softmax, softmax as softmax
from keras_acts._spec import Param as Param, Spec as Spec

__version__ = "0.1.0"
