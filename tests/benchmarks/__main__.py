"""Measure speed: ``python -m tests.benchmarks [NAME ...]`` (``make bench``).

Every ``bench_NAME.py`` beside this file has a function ``rows()`` that returns a list of
dictionaries with the keys ``what``, ``value`` and ``unit`` and, if it likes, more. All of them are
printed as one table and written to ``book/results/benchmark.json``.
"""

import importlib.util
import sys
from pathlib import Path

import torch

from bytecover_lite.results import write_result

HERE = Path(__file__).parent


def measure(names):
    """Run the named benchmarks and return their rows, each with its benchmark's name."""
    return [{"benchmark": name} | row for name in names for row in _load(name).rows()]


def available():
    """Return the names of the benchmarks beside this file."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def _load(name):
    path = HERE / f"bench_{name}.py"
    if not path.is_file():
        raise SystemExit(f"no benchmark {name!r}: choose from {', '.join(available())}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def show(rows):
    """Print the rows as a table."""
    for row in rows:
        print(f"{row['benchmark']:<14}{row['what']:<60}{row['value']:>12.4g} {row['unit']}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = measure(sys.argv[1:] or available())
    show(found)
    if not sys.argv[1:]:
        print(write_result("benchmark", {"rows": found}))
