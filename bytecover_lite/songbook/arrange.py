"""Work -> version: who plays what, when (chapter: your own corpus).

``arrange`` is the door. ``style`` takes the decisions, ``timeline`` lays the song out,
``reharmonise`` bends chords and tune, ``tune`` and ``accompany`` write the parts, ``perform`` plays
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .accompany import write_drone, write_drums, write_layer
from .choir import write_choir
from .compose import METERS, Work, compose, harmonised_anew
from .perform import perform
from .reharmonise import change_mode, reharmonise
from .song import Score, Song
from .style import Spread, Style, choose_style
from .timeline import Timeline, lay_out
from .tune import write_hook, write_tune
from .version import Version

GUESTS = range(20_000_000, 30_000_000)  # seeds of works that only ever end a medley


def arrange(
    work: Work,
    seed: int,
    *,
    difficulty: str | Spread = "real",
    vary: Iterable[str] | Mapping[str, float] | None = None,
) -> Version:
    """Write one version of a work.

    Parameters
    ----------
    work : Work
    seed : int, >= 0
        Seed of the version; other seeds differ in every attribute that varies.
    difficulty : str or Spread
        ``"easy"``, ``"real"`` or ``"hard"``: how far versions lie apart; ``"tune"``: only the tune
        is common, each version finds its own chords; ``"setting"``: the tune as books print it,
        mostly in four parts; ``"polyphony"``: the same with parts that move in eighths;
        ``"school"``: the same, its lower parts led by rule, not by the tune; ``"session"``: a
        tune among a few players. A `Spread` sets every reach by itself, such as
        ``replace(DIFFICULTIES["hard"], tempo=0.74)`` for speeds from 0.6 to 1.67 times.
    vary : iterable of str, or mapping of str to float, optional
        Only these of ``style.ATTRIBUTES`` differ from the work's base version, which all seeds
        share: a set takes the difficulty's amounts; a mapping gives the exact size of the change
        in the units of `Spread` (key: semitones; tempo: octaves of speed; form: edits; the
        others 0..1), save for tuning, which stays within that many cents. Default: everything
        varies.

    Returns
    -------
    Version
        Bit-identical for the same arguments.

    Raises
    ------
    ArrangeError
        If the difficulty, an attribute or an amount is not known.
    """
    style = choose_style(work, seed, difficulty, vary)
    rngs = {name: np.random.Generator(np.random.PCG64(s)) for name, s in style.seeds.items()}
    harmony = style.spread.harmony
    anew = style.texture.printed or harmony == 1
    plan = _plan(harmonised_anew(work, rngs["harmony"], harmony) if anew else work, style)
    if style.other_mode:
        plan = change_mode(plan, work.mode)
    chords = plan.chords
    if not anew:
        chords = reharmonise(chords, rngs["harmony"], harmony)
    lift = 0 if style.spread.genre else style.key_shift
    tonic = work.tonic + style.key_shift - lift
    song = Song(style, plan, chords, tonic, lift, work.meter, rngs)
    score = Score()
    write_tune(score, song)
    if style.choral and style.accompanied:
        write_choir(score, song)
    elif style.accompanied or not score.parts:
        if style.drone:
            write_drone(score, song)
        write_hook(score, song)
        for playing in style.playings:
            write_layer(score, song, playing)
        if style.grooves:
            write_drums(score, song)
    notes = perform(score, song)
    return Version(
        notes=notes,
        parts=tuple(score.parts),
        duration=float((notes["start"] + notes["duration"]).max() + 1.0),
        production=style.production,
        title=work.title,
        genre=style.genre.name,
        key_shift=style.key_shift,
        tempo_factor=style.tempo_factor,
        form=tuple(name for name, _ in style.form),
        seed=seed,
    )


def _plan(work: Work, style: Style) -> Timeline:
    """Lay the form out; a medley goes on with a verse and chorus of another work."""
    if style.guest is None:
        return lay_out(work, style.form)
    for offset in range(20):  # the first of the same meter
        guest = compose(GUESTS[(style.guest + offset) % len(GUESTS)])
        if METERS[guest.meter] == METERS[work.meter]:
            break
    else:
        return lay_out(work, style.form)
    move = (guest.tonic - work.tonic + 6) % 12 - 6
    tail = [(name, move) for name in ("verse", "chorus") if name in guest.sections]
    return lay_out(work, style.form).followed_by(lay_out(guest, tuple(tail)))
