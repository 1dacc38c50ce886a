"""Find a student's answers in a submission, also when the cells' metadata is gone.

nbgrader finds cells by metadata that some editors and platforms drop; it then grades nothing and
reports 0. Here a cell is found, in this order, by its name, by unchanged text, by the functions it
defines, and by its place between cells that are known (instructor's guide).
"""

import ast
import difflib
import re
from dataclasses import dataclass, field

_SIMILAR = 0.6  # share of equal text from which a cell counts as a changed copy of another
_LONGEST = 10_000  # characters that are compared; finding similar text takes quadratic time
_DEFINES = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)


@dataclass
class Match:
    """Which cell of a submission is which cell of the assignment.

    Attributes
    ----------
    where : dict of int to int
        Position in the assignment -> position in the submission.
    by_content : set of int
        Positions in the assignment of named cells that were found without their name.
    changed : list of str
        Names of locked cells whose text or points were changed.
    """

    where: dict[int, int] = field(default_factory=dict)
    by_content: set[int] = field(default_factory=set)
    changed: list[str] = field(default_factory=list)


def match(assignment, cells):
    """Match the cells of a submission with those of the assignment.

    Parameters
    ----------
    assignment : Assignment
    cells : sequence of dict
        As `submissions.read_notebook` returns them.

    Returns
    -------
    Match
    """
    found = Match()
    _match_names(found, assignment.cells, cells)
    _match_text(found, assignment.cells, cells)
    _match_definitions(found, assignment.cells, cells)
    _match_place(found, assignment.cells, cells)
    _match_changed(found, assignment.cells, cells)
    found.changed = [
        own.name
        for position, own in enumerate(assignment.cells)
        if own.kind in ("given", "test") and _is_changed(found, position, own, cells)
    ]
    return found


def similarity(assignment, cells):
    """Tell how much of an assignment is in a submission.

    Returns
    -------
    float [range 0 to 1]
        Share of the assignment's cells that are there, by name or with unchanged text.
    """
    texts = {_normal(cell["source"]) for cell in cells}
    names = {cell["name"] for cell in cells}
    own = [cell for cell in assignment.cells if cell.kind in ("text", "given", "test")]
    there = [_normal(c.released) in texts or bool(c.name and c.name in names) for c in own]
    return sum(there) / max(len(there), 1)


def _match_names(found, own, cells):
    positions = {cell.name: position for position, cell in enumerate(own) if cell.name}
    for there, cell in enumerate(cells):
        position = positions.get(cell["name"])
        if position is not None:
            found.where.setdefault(position, there)


def _match_text(found, own, cells):
    left = [_normal(cell.released) for cell in own]
    right = [_normal(cell["source"]) for cell in cells]
    blocks = difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    for start, there, size in blocks:
        for step in range(size):
            _note(found, own, start + step, there + step)


def _match_definitions(found, own, cells):
    for position, cell in enumerate(own):
        names = _defined(cell.released) if cell.kind in ("answer", "plain") else set()
        if position in found.where or not names:
            continue
        fits = [i for i in _free(found, cells, "code") if names & _defined(cells[i]["source"])]
        if fits:
            _note(found, own, position, fits[-1])  # the last definition is the one that counts


def _match_place(found, own, cells):
    for position, cell in enumerate(own):
        if position in found.where or cell.kind not in ("answer", "essay"):
            continue
        before = [there for i, there in found.where.items() if i < position]
        after = [there for i, there in found.where.items() if i > position]
        first, last = max(before, default=-1), min(after, default=len(cells))
        kind = "code" if cell.is_code else "markdown"
        for there in _free(found, cells, kind):
            if first < there < last:
                _note(found, own, position, there)
                break


def _match_changed(found, own, cells):
    for position, cell in enumerate(own):
        if position in found.where or cell.kind not in ("given", "test"):
            continue
        for there in _free(found, cells, "code"):
            texts = _normal(cell.released), _normal(cells[there]["source"])[:_LONGEST]
            if difflib.SequenceMatcher(None, *texts).ratio() >= _SIMILAR:
                _note(found, own, position, there)
                break


def _note(found, own, position, there):
    if position in found.where or there in found.where.values():
        return
    found.where[position] = there
    if own[position].name:
        found.by_content.add(position)


def _free(found, cells, kind):
    taken = set(found.where.values())
    return [i for i, cell in enumerate(cells) if i not in taken and cell["type"] == kind]


def _is_changed(found, position, own, cells):
    if position not in found.where:
        return False
    cell = cells[found.where[position]]
    if cell["points"] is not None and own.kind == "test" and cell["points"] != own.points:
        return True
    return _meaning(cell["source"]) != _meaning(own.released)


def _meaning(source):
    """Return what a formatter or an added comment does not change."""
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _normal(source)


def _normal(source):
    return "\n".join(line.rstrip() for line in source.strip().splitlines() if line.strip())


def _defined(source):
    return {first or second for first, second in _DEFINES.findall(source)}
