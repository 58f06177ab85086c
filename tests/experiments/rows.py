"""Runs and experiments as rows, without resolving or running anything."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from experiments.models import ModelExperiment, ModelRun, RunMetric, Trial
from tests.jobs.rows import NOON, make_job

POOL = "a" * 64


def plain_run(
    status: str = "succeeded", *, metrics: dict[str, Any] | None = None, **fields: Any
) -> ModelRun:
    """Return a run in this status, with the numbers that lists sort by."""
    run_id = fields.pop("id", uuid4())
    job = fields.pop("job", None) or make_job(status, run_id=str(run_id))
    row = {
        "config": {"symbol": "SP500"},
        "config_hash": "c" * 64,
        "config_family_hash": "f" * 64,
        "run_hash": "r" * 64,
        "code_version": "0.1.0",
        "source_version": "v1",
        "data_fingerprint": "d" * 64 if status == "succeeded" else "",
        "pool": POOL,
        "ppy": 252.0 if status == "succeeded" else None,
        "metrics": metrics or {},
    }
    run = ModelRun.objects.create(id=run_id, job=job, **(row | fields))
    RunMetric.objects.bulk_create(
        RunMetric(run=run, experiment_id=run.experiment_id, key=key, value=value)
        for key, value in run.metrics.items()
    )
    return run


def plain_experiment(**fields: Any) -> ModelExperiment:
    row = {
        "name": "Trend",
        "model_key": "sma_cross",
        "params": {"fast": 5, "slow": 20},
        "provider": "synthetic",
        "universe": ["SYN-gbm-1"],
    }
    return ModelExperiment.objects.create(**(row | fields))


def add_trial(family: str, *, pool: str = POOL) -> Trial:
    return Trial.objects.create(
        source="run",
        pool=pool,
        data_fingerprint="d" * 64,
        start_ms=0,
        end_ms=1,
        run_id=str(uuid4()),
        job_id=f"job_{uuid4().hex[:12]}",
        config_hash=family * 64,
        config_family_hash=family * 64,
        n_returns=10,
        ppy=252.0,
    )


__all__ = ["NOON", "POOL", "add_trial", "plain_experiment", "plain_run"]
