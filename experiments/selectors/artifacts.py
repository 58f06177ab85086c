"""The files of a run, by the names in its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.artifacts.manifest import MANIFEST
from experiments.artifacts.store import KeptFile, run_store
from experiments.artifacts.tables import table_read
from experiments.models import ModelRun
from experiments.selectors.links import run_links
from experiments.selectors.results import files_not_removed
from quantlab.web.problem import Problem

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Artifact:
    """A file that is open for reading, and what the manifest says of it."""

    file: KeptFile
    sha256: str
    mime: str


def artifact_list(run: ModelRun) -> list[dict[str, Any]]:
    """Return the entries of the manifest; none while there is no manifest."""
    if not run.manifest_sha:
        return []
    address = run_links(run.pk, run.job_id)["artifacts"]
    return [
        entry | {"links": {"download": f"{address}/{entry['name']}"}}
        for entry in run_store().list(str(run.pk))
    ]


def artifact_open(run: ModelRun, name: str) -> Artifact:
    """Open a file of a run: 409 when it keeps none, 404 for a name that is none.

    The manifest itself can be opened too: its hash is on the run's row.
    """
    files_needed(run)
    store, run_id = run_store(), str(run.pk)
    file = store.open(run_id, name)
    if name == MANIFEST:
        return Artifact(file, run.manifest_sha, "application/json")
    [entry] = [entry for entry in store.list(run_id) if entry["name"] == name]
    return Artifact(file, entry["sha256"], entry["mime"])


def artifact_table(run: ModelRun, name: str, *wanted: str) -> pa.Table:
    """Return columns of a table of a run, all without a name; 409 if it is damaged."""
    with artifact_open(run, name).file as file:
        return table_read(file, wanted or None)


def files_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that has no files, or none yet."""
    files_not_removed(run)
    if not run.manifest_sha:
        raise Problem(
            status=409,
            message="This run has no files.",
            advice="Wait until it has succeeded, or run it again and keep its files.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
