"""Version -> features, version -> sound: the two renderers (chapter: your own corpus).

``draw`` is for training, where millions of versions pass by; ``synthesize`` is for ears and for the
real CQT path. A test holds them against each other.
"""

from __future__ import annotations

import numpy as np

from . import fluid, synth
from .draw import draw
from .production import produce
from .version import Version

__all__ = ["draw", "synthesize"]


def synthesize(version: Version, *, sr: int = 22050, engine: str = "auto") -> np.ndarray:
    """Render a version to mono audio.

    Parameters
    ----------
    version : Version
    sr : int
        Samples per second.
    engine : str
        ``"fluidsynth"`` (program and soundfont must be installed), ``"own"`` (needs neither), or
        ``"auto"``: the first where it is installed, else the second.

    Returns
    -------
    np.ndarray [shape=(round(duration * sr),), dtype=float32]
        Within -1..1.

    Raises
    ------
    fluid.SynthesizerError
        If the engine is not known, not installed, or fails.
    """
    play = synth.play if fluid.engine_for(engine) == "own" else fluid.play
    dry = play(version, sr)
    return produce(dry, version.production, sr)
