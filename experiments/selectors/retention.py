"""Whose files would make room under a rule, and why those of others stay.

Of a run that goes, files and report are removed; its config, metrics, log and trials
are not. A plan touches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from experiments.artifacts.store import run_store
from experiments.models import ModelRun, Removal, RetentionRule, Rule
from experiments.selectors.links import run_page_url
from experiments.selectors.references import best_runs, references
from jobs.models import ACTIVE, TERMINAL
from strategies.documents import sha256_of

SHOWN = 50  # runs of a plan that pages and answers list
REMOVALS = 20
FACTS = (
    *("pk", "name", "kind", "created_at", "deleted_at", "pinned", "starred"),
    *("manifest_sha", "job__title", "job__finished_at", "job__status"),
)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A run whose files go, and which bound it is over."""

    run_id: UUID
    name: str
    kind: str
    finished_at: datetime
    why: str
    n_bytes: int

    def document(self) -> dict[str, Any]:
        return {
            "run_id": str(self.run_id),
            "name": self.name,
            "kind": self.kind,
            "finished_at": self.finished_at,
            "why": self.why,
            "bytes": self.n_bytes,
            "page": run_page_url(self.run_id),
        }


@dataclass(frozen=True)
class Plan:
    """What a rule means today."""

    rule: Rule
    leaving: tuple[Leaving, ...]
    kept: Mapping[str, int]  # why -> how many would have gone and stay
    n_runs: int  # that have files
    n_bytes: int  # of those files

    @property
    def bytes_freed(self) -> int:
        return sum(one.n_bytes for one in self.leaving)

    @cached_property
    def digest(self) -> str:
        """A name for exactly these runs: who applies a plan has seen it."""
        return sha256_of(sorted(str(one.run_id) for one in self.leaving))

    def document(self) -> dict[str, Any]:
        return {
            "rule": asdict(self.rule),
            "plan": self.digest,
            "runs": len(self.leaving),
            "bytes": self.bytes_freed,
            "items": [one.document() for one in self.leaving[:SHOWN]],
            "kept": [{"why": why, "runs": n} for why, n in self.kept.items()],
            "runs_with_files": self.n_runs,
            "bytes_of_files": self.n_bytes,
        }


def retention_rule() -> RetentionRule:
    """Return the rule of the lab; one without bounds while none was set."""
    return RetentionRule.objects.filter(pk=1).first() or RetentionRule()


def retention_plan(rule: Rule) -> Plan:
    """Return whose files would go now, those that finished first at the beginning."""
    rows = list(_with_files())
    store = run_store()
    sizes = {row.pk: store.size(str(row.pk)) for row in rows}
    stays = reasons_to_stay(rows, rule.keep_best)
    over = _over(rule, rows)
    kept = Counter(stays[row.pk] for row in rows if row.pk in over and row.pk in stays)
    why = {pk: words for pk, words in over.items() if pk not in stays}
    total = sum(sizes.values())
    if rule.most_bytes is not None:
        crowd = [row for row in rows if row.pk not in why]
        why |= _crowded_out(rule.most_bytes, crowd, sizes, stays)
    leaving = [_leaving(row, why[row.pk], sizes) for row in rows if row.pk in why]
    return Plan(rule, tuple(leaving), dict(kept.most_common()), len(rows), total)


def reasons_to_stay(rows: Iterable[ModelRun], keep_best: int) -> dict[UUID, str]:
    """Return why files of some of these runs stay, whatever the rule."""
    needed = {pk: f"needed by {words}" for pk, words in references().items()}
    best = best_runs(keep_best)
    found = {}
    for row in rows:
        words = needed.get(row.pk, "")
        if row.deleted_at is None:
            is_best = "among the best of its experiment" if row.pk in best else ""
            words = _marked(row) or is_best or words
        if words:
            found[row.pk] = words
    return found


def _marked(row: ModelRun) -> str:
    return "pinned" if row.pinned else "starred" if row.starred else ""


def _with_files() -> QuerySet[ModelRun]:
    """Return what has ended and has files, the oldest end first."""
    found = ModelRun.objects.exclude(manifest_sha="").select_related("job")
    ended = found.filter(job__status__in=TERMINAL).only(*FACTS)
    return ended.order_by("job__finished_at", "pk")


def _over(rule: Rule, rows: Sequence[ModelRun]) -> dict[UUID, str]:
    """Return the runs that are over a bound of time or number, and which."""
    found: dict[UUID, str] = {}
    listed = [row for row in reversed(rows) if row.deleted_at is None]
    if rule.most_runs is not None:
        words = f"beyond the newest {rule.most_runs:,}"
        found |= {row.pk: words for row in listed[rule.most_runs :]}
    if rule.days is not None:
        since = timezone.now() - timedelta(days=rule.days)
        words = f"older than {_days(rule.days)}"
        found |= {row.pk: words for row in listed if _end(row) < since}
    if rule.trash_days is not None:
        since = timezone.now() - timedelta(days=rule.trash_days)
        words = f"in the trash for more than {_days(rule.trash_days)}"
        gone = [row for row in rows if row.deleted_at and row.deleted_at < since]
        found |= {row.pk: words for row in gone}
    return found


def _crowded_out(
    most: int,
    rows: Sequence[ModelRun],
    sizes: Mapping[UUID, int],
    stays: Mapping[UUID, str],
) -> dict[UUID, str]:
    """Return who goes until the rest fits: what is in the trash, then the oldest."""
    taken, found = sum(sizes[row.pk] for row in rows), {}
    for row in sorted(rows, key=lambda row: row.deleted_at is None):
        if taken <= most:
            break
        if row.pk not in stays:
            found[row.pk] = "beyond the bound on bytes"
            taken -= sizes[row.pk]
    return found


def _leaving(row: ModelRun, why: str, sizes: Mapping[UUID, int]) -> Leaving:
    name = row.name or row.job.title
    return Leaving(row.pk, name, row.kind, _end(row), why, sizes[row.pk])


def _end(row: ModelRun) -> datetime:
    return row.job.finished_at or row.created_at


def _days(n: int) -> str:
    return f"{n:,} day{'s' * (n != 1)}"


# --- what was removed ----------------------------------------------------------------


def removals_newest() -> list[Removal]:
    """Return the last times that files were removed, or are being removed."""
    return list(Removal.objects.select_related("job")[:REMOVALS])


def removal_document(removal: Removal) -> dict[str, Any]:
    return {
        "id": str(removal.pk),
        "job_id": removal.job_id,
        "status": removal.job.status,
        "created_at": removal.created_at,
        "rule": removal.rule,
        "planned": len(removal.run_ids),
        "removed": removal.removed,
        "bytes_freed": removal.bytes_freed,
        "links": {"job": f"/api/jobs/{removal.job_id}"},
    }


def removal_at_work() -> Removal | None:
    """Return the removal that waits or works; there is at most one."""
    rows = Removal.objects.select_related("job")
    return rows.filter(job__status__in=ACTIVE).first()
