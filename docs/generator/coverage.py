"""The build fails on a public name that has no place in the pages."""

from collections.abc import Iterable, Iterator
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import keras_acts
import keras_acts_tuning


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", _check)


def public_names(module: ModuleType) -> Iterator[str]:
    """The full name of everything that `module` offers."""
    names = getattr(module, "__all__", vars(module))
    return (f"{module.__name__}.{name}" for name in names if not name.startswith("_"))


def missing(public: Iterable[str], documented: Iterable[str]) -> list[str]:
    """The public names that no page describes."""
    return sorted(set(public) - set(documented))


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    public = [*public_names(keras_acts), *public_names(keras_acts_tuning)]
    for name in missing(public, env.domains.python_domain.objects):
        logging.getLogger(__name__).warning("%s is public and described on no page: add it to docs/api.md", name)
