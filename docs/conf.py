"""Sphinx's configuration. What the pages are made from is in `generator/`."""

import os
import sys
from importlib import metadata
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent))

project = "keras-acts"
version = release = metadata.version("keras-acts")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "generator.pages",
    "generator.mathml",
    "generator.coverage",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["amsmath", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"

autodoc_typehints = "none"  # the types are in the text of the arguments; a tensor's has no name all backends share
autodoc_member_order = "bysource"
add_function_parentheses = False
toc_object_entries = False
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"keras-acts {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
