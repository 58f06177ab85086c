"""Look at a saved strategy as a factor, and at half of its symbols: in the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from experiments.models import StrategySheet, StrategySnapshot
from experiments.selectors.strategies import run_of, strategy_get
from experiments.selectors.strategy_curves import daily_returns
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.caches import feature_files, features_record
from jobs.progress import JobContext
from strategies import Panel, RunConfig, evaluate
from strategies.errors import CandleError, StrategyError
from strategies.library.expression import expression_of, grouped
from strategies.market.calendar import month_keys
from strategies.market.membership import members_at
from strategies.market.sources import load_each

if TYPE_CHECKING:
    from experiments.models import ModelRun
    from strategies.types import FloatArray


def sheet_compute(*, expr_hash: str, context: JobContext) -> None:
    """Compute the sheet of a strategy and keep it; nothing is counted as a trial."""
    from strategies.validation.robustness import sub_periods, sub_universe

    strategy = strategy_get(expr_hash)
    if SheetQuestion(strategy).answer() is not None:
        return  # the worker was lost between the sheet and the end of its job
    run = run_of(strategy)
    context.stage("reading")
    config = RunConfig(**run.config)
    panel = Panel.of(load_each(config, config.symbols))
    panel = panel.between(config.start_ms, config.end_ms)
    _check_unchanged(run, panel)
    context.stage("testing")
    document = {
        "factor": _factor(config, panel),
        "sub_universe": sub_universe(config, panel, run.metrics.get("sharpe") or 0.0),
        "sub_periods": sub_periods(*daily_returns(strategy)),
    }
    _keep(strategy, document)


def _check_unchanged(run: ModelRun, panel: Panel) -> None:
    if panel.fingerprint != run.data_fingerprint:
        raise CandleError(
            "The bars changed since the run was made.",
            code="data_changed",
            field="symbol",
            advice="Run the expression again and save it once more.",
        )


def _factor(config: RunConfig, panel: Panel) -> dict[str, Any]:
    files = feature_files()
    seen = grouped(panel, config)
    inside = members_at(seen, config.members)
    kept = files.of_panel(seen)
    values = evaluate(expression_of(config), seen, members=inside, cache=kept)
    values = np.where(inside, values, np.nan)
    features_record(files=files)
    return factor_document(values, panel, lag=config.execution.execution_lag)


def factor_document(
    values: FloatArray, panel: Panel, *, lag: int = 1
) -> dict[str, Any]:
    """Return the factor sheet of values on a panel, or why there is none."""
    from strategies.metrics.factor import factor_sheet

    months = month_keys(panel.ts, panel.calendar, panel.timeframe)
    try:
        sheet = factor_sheet(values, panel.fields["open"], months, lag=lag)
    except StrategyError as exc:
        return {"applicable": False, "code": exc.code, "message": exc.message}
    return {"applicable": True, "code": None, "message": None, **sheet}


@transaction.atomic
def _keep(strategy: StrategySnapshot, document: dict[str, Any]) -> None:
    StrategySheet.objects.filter(expr_hash=strategy.expr_hash).delete()
    StrategySheet.objects.create(
        key=SheetQuestion(strategy).key, expr_hash=strategy.expr_hash, document=document
    )
