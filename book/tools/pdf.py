"""Print the whole book to one PDF, ``web/bytecover.pdf``.

The executed pages (``execute.py``) are joined to one page, and headless Chromium prints it: with
every fold open, a table of contents as bookmarks and links that lead from chapter to chapter.
Players stay on the site; on paper their captions say where to listen.

Command: ``python book/tools/pdf.py``; needs Chromium.
"""

import shutil
from pathlib import Path

from render import jupyter_book

ROOT = Path(__file__).resolve().parents[2]
WORK, TARGET = ROOT / "build" / "print", ROOT / "web" / "bytecover.pdf"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_UNFOLD = """() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    return window.MathJax ? MathJax.startup.promise.then(() => null) : null;
}"""
_FOOT = (
    '<div style="width: 100%; font-size: 8px; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def join():
    """Join the executed pages to a single one.

    Returns
    -------
    Path
        The page; its pictures and styles lie beside it.
    """
    if jupyter_book(WORK, "--builder", "singlehtml"):
        raise SystemExit("the pages could not be joined")
    return WORK / "_build" / "singlehtml" / "index.html"


def print_page(page, target):
    """Print a page to a PDF.

    Parameters
    ----------
    page : Path
        An HTML file.
    target : Path
        Where the PDF goes, as one step.
    """
    from playwright.sync_api import sync_playwright

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        tab = chromium.new_page(color_scheme="light")
        tab.goto(page.resolve().as_uri(), wait_until="load")
        tab.evaluate(_UNFOLD)
        tab.pdf(
            path=partial,
            format="A4",
            margin=dict.fromkeys(("top", "bottom", "left", "right"), "18mm"),
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOT,
            outline=True,
            tagged=True,
        )
        chromium.close()
    partial.replace(target)


def browser():
    """Return the installed Chromium."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise SystemExit("no Chromium is installed (apt-get install chromium)")
    return found


if __name__ == "__main__":
    print_page(join(), TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")
