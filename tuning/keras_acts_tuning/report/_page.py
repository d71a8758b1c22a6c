"""The page: one HTML file with its style, its script and its pictures inside.

Jinja2 escapes every value that the template names, so that nothing can be forgotten; the only markup from elsewhere
are the pictures, which `xml.etree` has escaped, and this package's own style and script. The page's policy
forbids the browser everything else: a request, or a script that is not the one whose digest it names.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

import keras_acts as ka
from keras_acts_tuning.comparison import Comparison
from keras_acts_tuning.report._blocks import Figure, Table
from keras_acts_tuning.report._charts import NARROW, WIDE
from keras_acts_tuning.report._picture import PALETTE, svg
from keras_acts_tuning.report._sections import overview, study
from keras_acts_tuning.suite import study_names

_HERE = Path(__file__).parent
_WELL = ("#f4f6f8", "#1c232b")


def page(comparisons: Sequence[Comparison]) -> str:
    """The report of one study, or of several with their ranks over all of them."""
    names = study_names(comparisons)
    several = len(comparisons) > 1
    sentences, overall = overview(comparisons, names) if several else ([], ())
    style, script = _style(), (_HERE / "page.js").read_text("utf-8")
    policy = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": _digest(style),
        "script-src": _digest(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=f"Activations on {len(names)} data sets" if several else f"Activations on {names[0]}",
            several=several,
            sentences=sentences,
            overall=overall,
            studies=[study(comparison, name) for comparison, name in zip(comparisons, names, strict=True)],
            wide=WIDE,
            narrow=NARROW,
            version=ka.__version__,
            policy="; ".join(f"{name} {value}" for name, value in policy.items()),
            style=Markup(style),
            script=Markup(script),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"kind": lambda block: type(block).__name__, "numeric": _numeric, "svg": _svg}
    return environment


def _svg(figure: Figure, width: float, name: str) -> Markup:
    return Markup(svg(figure.draw(width), title=figure.title, description=figure.description, name=name))


def _numeric(table: Table) -> set[int]:
    """The columns of numbers, whose headings stand flush right too."""
    return {index for index, cell in enumerate(table.rows[0]) if cell.number} if table.rows else set()


def _style() -> str:
    colours = dict[str, tuple[str, str]](PALETTE.items()) | {"well": _WELL}
    day, night = ("".join(f"--{name}:{pair[index]};" for name, pair in colours.items()) for index in (0, 1))
    themes = f":root{{{day}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{night}}}}}\n"
    return themes + (_HERE / "page.css").read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
