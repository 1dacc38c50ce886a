"""Names for works, so that a listener can tell them apart (chapter: your own corpus)."""

from __future__ import annotations

import random

_FIRST = (
    "Paper Silver Slow Northern Borrowed Second Quiet Open Copper Midnight Wooden Amber Distant "
    "Hollow Early Velvet Broken Seven Salt Winter Glass Little Golden Wandering Last Blue Crooked "
    "Electric Harvest Lonesome Sunday Painted Restless Tidal Empty Marble Summer Restful Iron "
    "Foreign"
).split()
_SECOND = (
    "Lanterns Rivers Letters Harbour Engine Garden Mile Mountain Window Orchard Station Weather "
    "Shadows Ferry Horses Avenue Compass Meadow Signal Kitchen Thunder Island Carousel Ladder "
    "Morning Stranger Bells Railway Sparrow Valley Circus Tailor Lighthouse Fever Promise Bridges "
    "Corridor Hours Ashes Caravan"
).split()


def title(rng: random.Random) -> str:
    """Draw a title of two words; titles are not unique, as real ones are not."""
    return f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"
