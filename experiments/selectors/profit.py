"""Where the profit of many runs came from: by time, by what was traded, by whose rule.

Runs are of the same few histories, so their profits are no income that adds up: a part
says what its runs earned in it together, and what one of them did on average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from experiments.artifacts.tables import EQUITY
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_table
from experiments.selectors.breakdown import run_breakdown
from experiments.selectors.series import calendar_of
from experiments.selectors.statistics import OF_RUNS, OF_TRIPS, PERIODS
from quantlab.web.problem import Problem
from strategies.market.calendar import month_keys, session_days
from strategies.types import IntArray

EPOCH = date(1970, 1, 1)
THURSDAY = 3  # 1 January 1970, counted from Monday
NO_TAG = "no tag"


@dataclass(slots=True)
class Sum:
    """What was earned in one part, by how many bars, round trips or runs."""

    label: str
    pnl: float = 0.0
    count: int = 0
    won: float = 0.0
    runs: int = 0

    def add(self, pnl: float, count: int, won: float) -> None:
        self.pnl += pnl
        self.count += count
        self.won += won
        self.runs += 1


Piece = tuple[str, str, float, int, float]  # key, label, profit, count, how many won


def profit_parts(runs: Iterable[ModelRun], by: str) -> dict[str, Any]:
    """Return the profit of runs divided in one way, each read once.

    Times are in their order, the others by profit. A run whose files are needed and
    cannot be read is in no part; it is counted as `unread`.
    """
    sums: dict[str, Sum] = {}
    n_runs = n_unread = 0
    for run in runs:
        try:
            pieces = list(_pieces(run, by))
        except (Problem, OSError):
            n_unread += 1
            continue
        n_runs += bool(pieces)
        for key, label, pnl, count, won in pieces:
            sums.setdefault(key, Sum(label)).add(pnl, count, won)
    parts = [_part(key, one) for key, one in sums.items()]
    in_time = by in (*PERIODS, "hour", "weekday")
    parts.sort(key=_in_time if in_time else _best_first)
    return {
        "by": by,
        "of": of_what(by),
        "items": parts,
        "runs": n_runs,
        "unread": n_unread,
    }


def of_what(by: str) -> str:
    """Return what is counted in a part."""
    if by in OF_RUNS:
        return "runs"
    return "round_trips" if by in OF_TRIPS else "bars"


def _part(key: str, one: Sum) -> dict[str, Any]:
    return {
        "key": key,
        "label": one.label,
        "pnl": one.pnl,
        "runs": one.runs,
        "mean": one.pnl / one.runs,
        "count": one.count,
        "win_rate": one.won / one.count if one.count else None,
    }


def _in_time(part: dict[str, Any]) -> tuple[float, str]:
    key = part["key"]
    is_number = key.lstrip("-").isdigit()
    return (float(key) if is_number else 0.0), key


def _best_first(part: dict[str, Any]) -> tuple[float, str]:
    return -part["pnl"], part["key"]


def _pieces(run: ModelRun, by: str) -> Iterator[Piece]:
    if by in OF_RUNS:
        yield from _whole(run, by)
    elif by in PERIODS:
        yield from _by_period(run, *PERIOD_KEYS[by])
    else:
        for part in run_breakdown(run, by).parts:
            won = (part.win_rate or 0.0) * part.count
            yield part.key, part.label, part.pnl, part.count, won


def _whole(run: ModelRun, by: str) -> Iterator[Piece]:
    """Yield the profit of a run for what it is called, or for each of its tags."""
    gain = run.metrics.get("total_return")
    if gain is None:
        return
    pnl = float(gain) * float(run.config.get("initial_cash", 0.0))
    names = [run.strategy] if by == "strategy" else run.tags or [NO_TAG]
    for name in names:
        yield name, name, pnl, 1, float(pnl > 0.0)


Keys = Callable[[IntArray, str, str], IntArray]


def _by_period(
    run: ModelRun, keys: Keys, name: Callable[[int], str]
) -> Iterator[Piece]:
    """Yield what the bars of each period earned; the first bar earns nothing."""
    table = artifact_table(run, EQUITY, "ts_utc", "equity")
    ts, equity = (column.to_numpy() for column in table.columns)
    if len(ts) < 2:
        return
    pnl = np.diff(equity)
    found = keys(ts[1:], calendar_of(run), str(run.config["timeframe"]))
    periods, place = np.unique(found, return_inverse=True)
    earned = np.bincount(place, weights=pnl)
    counts = np.bincount(place)
    won = np.bincount(place, weights=(pnl > 0.0))
    for i, period in enumerate(periods):
        label = name(int(period))
        yield label, label, float(earned[i]), int(counts[i]), float(won[i])


def _mondays(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    days = session_days(ts, calendar, timeframe)
    return days - (days + THURSDAY) % 7


def _day(number: int) -> str:
    return (EPOCH + timedelta(days=number)).isoformat()


def _month(number: int) -> str:
    return f"{number // 100:04d}-{number % 100:02d}"


PERIOD_KEYS: dict[str, tuple[Keys, Callable[[int], str]]] = {
    "day": (session_days, _day),
    "week": (_mondays, _day),
    "month": (month_keys, _month),
}
