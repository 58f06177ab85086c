"""A model on hourly bars of which it is known what there is to learn."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from strategies.learning.config import TrainingConfig
from strategies.learning.models import model_named
from strategies.learning.samples import Samples
from strategies.learning.training import train
from strategies.market.candles import Candles
from strategies.pipeline.evaluate import evaluated, learned_chances
from strategies.pipeline.grid import simple_grid
from strategies.pipeline.leaderboard import chosen_of, standings
from strategies.pipeline.plan import PipelinePlan
from strategies.pipeline.together import panel_of, together
from strategies.statistics import deflated_sharpe
from strategies.trials import MemorySink, reporting_to
from tests.strategies.learning.panels import panel, samples_of

Rng = np.random.Generator

N_SYMBOLS, N_BARS = 20, 800
SMALL_SYMBOLS, SMALL_BARS = 5, 260
# What is planted: each return remembers this share of the one before.
MEMORY, SMALL_MEMORY = 0.1, 0.3
PLAINLY = 0.3  # enough for the usual guardrails, after costs
MODEL = "momentum_logit"


def bars(rng: Rng, memory: float, *, small: bool) -> list[Candles]:
    n_symbols, n_bars = (SMALL_SYMBOLS, SMALL_BARS) if small else (N_SYMBOLS, N_BARS)
    return panel(n_symbols, n_bars, seed=int(rng.integers(2**32)), memory=memory)


def rows(candles: list[Candles]) -> Samples:
    with TemporaryDirectory() as folder:
        return samples_of(candles, Path(folder))


def auc_of_noise(rng: Rng, *, small: bool = False) -> float:
    """Return how well the logistic model tells rises of pure luck."""
    return _auc(bars(rng, 0.0, small=small))


def auc_of_memory(rng: Rng, *, small: bool = False) -> float:
    """Return how well it tells those of returns that remember the last one."""
    return _auc(bars(rng, SMALL_MEMORY if small else MEMORY, small=small))


def _auc(candles: list[Candles]) -> float:
    training = train(TrainingConfig(MODEL, folds=3), rows(candles))
    return float(training.report["overall"]["auc"])


def stops(rng: Rng, *, small: bool = False) -> bool:
    """Return whether a pipeline with its usual guardrails trains nothing on luck."""
    return not _chooses(bars(rng, 0.0, small=small))


def trains(rng: Rng, *, small: bool = False) -> bool:
    """Return whether it trains something where returns remember the last one."""
    return _chooses(bars(rng, PLAINLY, small=small))


def _chooses(candles: list[Candles]) -> bool:
    """Return whether any of the twelve configurations meets the usual guardrails."""
    plan = PipelinePlan(
        model_id=MODEL,
        provider="frame",
        timeframe="1h",
        start=int(candles[0].ts[0]),
        end=int(candles[0].ts[-1]),
        symbols=tuple(one.symbol for one in candles),
        survivorship=False,
        grid=simple_grid(model_named(MODEL), calendar="24/7", timeframe="1h"),
        training=TrainingConfig(MODEL, folds=3),
    )
    with reporting_to(MemorySink()):  # nobody can choose what never was
        found = list(evaluated(plan, candles, learned_chances(plan, rows(candles))))
        panel = panel_of(found[0].accounts)
        results = [
            together(one.accounts, plan.run_config(one.configuration), panel)
            for one in found
        ]
    sharpes = [one.metrics["sharpe_bar"] for one in results]
    known = [value for value in sharpes if value is not None]
    spread = float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
    measured = {}
    for one, result in zip(found, results, strict=True):
        figures = [result.metrics[key] for key in ("sharpe_bar", "skew", "kurtosis")]
        dsr = None
        if None not in figures:
            sharpe, skew, kurtosis = figures
            moments = (sharpe, len(panel) - 1, skew, kurtosis)
            dsr = deflated_sharpe(*moments, len(found), spread)
        measured[one.number] = one.accounts.metrics | {"dsr": dsr}
    return chosen_of(standings(measured, plan.guardrails, "1h")) is not None
