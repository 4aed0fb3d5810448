"""Formulas of the site as MathML, which browsers draw by themselves: nothing is fetched.

A laboratory's network often ends at its door, so that a site which loads its formulas' program from
elsewhere would show their source. docutils has the converter; this hands it to Sphinx.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

__all__ = ["setup"]

log = logging.getLogger(__name__)


def _written(translator: Any, node: Any, *, block: bool) -> None:
    """Write a formula; one that cannot be converted is a warning, which ends the build."""
    try:
        translator.body.append(tex2mathml(node.astext(), as_block=block))
    except MathError as error:
        log.warning("formula %r: %s", node.astext(), error, location=node)
    raise nodes.SkipNode


def _inline(translator: Any, node: Any) -> None:
    _written(translator, node, block=False)


def _displayed(translator: Any, node: Any) -> None:
    _written(translator, node, block=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls: the renderer ``mathml`` for ``html_math_renderer``."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_displayed, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
