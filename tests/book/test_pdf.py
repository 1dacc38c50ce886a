"""Laws of the printed book."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pdf
import render

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = """<!doctype html><html lang="en"><title>Two</title><style>{style}</style>
<body><article class="bd-article">
<h1>A book</h1>
<span id="document-first"></span><section><h2>First</h2>
<p>See <a href="#second">the next</a>.</p>
<details><summary>Solution</summary><p style="height: 200mm">long</p></details>
<details class="hide"><summary>Code</summary><p style="height: 2000mm">longer</p></details>
</section>
<span id="document-second"></span><section id="second"><h2>Second</h2>
<figure><figcaption>Listen.</figcaption><audio controls></audio></figure></section>
</article></body></html>"""


def print_page(page, target):
    """Print in a thread of its own, for another test's browser may hold this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(pdf.print_page, page, target).result()


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What a small book of two chapters is on paper."""
    folder = tmp_path_factory.mktemp("print")
    style = (BOOK / "assets" / "custom.css").read_text(encoding="utf-8")
    (folder / "page.html").write_text(PAGE.format(style=style), encoding="utf-8")
    print_page(folder / "page.html", folder / "book.pdf")
    return (folder / "book.pdf").read_bytes()


@pytest.mark.browser
def test_chapters_begin_pages_solutions_are_open_and_code_stays_away(printed):
    """The title, a solution with hardly any room beside it, the second chapter: three pages."""
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", printed)) == 3


@pytest.mark.browser
def test_chapters_are_bookmarks_and_links_lead_inside(printed):
    assert b"/Outlines" in printed
    assert b"/Title (First)" in printed and b"/Title (Second)" in printed
    assert b"/Subtype /Link" in printed and b"/URI" not in printed


@pytest.mark.browser
def test_nothing_half_printed_is_left(tmp_path):
    with pytest.raises(Exception, match="ERR_FILE_NOT_FOUND"):
        print_page(tmp_path / "absent.html", tmp_path / "book.pdf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pages_are_joined_in_the_order_of_the_contents(tmp_path, monkeypatch):
    for name in ("_config.yml", "references.bib", "index.md", "glossary.md", "bibliography.md"):
        shutil.copy(BOOK / name, tmp_path)
    shutil.copytree(BOOK / "assets", tmp_path / "assets")
    (tmp_path / "notation.md").write_text("# Words and symbols\n")
    for link in re.findall(r"\]\((\w+\.ipynb)\)", (BOOK / "glossary.md").read_text()):
        (tmp_path / Path(link).with_suffix(".md")).write_text("# A chapter\n")
    contents = ["format: jb-book", "root: index", "chapters:"]
    contents += [f"- file: {name}" for name in ("notation", "glossary", "bibliography")]
    (tmp_path / "_toc.yml").write_text("\n".join(contents))
    monkeypatch.setattr(render, "COPY", tmp_path)
    monkeypatch.setattr(pdf, "WORK", tmp_path / "work")
    text = pdf.join().read_text(encoding="utf-8")
    places = [text.find(f'id="document-{name}"') for name in ("notation", "glossary")]
    assert -1 not in places and places == sorted(places)
    assert "data:audio/mpeg" in text
