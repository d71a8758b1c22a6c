"""Pictures: lines, areas, marks and texts at places, written as SVG or painted as PNG or PDF.

Not Matplotlib's own SVG: it writes five to ten times as much, its colours cannot follow the page into the dark,
and its text shrinks with the page on a phone, where these pictures are laid out anew for the width. Matplotlib
still paints the same shapes where a bitmap is asked for. The XML is written by `xml.etree`, which escapes
every text and attribute.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from keras_acts_tuning.errors import StudyError, received

Colour: TypeAlias = Literal["ink", "soft", "grid", "page", "blue", "orange"]
Shape: TypeAlias = Literal["circle", "up", "down", "diamond", "cross", "left", "right"]
Point: TypeAlias = tuple[float, float]
View: TypeAlias = tuple[float, float, float, float]

PALETTE: dict[Colour, tuple[str, str]] = {
    "ink": ("#1c232b", "#e8ebee"),
    "soft": ("#56616c", "#a5b0ba"),
    "grid": ("#dde2e7", "#38414b"),
    "page": ("#ffffff", "#14191f"),
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#c24e00", "#e69f00"),
}
"""Each colour by day and by night. Blue and orange are of Okabe and Ito's, apart for every kind of colour vision; what
they mark has a shape of its own besides."""

SIZE = 12.5
"""Of letters, in units of a picture; one is a pixel of the page."""


@dataclass(frozen=True)
class Line:
    """A line through points."""

    points: Sequence[Point]
    colour: Colour = "ink"
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Area:
    """A filled polygon."""

    points: Sequence[Point]
    colour: Colour = "blue"
    opacity: float = 1.0
    hint: str = ""


@dataclass(frozen=True)
class Mark:
    """A small sign at a place; `size` is half its width. A hollow one hides what lies under it."""

    place: Point
    shape: Shape = "circle"
    colour: Colour = "blue"
    size: float = 4.0
    filled: bool = True
    opacity: float = 1.0
    hint: str = ""


@dataclass(frozen=True)
class Text:
    """A line of text; `place` is on its baseline."""

    place: Point
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    colour: Colour = "ink"
    size: float = SIZE
    bold: bool = False
    hint: str = ""


@dataclass
class Picture:
    """Shapes on a page of a width and a height; later ones lie over earlier ones."""

    width: float
    height: float
    shapes: list[Line | Area | Mark | Text] = field(default_factory=list)

    def add(self, *shapes: Line | Area | Mark | Text) -> None:
        """Lay shapes over what is there."""
        self.shapes.extend(shapes)


_OUTLINES: dict[Shape, tuple[Point, ...]] = {
    "up": ((-1.1, 0.85), (0, -1.1), (1.1, 0.85)),
    "down": ((-1.1, -0.85), (0, 1.1), (1.1, -0.85)),
    "left": ((0.85, -1.1), (-1.1, 0), (0.85, 1.1)),
    "right": ((-0.85, -1.1), (1.1, 0), (-0.85, 1.1)),
    "diamond": ((-1.2, 0), (0, -1.2), (1.2, 0), (0, 1.2)),
}


def svg(picture: Picture, *, title: str, description: str, name: str) -> str:
    """The picture as an element of the page, in the page's colours.

    Args:
        picture: What to draw.
        title: What it is, for those who cannot see it.
        description: What it shows, likewise.
        name: Begins the identifiers within it; unique on the page.
    """
    view = (0.0, 0.0, picture.width, picture.height)
    return _written(_root(picture, view, title, description, name, lambda colour: f"var(--{colour})"))


def save(picture: Picture, path: Path, *, title: str, description: str) -> None:
    """Write the picture under its title to a `.svg`, `.png` or `.pdf` file, in the colours of the day, for documents.

    Raises:
        StudyError: The file cannot be written, or has another ending.
    """
    heading = Text((0, -14), fitted(title, picture.width, 15), size=15, bold=True)
    picture = Picture(picture.width, picture.height, [heading, *picture.shapes])
    view = (-14.0, -40.0, picture.width + 28, picture.height + 54)
    try:
        if path.suffix.lower() == ".svg":
            root = _root(picture, view, title, description, "picture", lambda colour: PALETTE[colour][0])
            root.set("font-family", "system-ui, sans-serif")
            page = dict(zip(("x", "y", "width", "height"), map(_number, view), strict=True), fill=PALETTE["page"][0])
            root.insert(2, ElementTree.Element("rect", page))
            path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{_written(root)}\n', "utf-8", "replace")
        else:
            _paint(picture, view, path)
    except (OSError, ValueError) as error:
        raise StudyError(received(f"The plot needs a file that can be written ({error})", path=str(path))) from None


def width_of(text: str, size: float = SIZE) -> float:
    """About how wide `text` is, erring on the wide side."""
    return size * sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.58 for letter in text)


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """`text`, its middle cut where it is wider than `width`: settings of one activation differ in their ends."""
    if width_of(text, size) <= width:
        return text
    cuts = (f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}" for kept in range(len(text) - 1, 0, -1))
    return next((cut for cut in cuts if width_of(cut, size) <= width), "…")


def _root(
    picture: Picture, view: View, title: str, description: str, name: str, paint: Callable[[Colour], str]
) -> ElementTree.Element:
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": " ".join(map(_number, view)),
            "width": _number(view[2]),
            "height": _number(view[3]),
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-description",
            "font-size": _number(SIZE),
            "fill": paint("ink"),
        },
    )
    for tag, text in (("title", title), ("desc", description)):
        identifier = f"{name}-{'title' if tag == 'title' else 'description'}"
        ElementTree.SubElement(root, tag, id=identifier).text = _legible(text)
    for shape in picture.shapes:
        root.append(_element(shape, paint))
    return root


def _element(shape: Line | Area | Mark | Text, paint: Callable[[Colour], str]) -> ElementTree.Element:
    match shape:
        case Line():
            dash = {"stroke-dasharray": " ".join(map(_number, shape.dash))} if shape.dash else {}
            stroke = {"stroke": paint(shape.colour), "stroke-width": _number(shape.width), **dash}
            return ElementTree.Element("path", {"d": _path(shape.points), "fill": "none", **stroke})
        case Area():
            return _hinted("path", {"d": _path(shape.points) + "Z", **_fill(shape, paint)}, shape.hint)
        case Mark():
            return _mark(shape, paint)
        case Text():
            x, y = map(_number, shape.place)
            facts = {"x": x, "y": y}
            facts |= {"text-anchor": shape.anchor} if shape.anchor != "start" else {}
            facts |= {"fill": paint(shape.colour)} if shape.colour != "ink" else {}
            facts |= {"font-size": _number(shape.size)} if shape.size != SIZE else {}
            facts |= {"font-weight": "bold"} if shape.bold else {}
            element = _hinted("text", facts, shape.hint)
            # After a <title> the text is that child's tail.
            if len(element):
                element[0].tail = _legible(shape.text)
            else:
                element.text = _legible(shape.text)
            return element


def _mark(mark: Mark, paint: Callable[[Colour], str]) -> ElementTree.Element:
    (x, y), size = mark.place, mark.size
    if mark.shape == "cross":
        bars = [[(x - size, y - size), (x + size, y + size)], [(x - size, y + size), (x + size, y - size)]]
        path = "".join(map(_path, bars))
        return _hinted("path", {"d": path, "stroke": paint(mark.colour), "stroke-width": "1.8"}, mark.hint)
    look = (
        _fill(mark, paint)
        if mark.filled
        else {"fill": paint("page"), "stroke": paint(mark.colour), "stroke-width": "1.5"}
    )
    if mark.shape == "circle":
        return _hinted("circle", {"cx": _number(x), "cy": _number(y), "r": _number(size), **look}, mark.hint)
    return _hinted("path", {"d": _path(_outline(mark)) + "Z", **look}, mark.hint)


def _fill(shape: Area | Mark, paint: Callable[[Colour], str]) -> dict[str, str]:
    faint = {"fill-opacity": _number(shape.opacity, 2)} if shape.opacity < 1 else {}
    return {"fill": paint(shape.colour), **faint}


def _hinted(tag: str, facts: dict[str, str], hint: str) -> ElementTree.Element:
    element = ElementTree.Element(tag, facts)
    if hint:
        ElementTree.SubElement(element, "title").text = _legible(hint)
    return element


def _outline(mark: Mark) -> list[Point]:
    x, y = mark.place
    return [(x + mark.size * dx, y + mark.size * dy) for dx, dy in _OUTLINES[mark.shape]]


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float, digits: int = 1) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _legible(text: str) -> str:
    """`text` without the characters that no XML may hold."""
    return "".join("�" if unicodedata.category(letter) in ("Cc", "Cs", "Cn") else letter for letter in text)


def _written(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")


def _paint(picture: Picture, view: View, path: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle, Patch, Polygon

    points_an_inch = 72
    left, top, width, height = view
    figure = Figure(figsize=(width / points_an_inch, height / points_an_inch))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(left, left + width), ylim=(top + height, top))
    for layer, shape in enumerate(picture.shapes):
        colour = PALETTE[shape.colour][0]
        match shape:
            case Line():
                x, y = zip(*shape.points, strict=True)
                line = Line2D(x, y, color=colour, linewidth=shape.width, zorder=layer)
                if shape.dash:
                    line.set_dashes([length / shape.width for length in shape.dash])
                axes.add_line(line)
            case Area():
                axes.add_patch(Polygon(shape.points, color=colour, alpha=shape.opacity, linewidth=0, zorder=layer))
            case Mark(shape="cross"):
                axes.plot(*shape.place, "x", color=colour, markersize=2 * shape.size, zorder=layer)
            case Mark():
                look = {"facecolor": colour if shape.filled else PALETTE["page"][0], "alpha": shape.opacity}
                edge = {"edgecolor": colour, "linewidth": 0 if shape.filled else 1.5, "zorder": layer}
                patch: Patch = Polygon(_outline(shape)) if shape.shape != "circle" else Circle(shape.place, shape.size)
                patch.set(**look, **edge)
                axes.add_patch(patch)
            case Text():
                axes.text(
                    *shape.place,
                    _legible(shape.text),
                    ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
                    va="baseline",
                    color=colour,
                    # Matplotlib's own letters are wider than a browser's.
                    fontsize=0.92 * shape.size,
                    fontweight="bold" if shape.bold else "normal",
                    zorder=layer,
                    parse_math=False,
                )
    figure.savefig(path, dpi=2 * points_an_inch)
