"""Every write of files that were sent: received, judged or imported; and deletion."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from experiments.models import CachedCandles, Dataset, DatasetKind
from experiments.selectors.datasets import dataset_file, dataset_page_url
from experiments.services.budgets import work_enqueue
from jobs import lease
from jobs.models import ACTIVE
from jobs.progress import JobCancelled, JobContext
from jobs.queue import cancel
from quantlab.web.problem import Problem
from quantlab.web.strict_json import read_json
from strategies.errors import ConfigError, StrategyError, did_you_mean
from strategies.market.cache import CandleCache, Kept, Version
from strategies.market.intake import (
    Found,
    Intake,
    IntakeOptions,
    columns_only,
    look_into,
    take_in,
)
from strategies.market.sheet import look_at
from strategies.market.symbol import is_symbol

KIND = "intake"
LEFT_ALONE = timedelta(days=1)  # so long may an upload or an import take
BOOLEANS = {"": False, "false": False, "0": False, "true": True, "1": True}
OPTIONS = tuple(IntakeOptions.__dataclass_fields__)


def intake_options(asked: Mapping[str, Any]) -> IntakeOptions:
    """Return what was said about a file; a `StrategyError` names what cannot be."""
    said = {name: value for name, value in asked.items() if value not in (None, "")}
    mapping = said.get("mapping", {})
    if not isinstance(mapping, Mapping) or not all(
        isinstance(part, str) for pair in mapping.items() for part in pair
    ):
        raise ConfigError(
            "mapping is not an object of names.",
            code="bad_mapping",
            field="mapping",
            advice='Send {"close": "Their name"}: our column to theirs.',
        )
    return IntakeOptions(**said).checked()


def upload_request(form: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `dataset_receive` is asked for by the fields of a form.

    Raises a `StrategyError` for a field that is none, or no file.
    """
    for name in form:
        if name not in (*OPTIONS, "dry_run"):
            raise ConfigError(
                f"There is no field '{name[:40]}'.",
                code="unknown_field",
                field=name[:40],
                advice=did_you_mean(name, OPTIONS) or "See /api/docs.",
            )
    if "file" not in files:
        raise ConfigError(
            "No file was sent.",
            code="missing_field",
            field="file",
            advice="Send multipart/form-data with the file in the field file.",
        )
    asked = {name: form[name] for name in OPTIONS if form.get(name)}
    if "mapping" in asked:
        asked["mapping"] = _mapping(asked["mapping"])
    dry_run = BOOLEANS.get(form.get("dry_run", "").strip().lower())
    if dry_run is None:
        raise ConfigError(
            "dry_run is neither true nor false.",
            code="invalid_value",
            field="dry_run",
            advice="Send true or false.",
        )
    return {"file": files["file"], "asked": asked, "dry_run": dry_run}


def _mapping(text: str) -> Any:
    try:
        return read_json(text, what="mapping")
    except Problem as exc:  # the body itself could be read: this is a 422
        raise ConfigError(
            exc.message, code="bad_mapping", field="mapping", advice=exc.advice
        ) from None


def dataset_receive(
    *,
    file: UploadedFile,
    asked: Mapping[str, Any],
    dry_run: bool,
    owner: str = "",
    is_strict: bool = True,
) -> Dataset:
    """Keep a file as it came, and queue its judgement or its import.

    Refused here, with a `StrategyError`, is what can be told from its first rows; if
    not `is_strict`, only what is no table at all: the rest can still be said.
    """
    options = intake_options(asked)
    dataset = Dataset(id=uuid4(), name=_file_name(file.name), size_bytes=file.size or 0)
    path = raw_path(dataset)
    try:
        _keep(file, path)
        if is_strict:
            look_into(path, options)
        else:
            sheet = look_at(path)
            options = _with_symbol(options, dataset.name, sheet.columns)
        dataset.options = _plain(options)
        _queue(dataset, dry_run=dry_run, owner=owner)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return dataset


@transaction.atomic
def dataset_settle(
    *, dataset: Dataset, asked: Mapping[str, Any], dry_run: bool, owner: str = ""
) -> Dataset:
    """Judge a kept file anew, or import it, as it is to be read now."""
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if dataset.imported_at is not None or not raw_path(dataset).exists():
        raise Problem(
            status=409,
            message="This file was imported, or is gone.",
            advice="Upload it again to read it in another way.",
            next_steps=["POST /api/datasets/upload"],
        )
    if dataset.job and dataset.job.status in ACTIVE:
        raise Problem(
            status=409,
            message="This file is being read.",
            advice="Wait for the end, or cancel its job.",
            next_steps=[f"GET /api/jobs/{dataset.job_id}"],
        )
    dataset.options = _plain(intake_options({**dataset.options, **asked}))
    _queue(dataset, dry_run=dry_run, owner=owner)
    return dataset


@transaction.atomic
def dataset_delete(*, dataset: Dataset) -> Dataset:
    """Hide a dataset and drop its file; bars that were imported stay for their runs.

    A file that another dataset built too stays for that one.
    """
    if dataset.job and dataset.job.status in ACTIVE:
        cancel(dataset.job.pk)
    dataset.deleted_at = timezone.now()
    dataset.save(update_fields=["deleted_at", "updated_at"])
    transaction.on_commit(lambda: _drop_file(dataset))
    return dataset


def _drop_file(dataset: Dataset) -> None:
    if dataset.kind != DatasetKind.BUILT:
        raw_path(dataset).unlink(missing_ok=True)
        return
    same = Dataset.objects.filter(
        deleted_at__isnull=True, dataset_hash=dataset.dataset_hash
    )
    if dataset.dataset_hash and not same.exists():
        dataset_file(dataset).unlink(missing_ok=True)


def dataset_take_in(*, dataset_id: str, context: JobContext) -> None:
    """Do what the job of a dataset is for. Doing it again is nothing new."""
    dataset = Dataset.objects.get(pk=dataset_id)
    if dataset.imported_at is not None:
        return  # the worker was lost between writing it and ending its job
    path = raw_path(dataset)
    if not path.exists():
        raise Problem(status=404, message="The file is gone.", advice="Send it again.")
    context.stage("reading")
    options = IntakeOptions(**dataset.options)
    intake = take_in(path, options, on_rows=lambda n: context.report(n, 0))
    dataset.raw_sha = dataset.raw_sha or _sha256(path)
    if intake.n_refused or dataset.dry_run:
        dataset_commit(dataset, intake.report, [], context)
        _refuse(intake, dataset)
        return
    context.stage("writing")
    total = len(intake.candles)
    kept = CandleCache().put_all(
        intake.candles,
        source_version=f"sha256:{dataset.raw_sha}",
        adjustment=options.adjustment,
        qualities=[one["quality"] for one in intake.report["series"]],
        on_written=lambda n: context.report(n, total),
    )
    dataset_commit(dataset, with_outcomes(intake.report, kept), kept, context)
    path.unlink(missing_ok=True)


def dataset_look(dataset: Dataset) -> tuple[Found | None, StrategyError | None]:
    """Return what the first rows of a kept file say, and what is wrong with them.

    Neither, once the file is gone. Columns are told even where one is missing.
    """
    path = raw_path(dataset)
    if not path.exists():
        return None, None
    options = IntakeOptions(**dataset.options)
    try:
        return look_into(path, options), None
    except StrategyError as refusal:
        return columns_only(path, options), refusal


def raw_tidy() -> int:
    """Remove files that were sent, are a day old and belong to nothing; count them.

    What was cut off while it arrived, and whatever an import or a deletion left
    behind. The file of a dataset that is shown stays until it is imported.
    """
    before = (timezone.now() - LEFT_ALONE).timestamp()
    arriving = Path(settings.FILE_UPLOAD_TEMP_DIR)
    left = _files_before(before, arriving)
    waiting = Dataset.objects.filter(imported_at=None, deleted_at=None)
    needed = {str(key) for key in waiting.values_list("pk", flat=True)}
    kept = _files_before(before, settings.QUANT_RAW_ROOT / "uploads")
    left += [path for path in kept if path.name not in needed]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _files_before(moment: float, folder: Path) -> list[Path]:
    """Return the files that nobody has written to since."""
    found = []
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # somebody else was quicker
            if path.is_file() and path.stat().st_mtime < moment:
                found.append(path)
    return found


def raw_path(dataset: Dataset) -> Path:
    """Return where the file lies as it came, until it is imported."""
    folder: Path = settings.QUANT_RAW_ROOT / "uploads"
    return folder / str(dataset.pk)


def _queue(dataset: Dataset, *, dry_run: bool, owner: str) -> None:
    verb = "Check" if dry_run else "Import"
    with transaction.atomic():
        dataset.job = work_enqueue(
            KIND,
            owner=owner,
            title=f"{verb} {dataset.name}"[:200],
            run_id=str(dataset.pk),
            page=dataset_page_url(dataset.pk),
        )
        dataset.dry_run = dry_run
        dataset.save()


def _keep(file: UploadedFile, path: Path) -> None:
    """Put what was sent where it stays; a large file is on this disk already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if hasattr(file, "temporary_file_path"):
        shutil.move(file.temporary_file_path(), path)
        return
    with path.open("xb") as kept:
        for chunk in file.chunks():
            kept.write(chunk)


def _file_name(name: str | None) -> str:
    plain = "".join(c for c in Path(name or "").name if c.isprintable())
    return plain[:200] or "upload"


def _with_symbol(
    options: IntakeOptions, file_name: str, columns: tuple[str, ...]
) -> IntakeOptions:
    """Return the options, a file called ACME.csv taken for bars of ACME."""
    stem = file_name.partition(".")[0]
    named = {column.strip().lower() for column in columns}
    if options.symbol or "symbol" in named or "ticker" in named or not is_symbol(stem):
        return options
    return IntakeOptions(**(_plain(options) | {"symbol": stem}))


def _plain(options: IntakeOptions) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in OPTIONS}
    return values | {"mapping": dict(options.mapping)}


@transaction.atomic
def dataset_commit(
    dataset: Dataset, report: dict[str, Any], kept: list[Kept], context: JobContext
) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    dataset.report = report
    dataset.rows = report.get("rows")
    dataset.n_symbols = report.get("symbols")
    dataset.coverage = report.get("coverage")
    dataset.dataset_hash = report.get("dataset_hash", "")
    if kept:
        dataset.imported_at = timezone.now()
    dataset.save()
    for one in kept:
        candles_record(version=one.version, dataset=dataset)


def candles_record(*, version: Version, dataset: Dataset | None = None) -> None:
    """Write down a version of the candle cache; one that is known stays as it is."""
    CachedCandles.objects.get_or_create(
        candle_hash=version.candle_hash,
        defaults={
            "content_sha": version.content_sha,
            "provider": version.provider,
            "symbol": version.symbol,
            "timeframe": version.timeframe,
            "calendar": version.calendar,
            "start_ms": version.start_ms,
            "end_ms": version.end_ms,
            "row_count": version.rows,
            "source_version": version.source_version,
            "adjustment": version.adjustment,
            "outcome": version.outcome,
            "replaces": version.replaces,
            "quality": dict(version.quality),
            "path": version.key,
            "size_bytes": version.size_bytes,
            "dataset": dataset,
            "created_at": datetime.fromtimestamp(version.created_ms / 1000, UTC),
        },
    )


def with_outcomes(report: dict[str, Any], kept: list[Kept]) -> dict[str, Any]:
    """Return the report, each symbol with what became of it in the cache."""
    series = [
        one
        | {
            "candle_hash": what.version.candle_hash,
            "outcome": what.outcome,
            "added": what.added,
            "changed": what.changed,
        }
        for one, what in zip(report["series"], kept, strict=True)
    ]
    return report | {"series": series}


def _refuse(intake: Intake, dataset: Dataset) -> None:
    """End the job of an import as failed; a check has done what it was asked."""
    if not intake.n_refused or dataset.dry_run:
        return
    first = intake.refused[0]
    problems = tuple(
        StrategyError(
            f"line {one.line}: {one.message}", code=one.code, field=one.column
        )
        for one in intake.refused
    )
    raise ConfigError(
        f"{intake.n_refused} row(s) cannot be taken, so nothing was imported. "
        f"The first is line {first.line}: {first.message}.",
        code="refused_rows",
        field="file",
        advice="Correct these rows, or say how the file is to be read.",
        problems=problems,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
