"""Law: whatever lies in a folder, each file is used or refused by a named reason, and alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MEASURE = """
import json, pathlib, sys
from tests import reliability

print(json.dumps(reliability.measure(pathlib.Path(sys.argv[1]))))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows refuses some of the names")
def test_bad_inputs_are_named_and_harm_nobody(tmp_path):
    # a process of its own: earlier tests leave their allocator with other holes to fill
    command = [sys.executable, "-c", MEASURE, tmp_path]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(run.stdout.splitlines()[-1])
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
