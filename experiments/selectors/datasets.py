"""Every read of datasets: one, a page of them, their documents, who used their bars."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse

from experiments.models import CachedCandles, Dataset, ModelRun
from jobs.models import JobStatus
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies.market import sources
from strategies.market.symbol import SymbolInfo

ORDERS = {name: name for name in ("created_at", "name", "rows", "coverage")}
NEWEST = "-created_at"
RUNS_SHOWN = 20


def dataset_page_url(dataset_id: UUID) -> str:
    return reverse("experiments:dataset-detail", args=[dataset_id])


def dataset_get(dataset_id: UUID | str) -> Dataset:
    """Return a dataset that is not deleted; 404 otherwise."""
    try:
        return _shown().get(pk=dataset_id)
    except (Dataset.DoesNotExist, ValidationError):
        raise Problem(
            status=404,
            message="There is no dataset with this id.",
            advice="The list of datasets shows those there are.",
            next_steps=["GET /api/datasets"],
        ) from None


def dataset_page(
    *, q: str = "", order: str = NEWEST, limit: int = 50, cursor: str = ""
) -> Page[Dataset]:
    """Return one page of datasets, one query; 422 for an order that is none."""
    found = _shown()
    if q:
        found = found.filter(name__icontains=q)
    return keyset_page(found, order=order, fields=ORDERS, limit=limit, cursor=cursor)


def dataset_row(dataset: Dataset) -> dict[str, Any]:
    """Return what a list says of a dataset."""
    report = dataset.report or {}
    return {
        "id": str(dataset.pk),
        "run_id": str(dataset.pk),
        "job_id": dataset.job_id,
        "kind": dataset.kind,
        "name": dataset.name,
        "status": dataset.job.status if dataset.job else JobStatus.QUEUED.value,
        "dry_run": dataset.dry_run,
        "imported_at": dataset.imported_at,
        "rows": dataset.rows,
        "symbols": dataset.n_symbols,
        "dataset_hash": dataset.dataset_hash or None,
        "coverage": dataset.coverage,
        "n_refused": report.get("n_refused", 0),
        "timeframe": report.get("timeframe"),
        "size_bytes": dataset.size_bytes,
        "created_at": dataset.created_at,
        "links": {
            "self": f"/api/datasets/{dataset.pk}",
            "job": f"/api/jobs/{dataset.job_id}",
            "page": dataset_page_url(dataset.pk),
        },
    }


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset with its report; times in it are RFC 3339."""
    report = dataset.report or {}
    series = [_series(one) for one in report.get("series", [])]
    return dataset_row(dataset) | {
        "error": dataset.job.error if dataset.job else None,
        "options": dataset.options,
        "reading": {
            name: report[name]
            for name in ("format", "encoding", "delimiter", "decimal", "mapping")
            if name in report
        },
        "calendar": report.get("calendar"),
        "adjustment": dataset.options.get("adjustment", "raw"),
        "notes": report.get("notes", []),
        "quality": _quality(report.get("quality")),
        "series": series,
        "refused": report.get("refused", []),
        "raw_sha256": dataset.raw_sha or None,
    }


def uploaded_symbols() -> list[SymbolInfo]:
    """Return the bars there are: the current version of every uploaded symbol."""
    return sources.symbols("upload")


def replaced_since(dataset: Dataset) -> list[CachedCandles]:
    """Return the versions that restated bars of this dataset after its import."""
    series = (dataset.report or {}).get("series", [])
    mine = [one["candle_hash"] for one in series if "candle_hash" in one]
    return list(
        CachedCandles.objects.filter(replaces__in=mine, outcome="restated")
        .select_related("dataset")
        .order_by("symbol")[:RUNS_SHOWN]
    )


def runs_on(dataset: Dataset) -> QuerySet[ModelRun]:
    """Return the runs that read a version of bars that this dataset stands for."""
    series = (dataset.report or {}).get("series", [])
    said = [f"upload:{one['candle_hash']}" for one in series if "candle_hash" in one]
    return ModelRun.objects.filter(
        source_version__in=said, deleted_at__isnull=True
    ).select_related("job", "experiment")


def _shown() -> QuerySet[Dataset]:
    return Dataset.objects.filter(deleted_at__isnull=True).select_related("job")


def _series(one: dict[str, Any]) -> dict[str, Any]:
    moments = {name: _moment(one[name]) for name in ("start", "end")}
    return {**one, **moments, "quality": _quality(one["quality"])}


def _moment(stamp_ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(stamp_ms / 1000, UTC))


def _quality(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    splits = [
        split | {"ts": _moment(split["ts"])} for split in found["suspected_splits"]
    ]
    return found | {"suspected_splits": splits}
