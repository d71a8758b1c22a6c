"""Functions with waves and bumps."""

import math
from typing import Any

from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, at_least, native, with_derivative
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._numerics import sinc, times_sigmoid
from keras_acts._spec import Param, Spec

_SIN, _COS = native("sin"), native("cos")


def _sin(angle: Tensor) -> Tensor:
    """The sine, and 0 where the angle is infinite: a ripple on an infinite line is nothing."""
    return _SIN(ops.where(ops.isinf(angle), 0.0, angle))


def _cos(angle: Tensor) -> Tensor:
    """The cosine, and 1 where the angle is infinite."""
    return _COS(ops.where(ops.isinf(angle), 0.0, angle))


@activation_function
def sine(x: Tensor, omega: float | Tensor = 1.0) -> Tensor:
    """A sine wave: `sin(omega · x)`.

    For networks that map coordinates to a signal (an image, a sound, a field) and are asked for its
    derivatives. Start such a network from `SirenInitializer`, with omega 30.

    Args:
        x: Float tensor of any shape.
        omega: Angular frequency in radians per unit of `x`: a number, or a tensor that broadcasts
            to `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`, within −1 and 1; 0 at ±inf, where there is no limit.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sine([-1.0, 2.0])
    array([-0.8415,  0.9093], dtype=float32)

    Source: Sitzmann et al. 2020, arXiv:2006.09661, whose omega is 30.
    """
    return _sin(omega * x)


class Sine(Activation):
    """A sine wave as a layer; see `keras_acts.sine`.

    Args:
        omega: Angular frequency in radians per unit of the input, above 0. Defaults to `1.0`; SIREN's
            is 30.
        learn: `("omega",)` to learn it. Defaults to `()`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sine,
        formula=r"\sin(\omega x)",
        params={"omega": Param(above=0.0, search=(0.5, 30.0), log=True)},
        range=(-1.0, 1.0),
        monotone=False,
        smoothness=float("inf"),
        source="Sitzmann et al. 2020, arXiv:2006.09661",
    )

    def __init__(self, omega: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = (), **kwargs: Any) -> None:
        super().__init__({"omega": omega}, learn=learn, **kwargs)


def _snake_slope(x: Tensor, alpha: Tensor) -> Tensor:
    # 1 + sin 2αx, as a square: it touches 0, and the sum has no digits left nearby.
    return 2.0 * ops.square(_sin(alpha * x + 0.25 * math.pi))


def _snake_slope_in_alpha(x: Tensor, alpha: Tensor) -> Tensor:
    angle = alpha * x
    ripple = sinc(angle)
    return ops.square(x) * ripple * (2.0 * _cos(angle) - ripple)


@with_derivative(_snake_slope, _snake_slope_in_alpha)
def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    ripple = _sin(alpha * x)
    return x + ripple * ripple / ops.where(alpha == 0, 1.0, alpha)


@activation_function
def snake(x: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
    """A straight line plus a periodic ripple: `x + sin²(alpha · x) / alpha`.

    Learns what is periodic, and continues it outside the data: sound, seasons. Costs a sine.

    Args:
        x: Float tensor of any shape.
        alpha: Ripple frequency in radians per unit of `x`: a number, or a tensor that broadcasts to
            `x`. At 0 the value is the limit, `x`. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> snake([-1.0, 2.0])
    array([-0.2919,  2.8268], dtype=float32)

    Source: Ziyin, Hartwig and Ueda 2020, arXiv:2006.08195. Same as theirs.
    """
    return _snake(x, alpha)


class Snake(Activation):
    """A straight line plus a periodic ripple, of learned frequency; see `keras_acts.snake`.

    Args:
        alpha: Ripple frequency at the start, or for good where `learn` does not name it; above 0.
            Defaults to `1.0`.
        learn: `()` to keep it fixed. Defaults to `("alpha",)`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=snake,
        formula=r"x + \frac{\sin^2(\alpha x)}{\alpha}",
        params={"alpha": Param(above=0.0, search=(0.1, 10.0), log=True)},
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="Ziyin, Hartwig and Ueda 2020, arXiv:2006.08195",
    )

    def __init__(
        self, alpha: float = 1.0, *, learn: tuple[str, ...] | list[str] | str = ("alpha",), **kwargs: Any
    ) -> None:
        super().__init__({"alpha": alpha}, learn=learn, **kwargs)


@activation_function
def snake_beta(x: Tensor, alpha: float | Tensor = 1.0, beta: float | Tensor = 1.0) -> Tensor:
    """`snake` whose ripple has a height of its own: `x + sin²(alpha · x) / beta`.

    What the vocoder BigVGAN is made of: the frequency no longer decides the height.

    Args:
        x: Float tensor of any shape.
        alpha: Ripple frequency in radians per unit of `x`: a number, or a tensor that broadcasts to
            `x`. Defaults to `1.0`.
        beta: One over the ripple's height, not 0: likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> snake_beta([-1.0, 2.0], beta=2.0)
    array([-0.646 ,  2.4134], dtype=float32)

    Source: Lee et al. 2022, arXiv:2206.04658. Theirs learns the logarithms of both and adds 1e-9 to
    beta; here both are held above 0.
    """
    return x + ops.square(_sin(alpha * x)) / beta


class SnakeBeta(Activation):
    """`snake` of learned frequency and height; see `keras_acts.snake_beta`.

    Args:
        alpha: Ripple frequency at the start, or for good where `learn` does not name it; above 0.
            Defaults to `1.0`.
        beta: One over the ripple's height, likewise; above 0. Defaults to `1.0`.
        learn: Which of the two to learn. Defaults to `("alpha", "beta")`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=snake_beta,
        formula=r"x + \frac{\sin^2(\alpha x)}{\beta}",
        params={
            "alpha": Param(above=0.0, search=(0.1, 10.0), log=True),
            "beta": Param(above=0.0, search=(0.1, 10.0), log=True),
        },
        range=(-float("inf"), float("inf")),
        monotone=True,
        smoothness=float("inf"),
        source="Lee et al. 2022, arXiv:2206.04658",
    )

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("alpha", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta}, learn=learn, **kwargs)


def _sinlu_second(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    s, t = ops.sigmoid(x), ops.sigmoid(-x)
    wave, slope = a * _sin(b * x), 1.0 + a * b * _cos(b * x)
    return times_sigmoid(2.0 * slope * t + (x + wave) * t * (t - s) - b * b * wave, x)


def _sinlu_slope_by_a(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    return times_sigmoid(b * _cos(b * x) + _sin(b * x) * ops.sigmoid(-x), x)


def _sinlu_slope_by_b(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    return times_sigmoid(a * (_cos(b * x) * (1.0 + x * ops.sigmoid(-x)) - b * x * _sin(b * x)), x)


@with_derivative(_sinlu_second, _sinlu_slope_by_a, _sinlu_slope_by_b)
def _sinlu_slope(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    return times_sigmoid(1.0 + a * b * _cos(b * x) + (x + a * _sin(b * x)) * ops.sigmoid(-x), x)


def _sinlu_by_a(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return times_sigmoid(_sin(b * x), x)


def _sinlu_by_b(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    return times_sigmoid(a * x * _cos(b * x), x)


# In closed form, because each term of an automatic second derivative may be too small for a normal
# number where their sum is not.
@with_derivative(_sinlu_slope, _sinlu_by_a, _sinlu_by_b)
def _sinlu(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    x = at_least(x, -2000.0)
    return times_sigmoid(x + a * _sin(b * x), x)


@activation_function
def sinlu(x: Tensor, a: float | Tensor = 1.0, b: float | Tensor = 1.0) -> Tensor:
    """A line with waves on it, through a sigmoid gate: `(x + a · sin(b · x)) · σ(x)`.

    Args:
        x: Float tensor of any shape.
        a: Height of the waves: a number, or a tensor that broadcasts to `x`. Defaults to `1.0`.
        b: Their angular frequency in radians per unit of `x`, likewise. Defaults to `1.0`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> sinlu([-1.0, 2.0])
    array([-0.4952,  2.5625], dtype=float32)

    Source: Paul et al. 2022, doi:10.3390/math10030337.
    """
    return _sinlu(x, a, b)


class SinLU(Activation):
    """A gated line with waves of learned height and frequency; see `keras_acts.sinlu`.

    Args:
        a: Height of the waves at the start, or for good where `learn` does not name it. Defaults to
            `1.0`.
        b: Their angular frequency, likewise. Defaults to `1.0`.
        learn: Which of the two to learn. Defaults to `("a", "b")`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=sinlu,
        formula=r"(x + a \sin(b x))\,\sigma(x)",
        params={"a": Param(per="layer", search=(0.1, 2.0)), "b": Param(per="layer", search=(0.1, 5.0), log=True)},
        range=(-0.497370554189991, float("inf")),
        monotone=False,
        smoothness=float("inf"),
        initializer="he_normal",
        source="Paul et al. 2022, doi:10.3390/math10030337",
    )

    def __init__(
        self,
        a: float = 1.0,
        b: float = 1.0,
        *,
        learn: tuple[str, ...] | list[str] | str = ("a", "b"),
        **kwargs: Any,
    ) -> None:
        super().__init__({"a": a, "b": b}, learn=learn, **kwargs)


@activation_function
def gaussian(x: Tensor) -> Tensor:
    """A bump: `exp(−x²)`.

    Answers to a place rather than a direction, as a radial basis function does.

    Args:
        x: Float tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1.

    Raises:
        TypeError: `x` is a tensor of integers.

    Example:
    >>> gaussian([-1.0, 0.0, 2.0])
    array([0.3679, 1.    , 0.0183], dtype=float32)

    Source: Broomhead and Lowe 1988 (radial basis functions).
    """
    return _numerics.gaussian(x)


class Gaussian(Activation):
    """A bump as a layer; see `keras_acts.gaussian`."""

    spec = Spec(
        function=gaussian,
        formula=r"e^{-x^2}",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=float("inf"),
        source="Broomhead and Lowe 1988",
    )
