"""What the peers of loading data do: pandas and polars. Nothing here is ours.

Started by `tests.bench.data` as `tests/bench/peers.py` is by `tests.bench.run`; asked
and answered in the same way. What is asked for is a dict of aligned arrays: stamps, and
one matrix of bars by symbols for each field.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

FOLDER = Path(sys.argv[1])
FIELDS = ("open", "high", "low", "close", "volume")


def pandas_panel(rows):
    wide = rows.pivot(index="ts_utc", columns="symbol", values=list(FIELDS))
    made = {name: np.ascontiguousarray(wide[name].to_numpy()) for name in FIELDS}
    return made | {"ts": wide.index.to_numpy()}


def polars_panel(rows):
    """Cells are put in their places: its own pivot takes ten times as long."""
    names = pl.Enum(rows["symbol"].unique().sort())
    places = rows.select(
        pl.col("ts_utc").rank("dense") - 1, pl.col("symbol").cast(names).to_physical()
    )
    at = places["ts_utc"].to_numpy(), places["symbol"].to_numpy()
    made = {"ts": rows["ts_utc"].unique().sort().to_numpy()}
    for name in FIELDS:
        made[name] = np.full((len(made["ts"]), len(names.categories)), np.nan)
        made[name][at] = rows[name].to_numpy()
    return made


def columns(frame):
    made = {name: np.ascontiguousarray(frame[name].to_numpy()) for name in FIELDS}
    return made | {"ts": np.ascontiguousarray(frame["ts_utc"].to_numpy())}


WORKS = {
    "pandas_panel": lambda: pandas_panel(pd.read_parquet(FOLDER / "panel.parquet")),
    "polars_panel": lambda: polars_panel(pl.read_parquet(FOLDER / "panel.parquet")),
    "pandas_minutes": lambda: columns(pd.read_parquet(FOLDER / "minutes.parquet")),
    "polars_minutes": lambda: columns(pl.read_parquet(FOLDER / "minutes.parquet")),
    "pandas_csv": lambda: pandas_panel(
        pd.read_csv(FOLDER / "panel.csv", parse_dates=["ts_utc"])
    ),
    "polars_csv": lambda: polars_panel(
        pl.read_csv(FOLDER / "panel.csv", try_parse_dates=True)
    ),
}


def memory_mb(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return float("nan")


def answer(request):
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_mb("VmRSS")
    start = time.perf_counter()
    made = WORKS[request["work"]]()
    seconds = time.perf_counter() - start
    sums = {name: float(np.nansum(made[name])) for name in FIELDS}
    peak = memory_mb("VmHWM") - before
    return seconds, {"sums": sums, "shape": made["close"].shape, "peak_mb": peak}


def main():
    say = {"pandas": pd.__version__, "polars": pl.__version__}
    sys.stdout.write(json.dumps(say) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        seconds, answers = answer(json.loads(line))
        sys.stdout.write(json.dumps({"seconds": seconds, "answers": answers}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
