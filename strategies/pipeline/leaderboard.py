"""Who is ahead, who meets the guardrails, and which one is chosen, if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from strategies.documents import normal_values
from strategies.guardrails import Guardrails, Verdict, all_met, judge
from strategies.learning.accounts import SHARPE_OF
from strategies.statistics import pbo
from strategies.types import FloatArray

HOURLY = SHARPE_OF["1h"]
BLOCKS = 8
FEWEST_BARS_IN_BLOCK = 8
FEWEST_TRIED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One configuration in the order of what it earned.

    Attributes
    ----------
    rank : int
        From 1.
    number : int
        Its place in the grid.
    metrics : mapping
        ``avg_sharpe_hourly``, ``trades_total``, ``max_position_rate``; ``dsr``,
        ``pbo`` where they are known.
    verdicts : tuple of mapping
        One for each guardrail that is asked.
    passed : bool
    """

    rank: int
    number: int
    metrics: Mapping[str, Any]
    verdicts: tuple[Mapping[str, Any], ...]
    passed: bool


def sharpe_key(timeframe: str) -> str:
    """Return what the mean Sharpe ratio of a bar is called on a timeframe."""
    return SHARPE_OF.get(timeframe, f"avg_sharpe_{timeframe}")


def standings(
    measured: Mapping[int, Mapping[str, Any]],
    guardrails: Guardrails,
    timeframe: str,
) -> list[Standing]:
    """Return every configuration with its rank and its verdicts, the best first.

    Parameters
    ----------
    measured : mapping of int to mapping
        Number of a configuration to its metrics.
    guardrails : Guardrails
    timeframe : str
        Names the Sharpe ratio that ranks: the mean of a bar's over the symbols. One
        without any comes last; of equal ones the earlier in the grid is ahead.
    """
    key = sharpe_key(timeframe)

    def place(number: int) -> tuple[bool, float, int]:
        value = measured[number].get(key)
        return value is None, -(value or 0.0), number

    found = []
    for rank, number in enumerate(sorted(measured, key=place), start=1):
        metrics = measured[number]
        # A guardrail on the ratio of a bar knows it by the name for hours.
        verdicts = judge(guardrails, dict(metrics) | {HOURLY: metrics.get(key)})
        found.append(
            Standing(
                rank=rank,
                number=number,
                metrics=metrics,
                verdicts=tuple(_said(one, key) for one in verdicts),
                passed=all_met(verdicts),
            )
        )
    return found


def _said(verdict: Verdict, key: str) -> Mapping[str, Any]:
    """Return a verdict as plain values, by the name that the timeframe gives."""
    said: dict[str, Any] = normal_values(asdict(verdict))
    return said | ({"metric": key} if said["metric"] == HOURLY else {})


def chosen_of(ranked: Sequence[Standing]) -> Standing | None:
    """Return the best that meets every guardrail; None where none does."""
    return next((one for one in ranked if one.passed), None)


def overfitting(returns: FloatArray) -> float | None:
    """Return how often the best of one half of the time was below average in the other.

    Parameters
    ----------
    returns : float64 array of shape (n_bars, n_configurations)
        Of a bar. Those that never move are left out.

    Returns
    -------
    float or None
        None for fewer than two that move, or too few bars.
    """
    moving = returns[:, returns.std(axis=0) > 0.0] if returns.size else returns
    n_bars, n_tried = moving.shape
    if n_tried < FEWEST_TRIED or n_bars < BLOCKS * FEWEST_BARS_IN_BLOCK:
        return None
    return pbo(np.ascontiguousarray(moving), n_blocks=BLOCKS)
