"""Functions whose whole shape is learned, and the bounded ones that stand in for a normalization layer."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation, checked_integer
from keras_acts._lookup import defaults, layer_class
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


class Curve(Activation):
    """Base of the layers that are given by rows of numbers.

    A subclass has, in place of a function, `_curve`: of the inputs and of the parameters by name, a
    row of them along a last axis of its own.
    """

    def _compute(self, x: Tensor, **arguments: Any) -> Tensor:
        parameters = {name: ops.convert_to_tensor(arguments[name], dtype=x.dtype) for name in self.spec.params}
        return self._curve(x, **parameters)

    def _curve(self, x: Tensor, *args: Any, **parameters: Any) -> Tensor:
        raise NotImplementedError


def checked_row(owner: str, name: str, value: float | Sequence[float], count: int) -> tuple[float, ...]:
    """`value` as a row of `count` numbers; a number stands for a row of it.

    Raises:
        TypeError: `value` is neither a number nor a sequence of numbers.
        ValueError: The row is not as long as that.
    """
    row = Param(row=True).check(owner, name, value if hasattr(value, "__len__") else [value] * count)
    assert isinstance(row, tuple)
    if len(row) != count:
        raise ValueError(received(f"`{owner}` needs `{name}` to be {count} numbers", **{name: value}))
    return row


def _named_function(owner: str, argument: str, name: str) -> Callable[[Any], Tensor]:
    """The catalogue function called `name`, with the parameters that its layer starts with."""
    cls = layer_class(name)
    if not cls.spec.elementwise or cls.spec.function is None:
        need = f"`{owner}` needs `{argument}` to be an elementwise activation with a function"
        raise ValueError(received(need, **{argument: name}))
    parameters = {key: value for key, value in defaults(cls).items() if key in cls.spec.params}
    return functools.partial(cls.spec.function, **parameters)


def _sampled(function: Callable[[Any], Tensor], x: np.ndarray) -> np.ndarray:
    values: np.ndarray = np.asarray(ops.convert_to_numpy(function(x.astype("float32"))), "float64")
    return values


class APL(Curve):
    """Adaptive piecewise linear: `relu` plus hinges of learned place and slope, a set a channel.

    `max(x, 0) + Σ a_s · max(b_s − x, 0)`

    Args:
        pieces: How many hinges, at least 1. Defaults to `2`.
        slopes: Their slopes at the start, or for good where `learn` does not name them: a number for
            each, or one for all. Defaults to `0.0`, which makes it `relu`.
        places: Where they are, likewise, where `learn` does not name them; learned ones are drawn from
            the normal distribution. Defaults to `0.0`.
        learn: Which of the two to learn. Defaults to both.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `pieces` is not an integer, or `slopes` or `places` not numbers.
        ValueError: `pieces` is below 1, or `slopes` or `places` are not so many.

    Example:
    >>> APL()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)

    Source: Agostinelli et al. 2014, arXiv:1412.6830, which names no start.
    """

    spec = Spec(
        name="apl",
        formula=r"\max(x, 0) + \sum_s a_s \max(b_s - x, 0)",
        params={
            "slopes": Param(row=True),
            "places": Param(row=True, initializer={"class_name": "RandomNormal", "config": {"stddev": 1.0}}),
        },
        range=(0.0, _INF),
        monotone=True,
        smoothness=0,
        initializer="he_normal",
        source="Agostinelli et al. 2014, arXiv:1412.6830",
    )

    def __init__(
        self,
        pieces: int = 2,
        slopes: float | Sequence[float] = 0.0,
        places: float | Sequence[float] = 0.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("slopes", "places"),
        **kwargs: Any,
    ) -> None:
        pieces = checked_integer("APL", "pieces", pieces, at_least=1)
        rows = {name: checked_row("APL", name, row, pieces) for name, row in (("slopes", slopes), ("places", places))}
        super().__init__({"pieces": pieces, **rows}, learn=learn, **kwargs)

    def _curve(self, x: Tensor, slopes: Tensor, places: Tensor) -> Tensor:
        y = ops.relu(x)
        for s in range(self.pieces):
            # A slope of 0 takes no part, even at −inf.
            y = y + _numerics.gate(ops.relu(places[..., s] - x), slopes[..., s])
        return y


class Rational(Curve):
    """A quotient of polynomials that has no poles: `P(x) / (1 + |Q(x)|)`, of degrees 5 and 4.

    Starts as a fit to a named activation, and takes whatever smooth shape the data ask for. Where Q
    is 0, and so at `x = 0`, the derivative of |Q| is that of Q, on every backend.

    Args:
        start: Name of the activation to start from, fitted by least squares on [−3, 3]. Defaults to
            `"leaky_relu"`.
        numerator: The six coefficients of P, lowest power first, in place of the fit. Defaults to
            `None`.
        denominator: The four of Q, which has no constant, likewise. Defaults to `None`.
        learn: Which of the two to learn. Defaults to both, one set for the layer; `per` says
            otherwise, such as `8` for eight groups of channels.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `numerator` or `denominator` is no sequence of numbers.
        ValueError: No elementwise activation has the name `start`, or the coefficients are not so
            many.

    Example:
    >>> Rational(start="tanh")(np.array([[0.0, 2.0]]))
    array([[-0.   ,  0.964]], dtype=float32)

    Source: Molina, Schramowski and Kersting 2019, arXiv:1907.06732 (version B of its code); groups:
    Yang and Wang 2024, arXiv:2409.10594. The fit is ours.
    """

    spec = Spec(
        name="rational",
        formula=r"\frac{\sum_{i=0}^{5} p_i x^i}{1 + |\sum_{j=1}^{4} q_j x^j|}",
        params={"numerator": Param(row=True, per="layer"), "denominator": Param(row=True, per="layer")},
        range=(-_INF, _INF),
        monotone=True,
        smoothness=1,
        initializer="he_normal",
        source="Molina, Schramowski and Kersting 2019, arXiv:1907.06732",
    )

    def __init__(
        self,
        start: str = "leaky_relu",
        numerator: Sequence[float] | None = None,
        denominator: Sequence[float] | None = None,
        *,
        learn: tuple[str, ...] | list[str] | str = ("numerator", "denominator"),
        **kwargs: Any,
    ) -> None:
        if numerator is None or denominator is None:
            fitted = _fit_rational(start)
            numerator = fitted[: _DEGREES[0] + 1] if numerator is None else numerator
            denominator = fitted[_DEGREES[0] + 1 :] if denominator is None else denominator
        rows = {
            "numerator": checked_row("Rational", "numerator", numerator, _DEGREES[0] + 1),
            "denominator": checked_row("Rational", "denominator", denominator, _DEGREES[1]),
        }
        super().__init__({"start": start, **rows}, learn=learn, **kwargs)

    def _curve(self, x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
        p = [numerator[..., i] for i in range(_DEGREES[0] + 1)]
        q = [denominator[..., j] for j in range(_DEGREES[1])]
        # Far out both polynomials are divided by x⁴, so that neither overflows.
        far = ops.abs(x) > 1.0
        u = ops.where(far, 1.0 / ops.where(far, x, 1.0), 0.0)
        near = ops.where(far, 0.0, x)
        inner = _horner(near, p) / (1.0 + _size(near * _horner(near, q)))
        below = ops.where(far, u**4 + _size(_horner(u, q[::-1])), 1.0)
        above = _horner(u, p[4::-1])  # p₄ + p₃u + …, and p₅x apart
        outer = _numerics.gate(ops.where(far, x, 0.0), p[5] / below) + above / below
        return ops.where(far, outer, inner)


_DEGREES = (5, 4)


def _size(x: Tensor) -> Tensor:
    # |x| with the slope from the right at 0; the backends give 0, which is that of neither side.
    return ops.where(x < 0, -x, x)


def _horner(x: Tensor, coefficients: list[Tensor]) -> Tensor:
    total = coefficients[-1] * ops.ones_like(x)
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


@functools.cache
def _fit_rational(start: str) -> tuple[float, ...]:
    """Coefficients p₀…p₅, q₁…q₄ of the rational nearest to `start` on [−3, 3], by Gauss–Newton steps."""
    x = np.linspace(-3.0, 3.0, 301)
    want = _sampled(_named_function("Rational", "start", start), x)
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


class PiecewiseLinear(Curve):
    """A continuous line of pieces between knots on an even grid, each knot's value learned.

    Beyond the grid the outermost pieces go on.

    Args:
        knots: How many knots, at least 2. Defaults to `51`.
        low: The first knot. Defaults to `-4.0`.
        high: The last knot, above `low`. Defaults to `4.0`.
        start: Name of the activation to start from. Defaults to `"leaky_relu"`.
        values: The value at each knot, in place of that activation's. Defaults to `None`.
        learn: `()` to keep the values fixed. Defaults to `("values",)`, a set a channel.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `knots` is not an integer, or `values` no sequence of numbers.
        ValueError: `knots` is below 2, `high` not above `low`, no elementwise activation has the name
            `start`, or the values are not so many.

    Example:
    >>> PiecewiseLinear(start="relu")(np.array([[-9.0, 9.0]]))
    array([[0., 9.]], dtype=float32)

    Source: Zhou et al. 2021, arXiv:2104.03693.
    """

    spec = Spec(
        name="piecewise_linear",
        formula=r"v_i + (v_{i+1} - v_i)\,\frac{x - t_i}{t_{i+1} - t_i}",
        params={"values": Param(row=True)},
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
        values: Sequence[float] | None = None,
        *,
        learn: tuple[str, ...] | list[str] | str = ("values",),
        **kwargs: Any,
    ) -> None:
        knots = checked_integer("PiecewiseLinear", "knots", knots, at_least=2)
        _check_interval("PiecewiseLinear", low, high)
        if values is None:
            function = _named_function("PiecewiseLinear", "start", start)
            values = _sampled(function, np.linspace(low, high, knots)).tolist()
        row = checked_row("PiecewiseLinear", "values", values, knots)
        arguments = {"knots": knots, "low": float(low), "high": float(high), "start": start, "values": row}
        super().__init__(arguments, learn=learn, **kwargs)

    def _curve(self, x: Tensor, values: Tensor) -> Tensor:
        step = (self.high - self.low) / (self.knots - 1)
        place = (_numerics.clip(ops.stop_gradient(x), self.low, self.high) - self.low) / step
        piece = ops.minimum(ops.cast(ops.where(ops.isnan(place), 0.0, place), "int32"), self.knots - 2)
        rows = values.shape[:-1]
        first = piece + ops.reshape(ops.arange(math.prod(rows), dtype="int32") * self.knots, rows)
        flat = ops.reshape(values, (-1,))
        left, right = ops.take(flat, first), ops.take(flat, first + 1)
        start = self.low + step * ops.cast(piece, x.dtype)
        return left + _numerics.gate(x - start, (right - left) / step)


class BSpline(Curve):
    """A base function plus a cubic B-spline: the learned edge of a Kolmogorov–Arnold network.

    `base_weight · base(x) + Σ c_i · B_i(x)`; beyond the grid the spline fades to 0.

    Args:
        grid: How many intervals the grid has, at least 1. Defaults to `5`.
        order: Degree of the spline, at least 1. Defaults to `3`.
        low: Where the grid begins. Defaults to `-1.0`.
        high: Where it ends, above `low`. Defaults to `1.0`.
        base: Name of the base function. Defaults to `"silu"`.
        coefficients: Those of the `grid + order` splines at the start, or for good where `learn` does
            not name them: a number for each, or one for all. Defaults to `0.0`.
        base_weight: The factor of the base function, likewise. Defaults to `1.0`.
        learn: Which of the two to learn. Defaults to both, a set a channel.
        **kwargs: The arguments of `keras_acts.Activation`.

    Input shape: `(batch, …)`, any rank; sizes other than the channels' may be unknown.
    Output shape: the same.

    Raises:
        TypeError: `grid` or `order` is not an integer, or `coefficients` not numbers.
        ValueError: `grid` or `order` is below 1, `high` is not above `low`, no elementwise activation
            has the name `base`, or the coefficients are not so many.

    Example:
    >>> keras.ops.shape(BSpline()(np.ones((2, 5))))
    (2, 5)

    Source: Liu et al. 2024, arXiv:2404.19756. It starts at the base function alone: theirs draws the
    coefficients and the base weight, which there also join two layers.
    """

    spec = Spec(
        name="bspline",
        formula=r"w\,\mathrm{silu}(x) + \sum_i c_i B_i(x)",
        params={"coefficients": Param(row=True), "base_weight": Param()},
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
        coefficients: float | Sequence[float] = 0.0,
        base_weight: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("coefficients", "base_weight"),
        **kwargs: Any,
    ) -> None:
        grid = checked_integer("BSpline", "grid", grid, at_least=1)
        order = checked_integer("BSpline", "order", order, at_least=1)
        _check_interval("BSpline", low, high)
        self._base = _named_function("BSpline", "base", base)
        row = checked_row("BSpline", "coefficients", coefficients, grid + order)
        arguments = {"grid": grid, "order": order, "low": float(low), "high": float(high), "base": base}
        super().__init__({**arguments, "coefficients": row, "base_weight": base_weight}, learn=learn, **kwargs)

    def _curve(self, x: Tensor, coefficients: Tensor, base_weight: Tensor) -> Tensor:
        step = (self.high - self.low) / self.grid
        # In units of the grid, from the first knot of the first basis function on.
        margin = (self.order + 1) * step  # beyond it the spline is 0
        u = (_numerics.clip(x, self.low - margin, self.high + margin) - self.low) / step + self.order
        u = ops.expand_dims(u, -1)
        knots = ops.arange(self.grid + 2 * self.order, dtype=keras.backend.standardize_dtype(x.dtype))
        basis = ops.cast((u >= knots) & (u < knots + 1.0), x.dtype)
        for degree in range(1, self.order + 1):  # the recursion of Cox and de Boor, on even knots
            rising = (u - knots[:-degree]) * basis[..., :-1]
            falling = (knots[:-degree] + degree + 1.0 - u) * basis[..., 1:]
            basis = (rising + falling) / degree
        return base_weight * self._base(x) + ops.sum(basis * coefficients, axis=-1)


def _check_interval(owner: str, low: float, high: float) -> None:
    if not low < high:
        raise ValueError(received(f"`{owner}` needs `high` above `low`", low=low, high=high))
