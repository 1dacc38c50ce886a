"""Every benchmark runs and says what it measured."""

import importlib

import pytest

from tests.benchmarks.__main__ import available

BENCHMARKS = [
    pytest.param(name, marks=pytest.mark.gpu if name == "gpu" else ()) for name in available()
]


@pytest.mark.filterwarnings(  # librosa.load may fall back to audioread, which imports them
    "ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning"
)
@pytest.mark.parametrize("name", BENCHMARKS)
def test_rows_are_complete(name):
    for row in importlib.import_module(f"tests.benchmarks.bench_{name}").rows(quick=True):
        assert {"what", "value", "unit"} <= set(row)
        assert row["value"] >= 0
        assert row.get("floor", 0) < row["value"] or row["unit"] != "s"
