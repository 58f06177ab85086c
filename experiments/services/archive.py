"""Archives that are made to be downloaded: whole files, kept while there is room."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.artifacts import spare
from experiments.artifacts.archive import (
    LEDGER,
    MOST_BYTES,
    Content,
    archive_write,
    json_bytes,
)
from experiments.artifacts.manifest import MANIFEST
from experiments.artifacts.store import run_store
from experiments.models import ModelRun
from experiments.selectors.archive import (
    Subject,
    dataset_member,
    experiment_row,
    ledger_lines,
    pipeline_member,
    run_member,
)
from experiments.selectors.datasets import dataset_file
from quantlab.web.problem import Problem
from strategies import __version__


def archive_make(*, subject: Subject) -> Path:
    """Return the archive of this subject as it is now: made whole, or none at all.

    404 for a file that is gone, 409 for runs whose files together are too large and
    for rows that no lab would take.
    """
    path = spare.ARCHIVES.folder / f"{subject.kind}-{subject.id}-{subject.state()}.zip"
    if path.exists():
        spare.mark_used(path)
        return path
    _fits(subject)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            archive_write(file, _about(subject), _members(subject))
        partial.replace(path)
    except ValidationError as exc:
        raise _unfit(exc) from exc
    finally:
        partial.unlink(missing_ok=True)
    spare.make_room(spare.ARCHIVES, keep=path)
    return path


def _about(subject: Subject) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "id": str(subject.id),
        "name": subject.name,
        "code_version": __version__,
        "left_out": subject.left_out,
    }


def _members(subject: Subject) -> Iterator[tuple[str, Content]]:
    for experiment in subject.experiments:
        document = json_bytes(experiment_row(experiment))
        yield f"experiments/{experiment.pk}.json", document
    for dataset in subject.datasets:
        folder = f"datasets/{dataset.pk}"
        yield f"{folder}/dataset.json", json_bytes(dataset_member(dataset))
        if dataset_file(dataset).exists():  # else it has to be built again, as here
            yield f"{folder}/rows.parquet", dataset_file(dataset)
    for run in subject.runs:
        yield f"runs/{run.pk}/run.json", json_bytes(run_member(run))
        for name in _files(run):
            run_store().open(str(run.pk), name).close()  # refused if it is gone
            path = run_store().path(str(run.pk), name)
            yield f"runs/{run.pk}/files/{name}", path
    for row in subject.pipelines:
        yield f"pipelines/{row.pk}.json", json_bytes(pipeline_member(row))
    yield LEDGER, b"".join(json_bytes(line) for line in ledger_lines(subject))


def _files(run: ModelRun) -> list[str]:
    if not run.manifest_sha:
        return []
    listed = run_store().list(str(run.pk))
    return [MANIFEST, *(entry["name"] for entry in listed)]


def _unfit(exc: ValidationError) -> Problem:
    first = exc.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return Problem(
        status=409,
        code="unfit_for_archives",
        message=f"{exc.title}: {field}: {first['msg']}, so no lab would take it.",
        advice="It was made by an old version or changed by hand; make it anew.",
    )


def _fits(subject: Subject) -> None:
    """Refuse what no lab would take."""
    store = run_store()
    kept = [run for run in subject.runs if run.manifest_sha]
    total = sum(e["size"] for run in kept for e in store.list(str(run.pk)))
    total += sum(dataset.size_bytes for dataset in subject.datasets)
    if total > MOST_BYTES // 2:
        raise Problem(
            status=409,
            code="too_large",
            message=f"Its files have {total >> 20:,} MB; an archive takes half of "
            f"{MOST_BYTES >> 20:,} MB.",
            advice="Download single runs.",
        )
