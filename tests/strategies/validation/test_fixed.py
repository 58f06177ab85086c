"""What one run earned in each stretch: it multiplies to what it earned in all."""

from __future__ import annotations

import itertools
import math

import pytest

from strategies import BacktestResult, RunConfig, load_candles, run_backtest
from strategies.errors import ConfigError
from strategies.validation.fixed import fixed_walk_forward


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    config = RunConfig(
        provider="synthetic", symbol="SYN-garch-2", strategy={"name": "sma_cross"}
    )
    return run_backtest(config, load_candles(config))


def test_stretches_multiply_to_the_whole(result: BacktestResult) -> None:
    segments = fixed_walk_forward(result, 4)
    assert len(segments) == 4
    grown = 1.0 + segments[0]["in_sample_return"]
    grown *= math.prod(1.0 + one["return"] for one in segments)
    assert grown - 1.0 == pytest.approx(result.metrics["total_return"], abs=1e-12)
    for one, other in itertools.pairwise(segments):
        assert other["in_sample_start"] == one["out_sample_start"]
        assert other["in_sample_return"] == one["return"]
        assert one["out_sample_end"] < other["out_sample_start"]
    assert segments[0]["in_sample_start"] == result.ts[0]
    assert segments[-1]["out_sample_end"] == result.ts[-1]


def test_impossible_windows_are_refused(result: BacktestResult) -> None:
    for windows, code in ((0, "out_of_range"), (10**6, "out_of_range")):
        with pytest.raises(ConfigError) as refused:
            fixed_walk_forward(result, windows)
        assert refused.value.code == code
        assert refused.value.field == "validation.wfo.windows"
