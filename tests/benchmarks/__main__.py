"""Measure speed: ``python -m tests.benchmarks [NAME ...]`` (``make bench``).

Every ``bench_NAME.py`` beside this file has a function ``rows()`` that returns a list of
dictionaries with the keys ``what``, ``value`` and ``unit`` and, if it likes, more. They are printed
as one table and written to ``book/results/benchmark.json``; benchmarks that were not named keep
the rows they had, and every benchmark its own commit, date and device. ``gpu`` is measured where
there is one.
"""

import importlib.util
import sys
from pathlib import Path

import torch

from bytecover_lite.results import ResultsError, provenance, read_result, write_result

HERE = Path(__file__).parent


def measure(names):
    """Run the named benchmarks; return each one's rows and where they came from."""
    return {name: {"provenance": provenance(), "rows": _load(name).rows()} for name in names}


def merge(found):
    """Put new measurements in the place of earlier ones of the same benchmarks."""
    try:
        earlier = read_result("benchmark")["benchmarks"]
    except ResultsError:
        earlier = {}
    kept = earlier | found
    return {name: kept[name] for name in available() if name in kept}


def available():
    """Return the names of the benchmarks beside this file."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def measurable():
    """Return those that this machine can run."""
    return [name for name in available() if name != "gpu" or torch.cuda.is_available()]


def _load(name):
    path = HERE / f"bench_{name}.py"
    if not path.is_file():
        raise SystemExit(f"no benchmark {name!r}: choose from {', '.join(available())}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def show(found):
    """Print the rows as a table."""
    for name, one in found.items():
        for row in one["rows"]:
            print(f"{name:<12}{row['what']:<72}{row['value']:>12.4g} {row['unit']}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = measure(sys.argv[1:] or measurable())
    show(found)
    print(write_result("benchmark", {"benchmarks": merge(found)}))
