"""What every test shares: one thread, and reasons for what cannot run on this machine."""

import http.server
import os
import shutil
import threading

import pytest
import threadpoolctl
import torch

torch.set_num_threads(1)
threadpoolctl.threadpool_limits(1)
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # for the processes that tests start

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_OBSTACLES = {
    "gpu": None if torch.cuda.is_available() else "no CUDA device is visible",
    "browser": None if CHROMIUM else "no Chromium is installed (apt-get install chromium)",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for marker, obstacle in _OBSTACLES.items():
            if obstacle and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=obstacle))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Start the system's Chromium; Playwright's own build is not needed."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox"]}


class Source(http.server.ThreadingHTTPServer):
    """A web server on this machine that has some files and some bad days.

    ``files`` maps names to bytes; ``faults`` maps names to what goes wrong, one entry a request:
    a number is an answer of that status, ``("cut", n)`` breaks off after n bytes. ``asked`` lists
    the names and byte ranges of all requests.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.faults, self.asked, self.headers = {}, {}, [], {}
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        source, name = self.server, self.path.lstrip("/").split("?")[0]
        source.asked.append((name, self.headers.get("Range")))
        fault = source.faults.get(name, [])
        fault = fault.pop(0) if fault and body else None
        if isinstance(fault, int) or name not in source.files:
            self.send_response(fault or 404)
            for header, value in source.headers.get(name, {}).items():
                self.send_header(header, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        whole = source.files[name]
        stamp, start = f'"{hash(whole)}"', 0
        if self.headers.get("Range") and self.headers.get("If-Range", stamp) == stamp:
            start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", stamp)
        kinds = {"wav": "audio/wav", "mp3": "audio/mpeg"}
        self.send_header("Content-Type", kinds.get(name.rpartition(".")[2], "text/plain"))
        self.send_header("Content-Length", str(len(whole) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        if body:
            self.wfile.write(whole[start : start + fault[1]] if fault else whole[start:])
            self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def source():
    """A web server on this machine, see :class:`Source`."""
    server = Source()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
