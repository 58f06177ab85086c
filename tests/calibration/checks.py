"""Every statistic of luck on data whose truth is known: does it keep what it promises.

A check draws many small worlds and gives one row of numbers for each; its figures are
what is read from all rows, with the range that is accepted (NUMBERS §3).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from strategies import Candles, RunConfig
from strategies.statistics import deflated_sharpe, pbo, probabilistic_sharpe
from strategies.sweep import plan_sweep
from strategies.trials import MemorySink, reporting_to
from strategies.validation.bootstrap import bootstrap_moments
from strategies.validation.chance import p_value
from strategies.validation.family import adjusted_p_values, sharpe_p_values
from strategies.validation.overfitting import superiority
from strategies.validation.permutation import align, best_of, rerun_search
from tests.calibration.learning import auc_of_memory, auc_of_noise, stops, trains
from tests.calibration.search import finds, recovers
from tests.strategies.dsl.texts import judged, random_text

Rng = np.random.Generator
LEVEL = 0.05
DAY_MS = 86_400_000
SMOOTH = 20  # bars that the rule of the alignment test looks back


@dataclass(frozen=True, slots=True)
class Figure:
    """One number read from the rows, and the range it has to lie in.

    `se` is how far it usually lies off with a single world: what a small edition is
    given more room by.
    """

    label: str
    read: Callable[[np.ndarray], float]
    low: float
    high: float
    se: float


@dataclass(frozen=True, slots=True)
class Check:
    """`world(rng)` gives the row of one world; `n` of them are drawn.

    A small edition draws `n_small`, of smaller worlds where there are any.
    """

    key: str
    name: str
    done: str
    world: Callable[[Rng], Any]
    figures: tuple[Figure, ...]
    n: int
    n_small: int
    small_world: Callable[[Rng], Any] | None = None

    def rows(self, rng: Rng, n: int) -> np.ndarray:
        return np.array([np.atleast_1d(self.world(child)) for child in rng.spawn(n)])

    def small_rows(self, rng: Rng) -> np.ndarray:
        small = replace(self, world=self.small_world or self.world)
        return small.rows(rng, self.n_small)


def rejects(low: float, high: float, column: int = 0) -> Figure:
    """Return the share of worlds with p ≤ 5 %."""
    return Figure(
        "share with p ≤ 0.05",
        lambda rows: float(np.mean(rows[:, column] <= LEVEL)),
        low,
        high,
        0.22,
    )


def mean(label: str, low: float, high: float, se: float, column: int = 0) -> Figure:
    return Figure(label, lambda rows: float(rows[:, column].mean()), low, high, se)


# --- worlds --------------------------------------------------------------------------


def moments(returns: np.ndarray) -> tuple[float, int, float, float]:
    gaps = returns - returns.mean()
    z = gaps / gaps.std()
    sr = float(returns.mean() / returns.std(ddof=1))
    return sr, len(returns), float(np.mean(z**3)), float(np.mean(z**4))


def psr_normal(rng: Rng) -> float:
    return 1.0 - probabilistic_sharpe(*moments(rng.normal(size=500)))


def garch_t(rng: Rng, n: int) -> np.ndarray:
    """Returns that swing in clusters and have fat tails: GARCH(1,1) with t(5)."""
    shocks = rng.standard_t(5, size=n) * np.sqrt(3.0 / 5.0)
    returns, variance = np.empty(n), 1.0
    for i, shock in enumerate(shocks):
        returns[i] = np.sqrt(variance) * shock
        variance = 0.05 + 0.07 * returns[i] ** 2 + 0.88 * variance
    return returns


def psr_garch(rng: Rng) -> float:
    return 1.0 - probabilistic_sharpe(*moments(garch_t(rng, 500)))


def dsr_of_best(n_trials: int) -> Callable[[Rng], float]:
    def world(rng: Rng) -> float:
        returns = rng.normal(size=(n_trials, 500))
        sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        best = moments(returns[sharpes.argmax()])
        return deflated_sharpe(*best, n_trials, float(sharpes.var(ddof=1)))

    return world


def pbo_noise(rng: Rng) -> float:
    return pbo(rng.normal(size=(320, 20)), 16)


def pbo_edge(rng: Rng) -> float:
    matrix = rng.normal(size=(800, 20))
    matrix[:, 3] += 0.15
    return pbo(matrix, 16)


def rule(returns: np.ndarray) -> np.ndarray:
    """Return what a trend rule holds: long above its own average, else nothing."""
    price = np.cumsum(returns)
    sums = np.cumsum(np.concatenate([np.zeros(SMOOTH), price]))
    average = (sums[SMOOTH:] - sums[:-SMOOTH]) / SMOOTH
    held = np.zeros(len(returns))
    held[1:] = price[:-1] > average[:-1]
    return held


def alignment(rng: Rng) -> float:
    returns = rng.normal(0.03, 1.0, 600)  # a market that rises lends nothing
    held = rule(returns)
    found = align(held, returns, n=199, rng=rng, memory=2 * SMOOTH)
    return found.p_value


def alignment_edge(rng: Rng) -> float:
    """Holdings that know a little of the next bar: 0.1 of its standard deviation."""
    held = rule(rng.normal(size=1_200))
    returns = rng.normal(size=1_200) + 0.2 * (held - 0.5)
    return align(held, returns, n=199, rng=rng, memory=2 * SMOOTH).p_value


def searched(returns: np.ndarray, rng: Rng) -> float:
    """Return the p-value of the best of nine moving-average pairs on these returns."""
    close = 100.0 * np.exp(np.cumsum(returns))
    open_ = np.concatenate([[100.0], close[:-1]])
    candles = Candles(
        symbol="X",
        timeframe="1d",
        ts=np.arange(len(close), dtype=np.int64) * DAY_MS,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.ones(len(close)),
        provider="synthetic",
        calendar="24/7",
    )
    config = RunConfig(
        provider="synthetic",
        symbol="SYN-gbm-1",
        strategy={"name": "sma_cross", "params": {"fast": 2, "slow": 10}},
    )
    space = {"fast": [2, 3, 5], "slow": [10, 15, 25]}
    plan = plan_sweep(config, space, objective="sharpe")
    with reporting_to(MemorySink()):  # nobody can choose a rule for made-up bars
        observed = best_of(plan, candles, source="null_model")[0]
    null = rerun_search(plan, candles, n=39, rng=rng)
    return p_value(null, observed, tolerance=1e-12)


def rerun(rng: Rng) -> float:
    return searched(rng.normal(0.0, 0.01, 300), rng)


def rerun_edge(rng: Rng) -> float:
    """A market that trends: its drift keeps its sign for fifty bars on average."""
    turns = np.where(rng.random(300) < 0.02, -1.0, 1.0)
    drift = np.cumprod(turns)
    return searched(0.01 * (rng.normal(size=300) + 0.5 * drift), rng)


def covered(block: int) -> Callable[[Rng], bool]:
    def world(rng: Rng) -> bool:
        shocks = rng.normal(size=600)
        returns = np.empty(600)
        returns[0] = shocks[0]
        for i in range(1, 600):
            returns[i] = 0.3 * returns[i - 1] + shocks[i]
        means = bootstrap_moments(returns[100:], 400, block, rng=rng).mean
        low, high = np.quantile(means, [0.025, 0.975])
        return bool(low <= 0.0 <= high)

    return world


def spa(rng: Rng) -> float:
    models = rng.normal(size=(500, 20))
    return superiority(models, 0.0, rng=rng, draws=199).consistent


def discoveries(rng: Rng) -> tuple[float, float]:
    """Return the share of false discoveries, and of the edges that were found."""
    truth = np.arange(100) < 20
    returns = rng.normal(size=(500, 100)) + 0.2 * truth
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    found = adjusted_p_values(sharpe_p_values(sharpes, 500), "bh") <= LEVEL
    false = float(np.sum(found & ~truth)) / max(int(found.sum()), 1)
    return false, float(np.mean(found[truth]))


# --- what is promised ----------------------------------------------------------------

DSR_FIGURES = (
    mean("mean DSR", 0.45, 0.55, 0.3),
    Figure("share above 0.95", lambda r: float(np.mean(r > 0.95)), 0.0, 0.05, 0.22),
)


def language(rng: Rng) -> list[float]:
    """One text: does it break a promise, is it understood, and after how long."""
    text = random_text(random.Random(int(rng.integers(2**62))))
    broken, code, began = 0.0, "", time.process_time()
    try:
        code = judged(text)
    except Exception:  # a crash of any kind is what is looked for
        broken = 1.0
    return [broken, code == "understood", 1e3 * (time.process_time() - began)]


CHECKS = (
    Check(
        "psr_normal",
        "PSR without skill, normal returns",
        "500 bars with a Sharpe ratio of 0",
        psr_normal,
        (rejects(0.03, 0.07),),
        6_000,
        400,
    ),
    Check(
        "psr_garch",
        "PSR without skill, GARCH with fat tails",
        "500 bars of GARCH(1,1), t with 5 degrees of freedom",
        psr_garch,
        (rejects(0.03, 0.07),),
        6_000,
        250,
    ),
    Check(
        "dsr_10",
        "DSR of the best of 10 without skill",
        "10 trials of 500 normal bars",
        dsr_of_best(10),
        DSR_FIGURES,
        4_000,
        300,
    ),
    Check(
        "dsr_100",
        "DSR of the best of 100 without skill",
        "100 trials of 500 normal bars",
        dsr_of_best(100),
        DSR_FIGURES,
        4_000,
        150,
    ),
    Check(
        "pbo_noise",
        "PBO of noise",
        "20 trials of 320 normal bars, 16 blocks",
        pbo_noise,
        (mean("mean PBO", 0.46, 0.54, 0.22),),
        1_000,
        20,
    ),
    Check(
        "pbo_edge",
        "PBO with one real edge",
        "20 trials of 800 bars, one with a Sharpe ratio of 0.15 a bar",
        pbo_edge,
        (mean("mean PBO", 0.0, 0.15, 0.1),),
        200,
        6,
    ),
    Check(
        "alignment",
        "Permutation of alignment, noise",
        "a trend rule on 600 bars of noise with drift, 199 shifts",
        alignment,
        (rejects(0.03, 0.07),),
        4_000,
        300,
    ),
    Check(
        "alignment_edge",
        "Permutation of alignment, planted edge",
        "holdings that know 0.1 of a standard deviation, 1,200 bars",
        alignment_edge,
        (rejects(0.85, 1.0),),
        800,
        40,
    ),
    Check(
        "rerun",
        "Permutation with re-run of the search, noise",
        "9 moving-average pairs on 300 bars, 39 permuted histories each",
        rerun,
        (rejects(0.03, 0.07),),
        1_600,
        6,
    ),
    Check(
        "rerun_edge",
        "Permutation with re-run, planted trend",
        "the same on a market whose drift lasts 50 bars on average",
        rerun_edge,
        (rejects(0.85, 1.0),),
        400,
        4,
    ),
    Check(
        "coverage_10",
        "95 % interval of the block bootstrap, blocks of 10",
        "500 bars of AR(1) with 0.3, 400 draws",
        covered(10),
        (mean("share that covers", 0.90, 0.96, 0.25),),
        3_000,
        150,
    ),
    Check(
        "coverage_1",
        "The same with blocks of 1, which ignore the dependence",
        "500 bars of AR(1) with 0.3, 400 draws",
        covered(1),
        (mean("share that covers", 0.0, 0.89, 0.35),),
        3_000,
        150,
    ),
    Check(
        "spa",
        "SPA of 20 models without skill",
        "20 models of 500 normal bars, 199 draws",
        spa,
        (rejects(0.035, 0.085),),
        3_000,
        30,
    ),
    Check(
        "discoveries",
        "False discoveries (Benjamini & Hochberg)",
        "100 trials of 500 bars, 20 with a Sharpe ratio of 0.2 a bar",
        discoveries,
        (
            mean("share of false ones", 0.0, 0.05, 0.05),
            mean("share of edges found", 0.85, 1.0, 0.1, column=1),
        ),
        1_000,
        60,
    ),
    Check(
        "language",
        "The language of expressions refuses what it does not understand",
        "a random text, two in three with rubbish in it",
        language,
        (
            mean("share that crashes, or is refused without code and column", 0, 0, 0),
            mean(
                "share understood, and read again from its canonical form",
                0.2,
                0.6,
                0.5,
                column=1,
            ),
            Figure(
                "slowest, ms of the processor",
                lambda rows: float(rows[:, 2].max()),
                0,
                2_000,
                0,
            ),
        ),
        100_000,
        80,
    ),
    Check(
        "search_noise",
        "Search for expressions, noise",
        "500 expressions on 50 names × 1,000 bars of noise, beside a placebo",
        finds,
        (mean("share in which anything is kept", 0.0, 0.05, 0.22),),
        40,
        2,
        partial(finds, small=True),
    ),
    Check(
        "search_planted",
        "Search for expressions, planted signal",
        "the same with a signal whose daily IC is 0.04",
        recovers,
        (mean("share in which it is among the ten best kept", 0.8, 1.0, 0.1),),
        40,
        1,
        partial(recovers, small=True),
    ),
    Check(
        "model_noise",
        "AUC of a trained model, noise",
        "20 names × 800 hourly bars of noise, logistic model, out of sample",
        auc_of_noise,
        (
            mean("mean AUC", 0.495, 0.505, 0.03),
            Figure(
                "share between 0.48 and 0.52",
                lambda rows: float(np.mean((rows >= 0.48) & (rows <= 0.52))),
                0.95,
                1.0,
                0.7,
            ),
        ),
        40,
        2,
        partial(auc_of_noise, small=True),
    ),
    Check(
        "model_planted",
        "AUC of a trained model, planted signal",
        "the same with returns that remember a tenth of the last one",
        auc_of_memory,
        (
            mean("mean AUC", 0.53, 0.6, 0.05),
            Figure(
                "share from 0.53 on",
                lambda rows: float(np.mean(rows >= 0.53)),
                0.8,
                1.0,
                0.4,
            ),
        ),
        40,
        1,
        partial(auc_of_memory, small=True),
    ),
    Check(
        "pipeline_noise",
        "Pipeline with its usual guardrails, noise",
        "12 configurations on 20 names × 800 hourly bars of noise",
        stops,
        (mean("share that stops", 0.95, 1.0, 0.22),),
        40,
        2,
        partial(stops, small=True),
    ),
    Check(
        "pipeline_planted",
        "Pipeline with its usual guardrails, planted signal",
        "the same with returns that remember three tenths of the last one",
        trains,
        (mean("share that trains", 0.8, 1.0, 0.4),),
        40,
        1,
        partial(trains, small=True),
    ),
)
