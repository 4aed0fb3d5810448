"""How the documentation site is built: Markdown by MyST, the theme of the scientific Python pages.

``make docs`` builds it into ``reports/site``; any warning ends the build, so a link to a page,
to a heading or to a file that is not there is found. The pages are plain Markdown: they read the
same in an editor.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
# Notebooks call ``cryohalo`` as a reader does in an environment that is active; a build need not
# be started in one.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# The reference that is made from the code: before Sphinx looks for pages.
if (reference := Path(__file__).parent / "reference").is_dir():
    from cryohalo.documents.pages import write

    write(reference / "generated")

project = "cryohalo"
author = "the authors of cryohalo"
version = release = installed("cryohalo")
language = "en_GB"

# myst_nb is myst_parser, and runs the notebooks: pages whose front matter names a kernel.
extensions = ["myst_nb", "cryohalo.documents.mathml"]
exclude_patterns = ["licences", "screens", "systemd"]
nitpicky = True
suppress_warnings: list[str] = []

# A page of a notebook shows what came of running it now; a cell that fails ends the build. Each is
# run in a folder of its own, so no catalog comes to lie among the pages.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_block"]
#: Headings down to this depth can be linked to, by the names that GitHub gives them.
myst_heading_anchors = 4
myst_links_external_new_tab = False

# `make links`: what leaves the site. A reader's own host is no link; a page that has moved for good
# is told, and one that answers late is late, not gone.
linkcheck_ignore = [r"https?://(127\.0\.0\.1|HOST)[:/]"]
linkcheck_timeout = 30
linkcheck_retries = 3
linkcheck_workers = 4
linkcheck_report_timeouts_as_broken = False

html_theme = "pydata_sphinx_theme"
html_title = "cryohalo"
html_math_renderer = "mathml"
html_static_path = ["_static"] if (Path(__file__).parent / "_static").is_dir() else []
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_version_warning_banner": False,
}
copyright = "the authors of cryohalo, BSD-3-Clause"
