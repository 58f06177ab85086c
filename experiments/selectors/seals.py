"""Who opened the sealed bars of a search, when, and who had seen them before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from experiments.models import ModelRun, SealOpening
from experiments.selectors.ledger import label_of, moment_of
from quantlab.web.paging import keyset_page


@dataclass(frozen=True, slots=True)
class Opened:
    """An opening as lists show it.

    `title` is that of the search, empty once its run is gone; `n_before` counts the
    openings before it that had seen some of the same bars.
    """

    seal: SealOpening
    title: str
    n_before: int

    def as_json(self) -> dict[str, Any]:
        seal = self.seal
        return {
            "run_id": seal.run_id,
            "title": self.title,
            "opened_at": seal.opened_at,
            "pool": seal.pool,
            "label": label_of(seal.instruments),
            "instruments": seal.instruments,
            "start": moment_of(seal.start_ms),
            "end": moment_of(seal.end_ms),
            "n_shown": seal.n_shown,
            "n_before": self.n_before,
        }


class OpenedPage(NamedTuple):
    """Some of a list, and the way to the next ones."""

    items: list[Opened]
    next_cursor: str | None


def opening_page(
    *,
    pool: str = "",
    order: str = "-opened_at",
    limit: int = 50,
    cursor: str = "",
) -> OpenedPage:
    """Return one page of openings, the newest first; three queries."""
    openings = SealOpening.objects.filter(pool=pool) if pool else SealOpening.objects
    page = keyset_page(
        openings.all(),
        order=order,
        fields={"opened_at": "opened_at", "n_shown": "n_shown"},
        limit=limit,
        cursor=cursor,
    )
    return OpenedPage(_told(page.items), page.next_cursor)


def _told(seals: Sequence[SealOpening]) -> list[Opened]:
    if not seals:
        return []
    runs = ModelRun.objects.filter(
        pk__in=[one.run_id for one in seals], deleted_at__isnull=True
    ).select_related("job")
    titles = {str(run.pk): run.name or run.job.title for run in runs}
    others = seen_between(
        min(one.start_ms for one in seals), max(one.end_ms for one in seals)
    )
    return [
        Opened(one, titles.get(one.run_id, ""), _n_before(one, others)) for one in seals
    ]


def _n_before(seal: SealOpening, others: Iterable[SealOpening]) -> int:
    return sum(
        one.pk < seal.pk
        and one.start_ms <= seal.end_ms
        and one.end_ms >= seal.start_ms
        and is_alike(one, seal.instruments)
        for one in others
    )


def seen_between(start_ms: int, end_ms: int) -> list[SealOpening]:
    """Return the openings that saw bars of a span, the oldest first."""
    return list(SealOpening.objects.filter(start_ms__lte=end_ms, end_ms__gte=start_ms))


def is_alike(seal: SealOpening, instruments: Collection[str]) -> bool:
    """Return whether an opening saw at least half of these, as the ledger counts."""
    return 2 * len(set(instruments).intersection(seal.instruments)) >= len(instruments)
