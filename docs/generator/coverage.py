"""The build fails on a public name that has no place in the pages."""

from collections.abc import Iterable, Iterator
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import keras_acts


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", _check)


def public_names(module: ModuleType) -> Iterator[str]:
    """The full name of everything that `module` offers."""
    return (f"{module.__name__}.{name}" for name in vars(module) if not name.startswith("_"))


def missing(public: Iterable[str], documented: Iterable[str]) -> list[str]:
    """The public names that no page describes."""
    return sorted(set(public) - set(documented))


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    for name in missing(public_names(keras_acts), env.domains.python_domain.objects):
        logging.getLogger(__name__).warning("%s is public and described on no page: add it to docs/api.md", name)
