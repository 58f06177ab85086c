"""Which saved strategies earn alike, and which say nearly the same."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from experiments.models import StrategySnapshot
from strategies.types import FloatArray

FEWEST_WEEKS = 26
MOST = 2_000  # of the newest others
WORD = re.compile(r"\w+|\S")


def strategy_correlations(row: StrategySnapshot) -> list[dict[str, Any]]:
    """Return the correlation of weekly returns with every other saved strategy.

    The closest first; None with fewer than 26 weeks in common, or where one stood
    still. One query.
    """
    others = _others(row)
    found = [_related(row, other) for other in others]
    return sorted(found, key=_by_correlation)


def strategy_neighbours(row: StrategySnapshot, *, limit: int) -> list[dict[str, Any]]:
    """Return the strategies that are nearest by returns or by text; one query."""
    words = Counter(WORD.findall(row.canonical))
    found = [
        _related(row, other)
        | {"text_similarity": _alike(words, Counter(WORD.findall(other.canonical)))}
        for other in _others(row)
    ]
    return sorted(found, key=_by_nearness)[:limit]


def highest_correlation(row: StrategySnapshot) -> dict[str, Any] | None:
    """Return the other strategy that earns most alike; None if none can be compared."""
    found = strategy_correlations(row)
    known = [one for one in found if one["correlation"] is not None]
    return max(known, key=lambda one: one["correlation"], default=None)


def _others(row: StrategySnapshot) -> list[StrategySnapshot]:
    shown = StrategySnapshot.objects.filter(deleted_at__isnull=True)
    fields = ("expr_hash", "name", "expr", "canonical", "weeks")
    rows = shown.exclude(pk=row.pk).only(*fields)
    return list(rows.order_by("-created_at", "expr_hash")[:MOST])


def _related(row: StrategySnapshot, other: StrategySnapshot) -> dict[str, Any]:
    left, right = common_weeks_of(row.weeks, other.weeks)
    return {
        "expr_hash": other.expr_hash,
        "name": other.name,
        "expr": other.expr,
        "correlation": correlation(left, right),
        "n_weeks": len(left),
    }


def common_weeks_of(
    one: dict[str, Any], other: dict[str, Any]
) -> tuple[FloatArray, FloatArray]:
    """Return the weekly returns of both in the weeks that both have."""
    if not one or not other:
        return np.empty(0), np.empty(0)
    start = max(one["first"], other["first"])
    end = min(part["first"] + len(part["returns"]) for part in (one, other))
    count = max(0, end - start)
    both = [
        np.array(part["returns"][start - part["first"] :][:count], dtype=np.float64)
        for part in (one, other)
    ]
    return both[0], both[1]


def correlation(left: FloatArray, right: FloatArray) -> float | None:
    """Return the correlation of two lines of returns; None where it says nothing."""
    if len(left) < FEWEST_WEEKS:
        return None
    x, y = left - left.mean(), right - right.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip((x @ y) / spread, -1.0, 1.0)) if spread > 0.0 else None


def _alike(one: Counter[str], other: Counter[str]) -> float:
    """Return the share of words that two texts have in common."""
    return 2.0 * (one & other).total() / max(1, one.total() + other.total())


def _by_correlation(found: dict[str, Any]) -> tuple[float, str]:
    known = found["correlation"]
    return (2.0 if known is None else -abs(known)), found["expr_hash"]


def _by_nearness(found: dict[str, Any]) -> tuple[float, str]:
    nearest = max(abs(found["correlation"] or 0.0), found["text_similarity"])
    return -nearest, found["expr_hash"]
