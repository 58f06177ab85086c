"""Every read of runs: one, a page of them, and the document each is shown as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from experiments.models import ModelRun, RunMetric
from experiments.selectors.filters import RunFilter, narrowed
from experiments.selectors.honesty import Judged, honesty_of
from experiments.selectors.links import run_links
from experiments.selectors.versions import run_restated
from jobs.models import JobStatus, seconds_left
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
Row = TypeVar("Row")  # a run, or the columns of one
# A cursor that begins so is behind the last run that has the number asked for.
NO_NUMBER = "none."


def run_get(run_id: UUID | str, *, deleted: bool = False) -> ModelRun:
    """Return a run with its job and experiment, one query; 404 if there is none.

    A deleted run is there only for who says that it may be deleted.
    """
    runs = ModelRun.objects.select_related("job", "experiment")
    if not deleted:
        runs = runs.filter(deleted_at__isnull=True)
    try:
        return runs.get(pk=UUID(str(run_id)))
    except (ValueError, ModelRun.DoesNotExist):
        message = f"There is no run {str(run_id)[:40]!r}."
        raise Problem(
            status=404, message=message, next_steps=["GET /api/runs"]
        ) from None


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
    return _page(_whole(), wanted, order, limit, cursor)


def run_documents_page(
    wanted: RunFilter = EVERY_RUN,
    *,
    order: str = "-created_at",
    limit: int = 50,
    cursor: str = "",
) -> Page[dict[str, Any]]:
    """Return the page as documents, read as columns: no object is made of a row.

    For scripts, which read many pages; as `run_page` and `run_documents`, in half of
    their time.
    """
    page = _page(_columns(), wanted, order, limit, cursor)
    facts = (row._asdict() for row in page.items)
    return Page(_documents(page.items, facts), page.next_cursor)


def _whole() -> QuerySet[ModelRun]:
    return ModelRun.objects.select_related("job", "experiment").defer(*UNLISTED)


def _columns() -> QuerySet[ModelRun, Any]:
    return ModelRun.objects.values_list(*FACTS, named=True)


def runs_listed(keys: Sequence[UUID]) -> list[ModelRun]:
    """Return the runs in this order, as pages of a list have them; one query."""
    return _in_order(_whole(), keys)


def _in_order(whole: QuerySet[ModelRun, Row], keys: Sequence[UUID]) -> list[Row]:
    rows: Iterable[Any] = whole.filter(pk__in=keys).order_by()
    found = {row.pk: row for row in rows}
    return [found[key] for key in keys if key in found]


def _page(
    whole: QuerySet[ModelRun, Any],
    wanted: RunFilter,
    order: str,
    limit: int,
    cursor: str,
) -> Page[Any]:
    name = order.removeprefix("-")
    wanted = narrowed(wanted)
    if name not in ORDERS:
        page = _page_by_metric(wanted, name, order, limit, cursor)
        return Page(_in_order(whole, page.items), page.next_cursor)
    read = partial(keyset_page, order=order, fields=ORDERS, limit=limit, cursor=cursor)
    if name not in SORTED:
        return read(whole.filter(wanted.where()))
    small = ModelRun.objects.select_related("job").only(ORDERS[name])
    runs = read(small.filter(wanted.where()))
    return Page(_in_order(whole, [run.pk for run in runs.items]), runs.next_cursor)


def _page_by_metric(
    wanted: RunFilter, name: str, order: str, limit: int, cursor: str
) -> Page[UUID]:
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
            return Page(found, page.next_cursor)
    rest = _without_number(wanted, key)
    room = limit - len(found)
    if room == 0:
        return Page(found, NO_NUMBER if rest.exists() else None)
    behind = keyset_page(
        rest,
        order=order,
        fields={name: "id"},
        limit=room,
        cursor=cursor.removeprefix(NO_NUMBER) if has_begun_rest else "",
    )
    found += [run.pk for run in behind.items]
    more = behind.next_cursor
    return Page(found, None if more is None else f"{NO_NUMBER}{more}")


def _numbers(wanted: RunFilter, key: str) -> QuerySet[RunMetric, Any]:
    numbers = RunMetric.objects.filter(key=key, value__isnull=False)
    if wanted.experiment_id is not None:
        numbers = numbers.filter(experiment_id=wanted.experiment_id)
    found = numbers.filter(wanted.where("run__"))
    return found.values_list("run_id", "value", named=True)


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
    "files_removed_at",
)
OF_JOB = (
    "status",
    "progress",
    "processed",
    "total",
    "rate",
    "best",
    "message",
    "started_at",
    "finished_at",
    "error",
)
HASTE = ("status", "rate", "processed", "total")
OF_LUCK = ("pool", "sharpe_se")
# Where "" is for what is not known.
TEXTS = ("preset_ref", "data_fingerprint", "manifest_sha")
FACTS = (
    "pk",
    "experiment_id",
    "parent_id",
    *OF_RUN,
    *TEXTS,
    *OF_LUCK,
    *(f"job__{name}" for name in (*OF_JOB, "stage")),
)
_facts = attrgetter(*(name.replace("__", ".") for name in FACTS))


def run_documents(
    runs: Iterable[ModelRun], *, with_config: bool
) -> list[dict[str, Any]]:
    """Return each run as pages and the API show it; one query for all of them.

    The runs come from `run_get` or `run_page`, so that job and experiment are there.
    """
    runs = list(runs)
    facts = (dict(zip(FACTS, _facts(run), strict=True)) for run in runs)
    documents = _documents(runs, facts)
    if with_config:
        for run, document in zip(runs, documents, strict=True):
            document |= {"config": run.config, "search": run.search}
    return documents


def run_document(run: ModelRun, *, reused: bool = False) -> dict[str, Any]:
    """Return one run with its config; `reused` when it answers an older request."""
    [document] = run_documents([run], with_config=True)
    own = {"reused": reused, "restated": run_restated(run), "warnings": run.warnings}
    return document | own


def _documents(
    runs: Iterable[Judged], facts: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    honesty = honesty_of(runs)
    documents = []
    for known in facts:
        document = _document(known)
        luck = honesty[known["pk"]]
        document["honesty"] = None if luck is None else luck.as_json()
        documents.append(document)
    return documents


def _document(facts: Mapping[str, Any]) -> dict[str, Any]:
    run_id = facts["pk"]
    job = {name: facts[f"job__{name}"] for name in OF_JOB}
    document = {
        "id": str(run_id),
        "run_id": str(run_id),
        "experiment_id": _id(facts["experiment_id"]),
        "parent_id": _id(facts["parent_id"]),
    }
    document |= {name: facts[name] for name in OF_RUN}
    document |= job
    document |= {name: facts[name] or None for name in TEXTS}
    return document | {
        "eta_s": seconds_left(*(job[name] for name in HASTE)),
        "stage": _stage(job["status"], facts["job__stage"]),
        "completed_at": job["finished_at"],
        "reused": False,
        "links": run_links(run_id, facts["job_id"]),
    }


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def _stage(status: str, stage: str) -> str | None:
    """Return where the work is, or where it stopped; None once it is done."""
    if status == JobStatus.SUCCEEDED:
        return None
    waits = status in (JobStatus.QUEUED, JobStatus.RUNNING)
    return stage or (JobStatus.QUEUED.value if waits else None)
