"""Activation functions for Keras 3 as drop-in layers, standard and learned.

`ka.mish(x)` is a function, `ka.Mish()` its layer, `ka.get("mish")` the layer by name, and
`ka.names()` lists what there is.
"""

from keras_acts._exponential import ELU as ELU
from keras_acts._exponential import SELU as SELU
from keras_acts._exponential import elu as elu
from keras_acts._exponential import selu as selu
from keras_acts._gated import GELU as GELU
from keras_acts._gated import Mish as Mish
from keras_acts._gated import SiLU as SiLU
from keras_acts._gated import Swish as Swish
from keras_acts._gated import gelu as gelu
from keras_acts._gated import mish as mish
from keras_acts._gated import silu as silu
from keras_acts._gated import swish as swish
from keras_acts._layer import ACTIVATIONS as ACTIVATIONS
from keras_acts._layer import Activation as Activation
from keras_acts._layer import Bounded as Bounded
from keras_acts._lookup import get as get
from keras_acts._lookup import names as names
from keras_acts._periodic import Snake as Snake
from keras_acts._periodic import snake as snake
from keras_acts._rectified import LeakyReLU as LeakyReLU
from keras_acts._rectified import Linear as Linear
from keras_acts._rectified import PReLU as PReLU
from keras_acts._rectified import ReLU as ReLU
from keras_acts._rectified import Softplus as Softplus
from keras_acts._rectified import leaky_relu as leaky_relu
from keras_acts._rectified import linear as linear
from keras_acts._rectified import prelu as prelu
from keras_acts._rectified import relu as relu
from keras_acts._rectified import softplus as softplus
from keras_acts._sigmoidal import Sigmoid as Sigmoid
from keras_acts._sigmoidal import SumOfSigmoids as SumOfSigmoids
from keras_acts._sigmoidal import Tanh as Tanh
from keras_acts._sigmoidal import sigmoid as sigmoid
from keras_acts._sigmoidal import sum_of_sigmoids as sum_of_sigmoids
from keras_acts._sigmoidal import tanh as tanh
from keras_acts._simplex import Softmax as Softmax
from keras_acts._simplex import softmax as softmax
from keras_acts._spec import Param as Param
from keras_acts._spec import Spec as Spec

__version__ = "0.1.0"
