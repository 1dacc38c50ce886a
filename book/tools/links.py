"""Check the book's links to other servers without asking any of them.

Only servers on a list are linked to, in the form that their addresses have, and a link to a file of
this project leads to a file that is there. Whether the servers still answer is asked once a week by
the workflow.

Command: ``python book/tools/links.py`` lists what is wrong.
"""

import json
import re
import urllib.parse
from pathlib import Path

import slug

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {
    "archives.ismir.net": r"/ismir\d{4}/paper/\d{6}\.pdf",
    "arxiv.org": r"/abs/\d{4}\.\d{5}",
    "colab.research.google.com": r"/github/[\w.-]+/[\w.-]+/blob/main/book/([\w-]+\.ipynb)?",
    "doi.org": r"/10\.\d{4,9}/\S+",
    "download.pytorch.org": r"/whl/cpu",
    "github.com": r"/[\w-]+/[\w.-]+(/(blob|tree|issues|actions)/?\S*)?",
    "kellerjordan.github.io": r"/posts/[\w-]+/",
    "labrosa.ee.columbia.edu": r"/projects/coversongs/covers80/?",
    "mtg.github.io": r"/[\w-]+/",
    "www.jmlr.org": r"/papers/v\d+/\w+\.html",
}
_LINK = re.compile(r"\bhttps?://[^\s<>\"'`{}|\\\]]+")


def pages():
    """Return the files whose links readers see."""
    book = ROOT / "book"
    found = [ROOT / "README.md", *book.glob("*.md"), *book.glob("*.ipynb"), *book.glob("*.bib")]
    return sorted(found)


def links(path):
    """Return the addresses of other servers in a file, in order.

    Parameters
    ----------
    path : Path
        A text file or a notebook, of which the cells' sources count.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return [_trimmed(link) for link in _LINK.findall(text)]


def problems(path):
    """Return what is wrong with the links of a file, one line each."""
    found = ((link, problem(link)) for link in links(path))
    return [f"{path.name}: {link} {wrong}" for link, wrong in found if wrong]


def problem(link):
    """Return what is wrong with a link, None if nothing is."""
    parts = urllib.parse.urlsplit(link)
    own = f"/{slug.current()}"
    if parts.scheme != "https":
        return "is not https"
    if link.startswith(slug.site(slug.current())):
        return None
    if parts.netloc not in SERVERS:
        return "leads to a server that is not on the list in book/tools/links.py"
    if not re.fullmatch(SERVERS[parts.netloc], parts.path):
        return f"is not of the form {SERVERS[parts.netloc]}"
    inside = re.match(rf"{re.escape(own)}/(?:blob|tree)/main/(.+)", parts.path)
    if inside and not (ROOT / inside[1]).exists():
        return "leads to a file of this project that is not there"
    return None


def _trimmed(link):
    """Cut what belongs to the sentence: brackets that were not opened, full stops."""
    link = link.rstrip(".,;:!*")
    while link.endswith(")") and link.count("(") < link.count(")"):
        link = link[:-1].rstrip(".,;:!*")
    return link


if __name__ == "__main__":
    wrong = [line for path in pages() for line in problems(path)]
    print("\n".join(wrong) or "every link leads where it may")
    raise SystemExit(bool(wrong))
