"""Data that load at memory speed, beside pandas and polars making the same arrays.

A panel of 500 symbols × 2,500 days and 1,000,000 minutes from a warm cache, and a panel
out of a CSV file with the memory that it takes. The peers read one Parquet file of all
symbols, which is faster than a file of each; ours prove every byte by its hash.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import Candles, Panel
from strategies.market.cache import CandleCache
from strategies.market.intake import IntakeOptions, take_in
from strategies.market.sources import load_panel, load_symbol

if TYPE_CHECKING:
    from tests.bench.run import Bench

FIELDS = ("open", "high", "low", "close", "volume")
N_BARS, N_SYMBOLS, N_MINUTES = 2_500, 500, 1_000_000
SYMBOLS = [f"S{number:03}" for number in range(N_SYMBOLS)]
ALL_DAYS: Any = SimpleNamespace(
    provider="upload", symbol=None, timeframe="1d", start_ms=None, end_ms=None
)
AS_SENT = {"timeframe": "1d", "calendar": "XNYS"}


def data(bench: Bench) -> list[str]:
    """Add the rows, and return what is said of memory."""
    from tests.bench.run import minute_candles

    with _home(bench.folder / "home"):
        candles = market()
        keep(candles)
        keep([replace(minute_candles(N_MINUTES), provider="upload")])
        write_long(candles, bench.folder)
        panel_row(bench)
        minutes_row(bench)
        return csv_row(bench)


def market() -> list[Candles]:
    """Return days of many symbols, one in a hundred missing."""
    rng = np.random.default_rng(7)
    first = np.datetime64("2010-01-04")
    days = np.busday_offset(first, np.arange(N_BARS)).astype("datetime64[ms]")
    return [_symbol(name, days.astype(np.int64), rng) for name in SYMBOLS]


def _symbol(name: str, days: Any, rng: np.random.Generator) -> Candles:
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, N_BARS)))
    values = [close * 1.001, close * 1.01, close * 0.99, close]
    values = [np.round(one, 4) for one in (*values, rng.lognormal(9, 1, N_BARS))]
    there = rng.uniform(size=N_BARS) > 0.01
    columns = [one[there] for one in values]
    return Candles(name, "1d", "XNYS", "upload", days[there], *columns)


def keep(candles: list[Candles]) -> None:
    qualities = [dict(one.quality) for one in candles]
    CandleCache().put_all(candles, source_version="bench", qualities=qualities)


def write_long(candles: list[Candles], folder: Path) -> None:
    """Write what the peers read: all symbols in one file, as Parquet and as CSV."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, parquet

    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in candles]) for name in FIELDS
    }
    stamps = np.concatenate([one.ts for one in candles])
    names = np.repeat(SYMBOLS, [len(one) for one in candles])
    # By time and then by symbol, as such files come.
    order = np.lexsort((names, stamps))
    table = pa.table(
        {"ts_utc": stamps.astype("datetime64[ms]"), "symbol": names} | arrays
    ).take(pa.array(order))
    parquet.write_table(table, folder / "panel.parquet", compression="zstd")
    dates = pc.strftime(table.column("ts_utc"), "%Y-%m-%d")
    csv.write_csv(table.set_column(0, "ts_utc", dates), folder / "panel.csv")
    [minutes] = CandleCache().versions("upload", "MINUTES", "1m")
    path = CandleCache().store.local(minutes.key)
    (folder / "minutes.parquet").write_bytes(path.read_bytes())


def panel_row(bench: Bench) -> None:
    def ours() -> tuple[float, Panel]:
        start = time.perf_counter()
        panel = load_panel(ALL_DAYS, SYMBOLS)
        return time.perf_counter() - start, panel

    ours()  # makes the cache warm
    for peer in ("pandas", "polars"):
        mine, theirs, panel, answers = bench.in_turns(
            ours, lambda peer=peer: bench.data_peers.ask(f"{peer}_panel", ""), 5
        )
        check(panel.fields, answers, f"panel of {peer}")
        how = "500 symbols × 2,500 days in 5 matrices, at most 150 ms; "
        how += "theirs out of one Parquet file"
        bench.add("Data panel, warm", mine, peer, theirs, None, None, how)


def minutes_row(bench: Bench) -> None:
    def ours() -> tuple[float, Candles]:
        start = time.perf_counter()
        candles = load_symbol("upload", "MINUTES", "1m")
        return time.perf_counter() - start, candles

    for peer in ("pandas", "polars"):
        mine, theirs, candles, answers = bench.in_turns(
            ours, lambda peer=peer: bench.data_peers.ask(f"{peer}_minutes", ""), 5
        )
        check({name: getattr(candles, name) for name in FIELDS}, answers, peer)
        how = "1,000,000 bars of one symbol, at most 250 ms; ours are proved by their "
        how += "hash and their gaps counted"
        bench.add("Data minutes, warm", mine, peer, theirs, None, None, how)


def csv_row(bench: Bench) -> list[str]:
    path = bench.folder / "panel.csv"

    def ours() -> tuple[float, Panel]:
        start = time.perf_counter()
        panel = panel_of_csv(path)
        return time.perf_counter() - start, panel

    peaks = {}
    for peer in ("pandas", "polars"):
        mine, theirs, panel, answers = bench.in_turns(
            ours, lambda peer=peer: bench.data_peers.ask(f"{peer}_csv", ""), 3
        )
        check(panel.fields, answers, f"CSV of {peer}")
        peaks[peer] = answers["peak_mb"]
        how = f"{rows_of(panel):,} rows in one file; ours judge every cell"
        bench.add("Data CSV to panel", mine, peer, theirs, None, None, how)
    bars = 8 * (len(FIELDS) + 1) * rows_of(panel) / 2**20
    command = [sys.executable, "-m", "tests.bench.data", str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    taken, whole = map(float, answer.stdout.split())
    others = ", ".join(f"{peer} {peak:.0f} MB" for peer, peak in peaks.items())
    return [
        f"Memory from CSV to bars of {bars:.0f} MB, beyond the bars themselves: "
        f"{taken - bars:.0f} MB (at most twice them: {2 * bars:.0f}). With the bars "
        f"{taken:.0f} MB, with a panel beside them {whole:.0f} MB; {others}."
    ]


def rows_of(panel: Panel) -> int:
    return len(panel) * len(panel.symbols) - panel.quality["missing_bars"]


def panel_of_csv(path: Path) -> Panel:
    return Panel.of(take_in(path, IntakeOptions(**AS_SENT)).candles)


def check(fields: Any, answers: dict[str, Any], what: str) -> None:
    from tests.bench.run import agree

    if list(fields["close"].shape) != answers["shape"]:
        raise SystemExit(f"{what}: the shape is {answers['shape']}.")
    for name in FIELDS:
        agree(np.nansum(fields[name]), answers["sums"][name], f"{what}, {name}")


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    usual = os.environ.get("QUANT_HOME")
    os.environ["QUANT_HOME"] = str(folder)
    yield
    del os.environ["QUANT_HOME"]
    if usual is not None:
        os.environ["QUANT_HOME"] = usual


def main() -> None:
    """Print by how many MB bars, and then a panel, exceed what was there before."""
    from tests.bench.run import memory_mb

    path = Path(sys.argv[1])
    few = path.with_name("few.csv")
    with path.open() as file:
        few.write_text("".join(file.readline() for _ in range(5_000)))
    panel_of_csv(few)  # everything is imported
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_mb("VmRSS")
    candles = take_in(path, IntakeOptions(**AS_SENT)).candles
    taken = memory_mb("VmHWM") - before
    Panel.of(candles)
    sys.stdout.write(f"{taken} {memory_mb('VmHWM') - before}\n")


if __name__ == "__main__":
    main()
