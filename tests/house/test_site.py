"""The site's configuration ends a build where a page leads nowhere.

The pages themselves are built by ``make lint``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

DOCS = Path(__file__).parents[2] / "docs"
INDEX = "# Index\n\n## A heading\n\n[here](#a-heading), [there](other.md#two)\n\n"
TOCTREE = ":::{toctree}\nother\n:::\n"


def built(folder: Path, index: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(DOCS / "conf.py", folder)
    (folder / "index.md").write_text(index)
    (folder / "other.md").write_text("# Other\n\n## Two\n\n$$E = m c^2$$\n")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-n",
            "-W",
            "--keep-going",
            str(folder),
            str(folder / "built"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_site_whose_links_lead_somewhere_is_built(tmp_path: Path) -> None:
    done = built(tmp_path, INDEX + TOCTREE)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "built" / "index.html").read_text()
    assert 'href="other.html#two"' in page
    assert "<msup><mi>c</mi><mn>2</mn></msup>" in re.sub(
        r"\s", "", (tmp_path / "built" / "other.html").read_text()
    )


#: What a page can say wrong, and a word of the warning.
MISTAKES = {
    "[x](nobody.md)": "nobody.md",
    "[x](other.md#three)": "three",
    "[x](#nowhere)": "nowhere",
    "![x](missing.png)": "missing.png",
    ":::{nothing}\n:::": "nothing",
    "$\\unheard{x}$": "unheard",
}


def test_each_link_that_leads_nowhere_is_told_and_ends_the_build(tmp_path: Path) -> None:
    done = built(tmp_path, INDEX + "\n\n".join(MISTAKES) + "\n\n" + TOCTREE)
    assert done.returncode != 0
    told = done.stderr.splitlines()
    assert not [words for words in MISTAKES.values() if not any(words in line for line in told)]


def test_a_page_that_no_list_names_ends_the_build(tmp_path: Path) -> None:
    done = built(tmp_path, INDEX)
    assert done.returncode != 0
    assert "other" in done.stderr


def test_the_citation_is_of_this_version() -> None:
    root = DOCS.parent
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((root / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert str(cited["version"]) == project["version"]
    assert cited["license"] == project["license"]
    assert cited["keywords"] == project["keywords"]
    assert cited["title"].endswith(project["description"][0].lower() + project["description"][1:])


def test_the_gallery_has_every_figure_with_what_draws_it() -> None:
    text = (DOCS / "explanation" / "gallery.md").read_text()
    rows = re.findall(r"^\| !\[.+\]\(\.\./figures/(.+\.png)\) \| .+ \| `(.+)` \|$", text, re.M)
    assert sorted(name for name, _ in rows) == sorted(
        path.name for path in (DOCS / "figures").glob("*.png")
    )
    for _, command in rows:
        program, first, *_ = command.split()
        if program == "python":
            assert (DOCS.parent / first).is_file(), first
        else:
            assert program == "cryohalo"
            assert first in {"design", "uncertainty", "forecast", "demo", "report"}
