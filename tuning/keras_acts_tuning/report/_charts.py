"""What the figures are laid out with: rows with a label each, panels in a grid, an axis."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from keras_acts_tuning.report._picture import SIZE, Area, Colour, Line, Picture, Text, fitted, width_of
from keras_acts_tuning.report._scale import Scale

WIDE, NARROW = 900.0, 358.0
"""The two widths that a page holds each figure in: for a screen or paper, and for a phone."""

SMALL = 11.0
AXIS = 40.0
"""Height of an axis with its ticks and its name."""

DASHED = (4.0, 3.0)


@dataclass(frozen=True)
class Rows:
    """A picture with a row a label, and where in it to draw.

    Args:
        picture: The picture, labels and notes in place.
        left: Where the rows begin.
        right: Where they end.
        centres: The height of each row.
        bottom: Where the rows end downwards.
    """

    picture: Picture
    left: float
    right: float
    centres: tuple[float, ...]
    bottom: float

    def upright(self, x: float, colour: Colour = "ink", dash: tuple[float, ...] = ()) -> list[Line]:
        """A line down all rows; in pieces where texts stand between these."""
        narrow = self.left == 0
        ends = [(y - 8, y + 8) for y in self.centres] if narrow else [(self.centres[0] - 14, self.bottom)]
        return [Line([(x, start), (x, stop)], colour, 1, dash) for start, stop in ends]

    def scale(self, make: Callable[[float, float], Scale]) -> Scale:
        """The scale that `make` gives from left to right, marks having room at both ends."""
        return make(self.left + 8, self.right - 8)

    def axis(self, scale: Scale, name: str) -> None:
        """Grid, ticks and name."""
        for value, _ in ticks(scale, self.left, self.right):
            self.picture.add(*self.upright(scale(value), "grid"))
        axis(self.picture, scale, name, bottom=self.bottom, left=self.left, right=self.right)


def rows(labels: Sequence[str], notes: Sequence[str], width: float, *, bold: str = "", below: float = AXIS) -> Rows:
    """Labels to the left and notes to the right; on a narrow picture both stand above their row.

    Args:
        labels: Of the rows, from the top.
        notes: A text for each row, or empty.
        width: Of the picture.
        bold: The label that stands out.
        below: Room under the rows.
    """
    narrow = width < (WIDE + NARROW) / 2
    notes = notes or [""] * len(labels)
    note_width = max((width_of(note, SMALL) for note in notes), default=0)
    label_width = min(max((width_of(label) for label in labels), default=0), 0.28 * width)
    step, first = (40.0, 30.0) if narrow else (26.0, 18.0)
    centres = tuple(first + step * index for index in range(len(labels)))
    bottom = first + step * len(labels) - 12
    picture = Picture(width, bottom + below)
    for label, note, y in zip(labels, notes, centres, strict=True):
        above, room = (16.0, width - 12 - width_of(note, SMALL)) if narrow else (-4.5, label_width)
        at, anchor = (0.0, "start") if narrow else (label_width, "end")
        shown = fitted(label, room)
        hint = label if shown != label else ""
        picture.add(Text((at, y - above), shown, anchor, bold=label == bold, hint=hint))  # type: ignore[arg-type]
        picture.add(Text((width, y - above), note, "end", "soft", SMALL)) if note else None
    if narrow:
        return Rows(picture, 0.0, width, centres, bottom)
    return Rows(picture, label_width + 10, width - (note_width + 14 if note_width else 0), centres, bottom)


def ticks(scale: Scale, left: float, right: float) -> list[tuple[float, str]]:
    """As many ticks as there is room for."""
    return scale.ticks(max(2, int((right - left) / 75)))


def axis(picture: Picture, scale: Scale, name: str, *, bottom: float, left: float, right: float) -> None:
    """A horizontal axis under `bottom`."""
    for value, text in ticks(scale, left, right):
        picture.add(Line([(scale(value), bottom), (scale(value), bottom + 4)], "soft"))
        picture.add(Text((scale(value), bottom + 16), text, "middle", "soft", SMALL))
    picture.add(Line([(left, bottom), (right, bottom)], "soft"))
    middle = (left + right) / 2
    picture.add(Text((middle, bottom + 33), fitted(name, right - left + 20, SMALL), "middle", "soft", SMALL))


def upright_axis(picture: Picture, scale: Scale, *, left: float, right: float, labelled: bool = True) -> None:
    """A vertical axis to the left of `left`, with a grid up to `right`."""
    for value, text in scale.ticks(max(2, int(abs(scale.stop - scale.start) / 40))):
        y = scale(value)
        picture.add(Line([(left, y), (right, y)], "grid"))
        picture.add(Text((left - 6, y + 4), text, "end", "soft", SMALL)) if labelled else None


@dataclass(frozen=True)
class Panel:
    """A place in a grid of panels.

    Args:
        left: Of the room for drawing.
        right: Likewise.
        top: Likewise, under the title.
        bottom: Likewise, over the axis.
        leftmost: Whether it is the first of its row.
        lowest: Whether none lies under it.
    """

    left: float
    right: float
    top: float
    bottom: float
    leftmost: bool
    lowest: bool


def panels(
    titles: Sequence[str],
    width: float,
    *,
    columns: int,
    height: float,
    margin: float,
    gap: float = 14.0,
    below: float = 22.0,
    bold: str = "",
) -> tuple[Picture, Iterator[Panel]]:
    """A grid of titled panels.

    Args:
        titles: Of the panels, row by row.
        width: Of the picture.
        columns: How many side by side.
        height: Of the room for drawing in each.
        margin: To the left of each row, for the ticks' numbers.
        gap: Between two side by side.
        below: Under each, for the axis.
        bold: The title that stands out.
    """
    each = (width - margin - gap * (columns - 1) - 4) / columns
    count = -(-len(titles) // columns)
    head = 22.0
    step = head + height + below
    picture = Picture(width, count * step + 6)

    def places() -> Iterator[Panel]:
        for index, title in enumerate(titles):
            row, column = divmod(index, columns)
            left, top = margin + column * (each + gap), row * step + head
            shown = fitted(title, each)
            hint = title if shown != title else ""
            picture.add(Text((left, top - 7), shown, bold=title == bold, hint=hint))
            yield Panel(left, left + each, top, top + height, column == 0, index + columns >= len(titles))

    return picture, places()


def columns_for(width: float, count: int, *, wide: int, narrow: int) -> int:
    """How many panels go side by side."""
    return min(count, narrow if width < (WIDE + NARROW) / 2 else wide)


def band(scale_x: Scale, scale_y: Scale, points: Sequence[tuple[float, float, float]]) -> Area:
    """A band between two curves, from (x, low, high)."""
    lower = [(scale_x(x), scale_y(low)) for x, low, _ in points]
    upper = [(scale_x(x), scale_y(high)) for x, _, high in reversed(points)]
    return Area([*lower, *upper], "blue", 0.22)


def legible_size(width: float) -> float:
    """Of letters in a picture of that width."""
    return SIZE if width >= WIDE else SMALL


def better_side(direction: str) -> str:
    """On which side of an axis the better scores lie."""
    return "right" if direction == "max" else "left"


def beyond_the_axis(count: int) -> str:
    """Says that something is drawn at the edge."""
    return " What lies far off is drawn as an arrow at the edge; its number is in the table." if count else ""
