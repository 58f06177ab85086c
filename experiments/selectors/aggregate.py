"""How the numbers of all runs lie, beside what luck alone would give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from django.core.cache import cache

from experiments.models import ModelRun, RunMetric
from experiments.selectors.filters import RunFilter
from experiments.selectors.state import KEPT_S, lab_state
from experiments.selectors.statistics import WITH_CURVE, best_told
from experiments.selectors.trials import trial_counts
from quantlab.web.paging import unknown_word
from strategies.errors import StrategyError
from strategies.metrics.null import no_skill_drawdowns, no_skill_sharpes
from strategies.metrics.registry import METRICS, metric_named
from strategies.types import FloatArray

SHARPE, DRAWDOWN = "sharpe", "max_drawdown"
# What the distribution without skill is made of, besides the number itself.
BESIDE = {SHARPE: ("n_bars",), DRAWDOWN: ("n_bars", "volatility")}
SHARPE_STEP, FARTHEST_SHARPE = 0.25, 5.0  # beyond it is in the last bin
DRAWDOWN_EDGES = np.linspace(-1.0, 0.0, 21)
USUAL_BINS, MOST_BINS = 30, 200
FEWEST_BARS = 3
NOTHING = 1e-12  # spread of an equity that does not move


@dataclass(frozen=True, slots=True)
class Counted:
    """One candidate that is kept, and its numbers by their keys."""

    run_id: UUID
    pool: str
    numbers: dict[str, float]


def metric_distribution(key: str, bins: int | None = None) -> dict[str, Any]:
    """Return how a metric lies over every different run but archived ones.

    `no_skill` is how many runs each bin would hold if none had any skill: a Sharpe
    ratio is then normal around 0 with the error of its length, and a drawdown that of
    prices without drift and as restless as the run; None for other metrics. The outer
    bins hold what is beyond them. No series is read.

    What the best by luck would reach belongs to one pool, as trials do: that of `best`,
    the run with the highest Sharpe ratio of those whose trials count.
    """
    kept = f"distribution:{lab_state()}:{key}:{bins}"
    found: dict[str, Any] | None = cache.get(kept)
    if found is None:
        found = _computed(key, bins)
        cache.set(kept, found, timeout=KEPT_S)
    return found


def metric_distributions() -> dict[str, Any]:
    """Return those of the Sharpe ratio and of the drawdown; no items without a run."""
    sharpe, drawdown = (metric_distribution(key) for key in (SHARPE, DRAWDOWN))
    shared = ("n_runs", "n_trials", "expected_max_sharpe", "best")
    items = [sharpe, drawdown] if sharpe["n_runs"] and drawdown["n_runs"] else []
    return {name: sharpe[name] for name in shared} | {"items": items}


def distribution_rows(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every bin as one row of a table."""
    return [
        {"key": item["key"], "low": low, "high": high, "count": n, "no_skill": luck}
        for item in items
        for (low, high), n, luck in zip(
            pairwise(item["edges"]),
            item["counts"],
            item["no_skill"] or [None] * len(item["counts"]),
            strict=True,
        )
    ]


def metric_known(name: str) -> str:
    """Return the key of a metric that has a distribution; 422 for another word."""
    try:
        metric = metric_named(name)
    except StrategyError:
        metric = None
    if metric is None or metric.unit == "ms":
        raise unknown_word("metric", name, METRICS)
    return metric.key


def _computed(key: str, bins: int | None) -> dict[str, Any]:
    runs = list(_different_runs((key, *BESIDE.get(key, ()))))
    found: dict[str, Any] = {
        "key": key,
        "n_runs": len(runs),
        "n_trials": 0,
        **dict.fromkeys(("expected_max_sharpe", "best")),
        **dict.fromkeys(("edges", "counts"), ()),
        **dict.fromkeys(("no_skill", "p5", "median", "p95")),
    }
    if not runs:
        return found
    names = runs[0].numbers
    table = {name: np.array([one.numbers[name] for one in runs]) for name in names}
    edges, no_skill = _edges(key, table[key], bins), None
    if key == SHARPE:
        errors = np.sqrt(table["ppy"] / (table["n_bars"] - 2.0))  # of a ratio of 0
        no_skill = no_skill_sharpes(edges, errors)
        found |= _luck_of_best(runs)
    if key == DRAWDOWN:
        years = (table["n_bars"] - 1.0) / table["ppy"]
        spreads = np.maximum(table["volatility"] * np.sqrt(years), NOTHING)
        no_skill = no_skill_drawdowns(edges, spreads)
    return found | _counted(edges, table[key], no_skill)


def _luck_of_best(runs: Iterable[Counted]) -> dict[str, Any]:
    """Return the best run whose trials count, and the bar luck sets on its pool."""
    counted = trial_counts().counted
    judged = [run for run in runs if run.pool in counted]
    first = max(judged, key=lambda run: run.numbers[SHARPE], default=None)
    best = best_told(first.run_id) if first else None
    if best is None:
        return {}
    told = ("n_trials", "expected_max_sharpe")
    return {"best": best} | {name: best["honesty"][name] for name in told}


def _different_runs(keys: tuple[str, ...]) -> Iterator[Counted]:
    """Yield the numbers of each run that has all of them, every candidate once."""
    listed = ModelRun.objects.filter(RunFilter().where(), kind__in=WITH_CURVE)
    facts = listed.exclude(data_fingerprint="").order_by("created_at", "pk")
    numbers: dict[UUID, dict[str, float]] = {}
    rows = RunMetric.objects.filter(key__in=keys, value__isnull=False)
    for run_id, key, value in rows.values_list("run_id", "key", "value"):
        numbers.setdefault(run_id, {})[key] = float(value or 0.0)
    seen = set()
    columns = ("pk", "pool", "ppy", "config_family_hash", "data_fingerprint")
    for run_id, pool, ppy, family, fingerprint in facts.values_list(*columns):
        own = numbers.get(run_id, {})
        is_long = own.get("n_bars", FEWEST_BARS) >= FEWEST_BARS
        is_whole = ppy and len(own) == len(keys) and is_long
        if is_whole and (family, fingerprint) not in seen:
            seen.add((family, fingerprint))
            yield Counted(run_id, pool, own | {"ppy": ppy})


def _edges(key: str, values: FloatArray, bins: int | None) -> FloatArray:
    """Return the edges of the bins: round ones where luck is drawn beside them."""
    if bins is None and key == SHARPE:
        return _sharpe_edges(values)
    if bins is None and key == DRAWDOWN:
        return DRAWDOWN_EDGES
    low, high = np.quantile(values, [0.01, 0.99])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, (bins or USUAL_BINS) + 1)


def _sharpe_edges(sharpes: FloatArray) -> FloatArray:
    far = min(max(float(np.abs(sharpes).max()), 1.0), FARTHEST_SHARPE)
    n = int(np.ceil(far / SHARPE_STEP))
    return np.arange(-n, n + 1, dtype=np.float64) * SHARPE_STEP


def _counted(
    edges: FloatArray, values: FloatArray, no_skill: FloatArray | None
) -> dict[str, Any]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "no_skill": None if no_skill is None else no_skill.tolist(),
        "p5": float(low),
        "median": float(middle),
        "p95": float(high),
    }
