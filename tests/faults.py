"""A full disk, a target that cannot be written, two runs at once, clocks that jump.

As root on Linux the disk is a small file system in memory. Elsewhere a limit on the size of files
stands for the full disk, and a directory without the permission to write for the read-only one.
"""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time

from tests import jobs

SHARES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)  # of the space that a run needs
NOBODY = 65534


def measure(scratch):
    """Disturb runs of every kind.

    Returns
    -------
    dict
        For each fault: how it was made, ``runs``, how many were ``refused_by_name``, and how many
        ended ``identical`` to an undisturbed run, after the cause was removed where it was one that
        stops; ``half_visible``, in how many a reader saw something broken in between;
        ``otherwise``, what runs said that were not refused by name.
    """
    jobs.prepare(scratch)
    scratch.chmod(0o755)
    expected = {}
    for kind in jobs.KINDS:
        assert jobs.start(kind, scratch, scratch / kind).begun().outcome() == "done"
        expected[kind] = jobs.result(kind, scratch / kind)
    return {
        fault.__name__.lstrip("_"): fault(scratch, expected)
        for fault in (_disk_full, _read_only, _two_at_once, _clock_jumps)
    }


def _disk_full(scratch, expected):
    found = _empty("a file system in memory" if _can_mount(scratch) else "a limit on file sizes")
    for kind in jobs.KINDS:
        files = [path for path in (scratch / kind).rglob("*") if path.is_file()]
        sizes = [path.stat().st_size for path in files]
        for share in SHARES:
            with _target(scratch) as (disk, mounted):
                out = disk / "out"
                if mounted:
                    _mount(disk, f"size={int(share * sum(sizes)) // 4096 * 4096 + 8192}")
                    said = jobs.start(kind, scratch, out).begun().outcome()
                else:
                    limit = int(share * max(sizes))
                    said = jobs.start(kind, scratch, out, _limit_files, limit).begun().outcome()
                _note(found, kind, out, said, ("No space left", "File too large"))
                if mounted:
                    _mount(disk, "size=256m", again=True)
                _finish(found, kind, scratch, out, expected)
    return found


def _read_only(scratch, expected):
    """Make the directory above the target, then a half-made target, impossible to write."""
    mounts = _can_mount(scratch)
    found = _empty("a file system without writing" if mounts else "directories without permission")
    for kind in jobs.KINDS:
        for begun in (False, True):
            with _target(scratch) as (disk, mounted):
                out = disk / "out"
                if mounted:
                    _mount(disk, "size=256m")
                if begun:
                    run = jobs.start(kind, scratch, out).begun()
                    time.sleep(0.1)
                    run.process.kill()
                    run.outcome()
                if mounted:
                    _mount(disk, "ro", again=True)
                    said = jobs.start(kind, scratch, out).begun().outcome()
                else:
                    _set_modes(disk, 0o555, 0o444)
                    said = jobs.start(kind, scratch, out, _be_nobody).begun().outcome()
                _note(found, kind, out, said, ("Permission denied", "Read-only"))
                if mounted:
                    _mount(disk, "rw", again=True)
                else:
                    _set_modes(disk, 0o755, 0o644)
                _finish(found, kind, scratch, out, expected)
    return found


def _two_at_once(scratch, expected):
    """Start a second run while the first one has the lock and stands still."""
    found = _empty("a second process on the same target")
    for kind in jobs.KINDS:
        out = scratch / f"{kind}.twice"
        first = jobs.start(kind, scratch, out).begun()
        _stop_with_the_lock(first.process, out / "lock")
        said = jobs.start(kind, scratch, out).begun().outcome()
        os.kill(first.process.pid, signal.SIGCONT)
        _note(found, kind, out, said, ("another writer is at work",), look=False)
        assert first.outcome() == "done"
        found["identical"] += jobs.result(kind, out) == expected[kind]
    return found


def _stop_with_the_lock(process, lock):
    """Stop a process at a moment at which it holds the lock: its name is in the file."""
    while True:
        assert process.is_alive(), "it ended before the second one could begin"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.01)
        if lock.is_file() and lock.read_text(encoding="utf-8").startswith("process"):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.001)


def _clock_jumps(scratch, expected):
    """Run under a clock that jumps by years, then again with files from the past and future."""
    found = _empty("time.time that jumps by years at every call, and dates of files")
    for kind in jobs.KINDS:
        for dates in ((0, 0), (2**32, 2**32)):
            out = scratch / f"{kind}.{dates[0]}"
            said = jobs.start(kind, scratch, out, _jump).begun().outcome()
            assert said == "done", said
            for path in [*out.rglob("*"), *(scratch / "music").iterdir()]:
                os.utime(path, dates)
            found["runs"] += 1
            _finish(found, kind, scratch, out, expected)
    return found | {"refused_by_name": None}  # nothing to refuse


def _empty(how):
    counts = dict.fromkeys(("runs", "refused_by_name", "half_visible", "identical"), 0)
    return {"how": how, **counts, "otherwise": []}


def _note(found, kind, out, said, reasons, *, look=True):
    """Count how a disturbed run ended, and what a reader sees of it."""
    found["runs"] += 1
    named = any(reason in said for reason in reasons) and "\n" not in said
    found["refused_by_name"] += named
    if not named:
        found["otherwise"].append(f"{kind}: {said}"[:300])
    if look:
        try:
            jobs.check_visible(kind, out)
        except Exception:
            found["half_visible"] += 1


def _finish(found, kind, scratch, out, expected):
    done = jobs.start(kind, scratch, out).begun().outcome() == "done"
    found["identical"] += done and jobs.result(kind, out) == expected[kind]


@contextlib.contextmanager
def _target(scratch, *, mount=True):
    """Give an empty directory, and whether a file system may be mounted there."""
    disk = scratch / "disk"
    disk.mkdir()
    mounted = mount and _can_mount(scratch)
    try:
        yield disk, mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=False, capture_output=True)
        shutil.rmtree(disk)


def _mount(disk, options, *, again=False):
    options = f"remount,{options}" if again else options
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    subprocess.run(command, check=True, capture_output=True)


def _can_mount(scratch):
    if not hasattr(os, "geteuid") or os.geteuid() or not shutil.which("mount"):
        return False
    trial = scratch / "trial"
    trial.mkdir(exist_ok=True)
    try:
        _mount(trial, "size=64k")
    except subprocess.CalledProcessError:
        return False
    subprocess.run(["umount", str(trial)], check=True, capture_output=True)
    return True


def _limit_files(size):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error instead of the end
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _be_nobody():
    """Give up the rights of root, whom no permission stops."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _set_modes(folder, directory_mode, file_mode):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(directory_mode if path.is_dir() else file_mode)


def _jump():
    """Let the clock be wrong by up to thirty years, in both directions, at every look."""
    import random

    rng, real = random.Random(0), time.time
    time.time = lambda: real() + rng.uniform(-1e9, 1e9)
