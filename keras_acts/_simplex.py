"""Functions whose outputs along an axis are probabilities: the output side of a classifier.

In all of them an entry of −inf is left out: it gets probability 0, and the others are as if it were
not there. (A slice with nothing but −inf is NaN.)
"""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_acts import _numerics
from keras_acts._backend import Tensor, keras_mask, largest
from keras_acts._errors import received
from keras_acts._function import activation_function
from keras_acts._layer import Activation
from keras_acts._spec import Param, Spec


@activation_function
def softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Probabilities from scores: `exp(x) / Σ exp(x)` along an axis.

    The output for one answer among several. For a yes-or-no answer, or several independent ones,
    take `sigmoid`: softmax over one unit is always 1.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> softmax([[0.0, 0.0, 0.0, 0.0]])
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)

    Source: Bridle 1990.
    """
    axes = _checked_axes("softmax", axis, x.shape)
    powers = ops.exp(_below_the_largest(x, axes))
    return powers / ops.sum(powers, axis=axes, keepdims=True)


@activation_function
def log_softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """The logarithm of `softmax`, `x − ln Σ exp(x)`, where the softmax itself would round to 0.

    For likelihoods that are summed. A loss with `from_logits=True` needs neither.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` stays `-inf`.
        axis: The axis, or axes, along which the probabilities sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, at most 0. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> log_softmax([0.0, 0.0, 200.0])
    array([-200., -200.,    0.], dtype=float32)

    Source: Bridle 1990.
    """
    axes = _checked_axes("log_softmax", axis, x.shape)
    scores = _below_the_largest(x, axes)
    return scores - ops.log(ops.sum(ops.exp(scores), axis=axes, keepdims=True))


@activation_function
def sparsemax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """The nearest probabilities to the scores: their projection onto the simplex.

    Like softmax, but the low scores get exactly 0: attention or an answer that names a few
    candidates and rules the others out. Costs a sort. (Keras 3.15's own is wrong from a support
    of two on.)

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> sparsemax([0.5, 0.4, 0.3, 0.2])
    array([0.4, 0.3, 0.2, 0.1], dtype=float32)

    Source: Martins and Astudillo 2016, arXiv:1602.02068.
    """
    return _sparse(x, _checked_axes("sparsemax", axis, x.shape), power=1)


@activation_function
def entmax15(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`entmax` at alpha 1.5, half-way between softmax and sparsemax, by a faster way.

    Low scores get exactly 0, and the derivative has no jumps. Costs a sort.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> entmax15([1.0, 0.0, -2.0])
    array([0.8307, 0.1693, 0.    ], dtype=float32)

    Source: Peters, Niculae and Martins 2019, arXiv:1905.05702.
    """
    return _sparse(x, _checked_axes("entmax15", axis, x.shape), power=2)


def _sparse(x: Tensor, axes: tuple[int, ...], power: int) -> Tensor:
    # p = ((x/power − τ)⁺)^power, where τ makes the sum 1. An entry 1 below the largest can never be in the support.
    def raised(above: Tensor) -> Tensor:
        return above if power == 1 else ops.square(above)

    flat, restore = _as_last_axis(x, axes)
    scores = _below_the_largest(flat, (-1,)) / power
    scores = ops.where(scores < -1.0, -1.0, scores)
    # Stopped before, for forward mode, and behind, so that TensorFlow's reverse mode does not walk through it in vain.
    threshold = ops.stop_gradient(_threshold(ops.stop_gradient(scores), power))
    # Two steps of Newton's method, from a threshold that is right already up to rounding: what they are for is
    # the derivatives. One step gives it the first derivative of τ, and each one more doubles their number.
    for _ in range(2):
        above = ops.relu(scores - threshold)
        slope = ops.cast(above > 0, x.dtype) if power == 1 else 2.0 * above
        excess = ops.sum(raised(above), axis=-1, keepdims=True) - 1.0
        threshold = threshold + excess / ops.sum(slope, axis=-1, keepdims=True)
    powers = raised(ops.relu(scores - threshold))
    return restore(powers / ops.sum(powers, axis=-1, keepdims=True))


def _threshold(scores: Tensor, power: int) -> Tensor:
    # The τ of the k largest entries alone, for every k. It is too high to let the k-th in once k exceeds the support,
    # and grows until there.
    largest_first = -ops.sort(-scores, axis=-1)
    ones = ops.ones_like(scores)
    count = ops.cumsum(ones, axis=-1)
    mean = ops.cumsum(largest_first, axis=-1) / count
    if power == 1:
        thresholds = mean - 1.0 / count
    else:
        spread = ops.cumsum(ops.square(largest_first), axis=-1) / count - ops.square(mean)
        thresholds = mean - ops.sqrt(ops.relu(1.0 / count - spread))
    supported = ops.where(thresholds <= largest_first, thresholds, -ones)
    return largest(supported, (-1,))


@activation_function
def entmax(x: Tensor, alpha: float | Tensor = 1.5, axis: int | tuple[int, ...] = -1) -> Tensor:
    """The family from softmax (alpha 1) to sparsemax (alpha 2): `(1 + (alpha − 1)(x − θ))⁺ ^ 1/(alpha − 1)`.

    θ makes the sum 1. The greater alpha, the more of the low scores get exactly 0. Costs 15 to 20
    exponentials and logarithms; at alpha 1.5 and 2, `entmax15` and `sparsemax` are faster.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` gets probability 0.
        alpha: From 1 to 2: a number, or a tensor that broadcasts to `x` and is constant along
            `axis`. (Above 2, where the family goes on, the gradient is infinite at the edge of the
            support.) Defaults to `1.5`.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`, or `alpha` is out of bounds.

    Example:
    >>> entmax([1.0, 0.0, -2.0], alpha=1.2)
    array([0.7622, 0.2328, 0.005 ], dtype=float32)

    Source: Peters, Niculae and Martins 2019, arXiv:1905.05702; alpha learned: Correia, Niculae and
    Martins 2019, arXiv:1909.00015.
    """
    axes = _checked_axes("entmax", axis, x.shape)
    if isinstance(alpha, (int, float)) and not 1.0 <= alpha <= 2.0:
        raise ValueError(received("`entmax` needs `alpha` from 1 to 2", alpha=alpha))
    order = ops.convert_to_tensor(alpha, dtype=x.dtype) - 1.0
    # So far below the largest, every member of the family is 0; and 0 · inf need not be feared.
    scores = _below_the_largest(x, axes)
    scores = ops.where(scores < -1000.0, -1000.0, scores)

    def powers(theta: Tensor, order: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        base = 1.0 + order * (scores - theta)
        inside = base > 0
        p = ops.exp(_numerics.log1p_over(order, ops.where(inside, scores - theta, 0.0)))
        p = ops.where(inside, p, 0.0)
        slope = p / ops.where(inside, base, 1.0)
        return p, ops.sum(slope, axis=axes, keepdims=True)

    # Newton's method on the (1/order)-norm of the powers, which is convex and falls in θ: it climbs from the left and
    # its error times its slope is at least quartered by every step, so that this many are enough whatever the scores.
    count = math.prod([x.shape[axis] or 2**20 for axis in axes])
    digits = 52 if keras.backend.standardize_dtype(x.dtype) == "float64" else 23
    fixed = [ops.stop_gradient(tensor) for tensor in (order, scores)]

    def step(_: Tensor, theta: Tensor) -> Tensor:
        p, slope = powers(theta, *fixed)
        total = ops.sum(p, axis=axes, keepdims=True)
        return theta + total * _numerics.expm1_over(-fixed[0], ops.log(total)) / slope

    theta = largest(fixed[1], axes)  # 0, in the shape of a sum
    theta = ops.stop_gradient(ops.fori_loop(0, math.ceil((digits + math.log2(count)) / 2), step, theta))
    for _ in range(2):  # for the derivatives, as in `_sparse`
        p, slope = powers(theta, order, scores)
        theta = theta + (ops.sum(p, axis=axes, keepdims=True) - 1.0) / slope
    p, _ = powers(theta, order, scores)
    return p / ops.sum(p, axis=axes, keepdims=True)


@activation_function
def taylor_softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Softmax with three terms of the exponential's series: `(1 + x + x²/2) / Σ (1 + x + x²/2)`.

    Tails that fall off as a power instead of exponentially: softer on noisy labels. Not monotone:
    below −1 the probability rises again.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` is left out: it gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> taylor_softmax([0.0, 1.0, 2.0])
    array([0.1176, 0.2941, 0.5882], dtype=float32)

    Source: de Brébisson and Vincent 2015, arXiv:1511.05042. That `-inf` is left out is ours.
    """
    axes = _checked_axes("taylor_softmax", axis, x.shape)
    kept, scores = _kept(x)
    # Divided by the largest square, so that none overflows. 1 + x + x²/2 is (1 + (1 + x)²)/2.
    scale = _largest_size(scores, axes)
    scale = ops.where(scale < 1.0, 1.0, scale)
    unit = 1.0 / scale
    powers = ops.where(kept, ops.square(unit) + ops.square(unit + scores / scale), 0.0)
    return powers / ops.sum(powers, axis=axes, keepdims=True)


@activation_function
def spherical_softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Probabilities proportional to the squared scores: `x² / Σ x²`.

    The same for any multiple of the scores. Their sign does not count, so that a network must learn
    to keep it. No exponential.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` is left out: it gets probability 0.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1; where all scores of a slice are 0, all
        are equal. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`.

    Example:
    >>> spherical_softmax([0.0, 1.0, -2.0])
    array([0. , 0.2, 0.8], dtype=float32)

    Source: de Brébisson and Vincent 2015, arXiv:1511.05042. What `-inf` and zeros give is ours.
    """
    axes = _checked_axes("spherical_softmax", axis, x.shape)
    kept, scores = _kept(x)
    scale = _largest_size(scores, axes)
    flat = scale == 0
    squares = ops.where(flat, 1.0, ops.square(scores / ops.where(flat, 1.0, scale)))
    squares = ops.where(kept, squares, 0.0)
    return squares / ops.sum(squares, axis=axes, keepdims=True)


@activation_function
def gumbel_softmax(
    x: Tensor,
    temperature: float | Tensor = 1.0,
    hard: bool = False,
    axis: int | tuple[int, ...] = -1,
    training: bool = False,
    seed: Any = None,
) -> Tensor:
    """A random choice among categories that a gradient can pass: softmax of the scores plus Gumbel noise.

    For a discrete variable inside a network. Without noise, `softmax(x / temperature)`.

    Args:
        x: Float tensor of rank 1 or more. An entry of `-inf` is never chosen.
        temperature: How far the output is from one-hot; above 0: a number, or a tensor that
            broadcasts to `x`. Defaults to `1.0`.
        hard: Whether the output is one-hot, with the gradient of the soft one (straight through).
            Defaults to `False`.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        training: Whether there is noise. Defaults to `False`; the layer's is Keras's.
        seed: An integer or a `keras.random.SeedGenerator`. An integer gives the same noise in each
            call. Defaults to `None`: Keras's global generator.

    Returns:
        A tensor of the shape and dtype of `x`, within 0 and 1. A slice of `-inf` only is NaN.

    Raises:
        TypeError: `x` is a tensor of integers.
        ValueError: `axis` is not an axis of `x`, or `temperature` is out of bounds.

    Example:
    >>> gumbel_softmax([0.0, 1.0, 2.0], hard=True)
    array([0., 0., 1.], dtype=float32)

    Source: Jang, Gu and Poole 2016, arXiv:1611.01144; Maddison, Mnih and Teh 2016, arXiv:1611.00712.
    """
    axes = _checked_axes("gumbel_softmax", axis, x.shape)
    if isinstance(temperature, (int, float)) and not temperature > 0:
        raise ValueError(received("`gumbel_softmax` needs `temperature` above 0", temperature=temperature))
    if training:
        # From a little above 0, since ln 0 is infinite.
        uniform = keras.random.uniform(ops.shape(x), minval=1e-30, dtype=x.dtype, seed=seed)
        x = x - ops.log(-ops.log(uniform))
    soft = softmax(x / temperature, axis=axes)
    if not hard:
        return soft
    flat, restore = _as_last_axis(soft, axes)
    tied = ops.cast(flat >= largest(flat, (-1,)), "int32")
    chosen = restore(ops.cast(tied * ops.cast(ops.cumsum(tied, axis=-1) == 1, "int32"), x.dtype))
    return ops.stop_gradient(chosen) + (soft - ops.stop_gradient(soft))


def _checked_axes(owner: str, axis: Any, shape: Any = None) -> tuple[int, ...]:
    # The axes as a tuple, counted from the front where the shape is known.
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if not all(hasattr(one, "__index__") and not isinstance(one, bool) for one in axes):
        raise TypeError(received(f"`{owner}` needs `axis` to be an integer, or a tuple of integers", axis=axis))
    if shape is None:
        return tuple(map(int, axes))
    rank = len(shape)
    from_front = tuple(one + rank if one < 0 else int(one) for one in axes)
    if not from_front or not all(0 <= one < rank for one in from_front):
        raise ValueError(received(f"`{owner}` needs `axis` to be an axis of its input", axis=axis, shape=tuple(shape)))
    if len(set(from_front)) < len(from_front):
        raise ValueError(received(f"`{owner}` needs different axes in `axis`", axis=axis, shape=tuple(shape)))
    return from_front


def _below_the_largest(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    # Any shift would do; this one keeps the exponentials in range, and needs no gradient.
    return x - ops.stop_gradient(largest(x, axes))


def _kept(x: Tensor) -> tuple[Tensor, Tensor]:
    kept = x != -math.inf
    return kept, ops.where(kept, x, 0.0)


def _largest_size(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return ops.stop_gradient(largest(ops.abs(x), axes))


def _as_last_axis(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    # `x` with the axes merged into one at the end, and the way back.
    rank = len(x.shape)
    ends = tuple(range(rank - len(axes), rank))  # ONNX counts no axis from the end
    moved = ops.moveaxis(x, axes, ends)
    if len(axes) == 1:
        return moved, lambda y: ops.moveaxis(y, ends, axes)
    shape = ops.shape(moved)
    count = functools.reduce(operator.mul, shape[-len(axes) :])
    flat = ops.reshape(moved, (*shape[: -len(axes)], count))
    return flat, lambda y: ops.moveaxis(ops.reshape(y, shape), ends, axes)


class _Distribution(Activation):
    """Base of the layers whose outputs along `axis` are probabilities: what they do with a mask."""

    left_out = 0.0
    """The output of an entry that is masked out."""

    def __init__(self, axis: int | list[int] | tuple[int, ...] = -1, **kwargs: Any) -> None:
        super().__init__({"axis": _plain(type(self).__name__, axis)}, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Check the axes, and create the weights that have a value for each channel.

        Raises:
            ValueError: `axis` is not an axis of the input.
        """
        axes = _checked_axes(type(self).__name__, self.axis, input_shape)
        if self._channel_weights and self._axis % len(input_shape) in axes:
            need = f"`{type(self).__name__}` needs a `channel_axis` other than `axis`"
            raise ValueError(received(need, channel_axis=self._axis, axis=self.axis, input_shape=tuple(input_shape)))
        super().build(input_shape)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply the function to `inputs`, leaving out what `mask` hides.

        Args:
            inputs: Float tensor.
            mask: `True` (or above 0.5) to keep an entry. It broadcasts to the input; or it has the
                input's first axes, as Keras's masks of time steps have, and hides whole steps.
                Defaults to `None`.

        Raises:
            ValueError: `mask` does not fit the input.
        """
        return self._masked(super().call, inputs, mask)

    def _masked(self, function: Callable[[Tensor], Tensor], inputs: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return function(inputs)
        kept = ops.cast(self._aligned(mask, inputs), "float32") > 0.5
        kept = ops.logical_and(kept, ops.ones_like(inputs, dtype="bool"))
        axes = _checked_axes(type(self).__name__, self.axis, inputs.shape)
        # Where nothing at all is kept, zeros: a slice of −inf would have NaN for its gradient.
        hidden = ops.where(ops.any(kept, axis=axes, keepdims=True), -math.inf, 0.0)
        outputs = function(ops.where(kept, inputs, ops.cast(hidden, inputs.dtype)))
        return ops.where(kept, outputs, ops.cast(self.left_out, outputs.dtype))

    def _aligned(self, mask: Tensor, inputs: Tensor) -> Tensor:
        given, wanted = tuple(mask.shape), tuple(inputs.shape)
        missing = len(wanted) - len(given)
        # One like Keras's own is of steps, whatever else it fits where steps, classes and examples are as many. (It is
        # not always the same tensor: a functional model computes it anew.)
        own = keras_mask(inputs)
        of_steps = own is not None and tuple(own.shape) == given
        for guess in (False, True) if missing >= 0 else ():  # what an unknown size might fit is tried last
            if not of_steps and _broadcasts(given, wanted[missing:], guess):
                return mask
            if _broadcasts(given, wanted[: len(given)], guess):
                return ops.expand_dims(mask, tuple(range(-missing, 0)))
        need = f"`{type(self).__name__}` needs a `mask` that broadcasts to its input"
        raise ValueError(received(need, mask=given, input=wanted))


def _broadcasts(given: tuple[int | None, ...], wanted: tuple[int | None, ...], guess: bool) -> bool:
    return all(m in (1, n) or (guess and None in (m, n)) for m, n in zip(given, wanted, strict=True))


def _plain(owner: str, axis: Any) -> int | tuple[int, ...]:
    axes = _checked_axes(owner, axis)
    return axes if isinstance(axis, (tuple, list)) else axes[0]


class Softmax(_Distribution):
    """Probabilities from scores as a layer; see `keras_acts.softmax`.

    Called with a `mask` (boolean, broadcastable to the input, `True` to keep), entries that are
    masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=softmax,
        formula=r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=math.inf,
        role="output",
        elementwise=False,
        source="Bridle 1990",
    )


class LogSoftmax(_Distribution):
    """The logarithm of `softmax` as a layer; see `keras_acts.log_softmax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get `-inf`.

    Args:
        axis: The axis, or axes, along which the probabilities sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=log_softmax,
        formula=r"x_i - \ln \sum_j e^{x_j}",
        range=(-math.inf, 0.0),
        monotone=False,
        smoothness=math.inf,
        role="output",
        elementwise=False,
        source="Bridle 1990",
    )

    left_out = -math.inf


class Sparsemax(_Distribution):
    """The projection onto the simplex as a layer; see `keras_acts.sparsemax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=sparsemax,
        formula=r"(x_i - \tau)^+,\quad \textstyle\sum_j (x_j - \tau)^+ = 1",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=0,
        role="output",
        elementwise=False,
        source="Martins and Astudillo 2016, arXiv:1602.02068",
    )


class Entmax15(_Distribution):
    """Half-way between softmax and sparsemax, as a layer; see `keras_acts.entmax15`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=entmax15,
        formula=r"\left(\left(\tfrac{x_i}{2} - \tau\right)^+\right)^2,\quad "
        r"\textstyle\sum_j \left(\left(\tfrac{x_j}{2} - \tau\right)^+\right)^2 = 1",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=1,
        role="output",
        elementwise=False,
        source="Peters, Niculae and Martins 2019, arXiv:1905.05702",
    )


class _Parametric(_Distribution):
    """Base of the distributions with a parameter: its channels are not those along `axis`."""

    def __init__(self, arguments: dict[str, Any], channel_axis: int, **kwargs: Any) -> None:
        arguments["axis"] = _plain(type(self).__name__, arguments["axis"])
        Activation.__init__(self, arguments, axis=channel_axis, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        return {**super().get_config(), "channel_axis": self._axis}


class Entmax(_Parametric):
    """The family from softmax to sparsemax, alpha fixed or learned; see `keras_acts.entmax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        alpha: From 1 to 2, at the start or for good. Defaults to `1.5`.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        learn: `("alpha",)` to learn it. Defaults to `()`.
        channel_axis: The axis with a value each, if `per="channel"`. Defaults to `1`: the heads of
            attention scores.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=entmax,
        formula=r"\left((1 + (\alpha - 1)(x_i - \theta))^+\right)^{\frac{1}{\alpha - 1}}",
        params={"alpha": Param(at_least=1.0, at_most=2.0, per="layer", search=(1.0, 2.0))},
        range=(0.0, 1.0),
        monotone=False,
        smoothness=1,
        role="output",
        elementwise=False,
        source="Peters, Niculae and Martins 2019, arXiv:1905.05702",
    )

    def __init__(
        self,
        alpha: float = 1.5,
        axis: int | list[int] | tuple[int, ...] = -1,
        *,
        learn: tuple[str, ...] | list[str] | str = (),
        channel_axis: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__({"alpha": alpha, "axis": axis}, channel_axis, learn=learn, **kwargs)


class TaylorSoftmax(_Distribution):
    """Softmax by the exponential's series, as a layer; see `keras_acts.taylor_softmax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=taylor_softmax,
        formula=r"\frac{1 + x_i + x_i^2/2}{\sum_j \left(1 + x_j + x_j^2/2\right)}",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=math.inf,
        role="output",
        elementwise=False,
        source="de Brébisson and Vincent 2015, arXiv:1511.05042",
    )


class SphericalSoftmax(_Distribution):
    """Squared scores over their sum, as a layer; see `keras_acts.spherical_softmax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        **kwargs: The arguments of `keras.layers.Layer`.
    """

    spec = Spec(
        function=spherical_softmax,
        formula=r"\frac{x_i^2}{\sum_j x_j^2}",
        range=(0.0, 1.0),
        monotone=False,
        smoothness=-1,
        role="output",
        elementwise=False,
        source="de Brébisson and Vincent 2015, arXiv:1511.05042",
    )


class GumbelSoftmax(_Parametric):
    """A random choice that a gradient can pass, noisy in training only; see `keras_acts.gumbel_softmax`.

    Called with a `mask` (as in `Softmax`), entries that are masked out get probability 0.

    Args:
        temperature: How far the output is from one-hot, at the start or for good; above 0. Defaults
            to `1.0`.
        hard: Whether the output is one-hot, with the gradient of the soft one. Defaults to `False`.
        axis: The axis, or axes, that sum to 1. Defaults to `-1`.
        seed: An integer, for the same noise in each run. Defaults to `None`.
        learn: `("temperature",)` to learn it. Defaults to `()`.
        channel_axis: The axis with a temperature each, if `per="channel"`. Defaults to `1`.
        **kwargs: The arguments of `keras_acts.Activation`.
    """

    spec = Spec(
        function=gumbel_softmax,
        formula=r"\mathrm{softmax}\left(\frac{x_i + g_i}{\mathrm{temperature}}\right),\quad g_i = -\ln(-\ln u_i)",
        params={"temperature": Param(above=0.0, per="layer", search=(0.1, 10.0), log=True)},
        range=(0.0, 1.0),
        monotone=False,
        smoothness=math.inf,
        role="output",
        elementwise=False,
        source="Jang, Gu and Poole 2016, arXiv:1611.01144",
    )

    def __init__(
        self,
        temperature: float = 1.0,
        hard: bool = False,
        axis: int | list[int] | tuple[int, ...] = -1,
        seed: int | None = None,
        *,
        learn: tuple[str, ...] | list[str] | str = (),
        channel_axis: int = 1,
        **kwargs: Any,
    ) -> None:
        arguments = {"temperature": temperature, "hard": bool(hard), "axis": axis}
        super().__init__(arguments, channel_axis, learn=learn, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Apply the function to `inputs`, with noise if `training`, leaving out what `mask` hides."""

        def function(x: Tensor) -> Tensor:
            return gumbel_softmax(x, **self.arguments_for(x), training=bool(training), seed=self.seed_generator)

        return self._masked(function, inputs, mask)

    def get_config(self) -> dict[str, Any]:
        """All constructor arguments, as plain data."""
        return {**super().get_config(), "seed": self.seed}
