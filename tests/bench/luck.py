"""W5: tests of luck and a report of 5,000 returns, beside arch, numpy and quantstats.

Draws are those of arch, number for number, so answers agree draw by draw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import run_backtest
from strategies.backtest import metric_inputs
from strategies.metrics import compute_all
from strategies.timeseries import report_series
from strategies.validation.bootstrap import bootstrap_moments, bootstrap_paths
from strategies.validation.permutation import align
from tests.bench.expressions import check

if TYPE_CHECKING:
    from tests.bench.run import Bench

N_DRAWS, BLOCK, SEED = 1_000, 20, 11
# So many shifts are left of 5,000 when the others are too near: 1,000 permutations.
MEMORY = 2_000


def luck(bench: Bench) -> None:
    """Add the rows of W5."""
    from tests.bench.run import config_of

    result = run_backtest(config_of("sma_cross", bench.daily), bench.daily)
    held = result.simulation.quantity[:-1] != 0.0
    market = np.diff(bench.daily.close) / bench.daily.close[:-1]
    np.savez(
        bench.folder / "luck.npz",
        ts=result.ts[1:],
        returns=result.bar_returns,
        held=held.astype(np.float64),
        market=market,
    )
    ppy = bench.daily.ppy

    def sharpes() -> Any:
        rng = np.random.default_rng(SEED)
        made = bootstrap_moments(result.bar_returns, N_DRAWS, BLOCK, rng=rng)
        return made.sharpe(ppy)

    def falls() -> Any:
        rng = np.random.default_rng(SEED)
        return bootstrap_paths(result.bar_returns, N_DRAWS, BLOCK, rng=rng)[1]

    def shifts() -> Any:
        rng = np.random.default_rng(SEED)
        own = held.astype(np.float64)
        return align(own, market, n=N_DRAWS, rng=rng, memory=MEMORY).null

    def sheet() -> Any:
        inputs = metric_inputs(
            result.config, result.candles, result.simulation, result.benchmark
        )
        metrics = compute_all(inputs)[0]
        report_series(
            result.candles,
            result.equity,
            benchmark=result.benchmark_equity,
            trips=result.simulation.trips,
            rf=0.0,
        )
        return [metrics["sharpe"], metrics["max_drawdown"], metrics["volatility"]]

    for work, ours, peer, kind, goals, how in (
        (
            "1,000 bootstrap Sharpes",
            sharpes,
            "arch",
            "sharpes",
            (40, 70),
            "the same draws",
        ),
        ("1,000 bootstrap drawdowns", falls, "arch", "falls", (5, 8), "the same draws"),
        ("1,000 permutations", shifts, "numpy", "shifts", (10, 14), "circular shifts"),
        (
            "metrics and report series",
            sheet,
            "quantstats",
            "quantstats",
            (500, 1_000),
            "theirs: reports.metrics, mode full",
        ),
        (
            "metrics and report series",
            sheet,
            "empyrical",
            "empyrical",
            (2.84, 5.7),
            "theirs: 14 metrics and no series",
        ),
    ):
        mine, theirs, answers, others = bench.in_turns(
            _timed(ours), lambda kind=kind: bench.luck_peers.ask(kind, "luck"), 5
        )
        check(answers, others["found"], f"W5 {work} of {peer}")
        bench.add(f"W5 {work}", mine, peer, theirs, *goals, how)


def _timed(work: Callable[[], Any]) -> Callable[[], tuple[float, Any]]:
    def timed() -> tuple[float, Any]:
        start = time.perf_counter()
        found = work()
        return time.perf_counter() - start, found

    return timed
