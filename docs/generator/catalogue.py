"""The pages and plots of the activations, made from the registry."""

import inspect
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
from generator import figures
from generator.docstrings import inline, linked_from

import keras_acts as ka
from keras_acts._lookup import defaults, family_of, learned_by_default

FAMILIES = {
    "sigmoidal": "Sigmoids",
    "rectified": "Rectifiers",
    "exponential": "Exponential linear",
    "gated": "Self-gated",
    "periodic": "Periodic and bumps",
    "shrinking": "Shrinkage and sparsity",
    "learned": "Learned shapes",
    "glu": "Gated linear units",
    "structural": "Across channels and space",
    "simplex": "Output side",
}
"""The families' titles, in the order of the catalogue; a family without one is titled by its name, last."""

FOR_IMAGES = {"dyrelu", "frelu", "meta_acon"}
INSTEAD_OF_DENSE = {"glu_dense", "maxout"}


def write(folder: Path) -> None:
    """Write a page an activation, the index by family and the table of all; remove what is there besides."""
    folder.mkdir(exist_ok=True)
    keras.utils.set_random_seed(0)  # some learned shapes start at random
    catalogue = [cls for cls in ka.ACTIVATIONS.values() if cls.__module__.startswith("keras_acts.")]
    pages = {f"{cls.spec.name}.rst": page(cls, figures.draw(cls, folder)) for cls in catalogue}
    pages["index.rst"] = index(catalogue, folder)
    pages["table.rst"] = table(catalogue)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:  # Sphinx reads a page again when its time changes
            path.write_text(text)
    for path in folder.glob("*.rst"):
        if path.name not in pages:
            path.unlink()


def page(cls: type[ka.Activation], plots: list[figures.Plot]) -> str:
    """The page of one activation."""
    spec = cls.spec
    described = cls if spec.function is None else spec.function
    summary = inspect.getdoc(described).partition("\n\n")[0]
    shown = [directive("figure", plot.caption, argument=plot.file, alt=plot.caption) for plot in plots]
    blocks = [
        heading(spec.name, "="),
        inline(summary, linked_from(described, ka)),
        directive("math", spec.formula),
        *shown[:1],
    ]
    blocks += [heading("Example", "-"), directive("code-block", example(cls), argument="python")]
    if arguments := defaults(cls):
        blocks += [heading("Parameters", "-"), parameters(cls, arguments)]
        blocks += [directive("container", "\n\n".join(shown[1:]), argument="family")] if shown[1:] else []
    listed = "\n".join(f":{name}: {text}" for name, text in facts(cls).items())
    blocks += [heading("Facts", "-"), directive("container", listed, argument="facts")]
    if spec.function is not None:
        blocks += [heading("Function", "-"), directive("autofunction", argument=f"keras_acts.{spec.name}")]
    blocks += [heading("Layer", "-"), directive("autoclass", argument=f"keras_acts.{cls.__name__}")]
    return "\n\n".join(blocks) + "\n"


def parameters(cls: type[ka.Activation], arguments: dict[str, Any]) -> str:
    """The table of the layer's arguments: those that can be learned, then those that cannot."""
    learned = learned_by_default(cls)
    rows = [("Name", "Default", "Bounds", "Learned", "Searched")]
    for name, default in sorted(arguments.items(), key=lambda item: item[0] not in cls.spec.params):
        param = cls.spec.params.get(name)
        if param is None:
            rows.append((f"``{name}``", f"``{default!r}``", "", "", ""))
            continue
        rows.append(
            (
                f"``{name}``",
                f"``{default!r}``",
                bounds(param),
                f"{'by default' if name in learned else 'if asked'}, one {'row ' if param.row else ''}a {param.per}",
                "" if param.search is None else f"{between(param.search)}{', logarithmic' if param.log else ''}",
            )
        )
    return list_table(rows if cls.spec.params else [row[:2] for row in rows])


def bounds(param: ka.Param) -> str:
    """The bounds of a parameter in words."""
    limits = (("above {:g}", param.above), ("at least {:g}", param.at_least), ("at most {:g}", param.at_most))
    return ", ".join(text.format(limit) for text, limit in limits if limit is not None) or "none"


def facts(cls: type[ka.Activation]) -> dict[str, str]:
    """What is declared and tested about an activation, by its title."""
    spec = cls.spec
    found = {
        "Family": f"{FAMILIES.get(family_of(cls), family_of(cls).capitalize())}",
        "Place": {"hidden": "between layers", "output": "as the last layer"}[spec.role],
    }
    if spec.elementwise:
        found |= {
            "Range": between(spec.range),
            "Monotone": "yes" if spec.monotone else "no",
            "Smoothness": smoothness(spec.smoothness),
        }
    else:
        found["Range"] = between(spec.range)
        found["Elementwise"] = "no: an output depends on several inputs"
    found["Initializer before it"] = f"``{spec.initializer}``"
    if spec.aliases:
        found["Other names"] = ", ".join(f"``{alias}``" for alias in spec.aliases)
    return found | {"Source": inline(spec.source)}


def smoothness(count: float) -> str:
    """How many derivatives are continuous, in words."""
    words = {-1: "jumps", 0: "kink", 1: "continuous slope", math.inf: "smooth"}
    return words.get(count, f"{count:g} continuous derivatives")


def between(interval: tuple[float, float]) -> str:
    """An interval in words."""
    low, high = (f"{end:.4g}".replace("-", "−").replace("inf", "∞") for end in interval)
    return f"{low} to {high}"


def example(cls: type[ka.Activation]) -> str:
    """A model with the layer in it."""
    shape, layer = "(8,)", f"ka.{cls.__name__}()"
    if cls.spec.name in FOR_IMAGES:
        shape = "(32, 32, 3)"
        layers = ["keras.layers.Conv2D(16, 3)", layer, "keras.layers.GlobalAveragePooling2D()", "keras.layers.Dense(3)"]
    elif cls.spec.name in INSTEAD_OF_DENSE:
        layers = [f"ka.{cls.__name__}(16)", "keras.layers.Dense(3)"]
    elif cls.spec.role == "output":
        layers = ["keras.layers.Dense(16)", "ka.ReLU()", "keras.layers.Dense(3)", layer]
    else:
        layers = ["keras.layers.Dense(16)", layer, "keras.layers.Dense(3)"]
    lines = [f"    {line}," for line in [f"keras.Input({shape})", *layers]]
    return "\n".join(["import keras", "import keras_acts as ka", "", "model = keras.Sequential([", *lines, "])"])


def index(catalogue: list[type[ka.Activation]], folder: Path) -> str:
    """The index by family, with a small plot of each activation."""
    blocks = [
        heading("Activations", "="),
        f"The {len(catalogue)} activations by family; :doc:`table` has their formulas side by side. "
        "Solid: the function. Dashed: its derivative.",
        directive("toctree", "table\n" + "\n".join(sorted(cls.spec.name for cls in catalogue)), hidden=""),
    ]
    for family, members in by_family(catalogue).items():
        blocks.append(heading(FAMILIES.get(family, family.capitalize()), "-"))
        tiles = (tile(cls, drawn=(folder / figures.thumbnail(cls)).exists()) for cls in members)
        blocks.append(directive("container", "\n\n".join(tiles), argument="gallery"))
    return "\n\n".join(blocks) + "\n"


def tile(cls: type[ka.Activation], *, drawn: bool) -> str:
    """An activation in the index: its small plot, where there is one, and its name."""
    name = cls.spec.name
    if not drawn:
        return f":doc:`{name}`"
    picture = {"argument": figures.thumbnail(cls), "target": f"{name}.html", "alt": f"Plot of {name}"}
    return directive("figure", f":doc:`{name}`", **picture)


def table(catalogue: list[type[ka.Activation]]) -> str:
    """The table of all activations."""
    blocks = [heading("Table of all", "=")]
    for family, members in by_family(catalogue).items():
        rows = [("Name", "Formula", "Range", "Smoothness", "Learned")]
        rows += [
            (
                f":doc:`{cls.spec.name}`",
                f":math:`{cls.spec.formula}`",
                between(cls.spec.range),
                smoothness(cls.spec.smoothness) if cls.spec.elementwise else "",
                ", ".join(f"``{name}``" for name in learned_by_default(cls)),
            )
            for cls in members
        ]
        blocks += [heading(FAMILIES.get(family, family.capitalize()), "-"), list_table(rows, **{"class": "catalogue"})]
    return "\n\n".join(blocks) + "\n"


def by_family(catalogue: list[type[ka.Activation]]) -> dict[str, list[type[ka.Activation]]]:
    """The activations by family, families in the catalogue's order."""
    families: dict[str, list[type[ka.Activation]]] = {family: [] for family in FAMILIES}
    for cls in catalogue:
        families.setdefault(family_of(cls), []).append(cls)
    return {family: members for family, members in families.items() if members}


def heading(text: str, underline: str) -> str:
    """A heading of reStructuredText."""
    return f"{inline(text)}\n{underline * (len(inline(text)) + 1)}"


def directive(name: str, content: str = "", *, argument: str = "", **options: str) -> str:
    """A directive of reStructuredText."""
    lines = [f".. {name}:: {argument}".rstrip()]
    lines += [f"   :{key}: {value}".rstrip() for key, value in options.items()]
    lines += ["", *(f"   {line}".rstrip() for line in content.splitlines())]
    return "\n".join(lines).rstrip()


def list_table(rows: Iterable[tuple[str, ...]], **options: str) -> str:
    """A table of reStructuredText whose first row is the header."""
    lines = [f"{'* ' if column == 0 else '  '}- {cell}".rstrip() for row in rows for column, cell in enumerate(row)]
    return directive("list-table", "\n".join(lines), **{"header-rows": "1"} | options)
