"""Functions that saturate on both sides: the logistic function, the hyperbolic tangent, their kin."""

import math
from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, with_derivative
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation, checked_integer
from keras_acts._spec import Param, Spec


@activation_function
def sigmoid(x: Tensor, offset: float | Tensor = 0.0) -> Tensor:
    """The logistic function, shifted: `1 / (1 + exp(−(x − offset)))`.

    The output for one yes-or-no answer, or for several independent ones (softmax is for one answer
    among several). Between layers it saturates: its derivative is at most 1/4, so that the gradient
    of a deep stack vanishes.

    Args:
        x: Float tensor of any shape.
        offset: The `x` at which the value is 1/2: a number, or a tensor that broadcasts to `x`.
            Defaults to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sigmoid([-2.0, 0.0, 2.0])
    array([0.1192, 0.5   , 0.8808], dtype=float32)

    Source: Verhulst 1845; as an activation, Rumelhart, Hinton and Williams 1986. `offset` is ours
    (Keras has none).
    """
    return _numerics.sigmoid(x - offset)


class Sigmoid(Activation):
    """The logistic function as a layer; see `keras_acts.sigmoid`.

    Args:
        offset: The `x` at which the value is 1/2. Defaults to `0.0`.
        learn: `("offset",)` to learn the offset. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sigmoid,
        formula=r"\frac{1}{1 + e^{-(x - \mathrm{offset})}}",
        params={"offset": Param(search=(-2.0, 2.0))},
        range=(0.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="Verhulst 1845; Rumelhart, Hinton and Williams 1986",
    )

    def __init__(self, offset: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"offset": offset}, learn=learn, **kwargs)


@activation_function
def sum_of_sigmoids(x: Tensor, n: int = 10, spacing: float = 1.0, start: float = 0.5) -> Tensor:
    """A staircase of shifted sigmoids: `Σ spacing · σ(x − start − i·spacing)` for i from 0 to n − 1.

    Many units that share their weights and differ in their offset only. The finer and the longer
    the stair, the nearer it comes to `softplus`, whose shortcut is `relu`: for teaching that step
    more than for use, since it costs `n` sigmoids (and `n` times the memory) for one softplus.

    Args:
        x: Float tensor of any shape.
        n: How many sigmoids, at least 1. Defaults to `10`.
        spacing: The distance between two offsets, and the height of each stair; above 0. Defaults
            to `1.0`.
        start: The first offset. Defaults to `0.5`; half the spacing gives the best match.

    Returns:
        A tensor of the shape and dtype of `x`, between 0 and `n · spacing`.

    Raises:
        TypeError: `x` is a tensor of integers, or `n` is not an integer.
        ValueError: `n` or `spacing` is out of bounds.

    Example:
    >>> sum_of_sigmoids([0.0, 3.0], n=20), softplus([0.0, 3.0])
    (array([0.682..., 3.046...], dtype=float32), array([0.693..., 3.048...], dtype=float32))

    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines"
    (stepped sigmoid units). Theirs has spacing 1 and no end; `spacing` and `n` are ours.
    """
    _check_stairs("sum_of_sigmoids", n, spacing)
    offsets = start + spacing * ops.arange(n, dtype=keras.backend.standardize_dtype(x.dtype))
    return spacing * ops.sum(_numerics.sigmoid(ops.expand_dims(x, -1) - offsets), axis=-1)


class SumOfSigmoids(Activation):
    """A staircase of shifted sigmoids as a layer; see `keras_acts.sum_of_sigmoids`.

    Args:
        n: How many sigmoids. Defaults to `10`.
        spacing: The distance between two offsets. Defaults to `1.0`.
        start: The first offset. Defaults to `0.5`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sum_of_sigmoids,
        formula=r"\sum_{i=0}^{n-1} \mathrm{spacing}\cdot\sigma(x - \mathrm{start} - i\cdot\mathrm{spacing})",
        range=(0.0, 10.0),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Nair and Hinton 2010 (stepped sigmoid units)",
    )

    def __init__(self, n: int = 10, spacing: float = 1.0, start: float = 0.5, **kwargs: Any) -> None:
        _check_stairs("SumOfSigmoids", n, spacing)
        super().__init__({"n": int(n), "spacing": float(spacing), "start": float(start)}, **kwargs)


def _check_stairs(owner: str, n: Any, spacing: Any) -> None:
    checked_integer(owner, "n", n, at_least=1)
    if not spacing > 0:
        raise ValueError(received(f"`{owner}` needs `spacing` above 0", spacing=spacing))


@activation_function
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent: a sigmoid that is centred on zero, from −1 to 1.

    The state of a recurrent cell, or an output between −1 and 1. Between layers it saturates as
    the sigmoid does, though its derivative at 0 is 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> tanh([-1.0, 0.0, 1.0])
    array([-0.7616,  0.    ,  0.7616], dtype=float32)

    Source: LeCun et al. 1998, "Efficient BackProp", for its use as an activation.
    """
    return _numerics.tanh(x)


class Tanh(Activation):
    """The hyperbolic tangent as a layer; see `keras_acts.tanh`."""

    spec = Spec(
        function=tanh,
        formula=r"\tanh x",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="LeCun et al. 1998",
    )


@activation_function
def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of the sigmoid: `−ln(1 + exp(−x))`.

    A log-probability for a loss that wants one: the logarithm of a computed sigmoid would be −inf
    from x = −104 on.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, at most 0.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> log_sigmoid([-200.0, 0.0])
    array([-200.    ,   -0.6931], dtype=float32)
    """
    return -_numerics.softplus(-x)


class LogSigmoid(Activation):
    """The logarithm of the sigmoid as a layer; see `keras_acts.log_sigmoid`."""

    spec = Spec(
        function=log_sigmoid,
        formula=r"-\ln(1 + e^{-x})",
        range=(-float("inf"), 0.0),
        monotone=True,
        smoothness=float("inf"),
        role="output",
        source="the logistic loss",
    )


@activation_function
def hard_sigmoid(x: Tensor) -> Tensor:
    """The sigmoid drawn with three straight lines: `relu6(x + 3) / 6`.

    For devices without a fast exponential. The gradient is 0 outside −3 to 3.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_sigmoid([-3.0, 0.0, 1.5])
    array([0.  , 0.5 , 0.75], dtype=float32)

    Source: Courbariaux, Bengio and David 2015, arXiv:1511.00363, who clip `(x + 1) / 2` instead
    (here `sparse_sigmoid`); with slope 1/6 Howard et al. 2019, arXiv:1905.02244. Keras 3's; Keras 2
    had `0.2 · x + 0.5`.
    """
    return _numerics.relu6(x + 3.0) / 6.0


class HardSigmoid(Activation):
    """The sigmoid drawn with three straight lines, as a layer; see `keras_acts.hard_sigmoid`."""

    spec = Spec(
        function=hard_sigmoid,
        formula=r"\frac{\min(\max(x + 3, 0), 6)}{6}",
        range=(0.0, 1.0),
        monotone=True,
        smoothness=0,
        source="Howard et al. 2019, arXiv:1905.02244",
    )


@activation_function
def hard_tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent drawn with three straight lines: `x` held within −1 and 1.

    The gradient is 0 outside −1 to 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> hard_tanh([-2.0, 0.5, 7.0])
    array([-1. ,  0.5,  1. ], dtype=float32)

    Source: Collobert 2004, "Large scale machine learning".
    """
    return _numerics.clip(x, -1.0, 1.0)


class HardTanh(Activation):
    """The hyperbolic tangent drawn with three straight lines, as a layer; see `keras_acts.hard_tanh`."""

    spec = Spec(
        function=hard_tanh,
        formula=r"\min(\max(x, -1), 1)",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=0,
        source="Collobert 2004",
    )


@activation_function
def sparse_sigmoid(x: Tensor) -> Tensor:
    """The step from 0 to 1 that sparsemax takes between two classes: `(x + 1) / 2` within 0 and 1.

    A probability that can be 0 or 1 exactly. The gradient is 0 outside −1 to 1.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sparse_sigmoid([-1.0, 0.0, 0.5])
    array([0.  , 0.5 , 0.75], dtype=float32)

    Source: Blondel, Martins and Niculae 2019, arXiv:1901.02324. The derivative of `sparse_plus`.
    """
    return 0.5 * _numerics.clip(x + 1.0, 0.0, 2.0)


class SparseSigmoid(Activation):
    """The step from 0 to 1 that sparsemax takes, as a layer; see `keras_acts.sparse_sigmoid`."""

    spec = Spec(
        function=sparse_sigmoid,
        formula=r"\min\left(\max\left(\frac{x + 1}{2}, 0\right), 1\right)",
        range=(0.0, 1.0),
        monotone=True,
        smoothness=0,
        source="Blondel, Martins and Niculae 2019, arXiv:1901.02324",
    )


@activation_function
def lecun_tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, stretched so that it maps ±1 to ±1: `1.7159 · tanh(2x / 3)`.

    Inputs of variance 1 come out with variance near 1, and targets of ±1 lie short of saturation.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within ±1.7159.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> lecun_tanh([-1.0, 1.0])
    array([-1.,  1.], dtype=float32)

    Source: LeCun et al. 1998, "Efficient BackProp".
    """
    return 1.7159 * _numerics.tanh((2.0 / 3.0) * x)


class LecunTanh(Activation):
    """The stretched hyperbolic tangent as a layer; see `keras_acts.lecun_tanh`."""

    spec = Spec(
        function=lecun_tanh,
        formula=r"1.7159 \tanh\left(\tfrac{2}{3} x\right)",
        range=(-1.7159, 1.7159),
        monotone=True,
        smoothness=float("inf"),
        initializer="lecun_normal",
        source="LeCun et al. 1998",
    )


@activation_function
def penalized_tanh(x: Tensor, alpha: float | Tensor = 0.25) -> Tensor:
    """The hyperbolic tangent with a smaller negative side: `tanh(x)`, times `alpha` where x is below 0.

    Saturates like `tanh`, and favours one sign like `leaky_relu`.

    Args:
        x: Float tensor of any shape.
        alpha: The factor below 0: a number, or a tensor that broadcasts to `x`. Defaults to `0.25`.

    Returns:
        A tensor of the shape and dtype of `x`, between `−alpha` and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> penalized_tanh([-1.0, 1.0])
    array([-0.1904,  0.7616], dtype=float32)

    Source: Xu, Huang and Li 2016, arXiv:1602.05980.
    """
    y = _numerics.tanh(x)
    return ops.where(x >= 0, y, alpha * y)


class PenalizedTanh(Activation):
    """The hyperbolic tangent with a smaller negative side, as a layer; see `keras_acts.penalized_tanh`.

    Args:
        alpha: The factor below 0, at least 0. Defaults to `0.25`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=penalized_tanh,
        formula=r"\begin{cases} \tanh x & x \ge 0 \\ \alpha \tanh x & x < 0 \end{cases}",
        params={"alpha": Param(at_least=0.0, search=(0.05, 1.0))},
        range=(-0.25, 1.0),
        monotone=True,
        smoothness=0,
        source="Xu, Huang and Li 2016, arXiv:1602.05980",
    )

    def __init__(self, alpha: float = 0.25, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def arctan(x: Tensor) -> Tensor:
    """The arc tangent, from −π/2 to π/2.

    Saturates far more slowly than `tanh`: its derivative falls as 1/x².

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within ±π/2.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> arctan([-1.0, 0.0, 1.0])
    array([-0.7854,  0.    ,  0.7854], dtype=float32)
    """
    return _numerics.arctan(x)


class Arctan(Activation):
    """The arc tangent as a layer; see `keras_acts.arctan`."""

    spec = Spec(
        function=arctan,
        formula=r"\arctan x",
        range=(-math.pi / 2, math.pi / 2),
        monotone=True,
        smoothness=float("inf"),
        aliases=("atan",),
        source="elementary",
    )


@activation_function
def erf(x: Tensor) -> Tensor:
    """The error function, from −1 to 1: `2 Φ(√2 x) − 1`, Φ the normal distribution function.

    Saturates faster than `tanh`: its derivative falls as exp(−x²).

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> erf([-1.0, 0.0, 1.0])
    array([-0.8427,  0.    ,  0.8427], dtype=float32)
    """
    return _numerics.erf(x)


class Erf(Activation):
    """The error function as a layer; see `keras_acts.erf`."""

    spec = Spec(
        function=erf,
        formula=r"\operatorname{erf} x = \frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2}\,dt",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="elementary",
    )


def _softsign_derivative(x: Tensor) -> Tensor:
    shrunk = 1.0 / (1.0 + ops.abs(x))
    return shrunk * shrunk


@with_derivative(_softsign_derivative)
def _softsign(x: Tensor) -> Tensor:
    return ops.softsign(ops.clip(x, -1e30, 1e30))


@activation_function
def softsign(x: Tensor) -> Tensor:
    """A sigmoid without an exponential: `x / (1 + |x|)`.

    Saturates slowly: its derivative falls as 1/x².

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> softsign([-1.0, 0.0, 3.0])
    array([-0.5 ,  0.  ,  0.75], dtype=float32)

    Source: Bergstra et al. 2009, "Quadratic polynomials learn better image features". The value at
    ±inf is the limit, ±1 (Keras: NaN).
    """
    return _softsign(x)


class Softsign(Activation):
    """A sigmoid without an exponential, as a layer; see `keras_acts.softsign`."""

    spec = Spec(
        function=softsign,
        formula=r"\frac{x}{1 + |x|}",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=1,
        source="Bergstra et al. 2009",
    )


@activation_function
def isru(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """The inverse square root unit: `x / √(1 + alpha · x²)`.

    Shaped like `tanh`, at the price of a square root.

    Args:
        x: Float tensor of any shape.
        alpha: One over the square of the limit: a number above 0, or a tensor of them that
            broadcasts to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, within `±1/√alpha`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> isru([0.0, 0.75], alpha=1.0)
    array([0. , 0.6], dtype=float32)

    Source: Carlile et al. 2017, arXiv:1710.09967.
    """
    return _numerics.isru(x, alpha)


class ISRU(Activation):
    """The inverse square root unit as a layer; see `keras_acts.isru`.

    Args:
        alpha: One over the square of the limit, above 0. Defaults to `1.0`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=isru,
        formula=r"\frac{x}{\sqrt{1 + \alpha x^2}}",
        params={"alpha": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="Carlile et al. 2017, arXiv:1710.09967",
    )

    def __init__(self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def sqnl(x: Tensor) -> Tensor:
    """The square non-linearity: `x − x²/4` from 0 to 2, mirrored below 0, and ±1 beyond ±2.

    Shaped like `tanh` at the price of a multiplication. The gradient is 0 outside −2 to 2.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sqnl([-1.0, 0.5, 9.0])
    array([-0.75  ,  0.4375,  1.    ], dtype=float32)

    Source: Wuraola and Patel 2018, doi:10.1109/IJCNN.2018.8489043.
    """
    x = _numerics.clip(x, -2.0, 2.0)
    return x * (1.0 - 0.25 * ops.abs(x))


class SQNL(Activation):
    """The square non-linearity as a layer; see `keras_acts.sqnl`."""

    spec = Spec(
        function=sqnl,
        formula=r"\begin{cases} x - \operatorname{sgn}(x)\,x^2/4 & |x| \le 2"
        r" \\ \operatorname{sgn} x & |x| > 2 \end{cases}",
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=1,
        source="Wuraola and Patel 2018, doi:10.1109/IJCNN.2018.8489043",
    )


def _bent_identity_derivative(x: Tensor) -> Tensor:
    return 1.0 + 0.5 * _numerics.isru(x)


@with_derivative(_bent_identity_derivative)
def _bent_identity(x: Tensor) -> Tensor:
    # √(x² + 1) − 1 is x²/(√(x² + 1) + 1), which keeps its digits near 0; far out, x is divided out of the fraction.
    size = ops.abs(x)
    far = size > 1
    above = ops.where(far, ops.sign(x), x)
    below = 1.0 / ops.where(far, size, 1.0)
    return x * (1.0 + 0.5 * above / (below + ops.sqrt(above * above + below * below)))


@activation_function
def bent_identity(x: Tensor) -> Tensor:
    """A line that bends at 0: `x + (√(x² + 1) − 1) / 2`, of slope 1/2 on the left and 3/2 on the right.

    Does not saturate.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> bent_identity([-0.75, 0.0, 0.75])
    array([-0.625,  0.   ,  0.875], dtype=float32)

    Source: nobody's paper that we could find; it stands in lists of activations since 2015 or so.
    """
    return _bent_identity(x)


class BentIdentity(Activation):
    """A line that bends at 0, as a layer; see `keras_acts.bent_identity`."""

    spec = Spec(
        function=bent_identity,
        formula=r"x + \frac{\sqrt{x^2 + 1} - 1}{2}",
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="folklore",
    )


@activation_function
def soft_clipping(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """`x` held softly within 0 and 1: `(softplus(alpha · x) − softplus(alpha · (x − 1))) / alpha`.

    Nearly linear between 0 and 1 where `alpha` is large: an output for intensities and other
    fractions that are not probabilities.

    Args:
        x: Float tensor of any shape.
        alpha: How sharp the two bends are: a number above 0, or a tensor of them that broadcasts
            to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> soft_clipping([0.1, 0.5, 2.0], alpha=50.0)
    array([0.1001, 0.5   , 1.    ], dtype=float32)

    Source: Klimek and Perelstein 2018, arXiv:1810.11509.
    """
    alpha = ops.convert_to_tensor(alpha, dtype=x.dtype)
    # Left of the middle, then mirrored; there ln((1 + e^αx) / (1 + e^α(x−1))) is one softplus, without a difference.
    right = x > 0.5
    y = ops.where(right, 1.0 - x, x)
    exponent = alpha * y + ops.log(-_numerics.expm1(-alpha)) - _numerics.softplus(alpha * (y - 1.0))
    left = _numerics.softplus(exponent) / alpha
    return ops.where(right, 1.0 - left, left)


class SoftClipping(Activation):
    """`x` held softly within 0 and 1, as a layer; see `keras_acts.soft_clipping`.

    Args:
        alpha: How sharp the two bends are, above 0. Defaults to `1.0`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=soft_clipping,
        formula=r"\frac{1}{\alpha} \ln\frac{1 + e^{\alpha x}}{1 + e^{\alpha (x - 1)}}",
        params={"alpha": Param(above=0.0, search=(1.0, 50.0), log=True)},
        range=(0.0, 1.0),
        monotone=True,
        smoothness=float("inf"),
        source="Klimek and Perelstein 2018, arXiv:1810.11509",
    )

    def __init__(self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)
