"""Every benchmark runs and says what it measured."""

import pytest

from tests.benchmarks import (
    bench_baselines,
    bench_cqt,
    bench_data,
    bench_gpu,
    bench_index,
    bench_library,
    bench_network,
    bench_retrieval,
    bench_songbook,
)

BENCHMARKS = (
    bench_baselines,
    bench_cqt,
    bench_data,
    pytest.param(bench_gpu, marks=pytest.mark.gpu),
    bench_index,
    bench_library,
    bench_network,
    bench_retrieval,
    bench_songbook,
)


@pytest.mark.filterwarnings(  # librosa.load may fall back to audioread, which imports them
    "ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning"
)
@pytest.mark.parametrize("benchmark_module", BENCHMARKS)
def test_rows_are_complete(benchmark_module):
    for row in benchmark_module.rows(quick=True):
        assert {"what", "value", "unit"} <= set(row)
        assert row["value"] >= 0
        assert row.get("floor", 0) < row["value"] or row["unit"] != "s"
