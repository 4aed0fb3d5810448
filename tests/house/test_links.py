"""Links: what the site's build does not see, and what can be said of those that leave it.

The build (``make lint``) ends where a link of the site leads nowhere. README and what else is no
page of the site is looked at here; whether foreign pages are there is asked by ``make links``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.house.pages import ROOT, notebooks, pages

MARKDOWN = MarkdownIt("commonmark").enable("table")
TEXTS = [*pages(), *notebooks(), ROOT / "CHANGELOG.md"]
OUTSIDE = [path for path in TEXTS if ROOT / "docs" not in path.parents]
ARXIV = re.compile(r"arXiv:\s?(?P<number>[\w./-]*[\w/])", re.IGNORECASE)
#: Of a preprint: year, month, number; before 2007 its archive and a number.
NUMBER = re.compile(r"((0[7-9]|[12]\d)(0[1-9]|1[0-2])\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?")
DOI = re.compile(r"(?:doi:\s*|doi\.org/)(?P<name>[^\s>)\"\']+)", re.IGNORECASE)
NAME = re.compile(r"10\.\d{4,9}/[^\s]*\w")


def links(text: str) -> Iterator[str]:
    """Where the links and pictures of a page lead."""
    for block in MARKDOWN.parse(text):
        for token in block.children or ():
            target = token.attrGet("href") or token.attrGet("src")
            if target:
                yield str(target)


def headings(path: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub names them."""
    tokens = MARKDOWN.parse(path.read_text(encoding="utf-8"))
    texts = [then.content for one, then in pairwise(tokens) if one.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def nowhere(page: Path, target: str) -> bool:
    """Whether a link of a page leads to no file of ours, or to no heading of it."""
    path, _, anchor = target.partition("#")
    there = (page.parent / path) if path else page
    return not there.exists() or bool(anchor and anchor not in headings(there))


def mistakes(text: str) -> list[str]:
    """Foreign links, DOIs and numbers of preprints that cannot be right."""
    foreign = [target for target in links(text) if "://" in target]
    bad = [target for target in foreign if not target.startswith("https://") and not own(target)]
    bad += [found[0] for found in ARXIV.finditer(text) if not NUMBER.fullmatch(found["number"])]
    names = (found["name"].rstrip(".,;") for found in DOI.finditer(text))
    return bad + [name for name in names if not NAME.fullmatch(name)]


def own(target: str) -> bool:
    """A service on the reader's own host."""
    return re.match(r"http://(127\.0\.0\.1|HOST)[:/]", target) is not None


@pytest.mark.parametrize("page", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_beside_the_site_leads_somewhere(page: Path) -> None:
    inside = [link for link in links(page.read_text(encoding="utf-8")) if "://" not in link]
    assert not [link for link in inside if nowhere(page, link)]


@pytest.mark.parametrize("target", ["docs/none.md", "#nowhere", "CONTRIBUTING.md#nowhere"])
def test_a_link_to_nowhere_is_found(target: str) -> None:
    assert nowhere(ROOT / "README.md", target)


def test_foreign_links_and_numbers_of_papers_have_their_form() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEXTS}
    texts |= {path: path.read_text(encoding="utf-8") for path in ROOT.glob("*.cff")}
    assert not {str(path): bad for path, text in texts.items() if (bad := mistakes(text))}


def test_a_foreign_page_has_one_address() -> None:
    found = {link for path in TEXTS for link in links(path.read_text(encoding="utf-8"))}
    foreign = sorted(link.partition("#")[0] for link in found if "://" in link)
    plain = {re.sub(r"^https?://(www\.)?|/$|\.html$", "", link): link for link in foreign}
    assert sorted(plain.values()) == sorted(set(foreign))


@pytest.mark.parametrize(
    "text",
    [
        "[x](http://example.org/a)",
        "arXiv:2113.01234",
        "arXiv:221.09725",
        "doi: 11.1103/PhysRevLett.130.071002",
        "<https://doi.org/PhysRevLett.130.071002>",
    ],
)
def test_a_mistake_in_a_source_is_found(text: str) -> None:
    assert mistakes(text)


class Answers(BaseHTTPRequestHandler):
    """One page with one heading, and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/here" else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b'<h1 id="top">here</h1>')

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_make_links_finds_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    at = f"http://localhost:{server.server_port}"
    targets = [f"{at}/here#top", f"{at}/here#none", f"{at}/gone", "http://127.0.0.1:1/"]
    text = "\n".join(f"- [x]({target})" for target in targets)
    (tmp_path / "index.md").write_text(f"# Index\n\n{text}\n")
    shutil.copy(ROOT / "docs" / "conf.py", tmp_path)
    monkeypatch.setenv("NO_PROXY", "localhost")
    try:
        line = [sys.executable, "-m", "sphinx", "-q", "-b", "linkcheck"]
        done = subprocess.run(
            [*line, str(tmp_path), str(tmp_path / "out")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert done.returncode
    told = (tmp_path / "out" / "output.txt").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\[broken\] \w+://localhost:\d+(/[\w#]+)", told)) == [
        "/gone",
        "/here#none",
    ], told
    assert "127.0.0.1" not in told
