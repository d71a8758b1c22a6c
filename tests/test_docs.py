"""The pages: what makes them, the code on them, and that they build without a warning."""

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from keras import ops

import keras_acts as ka

ROOT = Path(__file__).parent.parent
catalogue, coverage, docstrings, figures, mathml, physics = (
    pytest.importorskip(f"generator.{name}", reason="the pages need the extra `docs`")
    for name in ("catalogue", "coverage", "docstrings", "figures", "mathml", "physics")
)

CATALOGUE = [cls for cls in ka.ACTIVATIONS.values() if cls.__module__.startswith("keras_acts.")]
of_each = pytest.mark.parametrize("cls", CATALOGUE, ids=lambda cls: cls.spec.name)


@pytest.fixture(autouse=True)
def _registry_as_before():
    known = dict(ka.ACTIVATIONS)
    yield
    ka.ACTIVATIONS.clear()
    ka.ACTIVATIONS.update(known)


@of_each
def test_every_formula_can_be_set(cls):
    assert "<math" in mathml.to_mathml(cls.spec.formula)


@of_each
def test_the_example_of_every_page_runs(cls):
    space: dict = {}
    exec(catalogue.example(cls), space)
    model = space["model"]
    outputs = model(np.ones((2, *model.input_shape[1:]), "float32"))
    assert np.isfinite(ops.convert_to_numpy(outputs)).all()


def test_a_page_says_what_the_registry_says():
    page = catalogue.page(ka.Snake, [figures.Plot("a.svg", "First."), figures.Plot("b.svg", "Second.")])
    for part in (
        ka.Snake.spec.formula,
        "``alpha``",
        "``1.0``",
        "above 0",
        "by default, one a channel",
        "0.1 to 10, logarithmic",
        "a.svg",
        "b.svg",
        "https://arxiv.org/abs/2006.08195",
        ".. autofunction:: keras_acts.snake",
        ".. autoclass:: keras_acts.Snake",
    ):
        assert part in page


def test_pages_follow_the_registry_and_are_written_only_when_they_change(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw", lambda cls, folder: [])
    (tmp_path / "gone.rst").write_text("An activation of yesterday.")
    catalogue.write(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {cls.spec.name for cls in CATALOGUE} | {"index", "table"}
    index = (tmp_path / "index.rst").read_text()
    assert all(f":doc:`{cls.spec.name}`" in index for cls in CATALOGUE)
    os.utime(tmp_path / "relu.rst", (1, 1))
    catalogue.write(tmp_path)
    assert (tmp_path / "relu.rst").stat().st_mtime == 1


@pytest.mark.parametrize(("cls", "count"), [(ka.Snake, 2), (ka.ReLU, 1), (ka.Softmax, 1)])
def test_every_plot_of_a_page_is_drawn(cls, count, tmp_path):
    plots = figures.draw(cls, tmp_path)
    assert len(plots) == count
    assert {path.name for path in tmp_path.iterdir()} == {*(plot.file for plot in plots), figures.thumbnail(cls)}


def test_a_docstring_becomes_restructuredtext():
    text = """Like two `sigmoid`s, at |x|*2_ and `|y|`.

    Args:
        x: A tensor, or
            a number.
        **rest: More.

    Returns:
        Of two kinds: this
        or that.

    Raises:
        ValueError: `x` is bad.

    Example:
    >>> a * b
    >>> c
    1

    Source: A 2020, arXiv:2006.08195 and 10.1109/A_B.1."""
    lines = re.sub(r"^    ", "", text, flags=re.MULTILINE).splitlines()
    assert [line for line in docstrings.to_rst(lines, {"sigmoid": "keras_acts.sigmoid"}) if line] == [
        r"Like two :py:obj:`sigmoid <keras_acts.sigmoid>`\ s, at \|x\|\*2\_ and ``|y|``.",
        ":param x: A tensor, or",
        "        a number.",
        r":param \*\*rest: More.",
        ":returns: Of two kinds: this",
        "    or that.",
        ":raises ValueError: ``x`` is bad.",
        ".. rubric:: Example",
        ">>> a * b",
        ">>> c",
        "1",
        "**Source:** A 2020, `arXiv:2006.08195 <https://arxiv.org/abs/2006.08195>`__ and "
        r"`10.1109/A\_B.1 <https://doi.org/10.1109/A_B.1>`__.",
    ]


def test_a_mention_is_a_link_unless_it_is_an_argument_or_the_thing_itself():
    linked = docstrings.linked_from(ka.relu, ka)
    assert linked["leaky_relu"] == "keras_acts.leaky_relu"
    assert not {"relu", "threshold", "_layer"} & set(linked)


def test_a_public_name_without_a_page_is_found():
    module = types.ModuleType("shop")
    vars(module).update(open_one=1, described=2, _own=3)
    assert coverage.missing(coverage.public_names(module), {"shop.described"}) == ["shop.open_one"]
    vars(module).update(__all__=["made_when_asked_for"])
    assert list(coverage.public_names(module)) == ["shop.made_when_asked_for"]


def test_the_first_page_names_what_is_no_function():
    (sentence,) = re.findall(r"Layers alone,.*?\.", (ROOT / "docs" / "index.md").read_text(), flags=re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == {cls.spec.name for cls in CATALOGUE if cls.spec.function is None}


def test_the_gradient_shrinks_by_the_mean_square_of_the_derivative():
    # A layer's factor tends to sqrt(E f'²), of normal inputs: known figures .045 and .464 for the first layer.
    for name, mean_square in (("sigmoid", 0.045), ("tanh", 0.464)):
        assert physics.signals(name, depth=1).gradient[0] == pytest.approx(np.sqrt(mean_square), rel=0.03)


def test_narrow_deep_rectifier_networks_are_born_dead():
    known = {4: 0.21, 9: 0.56, 19: 0.88}  # of width 3, by hidden layers
    for depth, share in known.items():
        assert physics.dead_share("relu", depth=depth) == pytest.approx(share, abs=0.04)
    assert physics.dead_share("elu", depth=19) == 0


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_the_code_on_the_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space: dict = {"__name__": f"page_{page.stem}"}
    for block in re.findall(r"(?<!% not run: needs data\n)```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        exec(block, space)


@pytest.mark.slow
def test_the_pages_build_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", "docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<math" in (tmp_path / "activations" / "relu.html").read_text()
    scripts = re.findall(r'<script[^>]* src="([^"]+)"', (tmp_path / "index.html").read_text())
    assert not [address for address in scripts if "//" in address], "the pages must read well without a network"
