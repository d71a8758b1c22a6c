"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network.

The converter is Docutils' own, in pure Python, and is there wherever Sphinx is.
"""

import html
import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

_SPACE = '<mspace width="0.17em"></mspace>'
_SPACING = (  # where browsers set what Docutils writes too close, or too wide
    (re.compile(r"<mo>&ApplyFunction;</mo>(?!\s*(<mrow>\s*)?<mo[^>]*>\()"), _SPACE),
    (re.compile(r"<mo>(max|min)</mo>"), r"<mi>\1</mi>"),
    (
        re.compile(r"(</m(?:i|n|frac|row|sub|sup)>\s*(?:<msup>\s*)?)(<mi[^>]*>\w{2,}</mi>)"),
        rf"\1<mrow>{_SPACE}\2</mrow>",
    ),
    (re.compile(r"<mo[^>]*>\|</mo>"), '<mo lspace="0" rspace="0" stretchy="false">|</mo>'),
)


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))


def to_mathml(formula: str, *, as_block: bool = False) -> str:
    """The LaTeX `formula` as MathML.

    Raises:
        MathError: Docutils cannot set it.
    """
    # Docutils takes a style only at the start of a group, where a browser chooses well enough without,
    # and a fraction's parts only in braces.
    formula = re.sub(r"\\(text|display)style\b", "", formula)
    formula = re.sub(r"(\\[dt]?frac)(\d)(\d)", r"\1{\2}{\3}", formula)
    mathml = latex2mathml.tex2mathml(formula, as_block=as_block)
    for pattern, replacement in _SPACING:
        mathml = pattern.sub(replacement, mathml)
    return mathml


def _visit_inline(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    translator.body.append(_checked(node, as_block=False))
    raise nodes.SkipNode


def _visit_block(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    translator.body.append(f'<div class="math">\n{_checked(node, as_block=True)}\n</div>\n')
    raise nodes.SkipNode


def _checked(node: nodes.Element, *, as_block: bool) -> str:
    try:
        return to_mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logging.getLogger(__name__).warning("cannot set %r as MathML: %s", node.astext(), error, location=node)
        return html.escape(node.astext())
