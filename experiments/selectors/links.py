"""Where runs and experiments are found: addresses that the contract fixes."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


def run_page_url(run_id: UUID) -> str:
    return f"/model-lab/runs/{run_id}"


def compare_page_url(run_ids: Iterable[UUID | str]) -> str:
    """Return the page that holds these runs side by side; the first is the baseline."""
    return f"/model-lab/compare?runs={','.join(map(str, run_ids))}"


def run_links(run_id: UUID, job_id: str) -> dict[str, str]:
    itself = f"/api/runs/{run_id}"
    job = f"/api/jobs/{job_id}"
    return {
        "self": itself,
        "job": job,
        "logs": f"{job}/log",
        "report": f"{itself}/report",
        "artifacts": f"{itself}/artifacts",
        "page": run_page_url(run_id),
    }


def experiment_links(experiment_id: UUID) -> dict[str, str]:
    itself = f"/api/model-lab/experiments/{experiment_id}"
    return {
        "self": itself,
        "run": f"{itself}/run",
        "runs": f"/api/runs?experiment_id={experiment_id}",
        "page": f"/model-lab/experiments/{experiment_id}",
    }
