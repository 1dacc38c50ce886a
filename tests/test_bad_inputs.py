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
    good = ("rate 8000", "rate 96000", "rate 384000", "channels 1", "channels 8", "Für Elise 愛")
    assert {found["cases"][f"{name}.wav"]["status"] for name in good} == {"new"}
    assert found["growth_mb"] < 500
    assert found["growth_again_mb"] < 30  # nothing stays behind from run to run
