"""What the first page of a run says: its numbers, and what is told beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.models import ModelRun
from experiments.selectors.overfitting import searches_tested
from experiments.selectors.proof import proof_of
from strategies.metrics import REASONS
from strategies.metrics.registry import METRICS, Metric
from strategies.validation_config import TESTS

Context = dict[str, Any]

# What a reader sees first, in this order.
HEADLINES = (
    "cagr",
    "max_drawdown",
    "volatility",
    "exposure",
    "total_return",
    "sortino",
    "calmar",
    "max_drawdown_duration_bars",
    "trade_count",
    "win_rate",
    "profit_factor",
    "turnover",
    "beta",
    "alpha",
    "skew",
    "kurtosis",
)
COMPARED = ("cagr", "max_drawdown", "volatility", "exposure")
# Shown by the honesty tags only, never as a bare number.
SHARPES = ("sharpe", "sharpe_bar")
N_DRAWDOWNS = 6


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of a run beside that of its benchmark."""

    metric: Metric
    value: float | None
    other: float | None
    why: str  # there is no value, or little in it; "" for nothing to say


def readings(
    keys: tuple[str, ...], run: Context, benchmark: Context | None = None
) -> list[Reading]:
    return [
        Reading(
            METRICS[key],
            run["metrics"][key],
            (benchmark or {}).get(key),
            REASONS.get(run["flags"].get(key, ""), ""),
        )
        for key in keys
        if key in run["metrics"]
    ]


def run_summary(run: ModelRun, report: Context) -> Context:
    """Return what is said of a result, on its page and in a file of it."""
    document, benchmark = report["run"], report["benchmark_metrics"] or {}
    everything = tuple(key for key in METRICS if key not in SHARPES)
    worst = sorted(report["drawdowns"], key=lambda one: one["depth"])
    return {
        "run": document,
        "benchmark_metrics": benchmark,
        "benchmark_name": document["config"]["benchmark"].replace("_", " "),
        "headlines": readings(
            HEADLINES, document, {key: benchmark.get(key) for key in COMPARED}
        ),
        "readings": readings(everything, document, benchmark),
        "accounting": run.accounting,
        "lookahead": report["lookahead"],
        "proof": proof_of(run),
        "survivorship": report["survivorship"],
        "critic": report["critic"],
        "tests": tests_said(report["validation"]),
        "searches": searches_tested(run),
        "drawdowns": worst[:N_DRAWDOWNS],
        "n_drawdowns": len(worst),
        "has_traded": has_traded(document),
    }


def tests_said(validation: Context | None) -> list[str]:
    """Return the tests of luck that were run, in words."""
    names = [name for name in TESTS if name in (validation or {})]
    return [name.replace("_", " ").replace("wfo", "fixed windows") for name in names]


def has_traded(run: Context) -> bool:
    return run["metrics"].get("exposure") != 0
