"""What was found, for a terminal, a program or a listener (chapter "Your own music").

Names of files are anybody's text: they may hold tags, line breaks or bytes that are no text. None
of them reaches a terminal or a page as it is.
"""

import html
import json

import numpy as np

from .audio import SAMPLE_RATE, stream_audio
from .files import replace_file
from .notebook import player

SECONDS = 15.0  # of each player
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; media-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
figcaption {{ overflow-wrap: anywhere; }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: 0 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{query}
<ol>
{matches}
</ol>
</body>
</html>
"""


def printable(text):
    """Return text on one line, with everything that is no visible character escaped.

    Parameters
    ----------
    text : str
        May hold control characters, and bytes of a path as ``os.fsdecode`` keeps them.

    Returns
    -------
    str
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in str(text)
    )


def to_json(value):
    """Return JSON (ASCII) of what a command found."""
    return json.dumps(value, indent=1, allow_nan=False)


def format_match(match):
    """Return what is known of a match, in words.

    Parameters
    ----------
    match : dict
        Fields of :class:`bytecover_lite.comparison.Match`.

    Returns
    -------
    dict of str to str
    """
    probability = match["probability"]
    return {
        "distance": f"{match['distance']:.3f}",
        "same work?": "not calibrated" if probability is None else f"{probability:.1%}",
        "key": f"{match['semitones']:+d}",
        "tempo": f"{match['tempo'] - 1:+.0%}",
        "at": f"{_clock(match['start'])} / {_clock(match['other_start'])}",
    }


def format_matches(matches):
    """Return an aligned table of ranked matches.

    Parameters
    ----------
    matches : list of dict
        As :meth:`bytecover_lite.library.Library.find` returns them.

    Returns
    -------
    str
    """
    lines = [f"{'':>4}{'distance':>9}{'same work?':>15}{'key':>5}{'tempo':>7}  {'at':<15}recording"]
    for rank, match in enumerate(matches, 1):
        told = format_match(match)
        copies = f" (and {len(match['copies'])} copies)" if match["copies"] else ""
        lines.append(
            f"{rank:>4}{told['distance']:>9}{told['same work?']:>15}{told['key']:>5}"
            f"{told['tempo']:>7}  {told['at']:<15}{printable(match['path'])}{copies}"
        )
    return "\n".join(lines)


def write_page(path, query, matches):
    """Write a page to listen to what was found; it holds its sounds and asks for nothing else.

    Parameters
    ----------
    path : path-like
        The html file.
    query : path-like
        The recording that was searched with.
    matches : list of dict
        As :meth:`bytecover_lite.library.Library.find` returns them.

    Raises
    ------
    AudioError
        If a recording can no longer be read.
    OSError
        If the page cannot be written.
    """
    items = []
    for match in matches:
        facts = "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>"
            for name, value in format_match(match).items()
        )
        items.append(f"<li>{_player(match['path'], match['other_start'])}<dl>{facts}</dl></li>")
    start = matches[0]["start"] if matches else 0.0
    page = _PAGE.format(
        title="What resembles " + html.escape(printable(query)),
        query=_player(query, start),
        matches="\n".join(items),
    )
    replace_file(path, page.encode("utf-8"))


def _player(path, start):
    """Return a player of the passage that begins at ``start`` seconds."""
    first, wanted = int(start * SAMPLE_RATE), int(SECONDS * SAMPLE_RATE)
    parts, position = [], 0
    for block in stream_audio(path):
        parts.append(block[max(0, first - position) :])
        position += len(block)
        if position >= first + wanted:
            break
    sound = np.concatenate(parts)[:wanted]
    sound = sound / max(1.0, float(np.abs(sound).max(initial=0)))
    caption = f"{printable(path)}, from {_clock(start)}"
    return player(sound, caption=caption, seconds=SECONDS)._repr_html_()


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
