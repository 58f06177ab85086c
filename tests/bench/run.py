"""Measure the engine beside its peers and write `docs/benchmarks.md`: `make bench`.

Ours and theirs take turns in one run, so that a noisy machine slows both; a row is the
ratio of medians. Answers have to agree to 1e-9 and trades exactly, or there is no row.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strategies import (
    Candles,
    RunConfig,
    __version__,
    rolling_splits,
    run_backtest,
    run_sweep,
    walk_forward,
)
from strategies.compute import n_threads
from strategies.features.compute import compute_features
from strategies.library.registry import complete_params, strategy_named
from strategies.market.sources import load_symbol
from strategies.trials import MemorySink, reporting_to
from tests.bench.data import data
from tests.bench.discovery import search
from tests.bench.document import engine_written
from tests.bench.expressions import features, population
from tests.bench.luck import luck
from tests.bench.turns import awake, settle

ROOT = Path(__file__).parent.parent.parent
HOME = Path(os.environ.get("QUANT_HOME", ROOT / "var")) / "bench"
PEERS = {
    "raptorbt": "0.13.4",
    "vectorbt": "1.2.0",
    "bottleneck": "1.6.0",
    "gplearn": "0.4.3",
    "arch": "8.0.0",
    "empyrical-reloaded": "0.7.1",
    "quantstats": "0.0.86",
    "polars": "2.1.0",
    "pyarrow": "26.0.1",
}
COSTS = {"commission_bps": 5, "slippage_bps": 5}
GRIDS = {
    "sma_cross": {"fast": range(5, 55), "slow": range(60, 260, 10)},
    "rsi_reversion": {
        "period": range(5, 25),
        "lower": range(20, 40, 4),
        "upper": range(60, 80, 2),
    },
    "donchian": {"entry": range(10, 110, 2), "exit": range(5, 45, 2)},
}
LARGE = {"fast": range(5, 105), "slow": range(110, 310, 2)}
MINUTES = {"fast": range(10, 30), "slow": range(40, 240, 20)}


class Row(NamedTuple):
    """One line of the table."""

    work: str
    ours_ms: float
    peer: str
    theirs_ms: float
    must: float | None
    moonshot: float | None
    how: str

    @property
    def ratio(self) -> float:
        return self.theirs_ms / self.ours_ms


class Peers:
    """A process with peers; made on first use, in an environment of its own."""

    def __init__(self, folder: Path, script: str) -> None:
        python = HOME / "peers" / "bin" / "python"
        wanted = [f"{name}=={version}" for name, version in PEERS.items()]
        stamp = python.parent.parent / "peers.txt"
        if not stamp.exists() or stamp.read_text().split() != wanted:
            uv = str(ROOT / ".venv" / "bin" / "uv")
            base = [uv, "pip", "install", "--quiet", "--python", str(python)]
            here = [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
            subprocess.run([*here, str(python.parent.parent)], check=True)
            subprocess.run([*base, *wanted], check=True)
            stamp.write_text("\n".join(wanted))
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name(script)), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.versions = json.loads(self._line())

    def ask(self, work: str, bars: str, **request: Any) -> tuple[float, dict[str, Any]]:
        """Return the seconds of one piece of work, and what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"work": work, "bars": bars, **request}))
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = json.loads(self._line())
        return answer["seconds"], answer["answers"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The peers' process ended; run tests/bench/peers.py.")
        return line


class Bench:
    """Everything that is measured, one method for each kind of work."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        whole = load_symbol("builtin", "SP500", "1d")
        self.daily = whole.between(None, int(whole.ts[4_999]))
        self.minutes = minute_candles(500_000)
        for name in ("daily", "minutes"):
            write_bars(folder / f"{name}.npz", getattr(self, name))
        self.peers = Peers(folder, "peers.py")
        self.panel_peers = Peers(folder, "peers_panel.py")
        self.luck_peers = Peers(folder, "peers_luck.py")
        self.data_peers = Peers(folder, "peers_data.py")
        self.search_peers = Peers(folder, "peers_search.py")
        self.rows: list[Row] = []

    @property
    def all_peers(self) -> list[Peers]:
        return [one for one in vars(self).values() if isinstance(one, Peers)]

    def one_backtest(self) -> None:
        config = config_of("sma_cross", self.daily)

        def ours() -> tuple[float, Any]:
            start = time.perf_counter()
            result = run_backtest(config, self.daily)
            _ = result.metrics, result.equity, result.simulation.fills
            return time.perf_counter() - start, result

        for peer, work, must, moonshot, rounds in (
            ("raptorbt", "raptor_w1", 4, 7, 200),
            ("vectorbt", "vector_w1", 100, 250, 15),
        ):
            mine, theirs, result, answers = self.in_turns(
                ours, lambda work=work: self.peers.ask(work, "daily"), rounds
            )
            agree(result.equity, answers["equity"], f"W1 equity of {peer}")
            closed = result.metrics["trade_count"]
            is_open = int(
                bool(len(result.simulation.trips.open))
                and (result.simulation.trips.open[-1])
            )
            if answers["trades"] not in (closed, closed + is_open):
                raise SystemExit(f"W1: {peer} has {answers['trades']} trades.")
            how = "metrics, equity and fills read; config and candles built before"
            self.add("W1 one backtest", mine, peer, theirs, must, moonshot, how)

    def sma_sweep(
        self,
        work: str,
        grid: dict[str, Any],
        bars: str,
        goals: tuple[int, ...],
        rounds: int,
        peers: tuple[str, ...],
    ) -> None:
        candles: Candles = getattr(self, bars)
        config = config_of("sma_cross", candles)
        pairs = [(f, s) for f in grid["fast"] for s in grid["slow"]]
        for how, own in (("fast path", config), ("stream", forced_stream(config))):
            ours = sweep_timer(own, grid, candles)
            for peer in peers:
                kind = {"raptorbt": "raptor_sweep", "vectorbt": "vector_sweep"}[peer]
                mine, theirs, result, answers = self.in_turns(
                    ours,
                    lambda kind=kind: self.peers.ask(kind, bars, pairs=pairs),
                    rounds if peer == "raptorbt" else 3,
                )
                if own is config:
                    agree(result.metrics["total_return"], answers["total_return"], work)
                    agree_trades(result, answers, work)
                must, moonshot = goals[:2] if how == "fast path" else goals[2:4]
                if peer == "vectorbt":
                    must, moonshot = goals[4:6] if how == "fast path" else goals[6:8]
                self.add(f"{work}, {how}", mine, peer, theirs, must, moonshot, how)

    def rule_sweep(self, name: str) -> None:
        """Another rule against vectorbt, whose indicators are free here."""
        config = config_of(name, self.daily)
        plain = run_sweep(config, GRIDS[name], self.daily)
        write_masks(self.folder / f"{name}.npz", plain, self.daily)
        for how, own in (("fast path", config), ("stream", forced_stream(config))):
            mine, theirs, result, answers = self.in_turns(
                sweep_timer(own, GRIDS[name], self.daily),
                lambda: self.peers.ask("vector_masks", "daily", masks=name),
                3,
            )
            if own is config:
                agree(result.metrics["total_return"], answers["total_return"], name)
                agree_trades(result, answers, name)
            must, moonshot = (250, 500) if how == "fast path" else (80, 130)
            work = f"W2 1,000 × {name}, {how}"
            how = f"{how}; vectorbt gets its conditions ready-made"
            self.add(work, mine, "vectorbt", theirs, must, moonshot, how)

    def in_turns(
        self,
        ours: Callable[[], tuple[float, Any]],
        theirs: Callable[[], tuple[float, Any]],
        rounds: int,
    ) -> tuple[float, float, Any, Any]:
        """Return both medians in seconds, and the last answers."""
        ours(), theirs()
        settle()
        mine, other = [], []
        for _ in range(2 if self.quick else rounds):
            seconds, result = awake(ours)
            mine.append(seconds)
            seconds, answers = awake(theirs)
            other.append(seconds)
        return statistics.median(mine), statistics.median(other), result, answers

    def add(
        self,
        work: str,
        mine: float,
        peer: str,
        theirs: float,
        must: float | None,
        moonshot: float | None,
        how: str,
    ) -> None:
        row = Row(work, mine * 1e3, peer, theirs * 1e3, must, moonshot, how)
        self.rows.append(row)
        sys.stdout.write(f"{work}: {row.ratio:.1f}x {peer}\n")


def growth(candles: Candles) -> dict[str, float]:
    """Return time for twice the work over time for the work, and threads' gain."""
    half = candles.between(None, int(candles.ts[len(candles) // 2 - 1]))
    grid = GRIDS["sma_cross"]
    double = {"fast": range(5, 105), "slow": grid["slow"]}
    double["slow"] = range(110, 310, 10)
    config = config_of("sma_cross", candles)
    base = best_of(sweep_timer(config, grid, candles))
    more = best_of(sweep_timer(config, double, candles))
    less = best_of(sweep_timer(config_of("sma_cross", half), grid, half))
    os.environ["NUMBA_NUM_THREADS"] = "1"
    alone = best_of(sweep_timer(config, LARGE, candles))
    del os.environ["NUMBA_NUM_THREADS"]
    together = best_of(sweep_timer(config, LARGE, candles))
    return {
        "2x bars": base / less,
        "2x combinations": more / base,
        f"{n_threads()} threads": alone / together,
    }


def windows(candles: Candles) -> float:
    """Return the seconds of a walk-forward: 20 windows of 400 candidates."""
    config = config_of("sma_cross", candles)
    splits = rolling_splits(len(candles), train=1_000, test=198, windows=20)
    grid = {"fast": range(5, 45, 2), "slow": range(60, 260, 10)}

    def timed() -> tuple[float, Any]:
        start = time.perf_counter()
        found = walk_forward(config, grid, splits, candles)
        return time.perf_counter() - start, found

    return best_of(timed, rounds=3)


def memory_of(work: str) -> float:
    """Return what `memory` says in a fresh process: nothing freed lies about."""
    command = [sys.executable, "-m", "tests.bench.run", "--memory", work]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(answer.stdout)


def memory(work: str) -> float:
    """Return by how many MB the peak of a sweep exceeds what was there before."""
    whole = load_symbol("builtin", "SP500", "1d")
    candles = whole if work == "w2" else minute_candles(500_000)
    grid = LARGE if work == "w2" else MINUTES
    with reporting_to(MemorySink()):
        run_sweep(config_of("sma_cross", whole), {"fast": [5, 6]}, whole)
        Path("/proc/self/clear_refs").write_text("5")
        before = memory_mb("VmRSS")
        run_sweep(config_of("sma_cross", candles), grid, candles)
    return memory_mb("VmHWM") - before


def memory_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return float("nan")


def config_of(name: str, candles: Candles) -> RunConfig:
    return RunConfig(
        symbol=candles.symbol,
        timeframe=candles.timeframe,
        strategy={"name": name},
        execution=COSTS,
        benchmark="buy_and_hold",
    )


def forced_stream(config: RunConfig) -> RunConfig:
    """Return a config that holds a hair less than everything: no fast path."""
    almost = {"name": "fixed_fraction", "params": {"fraction": 0.999999}}
    return config.with_changes({"risk": almost})


def sweep_timer(
    config: RunConfig, grid: dict[str, Any], candles: Candles
) -> Callable[[], tuple[float, Any]]:
    def timed() -> tuple[float, Any]:
        start = time.perf_counter()
        result = run_sweep(config, grid, candles)
        _ = result.metrics
        return time.perf_counter() - start, result

    return timed


def best_of(timed: Callable[[], tuple[float, Any]], rounds: int = 9) -> float:
    return min(timed()[0] for _ in range(rounds))


def minute_candles(n_bars: int) -> Candles:
    """Return a made-up market of one-minute bars around the clock."""
    rng = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, n_bars)))
    opening = np.concatenate(([100.0], close[:-1]))
    opening = opening * np.exp(rng.normal(0.0, 1e-4, n_bars))
    return Candles(
        symbol="MINUTES",
        timeframe="1m",
        calendar="24/7",
        provider="bench",
        ts=np.arange(n_bars, dtype=np.int64) * 60_000,
        open=opening,
        high=np.maximum(opening, close) * 1.0001,
        low=np.minimum(opening, close) * 0.9999,
        close=close,
        volume=np.ones(n_bars),
    )


def write_bars(path: Path, candles: Candles) -> None:
    names = ("ts", "open", "high", "low", "close", "volume")
    arrays = {name: getattr(candles, name) for name in names}
    np.savez(path, ppy=candles.ppy, **arrays)


def write_masks(path: Path, result: Any, candles: Candles) -> None:
    """Write where each candidate wants in and out, so that a peer may follow."""
    strategy = result.plan.strategy
    wanted = np.empty((len(candles), len(result)))
    for row, point in enumerate(result.points):
        own = result.plan.params_at(int(point))
        params = complete_params(strategy_named(strategy.name), own)
        columns = compute_features(candles, strategy.features(params))
        wanted[:, row] = strategy.signal(candles, columns, params)
    np.savez(path, enter=wanted > 0.0, leave=wanted == 0.0)


def agree(ours: Any, theirs: Any, what: str) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    error = np.max(np.abs(ours - theirs) / np.maximum(np.abs(ours), 1.0))
    if not error <= 1e-9:
        raise SystemExit(f"{what}: answers differ by {error:.3g}.")


def agree_trades(result: Any, answers: dict[str, Any], what: str) -> None:
    if "trade_count" in answers:
        agree(result.metrics["trade_count"], answers["trade_count"], f"{what}, trades")


def goal(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:g}x"


def report(bench: Bench, facts: list[str]) -> str:
    """Return the document."""
    machine = f"{platform.machine()}, {n_threads()} cores, python "
    machine += f"{platform.python_version()}, numpy {np.__version__}"
    versions = {
        name: version
        for peers in bench.all_peers
        for name, version in peers.versions.items()
    }
    peers = ", ".join(f"{k} {v}" for k, v in versions.items())
    head = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d} with strategies "
        f"{__version__} beside {peers}, on {machine}.",
        "",
        "Ours and theirs take turns in one run; times are medians, only ratios count.",
        "What is shorter than 20 ms is done twenty times a turn, and the last counts.",
        "Every answer was compared: equity and total returns to 1e-9, closed round",
        "trips exactly. 5,000 daily bars of the S&P 500, 500,000 made-up minutes,",
        "5 + 5 bps; a sweep yields sixteen metrics a candidate. `stream` is the path",
        "of every rule and setting, made to run by a fraction of 0.999999; the fast",
        "path is chosen by itself where everything is held.",
        "",
        "| work | ours, ms | peer | theirs, ms | ratio | must | moonshot | how |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines = [
        f"| {r.work} | {r.ours_ms:.3f} | {r.peer} | {r.theirs_ms:.2f} "
        f"| **{r.ratio:.1f}x** | {goal(r.must)} | {goal(r.moonshot)} | {r.how} |"
        for r in bench.rows
    ]
    return "\n".join([*head, *lines, "", *facts, ""])


def main() -> None:
    if "--memory" in sys.argv:
        sys.stdout.write(f"{memory(sys.argv[-1])}\n")
        return
    quick = "--quick" in sys.argv
    with (
        tempfile.TemporaryDirectory() as folder,
        reporting_to(MemorySink()),
    ):
        bench = Bench(Path(folder), quick=quick)
        both = ("raptorbt", "vectorbt")
        bench.one_backtest()
        goals = (50, 100, 15, 28, 250, 500, 80, 130)
        small, large = GRIDS["sma_cross"], LARGE
        bench.sma_sweep("W2 1,000 × sma_cross", small, "daily", goals, 9, both)
        for name in ("rsi_reversion", "donchian"):
            bench.rule_sweep(name)
        peers = both if "--heavy" in sys.argv else both[:1]
        bench.sma_sweep("W2 10,000 × sma_cross", large, "daily", goals, 5, peers)
        goals = (51, 77, 18, 27, 500, 750, 180, 260)
        bench.sma_sweep("W3 200 × 500,000", MINUTES, "minutes", goals, 3, peers)
        features(bench)
        luck(bench)
        population(bench)
        search(bench)
        loaded = data(bench)
        grew = ", ".join(f"{k} {v:.2f}x" for k, v in growth(bench.daily).items())
        w2, w3 = memory_of("w2"), memory_of("w3")
        facts = [
            f"A walk-forward of 20 windows × 400 candidates (at most 2 s): "
            f"{windows(bench.daily):.2f} s.",
            "",
            f"Growth (at most 2.1x; threads at least 1.7x): {grew}.",
            "",
            f"Memory beyond what was there before: {w2:.0f} MB for 10,000 candidates "
            f"(at most 16), {w3:.0f} MB for 500,000 bars of 24 MB (at most 24).",
            "",
            *loaded,
        ]
        for peers in bench.all_peers:
            peers.close()
    engine_written(report(bench, facts))


if __name__ == "__main__":
    main()
