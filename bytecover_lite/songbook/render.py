"""Version -> features, version -> sound: the two renderers (chapter: your own corpus)."""

from __future__ import annotations

from .draw import draw

__all__ = ["draw"]
