"""Law: whatever lies in a folder, each file is used or refused by a named reason, and alone."""

import os

import pytest

from tests import reliability


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows refuses some of the names")
def test_bad_inputs_are_named_and_harm_nobody(tmp_path):
    found = reliability.measure(tmp_path)
    assert found["n_cases"] >= 80
    assert found["unexpected"] == [] and found["unlisted"] == []
    assert found["neighbours_unaffected"]
    for name, case in found["cases"].items():
        assert (case["status"] == "failed") == bool(case["reason"])
        assert case["status"] == "new" or name in case["reason"]
        assert not case["reason"].count("\n") or "\n" in name
    assert found["growth_mb"] < 500
