"""Functions that let the positive part through: the line, its rectifiers, and their smooth forms."""

from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation
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
    array([  0.3132617,   0.6931472, 100.       ], dtype=float32)

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
    return ops.where(x >= 0, x, negative_slope * x)


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
        formula=r"\begin{cases} x & x \ge 0 \\ \mathrm{negative\_slope}\cdot x & x < 0 \end{cases}",
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
    return ops.where(x >= 0, x, alpha * x)


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
        formula=r"\begin{cases} x & x \ge 0 \\ \alpha x & x < 0 \end{cases}",
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
