"""Every read of runs: one, a page of them, and the document each is shown as."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from experiments.models import ModelRun, RunMetric
from experiments.selectors.filters import RunFilter, narrowed
from experiments.selectors.honesty import honesty_of
from experiments.selectors.links import run_links
from experiments.selectors.versions import run_restated
from jobs.models import Job, JobStatus
from quantlab.web.paging import Page, keyset_page, unknown_word
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.metrics.registry import METRICS, metric_named

ORDERS = {
    "created_at": "created_at",
    "finished_at": "job__finished_at",
    "name": "name",
    "status": "job__status",
}
# Orders without an index: rows to sort should be small, so these are found first.
SORTED = ("finished_at", "status")
# What no list shows, and what takes most of the reading.
UNLISTED = (
    "config",
    "search",
    "accounting",
    "job__payload",
    "experiment__hypothesis",
    "experiment__params",
    "experiment__universe",
    "experiment__cost_model",
    "experiment__sizing",
    "experiment__tags",
    "experiment__notes",
)
EVERY_RUN = RunFilter()
# A cursor that begins so is behind the last run that has the number asked for.
NO_NUMBER = "none."


def run_get(run_id: UUID | str, *, deleted: bool = False) -> ModelRun:
    """Return a run with its job and experiment, one query; 404 if there is none.

    A deleted run is there only for who says that it may be deleted.
    """
    runs = ModelRun.objects.select_related("job", "experiment")
    if not deleted:
        runs = runs.filter(deleted_at__isnull=True)
    key = _uuid(run_id)
    run = runs.filter(pk=key).first() if key else None
    if run is None:
        message = f"There is no run {str(run_id)[:40]!r}."
        raise Problem(status=404, message=message, next_steps=["GET /api/runs"])
    return run


def _uuid(text: UUID | str) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def runs_shown(keys: Iterable[UUID]) -> dict[UUID, ModelRun]:
    """Return kind and owner of those runs that are there and not deleted, one query."""
    there = ModelRun.objects.filter(pk__in=list(keys), deleted_at__isnull=True)
    return {run.pk: run for run in there.only("kind", "owner")}


def run_page(
    wanted: RunFilter = EVERY_RUN,
    *,
    order: str = "-created_at",
    limit: int = 50,
    cursor: str = "",
) -> Page[ModelRun]:
    """Return one page of runs, with job and experiment, without what no list shows.

    `order` is a field or the key or alias of a metric. 422 for a status, kind, order
    or cursor that is none. At most five queries.
    """
    name = order.removeprefix("-")
    wanted = narrowed(wanted)
    if name not in ORDERS:
        return _page_by_metric(wanted, name, order, limit, cursor)
    read = partial(keyset_page, order=order, fields=ORDERS, limit=limit, cursor=cursor)
    if name not in SORTED:
        return read(_whole().filter(wanted.where()))
    small = ModelRun.objects.select_related("job").only(ORDERS[name])
    page = read(small.filter(wanted.where()))
    return Page(runs_listed([run.pk for run in page.items]), page.next_cursor)


def _whole() -> QuerySet[ModelRun]:
    return ModelRun.objects.select_related("job", "experiment").defer(*UNLISTED)


def runs_listed(keys: Sequence[UUID]) -> list[ModelRun]:
    """Return the runs in this order, as pages of a list have them; one query."""
    found = _whole().in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _page_by_metric(
    wanted: RunFilter, name: str, order: str, limit: int, cursor: str
) -> Page[ModelRun]:
    """Return the runs that have the number, by it, and behind them all others.

    The first come from an index on the value, however many runs there are.
    """
    key = _metric_key(name)
    found: list[UUID] = []
    has_begun_rest = cursor.startswith(NO_NUMBER)
    if not has_begun_rest:
        page = keyset_page(
            _numbers(wanted, key),
            order=order,
            fields={name: "value"},
            limit=limit,
            cursor=cursor,
            tie="run_id",
        )
        found = [number.run_id for number in page.items]
        if page.next_cursor is not None:
            return Page(runs_listed(found), page.next_cursor)
    rest = _without_number(wanted, key)
    room = limit - len(found)
    if room == 0:
        return Page(runs_listed(found), NO_NUMBER if rest.exists() else None)
    behind = keyset_page(
        rest,
        order=order,
        fields={name: "id"},
        limit=room,
        cursor=cursor.removeprefix(NO_NUMBER) if has_begun_rest else "",
    )
    found += [run.pk for run in behind.items]
    more = behind.next_cursor
    return Page(runs_listed(found), None if more is None else f"{NO_NUMBER}{more}")


def _numbers(wanted: RunFilter, key: str) -> QuerySet[RunMetric]:
    numbers = RunMetric.objects.filter(key=key, value__isnull=False)
    if wanted.experiment_id is not None:
        numbers = numbers.filter(experiment_id=wanted.experiment_id)
    return numbers.filter(wanted.where("run__")).only("run_id", "value")


def _without_number(wanted: RunFilter, key: str) -> QuerySet[ModelRun]:
    number = RunMetric.objects.filter(run=OuterRef("pk"), key=key, value__isnull=False)
    return ModelRun.objects.filter(wanted.where(), ~Exists(number)).only("pk")


def _metric_key(name: str) -> str:
    try:
        return metric_named(name).key
    except StrategyError:
        raise unknown_word("order", name, [*ORDERS, *METRICS]) from None


# --- documents ---------------------------------------------------------------------

OF_RUN = (
    "kind",
    "name",
    "job_id",
    "status",
    "created_at",
    "config_hash",
    "run_hash",
    "code_version",
    "seed",
    "ppy",
    "metrics",
    "flags",
    "tags",
    "starred",
    "pinned",
    "archived",
    "notes",
    "owner",
    "visibility",
)
OF_JOB = (
    "progress",
    "processed",
    "total",
    "rate",
    "eta_s",
    "best",
    "message",
    "started_at",
    "finished_at",
    "error",
)


def run_documents(
    runs: Iterable[ModelRun], *, with_config: bool
) -> list[dict[str, Any]]:
    """Return each run as pages and the API show it; one query for all of them.

    The runs come from `run_get` or `run_page`, so that job and experiment are there.
    """
    runs = list(runs)
    honesty = honesty_of(runs)
    documents = []
    for run in runs:
        document = _document(run)
        luck = honesty[run.pk]
        document["honesty"] = None if luck is None else luck.as_json()
        if with_config:
            document |= {"config": run.config, "search": run.search}
        documents.append(document)
    return documents


def run_document(run: ModelRun, *, reused: bool = False) -> dict[str, Any]:
    """Return one run with its config; `reused` when it answers an older request."""
    [document] = run_documents([run], with_config=True)
    own = {"reused": reused, "restated": run_restated(run), "warnings": run.warnings}
    return document | own


def _document(run: ModelRun) -> dict[str, Any]:
    job = run.job
    ids = {
        "id": str(run.pk),
        "run_id": str(run.pk),
        "experiment_id": _id(run.experiment_id),
        "parent_id": _id(run.parent_id),
    }
    document = ids | {name: getattr(run, name) for name in OF_RUN}
    document |= {name: getattr(job, name) for name in OF_JOB}
    return document | {
        "stage": _stage(job),
        "completed_at": job.finished_at,
        "preset_ref": run.preset_ref or None,
        "data_fingerprint": run.data_fingerprint or None,
        "manifest_sha": run.manifest_sha or None,
        "files_removed_at": run.files_removed_at,
        "reused": False,
        "links": run_links(run.pk, job.pk),
    }


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def _stage(job: Job) -> str | None:
    """Return where the work is, or where it stopped; None once it is done."""
    if job.status == JobStatus.SUCCEEDED:
        return None
    waits = job.status in (JobStatus.QUEUED, JobStatus.RUNNING)
    return job.stage or (JobStatus.QUEUED.value if waits else None)
