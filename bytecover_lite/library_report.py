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
# Nothing is run and nothing is fetched, whatever a name tried
POLICY = "default-src 'none'; media-src data:; style-src 'unsafe-inline'; form-action 'self'"
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
body {{ overflow-wrap: anywhere; }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: 0 1rem; }}
input[type=file] {{ display: block; width: 100%; box-sizing: border-box; padding: 3rem 1rem; }}
input[type=file] {{ border: 2px dashed #666; margin: 0.5rem 0 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
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
    probability, tempo = match["probability"], match["tempo"]
    return {
        "distance": f"{match['distance']:.3f}",
        "same work?": "not calibrated" if probability is None else f"{probability:.1%}",
        "key": f"{match['semitones']:+d}",
        "tempo": "?" if tempo is None else f"{tempo - 1:+.0%}",
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
    title = f"What resembles {query}"
    replace_file(path, format_page(title, format_players(query, matches)).encode("utf-8"))


def format_page(title, content):
    """Return a page.

    Parameters
    ----------
    title : str
        Any text.
    content : str
        Html.

    Returns
    -------
    str
    """
    title = html.escape(printable(title))
    return _PAGE.format(title=title, content=content, policy=html.escape(POLICY))


def format_players(query, matches, *, name=None):
    """Return players of a query and of what was found, with what is known of each.

    Parameters
    ----------
    query : path-like
    matches : list of dict
        As :meth:`bytecover_lite.library.Library.find` returns them.
    name : str, optional
        What to call the query; default: its path.

    Returns
    -------
    str
        Html.

    Raises
    ------
    AudioError
        If a recording can no longer be read.
    """
    items = []
    for match in matches:
        facts = "".join(
            f"<dt>{html.escape(fact)}</dt><dd>{html.escape(value)}</dd>"
            for fact, value in format_match(match).items()
        )
        sound = _player(match["path"], match["path"], match["other_start"])
        items.append(f"<li>{sound}<dl>{facts}</dl></li>")
    start = matches[0]["start"] if matches else 0.0
    found = "\n".join(items) or "<li>nothing: the library holds no other recording</li>"
    return f"{_player(query, query if name is None else name, start)}\n<ol>\n{found}\n</ol>"


def _player(path, name, start):
    """Return a player of the passage that begins at ``start`` seconds, under a name."""
    first, wanted = int(start * SAMPLE_RATE), int(SECONDS * SAMPLE_RATE)
    parts, position = [], 0
    for block in stream_audio(path):
        parts.append(block[max(0, first - position) :])
        position += len(block)
        if position >= first + wanted:
            break
    sound = np.concatenate(parts)[:wanted]
    sound = sound / max(1.0, float(np.abs(sound).max(initial=0)))
    caption = f"{printable(name)}, from {_clock(start)}"
    return player(sound, caption=caption, seconds=SECONDS)._repr_html_()


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
