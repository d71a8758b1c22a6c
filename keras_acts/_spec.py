"""What is declared about an activation: its function, its parameters and its facts.

Data only. A fact enters a `Spec` when a test measures it or a page prints it, and nowhere else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from keras_acts._errors import received

Granularity: TypeAlias = Literal["layer", "channel"] | int
"""How many values a learned parameter has: one for the layer, one for each channel, or so many, one a group of them."""


@dataclass(frozen=True, kw_only=True)
class Param:
    """A number that shapes an activation, or a row of them, and that a layer can learn.

    Args:
        row: Whether a value is a row of numbers: coefficients, or the places of knots. The row given
            to the layer says how long it is.
        above: Values must be greater than this.
        at_least: Values must be at least this.
        at_most: Values must be at most this.
        per: Granularity when learned, `"channel"`, `"layer"` or a number of groups of channels, unless
            the layer is told otherwise.
        initializer: Keras initializer (its name or config) of a learned parameter. `None`: every
            entry starts at the value given to the layer.
        search: The interval that a hyper-parameter search covers, or `None` not to search it.
        log: Whether the search is even on a logarithmic scale.
    """

    row: bool = False
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    per: Granularity = "channel"
    initializer: str | dict[str, Any] | None = None
    search: tuple[float, float] | None = None
    log: bool = False

    @property
    def minimum(self) -> float:
        """The least value a learned parameter is held to (an open bound is kept off by 1e-6)."""
        if self.above is not None:
            return self.above + 1e-6
        return -math.inf if self.at_least is None else self.at_least

    @property
    def maximum(self) -> float:
        """The greatest value a learned parameter is held to."""
        return math.inf if self.at_most is None else self.at_most

    def check(self, owner: str, name: str, value: Any) -> Any:
        """`value` as a float within the bounds, or as a tuple of them where it is a row.

        Raises:
            TypeError: `value` is not a real number, or no row of them.
            ValueError: `value` is NaN, infinite or out of bounds.
        """
        if not self.row:
            return self._checked(owner, name, value)
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise TypeError(received(f"`{owner}` needs `{name}` to be a sequence of numbers", **{name: value}))
        return tuple(self._checked(owner, name, number) for number in value)

    def _checked(self, owner: str, name: str, value: Any) -> float:
        need = f"`{owner}` needs `{name}` "
        item = getattr(value, "item", None)  # of a NumPy scalar, or of a tensor of one number
        try:
            number: float | None = float(value if item is None else item())
        except (TypeError, ValueError, RuntimeError):
            number = None
        if number is None or isinstance(value, (bool, str)):
            raise TypeError(received(need + "to be a number", **{name: value}))
        if not math.isfinite(number):
            raise ValueError(received(need + "to be finite", **{name: number}))
        if self.above is not None and not number > self.above:
            raise ValueError(received(need + f"above {self.above:g}", **{name: number}))
        if self.at_least is not None and not number >= self.at_least:
            raise ValueError(received(need + f"of at least {self.at_least:g}", **{name: number}))
        if self.at_most is not None and not number <= self.at_most:
            raise ValueError(received(need + f"of at most {self.at_most:g}", **{name: number}))
        return number


@dataclass(frozen=True, kw_only=True)
class Spec:
    """An activation as declared: everything else in the library follows from it.

    Args:
        function: The catalogue function; its name is the activation's. `None` for an activation
            that exists as a layer only, which then gives `name`.
        name: The activation's name, where there is no function to take it from.
        formula: LaTeX of f(x), printed on its page.
        params: The parameters that can be learned, by name.
        range: The least interval that holds f over the reals, at the default parameters.
        monotone: Whether f never decreases, at the default parameters.
        smoothness: How many derivatives of f exist and are continuous: 0 for a kink, `inf` for a
            smooth function, -1 where f itself jumps.
        initializer: The Keras initializer that suits a layer before this activation.
        role: `"hidden"` between layers, `"output"` as the last layer.
        elementwise: Whether each output depends on the input at its own place only.
        aliases: Other names `get` understands.
        source: Where it was published, or who uses it.
    """

    function: Callable[..., Any] | None = None
    name: str = ""
    formula: str
    params: dict[str, Param] = field(default_factory=dict)
    range: tuple[float, float]
    monotone: bool
    smoothness: float
    initializer: str = "glorot_uniform"
    role: Literal["hidden", "output"] = "hidden"
    elementwise: bool = True
    aliases: tuple[str, ...] = ()
    source: str

    def __post_init__(self) -> None:
        if not self.name:
            if self.function is None:
                raise ValueError("`Spec` needs a `function`, or the `name` of a layer without one")
            object.__setattr__(self, "name", self.function.__name__)
