"""Functions that let the positive part through: the line, its rectifiers, and their smooth forms."""

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
def linear(x: Tensor) -> Tensor:
    """No activation: `x` itself.

    The output of a regression, and the control in a comparison: what a network does without
    any non-linearity.

    Args:
        x: Float tensor of any shape.

    Returns:
        `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> linear([-1.0, 2.0])
    array([-1.,  2.], dtype=float32)
    """
    return x


class Linear(Activation):
    """No activation, as a layer; see `keras_acts.linear`."""

    spec = Spec(
        function=linear,
        formula="x",
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="none needed",
    )


@activation_function
def softplus(x: Tensor) -> Tensor:
    """The smooth rectifier: `ln(1 + exp(x))`, the limit of ever finer `sum_of_sigmoids`.

    Its derivative is the sigmoid, so that no unit dies. An output that must be positive (a scale,
    a rate); between layers `relu` is its cheap shortcut.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, above 0.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> softplus([-1.0, 0.0, 100.0])
    array([  0.3133,   0.6931, 100.    ], dtype=float32)

    Source: Dugas et al. 2001.
    """
    return _numerics.softplus(x)


class Softplus(Activation):
    """The smooth rectifier as a layer; see `keras_acts.softplus`."""

    spec = Spec(
        function=softplus,
        formula=r"\ln(1 + e^x)",
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Dugas et al. 2001",
    )


@activation_function
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """The rectifier: `x` where it is positive, else 0.

    The default choice between layers: cheap, sparse, and no saturation above 0. A unit whose input
    is negative for every example gets no gradient and stays dead; `leaky_relu`, `prelu` and `elu`
    are the cures.

    Args:
        x: Float tensor of any shape.
        negative_slope: The slope below the threshold. Defaults to `0.0`.
        max_value: The value at which the output is cut off, or `None` for no cut. Defaults to
            `None`.
        threshold: Where the line begins: the output is `negative_slope · (x − threshold)` below.
            Defaults to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> relu([-2.0, 0.5, 9.0], max_value=6.0)
    array([0. , 0.5, 6. ], dtype=float32)

    Source: Nair and Hinton 2010; Glorot, Bordes and Bengio 2011. Keras's arguments; the derivative
    at 0 is 0.
    """
    if negative_slope == 0 and threshold == 0 and max_value is None:
        return ops.relu(x)
    below = negative_slope * (x - threshold) if negative_slope != 0 else ops.where(ops.isnan(x), x, ops.zeros_like(x))
    y = ops.where(x > threshold, x, below)
    return y if max_value is None else ops.where(x >= max_value, ops.full_like(x, max_value), y)


class ReLU(Activation):
    """The rectifier as a layer; see `keras_acts.relu`.

    Args:
        max_value: Where the output is cut off; `None` for no cut, else at least 0. Defaults to
            `None`.
        negative_slope: The slope below the threshold, at least 0. Defaults to `0.0`.
        threshold: Where the line begins, at least 0. Defaults to `0.0`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=relu,
        formula=r"\max(x, 0)",
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Nair and Hinton 2010; Glorot, Bordes and Bengio 2011",
    )

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        arguments = {"max_value": max_value, "negative_slope": negative_slope, "threshold": threshold}
        checked = Param(at_least=0.0)
        for name, value in arguments.items():
            if name != "max_value" or value is not None:
                arguments[name] = checked.check("ReLU", name, value)
        super().__init__(arguments, **kwargs)


@activation_function
def leaky_relu(x: Tensor, negative_slope: float | Tensor = 0.2) -> Tensor:
    """The rectifier with a leak: `x` where it is positive, else `negative_slope · x`.

    No unit can die, since the gradient is nowhere 0.

    Args:
        x: Float tensor of any shape.
        negative_slope: The slope below 0: a number, or a tensor that broadcasts to `x`. Defaults to
            `0.2`; the layer's default is 0.3. Both are Keras's.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> leaky_relu([-1.0, 2.0])
    array([-0.2,  2. ], dtype=float32)

    Source: Maas, Hannun and Ng 2013, whose slope is 0.01.
    """
    single = keras.backend.standardize_dtype(x.dtype) == "float32"
    if single and isinstance(negative_slope, (int, float)) and keras.backend.backend() != "jax":
        # In one step. (JAX's has slope 1 at 0, and TensorFlow takes the slope in float32.)
        return ops.leaky_relu(x, negative_slope)
    return ops.where(x > 0, x, negative_slope * x)


class LeakyReLU(Activation):
    """The rectifier with a leak as a layer; see `keras_acts.leaky_relu`.

    Args:
        negative_slope: The slope below 0, at least 0. Defaults to `0.3`; the function's default is
            0.2. Both are Keras's.
        learn: `("negative_slope",)` to learn the slope (`PReLU` does by default). Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=leaky_relu,
        formula=r"\begin{cases} x & x > 0 \\ \mathrm{negative\_slope}\cdot x & x \le 0 \end{cases}",
        params={"negative_slope": Param(at_least=0.0, search=(0.01, 0.5), log=True)},
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Maas, Hannun and Ng 2013",
    )

    def __init__(
        self, negative_slope: float = 0.3, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any
    ) -> None:
        super().__init__({"negative_slope": negative_slope}, learn=learn, **kwargs)


@activation_function
def prelu(x: Tensor, alpha: float | Tensor = 0.25) -> Tensor:
    """The rectifier with a learned leak: `x` where it is positive, else `alpha · x`.

    Args:
        x: Float tensor of any shape.
        alpha: The slope below 0: a number, or a tensor that broadcasts to `x`. Defaults to `0.25`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> prelu([-1.0, 2.0])
    array([-0.25,  2.  ], dtype=float32)

    Source: He et al. 2015, arXiv:1502.01852.
    """
    return ops.where(x > 0, x, alpha * x)


class PReLU(Activation):
    """The rectifier with a learned leak, one `alpha` a channel; see `keras_acts.prelu`.

    With `shared_axes` it is `keras.layers.PReLU`, weights and all: one `alpha` for each element of
    an example, from 0, shared along the axes named. (Negative axes count from the end, which Keras
    gets wrong.) Without `shared_axes` Keras learns one `alpha` for each element; here it is the
    paper's: one a channel, from 0.25, for any spatial size.

    Args:
        alpha_initializer: Keras initializer of `alpha`. Defaults to `alpha` for every channel, or
            to zeros with `shared_axes`.
        alpha_regularizer: Keras regularizer of `alpha`. Defaults to `None`; the paper says no weight
            decay.
        alpha_constraint: Keras constraint of `alpha`. Defaults to `None`.
        shared_axes: An axis or a list of them, other than the batch axis, along which one `alpha`
            serves. Defaults to `None`: one a channel.
        alpha: The value at the start, or for good where `learn` does not name it. Defaults to
            `0.25`.
        learn: `()` to keep `alpha` fixed. Defaults to `("alpha",)`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=prelu,
        formula=r"\begin{cases} x & x > 0 \\ \alpha x & x \le 0 \end{cases}",
        params={"alpha": Param(search=(0.01, 0.5), log=True)},
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="He et al. 2015, arXiv:1502.01852",
    )

    def __init__(
        self,
        alpha_initializer: Any = None,
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | list[int] | tuple[int, ...] | None = None,
        *,
        alpha: float = 0.25,
        learn: tuple[str, ...] | list[str] | str = ("alpha",),
        **kwargs: Any,
    ) -> None:
        if shared_axes is not None:
            shared_axes = [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)
            alpha_initializer = alpha_initializer or "zeros"
            if kwargs.get("per") or kwargs.get("channels") or "alpha" not in learn:
                need = "`PReLU` needs `shared_axes` without `per` and `channels`, and `alpha` learned"
                raise ValueError(received(need, shared_axes=shared_axes, learn=learn, **kwargs))
        self._shared_axes: tuple[int, ...] | None = None if shared_axes is None else tuple(shared_axes)
        super().__init__(
            {"alpha": alpha},
            learn=learn,
            initializers={"alpha": alpha_initializer},
            regularizers={"alpha": alpha_regularizer},
            constraints={"alpha": alpha_constraint},
            **kwargs,
        )

    def build(self, input_shape: Any) -> None:
        """Create `alpha`, unless it exists.

        Raises:
            ValueError: An axis of `shared_axes` is none of the input's, or a size that is not
                shared is unknown.
        """
        if self._shared_axes is None:
            super().build(input_shape)
            return
        rank = len(input_shape)
        shape = list(input_shape)
        for axis in self._shared_axes:
            if not -rank < axis < rank or axis == 0:
                need = "`PReLU` needs `shared_axes` to be axes of its input other than the batch axis"
                raise ValueError(received(need, shared_axes=list(self._shared_axes), input_shape=tuple(input_shape)))
            shape[axis] = 1
        if None in shape[1:]:
            need = "`PReLU` needs a known size on each axis that is not shared: share it, or leave out `shared_axes`"
            raise ValueError(received(need, shared_axes=list(self._shared_axes), input_shape=tuple(input_shape)))
        self._create("alpha", tuple(shape[1:]))
        fixed = {axis: size for axis, size in enumerate(shape) if axis > 0 and size != 1}
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes=fixed)

    def value(self, name: str, inputs: Tensor) -> Tensor:
        """`alpha`, shaped so that it broadcasts to `inputs`."""
        return super().value(name, inputs) if self._shared_axes is None else ops.convert_to_tensor(self.alpha)

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, by Keras's names."""
        config = super().get_config()
        for plural in ("initializers", "regularizers", "constraints"):
            config[f"alpha_{plural[:-1]}"] = config.pop(plural).get("alpha")
        config["shared_axes"] = None if self._shared_axes is None else list(self._shared_axes)
        return config


@activation_function
def relu6(x: Tensor) -> Tensor:
    """The rectifier with a ceiling: `x` held within 0 and 6.

    For 8-bit inference: the range of the output is known beforehand.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 6.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> relu6([-2.0, 0.5, 9.0])
    array([0. , 0.5, 6. ], dtype=float32)

    Source: Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10". The derivative at 0
    and at 6 is 0.
    """
    return _numerics.relu6(x)


class ReLU6(Activation):
    """The rectifier with a ceiling, as a layer; see `keras_acts.relu6`."""

    spec = Spec(
        function=relu6,
        formula=r"\min(\max(x, 0), 6)",
        range=(0.0, 6.0),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Krizhevsky 2010",
    )


@activation_function
def rrelu(
    x: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    seed: int | keras.random.SeedGenerator | None = None,
) -> Tensor:
    """The rectifier with a random leak: `x` where it is positive, else `x` times a slope drawn at random.

    A regularizer for small data sets. The slope is drawn anew for each element and each call in
    training; otherwise it is the mean of `lower` and `upper`.

    Args:
        x: Float tensor of any shape.
        lower: The least slope. Defaults to `1/8`.
        upper: The greatest slope. Defaults to `1/3`.
        training: Whether to draw the slopes. Defaults to `False`.
        seed: An integer, which always draws the same slopes, or a `keras.random.SeedGenerator`.
            Defaults to `None`: Keras's global generator.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> rrelu([-48.0, 2.0])
    array([-11.,   2.], dtype=float32)

    Source: Xu et al. 2015, arXiv:1505.00853, who divide by a number drawn from 3 to 8. A slope drawn
    from 1/8 to 1/3 is PyTorch's; its mean is 11/48, theirs at inference 2/11.
    """
    slope = 0.5 * (lower + upper)
    if training:
        slope = keras.random.uniform(ops.shape(x), lower, upper, keras.backend.standardize_dtype(x.dtype), seed)
    return ops.where(x > 0, x, slope * x)


class RReLU(Activation):
    """The rectifier with a random leak as a layer; see `keras_acts.rrelu`.

    Args:
        lower: The least slope, at least 0. Defaults to `1/8`.
        upper: The greatest slope, at least `lower`. Defaults to `1/3`.
        seed: An integer, to draw the same slopes in every run. Defaults to `None`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=rrelu,
        formula=r"\begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases},\quad"
        r" a \sim U(\mathrm{lower}, \mathrm{upper})",
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Xu et al. 2015, arXiv:1505.00853",
    )

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, seed: int | None = None, **kwargs: Any) -> None:
        lower = Param(at_least=0.0).check("RReLU", "lower", lower)
        upper = Param().check("RReLU", "upper", upper)
        if upper < lower:
            raise ValueError(received("`RReLU` needs `upper` of at least `lower`", lower=lower, upper=upper))
        super().__init__({"lower": lower, "upper": upper, "seed": seed}, **kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Apply the rectifier, with slopes drawn at random if `training`."""
        return rrelu(inputs, self.lower, self.upper, training=bool(training), seed=self.seed_generator)


@activation_function
def thresholded_relu(x: Tensor, theta: float | Tensor = 1.0) -> Tensor:
    """The rectifier with a dead zone: `x` where it exceeds `theta`, else 0.

    Gives sparse codes without a bias to learn; jumps at `theta`.

    Args:
        x: Float tensor of any shape.
        theta: Where the line begins: a number, or a tensor that broadcasts to `x`. Defaults to
            `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> thresholded_relu([0.5, 1.0, 1.5])
    array([0. , 0. , 1.5], dtype=float32)

    Source: Konda, Memisevic and Krueger 2014, arXiv:1402.3337.
    """
    return ops.where(x <= theta, ops.zeros_like(x), x)


class ThresholdedReLU(Activation):
    """The rectifier with a dead zone as a layer; see `keras_acts.thresholded_relu`.

    `theta` cannot be learned: the derivative with respect to it is 0.

    Args:
        theta: Where the line begins, at least 0. Defaults to `1.0`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=thresholded_relu,
        formula=r"\begin{cases} x & x > \theta \\ 0 & x \le \theta \end{cases}",
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=-1,
        initializer="he_normal",
        source="Konda, Memisevic and Krueger 2014, arXiv:1402.3337",
    )

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__({"theta": Param(at_least=0.0).check("ThresholdedReLU", "theta", theta)}, **kwargs)


@activation_function
def squared_relu(x: Tensor) -> Tensor:
    """The square of the rectifier: `relu(x)²`.

    In the feed-forward blocks of transformers, at the price of one more multiplication.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> squared_relu([-1.0, 3.0])
    array([0., 9.], dtype=float32)

    Source: So et al. 2021, "Primer", arXiv:2109.08668.
    """
    y = ops.relu(x)
    return y * y


class SquaredReLU(Activation):
    """The square of the rectifier as a layer; see `keras_acts.squared_relu`."""

    spec = Spec(
        function=squared_relu,
        formula=r"\max(x, 0)^2",
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="So et al. 2021, arXiv:2109.08668",
    )


@activation_function
def star_relu(x: Tensor, scale: float | Tensor = 0.8944, bias: float | Tensor = -0.4472) -> Tensor:
    """`squared_relu`, scaled and shifted: `scale · relu(x)² + bias`.

    With the default numbers a standard normal input comes out with mean 0 and variance 1.

    Args:
        x: Float tensor of any shape.
        scale: The factor: a number, or a tensor that broadcasts to `x`. Defaults to `0.8944`.
        bias: The value below 0, likewise. Defaults to `-0.4472`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> star_relu([-1.0, 1.0])
    array([-0.4472,  0.4472], dtype=float32)

    Source: Yu et al. 2022, "MetaFormer baselines for vision", arXiv:2210.13452.
    """
    y = ops.relu(x)
    return scale * y * y + bias


class StarReLU(Activation):
    """The squared rectifier with a learned scale and bias; see `keras_acts.star_relu`.

    Args:
        scale: The factor at the start, or for good where `learn` does not name it. Defaults to
            `0.8944`.
        bias: The value below 0, likewise. Defaults to `-0.4472`.
        learn: The names of those to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=star_relu,
        formula=r"s \max(x, 0)^2 + b",
        params={
            "scale": Param(per="layer", search=(0.5, 2.0), log=True),
            "bias": Param(per="layer", search=(-1.0, 0.0)),
        },
        range=(-0.4472, float("inf")),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Yu et al. 2022, arXiv:2210.13452",
    )

    def __init__(
        self,
        scale: float = 0.8944,
        bias: float = -0.4472,
        *,
        learn: tuple[str, ...] | list[str] | str = ("scale", "bias"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"scale": scale, "bias": bias}, learn=learn, **kwargs)


@activation_function
def crelu(x: Tensor, axis: int = -1) -> Tensor:
    """Both rectifiers side by side: `relu(x)` and `relu(−x)`, one after the other along the channels.

    Loses nothing of the input, at the price of twice as many channels: for early convolutions,
    whose filters tend to come in pairs of opposite sign.

    Args:
        x: Float tensor of rank 1 or more.
        axis: The channel axis. Defaults to `-1`.

    Returns:
        A tensor of the dtype of `x` and its shape, but for `axis`, which is twice as long.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> crelu([[-1.0, 2.0]])
    array([[0., 2., 1., 0.]], dtype=float32)

    Source: Shang et al. 2016, arXiv:1603.05201.
    """
    if not -len(x.shape) <= axis < len(x.shape):
        raise ValueError(received("`crelu` needs `axis` to be an axis of `x`", axis=axis, shape=tuple(x.shape)))
    return ops.concatenate([ops.relu(x), ops.relu(-x)], axis=axis)


class CReLU(Activation):
    """Both rectifiers side by side as a layer; see `keras_acts.crelu`.

    Args:
        axis: The channel axis; `1` for channels-first images. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Output shape: the input's, but for the channel axis, which is twice as long.
    """

    spec = Spec(
        function=crelu,
        formula=r"\left[\max(x, 0),\ \max(-x, 0)\right]",
        range=(0.0, float("inf")),
        monotone=False,
        smoothness=0,
        initializer="he_normal",
        elementwise=False,
        source="Shang et al. 2016, arXiv:1603.05201",
    )

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__({"axis": checked_integer("CReLU", "axis", axis)}, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape with twice the channels.

        Raises:
            ValueError: `axis` is not an axis of the input.
        """
        shape = list(input_shape)
        if not -len(shape) <= self.axis < len(shape):
            need = "`CReLU` needs `axis` to be an axis of its input"
            raise ValueError(received(need, axis=self.axis, input_shape=tuple(shape)))
        shape[self.axis] = None if shape[self.axis] is None else 2 * shape[self.axis]
        return tuple(shape)


@activation_function
def smelu(x: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """The rectifier with its corner rounded by a parabola: `(x + beta)² / (4 · beta)` on |x| ≤ `beta`.

    Exactly `relu` outside that interval. Models trained with it agree more from run to run.

    Args:
        x: Float tensor of any shape.
        beta: Half the width of the rounded part: a number above 0, or a tensor of them that
            broadcasts to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, at least 0.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> smelu([-2.0, 0.0, 0.5, 2.0])
    array([0.    , 0.25  , 0.5625, 2.    ], dtype=float32)

    Source: Shamir, Lin and Coviello 2020, arXiv:2010.09931; Shamir and Lin 2022, arXiv:2202.06499.
    """
    beta = ops.convert_to_tensor(beta, dtype=x.dtype)
    rise = _numerics.clip(x, -beta, beta) + beta
    return ops.where(x >= beta, x, rise * rise / (4.0 * beta))


class SmeLU(Activation):
    """The rectifier with its corner rounded by a parabola, as a layer; see `keras_acts.smelu`.

    Args:
        beta: Half the width of the rounded part, above 0. Defaults to `1.0`.
        learn: `("beta",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=smelu,
        formula=r"\begin{cases} 0 & x < -\beta \\ (x + \beta)^2 / 4\beta & |x| \le \beta \\ x & x > \beta \end{cases}",
        params={"beta": Param(above=0.0, search=(0.1, 4.0), log=True)},
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Shamir, Lin and Coviello 2020, arXiv:2010.09931; Shamir and Lin 2022, arXiv:2202.06499",
    )

    def __init__(self, beta: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"beta": beta}, learn=learn, **kwargs)


@activation_function
def sparse_plus(x: Tensor) -> Tensor:
    """The softplus of sparsemax: 0 up to −1, `(x + 1)² / 4` up to 1, `x` beyond.

    The same as `smelu` with beta 1. Its derivative is `sparse_sigmoid`.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, at least 0.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sparse_plus([-2.0, 0.0, 2.0])
    array([0.  , 0.25, 2.  ], dtype=float32)

    Source: Blondel, Martins and Niculae 2019, arXiv:1901.02324.
    """
    return smelu(x, beta=1.0)


class SparsePlus(Activation):
    """The softplus of sparsemax as a layer; see `keras_acts.sparse_plus`."""

    spec = Spec(
        function=sparse_plus,
        formula=r"\begin{cases} 0 & x < -1 \\ (x + 1)^2 / 4 & |x| \le 1 \\ x & x > 1 \end{cases}",
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Blondel, Martins and Niculae 2019, arXiv:1901.02324",
    )


def _squareplus_second(x: Tensor, b: Tensor) -> Tensor:
    root = _numerics.hypotenuse(x, b)
    return 0.5 * b / root / root / root


def _squareplus_slope_by_b(x: Tensor, b: Tensor) -> Tensor:
    root = _numerics.hypotenuse(x, b)
    return -0.25 * x / root / root / root


def _squareplus_from(x: Tensor, b: Tensor, root: Tensor) -> Tensor:
    # To the left x + √(x² + b) is b/(√(x² + b) − x), which keeps its digits.
    return ops.where(x >= 0, 0.5 * x + 0.5 * root, 0.5 * b / (root - x))


@with_derivative(_squareplus_second, _squareplus_slope_by_b)
def _squareplus_slope(x: Tensor, b: Tensor) -> Tensor:
    x = ops.clip(x, -1e30, 1e30)
    root = _numerics.hypotenuse(x, b)
    return _squareplus_from(x, b, root) / root


@with_derivative(_squareplus_slope, lambda x, b: 0.25 / _numerics.hypotenuse(x, b))
def _squareplus(x: Tensor, b: Tensor) -> Tensor:
    return _squareplus_from(x, b, _numerics.hypotenuse(x, b))


@activation_function
def squareplus(x: Tensor, b: float | Tensor = 4.0) -> Tensor:
    """A smooth rectifier without an exponential: `(x + √(x² + b)) / 2`.

    Shaped like `softplus`; its left end falls as 1/x.

    Args:
        x: Float tensor of any shape.
        b: How round the bend is: a number above 0, or a tensor of them that broadcasts to `x`.
            Defaults to `4.0`, where the value at 0 is 1.

    Returns:
        A tensor of the shape and dtype of `x`, above 0.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> squareplus([-1.5, 0.0, 1.5])
    array([0.5, 1. , 2. ], dtype=float32)

    Source: Barron 2021, arXiv:2112.11687.
    """
    return _squareplus(x, b)


class Squareplus(Activation):
    """A smooth rectifier without an exponential, as a layer; see `keras_acts.squareplus`.

    Args:
        b: How round the bend is, above 0. Defaults to `4.0`.
        learn: `("b",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=squareplus,
        formula=r"\frac{x + \sqrt{x^2 + b}}{2}",
        params={"b": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(0.0, float("inf")),
        monotone=True,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Barron 2021, arXiv:2112.11687",
    )

    def __init__(self, b: float = 4.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"b": b}, learn=learn, **kwargs)


@activation_function
def flatten_t_swish(x: Tensor, threshold: float | Tensor = -0.2) -> Tensor:
    """`silu` cut off at 0, and shifted: `relu(x) · σ(x) + threshold`.

    The shift brings the mean of the output towards 0.

    Args:
        x: Float tensor of any shape.
        threshold: The value below 0: a number, or a tensor that broadcasts to `x`. Defaults to
            `-0.2`.

    Returns:
        A tensor of the shape and dtype of `x`, at least `threshold`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> flatten_t_swish([-1.0, 2.0])
    array([-0.2   ,  1.5616], dtype=float32)

    Source: Chieng et al. 2018, arXiv:1812.06247. The derivative at 0 is 0.
    """
    return _numerics.silu(ops.relu(x)) + threshold


class FlattenTSwish(Activation):
    """`silu` cut off at 0 and shifted, as a layer; see `keras_acts.flatten_t_swish`.

    Args:
        threshold: The value below 0. Defaults to `-0.2`.
        learn: `("threshold",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=flatten_t_swish,
        formula=r"\max(x, 0)\,\sigma(x) + T",
        params={"threshold": Param(search=(-1.0, 0.0))},
        range=(-0.2, float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        aliases=("fts",),
        source="Chieng et al. 2018, arXiv:1812.06247",
    )

    def __init__(
        self, threshold: float = -0.2, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any
    ) -> None:
        super().__init__({"threshold": threshold}, learn=learn, **kwargs)


@activation_function
def srelu(
    x: Tensor,
    t_left: float | Tensor = 0.0,
    a_left: float | Tensor = 0.1,
    t_right: float | Tensor = 1.0,
    a_right: float | Tensor = 0.5,
) -> Tensor:
    """The S-shaped rectifier: three lines, `x` itself between two thresholds, with slopes beyond them.

    `t_right + a_right · (x − t_right)` from `t_right` on, `t_left + a_left · (x − t_left)` up to
    `t_left`. With all four learned it takes convex and concave shapes.

    Args:
        x: Float tensor of any shape.
        t_left: The left threshold: a number, or a tensor that broadcasts to `x`. Defaults to `0.0`.
        a_left: The slope on its left, likewise. Defaults to `0.1`.
        t_right: The right threshold, likewise. Where it is below `t_left`, `t_left` takes its place.
            Defaults to `1.0`.
        a_right: The slope on its right, likewise. Defaults to `0.5`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> srelu([-1.0, 0.5, 3.0])
    array([-0.1,  0.5,  2. ], dtype=float32)

    Source: Jin et al. 2015, arXiv:1512.07030. Their start values we could not confirm. Not the
    "shifted" rectifier, `max(−1, x)`, which goes by the same name.
    """
    t_left = ops.convert_to_tensor(t_left, dtype=x.dtype)
    t_right = ops.convert_to_tensor(t_right, dtype=x.dtype)
    t_right = ops.where(t_right < t_left, t_left, t_right)
    left = t_left + a_left * (x - t_left)
    right = t_right + a_right * (x - t_right)
    return ops.where(x >= t_right, right, ops.where(x <= t_left, left, x))


class SReLU(Activation):
    """The S-shaped rectifier with learned thresholds and slopes; see `keras_acts.srelu`.

    The thresholds never cross: each optimizer step ends with `t_right` at least `t_left`, and
    should anything else disturb their order, `srelu` restores it.

    Args:
        t_left: The left threshold at the start, or for good where `learn` does not name it.
            Defaults to `0.0`.
        a_left: The slope on its left, likewise. Defaults to `0.1`.
        t_right: The right threshold, likewise; at least `t_left`. Defaults to `1.0`.
        a_right: The slope on its right, likewise. Defaults to `0.5`.
        learn: The names of those to learn. Defaults to all four.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=srelu,
        formula=r"\begin{cases} t_r + a_r (x - t_r) & x \ge t_r \\ x & t_l < x < t_r"
        r" \\ t_l + a_l (x - t_l) & x \le t_l \end{cases}",
        params={
            "t_left": Param(search=(-2.0, 0.0)),
            "a_left": Param(search=(0.01, 1.0), log=True),
            "t_right": Param(search=(0.0, 2.0)),
            "a_right": Param(search=(0.1, 2.0), log=True),
        },
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Jin et al. 2015, arXiv:1512.07030",
    )

    def __init__(
        self,
        t_left: float = 0.0,
        a_left: float = 0.1,
        t_right: float = 1.0,
        a_right: float = 0.5,
        *,
        learn: tuple[str, ...] | list[str] | str = ("t_left", "a_left", "t_right", "a_right"),
        **kwargs: Any,
    ) -> None:
        arguments = {"t_left": t_left, "a_left": a_left, "t_right": t_right, "a_right": a_right}
        super().__init__(arguments, learn=learn, **kwargs)
        if t_right < t_left:
            raise ValueError(received("`SReLU` needs `t_right` of at least `t_left`", t_left=t_left, t_right=t_right))

    def _create(self, name: str, shape: tuple[int, ...]) -> None:
        super()._create(name, shape)
        weight = getattr(self, name)
        inner = weight.constraint or (lambda w: w)
        if name == "t_right":

            def not_below(w: Tensor) -> Tensor:
                floor = ops.convert_to_tensor(self.t_left, dtype=w.dtype)
                return ops.maximum(inner(w), floor if floor.shape in ((), w.shape) else ops.max(floor))

            weight.constraint = not_below
        elif name == "t_left" and "t_right" not in self.learned:
            weight.constraint = lambda w: ops.minimum(inner(w), self.t_right)


@activation_function
def arelu(x: Tensor, alpha: float | Tensor = 0.9, beta: float | Tensor = 2.0) -> Tensor:
    """Attention on the sign: `(1 + σ(beta)) · x` where x is positive, else `alpha · x`.

    Amplifies what is positive and dampens what is negative, both to a learned degree.

    Args:
        x: Float tensor of any shape.
        alpha: The slope below 0, held within 0.01 and 0.99: a number, or a tensor that broadcasts
            to `x`. Defaults to `0.9`.
        beta: Its sigmoid is added to the slope above 0, likewise. Defaults to `2.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> arelu([-1.0, 1.0])
    array([-0.9   ,  1.8808], dtype=float32)

    Source: Chen, Li and Xu 2020, arXiv:2006.13858.
    """
    alpha = ops.convert_to_tensor(alpha, dtype=x.dtype)
    # Unlike `_numerics.clip` with a slope at the bounds themselves: a learned alpha must be able to leave them.
    low, high = ops.full_like(alpha, 0.01), ops.full_like(alpha, 0.99)
    alpha = ops.where(alpha < low, low, ops.where(alpha > high, high, alpha))
    beta = ops.convert_to_tensor(beta, dtype=x.dtype)
    return ops.where(x >= 0, (1.0 + _numerics.sigmoid(beta)) * x, alpha * x)


class AReLU(Activation):
    """Learned attention on the sign; see `keras_acts.arelu`.

    Args:
        alpha: The slope below 0 at the start, or for good where `learn` does not name it; within
            0.01 and 0.99. Defaults to `0.9`.
        beta: Its sigmoid is added to the slope above 0, likewise. Defaults to `2.0`.
        learn: The names of those to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=arelu,
        formula=r"\begin{cases} (1 + \sigma(\beta))\,x & x \ge 0"
        r" \\ \min(\max(\alpha, 0.01), 0.99)\,x & x < 0 \end{cases}",
        params={
            "alpha": Param(at_least=0.01, at_most=0.99, per="layer", search=(0.1, 0.9)),
            "beta": Param(per="layer", search=(-2.0, 4.0)),
        },
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Chen, Li and Xu 2020, arXiv:2006.13858",
    )

    def __init__(
        self,
        alpha: float = 0.9,
        beta: float = 2.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta}, learn=learn, **kwargs)
