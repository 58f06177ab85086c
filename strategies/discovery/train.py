"""The names of the seed: one call from a frame to judged expressions, and its parts.

Whoever holds a panel and wants the whole protocol uses `batches` and `conclude`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strategies.compute import n_threads
from strategies.config import RunConfig, SymbolCosts
from strategies.discovery.batch import Batch
from strategies.discovery.catalog import build_feature_catalog, set_dynamic_catalog
from strategies.discovery.protocol import ANY_EXPRESSION, SearchPlan
from strategies.discovery.search import batches
from strategies.dsl.expression import Expression, as_expression
from strategies.errors import ConfigError, did_you_mean
from strategies.market.panel import Panel
from strategies.run import run_backtest

if TYPE_CHECKING:
    import pandas as pd

SIZING = ("cap", "max_lev", "smooth_ema", "neutralize", "long_only", "nan_policy")
OF_PLAN = tuple(name for name in SearchPlan.model_fields if name not in ("config", "n"))
OF_CATALOG = ("domain_lags", "ignore")
KNOWN = (*SIZING, "execution_lag", *OF_PLAN, *OF_CATALOG)
COSTS = tuple(SymbolCosts.model_fields)

Event = dict[str, Any]
Progress = Callable[[Event], object]


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What became of one expression.

    Attributes
    ----------
    expr, expr_hash : str
        Canonical form, and its sha256.
    sharpe : float or None
        Net, per year; None where it is undefined.
    summary : dict
        Further numbers, None where undefined.
    """

    expr: str
    expr_hash: str
    sharpe: float | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BacktestTask:
    """One expression that is to be run as it is, on all bars of a panel."""

    expression: Expression
    config: RunConfig
    panel: Panel


def train_pipeline(
    df: pd.DataFrame | Panel,
    costs_df: pd.DataFrame | None,
    n: int,
    params: Mapping[str, Any],
    workers: int = 1,
    progress: Progress | None = None,
) -> list[BacktestResult]:
    """Search for expressions, and return all that were evaluated.

    Parameters
    ----------
    df : DataFrame or Panel
        Long: one row for each symbol and bar (`Panel.from_frame`).
    costs_df : DataFrame or None
        One row for each symbol with costs of its own: ``symbol`` and any of
        ``commission_bps``, ``commission_per_share``, ``commission_min``,
        ``slippage_bps``, ``borrow_bps``. Trading is free without it.
    n : int
        Different expressions to evaluate.
    params : mapping
        ``cap``, ``max_lev``, ``smooth_ema``, ``neutralize``, ``execution_lag``,
        ``domain_lags``, ``ignore``, and all of `SearchPlan`: ``seed``, ``limit_score``,
        ``max_depth``, ``method``, …
    workers : int
        Threads at most; results do not depend on it.
    progress : callable ``(event)``, optional
        Told ``{"type": "phase", "phase", "count"}``, ``{"type": "result", "expr_hash",
        "sharpe"}`` for each expression, and at last ``{"type": "summary", "elapsed_s",
        "count"}``.

    Returns
    -------
    list of BacktestResult
        In the order in which they were tried; ``sharpe`` is that of the train span.

    Raises
    ------
    ConfigError
        ``unknown_parameter``; those of `SearchPlan` and `batches`.
    CandleError
        Those of `Panel.from_frame`.

    Notes
    -----
    Every one is reported as a trial. Which of them are more than luck is what
    `conclude` says; the last bars stay sealed.
    """
    began = time.monotonic()
    tell = progress or dict
    panel = df if isinstance(df, Panel) else Panel.from_frame(df)
    plan = plan_of(panel, costs_df, n, params)
    made = list(batches(plan, panel, workers=workers, on_event=tell))
    results = [one for batch in made for one in results_of(batch)]
    took = round(time.monotonic() - began, 3)
    tell({"type": "summary", "elapsed_s": took, "count": len(results)})
    return results


def plan_of(
    panel: Panel,
    costs_df: pd.DataFrame | None,
    n: int,
    params: Mapping[str, Any],
) -> SearchPlan:
    """Return the plan that the parameters of `train_pipeline` stand for.

    Raises
    ------
    ConfigError
        ``unknown_parameter``, field ``params.<name>``; those of `SearchPlan`.
    """
    for name in params:
        if name not in KNOWN:
            raise ConfigError(
                f"A search has no parameter '{name:.40}'.",
                code="unknown_parameter",
                field=f"params.{name:.40}",
                advice=did_you_mean(name, KNOWN),
            )
    given = {key: value for key, value in params.items() if value is not None}
    sizing = {key: given[key] for key in SIZING if key in given}
    execution: dict[str, Any] = {"overrides": _costs_of(costs_df)}
    if "execution_lag" in given:
        execution["execution_lag"] = given["execution_lag"]
    own: dict[str, Any] = {key: given[key] for key in OF_PLAN if key in given}
    if given.get("domain_lags") or given.get("ignore"):
        own = _of_catalog(panel, given) | own
    config = RunConfig(
        provider=panel.provider,
        universe=list(panel.symbols),
        timeframe=panel.timeframe,
        expr=ANY_EXPRESSION,
        sizing=sizing,
        execution=execution,
    )
    return SearchPlan(**{"placebo": False, **own, "config": config, "n": n})


def results_of(batch: Batch) -> list[BacktestResult]:
    """Return what became of the expressions of one generation, twins left out.

    Nothing of the placebo: its expressions were judged on bars that never were.
    """
    table = batch.table
    twins: list[int] = [] if batch.is_placebo else table["twin_of"].tolist()
    further = ("rejected", "turnover_daily", "validation_sharpe", "origin")
    return [
        BacktestResult(
            expr=str(table["expr"][row]),
            expr_hash=str(table["expr_hash"][row]),
            sharpe=_plain(table["train_sharpe"][row]),
            summary={
                "index": int(table["index"][row]),
                "ann_sharpe": _plain(table["train_sharpe"][row]),
                "complexity_score": float(table["complexity"][row]),
                **{name: _plain(table[name][row]) for name in further},
            },
        )
        for row, twin in enumerate(twins)
        if twin < 0
    ]


def batch_prepare(
    exprs: Iterable[str | Expression],
    df: pd.DataFrame | Panel,
    costs_df: pd.DataFrame | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[BacktestTask]:
    """Return what `run_parallel` runs: each expression once, however it is written.

    Parameters
    ----------
    exprs : iterable of str or Expression
    df, costs_df, params
        As in `train_pipeline`.

    Raises
    ------
    DslError, ConfigError
    """
    panel = df if isinstance(df, Panel) else Panel.from_frame(df)
    plan = plan_of(panel, costs_df, 1, params or {})
    different = {one.expr_hash: one for one in map(as_expression, exprs)}
    return [
        BacktestTask(one, plan.config_of(one.canonical), panel)
        for one in different.values()
    ]


def run_parallel(
    tasks: Sequence[BacktestTask],
    workers: int = 1,
    progress: Progress | None = None,
) -> list[BacktestResult]:
    """Run each task as a backtest of its own, reported as a trial.

    Parameters
    ----------
    tasks : sequence of BacktestTask
    workers : int
        Threads at most; results do not depend on it.
    progress : callable ``(event)``, optional
        Told ``{"type": "result", "expr_hash", "sharpe"}`` of each, in order.

    Returns
    -------
    list of BacktestResult
        In the order of the tasks; ``summary`` holds every metric.
    """
    results = []
    with ThreadPoolExecutor(max(1, min(workers, n_threads()))) as pool:
        # Each in a copy of this context, whose sink the trials are reported to.
        made = [pool.submit(copy_context().run, _run, task) for task in tasks]
        for one in made:
            result = one.result()
            told = {"expr_hash": result.expr_hash, "sharpe": result.sharpe}
            (progress or dict)({"type": "result", **told})
            results.append(result)
    return results


def persist_backtest_result(result: BacktestResult, path: str | Path) -> None:
    """Write a result down: a line of JSON behind those that the file has.

    Parameters
    ----------
    result : BacktestResult
        What is undefined becomes null.
    path : str or path
        Made if it is missing. `pandas.read_json(path, lines=True)` reads it.

    Notes
    -----
    For who works without a lab; a lab keeps its runs and strategies itself. Workers
    return results and their caller writes them, so that lines never mix.
    """
    line = json.dumps(asdict(result), allow_nan=False)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def _run(task: BacktestTask) -> BacktestResult:
    metrics = run_backtest(task.config, task.panel).metrics
    one = task.expression
    return BacktestResult(one.canonical, one.expr_hash, metrics["sharpe"], metrics)


def _of_catalog(panel: Panel, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that may be read, and after how many bars."""
    import pandas as pd

    frame = pd.DataFrame({name: matrix[:1, 0] for name, matrix in panel.fields.items()})
    ignore = given.get("ignore", ())
    catalog = build_feature_catalog(frame, given.get("domain_lags"), ignore)
    set_dynamic_catalog(catalog)
    lags = {one.name: one.lag for one in catalog if one.lag}
    return {"columns": [one.name for one in catalog], "lags": lags}


def _costs_of(costs: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    if costs is None:
        return {}
    if "symbol" not in costs.columns:
        raise ConfigError(
            "The costs have no column 'symbol'.",
            code="missing_column",
            field="costs_df",
            advice=f"Give symbol and any of {', '.join(COSTS)}.",
        )
    known = [name for name in COSTS if name in costs.columns]
    rows = costs.set_index("symbol")[known].to_dict("index")
    return {
        str(symbol): {str(k): float(v) for k, v in row.items() if math.isfinite(v)}
        for symbol, row in rows.items()
    }


def _plain(value: Any) -> Any:
    """Return a cell as a plain value, None where it is undefined."""
    value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
