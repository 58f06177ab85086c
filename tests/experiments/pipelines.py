"""Pipelines without a server or a worker, on hourly bars that are made here."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.models import PipelineRun
from experiments.selectors.pipeline import pipeline_document, pipeline_get
from experiments.services.pipeline import pipeline_submit
from experiments.services.pipeline_execute import pipeline_execute
from experiments.services.pipeline_plan import pipeline_plan
from jobs import lease
from jobs.models import JobStatus
from jobs.progress import JobContext
from strategies.market.universes import preset_named

JUNE_MS = 1_717_200_000_000  # 2024-06-01, a Saturday
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
OPENS_MS = 13 * HOUR_MS + HOUR_MS // 2  # of New York in June
HOURS = 7


def write_bars(home, names, *, days=30, memory=0.0, seed=0, start_ms=JUNE_MS):
    """Write hourly bars of New York's sessions as files of the lab.

    Returns remember a share `memory` of the last one: 0 is luck.
    """
    folder = home / "data" / "1h"
    folder.mkdir(parents=True, exist_ok=True)
    at = start_ms + np.arange(days) * DAY_MS
    at = at[(at // DAY_MS + 3) % 7 < 5]  # Monday is 0
    ts = (at[:, None] + OPENS_MS + np.arange(HOURS) * HOUR_MS).ravel()
    rng = np.random.default_rng(seed)
    for name in names:
        returns = rng.normal(0.0, 0.006, len(ts))
        for t in range(1, len(ts)):
            returns[t] += memory * returns[t - 1]
        close = 100.0 * np.exp(np.cumsum(returns))
        opening = np.append(100.0, close[:-1])
        columns = {
            "ts_utc": ts,
            "open": opening,
            "high": np.maximum(opening, close),
            "low": np.minimum(opening, close),
            "close": close,
            "volume": np.full(len(ts), 1e6),
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def members(preset_id, n):
    return [one.symbol for one in preset_named(preset_id).members[:n]]


def submitted(model_id="momentum_logit", **body: Any) -> PipelineRun:
    asked = pipeline_plan(model_id=model_id, body=body)
    return pipeline_submit(asked=asked).row


def claimed(row: PipelineRun, owner: str = "me") -> JobContext:
    assert lease.claim(row.job_id, owner)
    row.job.refresh_from_db()
    return JobContext(row.job)


def run_through(row: PipelineRun) -> dict[str, Any]:
    """Do what a worker does with a pipeline that waits; return its document."""
    context = claimed(row)
    pipeline_execute(pipeline_id=str(row.pk), context=context)
    context.flush()
    assert lease.finish(row.job_id, "me", JobStatus.SUCCEEDED)
    return document(row)


def document(row: PipelineRun) -> dict[str, Any]:
    return pipeline_document(pipeline_get(row.pk))


def post(client, body, model_id="momentum_logit"):
    answer = client.post(
        f"/api/models/{model_id}/pipeline/run",
        json.dumps(body),
        content_type="application/json",
    )
    return SimpleNamespace(status=answer.status_code, body=answer.json())
