"""Where the profit of a run came from: by symbol, by side, by the time of the year.

Out of the run's files, so it holds for a run of one symbol and of many. Each way adds
up to the whole profit: round trips with the open one at its mark, or all bars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from experiments.artifacts.tables import EQUITY, ROUND_TRIPS
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_table
from experiments.selectors.results import result_needed
from experiments.selectors.series import calendar_of
from quantlab.web.paging import unknown_word
from strategies.market.calendar import local_hours, month_keys, session_days
from strategies.market.timeframe import timeframe_named
from strategies.market.universes import sector_of
from strategies.types import FloatArray, IntArray

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
FIRST_MONDAY_DAYS = 4  # 5 January 1970
NO_SECTOR = "No sector known"
TRIPS, BARS = "round_trips", "bars"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One row. `pnl` and `mean` are cash, `share` is of the size of the whole profit.

    A share has the sign of its own `pnl`, also where the whole is a loss. `count` says
    how many round trips or bars it has, `win_rate` which share of them earned money.
    """

    key: str
    label: str
    pnl: float
    share: float | None
    count: int
    win_rate: float | None
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    by: str
    of: str  # what is counted: round_trips or bars
    parts: list[Part]
    pnl: float
    count: int

    def as_json(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "of": self.of,
            "items": [asdict(part) for part in self.parts],
            "total": {"pnl": self.pnl, "count": self.count},
        }


def run_breakdown(run: ModelRun, by: str) -> Breakdown:
    """Return the profit of a run, divided in one way.

    409 for a run without a result or without files, 422 for a way that is none.
    """
    result_needed(run)
    if by not in WAYS:
        raise unknown_word("by", by, WAYS)
    of, divide = WAYS[by]
    pnl, groups = divide(run)
    total = float(pnl.sum())
    parts = [
        _part(key, label, pnl[rows], total)
        for key, label, rows in groups
        if len(pnl[rows])
    ]
    return Breakdown(by=by, of=of, parts=parts, pnl=total, count=len(pnl))


def _part(key: str, label: str, pnl: FloatArray, total: float) -> Part:
    own = float(pnl.sum())
    return Part(
        key=key,
        label=label,
        pnl=own,
        share=own / abs(total) if total else None,
        count=len(pnl),
        win_rate=float((pnl > 0.0).mean()),
        mean=own / len(pnl),
    )


Groups = list[tuple[str, str, Any]]  # key, label, which rows
Divided = tuple[FloatArray, Groups]


def _by_word(run: ModelRun, column: str) -> Divided:
    """Divide the round trips by a word of theirs, the best first."""
    table = artifact_table(run, ROUND_TRIPS, column, "pnl")
    words = np.array(table.column(column).to_pylist(), dtype=str)
    return _best_first(table.column("pnl").to_numpy(), words)


def _by_sector(run: ModelRun) -> Divided:
    table = artifact_table(run, ROUND_TRIPS, "symbol", "pnl")
    symbols = table.column("symbol").to_pylist()
    words = np.array([sector_of(str(one)) or NO_SECTOR for one in symbols], dtype=str)
    return _best_first(table.column("pnl").to_numpy(), words)


def _best_first(pnl: FloatArray, words: Any) -> Divided:
    earned = {word: float(pnl[words == word].sum()) for word in np.unique(words)}
    order = sorted(earned, key=lambda word: (-earned[word], word))
    groups = [(str(w), str(w).replace("_", " "), words == w) for w in order]
    return pnl, groups


def _by_time(run: ModelRun, numbers: Callable[..., IntArray], name: Any) -> Divided:
    """Divide the bars, but the first one, by the number their stamp stands for."""
    table = artifact_table(run, EQUITY, "ts_utc", "equity")
    ts, equity = (column.to_numpy() for column in table.columns)
    keys = numbers(ts[1:], calendar_of(run), str(run.config["timeframe"]))
    groups = [(str(key), name(int(key)), keys == key) for key in np.unique(keys)]
    return np.diff(equity), groups


def _weekdays(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    return (session_days(ts, calendar, timeframe) - FIRST_MONDAY_DAYS) % 7 + 1


def _months(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    return month_keys(ts, calendar, timeframe) % 100


def _years(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    return month_keys(ts, calendar, timeframe) // 100


def _hours(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    if not timeframe_named(timeframe).intraday:
        return np.full(ts.shape[0], -1)
    return local_hours(ts, calendar)


def _hour_name(hour: int) -> str:
    return "Whole days" if hour < 0 else f"{hour:02d}:00"


Way = tuple[str, Callable[[ModelRun], Divided]]
WAYS: dict[str, Way] = {
    "symbol": (TRIPS, lambda run: _by_word(run, "symbol")),
    "sector": (TRIPS, _by_sector),
    "year": (BARS, lambda run: _by_time(run, _years, str)),
    "month": (BARS, lambda run: _by_time(run, _months, lambda n: MONTHS[n - 1])),
    "weekday": (BARS, lambda run: _by_time(run, _weekdays, lambda n: DAYS[n - 1])),
    "hour": (BARS, lambda run: _by_time(run, _hours, _hour_name)),
    "side": (TRIPS, lambda run: _by_word(run, "side")),
    "reason": (TRIPS, lambda run: _by_word(run, "exit_reason")),
}


def _may_be_short(run: ModelRun) -> bool:
    params = (run.config.get("strategy") or {}).get("params", {})
    return params.get("direction", "long") != "long"


def ways_of(run: ModelRun) -> Sequence[str]:
    """Return the ways that say something of a run: more than one row is possible."""
    is_many = bool(run.config.get("universe"))
    is_intraday = timeframe_named(str(run.config["timeframe"])).intraday
    silent = {"symbol", "sector"} if not is_many else set()
    silent |= {"hour"} if not is_intraday else set()
    silent |= {"side"} if not _may_be_short(run) else set()
    return [way for way in WAYS if way not in silent]
