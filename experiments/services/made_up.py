"""Experiments and results that nobody computed, as a lab has them after a year.

Everything is drawn from one generator, so that a seed gives the same lab again. The
numbers fit each other roughly (a calmar is what its cagr and drawdown give), and no
further: they are for looking at lists, never for conclusions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies import RunConfig
from strategies.config import DAY_MS
from strategies.statistics import sharpe_se_normal

TAG = "made-up"
PPY = 252.0
POINTS = 40
FIRST_DAY_MS = 915_408_000_000  # 1999-01-04
YEARS = (5, 10, 15, 20)

Numbers = dict[str, float | int | None]

SYMBOLS: Mapping[str, tuple[str, ...]] = {
    "builtin": ("SP500", "NASDAQ"),
    "synthetic": ("SYN-trend-3", "SYN-revert-5", "SYN-garch-7"),
    "files": ("AAPL", "IBM", "MSFT", "XOM", "JPM", "KO", "GLD", "TLT", "EURUSD"),
}
RULES: Mapping[str, tuple[str, str, str]] = {
    "sma_cross": ("SMA", "Trend following", "Investors take in news slowly."),
    "rsi_reversion": ("RSI", "Buying what fell", "Falls overshoot and come back."),
    "bollinger_breakout": ("Bollinger", "Breaking out", "Calm times end in a move."),
    "macd": ("MACD", "Momentum", "What rose last month rises on."),
    "donchian": ("Donchian", "New highs", "A new high brings buyers."),
}
TAGS = ("candidate", "check again", "baseline", "costs", "robust", "slow", "report")
COSTS_BPS = (0.0, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpResult:
    """What a worker would have written, without a worker."""

    metrics: Numbers
    flags: dict[str, str]
    sharpe_se: float | None
    sparkline: list[float]
    report: dict[str, Any]


def made_up_question(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return the fields of an experiment."""
    rule = _pick(rng, list(RULES))
    _, title, cause = RULES[rule]
    provider = _pick(rng, list(SYMBOLS))
    symbol = _pick(rng, SYMBOLS[provider])
    stated = {
        "cause": cause,
        "effect": f"The rule earns more for its swings than holding {symbol}.",
        "metric": _pick(rng, ("sharpe", "sharpe", "calmar", "max_drawdown")),
        "threshold": None,
        "planned_trials": int(rng.integers(4, 200)),
    }
    return {
        "name": f"{title} on {symbol}, part {number}",
        "hypothesis": stated if rng.random() < 0.7 else None,
        "model_key": rule,
        "params": made_up_params(rng, rule),
        "provider": provider,
        "universe": [symbol],
        "cost_model": {"commission_bps": 5, "slippage_bps": 5},
        "tags": made_up_tags(rng),
        "starred": bool(rng.random() < 0.1),
        "archived": bool(rng.random() < 0.08),
    }


def made_up_params(rng: np.random.Generator, rule: str) -> dict[str, Any]:
    fast = int(rng.integers(2, 60))
    slow = fast + int(rng.integers(1, 200))
    params: dict[str, dict[str, Any]] = {
        "sma_cross": {"fast": fast, "slow": slow},
        "rsi_reversion": {"period": fast, "lower": 30.0, "upper": 70.0},
        "bollinger_breakout": {"period": slow, "width": int(rng.integers(10, 30)) / 10},
        "macd": {"fast": fast, "slow": slow, "signal": 9},
        "donchian": {"entry": slow, "exit": fast},
    }
    return params[rule]


def made_up_config(
    rng: np.random.Generator, question: Mapping[str, Any] | None
) -> RunConfig:
    """Return a config of the question, or of any where there is none."""
    rule = question["model_key"] if question else _pick(rng, list(RULES))
    provider = question["provider"] if question else _pick(rng, list(SYMBOLS))
    symbol = question["universe"][0] if question else _pick(rng, SYMBOLS[provider])
    n_days = int(_pick(rng, YEARS)) * 365
    return RunConfig(
        provider=provider,
        symbol=symbol,
        start=FIRST_DAY_MS,
        end=FIRST_DAY_MS + n_days * DAY_MS,
        strategy={"name": rule, "params": made_up_params(rng, rule)},
        execution={
            "commission_bps": _pick(rng, COSTS_BPS),
            "slippage_bps": _pick(rng, COSTS_BPS),
        },
        seed=int(rng.integers(0, 1_000_000)),
    )


def made_up_name(rng: np.random.Generator, config: RunConfig) -> str:
    """Return what somebody may have called it; "" for the many without a name."""
    if config.strategy is None or rng.random() < 0.3:
        return ""
    params = config.strategy.params.values()
    values = "/".join(f"{value}" for value in params if value is not None)
    costs = config.execution.commission_bps + config.execution.slippage_bps
    return f"{RULES[config.strategy.name][0]} {values}, {costs:g} bps"


def made_up_tags(rng: np.random.Generator) -> list[str]:
    n_tags = int(rng.integers(0, 3))
    return [TAG, *(str(tag) for tag in rng.permutation(TAGS)[:n_tags])]


def made_up_result(rng: np.random.Generator, config: RunConfig) -> MadeUpResult:
    start_ms, end_ms = config.start_ms or 0, config.end_ms or 0
    years = (end_ms - start_ms) / (365 * DAY_MS)
    is_idle = rng.random() < 0.02
    metrics = _idle(years) if is_idle else _metrics(rng, years)
    metrics |= {"start_ts": start_ms, "end_ts": end_ms}
    curve = _curve(rng, metrics)
    se = None
    if metrics["sharpe_bar"] is not None:
        n_returns = int(metrics["n_bars"] or 0) - 1
        se = sharpe_se_normal(metrics["sharpe_bar"], n_returns) * math.sqrt(PPY)
    unknown = [key for key, value in metrics.items() if value is None]
    return MadeUpResult(
        metrics=metrics,
        flags=dict.fromkeys(unknown, "no_trades"),
        sharpe_se=se,
        sparkline=curve,
        report=_report(curve, start_ms, end_ms),
    )


def _metrics(rng: np.random.Generator, years: float) -> Numbers:
    sharpe = float(rng.normal(0.35, 0.45))
    volatility = float(rng.lognormal(-2.0, 0.35))
    ann_return = sharpe * volatility
    cagr = max(ann_return - volatility**2 / 2, -0.5)
    fall = -min(volatility * float(rng.uniform(1.2, 3.5)), 0.95)
    win = float(rng.lognormal(7.5, 0.4))
    loss = -win * float(rng.uniform(0.4, 1.1))
    win_rate = float(rng.uniform(0.3, 0.7))
    daily = float(rng.lognormal(-4.5, 0.8))
    exposure = float(rng.uniform(0.2, 0.95))
    skew = float(rng.normal(-0.3, 0.5))
    return {
        "total_return": (1 + cagr) ** years - 1,
        "cagr": cagr,
        "ann_return": ann_return,
        "volatility": volatility,
        "sharpe": sharpe,
        "sharpe_bar": sharpe / math.sqrt(PPY),
        "sortino": sharpe * 1.4,
        "calmar": cagr / -fall,
        "max_drawdown": fall,
        "avg_drawdown": fall / 6,
        "max_drawdown_duration_bars": int(rng.integers(60, 1500)),
        "trade_count": int(rng.integers(4, 400)),
        "win_rate": win_rate,
        "avg_win": win,
        "avg_loss": loss,
        "avg_win_pct": win / 1e5,
        "avg_loss_pct": loss / 1e5,
        "profit_factor": win_rate * win / ((1 - win_rate) * -loss),
        "payoff_ratio": win / -loss,
        "turnover": daily * PPY,
        "turnover_daily": daily,
        "exposure": exposure,
        "exposure_pct": exposure * 100,
        "gross_exposure": exposure,
        "skew": skew,
        "kurtosis": skew * skew + 2.0 + float(rng.exponential(4.0)),
        "fitness": sharpe * math.sqrt(abs(ann_return) / max(daily, 0.125)),
        "n_bars": round(years * PPY),
        "alpha": float(rng.normal(0.01, 0.03)),
        "beta": float(rng.uniform(0.1, 1.0)),
    }


def _idle(years: float) -> Numbers:
    """Return the numbers of a rule that never took a position."""
    known: Numbers = dict.fromkeys(_metrics(np.random.default_rng(0), years))
    zeros = ("total_return", "cagr", "ann_return", "volatility", "max_drawdown")
    counts = ("trade_count", "turnover", "turnover_daily", "exposure", "exposure_pct")
    known |= dict.fromkeys((*zeros, *counts), 0)
    return known | {"n_bars": round(years * PPY)}


def _curve(rng: np.random.Generator, metrics: Numbers) -> list[float]:
    """Return a walk from 1 to what the total return says."""
    end = math.log1p(max(metrics["total_return"] or 0.0, -0.99))
    volatility = metrics["volatility"] or 0.0
    years = (metrics["n_bars"] or 0) / PPY
    steps = rng.normal(0.0, volatility * math.sqrt(years / POINTS), POINTS - 1)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    walk += np.linspace(0.0, end - walk[-1], POINTS)
    return [round(value, 4) for value in np.exp(walk).tolist()]


def _report(curve: list[float], start_ms: int, end_ms: int) -> dict[str, Any]:
    """Return a report of the few points of the curve, and nothing finer."""
    ts = np.linspace(start_ms, end_ms, POINTS).astype(np.int64).tolist()
    equity = np.asarray(curve) * 100_000.0
    falls = (equity / np.maximum.accumulate(equity) - 1).round(4).tolist()
    unknown = [None] * POINTS
    rolling = [f"rolling_sharpe_{window}" for window in (30, 90, 252)]
    lines = {
        "equity": {"ts": ts, "value": equity.round(0).tolist()},
        "drawdown": {"ts": ts, "value": falls},
        "underwater": {"ts": ts, "value": falls},
    }
    return {
        "series": lines | {key: {"ts": ts, "value": unknown} for key in rolling},
        "bands": {key: {"ts": ts, "low": unknown, "high": unknown} for key in rolling},
        "benchmark_metrics": {},
        "monthly_returns": [],
        "yearly": [],
        "benchmark_yearly": [],
        "returns_histogram": {"edges": [], "counts": []},
        "drawdowns": [],
        "round_trips": {"items": [], "total": 0},
    }


def _pick(rng: np.random.Generator, choices: Any) -> Any:
    return choices[int(rng.integers(0, len(choices)))]
