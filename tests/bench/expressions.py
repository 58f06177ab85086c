"""W4 and W6: expressions beside bottleneck, polars, pandas and gplearn.

W4 is 50 features of 500 symbols on 2,500 days, each taken as it comes and let go; W6 is
1,000 random programs of depth 4 on 125,000 rows of 8 columns. Both are read before the
clock starts, as the peers' are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import Panel, evaluate_population, parse
from strategies.dsl.limits import Limits

if TYPE_CHECKING:
    from tests.bench.run import Bench

WINDOWS = (5, 10, 20, 60, 120)
FEATURES = tuple(
    text.replace("{d}", str(d))
    for d in WINDOWS
    for text in (
        "ts_mean(close, {d})",
        "stddev(close, {d})",
        "ts_min(close, {d})",
        "ts_max(close, {d})",
        "ts_rank(close, {d})",
        "ts_sum(volume, {d})",
        "ts_zscore(close, {d})",
        "delta(close, {d})",
        "correlation(close, volume, {d})",
        "rank(delta(close, {d}))",
    )
)
N_BARS, N_SYMBOLS = 2_500, 500
N_ROWS, N_COLUMNS = 125_000, 8
DAY = 86_400_000


def panel_of(fields: dict[str, Any]) -> Panel:
    shape = next(iter(fields.values())).shape
    prices = ("open", "high", "low", "close", "volume")
    blank = {name: np.ones(shape) for name in prices if name not in fields}
    return Panel(
        symbols=tuple(f"S{number:04}" for number in range(shape[1])),
        timeframe="1d",
        calendar="24/7",
        provider="bench",
        ts=np.arange(shape[0], dtype=np.int64) * DAY,
        fields=blank | fields,
    )


def market() -> dict[str, Any]:
    """Return prices and volumes with one cell in a hundred missing."""
    rng = np.random.default_rng(7)
    shape = (N_BARS, N_SYMBOLS)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    volume = rng.lognormal(3, 1, shape)
    gone = rng.uniform(size=shape) < 0.01
    close[gone] = volume[gone] = np.nan
    return {"close": close, "volume": volume}


def features(bench: Bench) -> None:
    """W4."""
    fields = market()
    np.savez(bench.folder / "panel.npz", **fields)
    panel = panel_of(fields)
    known = [parse(text) for text in FEATURES]

    def ours() -> tuple[float, list[float]]:
        start = time.perf_counter()
        last = [v[-1, -1] for _, v in evaluate_population(known, panel, reuse=True)]
        return time.perf_counter() - start, last

    means = [np.nanmean(v) for _, v in evaluate_population(known, panel, reuse=True)]
    goals = (("bottleneck", 3, 5), ("polars", 6, 10), ("pandas", 10, 20))
    for peer, must, moonshot in goals:
        mine, theirs, _, answers = bench.in_turns(
            ours, lambda peer=peer: bench.panel_peers.ask(peer, "panel"), 3
        )
        check(means, answers["mean"], f"W4 {peer}")
        how = "500 symbols × 2,500 days, 1 % missing; answers taken one by one"
        bench.add("W4 50 features", mine, peer, theirs, must, moonshot, how)


def population(bench: Bench) -> None:
    """W6."""
    columns = np.random.default_rng(8).normal(size=(N_ROWS, N_COLUMNS))
    np.savez(bench.folder / "columns.npz", columns=columns)
    shape = (N_ROWS // 50, 50)
    panel = panel_of({f"x{k}": columns[:, k].reshape(shape) for k in range(N_COLUMNS)})
    count = 100 if bench.quick else 1_000
    ask = {"count": count, "seed": 3}
    _, answers = bench.panel_peers.ask("gplearn", "columns", **ask)
    known = [parse(text) for text in answers["texts"]]
    # Twice what goes in, as the goal says.
    room = Limits(memory_bytes=2 * columns.nbytes)

    def ours() -> tuple[float, list[float]]:
        start = time.perf_counter()
        made = evaluate_population(known, panel, reuse=True, limits=room)
        means = [values.mean() for _, values in made]
        return time.perf_counter() - start, means

    mine, theirs, means, answers = bench.in_turns(
        ours, lambda: bench.panel_peers.ask("gplearn", "columns", **ask), 9
    )
    check(means, answers["mean"], "W6 gplearn")
    how = (
        f"{count:,} random programs of depth 4; working memory at most twice the input"
    )
    bench.add(f"W6 {count:,} expressions", mine, "gplearn", theirs, 5, 8, how)


def check(ours: Any, theirs: Any, what: str) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    error = np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))
    if not np.nanmax(error) <= 1e-9:
        worst = int(np.nanargmax(error))
        raise SystemExit(f"{what}: answer {worst} differs by {error[worst]:.3g}.")
