"""Damaged and hostile files for every reader of the package, drawn by hypothesis.

A case starts from a good file and changes it in a few places, or is noise from the first byte on.
Files that carry a header of their own length are also changed within it, so that the change gets
past the first check. Whatever comes out, a reader returns something usable or raises the package's
own error; everything else counts as a defect.
"""

import contextlib
import signal
import time
from pathlib import Path

import hypothesis
from hypothesis import strategies

from bytecover_lite.errors import BytecoverError
from tests.fuzz_targets import TARGETS

TOKENS = [
    *(b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\\", b"\\u0000", b"\\ud800"),
    *(b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"9" * 30, b"0.5", b"true", b"null", b"''"),
    *(b"[]", b"{}", b"[", b"{" * 50, b"\x80\x04", b"PK\x03\x04", b"../", b"1" * 5000),
]
HANG = 30  # s that one case may take


def change(data, edits):
    """Apply edits to bytes; places are taken modulo the length."""
    data = bytearray(data)
    for kind, place, length, token in edits:
        start = place % (len(data) + 1)
        if kind == "cut":
            del data[start:]
        elif kind == "flip" and data:
            data[start % len(data)] ^= 1 + length % 255
        elif kind == "insert":
            data[start:start] = token
        elif kind == "replace":
            data[start : start + length % 16] = token
        elif kind == "delete":
            del data[start : start + 1 + length % 64]
        elif kind == "copy":
            other = length * 31 % (len(data) + 1)
            data[start:start] = data[other : other + 64]
    return bytes(data)


def edits():
    """Draw a few edits."""
    kinds = strategies.sampled_from(["cut", "flip", "insert", "replace", "delete", "copy"])
    tokens = strategies.sampled_from(TOKENS) | strategies.binary(max_size=6)
    one = strategies.tuples(
        kinds, strategies.integers(0, 2**20), strategies.integers(0, 2**12), tokens
    )
    return strategies.lists(one, min_size=1, max_size=4)


def cases(good, framed):
    """Draw contents of the file."""
    damaged = edits().map(lambda drawn: change(good, drawn))
    if framed:
        end = 8 + int.from_bytes(good[:8], "little")

        def in_header(drawn):
            header = change(good[8:end], drawn)
            return len(header).to_bytes(8, "little") + header + good[end:]

        damaged = damaged | edits().map(in_header) | edits().map(in_header)
    return damaged | damaged | damaged | strategies.binary(max_size=300)


def fuzz(target, scratch, count):
    """Try ``count`` cases.

    Returns
    -------
    dict
        ``cases``, how many were ``used`` and ``refused``, the ``slowest`` [s], and ``defects``: the
        first few cases that ended in something else than the package's error.
    """
    folder = Path(scratch)
    target.make(folder)
    file = folder / target.file
    good = file.read_bytes()
    pristine = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {"cases": 0, "used": 0, "refused": 0, "slowest": 0.0, "defects": []}

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases(good, target.framed))
    def attempt(data):
        for path, content in pristine.items():  # a reader that resumes changes other files
            if path != file and (not path.exists() or path.read_bytes() != content):
                path.write_bytes(content)
        file.write_bytes(data)
        start = time.perf_counter()
        try:
            with _limited(HANG):
                target.read(folder)
            found["used"] += 1
        except BytecoverError:
            found["refused"] += 1
        except (Exception, Hang) as error:
            found["defects"].append(f"{type(error).__name__}: {error}"[:200])
        found["slowest"] = max(found["slowest"], time.perf_counter() - start)
        found["cases"] += 1

    target.make(folder)
    _read_good(target, folder)
    attempt()
    found["n_defects"] = len(found["defects"])
    return found | {"slowest": round(found["slowest"], 3), "defects": found["defects"][:5]}


def _read_good(target, folder):
    """Make sure that the good file is read: else every case would be refused for another reason."""
    target.read(folder)


class Hang(BaseException):
    """What the clock raises in a reader that does not come to an end."""


@contextlib.contextmanager
def _limited(seconds):
    """Interrupt the body after some time, on systems with such a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number, frame):
        raise Hang(f"more than {seconds} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def measure(scratch, share=1.0):
    """Fuzz every reader.

    Parameters
    ----------
    scratch : Path
    share : float
        Of the cases of each target.

    Returns
    -------
    dict
        ``n_cases``, ``n_defects``, ``seconds`` and, by reader, what :func:`fuzz` returns.
    """
    readers, start = {}, time.perf_counter()
    for number, (name, target) in enumerate(TARGETS.items()):
        folder = scratch / str(number)
        folder.mkdir()
        readers[name] = fuzz(target, folder, max(1, int(share * target.cases)))
    return {
        "n_cases": sum(one["cases"] for one in readers.values()),
        "n_defects": sum(one["n_defects"] for one in readers.values()),
        "seconds": round(time.perf_counter() - start, 1),
        "readers": readers,
    }
