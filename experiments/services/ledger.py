"""Every write of the trial ledger: what was looked at, and what was tried on it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from experiments.models import (
    Instrument,
    InstrumentBars,
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    LedgerSample,
)
from experiments.models.ledger import NULL_MODEL, signed_key
from experiments.selectors.ledger import chained_hash
from experiments.selectors.trials import is_made_up, pool_of, trial_counts
from experiments.selectors.weeks import kept_weeks, padded_table
from strategies.candidates import HalfArray, KeyArray
from strategies.market.identity import Sketch
from strategies.statistics import effective_trials
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies import Candles

# Of a pool; more say little more about how many are different.
KEPT_TRIALS = 1_000
# So few are clustered anew after each entry, more once they have grown by a share.
ALWAYS_CLUSTERED = 200
GROWTH = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The bars that candidates were evaluated on."""

    instruments: tuple[str, ...]
    data_fingerprint: str
    timeframe: str
    start_ms: int
    end_ms: int
    ppy: float
    is_made_up: bool

    @property
    def pool(self) -> str:
        return pool_of(self.instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The candidates of one chunk; arrays of shape (n,), Sharpe ratios per bar.

    `returns` are the weekly returns of those whose place is in `kept`, from
    `first_week` on: shape (n_kept, n_weeks).
    """

    keys: KeyArray
    sharpes: FloatArray  # NaN where there is none
    kept: np.ndarray
    first_week: int
    returns: HalfArray


@dataclass(frozen=True, slots=True)
class Before:
    """Which candidates were evaluated on their bars up to the entry `seq`.

    Entries are only ever appended, so that stays true; who reads it before a
    transaction has only what is newer to read in it, while others wait.
    """

    seen: np.ndarray
    seq: int


def seen_before(*, tried: Tried, looked: Looked) -> Before:
    """Return which of the candidates are in the ledger by now; three queries."""
    seqs = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True)
    newest = seqs.first() or 0
    return Before(_seen(tried.keys, looked.data_fingerprint, 0), newest)


def bars_looked_at(candles: Sequence[Candles], *, fingerprint: str) -> Looked:
    """Return what these bars are, by the instruments they are bars of.

    One instrument is one, whatever it is called, however it is cut or resampled: bars
    that agree with those of an earlier one are of that too.
    """
    found = [name for one in candles for name in _instruments(one)]
    return Looked(
        instruments=tuple(sorted(set(found))),
        data_fingerprint=fingerprint,
        timeframe=candles[0].timeframe,
        start_ms=min(int(one.ts[0]) for one in candles),
        end_ms=max(int(one.ts[-1]) for one in candles),
        ppy=candles[0].ppy,
        is_made_up=all(is_made_up(one.provider) for one in candles),
    )


def _instruments(candles: Candles) -> list[str]:
    name = f"{candles.provider}:{candles.symbol}"
    known = InstrumentBars.objects.filter(
        name=name, data_fingerprint=candles.fingerprint
    ).first()
    return known.instruments if known else _identified(name, candles)


@transaction.atomic
def _identified(name: str, candles: Candles) -> list[str]:
    sketch = Sketch.of(candles)
    same = {
        other.name
        for other in Instrument.objects.all()
        if sketch.is_of(Sketch.from_bytes(bytes(other.sketch)))
    }
    earlier = InstrumentBars.objects.filter(name=name).values_list("instruments")
    same.update(one for (names,) in earlier for one in names)
    if not same:
        Instrument.objects.create(name=name, sketch=sketch.to_bytes())
        same = {name}
    bars, _ = InstrumentBars.objects.get_or_create(
        name=name,
        data_fingerprint=candles.fingerprint,
        defaults={"instruments": sorted(same)},
    )
    return bars.instruments


@transaction.atomic
def ledger_append(
    *,
    source: str,
    looked: Looked,
    tried: Tried,
    config_hash: str,
    run_id: UUID | str,
    job_id: str,
    chunk: int = 0,
    before: Before | None = None,
) -> LedgerEntry:
    """Record a chunk of candidates; the one that is there if it was recorded before.

    Call it in the transaction that commits the chunk. A candidate that was evaluated
    on the same bars before is recorded and adds nothing, nor does any on made-up bars.
    """
    head, _ = LedgerHead.objects.select_for_update().get_or_create(pk=1)
    known = LedgerEntry.objects.filter(job_id=job_id, chunk=chunk).first()
    if known is not None:
        return known
    is_new = _unseen(tried.keys, looked.data_fingerprint, before) & (
        not looked.is_made_up
    )
    keys = np.sort(tried.keys)
    kept_keys = tried.keys[tried.kept]
    sample = [keys.tobytes(), kept_keys.tobytes(), tried.returns.tobytes()]
    entry = LedgerEntry(
        id=uuid4(),
        created_at=_now(),
        source=NULL_MODEL if looked.is_made_up else source,
        pool=looked.pool,
        instruments=list(looked.instruments),
        data_fingerprint=looked.data_fingerprint,
        timeframe=looked.timeframe,
        start_ms=looked.start_ms,
        end_ms=looked.end_ms,
        ppy=looked.ppy,
        run_id=str(run_id),
        job_id=job_id,
        chunk=chunk,
        config_hash=config_hash,
        candidate_key=signed_key(int(keys[0])) if len(keys) == 1 else None,
        n_evaluated=len(keys),
        n_trials=int(is_new.sum()),
        **_moments(tried.sharpes[is_new]),
        candidates_sha=hashlib.sha256(b"".join(sample)).hexdigest(),
    )
    _link(head, entry, sample, tried.first_week)
    return entry


def _link(
    head: LedgerHead, entry: LedgerEntry, sample: list[bytes], first_week: int
) -> None:
    """Put an entry and its sample at the end of the chain."""
    entry.prev_hash = head.hash
    entry.hash = chained_hash(entry)
    entry.save(force_insert=True)
    keys, kept_keys, returns = sample
    LedgerSample.objects.create(
        entry=entry,
        keys=keys,
        kept_keys=kept_keys,
        first_week=first_week,
        returns=returns,
    )
    head.hash, head.n_entries = entry.hash, head.n_entries + 1
    head.version += 1
    head.save()


@transaction.atomic
def ledger_take(*, entry: LedgerEntry, sample: list[bytes], first_week: int) -> bool:
    """Record what another lab tried, behind all that is here; False if it is here.

    Of its candidates those count that nobody tried on these bars here: nothing is
    counted twice, and nothing that counted there is lost. Where only some of a chunk
    are new, their Sharpe ratios are described by those of the chunk.
    """
    head, _ = LedgerHead.objects.select_for_update().get_or_create(pk=1)
    if LedgerEntry.objects.filter(id=entry.id).exists():
        return False
    keys = np.frombuffer(sample[0], dtype=np.uint64)
    is_new = _unseen(keys, entry.data_fingerprint)
    entry.n_trials = 0 if entry.is_null else int(is_new.sum())
    entry.n_sharpes = min(entry.n_sharpes, entry.n_trials)
    if not entry.n_sharpes:
        entry.sharpe_mean = entry.sharpe_variance = entry.sharpe_max = None
    taken = LedgerEntry.objects.filter(job_id=entry.job_id, chunk=entry.chunk)
    if taken.exists():  # of another job that has the same short name
        entry.job_id = f"imp_{entry.id.hex[:20]}"
    _link(head, entry, sample, first_week)
    return True


def _now() -> Any:
    now = timezone.now()  # to the millisecond: what the chain covers is what is shown
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _unseen(
    keys: KeyArray, fingerprint: str, before: Before | None = None
) -> np.ndarray:
    """Return which candidates nobody evaluated on these bars, each of them once."""
    first = np.zeros(len(keys), dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    if before is None:
        return first & ~_seen(keys, fingerprint, 0)
    return first & ~before.seen & ~_seen(keys, fingerprint, before.seq)


def _seen(keys: KeyArray, fingerprint: str, after: int) -> np.ndarray:
    """Return which candidates entries behind `after` evaluated on these bars."""
    same_bars = LedgerEntry.objects.filter(
        data_fingerprint=fingerprint, n_trials__gt=0, seq__gt=after
    ).order_by()
    single = same_bars.exclude(candidate_key=None)
    if len(keys) == 1:
        single = single.filter(candidate_key=signed_key(int(keys[0])))
    known = np.fromiter(single.values_list("candidate_key", flat=True), dtype=np.int64)
    seen = np.isin(keys, known.view(np.uint64))
    several = LedgerSample.objects.filter(
        entry__in=same_bars.filter(candidate_key=None)
    )
    for blob in several.values_list("keys", flat=True).iterator(chunk_size=1):
        seen |= _among(keys, np.frombuffer(blob, dtype=np.uint64))
    return seen


def _among(keys: KeyArray, known: KeyArray) -> np.ndarray:
    """Return which keys are among those known, which are sorted."""
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return known[place] == keys


def _moments(sharpes: FloatArray) -> dict[str, Any]:
    defined = sharpes[np.isfinite(sharpes)]
    n = len(defined)
    return {
        "n_sharpes": n,
        "sharpe_mean": float(defined.mean()) if n else None,
        "sharpe_variance": float(defined.var(ddof=1)) if n > 1 else None,
        "sharpe_max": float(defined.max()) if n else None,
    }


def pool_refresh(*, pool: str) -> None:
    """Count how many trials of a pool are really different, if that has grown old."""
    n_trials = trial_counts().tally(pool).n_trials
    known = LedgerPool.objects.filter(pk=pool).first()
    if n_trials == 0 or (known and not _is_old(known, n_trials)):
        return
    samples = LedgerSample.objects.filter(entry__pool=pool, entry__n_trials__gt=0)
    returns = padded_table(kept_weeks(samples, KEPT_TRIALS))
    is_exact = len(returns) == n_trials
    # What a sample misses now may have been seen before; nothing that was tried goes.
    least = 1.0 if known is None or is_exact else known.n_effective
    found = {
        "n_effective": max(effective_trials(returns), least),
        "n_trials": n_trials,
        "is_exact": is_exact,
    }
    with transaction.atomic():
        LedgerPool.objects.update_or_create(pool=pool, defaults=found)
        LedgerHead.objects.filter(pk=1).update(version=F("version") + 1)


def _is_old(known: LedgerPool, n_trials: int) -> bool:
    if n_trials <= ALWAYS_CLUSTERED:
        return n_trials != known.n_trials
    return n_trials > known.n_trials * GROWTH


def tried_once(
    key: int, sharpe_bar: float | None, weeks: tuple[int, HalfArray]
) -> Tried:
    """Return the chunk that a single run is."""
    first_week, returns = weeks
    return Tried(
        keys=np.array([key], dtype=np.uint64),
        sharpes=np.array([math.nan if sharpe_bar is None else sharpe_bar]),
        kept=np.zeros(1, dtype=np.int64),
        first_week=first_week,
        returns=returns[np.newaxis],
    )
