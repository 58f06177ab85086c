"""How many trials any bars have seen: the ledger's counts, kept in memory.

Entries are only ever appended, so what was read stays true, and a request reads what is
new since the last one. A window's trials are then a few sums, however many runs ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from django.db.models import IntegerField, OuterRef, Subquery

from experiments.models import (
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    OverfittingAnswer,
)
from strategies.documents import sha256_of

COLUMNS = (
    "seq",
    "hash",
    "pool",
    "instruments",
    "start_ms",
    "end_ms",
    "n_trials",
    "n_sharpes",
    "sharpe_mean",
    "sharpe_variance",
    "sharpe_max",
    "ppy",
)
MOST_TALLIES = 20_000  # that are kept until the ledger grows
NUMBERS = ("start_ms", "end_ms", "n_trials", "n_sharpes", "mean", "squares", "max")


def is_made_up(provider: str) -> bool:
    """Return whether no market made these bars: what is tried on them never counts."""
    return provider == "synthetic"


def pool_of(instruments: Iterable[str]) -> str:
    """Return the name of what is looked at: its instruments, in any order."""
    return sha256_of(sorted(set(instruments)))


@dataclass(frozen=True, slots=True)
class Tally:
    """What was tried on some bars; Sharpe ratios are per year."""

    n_trials: int = 0
    variance: float = 0.0  # ddof 1; 0 for fewer than two
    best: float | None = None


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """The ledger as it was at one moment; `columns` are float64, one row an entry."""

    columns: dict[str, np.ndarray]
    pool: np.ndarray  # index into `pools`
    pools: dict[str, frozenset[str]]  # in the order of their first entry
    effective: dict[str, LedgerPool]
    head: str  # of the ledger at that moment
    _covering: dict[str, np.ndarray] = field(default_factory=dict)
    _tallies: dict[tuple[Any, ...], Tally] = field(default_factory=dict)

    @property
    def n_trials(self) -> int:
        """Return how many different candidates were tried in all."""
        return int(self.columns["n_trials"].sum())

    @property
    def counted(self) -> frozenset[str]:
        """Return the pools on which trials count: those no market made have none."""
        return frozenset(pool for pool in self.pools if self.tally(pool).n_trials)

    def tally(
        self,
        pool: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        instruments: frozenset[str] = frozenset(),
    ) -> Tally:
        """Sum the entries that looked at least at half of the pool, in its window.

        None leaves a side of the window open. `instruments` says what is in a pool that
        nobody looked at so far; without them it has no entries.
        """
        window = (pool, start_ms, end_ms, instruments)
        known = self._tallies.get(window)
        if known is None:
            known = self._tallied(*window)
            if len(self._tallies) < MOST_TALLIES:
                self._tallies[window] = known
        return known

    def _tallied(
        self,
        pool: str,
        start_ms: int | None,
        end_ms: int | None,
        instruments: frozenset[str],
    ) -> Tally:
        counted = self._covers(pool, instruments)[self.pool]
        if start_ms is not None:
            counted &= self.columns["end_ms"] >= start_ms
        if end_ms is not None:
            counted &= self.columns["start_ms"] <= end_ms
        counted &= self.columns["n_trials"] > 0
        return self._sum(counted)

    def _covers(self, pool: str, instruments: frozenset[str]) -> np.ndarray:
        """Return for each pool whether it holds half of this one's instruments."""
        own = self.pools.get(pool, instruments)
        if not own:
            return np.zeros(len(self.pools), dtype=bool)
        if pool not in self._covering:
            covers = [
                2 * len(own & theirs) >= len(own) for theirs in self.pools.values()
            ]
            self._covering[pool] = np.array(covers, dtype=bool)
        return self._covering[pool]

    def _sum(self, counted: np.ndarray) -> Tally:
        n_trials, n, mean, squares, best = (
            self.columns[name][counted] for name in NUMBERS[2:]
        )
        known = n > 0
        n, mean, squares = n[known], mean[known], squares[known]
        total = n.sum()
        variance = 0.0
        if total >= 2:
            middle = (n * mean).sum() / total
            spread = squares.sum() + (n * (mean - middle) ** 2).sum()
            variance = float(spread / (total - 1))
        return Tally(
            int(n_trials.sum()), variance, float(best[known].max()) if total else None
        )


class TrialIndex:
    """The counts of this process; one query says whether they are those of now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._known = ("", -1)
        self._end = (0, "")  # seq and hash of the newest entry that was read
        self._rows: list[list[float]] = []
        self._of: list[int] = []
        self._pools: dict[str, frozenset[str]] = {}
        self._places: dict[str, int] = {}
        self._counts: TrialCounts | None = None

    def now(self) -> TrialCounts:
        """Return the counts as of now; more queries where something has changed."""
        with self._lock:
            heads = LedgerHead.objects.values_list("hash", "version")
            head = heads.first() or ("", 0)
            if self._counts is None or head != self._known:
                self._update()
                self._known = head
                self._counts = self._built(f"{head[0]}:{head[1]}")
            return self._counts

    def _update(self) -> None:
        seq, known_hash = self._end
        rows = self._read(seq)
        if seq and (not rows or rows[0]["hash"] != known_hash):
            self._clear()  # another database, or one put back to an older state
            rows = self._read(0)
        elif seq:
            rows = rows[1:]
        self._add(rows)

    def _read(self, seq: int) -> list[dict[str, Any]]:
        entries = LedgerEntry.objects.filter(seq__gte=seq).order_by("seq")
        return list(entries.values(*COLUMNS))

    def _add(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["pool"] not in self._places:
                self._places[row["pool"]] = len(self._places)
                self._pools[row["pool"]] = frozenset(row["instruments"])
            self._of.append(self._places[row["pool"]])
            self._rows.append(_per_year(row))
            self._end = (row["seq"], row["hash"])

    def _built(self, head: str) -> TrialCounts:
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(NUMBERS))
        columns = {name: table[:, i].copy() for i, name in enumerate(NUMBERS)}
        pool = np.array(self._of, dtype=np.int64)
        return TrialCounts(columns, pool, dict(self._pools), _effective(), head)


def _effective() -> dict[str, LedgerPool]:
    """Return what is known of each pool; `pbo_n_trials` says of how many the PBO is."""
    answers = OverfittingAnswer.objects.filter(pool=OuterRef("pool"), run_id="")
    tested = Subquery(
        answers.values("document__n_candidates")[:1], output_field=IntegerField()
    )
    return dict(LedgerPool.objects.annotate(pbo_n_trials=tested).in_bulk())


def _per_year(row: dict[str, Any]) -> list[float]:
    ppy, n = row["ppy"], row["n_sharpes"]
    mean = (row["sharpe_mean"] or 0.0) * ppy**0.5
    squares = (row["sharpe_variance"] or 0.0) * ppy * max(n - 1, 0)
    best = (row["sharpe_max"] or 0.0) * ppy**0.5
    return [row["start_ms"], row["end_ms"], row["n_trials"], n, mean, squares, best]


_index = TrialIndex()


def trial_counts() -> TrialCounts:
    """Return the ledger's counts as of now; one query."""
    return _index.now()
