"""Laws of disturbed runs: what is refused is named, what is resumed is identical."""

import sys

import pytest

from tests import faults, killing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="signals and limits are those of Linux"),
]


def test_a_killed_run_is_continued_to_the_same_result(tmp_path):
    for kind, found in killing.measure(tmp_path, 2).items():
        assert found["kills"] == found["resumed_identical"] == 2, kind
        assert found["half_visible"] == 0, kind


def test_other_faults_lose_nothing_and_show_nothing_half_made(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "SHARES", (0.3, 0.8))
    for name, found in faults.measure(tmp_path).items():
        assert found["otherwise"] == [] and found["half_visible"] == 0, name
        assert found["identical"] == found["runs"] > 0, name
        assert found["refused_by_name"] in (None, found["runs"]), name
