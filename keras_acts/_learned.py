"""Functions whose whole shape is learned, and the bounded ones that stand in for a normalization layer."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation, checked_integer
from keras_acts._lookup import layer_class
from keras_acts._spec import Param, Spec

_INF = float("inf")


@activation_function
def soft_exponential(x: Tensor, alpha: float | Tensor = 0.0) -> Tensor:
    """From a logarithm (alpha −1) over the line (alpha 0) to an exponential (alpha 1), smoothly.

    Lets a network add, multiply and take powers. Grows exponentially above alpha 0, and below it has
    a logarithm's pole: keep the inputs small.

    Args:
        x: Float tensor of any shape. Below alpha 0 the value stays what it is just before the pole,
            at `x = −alpha + 1/alpha`.
        alpha: Where between the three: a number, or a tensor that broadcasts to `x`. Defaults to
            `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> soft_exponential([0.0, 1.0], alpha=1.0)
    array([1.    , 2.7183], dtype=float32)

    Source: Godfrey and Gashler 2016, arXiv:1602.01321. Theirs is undefined beyond the pole.
    """
    alpha = ops.convert_to_tensor(alpha, dtype=x.dtype)
    rising = alpha > 0
    growth = ops.where(rising, alpha, 0.0)
    decay = ops.where(rising, 0.0, -alpha)
    # ln(1 + decay·(x − decay))/decay, kept off the pole by a thousandth of the way.
    pole = decay - 0.999 / ops.where(decay == 0, 1.0, decay)
    beyond = (decay > 0) & (x < pole)
    exponential = _numerics.expm1_over(growth, ops.where(rising, x, 0.0)) + growth
    logarithm = _numerics.log1p_over(decay, ops.where(beyond, pole, ops.where(rising, 0.0, x)) - decay)
    return ops.where(rising, exponential, logarithm)


class SoftExponential(Activation):
    """From a logarithm over the line to an exponential, learned; see `keras_acts.soft_exponential`.

    Args:
        alpha: Where between the three at the start, or for good where `learn` does not name it.
            Defaults to `0.0`, the line.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=soft_exponential,
        formula=r"\begin{cases} -\ln(1 - \alpha(x + \alpha))/\alpha & \alpha < 0 \\ x & \alpha = 0 \\"
        r" (e^{\alpha x} - 1)/\alpha + \alpha & \alpha > 0 \end{cases}",
        params={"alpha": Param(per="layer", search=(0.0, 0.5))},
        range=(-_INF, _INF),
        monotone=True,
        smoothness=_INF,
        source="Godfrey and Gashler 2016, arXiv:1602.01321",
    )

    def __init__(
        self, alpha: float = 0.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def dyt(x: Tensor, alpha: float | Tensor = 0.5, gamma: float | Tensor = 1.0, beta: float | Tensor = 0.0) -> Tensor:
    """Dynamic tanh: `gamma · tanh(alpha · x) + beta`, in place of a normalization layer.

    Does to outliers what layer normalization is seen to do, without any statistics.

    Args:
        x: Float tensor of any shape.
        alpha: Scale of the input: a number, or a tensor that broadcasts to `x`. Defaults to `0.5`.
        gamma: Scale of the output, likewise. Defaults to `1.0`.
        beta: Shift of the output, likewise. Defaults to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> dyt([-2.0, 0.0, 2.0])
    array([-0.7616,  0.    ,  0.7616], dtype=float32)

    Source: Zhu et al. 2025, arXiv:2503.10622.
    """
    return gamma * _numerics.tanh(alpha * x) + beta


class DyT(Activation):
    """Dynamic tanh, in place of a normalization layer; see `keras_acts.dyt`.

    Args:
        alpha: Scale of the input at the start; one for the layer. Defaults to `0.5`.
        gamma: Scale of the output at the start; one a channel. Defaults to `1.0`.
        beta: Shift of the output at the start; one a channel. Defaults to `0.0`.
        learn: Which of the three to learn. Defaults to all.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=dyt,
        formula=r"\gamma \tanh(\alpha x) + \beta",
        params={"alpha": Param(per="layer", search=(0.1, 2.0), log=True), "gamma": Param(), "beta": Param()},
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=_INF,
        source="Zhu et al. 2025, arXiv:2503.10622",
    )

    def __init__(
        self,
        alpha: float = 0.5,
        gamma: float = 1.0,
        beta: float = 0.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "gamma", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "gamma": gamma, "beta": beta}, learn=learn, **kwargs)


@activation_function
def derf(
    x: Tensor,
    alpha: float | Tensor = 0.5,
    shift: float | Tensor = 0.0,
    gamma: float | Tensor = 1.0,
    beta: float | Tensor = 0.0,
) -> Tensor:
    """Dynamic erf: `gamma · erf(alpha · x + shift) + beta`, in place of a normalization layer.

    `dyt` with the error function, which its authors found to do better still.

    Args:
        x: Float tensor of any shape.
        alpha: Scale of the input: a number, or a tensor that broadcasts to `x`. Defaults to `0.5`.
        shift: Shift of the input, likewise. Defaults to `0.0`.
        gamma: Scale of the output, likewise. Defaults to `1.0`.
        beta: Shift of the output, likewise. Defaults to `0.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> derf([-2.0, 0.0, 2.0])
    array([-0.8427,  0.    ,  0.8427], dtype=float32)

    Source: Chen et al. 2025, arXiv:2512.10938.
    """
    return gamma * _numerics.erf(alpha * x + shift) + beta


class Derf(Activation):
    """Dynamic erf, in place of a normalization layer; see `keras_acts.derf`.

    Args:
        alpha: Scale of the input at the start; one for the layer. Defaults to `0.5`.
        shift: Shift of the input at the start; one for the layer. Defaults to `0.0`.
        gamma: Scale of the output at the start; one a channel. Defaults to `1.0`.
        beta: Shift of the output at the start; one a channel. Defaults to `0.0`.
        learn: Which of the four to learn. Defaults to all.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=derf,
        formula=r"\gamma\,\mathrm{erf}(\alpha x + s) + \beta",
        params={
            "alpha": Param(per="layer", search=(0.1, 2.0), log=True),
            "shift": Param(per="layer"),
            "gamma": Param(),
            "beta": Param(),
        },
        range=(-1.0, 1.0),
        monotone=True,
        smoothness=_INF,
        source="Chen et al. 2025, arXiv:2512.10938",
    )

    def __init__(
        self,
        alpha: float = 0.5,
        shift: float = 0.0,
        gamma: float = 1.0,
        beta: float = 0.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "shift", "gamma", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "shift": shift, "gamma": gamma, "beta": beta}, learn=learn, **kwargs)


class _Curve(Activation):
    """A function given by weights: each a few numbers for every group of channels.

    A subclass creates weights of shape `(groups, numbers)` in `_create_weights`, and applies them in
    `_curve` to inputs of shape `(…, groups, channels in a group)`.
    """

    def __init__(self, arguments: dict[str, Any], *, groups: int | None, axis: int, **kwargs: Any) -> None:
        owner = type(self).__name__
        groups = None if groups is None else checked_integer(owner, "groups", groups, at_least=1)
        super().__init__({**arguments, "groups": groups, "axis": axis}, axis=axis, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Create the weights, one set a group of channels.

        Raises:
            ValueError: `axis` is not an axis of the input, the channel count is unknown, or it is no
                multiple of `groups`.
        """
        if self.groups == 1:  # any number of channels
            self._create_weights(1)
            return
        channels = self._channel_count(tuple(input_shape))
        groups = self.groups or channels
        if channels % groups:
            need = f"`{type(self).__name__}` needs a channel count that is a multiple of `groups`"
            raise ValueError(received(need, groups=groups, input_shape=tuple(input_shape)))
        self._create_weights(groups)
        self.input_spec = keras.layers.InputSpec(axes={self._axis: channels})

    def call(self, inputs: Tensor) -> Tensor:
        """Apply each group's function to its channels; 16-bit floats are computed in float32."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        moved = self._axis not in (-1, len(inputs.shape) - 1)
        x = ops.moveaxis(inputs, self._axis, -1) if moved else inputs
        shape = ops.shape(x)
        groups = self._count()
        x = ops.reshape(ops.cast(x, wide), (*shape[:-1], groups, x.shape[-1] // groups if x.shape[-1] else -1))
        y = ops.cast(ops.reshape(self._curve(x, wide), shape), dtype)
        return ops.moveaxis(y, -1, self._axis) if moved else y

    def _numbers(self, name: str, groups: int, start: Any) -> Any:
        """A weight of `start`'s numbers for each group."""
        if isinstance(start, np.ndarray):
            numbers = start
            shape = (groups, len(numbers))
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=lambda shape, dtype: ops.convert_to_tensor(np.tile(numbers, (shape[0], 1)), dtype=dtype),
            )
        count, initializer = start
        return self.add_weight(name=name, shape=(groups, count), initializer=initializer)

    def _count(self) -> int:
        raise NotImplementedError

    def _create_weights(self, groups: int) -> None:
        raise NotImplementedError

    def _curve(self, x: Tensor, dtype: str) -> Tensor:
        raise NotImplementedError


def _column(weight: Any, i: int, dtype: str) -> Tensor:
    """The `i`-th number of every group, shaped to broadcast to `(…, groups, channels in a group)`."""
    return ops.expand_dims(ops.cast(weight[:, i], dtype), -1)


def _start_function(owner: str, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The catalogue function called `name` with its layer's defaults, on NumPy arrays."""
    cls = layer_class(name)
    if not cls.spec.elementwise or cls.spec.function is None:
        need = f"`{owner}` needs `start` to be an elementwise activation with a function"
        raise ValueError(received(need, start=name))
    layer = cls()
    arguments = {key: layer.get_config()[key] for key in cls.spec.params}
    function = functools.partial(cls.spec.function, **arguments)

    def on_arrays(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.asarray(ops.convert_to_numpy(function(x.astype("float32"))), "float64")
        return values

    return on_arrays


class APL(_Curve):
    """Adaptive piecewise linear: `relu` plus hinges of learned place and slope, a set a channel.

    `max(x, 0) + Σ a_s · max(b_s − x, 0)`

    Args:
        pieces: How many hinges, at least 1. Defaults to `2`.
        groups: How many groups of channels have hinges of their own. Defaults to `None`: every
            channel; `1` for one set in all.
        axis: The channel axis. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `pieces` or `groups` is not an integer.
        ValueError: `pieces` or `groups` is below 1.

    Example:
    >>> APL()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)

    Source: Agostinelli et al. 2014, arXiv:1412.6830. Slopes start at 0 (so at `relu`) and places from
    the normal distribution; the paper names no start.
    """

    spec = Spec(
        name="apl",
        formula=r"\max(x, 0) + \sum_s a_s \max(b_s - x, 0)",
        range=(0.0, _INF),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Agostinelli et al. 2014, arXiv:1412.6830",
    )

    def __init__(self, pieces: int = 2, groups: int | None = None, *, axis: int = -1, **kwargs: Any) -> None:
        pieces = checked_integer("APL", "pieces", pieces, at_least=1)
        super().__init__({"pieces": pieces}, groups=groups, axis=axis, **kwargs)

    def _count(self) -> int:
        return int(self.slopes.shape[0])

    def _create_weights(self, groups: int) -> None:
        self.slopes = self._numbers("slopes", groups, (self.pieces, "zeros"))
        self.places = self._numbers("places", groups, (self.pieces, keras.initializers.RandomNormal(stddev=1.0)))

    def _curve(self, x: Tensor, dtype: str) -> Tensor:
        y = ops.relu(x)
        for s in range(self.pieces):
            distance = _column(self.places, s, dtype) - x
            # A slope of 0 takes no part, even at −inf.
            y = y + _numerics.gate(ops.relu(distance), _column(self.slopes, s, dtype) * ops.ones_like(x))
        return y


class Rational(_Curve):
    """A quotient of polynomials that has no poles: `P(x) / (1 + |Q(x)|)`, of degrees 5 and 4.

    Starts as a fit to a named activation, and takes whatever smooth shape the data ask for.

    Args:
        start: Name of the activation to start from, fitted by least squares on [−3, 3]. Defaults to
            `"leaky_relu"`.
        groups: How many groups of channels have coefficients of their own: `1` for one set in all,
            `None` for one a channel. Defaults to `1`.
        axis: The channel axis. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `groups` is not an integer.
        ValueError: No elementwise activation has the name `start`, or `groups` is below 1.

    Example:
    >>> Rational(start="tanh")(np.array([[0.0, 2.0]]))
    array([[-0.   ,  0.964]], dtype=float32)

    Source: Molina, Schramowski and Kersting 2019, arXiv:1907.06732 (version B of its code); groups:
    Yang and Wang 2024, arXiv:2409.10594. The fit is ours.
    """

    spec = Spec(
        name="rational",
        formula=r"\frac{\sum_{i=0}^{5} p_i x^i}{1 + |\sum_{j=1}^{4} q_j x^j|}",
        range=(-_INF, _INF),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Molina, Schramowski and Kersting 2019, arXiv:1907.06732",
    )

    def __init__(self, start: str = "leaky_relu", groups: int | None = 1, *, axis: int = -1, **kwargs: Any) -> None:
        self._fitted = _fit_rational(start)
        super().__init__({"start": start}, groups=groups, axis=axis, **kwargs)

    def _count(self) -> int:
        return int(self.numerator.shape[0])

    def _create_weights(self, groups: int) -> None:
        numerator, denominator = np.split(np.array(self._fitted), [_DEGREES[0] + 1])
        self.numerator = self._numbers("numerator", groups, numerator)
        self.denominator = self._numbers("denominator", groups, denominator)

    def _curve(self, x: Tensor, dtype: str) -> Tensor:
        # Far out both polynomials are divided by x⁴, so that neither overflows.
        size = ops.abs(x)
        far = size > 1.0
        u = ops.where(far, 1.0 / ops.where(far, x, 1.0), 0.0)
        near = ops.where(far, 0.0, x)
        p = [_column(self.numerator, i, dtype) for i in range(_DEGREES[0] + 1)]
        q = [_column(self.denominator, j, dtype) for j in range(_DEGREES[1])]
        inner = _horner(near, p) / (1.0 + ops.abs(near * _horner(near, q)))
        above = _horner(u, p[4::-1])  # p₄ + p₃u + …, and p₅x apart
        below = u**4 + ops.abs(_horner(u, q[::-1]))
        below = ops.where(far, below, 1.0)
        slope = p[5] / below
        outer = _numerics.gate(ops.where(far, x, 0.0), slope) + above / below
        return ops.where(far, outer, inner)


_DEGREES = (5, 4)


def _horner(x: Tensor, coefficients: list[Tensor]) -> Tensor:
    total = coefficients[-1] * ops.ones_like(x)
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


@functools.cache
def _fit_rational(start: str) -> tuple[float, ...]:
    """Coefficients p₀…p₅, q₁…q₄ of the rational nearest to `start` on [−3, 3], by Gauss–Newton steps."""
    x = np.linspace(-3.0, 3.0, 301)
    want = _start_function("Rational", start)(x)
    powers = x[:, None] ** np.arange(max(_DEGREES) + 1)
    p_basis, q_basis = powers[:, : _DEGREES[0] + 1], powers[:, 1 : _DEGREES[1] + 1]

    def error(c: np.ndarray) -> np.ndarray:
        value: np.ndarray = p_basis @ c[: _DEGREES[0] + 1] / (1.0 + np.abs(q_basis @ c[_DEGREES[0] + 1 :]))
        return value - want  # type: ignore[no-any-return]

    c = np.concatenate([np.linalg.lstsq(p_basis, want, rcond=None)[0], [0.0, 0.1, 0.0, 0.01]])
    damping = 1e-2
    for _ in range(300):
        q = q_basis @ c[_DEGREES[0] + 1 :]
        below = 1.0 + np.abs(q)
        value = p_basis @ c[: _DEGREES[0] + 1] / below
        jacobian = np.hstack([p_basis / below[:, None], -(value * np.sign(q) / below)[:, None] * q_basis])
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), jacobian.T @ error(c))
        if np.sum(error(c - step) ** 2) < np.sum(error(c) ** 2):
            c, damping = c - step, max(damping / 3.0, 1e-9)
        else:
            damping *= 4.0
    return tuple(float(value) for value in c)


class PiecewiseLinear(_Curve):
    """A continuous line of pieces between knots on an even grid, each knot's value learned.

    Beyond the grid the outermost pieces go on.

    Args:
        knots: How many knots, at least 2. Defaults to `51`.
        low: The first knot. Defaults to `-4.0`.
        high: The last knot, above `low`. Defaults to `4.0`.
        start: Name of the activation to start from. Defaults to `"leaky_relu"`.
        groups: How many groups of channels have values of their own: `None` for every channel, `1`
            for one set in all. Defaults to `None`.
        axis: The channel axis. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `knots` or `groups` is not an integer.
        ValueError: `knots` is below 2, `groups` below 1, `high` not above `low`, or no elementwise
            activation has the name `start`.

    Example:
    >>> PiecewiseLinear(start="relu")(np.array([[-9.0, 9.0]]))
    array([[0., 9.]], dtype=float32)

    Source: Zhou et al. 2021, arXiv:2104.03693.
    """

    spec = Spec(
        name="piecewise_linear",
        formula=r"v_i + (v_{i+1} - v_i)\,\frac{x - t_i}{t_{i+1} - t_i}",
        range=(-_INF, _INF),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Zhou et al. 2021, arXiv:2104.03693",
    )

    def __init__(
        self,
        knots: int = 51,
        low: float = -4.0,
        high: float = 4.0,
        start: str = "leaky_relu",
        groups: int | None = None,
        *,
        axis: int = -1,
        **kwargs: Any,
    ) -> None:
        knots = checked_integer("PiecewiseLinear", "knots", knots, at_least=2)
        _check_interval("PiecewiseLinear", low, high)
        self._started = tuple(_start_function("PiecewiseLinear", start)(np.linspace(low, high, knots)).tolist())
        arguments = {"knots": knots, "low": float(low), "high": float(high), "start": start}
        super().__init__(arguments, groups=groups, axis=axis, **kwargs)

    def _count(self) -> int:
        return int(self.values.shape[0])

    def _create_weights(self, groups: int) -> None:
        self.values = self._numbers("values", groups, np.array(self._started))

    def _curve(self, x: Tensor, dtype: str) -> Tensor:
        step = (self.high - self.low) / (self.knots - 1)
        values = ops.cast(self.values, dtype)
        place = (_numerics.clip(ops.stop_gradient(x), self.low, self.high) - self.low) / step
        piece = ops.minimum(ops.cast(ops.where(ops.isnan(place), 0.0, place), "int32"), self.knots - 2)
        first = ops.expand_dims(ops.arange(values.shape[0], dtype="int32") * self.knots, -1) + piece
        flat = ops.reshape(values, (-1,))
        left, right = ops.take(flat, first), ops.take(flat, first + 1)
        slope = (right - left) / step
        start = self.low + step * ops.cast(piece, dtype)
        return left + _numerics.gate(x - start, slope)


class BSpline(_Curve):
    """A base function plus a cubic B-spline: the learned edge of a Kolmogorov–Arnold network.

    `base_weight · base(x) + Σ c_i · B_i(x)`; beyond the grid the spline fades to 0.

    Args:
        grid: How many intervals the grid has, at least 1. Defaults to `5`.
        order: Degree of the spline, at least 1. Defaults to `3`.
        low: Where the grid begins. Defaults to `-1.0`.
        high: Where it ends, above `low`. Defaults to `1.0`.
        base: Name of the base function. Defaults to `"silu"`.
        groups: How many groups of channels have weights of their own: `None` for every channel, `1`
            for one set in all. Defaults to `None`.
        axis: The channel axis. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `grid`, `order` or `groups` is not an integer.
        ValueError: One of them is below 1, `high` is not above `low`, or no elementwise activation
            has the name `base`.

    Example:
    >>> keras.ops.shape(BSpline()(np.ones((2, 5))))
    (2, 5)

    Source: Liu et al. 2024, arXiv:2404.19756. It starts at the base function alone: theirs draws the
    coefficients and the base weight, which there also join two layers.
    """

    spec = Spec(
        name="bspline",
        formula=r"w\,\mathrm{silu}(x) + \sum_i c_i B_i(x)",
        range=(-0.27846454276107374, _INF),
        monotone=False,
        smoothness=_INF,
        source="Liu et al. 2024, arXiv:2404.19756",
    )

    def __init__(
        self,
        grid: int = 5,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
        base: str = "silu",
        groups: int | None = None,
        *,
        axis: int = -1,
        **kwargs: Any,
    ) -> None:
        grid = checked_integer("BSpline", "grid", grid, at_least=1)
        order = checked_integer("BSpline", "order", order, at_least=1)
        _check_interval("BSpline", low, high)
        _start_function("BSpline", base)
        arguments = {"grid": grid, "order": order, "low": float(low), "high": float(high), "base": base}
        super().__init__(arguments, groups=groups, axis=axis, **kwargs)

    def _count(self) -> int:
        return int(self.coefficients.shape[0])

    def _create_weights(self, groups: int) -> None:
        self.coefficients = self._numbers("coefficients", groups, (self.grid + self.order, "zeros"))
        self.base_weight = self._numbers("base_weight", groups, (1, "ones"))

    def _curve(self, x: Tensor, dtype: str) -> Tensor:
        step = (self.high - self.low) / self.grid
        # In units of the grid, from the first knot of the first basis function on.
        margin = (self.order + 1) * step  # beyond it the spline is 0
        u = (_numerics.clip(x, self.low - margin, self.high + margin) - self.low) / step + self.order
        u = ops.expand_dims(u, -1)
        knots = ops.arange(self.grid + 2 * self.order, dtype=dtype)
        basis = ops.cast((u >= knots) & (u < knots + 1.0), dtype)
        for degree in range(1, self.order + 1):  # the recursion of Cox and de Boor, on even knots
            rising = (u - knots[:-degree]) * basis[..., :-1]
            falling = (knots[:-degree] + degree + 1.0 - u) * basis[..., 1:]
            basis = (rising + falling) / degree
        spline = ops.sum(basis * ops.expand_dims(ops.cast(self.coefficients, dtype), -2), axis=-1)
        function = layer_class(self.base).spec.function
        assert function is not None
        return _column(self.base_weight, 0, dtype) * function(x) + spline


def _check_interval(owner: str, low: float, high: float) -> None:
    if not low < high:
        raise ValueError(received(f"`{owner}` needs `high` above `low`", low=low, high=high))
