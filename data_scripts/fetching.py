"""Recordings from the web, one after the other, by yt-dlp.

What the terms of a site and the law of your country allow is for you to find out: the script does
what you ask it, on your responsibility, and slowly. A recording that is gone is written down in
``dead.csv`` and not asked for again; what was fetched is kept; a run that ends early is continued
by the same command.
"""

import csv
import re
import time
from pathlib import Path

from finish import SetError, recordings

from bytecover_lite.downloads import DownloadError, check_address

ATTEMPTS = 3
WAIT_SECONDS = 60.0
REFUSED_IN_A_ROW = 10
MEGABYTES_EACH = 3.8  # assumption: four minutes at 128 kbit/s
_ID = re.compile(r"(?:[?&]v=|youtu\.be/|/embed/|^)([\w-]{11})(?:[&?#]|$)")
_NAME = re.compile(r"^\[[\w:.-]+\] \S+: ")  # of the video, which may hold any digits and words
_VERSION = re.compile(r"[^./\\][^/\\]*")
_BUSY = re.compile(
    r"HTTP Error (?:429|5\d\d)|too many requests|not a bot|rate.?limit|try again"
    r"|service (?:is )?(?:currently )?unavailable|temporarily unavailable|requested format"
    r"|download video data: HTTP Error 403|not available on this app",  # yt-dlp, not the video
    re.IGNORECASE,
)
_DEAD = re.compile(
    r"unavailable|not available|private video|removed|terminated|no longer|does not exist"
    r"|HTTP Error (?:401|403|404|410|451)|confirm your age|members.only|copyright",
    re.IGNORECASE,
)


class Dead(Exception):
    """The recording is gone, or not for us."""


class Busy(Exception):
    """It did not work this time."""


def youtube_id(text):
    """Return the id in the address of a YouTube video, or in a bare id; "" if there is none."""
    found = _ID.search(text) if "youtu" in text or len(text) == 11 else None
    return found[1] if found else ""


def address_of(text):
    """Return where to fetch what a list names: an id, the address of a video, or of a file."""
    name = youtube_id(text)
    return f"https://www.youtube.com/watch?v={name}" if name else text


def by_ytdlp(address, stem):
    """Fetch the sound of one address with yt-dlp.

    Parameters
    ----------
    address : str
        https.
    stem : Path
        File to make, without its suffix.

    Raises
    ------
    Dead, Busy
    SetError
        If yt-dlp is not installed.
    """
    try:
        import yt_dlp
    except ImportError as error:
        raise SetError('yt-dlp is not installed: pip install "bytecover-lite[data]"') from error
    options = {
        "format": "bestaudio/best",
        "outtmpl": str(stem).replace("%", "%%") + ".%(ext)s",
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "noplaylist": True,
        "cachedir": False,
        "fixup": "never",
        "retries": 3,
        "logger": _Silence(),
    }
    try:
        check_address(address)
        with yt_dlp.YoutubeDL(options) as tool:
            tool.extract_info(address)
    except DownloadError as error:
        raise Dead(str(error)) from error
    except yt_dlp.utils.YoutubeDLError as error:
        plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # a terminal gets colours
        reason = " ".join(plain.split()).removeprefix("ERROR: ")
        raise (Dead if is_dead(reason) else Busy)(reason) from error


def is_dead(reason):
    """Tell whether what yt-dlp says means that a recording is gone for good.

    >>> is_dead("[youtube] dQw4w9WgXcQ: Private video"), is_dead("HTTP Error 503: Unavailable")
    (True, False)
    """
    said = _NAME.sub("", reason)
    return bool(_DEAD.search(said)) and not _BUSY.search(said)


class _Silence:
    def debug(self, message):
        """Say nothing: the error itself is reported."""

    warning = error = info = debug


def fetch(
    addresses,
    folder,
    *,
    per_minute=10.0,
    limit=None,
    again=False,
    by=by_ytdlp,
    sleep=time.sleep,
):
    """Fetch the recordings of a set that are not there yet.

    Parameters
    ----------
    addresses : dict
        Version: where its recording is. A version ``WORK_NUMBER`` goes to ``WORK/WORK_NUMBER``.
    folder : path-like
        For the recordings; ``dead.csv`` is beside them.
    per_minute : float
        At most so many.
    limit : int, optional
        Stop after so many.
    again : bool
        Ask for dead ones too.
    by : callable
        ``by(address, stem)`` fetches one, or raises :class:`Dead` or :class:`Busy`.
    sleep : callable

    Returns
    -------
    dict
        Version: why it is dead.

    Raises
    ------
    SetError
        If ten recordings in a row could not be fetched though they may be alive, a version cannot
        be the name of a file, or ``per_minute`` is not above 0.
    """
    from tqdm import tqdm

    _check(addresses, per_minute)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dead = {} if again else read_dead(folder / "dead.csv")
    there, refused = recordings(folder), []
    todo = [version for version in addresses if version not in there and version not in dead]
    bar = tqdm(todo[:limit], desc="fetch", unit="file", disable=None)
    for version in bar:
        began = time.monotonic()
        stem = folder / version.partition("_")[0] / version
        stem.parent.mkdir(exist_ok=True)
        try:
            _patiently(by, address_of(addresses[version]), stem, sleep)
            refused = []
        except Dead as error:
            dead[version], refused = str(error), []
            _append(folder / "dead.csv", (version, addresses[version], str(error)))
        except Busy as error:
            refused.append(str(error))
            if len(refused) == REFUSED_IN_A_ROW:
                raise SetError(
                    f"{len(refused)} recordings in a row could not be fetched, the last because "
                    f"{error}: wait some hours or update yt-dlp, then run the same command again"
                ) from error
        sleep(max(0.0, 60 / per_minute - (time.monotonic() - began)))
    return dead


def _check(addresses, per_minute):
    if not per_minute > 0:
        raise SetError(f"--per-minute is {per_minute:g}: give a number above 0")
    for version in addresses:
        if not _VERSION.fullmatch(version):
            raise SetError(
                f"version {version!r}: cannot be the name of a file; "
                "rename it, without slashes and a dot at its beginning"
            )


def _patiently(by, address, stem, sleep):
    for attempt in range(ATTEMPTS):
        try:
            return by(address, stem)
        except Busy:
            if attempt + 1 == ATTEMPTS:
                raise
            sleep(WAIT_SECONDS * 2**attempt)


def read_dead(path):
    """Return the versions of ``dead.csv`` and why they are dead; none if there is no such file."""
    if not Path(path).is_file():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        return {row[0]: row[2] for row in csv.reader(file) if len(row) == 3}


def _append(path, row):
    with open(path, "a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow(row)


def plan(addresses, folder, *, per_minute=10.0, limit=None, again=False):
    """Print what :func:`fetch` would do."""
    _check(addresses, per_minute)
    folder = Path(folder)
    there = recordings(folder) if folder.is_dir() else {}
    dead = {} if again else read_dead(folder / "dead.csv")
    count = len(list(addresses.keys() - there.keys() - dead.keys())[:limit])
    print(
        f"would fetch {count} of {len(addresses)} recordings ({len(there)} there, {len(dead)} dead)"
        f": about {count * MEGABYTES_EACH / 1000:.1f} GB if each is four minutes at 128 kbit/s, "
        f"at least {count / per_minute / 60:.1f} hours at {per_minute:g} a minute"
    )
