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
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from experiments.artifacts.store import run_store
from experiments.models import ModelRun, Removal, RetentionRule, Rule
from experiments.selectors.links import run_page_url
from experiments.selectors.references import best_runs, references
from jobs.models import ACTIVE, TERMINAL
from strategies.documents import sha256_of

SHOWN = 50  # runs of a plan that pages and answers list
REMOVALS = 20


class Held(NamedTuple):
    """What a plan looks at of each run that has files: of ten thousand no objects."""

    pk: UUID
    finished_at: datetime
    deleted_at: datetime | None
    pinned: bool
    starred: bool
    manifest_sha: str


FACTS = ("pk", "job__finished_at", "deleted_at", "pinned", "starred", "manifest_sha")


class Leaving(NamedTuple):
    """A run whose files go, and which bound it is over."""

    run_id: UUID
    finished_at: datetime
    why: str
    n_bytes: int


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

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The first runs that go, as pages and answers list them; one query."""
        shown = self.leaving[:SHOWN]
        runs = ModelRun.objects.filter(pk__in=[one.run_id for one in shown])
        facts = runs.values_list("pk", "name", "job__title", "kind")
        named = {pk: (name or title, kind) for pk, name, title, kind in facts}
        return [
            {
                "run_id": str(one.run_id),
                "name": named[one.run_id][0],
                "kind": named[one.run_id][1],
                "finished_at": one.finished_at,
                "why": one.why,
                "bytes": one.n_bytes,
                "page": run_page_url(one.run_id),
            }
            for one in shown
        ]

    def document(self) -> dict[str, Any]:
        return {
            "rule": asdict(self.rule),
            "plan": self.digest,
            "runs": len(self.leaving),
            "bytes": self.bytes_freed,
            "items": self.items,
            "kept": [{"why": why, "runs": n} for why, n in self.kept.items()],
            "runs_with_files": self.n_runs,
            "bytes_of_files": self.n_bytes,
        }


def retention_rule() -> RetentionRule:
    """Return the rule of the lab; one without bounds while none was set."""
    return RetentionRule.objects.filter(pk=1).first() or RetentionRule()


def retention_plan(rule: Rule) -> Plan:
    """Return whose files would go now, those that finished first at the beginning."""
    rows = _with_files()
    sizes = _sizes(rows)
    stays = {} if rule.is_open else reasons_to_stay(rows, rule.keep_best)
    over = _over(rule, rows)
    kept = Counter(stays[row.pk] for row in rows if row.pk in over and row.pk in stays)
    why = {pk: words for pk, words in over.items() if pk not in stays}
    total = sum(sizes.values())
    if rule.most_bytes is not None:
        crowd = [row for row in rows if row.pk not in why]
        why |= _crowded_out(rule.most_bytes, crowd, sizes, stays)
    leaving = [
        Leaving(row.pk, row.finished_at, why[row.pk], sizes[row.pk])
        for row in rows
        if row.pk in why
    ]
    return Plan(rule, tuple(leaving), dict(kept.most_common()), len(rows), total)


def reasons_to_stay(rows: Iterable[Held | ModelRun], keep_best: int) -> dict[UUID, str]:
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


def _marked(row: Held | ModelRun) -> str:
    return "pinned" if row.pinned else "starred" if row.starred else ""


def _with_files() -> list[Held]:
    """Return what has ended and has files, the oldest end first."""
    found = ModelRun.objects.exclude(manifest_sha="")
    ended = found.filter(job__status__in=TERMINAL).order_by("job__finished_at", "pk")
    return [Held(*facts) for facts in ended.values_list(*FACTS)]


# What the files of a manifest take: they stay as they are as long as it does.
_known_sizes: dict[str, int] = {}


def _sizes(rows: Sequence[Held]) -> dict[UUID, int]:
    """Return the bytes of each run's files; those of new ones are counted."""
    store = run_store()
    for row in rows:
        if row.manifest_sha not in _known_sizes:
            _known_sizes[row.manifest_sha] = store.size(str(row.pk))
    return {row.pk: _known_sizes[row.manifest_sha] for row in rows}


def _over(rule: Rule, rows: Sequence[Held]) -> dict[UUID, str]:
    """Return the runs that are over a bound of time or number, and which."""
    found: dict[UUID, str] = {}
    listed = [row for row in reversed(rows) if row.deleted_at is None]
    if rule.most_runs is not None:
        words = f"beyond the newest {rule.most_runs:,}"
        found |= {row.pk: words for row in listed[rule.most_runs :]}
    if rule.days is not None:
        since = timezone.now() - timedelta(days=rule.days)
        words = f"older than {_days(rule.days)}"
        found |= {row.pk: words for row in listed if row.finished_at < since}
    if rule.trash_days is not None:
        since = timezone.now() - timedelta(days=rule.trash_days)
        words = f"in the trash for more than {_days(rule.trash_days)}"
        gone = [row for row in rows if row.deleted_at and row.deleted_at < since]
        found |= {row.pk: words for row in gone}
    return found


def _crowded_out(
    most: int,
    rows: Sequence[Held],
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
