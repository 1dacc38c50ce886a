"""Accompaniment and drum patterns as text (chapter: your own corpus).

One string is one bar. Its characters are evenly spaced: ``X`` strong chord, ``x`` chord, ``o`` soft
chord, a digit one voice of the chord (0 lowest; in a bass 0 root, 1 third, 2 fifth, 3 octave,
4 step into the next chord), ``.`` nothing new. A note lasts until the pattern's next one.
"""

from __future__ import annotations

import functools

import numpy as np

ACCENTS = {"X": 1.0, "x": 0.78, "o": 0.55}
CHORD_VOICE = -1

# name -> (4/4, 3/4, 6/8)
COMPING = {
    "whole": ("X...", "X..", "X.."),
    "halves": ("X.x.", "X.x", "X.x"),
    "quarters": ("Xxxx", "Xxx", "X..x.."),
    "eighths": ("XxxxXxxx", "XxXxxx", "XxxXxx"),
    "sixteenths": ("XoxoXoxoXoxoXoxo", "XoxoXoxoXoxo", "XoxoxoXoxoxo"),
    "backbeat": (".X.X", ".Xx", "...X.."),
    "offbeat": (".x.x.x.x", "..x.x.", ".xx.xx"),
    "skank": ("..X...X.", "..X.X.", "..X..X"),
    "strum": ("X.x.xx.xX.x.xx.x", "X.x.xxx.xx.x", "X.xxX.xxX.xx"),
    "strum slow": ("X..xx.xx", "X.xxx.", "X.xX.x"),
    "folk strum": ("0.X.2.X.", "0.X.X.", "0.X2.X"),
    "travis": ("0.2.1.3.0.2.3.1.", "0.2.1.3.2.1.", "0.21.30.2.13"),
    "arpeggio up": ("01230123", "012321", "012321"),
    "arpeggio": ("0.1.2.3.4.3.2.1.", "0.1.2.3.2.1.", "01234321.1.2"),
    "alberti": ("02120212", "021212", "021021"),
    "broken": ("0.121.3.", "0.1.2.", "0.12.1"),
    "waltz": ("0.x.x.x.", "0xx", "0.x.x."),
    "stride": ("0.X.2.X.", "0.X.X.", "0.X2.X"),
    "charleston": ("X..x....", "X..x..", "X..x.."),
    "jazz comp": ("..x..x...x......", "..x..x......", "..x..x"),
    "jazz comp b": ("X.....x.....x...", "X....x..x...", "X....x"),
    "bossa": ("x..x..x...x..x..", "x..x..x..x..", "x..x.x"),
    "montuno": ("X.xx.xx.xx.xx.x.", "X.xx.xx.xx.x", "X.xx.x"),
    "funk": ("X..x..x.o.x..xo.", "X..x..x.o.x.", "X..x.o"),
    "stab": ("X.....x.........", "X....x......", "X....x"),
    "push": ("X.....X...X.....", "X.....X.....", "X..X.."),
    "chug": ("X.xxX.xxX.xxX.xx", "X.xxX.xxX.xx", "XxxXxx"),
    "power": ("XxxxXxxx", "Xxxxxx", "XxxXxx"),
    "trance": ("x..x..x..x..x.x.", "x..x..x..x..", "x.x.x."),
    "house": ("X..X..X...X..X..", "X..X..X..X..", "X..X.x"),
    "sequence": ("0213021302130213", "021302130213", "021302"),
    "gallop": ("X.xxX.xxX.xxX.xx", "X.xxX.xxX.xx", "X.xX.x"),
    "tremolo": ("xxxxxxxxxxxxxxxx", "xxxxxxxxxxxx", "xxxxxxxxxxxx"),
    "hymn": ("Xxxx", "Xxx", "X..x.."),
    "tango": ("X..xX.X.", "X..xX.", "X..xX."),
    "train": ("0oxo2oxo", "0ox2ox", "0ox2ox"),
}

BASSES = {
    "roots": ("0...", "0..", "0.."),
    "root fifth": ("0.2.", "0.2", "0.2"),
    "halves": ("0.0.", "0.2", "0.0"),
    "quarters": ("0020", "020", "0..2.."),
    "eighths": ("00000000", "000000", "000000"),
    "walk": ("0124", "014", "0.12.4"),
    "walk b": ("0213", "021", "0.21.3"),
    "rock": ("0..0.00.", "0..0.0", "0..0.0"),
    "push": ("0.....0...2.....", "0....0..2...", "0....2"),
    "syncopated": ("0..0..2...0..24.", "0..0..2...4.", "0..0.4"),
    "bossa": ("0..2..2.", "0..2..", "0..2.."),
    "tumbao": ("...2..3.", "...2.3", "...2.3"),
    "reggae": ("..0.0.2.", "..0.2.", "..0.2."),
    "one drop": ("0...0.12", "0...2.", "0..2.."),
    "octaves": ("03030303", "030303", "030303"),
    "off": (".0.0.0.0", ".0.0.0", ".0.0.0"),
    "sixteenths": ("0000000000000000", "000000000000", "000000000000"),
    "funk": ("0..0..3.0.0..2.4", "0..0..3.0..4", "0..0.3"),
    "boogie": ("0.1.2.1.", "0.1.2.", "0.12.1"),
    "pedal": ("0.......", "0.....", "0....."),
    "gallop": ("0.000.000.000.00", "0.000.000.00", "0.00.0"),
}

# General MIDI drums: 36 kick, 38 snare, 37 rim, 39 clap, 42 closed hat, 46 open hat, 44 pedal hat,
# 51 ride, 49 crash, 41/45/48 toms, 54 tambourine, 70 maracas, 56 cowbell, 63/64 congas, 75 claves.
GROOVES = {
    "rock": (
        {36: "X.....x.X.......", 38: "....X.......X...", 42: "XoxoXoxo"},
        {36: "X.....", 38: "..X.X.", 42: "xoxoxo"},
        {36: "X....x", 38: "...X..", 42: "xooxoo"},
    ),
    "rock b": (
        {36: "X.x...x...x.....", 38: "....X.......X...", 46: "XxXx"},
        {36: "X...x.", 38: "..X...", 46: "Xxx"},
        {36: "X.x..x", 38: "...X..", 51: "xooxoo"},
    ),
    "pop": (
        {36: "X......xX.x.....", 38: "....X.......X...", 42: "xoxoxoxoxoxoxoxo"},
        {36: "X...x.", 38: "..X.x.", 42: "xoxoxo"},
        {36: "X....x", 38: "...X..", 42: "xoxxox"},
    ),
    "four": (
        {36: "XXXX", 39: ".X.X", 46: ".x.x.x.x", 42: "oooooooooooooooo"},
        {36: "XXX", 39: ".XX", 42: ".x.x.x"},
        {36: "X..X..", 39: "...X..", 42: "oxooxo"},
    ),
    "house": (
        {36: "XXXX", 38: ".X.X", 46: ".X.X.X.X", 70: "xoxoxoxoxoxoxoxo"},
        {36: "XXX", 46: ".X.X.X"},
        {36: "X..X..", 46: "..X..X"},
    ),
    "breakbeat": (
        {36: "X.X.......X..X..", 38: "....X..o.o..X..o", 42: "XxXxXxXx"},
        {36: "X.X...X.....", 38: "....X..o.o..", 42: "xxxxxx"},
        {36: "X....x", 38: "...X.o", 42: "xxxxxx"},
    ),
    "trap": (
        {36: "X.....x...X.....", 38: "........X.......", 42: "xoxoxoxoxoxxxoxo"},
        {36: "X....x", 38: "....X.", 42: "xoxoxo"},
        {36: "X....x", 38: "...X..", 42: "xoxoxo"},
    ),
    "boom bap": (
        {36: "X..x...x..X.....", 38: "....X.......X...", 42: "XoXoXoXo"},
        {36: "X..x..", 38: "..X...", 42: "XoXoXo"},
        {36: "X....x", 38: "...X..", 42: "XoXXoX"},
    ),
    "swing": (
        {51: "x..x.xx..x.x", 44: ".x.x", 36: "o...", 38: ".....o......"},
        {51: "x..x.xx..", 44: ".xx", 36: "o.."},
        {51: "x.xx.x", 44: "...x..", 36: "o....."},
    ),
    "brushes": (
        {38: "oxox", 44: ".x.x", 36: "o.o."},
        {38: "oxx", 44: ".x.", 36: "o.."},
        {38: "oooxoo", 36: "o....."},
    ),
    "shuffle": (
        {36: "X.....X.....", 38: "...X.....X..", 42: "x.xx.xx.xx.x"},
        {36: "X........", 38: "...X..X..", 42: "x.xx.xx.x"},
        {36: "X....x", 38: "...X..", 42: "x.xx.x"},
    ),
    "bossa": (
        {36: "X..xX..x", 37: "x..x..x...x..x..", 42: "oooooooo"},
        {36: "X..x..", 37: "x..x..", 42: "oooooo"},
        {36: "X..x..", 37: "x..x.x", 42: "oooooo"},
    ),
    "salsa": (
        {75: "X..X..X...X.X...", 64: "..x...xx..x...xx", 56: "X.X.X.X.", 36: "...x...x"},
        {75: "X..X..X.....", 64: "..x..x", 56: "X.X.X."},
        {75: "X..X..", 64: "..x..x", 56: "X..X.."},
    ),
    "one drop": (
        {36: "..X.", 37: "..X.", 42: "xoxoxoxo"},
        {36: "..X", 37: "..X", 42: "xoxoxo"},
        {36: "...X..", 37: "...X..", 42: "xoxoxo"},
    ),
    "train": (
        {38: "xoxXxoxXxoxXxoxX", 36: "X.X."},
        {38: "xoxXxoxXxoxX", 36: "X.."},
        {38: "xoxxox", 36: "X..X.."},
    ),
    "country": (
        {36: "X.X.", 38: ".X.X", 42: "xxxxxxxx"},
        {36: "X..", 38: ".XX", 42: "xxxxxx"},
        {36: "X.....", 38: "...X..", 42: "xxxxxx"},
    ),
    "funk": (
        {36: "X..X......X..X..", 38: "....X..o.o..X..o", 42: "xoxxxoxoxoxxxoxx"},
        {36: "X..X......X.", 38: "....X..o....", 42: "xoxxxoxoxoxx"},
        {36: "X..x..", 38: "...X.o", 42: "xxxxxx"},
    ),
    "disco": (
        {36: "XXXX", 38: ".X.X", 42: "x.x.x.x.", 46: ".x.x.x.x"},
        {36: "XXX", 38: ".XX", 46: ".x.x.x"},
        {36: "X..X..", 38: "...X..", 46: ".x..x."},
    ),
    "metal": (
        {36: "XxxxXxxxXxxxXxxx", 38: "....X.......X...", 49: "X.x.X.x."},
        {36: "XxxxXxxxXxxx", 38: "....X.......", 49: "Xxx"},
        {36: "XxxXxx", 38: "...X..", 49: "X..X.."},
    ),
    "punk": (
        {36: "X..X.X..", 38: "..X...X.", 46: "XxXxXxXx"},
        {36: "X..X..", 38: "..X..X", 46: "XxXxXx"},
        {36: "X..X..", 38: "..X..X", 46: "XxxXxx"},
    ),
    "ballad": (
        {36: "X.....x.", 38: "........X.......", 42: "xoxoxoxo"},
        {36: "X.....", 38: "....X.", 42: "xoxoxo"},
        {36: "X.....", 38: "...X..", 42: "xooxoo"},
    ),
    "march": (
        {36: "X.X.", 38: "x.xxx.xxx.xxx.xx"},
        {36: "X..", 38: "..x.x."},
        {36: "X..X..", 38: "..x..x"},
    ),
    "shaker": (
        {70: "XoxoXoxoXoxoXoxo", 54: "....x.......x..."},
        {70: "XoxoXoxoXoxo", 54: "....x......."},
        {70: "XooXoo", 54: "...x.."},
    ),
    "hand drum": (
        {64: "X..x..x.X..x..x.", 63: "..o...o...o...o."},
        {64: "X..x..", 63: "..o..o"},
        {64: "X..x..", 63: "..o..o"},
    ),
    "timpani": (
        {41: "X.......", 49: "o......................."},
        {41: "X.....", 49: "o................."},
        {41: "X.....", 49: "o................."},
    ),
    "stomp": (
        {36: "X.X.", 39: ".X.X"},
        {36: "X..", 39: ".XX"},
        {36: "X.....", 39: "...X.."},
    ),
    "toms": (
        {41: "X..x..x.X..x..x.", 45: "..x...x...x...x.", 36: "X...X..."},
        {41: "X..x..", 45: "..x..x"},
        {41: "X..x..", 45: "..x..x"},
    ),
}
FILLS = (
    {38: "........x.x.xxxx", 36: "X...X..."},
    {48: "........xx......", 45: "..........xx....", 41: "............xxXX", 36: "X..."},
    {38: "....X...x.xxX.xX", 36: "X.......x......."},
    {46: "X.......x.......", 38: "............xxxx", 36: "X...X..."},
)
METER_COLUMN = {"4/4": 0, "3/4": 1, "6/8": 2}


def parse_bar(text: str) -> list[tuple[float, float, float, int]]:
    """Read one bar: a list of (position, length, accent, voice), times in bars."""
    places = [i for i, c in enumerate(text) if c != "."]
    ends = [*places[1:], len(text)]
    events = []
    for place, end in zip(places, ends, strict=True):
        mark = text[place]
        voice = int(mark) if mark.isdigit() else CHORD_VOICE
        accent = ACCENTS.get(mark, 0.8)
        events.append((place / len(text), (end - place) / len(text), accent, voice))
    return events


@functools.cache
def tonal_bar(kind: str, name: str, meter: str) -> np.ndarray:
    """Return a comping (``kind="comping"``) or bass pattern as rows of `parse_bar`, (n, 4)."""
    table = COMPING if kind == "comping" else BASSES
    return np.array(parse_bar(table[name][METER_COLUMN[meter]]), np.float32).reshape(-1, 4)


@functools.cache
def drum_bar(name: str | int, meter: str) -> np.ndarray:
    """Return a groove, or fill number ``name``, as rows (position, length, accent, drum)."""
    bar = FILLS[name] if isinstance(name, int) else GROOVES[name][METER_COLUMN[meter]]
    rows = [(p, d, a, drum) for drum, text in bar.items() for p, d, a, _ in parse_bar(text)]
    return np.array(rows, np.float32)


def stack_bars(bars: list[np.ndarray]) -> np.ndarray:
    """Pad patterns to one length with nan, (patterns, events, 4)."""
    table = np.full((len(bars), max(1, max(len(b) for b in bars)), 4), np.nan, np.float32)
    for row, bar in zip(table, bars, strict=True):
        row[: len(bar)] = bar
    return table


def expand(table: np.ndarray, choice: np.ndarray, starts: np.ndarray, beats: float):
    """Play one pattern a bar.

    Parameters
    ----------
    table : np.ndarray [shape=(patterns, events, 4)]
        From `stack_bars`.
    choice : np.ndarray [shape=(bars,), int]
        Row of the table for each bar; -1 is a silent bar.
    starts : np.ndarray [shape=(bars,)]
        Where each bar begins, in beats.
    beats : float
        Beats in a bar.

    Returns
    -------
    start, duration, accent, voice : np.ndarray [shape=(n,)]
    """
    rows = table[choice]  # (bars, events, 4)
    keep = ~np.isnan(rows[..., 0]) & (choice >= 0)[:, None]
    start = (starts[:, None] + rows[..., 0] * beats)[keep]
    return start, rows[..., 1][keep] * beats, rows[..., 2][keep], rows[..., 3][keep].astype(int)
