"""Every read of datasets: one, a page of them, their documents, who used their bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse

from experiments.models import Dataset, DatasetKind, ModelRun
from experiments.selectors.versions import dataset_restated
from jobs.models import JobStatus
from quantlab.web.downloads import CSV_ROWS, csv_parts
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies.documents import sha256_of
from strategies.errors import StrategyError
from strategies.features.dataset import dataset_path
from strategies.market import sources
from strategies.market.providers import REMOTES
from strategies.market.symbol import SymbolInfo

ORDERS = {name: name for name in ("created_at", "name", "rows", "coverage")}
NEWEST = "-created_at"
PART_BYTES = 2**18


def dataset_page_url(dataset_id: UUID) -> str:
    return reverse("experiments:dataset-detail", args=[dataset_id])


def built_folder() -> Path:
    """Return where the files of built datasets are kept."""
    folder: Path = settings.QUANT_HOME / "datasets"
    return folder


def dataset_file(dataset: Dataset) -> Path:
    """Return the file of a dataset that was built."""
    return dataset_path(built_folder(), dataset.dataset_hash)


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


def dataset_parts(dataset: Dataset, form: str) -> Iterator[bytes]:
    """Return the rows of a built dataset as a file, part by part; parquet or csv."""
    if dataset.kind != DatasetKind.BUILT:
        raise Problem(
            status=404,
            message="This file was brought in; its bars are read by their symbols.",
            next_steps=["GET /api/config/symbols?provider=upload"],
        )
    if not dataset.dataset_hash:
        message = "This dataset is not built, so it has no rows yet."
        raise Problem(status=409, code="not_built", message=message)
    try:
        file = dataset_file(dataset).open("rb")
    except FileNotFoundError:
        raise Problem(
            status=404, message="Its file is gone.", advice="Build it again."
        ) from None
    return _whole(file) if form == "parquet" else _csv(file)


def _whole(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part


def _csv(file: BinaryIO) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    with file:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        yield from csv_parts(names, parquet.iter_batches(batch_size=CSV_ROWS))


def dataset_page(
    *,
    q: str = "",
    kind: str = "",
    order: str = NEWEST,
    limit: int = 50,
    cursor: str = "",
) -> Page[Dataset]:
    """Return one page of datasets, one query; 422 for an order that is none."""
    found = _shown()
    if kind:
        found = found.filter(kind=kind)
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
        "provider": dataset.provider,
        "name": dataset.name,
        "owner": dataset.owner,
        "visibility": dataset.visibility,
        "status": dataset.job.status if dataset.job else JobStatus.QUEUED.value,
        "dry_run": dataset.dry_run,
        "imported_at": dataset.imported_at,
        "rows": dataset.rows,
        "symbols": dataset.n_symbols,
        "dataset_hash": dataset.dataset_hash or None,
        "coverage": dataset.coverage,
        "n_refused": report.get("n_refused", 0),
        "timeframe": report.get("timeframe") or dataset.options.get("timeframe"),
        "size_bytes": dataset.size_bytes,
        "created_at": dataset.created_at,
        "links": {
            "self": f"/api/datasets/{dataset.pk}",
            "job": f"/api/jobs/{dataset.job_id}",
            "page": dataset_page_url(dataset.pk),
            "data": _data_url(dataset),
        },
    }


def _data_url(dataset: Dataset) -> str | None:
    """Return where the rows of a built dataset are; None while there are none."""
    is_there = dataset.kind == DatasetKind.BUILT and dataset.dataset_hash
    return f"/api/datasets/{dataset.pk}/data" if is_there else None


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset with its report; times in it are RFC 3339."""
    report = dataset.report or {}
    series = [_series(one) for one in report.get("series", [])]
    document = dataset_row(dataset) | {
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
        "failed": report.get("failed", []),
        "raw_sha256": dataset.raw_sha or None,
        "restated": dataset_restated(dataset),
    }
    is_built = dataset.kind == DatasetKind.BUILT
    return document | built_facts(dataset) if is_built else document


def built_facts(dataset: Dataset) -> dict[str, Any]:
    """Return what is said of a built dataset beside what is said of any."""
    asked, report = dataset.options, dataset.report or {}
    window = {
        name: None if asked[name] is None else _moment(asked[name])
        for name in ("start_date", "end_date")
    }
    return {
        "options": asked | window,
        "features": report.get("features", []),
        "label": asked["label"] | _balance(report),
        "usable_rows": report.get("usable_rows"),
        "missing": asked["missing"],
        "is_stale": is_stale(dataset),
    }


def _balance(report: Mapping[str, Any]) -> dict[str, Any]:
    if "label" not in report:
        return {}
    label = report["label"]
    return label | {"unknown": report["rows"] - label["known"]}


def is_stale(dataset: Dataset) -> bool:
    """Return whether some bars are not what a built dataset was built of any more."""
    asked = dataset.options
    try:
        versions = [
            sources.source_version(asked["provider"], symbol, asked["timeframe"])
            for symbol in asked["universe"]
        ]
    except StrategyError:
        return True  # a source is gone
    return sha256_of(versions) != dataset.source_version


def kept_symbols() -> list[SymbolInfo]:
    """Return the bars there are: the current versions of what was brought in."""
    return [info for name in ("upload", *REMOTES) for info in sources.symbols(name)]


def runs_on(dataset: Dataset) -> QuerySet[ModelRun]:
    """Return the runs that read a version of bars that this dataset stands for."""
    series = (dataset.report or {}).get("series", [])
    hashes = {one["candle_hash"] for one in series if "candle_hash" in one}
    hashes |= set(dataset.versions.values_list("candle_hash", flat=True))
    said = [f"{dataset.provider}:{name}" for name in hashes]
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
