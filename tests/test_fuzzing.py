"""Law: a reader returns something usable or raises the package's own error."""

import pytest

from tests import fuzzing


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_a_damaged_file_is_used_or_refused(name, tmp_path):
    found = fuzzing.fuzz(fuzzing.TARGETS[name], tmp_path, 150)
    assert found["defects"] == []
    assert found["cases"] >= 100 and found["refused"] + found["used"] == found["cases"]


def test_all_readers_together_are_tried_a_hundred_thousand_times():
    assert sum(target.cases for target in fuzzing.TARGETS.values()) >= 100_000
