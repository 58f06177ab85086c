"""What each window of a walk-forward learns on, and what it chooses there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from strategies.compute import executor
from strategies.errors import CandleError, ConfigError
from strategies.features.compute import EarlierBars, FeatureCache, MemoryFeatureCache
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep import SweepChunk, best_row
from strategies.sweep.counting import MOST_KEPT, keys_of, weeks_of_points
from strategies.sweep.plan import SweepPlan
from strategies.sweep.search import guided_rounds
from strategies.sweep.space import MOST_CANDIDATES
from strategies.trials import TrialBatch, current_sink
from strategies.types import FloatArray, IntArray
from strategies.validation.splits import Split

FEWEST_TRAIN = 3
FEWEST_TEST = 2
CACHE_BYTES = 256 << 20
COUNTS = ("trade_count", "n_bars")  # whole numbers

Bars = TypeVar("Bars", Candles, Panel)
Metrics = dict[str, int | float | None]
Evaluate = Callable[[IntArray], dict[str, FloatArray]]


@dataclass(frozen=True, eq=False)
class WalkPlan:
    """A walk-forward that can be run.

    Attributes
    ----------
    sweep : SweepPlan
        What is evaluated in every window.
    splits : tuple of Split
        In order; their tests do not overlap.
    """

    sweep: SweepPlan
    splits: tuple[Split, ...]

    def __len__(self) -> int:
        """How many fits there are: candidates of all windows."""
        return len(self.sweep) * len(self.splits)

    @property
    def tested(self) -> range:
        """From the first bar that is tested to the last, pauses included."""
        return range(self.splits[0].test.start, self.splits[-1].test.stop)


@dataclass(frozen=True, slots=True)
class WindowFit:
    """What the training bars of one window led to.

    Attributes
    ----------
    split : Split
    point : int
        The chosen candidate; see `SweepPlan.params_at`. The best objective, the first
        of several; the first of all where none is defined.
    metrics : dict of str to float
        Of the chosen one on the training bars; None where undefined.
    """

    split: Split
    point: int
    metrics: Metrics


def plan_walk_forward(sweep: SweepPlan, splits: Sequence[Split]) -> WalkPlan:
    """Return the plan of a walk-forward, or the reason why there is none.

    Raises
    ------
    ConfigError
        ``bad_split`` if there is no window, a window is too short, learns from what
        comes after it, or two of them test the same bar; ``too_many_candidates``.
    """
    if not splits:
        raise _bad_split("There is no window.")
    before = 0
    for split in splits:
        if len(split.train) < FEWEST_TRAIN or len(split.test) < FEWEST_TEST:
            raise _bad_split(
                f"Window {split.index} learns on {len(split.train)} bars and is tested "
                f"on {len(split.test)}; at least {FEWEST_TRAIN} and {FEWEST_TEST} are "
                "needed."
            )
        if split.train.stop > split.test.start:
            raise _bad_split(f"Window {split.index} learns from what it is tested on.")
        if split.test.start < before:
            raise _bad_split(f"Window {split.index} begins before the last one ended.")
        before = split.test.stop
    if len(sweep) * len(splits) > MOST_CANDIDATES:
        raise ConfigError(
            f"{len(sweep):,} candidates in {len(splits):,} windows are more than "
            f"{MOST_CANDIDATES:,} fits.",
            code="too_many_candidates",
            field="space",
            advice="Use larger steps, fewer axes or fewer windows.",
        )
    return WalkPlan(sweep, tuple(splits))


def _bad_split(message: str) -> ConfigError:
    return ConfigError(
        message,
        code="bad_split",
        field="splits",
        advice="Make them with rolling_splits.",
    )


def fit_windows(
    plan: WalkPlan, candles: Candles | Panel, *, skip: Collection[int] = ()
) -> Iterator[WindowFit]:
    """Yield what each window chooses; its candidates are reported as trials first.

    Parameters
    ----------
    plan : WalkPlan
    candles : Candles or Panel
        All bars of the config's window.
    skip : collection of int
        Numbers of windows that are not wanted again.

    Raises
    ------
    CandleError
        ``too_few_bars``.

    Notes
    -----
    Every candidate of every window is a trial: it could have been chosen, and on other
    bars it is another one. The chosen candidate on the test bars is none: when it is
    evaluated there, nothing is left to choose. Whoever tries other windows until the
    joined curve pleases pays for it with the fits of those.
    """
    check_length(plan, candles)
    cache = MemoryFeatureCache(CACHE_BYTES)
    with executor() as pool:
        learn = _learner(plan.sweep, candles, cache, pool)
        for place, split in enumerate(plan.splits):
            if split.index in skip:
                continue
            points, metrics = _evaluated(plan.sweep, learn(split.train))
            batch = _batch(plan, candles, place, points, metrics, cache)
            current_sink().report_batch(batch)
            row = best_row(metrics[plan.sweep.objective], plan.sweep.objective)
            found = {key: plain(key, metrics[key][row]) for key in TABLE_METRICS}
            yield WindowFit(split, int(points[row]), found)


def stretch(bars: Bars, rows: range) -> Bars:
    """Return some bars, counted from the first."""
    return bars.between(int(bars.ts[rows[0]]), int(bars.ts[rows[-1]]))


def _learner(
    plan: SweepPlan, bars: Candles | Panel, cache: FeatureCache, pool: Executor
) -> Callable[[range], Evaluate]:
    """Return what says how candidates are measured on some bars; all earlier are seen.

    By tiles of bars, or by portfolios.
    """
    # Here: who only plans a walk-forward needs no compiler.
    from strategies.sweep import candidates, portfolios

    if isinstance(bars, Panel):

        def of_portfolios(rows: range) -> Evaluate:
            past, traded = stretch(bars, range(rows.stop)), stretch(bars, rows)
            return lambda points: portfolios.evaluate(plan, past, points, traded)

        return of_portfolios
    market = candidates.Market.of(bars)

    def of_candles(rows: range) -> Evaluate:
        window = market.window(rows, cache)
        return lambda points: candidates.evaluate(plan, window, points, pool)

    return of_candles


def check_length(plan: WalkPlan, candles: Candles | Panel) -> None:
    """Refuse bars that end before the last window does."""
    if len(candles) < plan.tested.stop:
        raise CandleError(
            f"{len(candles):,} bars lie in the window; the last test ends with bar "
            f"{plan.tested.stop:,}.",
            code="too_few_bars",
            field="start",
            advice="Choose an earlier start or a later end.",
        )


def plain(key: str, value: float | None) -> int | float | None:
    """Return a metric of a table as a plain number; None where it is undefined."""
    if value is None or not np.isfinite(value):
        return None
    return int(value) if key in COUNTS else float(value)


def _evaluated(
    plan: SweepPlan, evaluate: Evaluate
) -> tuple[IntArray, dict[str, FloatArray]]:
    """Return the candidates of one window and their metrics, in their order."""

    def chunk_of(number: int, first: int, points: IntArray) -> SweepChunk:
        index = np.arange(first, first + len(points))
        metrics = evaluate(points)
        return SweepChunk(number, index, points, plan.params(points), metrics)

    if plan.search != "guided":
        return plan.points, chunk_of(0, 0, plan.points).metrics
    chunks = list(guided_rounds(plan, chunk_of))
    points = np.concatenate([chunk.points for chunk in chunks])
    return points, {
        key: np.concatenate([chunk.metrics[key] for chunk in chunks])
        for key in TABLE_METRICS
    }


def _batch(
    plan: WalkPlan,
    candles: Candles | Panel,
    place: int,
    points: IntArray,
    metrics: dict[str, FloatArray],
    cache: FeatureCache,
) -> TrialBatch:
    """Return the trials of one window.

    They read all bars up to the end of the training window and trade from its start:
    the fingerprint says the first, start and end of the candidates the second. So a
    window that begins with the history is the sweep of that stretch, and a repeat.
    """
    sweep, bars = plan.sweep, plan.splits[place].train
    start, end = int(candles.ts[bars[0]]), int(candles.ts[bars[-1]])
    past, traded = candles.between(None, end), candles.between(start, end)
    kept = kept_of(plan, place)
    warm = None if isinstance(candles, Panel) else EarlierBars(candles, bars, cache)
    earlier = past if isinstance(past, Panel) else None
    return TrialBatch(
        source="walk_forward",
        instruments=sweep.config.instruments,
        data_fingerprint=past.fingerprint,
        start_ms=start,
        end_ms=end,
        n_returns=len(bars) - 1,
        ppy=candles.ppy,
        sharpe_bar=metrics["sharpe_bar"],
        skew=metrics["skew"],
        kurtosis=metrics["kurtosis"],
        keys=partial(keys_of, sweep, points, start=start, end=end),
        kept=kept,
        weekly_returns=partial(
            weeks_of_points, sweep, traded, points[kept], warm, earlier
        ),
    )


def kept_of(plan: WalkPlan, place: int) -> IntArray:
    """Return which candidates of a window are in the even sample of all fits."""
    each = len(plan.sweep)
    if len(plan) <= MOST_KEPT:
        return np.arange(each)
    rng = np.random.default_rng([plan.sweep.seed, len(plan)])
    kept = np.sort(rng.choice(len(plan), size=MOST_KEPT, replace=False))
    own: IntArray = kept[kept // each == place] % each
    return own
