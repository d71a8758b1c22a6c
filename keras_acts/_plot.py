"""Curves of activations. Matplotlib is imported when something is drawn, and is an extra."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from keras_acts._backend import Tensor, elementwise_derivative
from keras_acts._errors import nearest, received
from keras_acts._layer import Activation
from keras_acts._lookup import defaults, get, layer_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 500  # even, so that a symmetric interval has no point on the kink at 0
_MOST_CURVES = 24
_DASHED: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": 1.2}
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito's, for colour-blind eyes


def plot(
    activation: str | Activation | Callable[[Tensor], Tensor],
    *,
    x: tuple[float, float] = (-5.0, 5.0),
    derivative: bool = True,
    over: str | None = None,
    values: Iterable[Any] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw an elementwise activation, its derivative, and what a parameter does to them.

    The derivative is the one a training gets: the backend's automatic differentiation, dashed.
    A line is broken where the curve jumps.

    Args:
        activation: A name (drawn at its defaults), a layer, or any elementwise function of a tensor.
            A layer is drawn with its present weights, one curve for each channel's value.
        x: The interval to draw. Defaults to `(-5.0, 5.0)`.
        derivative: Whether to draw the derivative too. Defaults to `True`.
        over: An argument of the layer, such as `"alpha"`, to draw one curve for each of `values`.
            Other parameters are then at the values the layer was made with. Defaults to `None`.
        values: The values of `over`. Defaults to five over the interval that a search covers.
        ax: The Matplotlib axes to draw on, as they are. Defaults to new ones.

    Returns:
        The Matplotlib axes.

    Raises:
        ImportError: Matplotlib is not installed.
        TypeError: `activation` is none of these.
        ValueError: The activation is unknown or not elementwise, `x` is not an interval, `over` is
            not an argument of the layer, or `values` is missing or not needed.

    Example:
    >>> axes = plot("snake", over="alpha", values=(0.5, 1.0, 2.0))
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['alpha = 0.5', 'alpha = 1', 'alpha = 2', 'derivative']
    """
    low, high = (float(end) for end in x)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(received("`plot` needs `x` to be two finite numbers, the lesser first", x=x))
    family = _single(activation) if over is None and values is None else _family(activation, over, values)
    _check_matplotlib()
    points = np.linspace(low, high, _POINTS)
    curves = [(label, *_sample(function, points, derivative)) for label, function in family.items()]

    ax = _new_axes() if ax is None else ax
    alone = len(curves) == 1
    shades = [None] if alone else _shades(len(curves))
    for (label, y, slopes), shade in zip(curves, shades, strict=True):
        thin: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.6} if y.shape[1] > 1 else {}
        for column in range(y.shape[1]):
            (line,) = ax.plot(*_broken(points, y[:, column]), color=shade, label=None if column else label, **thin)
            shade = line.get_color()  # the axes' next colour, for all curves of one function
            if derivative:
                dashed = _DASHED if alone else _DASHED | {"linewidth": 0.8}
                ax.plot(*_broken(points, slopes[:, column]), color=shade, **dashed | thin)
    if derivative and "derivative" not in ax.get_legend_handles_labels()[1]:
        ax.plot([], [], color="gray", label="derivative", **_DASHED)
    ax.legend(frameon=False)
    return ax


def _single(activation: Any) -> dict[str, Callable[[Tensor], Tensor]]:
    """What to draw without `over`, by its label."""
    if isinstance(activation, str):
        cls = layer_class(activation)
        # Fixed at their defaults, because some parameters start at random where they are learned.
        function: Any = cls(learn=()) if cls.spec.params else cls()
    else:
        function = get(activation)
    if not isinstance(function, Activation):
        return {getattr(function, "__name__", type(function).__name__): function}
    _check_elementwise(type(function))
    if not function.built and function.input_spec is None:
        # Calling a layer for the first time settles its channel count: not on the user's own layer.
        function = type(function).from_config(function.get_config())
    return {function.spec.name: function}


def _family(activation: Any, over: str | None, values: Iterable[Any] | None) -> dict[str, Callable[[Tensor], Tensor]]:
    """One layer for each value of the argument `over`, by its label."""
    if over is None:
        raise ValueError(received("`plot` takes `values` only with `over`", values=values))
    if isinstance(activation, str):
        cls, config = layer_class(activation), {}
    elif isinstance(activation, Activation):
        cls, config = type(activation), activation.get_config()
    else:
        raise TypeError(
            received("`plot` takes `over` only with a name or a layer of the catalogue", activation=activation)
        )
    _check_elementwise(cls)
    if over not in (arguments := defaults(cls)):
        has = nearest(over, arguments) if arguments else "it has none"
        raise ValueError(received(f"`plot` needs `over` to name an argument of `{cls.__name__}`: {has}", over=over))
    if values is None:
        param = cls.spec.params.get(over)
        if param is None or param.search is None:
            raise ValueError(received(f"`plot` needs `values`, as `{over}` has no interval of its own", over=over))
        values = (np.geomspace if param.log else np.linspace)(*param.search, 5).tolist()
    fixed = {"learn": ()} if cls.spec.params else {}
    family: dict[str, Callable[[Any], Any]] = {
        f"{over} = {_short(value)}": cls(**{**config, **fixed, over: value}) for value in values
    }
    if not family:
        raise ValueError(received("`plot` needs at least one value", values=()))
    return family


def _check_elementwise(cls: type[Activation]) -> None:
    if not cls.spec.elementwise:
        raise ValueError(
            received("`plot` needs an elementwise activation, one output for each input", activation=cls.spec.name)
        )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _sample(function: Callable[[Tensor], Tensor], points: Any, derivative: bool) -> tuple[Any, Any]:
    """Values and derivatives at `points`, a column for each different curve of the function's channels."""
    spec = getattr(function, "input_spec", None)
    axes: dict[int, int] = {} if spec is None else dict(spec.axes)
    rank = max([2, (spec and spec.ndim) or 0, *(abs(axis) + 1 for axis in axes)])
    shape = [1] * rank
    for axis, size in axes.items():
        shape[axis] = size
    shape[0] = len(points)
    x = ops.convert_to_tensor(np.broadcast_to(points.reshape(-1, *[1] * (rank - 1)), shape), "float32")
    results = [function(x)] + ([elementwise_derivative(function, x)] if derivative else [])
    columns = np.concatenate(
        [ops.convert_to_numpy(ops.cast(result, "float32")).reshape(len(points), -1) for result in results]
    )
    columns = np.unique(columns, axis=1)
    if columns.shape[1] > _MOST_CURVES:
        columns = columns[:, np.linspace(0, columns.shape[1] - 1, _MOST_CURVES).astype(int)]
    return columns[: len(points)], columns[len(points) :]


def _broken(x: Any, y: Any) -> tuple[Any, Any]:
    """The curve with a gap at each jump: a step far larger than those on both sides of it."""
    steps = np.abs(np.diff(y))
    around = np.maximum(np.concatenate([[0.0], steps[:-1]]), np.concatenate([steps[1:], [0.0]]))
    jumps = np.flatnonzero((steps > 8.0 * around) & (steps > 0.01 * np.ptp(y))) + 1
    return np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)


def _shades(count: int) -> list[Any]:
    """Colours in order, from blue to orange: apart for colour-blind eyes, legible on light and on dark ground."""
    from matplotlib.colors import LinearSegmentedColormap

    # All about equally light, since an end of a usual sequential map is lost on one of the two.
    colors = LinearSegmentedColormap.from_list("blue to orange", ["#0072B2", "#A05195", "#D55E00"])
    return list(colors(np.linspace(0.0, 1.0, count)))


def _new_axes() -> "Axes":
    import matplotlib.pyplot as plt
    from cycler import cycler

    _, ax = plt.subplots(figsize=(5.0, 3.4), layout="constrained")
    ax.set_prop_cycle(cycler(color=_COLORS))
    ax.spines[["top", "right"]].set_visible(False)
    ax.axhline(0.0, color="gray", linewidth=0.6)
    ax.axvline(0.0, color="gray", linewidth=0.6)
    ax.set_xlabel("x")
    return ax


def _check_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError('`plot` needs Matplotlib: pip install "keras-acts[plot]"') from error
