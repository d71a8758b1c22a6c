"""What a report consists of, before it is a page: sections of text, figures, tables, lists and code."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from keras_acts_tuning.report._picture import Picture
from keras_acts_tuning.report._scale import fixed, quantity, share, short


@dataclass(frozen=True)
class Cell:
    """A field of a table.

    Args:
        text: What it says.
        order: By what it is sorted: a number, or the text; `None` always comes last.
        number: Whether it is set as numbers are, flush right.
    """

    text: str
    order: float | str | None
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row.

    Args:
        caption: What it holds.
        headings: Of the columns.
        rows: A cell a column each.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A plot with the words and the figures that say the same.

    Args:
        kind: Its name on the command line.
        title: What it is.
        caption: How to read it.
        description: What it shows, for those who cannot see it.
        draw: Lays it out for a width.
        table: Its figures.
    """

    kind: str
    title: str
    caption: str
    description: str
    draw: Callable[[float], Picture]
    table: Table


@dataclass(frozen=True)
class Missing:
    """Why there is no figure, as what it needs: `a plot needs at least one completed trial`."""

    need: str


@dataclass(frozen=True)
class Facts:
    """Terms, each with what it is."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Points:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text to be copied as it stands."""

    text: str


Drawn: TypeAlias = Figure | Missing
Block: TypeAlias = str | Figure | Missing | Table | Facts | Points | Code


@dataclass(frozen=True)
class Section:
    """A headed part of the report."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def word(text: object) -> Cell:
    """A cell of text."""
    return Cell(str(text), str(text).lower(), number=False)


def number(value: float | None, form: str = "") -> Cell:
    """A cell of a number, in a form such as `".4f"`."""
    return Cell(fixed(value, form) if form else short(value), _order(value))


def amount(value: float | None, unit: str) -> Cell:
    """A cell of a number with its unit."""
    return Cell(quantity(value, unit), _order(value))


def percent(value: float | None) -> Cell:
    """A cell of a fraction."""
    return Cell(share(value), _order(value))


def table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Table:
    """A table from whatever gives its parts."""
    return Table(caption, tuple(headings), tuple(tuple(row) for row in rows))


def _order(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def listed(texts: Iterable[str]) -> str:
    """`a, b and c`."""
    texts = list(texts)
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))
