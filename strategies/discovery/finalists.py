"""Who is looked at twice: the best on the bars that taught, and why some stop there.

Finalists are chosen by what was found on the train span and by nothing else, so that
the validation span is asked about a few of them only, and once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from strategies.candidates import HalfArray
from strategies.discovery.batch import COLUMNS, Batch, Table
from strategies.discovery.pool import different, direction
from strategies.discovery.protocol import SearchPlan
from strategies.statistics import expected_max_sharpe
from strategies.types import BoolArray, FloatArray
from strategies.validation.family import adjusted_p_values, sharpe_p_values

AIMS = {"sharpe": "train_sharpe", "rank_ic": "rank_ic_t"}
NAMES = {"sharpe": "net Sharpe ratio a year", "rank_ic": "t of the rank IC"}


class Tried(NamedTuple):
    """All rows of one of the two searches, one after another."""

    table: Table
    weekly: HalfArray
    is_trial: BoolArray
    is_candidate: BoolArray

    @classmethod
    def of(cls, batches: Sequence[Batch]) -> Tried:
        """Return generations as one."""
        if not batches:
            nobody = np.empty(0, dtype=np.bool_)
            nothing: Table = {name: np.empty(0) for name in COLUMNS}
            return cls(nothing, np.empty((0, 0), dtype=np.float16), nobody, nobody)
        return cls(
            {n: np.concatenate([b.table[n] for b in batches]) for n in COLUMNS},
            np.concatenate([b.weekly[1] for b in batches]),
            np.concatenate([b.is_trial for b in batches]),
            np.concatenate([b.is_candidate for b in batches]),
        )

    @property
    def fitness(self) -> FloatArray:
        """Of the candidates, shape (n_candidates,)."""
        return self.table["fitness"][self.is_candidate]


@dataclass(frozen=True, slots=True)
class Bar:
    """What has to be beaten, in the unit of the fitness; None where it is unknown.

    Attributes
    ----------
    placebo_best, placebo_q95 : float or None
        Of the same search on permuted bars.
    expected_max : float
        The best to expect of so many candidates without skill.
    real_best : float or None
    """

    placebo_best: float | None
    placebo_q95: float | None
    expected_max: float
    real_best: float | None

    @classmethod
    def of(cls, plan: SearchPlan, real: Tried, placebo: Tried) -> Bar:
        """Return the bar of a search and its placebo."""
        aims = real.table[AIMS[plan.objective]][real.is_candidate]
        spread = float(aims.var(ddof=1)) if len(aims) > 1 else 0.0
        null = placebo.fitness
        return cls(
            placebo_best=float(null.max()) if null.size else None,
            placebo_q95=float(np.quantile(null, 0.95)) if null.size else None,
            expected_max=expected_max_sharpe(max(len(aims), 1), spread),
            real_best=float(real.fitness.max()) if real.fitness.size else None,
        )

    @property
    def height(self) -> float:
        """The fitness above which something is more than what chance finds."""
        if self.placebo_best is None:
            return self.expected_max
        return self.placebo_best


@dataclass(frozen=True, slots=True)
class Finalist:
    """One of the best, and what the selection makes of it.

    Attributes
    ----------
    row : int
        Its place in the table.
    why_not : str
        Why it is not kept; empty if it is.
    """

    row: int
    index: int
    expr: str
    expr_hash: str
    complexity: float
    fitness: float
    validation_sharpe: float
    q_value: float
    why_not: str

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        sharpe = self.validation_sharpe
        return {
            "index": self.index,
            "expr": self.expr,
            "expr_hash": self.expr_hash,
            "complexity": self.complexity,
            "fitness": self.fitness,
            "validation_sharpe": sharpe if np.isfinite(sharpe) else None,
            "q_value": self.q_value,
            "why": self.why_not,
        }


def finalists_of(
    plan: SearchPlan,
    real: Tried,
    bar: Bar,
    *,
    train_weeks: int,
    n_validation: int,
    ppy: float,
) -> list[Finalist]:
    """Return the best that are different bets, the best first.

    Parameters
    ----------
    plan : SearchPlan
    real : Tried
    bar : Bar
    train_weeks : int
        How many of the weekly returns belong to the train span.
    n_validation : int
        Returns of the validation span.
    ppy : float
        Bars per year.

    Notes
    -----
    The family is all of them, whether or not they beat the bar: its size is fixed
    before the validation span is asked.
    """
    rows = np.flatnonzero(real.is_candidate & (real.table["fitness"] > 0.0))
    rows = rows[np.argsort(-real.table["fitness"][rows], kind="stable")]
    weekly = [direction(real.weekly[row, :train_weeks]) for row in rows]
    rows = rows[different(weekly, plan.max_correlation, plan.keep)]
    if not rows.size:
        return []
    sharpes = real.table["validation_sharpe"][rows]
    q_values = adjusted_p_values(one_sided(sharpes / ppy**0.5, n_validation), "bh")
    return [
        Finalist(
            row=int(row),
            index=int(real.table["index"][row]),
            expr=str(real.table["expr"][row]),
            expr_hash=str(real.table["expr_hash"][row]),
            complexity=float(real.table["complexity"][row]),
            fitness=float(real.table["fitness"][row]),
            validation_sharpe=float(sharpe),
            q_value=float(q_value),
            why_not=_why_not(
                plan, float(real.table["fitness"][row]), bar, float(sharpe), q_value
            ),
        )
        for row, sharpe, q_value in zip(rows, sharpes, q_values, strict=True)
    ]


def one_sided(sharpes: FloatArray, n: int) -> FloatArray:
    """Return the p-values of "it earns nothing" against "it earns something".

    Parameters
    ----------
    sharpes : float64 array
        Per bar; NaN has p = 1.
    n : int
        Returns of each.
    """
    both = sharpe_p_values(sharpes, n)
    p_values = np.where(sharpes > 0.0, both / 2.0, 1.0 - both / 2.0)
    return np.nan_to_num(p_values, nan=1.0)


def _why_not(
    plan: SearchPlan, fitness: float, bar: Bar, sharpe: float, q_value: float
) -> str:
    if not fitness > bar.height:
        against = "the best of the same search on permuted bars"
        if bar.placebo_best is None:
            against = "the best to expect of so many without skill"
        return f"Its fitness of {fitness:.2f} is not above {bar.height:.2f}, {against}."
    if not sharpe > 0.0:
        return "It earned nothing on the bars that select."
    if not q_value <= plan.q:
        return (
            f"Its Sharpe ratio of {sharpe:.2f} on the bars that select is what luck "
            f"does among so many finalists (q {q_value:.2f}; at most {plan.q:g})."
        )
    return ""
