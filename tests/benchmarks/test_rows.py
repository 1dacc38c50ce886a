"""Every benchmark of the method runs and says what it measured."""

import pytest

from tests.benchmarks import bench_cqt, bench_network


@pytest.mark.parametrize("benchmark_module", [bench_cqt, bench_network])
def test_rows_are_complete(benchmark_module):
    for row in benchmark_module.rows(quick=True):
        assert {"what", "value", "unit"} <= set(row)
        assert row["value"] >= 0
        assert row.get("floor", 0) < row["value"] or row["unit"] != "s"
