"""Scores of the installed music21 corpus -> notes in quarters (chapter: your own corpus).

The tunes stay where the user installed them: this repository holds names of files, never notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytecover_lite.errors import BytecoverError

SCORE_DTYPE = np.dtype(
    [
        ("start", np.float64),  # quarters from the beginning
        ("duration", np.float64),  # quarters, > 0
        ("pitch", np.int16),  # MIDI number
        ("fermata", bool),
    ]
)


class ScoreError(BytecoverError):
    """A score that is not in the installed corpus, or music21 without its corpus."""


@dataclass(frozen=True, eq=False)
class Score:
    """What is written in one score, without grace notes.

    Parameters
    ----------
    title : str
        Empty when the file has none.
    voices : dict of str to np.ndarray [shape=(n,), dtype=SCORE_DTYPE]
        Notes of each voice in order of time; of a chord only the highest note.
    bars : np.ndarray [shape=(n,)]
        Where bars begin, in quarters.
    beat : float
        Quarters in a beat: 1.5 in 6/8.
    """

    title: str
    voices: dict[str, np.ndarray]
    bars: np.ndarray
    beat: float


def corpus_folder() -> Path:
    """Return the folder of the installed music21 corpus.

    Raises
    ------
    ScoreError
        If music21 is not installed, or is installed without its corpus.
    """
    try:
        import music21.corpus
    except ImportError as error:
        raise ScoreError(
            "music21 is not installed: run `pip install 'bytecover-lite[songbook]'`"
        ) from error
    folder = Path(music21.corpus.__file__).parent
    if not (folder / "bach").is_dir():
        raise ScoreError(f"{folder} has no scores: install music21 from PyPI, with its corpus")
    return folder


def read_score(file: str, number: int | None = None, *, unfold: bool = True) -> Score:
    """Read one score.

    Parameters
    ----------
    file : str
        Path below the corpus folder, such as ``"bach/bwv66.6.mxl"``.
    number : int, optional
        Reference number (``X:``) of a tune in an ABC file that holds many.
    unfold : bool
        Play repeats, each once; otherwise every bar comes once, as printed.

    Raises
    ------
    ScoreError
        If there is no such score in the installed corpus, or it has no notes.
    """
    path = _find(file)
    name = file if number is None else f"{file} number {number}"
    from music21 import converter
    from music21.exceptions21 import Music21Exception

    try:
        if number is None:  # no pickles: nothing is left in the user's temporary folder
            parsed = converter.parseFile(path, forceSource=True, storePickle=False)
        else:
            parsed = converter.parseData(tune_text(file, number), format="abc")
    except Music21Exception as error:
        raise ScoreError(f"music21 cannot read {name}: {error}") from error
    parts = {str(part.partName or ""): _bars(part) for part in parsed.parts}
    bars = max(parts.values(), key=len, default=[])
    if not any(len(bar.notes) for bar in bars):
        raise ScoreError(f"{name} has no notes: install the tested music21 (requirements.lock)")
    lengths = _lengths(parts.values())
    order = playing_order(len(bars), **_marks(bars)) if unfold else range(len(bars))
    voices = {voice: _notes(own, order, lengths) for voice, own in parts.items()}
    return Score(
        title=parsed.metadata.title or "",
        voices={voice: notes for voice, notes in voices.items() if len(notes)},
        bars=np.cumsum([0.0, *(lengths[i] for i in order)])[:-1],
        beat=_beat(parsed),
    )


def tune_text(file: str, number: int) -> str:
    """Return one tune of an ABC file of many, as text.

    Parameters
    ----------
    file : str
        Path below the corpus folder.
    number : int
        Reference number (``X:``).

    Raises
    ------
    ScoreError
        If there is no such file or tune.
    """
    text = _find(file).read_text(encoding="utf-8", errors="replace")
    found = re.search(rf"(?ms)^X:\s*0*{number}\s*$.*?(?=^X:|\Z)", text)
    if not found:
        raise ScoreError(f"{file} has no tune {number}: install the tested music21")
    return found[0]


def _find(file: str) -> Path:
    path = corpus_folder() / file
    if not path.is_file():
        raise ScoreError(f"{path} does not exist: install the tested music21 (requirements.lock)")
    return path


def playing_order(count: int, *, starts, ends, sections, firsts) -> list[int]:
    """Return the bars in the order they are played, each repeat once.

    Parameters
    ----------
    count : int
        Number of bars.
    starts, ends : set of int
        Bars that open and close a repeat.
    sections : set of int
        Bars after a double bar: a repeat that nothing opens goes back to the last of them.
    firsts : set of int
        Bars of first endings, left out the second time.
    """
    order, start, opened = [], 0, False
    for bar in range(count):
        if bar in starts or (bar in sections and not opened):
            start, opened = bar, bar in starts
        order.append(bar)
        if bar in ends:
            order += [again for again in range(start, bar + 1) if again not in firsts]
            start, opened = bar + 1, False
    return order


def _bars(part) -> list:
    return list(part.getElementsByClass("Measure"))


def _lengths(parts) -> list[float]:
    """Measure bars in quarters; where voices disagree, one has too many rests."""
    longest = max(map(len, parts))
    columns = [[own[i].highestTime for own in parts if i < len(own)] for i in range(longest)]
    return [float(min(column)) for column in columns]


def _marks(bars) -> dict[str, set[int]]:
    firsts, last = set(), {id(bar): i for i, bar in enumerate(bars)}
    for bracket in {b for bar in bars for b in bar.getSpannerSites("RepeatBracket")}:
        if 1 in bracket.numberRange:  # music21 notes an ending's first and last bar
            span = [last[id(bar)] for bar in bracket.getSpannedElements()]
            firsts.update(range(min(span), max(span) + 1))
    return {
        "starts": {i for i, bar in enumerate(bars) if _is(bar.leftBarline, "start")},
        "ends": {i for i, bar in enumerate(bars) if _is(bar.rightBarline, "end")},
        "sections": {i + 1 for i, bar in enumerate(bars) if _is(bar.rightBarline, "double")},
        "firsts": firsts,
    }


def _is(barline, kind: str) -> bool:
    """Tell whether a barline is a repeat of this direction, or of this type."""
    if barline is None:
        return False
    return getattr(barline, "direction", None) == kind or barline.type == kind


def _notes(bars, order, lengths) -> np.ndarray:
    """List a voice's notes bar by bar; tied notes become one."""
    rows, offset, tied = [], 0.0, False
    for index in order:
        for note in bars[index].flatten().notes if index < len(bars) else ():
            if note.duration.isGrace or not note.pitches:
                continue
            start, length = offset + float(note.offset), float(note.duration.quarterLength)
            pitch = max(p.midi for p in note.pitches)
            if tied and rows[-1][2] == pitch:
                rows[-1][1] = start + length - rows[-1][0]
            else:
                held = any("Fermata" in mark.classes for mark in note.expressions)
                rows.append([start, length, pitch, held])
            tied = note.tie is not None and note.tie.type in ("start", "continue")
        offset += lengths[index]
    return np.array([tuple(row) for row in rows], SCORE_DTYPE)


def _beat(parsed) -> float:
    signature = parsed.recurse().getElementsByClass("TimeSignature").first()
    return float(signature.beatDuration.quarterLength) if signature else 1.0
