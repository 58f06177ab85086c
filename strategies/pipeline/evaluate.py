"""What is tried, traded: probabilities once, then every configuration on its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from strategies.errors import ConfigError
from strategies.learning.accounts import Accounts, Terms, rule_probability, trade
from strategies.learning.samples import Samples
from strategies.learning.training import predictions
from strategies.market.candles import Candles
from strategies.pipeline.grid import Configuration
from strategies.pipeline.plan import INITIAL_CASH, PipelinePlan
from strategies.types import FloatArray, IntArray

Chances = Mapping[str, tuple[IntArray, FloatArray]]
HALF = 2  # a PBO halves the time, and each half has to hold some blocks
FEWEST_ROWS = 32


@dataclass(frozen=True, eq=False)
class Tried:
    """One configuration and what came of it.

    Attributes
    ----------
    number : int
        Its place in the grid, from 0.
    configuration : Configuration
    accounts : Accounts
    """

    number: int
    configuration: Configuration
    accounts: Accounts


def learned_chances(
    plan: PipelinePlan,
    samples: Samples,
    *,
    tell: Callable[[int, int], object] = max,
) -> Chances:
    """Return for each symbol the probabilities of bars that were not learnt from.

    Raises
    ------
    ConfigError
        ``nothing_to_train`` for a rule, and as `strategies.learning.training.train`.
    """
    if plan.training is None:
        raise ConfigError(
            f"{plan.model_id} is a rule: there is nothing to train.",
            code="nothing_to_train",
            field="model_id",
        )
    chance, _ = predictions(plan.training, samples, tell=tell)
    return {
        symbol: (samples.ts[rows], chance[rows])
        for code, symbol in enumerate(samples.symbols)
        for rows in [samples.symbol == code]
    }


def evaluated(
    plan: PipelinePlan,
    candles: Sequence[Candles],
    chances: Chances | None = None,
    *,
    skip: Collection[int] = (),
) -> Iterator[Tried]:
    """Yield each configuration of the plan with its accounts, in the grid's order.

    Parameters
    ----------
    plan : PipelinePlan
    candles : sequence of Candles
        Of the plan's symbols, its window only.
    chances : mapping, optional
        Of a learned model: see `learned_chances`. A rule says for itself.
    skip : collection of int
        Numbers of configurations that are not wanted.

    Raises
    ------
    ConfigError, CandleError
        As `strategies.learning.accounts.trade`.
    """
    traded = list(candles) if chances is None else predicted_bars(candles, chances)
    rules: dict[str, Chances] = {}
    for number, one in enumerate(plan.grid):
        if number in skip:
            continue
        own = chances
        if own is None:
            key = repr(sorted(one.params.items()))
            if key not in rules:
                rules[key] = _rule_chances(plan, one, traded)
            own = rules[key]
        terms = Terms(
            model_id=plan.model_id,
            selection=one.selection,
            execution=plan.execution,
            initial_cash=INITIAL_CASH / len(traded),
            identity=f"{plan.learning_hash}{sorted(one.params.items())}",
        )
        yield Tried(number, one, trade(traded, own, terms))


def predicted_bars(candles: Sequence[Candles], chances: Chances) -> list[Candles]:
    """Return the bars from the first to the last that is predicted of any symbol."""
    known = [ts[np.isfinite(chance)] for ts, chance in chances.values()]
    stamps = np.concatenate([*known, np.empty(0, dtype=np.int64)])
    if not stamps.size:
        return list(candles)
    first, last = int(stamps.min()), int(stamps.max())
    return [one.between(first, last) for one in candles]


def _rule_chances(
    plan: PipelinePlan, one: Configuration, candles: Sequence[Candles]
) -> Chances:
    return {
        bars.symbol: rule_probability(plan.model, one.params, bars) for bars in candles
    }
