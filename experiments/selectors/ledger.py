"""Every read of the trial ledger: families of trials, entries, proof of the chain."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Min

from experiments.models import (
    InstrumentBars,
    LedgerEntry,
    LedgerHead,
    ModelRun,
    RunMetric,
)
from experiments.models.ledger import NULL_MODEL
from experiments.selectors.conditions import NOT_SUCCEEDED
from experiments.selectors.counts import experiment_count, run_status_counts
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.honesty import Honesty, expected_best, judge
from experiments.selectors.runs import run_documents, runs_listed
from experiments.selectors.state import KEPT_S, lab_state, work_state
from experiments.selectors.trials import Tally, TrialCounts, pool_of, trial_counts
from jobs.models import JobStatus
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies.documents import canonical_json, sha256_of
from strategies.statistics import min_backtest_years

POOLS_SHOWN = 8
READ_AT_ONCE = 200
YEAR_MS = 365.25 * 86_400_000
CONFIDENT = 1.645  # standard errors above luck that a DSR of 0.95 asks for
MIN_YEARS = 1 / 12

OF_ENTRY = (
    "source",
    "pool",
    "instruments",
    "data_fingerprint",
    "timeframe",
    "run_id",
    "job_id",
    "chunk",
    "config_hash",
    "n_evaluated",
    "n_trials",
    "ppy",
    "candidates_sha",
    "prev_hash",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    experiments: int
    runs_kept: int  # succeeded, neither deleted nor archived
    trials: int  # different candidates, over all data

    @property
    def is_new_lab(self) -> bool:
        return not (self.experiments or self.runs_kept or self.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All trials that looked at the same instruments, and the best run that is kept."""

    pool: str
    label: str
    instruments: list[str]
    start_ms: int
    end_ms: int
    first_at: datetime
    last_at: datetime
    n_entries: int
    luck: Honesty
    best: dict[str, Any] | None  # the document of a run

    @property
    def n_trials(self) -> int:
        return self.luck.n_trials

    @property
    def years(self) -> float:
        return max((self.end_ms - self.start_ms) / YEAR_MS, MIN_YEARS)

    def as_json(self) -> dict[str, Any]:
        best = self.best
        return {
            "pool": self.pool,
            "label": self.label,
            "instruments": self.instruments,
            "n_trials": self.n_trials,
            "n_effective": self.luck.n_effective,
            "n_effective_is_least": self.luck.n_effective_is_least,
            "expected_max_sharpe": self.luck.expected_max_sharpe,
            "best": best
            and {"run_id": best["id"], "sharpe": best["metrics"]["sharpe"]},
            "n_entries": self.n_entries,
            "start": moment_of(self.start_ms),
            "end": moment_of(self.end_ms),
            "first_at": self.first_at,
            "last_at": self.last_at,
        }


def moment_of(stamp_ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(stamp_ms / 1000, UTC))


def lab_totals() -> Totals:
    """Count everything; four queries."""
    kept = run_status_counts(RunFilter())
    return Totals(
        experiments=experiment_count(ExperimentFilter()),
        runs_kept=kept[JobStatus.SUCCEEDED],
        trials=trial_counts().n_trials,
    )


def ledger_families(limit: int | None = POOLS_SHOWN) -> list[Family]:
    """Return the families with the most trials; the same few queries for any."""
    counts = trial_counts()
    key = f"families:{counts.head}"
    rows: list[dict[str, Any]] | None = cache.get(key)
    if rows is None:  # all entries are read for it: kept until one is added
        rows = list(_grouped().order_by("-last_at", "pool"))
        rows.sort(key=lambda row: counts.tally(row["pool"]).n_trials, reverse=True)
        cache.set(key, rows, timeout=KEPT_S)
    return _families(rows[:limit], counts)


def ledger_family(pool: str) -> Family:
    """Return one family; 404 for a pool that nobody looked at."""
    rows = list(_grouped().filter(pool=pool))
    if not rows:
        raise Problem(
            status=404,
            message=f"There is no pool {pool[:64]!r} in the ledger.",
            next_steps=["GET /api/ledger/families"],
        )
    return _families(rows, trial_counts())[0]


def _grouped() -> Any:
    return (
        LedgerEntry.objects.exclude(source=NULL_MODEL)
        .order_by()
        .values("pool")
        .annotate(
            first_ms=Min("start_ms"),
            last_ms=Max("end_ms"),
            first_at=Min("created_at"),
            last_at=Max("created_at"),
            n_entries=Count("seq"),
        )
    )


def _families(rows: Sequence[dict[str, Any]], counts: TrialCounts) -> list[Family]:
    pools = [row["pool"] for row in rows]
    best = _best_runs(pools)
    families = []
    for row in rows:
        pool = row["pool"]
        instruments = sorted(counts.pools[pool])
        tally = counts.tally(pool)
        families.append(
            Family(
                pool=pool,
                label=label_of(instruments),
                instruments=instruments,
                start_ms=row["first_ms"],
                end_ms=row["last_ms"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                n_entries=row["n_entries"],
                luck=judge(
                    None, tally, counts.effective.get(pool), pool=pool, sharpe_se=None
                ),
                best=best.get(pool),
            )
        )
    return families


def label_of(instruments: Sequence[str]) -> str:
    """Return `SP500` of `builtin:SP500`; many are the first and a number."""
    names = [name.rpartition(":")[2] for name in instruments]
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _best_runs(pools: list[str]) -> dict[str, dict[str, Any]]:
    """Return the best run that is kept of each pool, by its Sharpe.

    Which they are is kept until a run changes.
    """
    key = f"best-runs:{lab_state()}:{work_state()}:{sha256_of(sorted(pools))}"
    best: dict[str, UUID] | None = cache.get(key)
    if best is None:
        best = _best_keys(pools)
        cache.set(key, best, timeout=KEPT_S)
    runs = runs_listed(list(best.values()))
    documents = run_documents(runs, with_config=False)
    return {run.pool: one for run, one in zip(runs, documents, strict=True)}


def _best_keys(pools: list[str]) -> dict[str, UUID]:
    """Read from the best of all downwards until each pool that has runs has its own."""
    shown = ModelRun.objects.filter(pool__in=pools, deleted_at__isnull=True)
    kept = shown.exclude(data_fingerprint="").order_by().distinct()
    missing = set(kept.values_list("pool", flat=True))
    numbers = (
        RunMetric.objects.filter(key="sharpe", value__isnull=False)
        .filter(run__deleted_at__isnull=True)
        .exclude(run__job__status__in=NOT_SUCCEEDED)
        .order_by("-value", "-run_id")
        .values_list("run__pool", "run_id")
    )
    best: dict[str, UUID] = {}
    for pool, key in numbers.iterator(chunk_size=READ_AT_ONCE) if missing else ():
        if pool in missing:
            missing.remove(pool)
            best[pool] = key
        if not missing:
            break
    return best


# --- what more trials would cost ---------------------------------------------------


def pool_named(names: Iterable[str]) -> str:
    """Return the pool of instruments by their names now, `provider:symbol`."""
    return pool_of(instruments_named(names))


def instruments_named(names: Iterable[str]) -> frozenset[str]:
    """Return what is meant by names as they are now, `provider:symbol`."""
    wanted = list(names)
    known = InstrumentBars.objects.filter(name__in=wanted).order_by("pk")
    instruments = {name: [name] for name in wanted}
    instruments |= {one.name: one.instruments for one in known}
    return frozenset(one for several in instruments.values() for one in several)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What `n` more trials do to the bar that luck sets; Sharpe ratios per year."""

    n: int
    now: Honesty
    after: Honesty
    years: float

    def needed(self, luck: Honesty) -> float:
        """Return the Sharpe that a DSR of 0.95 asks for, with this much data."""
        best = luck.expected_max_sharpe or 0.0
        return best + CONFIDENT * math.sqrt((1 + best * best / 2 / 252) / self.years)

    @property
    def needed_now(self) -> float:
        return self.needed(self.now)

    @property
    def needed_after(self) -> float:
        return self.needed(self.after)

    @property
    def min_years(self) -> float | None:
        """Return the years within which luck alone would reach a Sharpe of 1."""
        n = self.after.n_trials
        return min_backtest_years(n, 1.0) if n > 1 else None

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "honesty_now": self.now.as_json(),
            "honesty_after": self.after.as_json(),
            "needed_sharpe_now": self.needed_now,
            "needed_sharpe_after": self.needed_after,
            "years": self.years,
            "min_backtest_years": self.min_years,
        }


def trial_budget(
    pool: str,
    n: int,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    instruments: frozenset[str] = frozenset(),
) -> Budget:
    """Return what `n` more trials cost on a pool's bars; two queries.

    `instruments` says what is in a pool that nobody looked at so far.

    Sharpe ratios are expected to scatter as those tried so far; where there are not
    two yet, as those of rules without skill on a sample of this length.
    """
    counts = trial_counts()
    tally = counts.tally(pool, start_ms, end_ms, instruments)
    years = _years(pool, start_ms, end_ms)
    later = Tally(tally.n_trials + n, tally.variance or 1.0 / years, tally.best)
    effective = counts.effective.get(pool)
    now = judge(None, tally, effective, pool=pool, sharpe_se=None)
    after = judge(None, later, None, pool=pool, sharpe_se=None)
    return Budget(n=n, now=now, after=after, years=years)


def _years(pool: str, start_ms: int | None, end_ms: int | None) -> float:
    if start_ms is None or end_ms is None:
        seen = LedgerEntry.objects.filter(pool=pool).aggregate(
            start=Min("start_ms"), end=Max("end_ms")
        )
        start_ms = seen["start"] if start_ms is None else start_ms
        end_ms = seen["end"] if end_ms is None else end_ms
    if start_ms is None or end_ms is None:
        return 1.0
    return max((end_ms - start_ms) / YEAR_MS, MIN_YEARS)


def bar_after(pool: str) -> list[tuple[int, float]]:
    """Return how the best by luck rises with the trials of a pool, up to 10 × now."""
    tally = trial_counts().tally(pool)
    most = max(tally.n_trials * 10, 100)
    steps = sorted({round(most ** (i / 40)) for i in range(41)})
    return [(n, expected_best(n, tally.variance)) for n in steps]


# --- entries and their chain -------------------------------------------------------


def entry_page(
    *,
    pool: str = "",
    source: str = "",
    run_id: str = "",
    order: str = "-seq",
    limit: int = 50,
    cursor: str = "",
) -> Page[LedgerEntry]:
    """Return one page of entries; one query, 422 for an order that is none."""
    entries = LedgerEntry.objects.all()
    for name, value in (("pool", pool), ("source", source), ("run_id", run_id)):
        if value:
            entries = entries.filter(**{name: value})
    fields = {"seq": "seq", "created_at": "created_at", "n_trials": "n_trials"}
    return keyset_page(entries, order=order, fields=fields, limit=limit, cursor=cursor)


def entry_document(entry: LedgerEntry) -> dict[str, Any]:
    """Return an entry as the API shows it; all of it but seq and hash is hashed."""
    return {
        "seq": entry.seq,
        "id": str(entry.id),
        "created_at": rfc3339(entry.created_at),
        **{name: getattr(entry, name) for name in OF_ENTRY},
        "start": moment_of(entry.start_ms),
        "end": moment_of(entry.end_ms),
        "repeat": entry.is_repeat,
        "n_sharpes": entry.n_sharpes,
        "sharpe_bar": {
            "mean": entry.sharpe_mean,
            "variance": entry.sharpe_variance,
            "max": entry.sharpe_max,
        },
        "hash": entry.hash,
    }


def chained_hash(entry: LedgerEntry) -> str:
    """Return the hash of an entry: over the hash before it and all that it says."""
    said = entry_document(entry)
    del said["seq"], said["hash"]
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the chain holds; `seq` is the first entry that does not."""

    ok: bool
    entries: int
    seq: int | None = None
    reason: str = ""


def ledger_proof() -> Proof:
    """Compute every hash of the chain anew and compare; two queries."""
    before, n = "", 0
    for entry in LedgerEntry.objects.order_by("seq").iterator(chunk_size=1_000):
        n += 1
        if entry.prev_hash != before:
            return Proof(False, n, entry.seq, "An entry before it is missing.")
        if chained_hash(entry) != entry.hash:
            return Proof(False, n, entry.seq, "It was changed after it was written.")
        before = entry.hash
    head = LedgerHead.objects.filter(pk=1).first()
    if head and (head.hash, head.n_entries) != (before, n):
        return Proof(False, n, None, "Entries at the end are missing.")
    return Proof(True, n)
