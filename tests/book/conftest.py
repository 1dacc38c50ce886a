"""The rendered book as tests see it: its pages, a server, and one visit a page."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "web" / "site"
PAGES = sorted(path.name for path in SITE.glob("*.html") if path.stem not in ("genindex", "search"))


def pytest_generate_tests(metafunc):
    if "page_name" in metafunc.fixturenames:
        missing = pytest.mark.skip(reason="the book is not rendered yet: run `make site`")
        names = PAGES or [pytest.param("index.html", marks=missing)]
        metafunc.parametrize("page_name", names, scope="session")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address():
    """Serve the site on this machine and return where."""
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
