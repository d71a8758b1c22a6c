"""The Sphinx extension that writes the generated pages, and shows docstrings and signatures as they are meant."""

import inspect
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from generator import catalogue, docstrings, physics
from sphinx.application import Sphinx
from sphinx.config import Config

import keras_acts as ka


def setup(app: Sphinx) -> None:
    mpl.use("Agg")
    app.connect("config-inited", _generate)  # before MyST reads its substitutions
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)


def _generate(app: Sphinx, config: Config) -> None:
    folder = Path(app.srcdir)
    catalogue.write(folder / "activations")
    config.myst_substitutions = physics.write(folder / "_generated")


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = docstrings.to_rst(lines, docstrings.linked_from(obj, sys.modules[name.partition(".")[0]]))


def _signature(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> tuple[str, str] | None:
    """A layer's own arguments, which Keras hides behind `__new__`; those without only pass on the base's."""
    if what != "class" or not issubclass(obj, ka.Activation):
        return None
    if obj is not ka.Activation and obj.__init__ is ka.Activation.__init__:
        return "(**kwargs)", ""
    _, *mine = inspect.signature(obj.__init__).parameters.values()
    return str(inspect.Signature([parameter.replace(annotation=parameter.empty) for parameter in mine])), ""
