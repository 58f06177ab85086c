"""How the Sharpe ratios and drawdowns of all runs lie, beside what luck would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
from django.core.cache import cache
from django.db.models import Count, Max

from experiments.models import LedgerHead, ModelRun, RunKind, RunMetric
from experiments.selectors.trials import trial_counts
from strategies.metrics.null import no_skill_drawdowns, no_skill_sharpes
from strategies.statistics import expected_max_sharpe
from strategies.types import FloatArray

SHARPE, DRAWDOWN = "sharpe", "max_drawdown"
NEEDED = (SHARPE, DRAWDOWN, "volatility", "n_bars")
WITH_CURVE = (RunKind.BACKTEST, RunKind.WALK_FORWARD)
SHARPE_STEP, FARTHEST_SHARPE = 0.25, 5.0  # beyond it is in the last bin
DRAWDOWN_EDGES = np.linspace(-1.0, 0.0, 21)
FEWEST_BARS = 3
NOTHING = 1e-12  # spread of an equity that does not move
KEPT_S = 60.0  # it is computed anew after a change anyway

Row = dict[str, float]


def metric_distributions() -> dict[str, Any]:
    """Return both distributions over every different run that is kept, and of luck.

    `no_skill` is how many runs each bin would hold if none had any skill: a Sharpe
    ratio is then normal around 0 with the error of its length, and a drawdown that of
    prices without drift and as restless as the run. No series is read.
    """
    key = f"aggregate:{_state()}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = _computed()
        cache.set(key, found, timeout=KEPT_S)
    return found


def distribution_rows() -> list[dict[str, Any]]:
    """Return every bin of both as one row of a table."""
    return [
        {"key": item["key"], "low": low, "high": high, "count": n, "no_skill": luck}
        for item in metric_distributions()["items"]
        for low, high, n, luck in zip(
            item["edges"],
            item["edges"][1:],
            item["counts"],
            item["no_skill"],
            strict=False,
        )
    ]


def _state() -> str:
    """Return what changes with every result, deletion and trial; three quick counts."""
    numbers = RunMetric.objects.filter(key=SHARPE).aggregate(n=Count("pk"), m=Max("pk"))
    shown = ModelRun.objects.filter(deleted_at__isnull=True).count()
    heads = LedgerHead.objects.values_list("version", flat=True)
    return f"{numbers['n']}:{numbers['m']}:{shown}:{heads.first()}"


def _computed() -> dict[str, Any]:
    runs = list(_different_runs())
    table = {key: np.array([one[key] for one in runs]) for key in (*NEEDED, "ppy")}
    n_trials = max(trial_counts().n_trials, len(runs))
    if not runs:
        return {
            "n_runs": 0,
            "n_trials": n_trials,
            "expected_max_sharpe": None,
            "items": [],
        }
    n_returns, ppy = table["n_bars"] - 1.0, table["ppy"]
    errors = np.sqrt(ppy / (n_returns - 1.0))  # of a ratio that is 0
    spreads = np.maximum(table["volatility"] * np.sqrt(n_returns / ppy), NOTHING)
    edges = _sharpe_edges(table[SHARPE])
    return {
        "n_runs": len(runs),
        "n_trials": n_trials,
        "expected_max_sharpe": expected_max_sharpe(n_trials, float((errors**2).mean())),
        "items": [
            _item(SHARPE, edges, table[SHARPE], no_skill_sharpes(edges, errors)),
            _item(
                DRAWDOWN,
                DRAWDOWN_EDGES,
                table[DRAWDOWN],
                no_skill_drawdowns(DRAWDOWN_EDGES, spreads),
            ),
        ],
    }


def _different_runs() -> Iterator[Row]:
    """Yield the numbers of each run that has all of them, every candidate once."""
    kept = ModelRun.objects.filter(deleted_at__isnull=True, kind__in=WITH_CURVE)
    facts = kept.exclude(data_fingerprint="").order_by("created_at", "pk")
    numbers: dict[UUID, Row] = {}
    rows = RunMetric.objects.filter(key__in=NEEDED, value__isnull=False)
    for run_id, key, value in rows.values_list("run_id", "key", "value"):
        numbers.setdefault(run_id, {})[key] = float(value or 0.0)
    seen = set()
    columns = ("pk", "ppy", "config_family_hash", "data_fingerprint")
    for run_id, ppy, family, fingerprint in facts.values_list(*columns):
        own = numbers.get(run_id, {})
        is_whole = ppy and len(own) == len(NEEDED) and own["n_bars"] >= FEWEST_BARS
        if is_whole and (family, fingerprint) not in seen:
            seen.add((family, fingerprint))
            yield own | {"ppy": ppy}


def _sharpe_edges(sharpes: FloatArray) -> FloatArray:
    far = min(max(float(np.abs(sharpes).max()), 1.0), FARTHEST_SHARPE)
    n = int(np.ceil(far / SHARPE_STEP))
    return np.arange(-n, n + 1, dtype=np.float64) * SHARPE_STEP


def _item(
    key: str, edges: FloatArray, values: FloatArray, no_skill: FloatArray
) -> dict[str, Any]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {
        "key": key,
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "no_skill": no_skill.tolist(),
        "p5": float(low),
        "median": float(middle),
        "p95": float(high),
    }
