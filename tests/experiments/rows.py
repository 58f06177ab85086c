"""Runs and experiments as rows, without resolving or running anything."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np

from experiments.models import (
    CachedCandles,
    CachedFeature,
    Dataset,
    LedgerEntry,
    ModelExperiment,
    ModelRun,
    RunMetric,
)
from experiments.selectors.trials import pool_of
from experiments.services.ledger import Looked, ledger_append, tried_once
from strategies.documents import sha256_of
from tests.jobs.rows import NOON, make_job

INSTRUMENT = "files:TEST"
POOL = pool_of([INSTRUMENT])


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


def add_dataset(**fields: Any) -> Dataset:
    """Return a file whose job waits; the file itself is not there."""
    dataset_id = fields.pop("id", uuid4())
    job = fields.pop("job", None) or make_job("queued", run_id=str(dataset_id))
    row = {"name": "ACME.csv", "size_bytes": 1, "options": {"adjustment": "raw"}}
    return Dataset.objects.create(id=dataset_id, job=job, **(row | fields))


def add_cached_feature(**fields: Any) -> CachedFeature:
    """Return a feature of a version of bars, as rows; the files are not there."""
    bars = CachedCandles.objects.create(
        candle_hash="a" * 64,
        content_sha="b" * 64,
        provider="upload",
        symbol="ACME",
        timeframe="1d",
        calendar="24/7",
        start_ms=0,
        end_ms=86_400_000,
        row_count=2,
        source_version="sha256:c",
        adjustment="raw",
        outcome="new",
        path=f"candles/upload/ACME/1d/{'a' * 64}.parquet",
        size_bytes=100,
    )
    row = {"name": "sma", "params": {"period": 20}, "data_fingerprint": "b" * 64}
    row |= {"feature_hash": "f" * 64, "row_count": 2, "size_bytes": 10}
    row |= {"path": f"features/sma/{'f' * 64}.parquet", "candles": bars}
    return CachedFeature.objects.create(**(row | fields))


def add_trial(
    candidate: str,
    *,
    instruments: tuple[str, ...] = (INSTRUMENT,),
    sharpe_bar: float | None = 0.01,
    fingerprint: str = "d" * 64,
    window: tuple[int, int] = (0, 1),
    is_made_up: bool = False,
) -> LedgerEntry:
    """Count one candidate, named by any text, on these instruments."""
    looked = Looked(
        instruments=instruments,
        data_fingerprint=fingerprint,
        timeframe="1d",
        start_ms=window[0],
        end_ms=window[1],
        ppy=252.0,
        is_made_up=is_made_up,
    )
    key = int(sha256_of(candidate)[:16], 16)
    weeks = (0, np.random.default_rng(key).normal(0, 0.02, 200).astype(np.float16))
    return ledger_append(
        source="run",
        looked=looked,
        tried=tried_once(key, sharpe_bar, weeks),
        config_hash=sha256_of(candidate),
        run_id=uuid4(),
        job_id=f"job_{uuid4().hex[:12]}",
    )


__all__ = ["INSTRUMENT", "NOON", "POOL", "add_trial", "plain_experiment", "plain_run"]
