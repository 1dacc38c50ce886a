"""What becomes of bad inputs, as a results file.

Command: ``python -m tests.reliability`` writes ``book/results/reliability.json``.
"""

import collections
import resource
import shutil
import tempfile
import time
from pathlib import Path

from bytecover_lite.library import Library
from bytecover_lite.results import write_result
from tests import bad_inputs


def measure(scratch):
    """Index a folder of bad inputs and good neighbours, and the neighbours alone.

    Returns
    -------
    dict
        ``cases``: name to ``status`` and ``reason``; their ``counts``; ``unexpected``, names whose
        reason is a defect instead of a named error; ``neighbours_unaffected``, whether the good
        files have the same embeddings, bit by bit, as without the bad ones; ``seconds`` and
        ``growth_mb`` of the run.
    """
    alone, mixed = scratch / "alone", scratch / "mixed"
    alone.mkdir()
    for number in range(3):
        data = bad_inputs.encode(sound=bad_inputs.tone(4.0 + number))
        (alone / f"good {number}.wav").write_bytes(data)
    shutil.copytree(alone, mixed)
    names = bad_inputs.make(mixed)
    expected, _ = Library.create(scratch / "alone.index", alone, jobs=1)
    before, start = _peak(), time.perf_counter()
    found, report = Library.create(scratch / "mixed.index", mixed, jobs=1)
    seconds, growth = time.perf_counter() - start, _peak() - before
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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(write_result("reliability", measure(Path(scratch))))
