"""Archives of recordings, unpacked whole or not at all (chapter "Full scale").

Everything in an archive is somebody else's claim: names that lead out of the target folder, links
and devices are refused before the first byte is written.
"""

import contextlib
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from .errors import BytecoverError

LARGEST_BYTES = 100 * 2**30
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    UnicodeDecodeError,  # the names in a zip archive
)


class ArchiveError(BytecoverError):
    """An archive that cannot or must not be unpacked."""


def unpack(archive, folder, *, largest=LARGEST_BYTES):
    """Unpack a tar or zip archive into a new folder; one that is there already is kept.

    Parameters
    ----------
    archive : path-like
        tar (also gz, bz2, xz) or zip.
    folder : path-like
        Where to; it appears when everything is in it.
    largest : int
        Refuse more bytes than this.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    ArchiveError
        If it is no archive or a damaged one, holds a link, a device, a name that leads out of the
        folder or the same name twice, or too much; or the disk is full. Nothing is left behind.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.is_dir():
        return folder
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with _open(archive) as members:
            _check(archive, members, largest)
            for name, _, _, read in members:
                _write(partial, name, read)
        partial.mkdir(parents=True, exist_ok=True)
        os.replace(partial, folder)
    except (*DAMAGED, EOFError, OSError, RuntimeError, LookupError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArchiveError(f"{archive}: cannot be unpacked ({reason}); get it again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _open(archive):
    """Yield the members of an archive: name, size, whether an ordinary file, how to open it."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield [
                (info.filename, info.file_size, _is_plain(info), lambda info=info: file.open(info))
                for info in file.infolist()
                if not info.is_dir()
            ]
        return
    with tarfile.open(archive) as file:
        members = [
            (info.name, info.size, info.isreg(), lambda info=info: file.extractfile(info))
            for info in file
            if not info.isdir()
        ]
        while file.fileobj.read(1 << 20):  # to the checksum at the end
            pass
        yield members


def _is_plain(info):
    """Tell whether a member of a zip archive is a file, not a link."""
    kind = info.external_attr >> 28
    return kind in (0, 8)


def _check(archive, members, largest):
    seen = set()
    for name, _, plain, _ in members:
        place = PurePosixPath(name)
        parts = place.parts
        wild = place.is_absolute() or ".." in parts or not parts or "\\" in name or ":" in parts[0]
        if wild or "\0" in name:
            raise ArchiveError(
                f"{archive}: its member {name!r} would be written outside of the target folder; "
                "do not trust this archive"
            )
        if not plain:
            raise ArchiveError(f"{archive}: its member {name!r} is a link or device, not a file")
        if place in seen:
            raise ArchiveError(f"{archive}: its member {name!r} is there twice")
        seen.add(place)
    total = sum(size for _, size, _, _ in members)
    if total > largest:
        raise ArchiveError(f"{archive}: {total} bytes unpacked, {largest} are allowed")


def _write(folder, name, read):
    target = folder / PurePosixPath(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with read() as source, target.open("xb") as file:
        shutil.copyfileobj(source, file)
