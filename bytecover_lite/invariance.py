"""How much of each single change a system survives: the paper's first claim, measured.

Test sets in which versions of a work differ in one attribute only, by a chosen amount, all else
equal; the curve of MAP over that amount (book chapter "Ablation: IN, BN, IBN").
"""

from pathlib import Path

from .errors import BytecoverError

CURVES = {
    "key": (1, 3, 6),
    "tempo": (0.2, 0.4, 0.8),
    "timbre": (0.5, 1.0),
    "genre": (1.0,),
    "form": (1, 3, 6),
    "harmony": (0.25, 0.5),
    "melody": (0.25, 0.5),
    "mix": (0.5, 1.0),
    "noise": (0.5, 1.0),
    "tuning": (20, 50),
    "all": (0.25, 0.5, 1.0),  # every one of the above, by that share of its largest change
}


class InvarianceError(BytecoverError):
    """A curve that cannot be drawn."""


def invariance(systems, *, model, out, attributes=tuple(CURVES), works=80, versions=4, jobs=2):
    """Score systems on sets in which a single attribute varies.

    Parameters
    ----------
    systems : sequence of str
        As for ``bytecover evaluate``.
    model : str
        Checkpoint file or shipped name; its feature settings are used for all systems.
    out : path-like
        Directory for the test sets; those that are there are used again.
    attributes : sequence of str
        Of :data:`CURVES`.
    works, versions : int
        Size of each set; the first version of a work is the unchanged one.
    jobs : int
        Processes.

    Returns
    -------
    list of dict
        A row for each attribute, amount (in the attribute's unit: semitones, octaves of speed,
        edits, cents, else a share of 1; for
        ``all`` a share of every largest change) and system: the summary of the evaluation.

    Raises
    ------
    InvarianceError
        If an attribute has no curve.
    """
    from .pipeline import open_model, score_corpus
    from .songbook.corpus import invariance_set

    unknown = [name for name in attributes if name not in CURVES]
    if unknown:
        raise InvarianceError(f"no curve for {unknown[0]!r}: choose from {', '.join(CURVES)}")
    settings = open_model(model).config.features
    rows = []
    for attribute in attributes:
        for amount in CURVES[attribute]:
            corpus = Path(out) / f"{attribute}-{amount:g}-{settings.averaging}"
            change, size = changes(attribute, amount), {"works": works, "versions": versions}
            invariance_set(change, corpus, settings=settings, jobs=jobs, **size)
            for row in score_corpus(corpus, systems, model=model):
                rows.append({"attribute": attribute, "amount": amount} | row)
    return rows


def changes(attribute, amount):
    """Return by how much each attribute changes: one of them, or all together."""
    if attribute != "all":
        return {attribute: amount}
    return {name: amount * max(curve) for name, curve in CURVES.items() if name != "all"}
