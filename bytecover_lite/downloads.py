"""Files from the network, whole or not at all (chapter "Full scale").

A download grows in ``NAME.partial`` and gets its name only after its length and checksum are right;
one that was interrupted goes on where it stood. Archives are in ``archives.py``.
"""

import contextlib
import email.utils
import errno
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from .errors import BytecoverError

BLOCK = 1 << 16
TIMEOUT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 600.0
GONE = (401, 403, 404, 410, 451)  # asking again does not help
OWN_MACHINE = ("127.0.0.1", "::1", "localhost")


class DownloadError(BytecoverError):
    """A file could not be downloaded; what is there of it will be used next time."""


class DeadLink(DownloadError):
    """The server says that the file is not there, or not for us."""


class WrongChecksum(DownloadError):
    """What came is not the file that was wanted."""


def download(address, path, *, sha256="", attempts=5, wait=1.0, sleep=time.sleep, progress=False):
    """Download a file over https; one that is there already is checked and kept.

    Parameters
    ----------
    address : str
        Where from; plain http is taken from the own machine only.
    path : path-like
        Where to.
    sha256 : str
        What the checksum must be, in hex. Default: not known, so that only the length is checked.
    attempts : int
        How often to try while the network or the server fails.
    wait : float
        Seconds before the second attempt; doubled each time. A server that says when to come again
        (``Retry-After``) is obeyed.
    sleep : callable
        Waits so many seconds.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    DeadLink
        If the server answers 401, 403, 404, 410 or 451.
    WrongChecksum
        If the file has another checksum; it is removed.
    DownloadError
        If the address is not https, all attempts fail, or the disk is full. What came stays in
        ``NAME.partial`` for the next run.
    """
    path = Path(path)
    check_address(address)
    if path.is_file():
        _check(path, path, sha256)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    for attempt in range(attempts):
        try:
            _transfer(address, partial, progress)
            break
        except _Interrupted as error:
            if attempt + 1 == attempts:
                raise DownloadError(
                    f"{address}: {error} ({attempts} attempts); run the same command later, "
                    "it goes on where it stood"
                ) from error
            sleep(min(LONGEST_WAIT_SECONDS, max(error.wait, wait * 2**attempt)))
    _check(partial, path, sha256)
    os.replace(partial, path)
    _note_of(partial).unlink(missing_ok=True)
    return path


def check_address(address):
    """Refuse an address that is not https.

    Raises
    ------
    DownloadError
        Unless the address is https, or http on the own machine.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in OWN_MACHINE):
        return
    raise DownloadError(f"{address}: only https is downloaded from; give such an address")


class _Interrupted(Exception):
    """The transfer broke off; it may be tried again after ``wait`` seconds."""

    def __init__(self, reason, wait=0.0):
        super().__init__(reason)
        self.wait = wait


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, address):
        check_address(address)
        return super().redirect_request(request, file, code, message, headers, address)


def _transfer(address, partial, progress):
    """Fetch what is missing of ``partial``."""
    there, stamp = _begun(partial)
    headers = {"User-Agent": "bytecover-lite", "Accept-Encoding": "identity"}
    if there:
        headers |= {"Range": f"bytes={there}-", "If-Range": stamp}
    request = urllib.request.Request(address, headers=headers)
    opener = urllib.request.build_opener(_CheckedRedirects)
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            _receive(answer, partial, there if answer.status == 206 else 0, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the partial file does not fit what is there now
            partial.unlink(missing_ok=True)
        elif error.code in GONE:
            raise DeadLink(f"{address}: the server answers {error.code} {error.reason}") from error
        after = _seconds(error.headers.get("Retry-After"))
        raise _Interrupted(f"the server answers {error.code} {error.reason}", after) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise _Interrupted(str(getattr(e, "reason", e)) or type(e).__name__) from e
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(
                f"{partial}: the disk is full; make room and run the same command again, "
                "it goes on where it stood"
            ) from error
        raise DownloadError(f"{partial}: cannot be written ({error.strerror or error})") from error


def _begun(partial):
    """Return how much of ``partial`` may be kept, and the server's stamp for that file."""
    note = _note_of(partial)
    if partial.is_file() and note.is_file():
        return partial.stat().st_size, note.read_text(encoding="utf-8")
    return 0, ""


def _note_of(partial):
    return partial.with_name(f"{partial.name}.stamp")


def _receive(answer, partial, there, progress):
    from tqdm import tqdm

    stamp = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    if stamp.startswith("W/"):  # says nothing about the bytes
        stamp = ""
    _note_of(partial).unlink(missing_ok=True)
    length = answer.headers.get("Content-Length")
    expected = there + int(length) if length else None
    with (
        partial.open("r+b" if there else "wb") as file,
        tqdm(
            total=expected,
            initial=there,
            desc=partial.stem,
            unit="B",
            unit_scale=True,
            disable=not progress,
        ) as bar,
    ):
        file.seek(there)
        if stamp:
            _note_of(partial).write_text(stamp, encoding="utf-8")
        while block := answer.read(BLOCK):
            file.write(block)
            bar.update(len(block))
        file.flush()
        os.fsync(file.fileno())
    found = partial.stat().st_size
    if expected is not None and found != expected:
        raise _Interrupted(f"broke off after {found} of {expected} bytes")


def _check(file, path, sha256):
    if not sha256:
        return
    with open(file, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256.lower():
        if file != path:  # what a user has put there himself is left alone
            file.unlink()
            _note_of(file).unlink(missing_ok=True)
        raise WrongChecksum(
            f"{path}: its sha256 is {found}, not {sha256}: it is another file or was damaged"
        )


def _seconds(text):
    """Return how long ``Retry-After`` (seconds or a date) asks to wait."""
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, float(text))
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0
