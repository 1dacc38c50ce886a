"""What becomes of bad inputs, killed runs and other faults, as a results file.

Command: ``python -m tests.reliability`` writes ``book/results/reliability.json``. With names of
parts (``bad_inputs``, ``fuzzing``, ``kills``, ``faults``) it measures these and keeps the others.
"""

import collections
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bytecover_lite.library import Library
from bytecover_lite.results import ResultsError, provenance, read_result, write_result
from tests import bad_inputs, faults, fuzzing, killing

KILLS = 100  # of each kind of runs


def measure(scratch, *, hours=0):
    """Index a folder of bad inputs and good neighbours, and the neighbours alone.

    Parameters
    ----------
    scratch : Path
    hours : int
        Length of a very long recording that is among them; 0: none.

    Returns
    -------
    dict
        ``cases``: name to ``status`` and ``reason``; their ``counts``; ``unexpected``, names whose
        reason is a defect instead of a named error; ``neighbours_unaffected``, whether the good
        files have the same embeddings, bit by bit, as without the bad ones; ``seconds`` of the
        run, ``growth_mb`` of its memory, and ``growth_again_mb``, the least growth in two more
        runs: what each run leaves behind, not where an allocator happened to put a block once.
    """
    alone, mixed = scratch / "alone", scratch / "mixed"
    alone.mkdir()
    for number in range(3):
        data = bad_inputs.encode(sound=bad_inputs.tone(4.0 + number))
        (alone / f"good {number}.wav").write_bytes(data)
    shutil.copytree(alone, mixed)
    names = bad_inputs.make(mixed) + ([bad_inputs.make_long(mixed, hours)] if hours else [])
    expected, _ = Library.create(scratch / "alone.index", alone, jobs=1)
    before, start = _peak(), time.perf_counter()
    found, report = Library.create(scratch / "mixed.index", mixed, jobs=1)
    seconds, growth = time.perf_counter() - start, _peak() - before
    again = []
    for number in range(2):
        before = _peak()
        Library.create(scratch / f"again {number}.index", mixed, jobs=1)
        again.append(_peak() - before)
    rows = {row.path: row for row in report.itertuples()}
    cases = {
        name: {"status": rows[name].status, "reason": rows[name].reason.replace(str(mixed), "")}
        for name in names
    }
    return {
        "n_cases": len(cases),
        "counts": collections.Counter(case["status"] for case in cases.values()),
        "unexpected": [name for name, case in cases.items() if "unexpected" in case["reason"]],
        "unlisted": sorted(set(names) - set(rows)),
        "neighbours_unaffected": _vectors(found, alone) == _vectors(expected, alone),
        "seconds": round(seconds, 1),
        "growth_mb": round(growth),
        "growth_again_mb": round(min(again)),
        "cases": cases,
    }


def _vectors(library, folder):
    from bytecover_lite.library_files import hash_file

    rows = [
        library.collection.recordings.index(hash_file(path)) for path in sorted(folder.iterdir())
    ]
    return [library.collection.vectors[library.collection.first[row]].tobytes() for row in rows]


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PARTS = {
    "bad_inputs": lambda scratch: measure(scratch, hours=12),
    "fuzzing": fuzzing.measure,
    "kills": lambda scratch: killing.measure(scratch, KILLS),
    "faults": faults.measure,
}


def main(names):
    """Measure the named parts; return them with the others as they are in the results file."""
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            found[name] = {"provenance": provenance(), **PARTS[name](Path(scratch))}
    try:
        found = read_result("reliability") | found
    except ResultsError:
        pass  # there is no earlier one
    return {name: found[name] for name in PARTS if name in found}


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(PARTS)
    if unknown:
        raise SystemExit(f"no part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    print(write_result("reliability", main(sys.argv[1:] or PARTS)))
