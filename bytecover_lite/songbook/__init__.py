"""The songbook: an endless corpus of songs nobody holds a right to (book chapter: your own corpus).

``compose`` writes a work from a seed, ``arrange`` turns it into a version, ``draw`` and
``synthesize`` turn the version into features and into sound, ``corpus`` builds whole datasets.
"""
