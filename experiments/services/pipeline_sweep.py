"""The second stage of a pipeline: every configuration is traded, kept and counted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from experiments.artifacts.files import run_files
from experiments.artifacts.manifest import manifest_facts
from experiments.artifacts.report import report_document
from experiments.artifacts.store import run_store
from experiments.models import ModelRun, RunKind
from experiments.selectors.links import run_page_url
from experiments.services.execute import result_figures, result_save
from experiments.services.ledger import (
    Looked,
    bars_looked_at,
    ledger_append,
    pool_refresh,
    tried_once,
)
from experiments.services.pipeline_work import Work
from experiments.services.runs import symbols_keep
from jobs.queue import done_within
from strategies import BacktestResult, Panel, UniverseResult, __version__
from strategies.candidates import candidate_key, weekly_returns
from strategies.documents import normal_values
from strategies.pipeline.evaluate import Tried, evaluated, learned_chances
from strategies.pipeline.leaderboard import overfitting
from strategies.pipeline.together import panel_of, together
from strategies.trials import MemorySink, reporting_to
from strategies.types import FloatArray

STAGE = "sweep"
SOURCE = "pipeline"
TAG = "pipeline"

Result = BacktestResult | UniverseResult


def sweep_stage(work: Work) -> None:
    """Leave a run of each configuration, its trial in the ledger, and its metrics.

    Configurations that an earlier attempt has written are measured again, which is
    quick and gives the same numbers; their runs and trials stay as they are.
    """
    part, plan = work.part(STAGE), work.plan
    n = len(plan.grid)
    part.report(0, n)
    chances = None
    if work.samples is not None:
        chances = learned_chances(plan, work.samples)
    there = set(ModelRun.objects.filter(pk__in=_ids(work)).values_list("pk", flat=True))
    found: list[dict[str, Any]] = []
    returns: list[FloatArray] = []
    sheet: _Sheet | None = None
    with reporting_to(MemorySink()):
        for one in evaluated(plan, work.candles, chances):
            sheet = sheet or _Sheet.of(work, one)
            result = together(
                one.accounts, plan.run_config(one.configuration), sheet.panel
            )
            run_id = work.own_id(_name(one.number))
            if run_id not in there:
                _keep(work, one, result, sheet, run_id)
            found.append(_standing(one, run_id))
            returns.append(result.bar_returns)
            part.report(one.number + 1, n)
    luck = overfitting(np.column_stack(returns))
    for row in found:
        row["metrics"]["pbo"] = luck
    assert sheet is not None  # a grid is never empty  # noqa: S101
    pool_refresh(pool=sheet.looked.pool)
    work.done(STAGE, leaderboard=found, pool=sheet.looked.pool)


class _Sheet:
    """What all configurations have in common: they trade the same bars."""

    def __init__(self, panel: Panel, looked: Looked) -> None:
        self.panel, self.looked = panel, looked

    @classmethod
    def of(cls, work: Work, one: Tried) -> _Sheet:
        bars = [result.candles for result in one.accounts.results]
        panel = panel_of(one.accounts)
        fingerprint = panel.fingerprint if len(bars) > 1 else bars[0].fingerprint
        return cls(panel, bars_looked_at(bars, fingerprint=fingerprint))


def _name(number: int) -> str:
    return f"backtest {number}"


def _ids(work: Work) -> list[UUID]:
    return [work.own_id(_name(number)) for number in range(len(work.plan.grid))]


def _standing(one: Tried, run_id: UUID) -> dict[str, Any]:
    metrics: dict[str, Any] = normal_values(one.accounts.metrics)
    return {"number": one.number, "run_id": str(run_id), "metrics": metrics}


def _keep(work: Work, one: Tried, result: Result, sheet: _Sheet, run_id: UUID) -> None:
    """Write the folder of a run, then its rows; files of a lost attempt are equal."""
    report = report_document(result) | {"lookahead": None}
    manifest_sha = ""
    if work.row.persist:
        bars = [account.candles for account in one.accounts.results]
        facts = manifest_facts(result, bars)
        manifest_sha = run_store().save(str(run_id), run_files(result), facts)
    run = _run(work, one, result, sheet, run_id)
    run.manifest_sha = manifest_sha
    _commit(work, one, result, sheet, run, report)


def _run(
    work: Work, one: Tried, result: Result, sheet: _Sheet, run_id: UUID
) -> ModelRun:
    config, row = result.config, work.row
    return ModelRun(
        id=run_id,
        kind=RunKind.BACKTEST,
        name=f"{row.model_id} {one.number + 1} of {len(work.plan.grid)}",
        config=config.document(),
        search={
            "pipeline_run_id": str(row.pk),
            "number": one.number,
            "config": one.configuration.document(),
        },
        symbol=config.symbol or "",
        strategy=row.model_id,
        config_hash=config.config_hash,
        config_family_hash=config.config_family_hash,
        run_hash=config.run_hash,
        code_version=__version__,
        source_version=row.source_version,
        data_fingerprint=result.data_fingerprint,
        pool=sheet.looked.pool,
        seed=config.seed,
        persist=row.persist,
        tags=[TAG],
        archived=row.is_demo,  # lists begin with what a newcomer asks himself
        **result_figures(result),
    )


@transaction.atomic
def _commit(
    work: Work,
    one: Tried,
    result: Result,
    sheet: _Sheet,
    run: ModelRun,
    report: dict[str, Any],
) -> None:
    """Write a run, its trial and its place here, if the job is still ours."""
    work.hold()
    job, row = work.context.job, work.row
    run.job = done_within(
        job,
        RunKind.BACKTEST.value,
        title=run.name,
        run_id=str(run.pk),
        page=run_page_url(run.pk),
    )
    run.save(force_insert=True)
    symbols_keep(run=run, symbols=result.config.symbols)
    result_save(run=run, report=report)
    weeks = weekly_returns(result.ts, result.equity)
    key, sharpe_bar = candidate_key(result.config), result.metrics["sharpe_bar"]
    ledger_append(
        source=SOURCE,
        looked=sheet.looked,
        tried=tried_once(key, sharpe_bar, weeks),
        config_hash=run.config_hash,
        run_id=run.pk,
        job_id=job.pk,
        chunk=one.number,
    )
    row.backtest_run_ids = [*row.backtest_run_ids, str(run.pk)]
    work.say("working.sweep")
    row.save(update_fields=["backtest_run_ids", "said", "summary"])
