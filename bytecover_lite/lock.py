"""One writer at a time (chapter "Training").

The operating system holds the lock and drops it when the process ends, however it ends, so there is
no stale lock to detect and no clock or process number to trust.
"""

import os
import socket
from pathlib import Path

from .errors import BytecoverError


class LockError(BytecoverError):
    """Another process is writing to the same place."""


class Lock:
    """An exclusive lock on the file ``path``, held until :meth:`close` or the process's end.

    Parameters
    ----------
    path : path-like
        Made for the purpose and removed again; its text names the holder.

    Raises
    ------
    LockError
        If somebody holds the lock.
    OSError
        If the file cannot be made, or its file system has no locks.
    """

    def __init__(self, path):
        self._path = Path(path)
        while True:
            self._file = self._path.open("a+", encoding="utf-8")
            if not _try_lock(self._file):
                self._file.close()
                raise LockError(
                    f"{self._path.parent}: another writer is at work{_read_holder(self._path)}; "
                    "wait until it has finished or give another directory"
                )
            if _is_current(self._file, self._path):
                break
            self._file.close()  # the former holder removed it between opening and locking
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def close(self):
        """Give the lock back."""
        if os.name != "nt":  # Windows does not remove an open file: there it stays, unlocked
            self._path.unlink(missing_ok=True)
        self._file.close()


def _try_lock(file):
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 30)  # a byte behind the text, which others may thus still read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_current(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read_holder(path):
    try:
        return f" ({path.read_text(encoding='utf-8')})"
    except OSError:
        return ""
