"""What each tab of a sweep shows: a run in, the context of one region out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from experiments.charts.titles import OF_SWEEP
from experiments.models import LedgerEntry, ModelRun
from experiments.selectors.candidates import (
    HeatMap,
    candidate_map,
    candidate_page,
    edges_of,
    judged,
)
from experiments.selectors.sweep import Candidates, sweep_candidates
from experiments.selectors.universes import survivorship
from quantlab.web.problem import Problem
from strategies.metrics.registry import METRICS, Metric
from strategies.metrics.table import TABLE_METRICS

Context = dict[str, Any]

ROWS_PER_PAGE = 50
MOST_CELLS = 24  # a side: more would be links too small to hit
WITH_NUMBERS = 14  # columns that have room for the number of a cell
TINTS = 6
COLUMNS = ("cagr", "max_drawdown", "trade_count")
NOT_SHOWN = ("sharpe_bar", "skew", "kurtosis", "n_bars")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the map: a metric, and the candidate it opens (None for none)."""

    value: float | None
    index: int | None
    tint: int  # 0 to TINTS - 1, the best darkest
    pick: str  # "best", "plateau" or ""


@dataclass(frozen=True, slots=True)
class Pick:
    """A candidate that is worth a look, and its neighbours' mean."""

    name: str
    item: Context
    around: float | None


def summary_tab(request: HttpRequest, run: ModelRun) -> Context:
    candidates = sweep_candidates(run)
    best = candidates.item(candidates.best)
    picks = [_pick("Best cell", candidates, candidates.best)]
    if candidates.best_plateau is not None:
        picks.append(_pick("Best plateau", candidates, candidates.best_plateau))
    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    return {
        "candidates": candidates,
        "objective": METRICS[candidates.objective],
        "best": best,
        "picks": picks,
        "edges": edges_of(candidates, best["params"]),
        "n_added": sum(entries.values_list("n_trials", flat=True)),
        "importance": list(candidates.importance().items()),
        "shows_map": len(candidates.plan.axes) > 1,
        "survivorship": survivorship(run.config),
        **map_context(request, run, candidates),
    }


def _pick(name: str, candidates: Candidates, row: int) -> Pick:
    item = candidates.item(row)
    own, plateau = item["metrics"][candidates.objective], item["plateau"]
    around = own * plateau if own is not None and plateau is not None else None
    return Pick(name, item, around)


def charts_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return which charts there are: each is a region that loads itself."""
    return {"names": list(OF_SWEEP)}


def luck_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return where the tests of the whole sweep are: a region that loads itself."""
    return {"url": reverse("experiments:sweep-luck", args=[run.pk])}


# --- the map -------------------------------------------------------------------------


def map_context(request: HttpRequest, run: ModelRun, found: Candidates) -> Context:
    """Return what the region of the map shows; words that are none are told in it."""
    axes = [axis.name for axis in found.plan.axes]
    if len(axes) < 2:
        return {}
    asked = {key: request.GET.get(key, "") for key in ("x", "y", "metric", "where")}
    important = list(found.importance())
    asked["x"] = asked["x"] or next(a for a in important if a != asked["y"])
    asked["y"] = asked["y"] or next(a for a in important if a != asked["x"])
    context = {
        "asked": asked,
        "axes": axes,
        "metrics": map_metrics(),
        "refused": None,
        "metric": METRICS[found.objective],
    }
    try:
        chosen = candidate_map(found, **asked, bins=MOST_CELLS)
    except Problem as exc:
        return context | {"refused": exc}
    shown = METRICS[chosen.metric]
    return context | {
        "asked": asked | {"x": chosen.x, "y": chosen.y, "metric": chosen.metric},
        "map": chosen,
        "metric": shown,
        "lines": cells_of(found, chosen, shown),
        "has_numbers": len(chosen.x_values) <= WITH_NUMBERS,
        "n_other": len(axes) - 2,
    }


def map_metrics() -> list[Metric]:
    """Return what a map can show."""
    return [METRICS[key] for key in TABLE_METRICS if key not in NOT_SHOWN]


def cells_of(
    candidates: Candidates,
    chosen: HeatMap,
    metric: Metric,
    span: tuple[float, float] | None = None,
) -> list[tuple[Any, list[Cell]]]:
    """Return the rows of the map, the highest value of y first.

    Colours run from end to end of `span`; without one, of the map's own values.
    """
    low, high = span or chosen.span
    share = (chosen.cells - low) / ((high - low) or 1.0)
    if metric.better == "lower":
        share = 1.0 - share
    tints = np.nan_to_num(np.minimum(share * TINTS, TINTS - 1)).astype(int)
    picks = {candidates.best_plateau: "plateau", candidates.best: "best"}
    indices = candidates.column("index")
    lines = []
    for j in range(len(chosen.y_values) - 1, -1, -1):
        cells = []
        for i, row in enumerate(chosen.rows[j].tolist()):
            value = float(chosen.cells[j, i])
            is_known = row >= 0 and np.isfinite(value)
            cells.append(
                Cell(
                    value if is_known else None,
                    int(indices[row]) if row >= 0 else None,
                    int(tints[j, i]) if is_known else -1,
                    picks.get(row, ""),
                )
            )
        lines.append((chosen.y_values[j], cells))
    return lines


# --- the table -----------------------------------------------------------------------


def candidates_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return one page of candidates; a condition that cannot be read is told."""
    found = sweep_candidates(run)
    order = request.GET.get("order") or found.best_first
    where, cursor = request.GET.get("where", ""), request.GET.get("cursor", "")
    asked = {"order": order, "where": where}
    axes = [axis.name for axis in found.plan.axes]
    objective = [found.objective] if found.objective not in (*COLUMNS, "sharpe") else []
    context = {
        "order": order,
        "where": where,
        "axes": axes,
        "columns": [METRICS[key] for key in (*objective, *COLUMNS)],
        "refused": None,
        "total": 0,
        "items": [],
        "heads": _heads(found, order, where, [*axes, "sharpe", "plateau"]),
        "is_whole": found.is_whole,
        "api": f"/api/runs/{run.pk}/candidates?{urlencode(asked)}",
    }
    try:
        page = candidate_page(
            found, order=order, where=where, limit=ROWS_PER_PAGE, cursor=cursor
        )
    except Problem as exc:
        return context | {"refused": exc}
    items = judged(run, found.items(page.rows))
    return context | {
        "items": items,
        "first": page.first + 1,
        "last": page.first + len(items),
        "total": page.total,
        "n_all": len(found),
        "luck": judged(run, [found.item(found.best)])[0]["honesty"],
        "next_query": page.next_cursor
        and candidates_query(order=order, where=where, cursor=page.next_cursor),
        "first_query": page.first and candidates_query(order=order, where=where),
    }


def candidates_query(**words: str) -> str:
    asked = QueryDict(mutable=True)
    asked["tab"] = "candidates"
    for key, value in words.items():
        if value:
            asked[key] = value
    return f"?{asked.urlencode()}"


def _heads(found: Candidates, order: str, where: str, names: list[str]) -> Context:
    """Return for each column where its link leads and how it is sorted."""
    heads = {}
    for name in [*names, *TABLE_METRICS]:
        metric = METRICS.get(name)
        better_low = metric is None or metric.better == "lower"
        first = name if better_low and name != "plateau" else f"-{name}"
        heads[name] = head_of(first, order, where)
    return heads


def head_of(first: str, order: str, where: str) -> Context:
    """Return the link of a column that is sorted as `first` at the first click."""
    name = first.removeprefix("-")
    other = name if first.startswith("-") else f"-{name}"
    sort = ""
    if order.removeprefix("-") == name:
        sort = "descending" if order.startswith("-") else "ascending"
    wanted = other if order == first else first
    return {"query": candidates_query(order=wanted, where=where), "sort": sort}
