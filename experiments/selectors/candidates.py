"""Candidates of a sweep in any order, filtered, and as cells of a map.

Conditions are the comparisons of `strategies.sweep.constraints`: parsed, never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from django.core import signing

from experiments.models import ModelRun
from experiments.selectors.honesty import Estimate, honesty_of, judge
from experiments.selectors.sweep import Candidates, sweep_candidates
from experiments.selectors.trials import trial_counts
from quantlab.web.paging import bad_cursor, unknown_word
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.metrics.registry import METRICS
from strategies.metrics.table import TABLE_METRICS
from strategies.result import annual_sharpe_se
from strategies.sweep.analysis import heat_map
from strategies.sweep.constraints import Constraint
from strategies.types import FloatArray, IntArray, Scalar

SALT = "cursor:candidates"
LONGEST_WHERE = 1_000  # characters
AGGREGATES = ("best", "mean")
DEFAULT_BINS = 100


class Rows(Protocol):
    """A table of candidates of any kind of search, in the order of their numbers."""

    @property
    def is_whole(self) -> bool: ...

    def __len__(self) -> int: ...

    def names(self) -> list[str]:
        """Return everything that is a number here."""
        ...

    def number(self, name: str) -> np.ndarray:
        """Return one of these numbers of every row, as float64."""
        ...

    def rows_of(self, index: int) -> IntArray:
        """Return the row of the candidate with this number, or none."""
        ...

    def items(self, rows: IntArray) -> list[dict[str, Any]]:
        """Return some rows as the API shows them."""
        ...


@dataclass(frozen=True, slots=True)
class CandidatePage:
    """Some rows in the order asked for; `total` meet the condition."""

    rows: IntArray
    first: int  # how many come before
    total: int
    next_cursor: str | None


def candidate_page(
    candidates: Rows, *, order: str, where: str, limit: int, cursor: str
) -> CandidatePage:
    """Return one page; candidates without a value come last, ties by number.

    422 for an order, a condition or a cursor that is none.
    """
    name = order.removeprefix("-")
    if name not in candidates.names():
        raise unknown_word("order", name, candidates.names())
    first = _read(cursor, order, where) if cursor else 0
    among = matching(candidates, where)
    values = candidates.number(name)
    if among is not None:
        values = values[among]
    rows = ordered(values, first + limit, descending=order.startswith("-"))[first:]
    is_last = first + limit >= len(values)
    return CandidatePage(
        rows=rows if among is None else among[rows],
        first=first,
        total=len(values),
        next_cursor=None
        if is_last
        else signing.dumps([order, where, first + limit], salt=SALT),
    )


def _read(cursor: str, order: str, where: str) -> int:
    try:
        known_order, known_where, first = signing.loads(cursor, salt=SALT)
    except signing.BadSignature:
        raise bad_cursor() from None
    if (known_order, known_where) != (order, where):
        raise bad_cursor()
    return int(first)


def ordered(values: FloatArray, k: int, *, descending: bool) -> IntArray:
    """Return where the first `k` stand, NaN last, equal ones in their order.

    Of many only those are sorted that can be among the first.
    """
    worth = -values if descending else values
    worth = np.where(np.isnan(values), np.inf, worth)
    if 4 * k >= len(worth):
        return np.argsort(worth, kind="stable")[:k]
    last = np.partition(worth, k)[k]
    rows = np.flatnonzero(worth <= last)
    return rows[np.argsort(worth[rows], kind="stable")][:k]


def matching(candidates: Rows, where: str) -> IntArray | None:
    """Return the rows that meet every condition; None where there is none.

    `where` is comparisons joined by `and` or commas: `trade_count > 30, fast < 20`.
    """
    if not where.strip():
        return None
    asked = conditions(where)
    known = candidates.names()
    met = np.ones(len(candidates), dtype=np.bool_)
    for condition in asked:
        for name in condition.names:
            if name not in known:
                raise unknown_word("where", name, known)
        values = {name: candidates.number(name) for name in condition.names}
        met &= condition.holds(values or {"index": candidates.number("index")})
    return np.flatnonzero(met)


def conditions(where: str) -> list[Constraint]:
    """Return the parsed comparisons of a text; 422 for one that is none."""
    if len(where) > LONGEST_WHERE:
        message = f"where is longer than {LONGEST_WHERE:,} characters."
        raise Problem(status=422, code="too_long", message=message)
    parts = re.split(r",|\band\b", where)
    try:
        return [Constraint(part.strip(), "where") for part in parts]
    except ConfigError as exc:
        raise Problem.of_strategy(exc) from None


def edges_of(
    candidates: Candidates, params: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Return the axes on whose first or last value a candidate lies."""
    found = []
    for axis in candidates.plan.axes:
        if axis.is_numeric and len(axis.values) > 2:
            value = params[axis.name]
            if value in (min(axis.values), max(axis.values)):  # type: ignore[type-var]
                found.append((axis.name, value))
    return found


# --- a map ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A metric over two axes: the best candidate of each cell, or the mean of all.

    `cells` and `rows` have shape (n_y, n_x); NaN and −1 where there is no candidate.
    Where an axis has more values than fit, several share a cell, named by the first.
    """

    x: str
    y: str
    metric: str
    x_values: list[Scalar | None]
    y_values: list[Scalar | None]
    cells: FloatArray
    rows: IntArray
    is_binned: bool

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest value; 0 and 0 where there is none."""
        known = self.cells[np.isfinite(self.cells)]
        return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)

    def as_json(self) -> dict[str, Any]:
        known = np.isfinite(self.cells)
        z = [
            [
                float(value) if is_known else None
                for value, is_known in zip(*line, strict=True)
            ]
            for line in zip(self.cells, known, strict=True)
        ]
        return {"x": self.x_values, "y": self.y_values, "z": z}


def candidate_map(
    candidates: Candidates,
    *,
    x: str = "",
    y: str = "",
    metric: str = "",
    agg: str = "best",
    where: str = "",
    bins: int = DEFAULT_BINS,
) -> HeatMap:
    """Return a map of the candidates that meet `where`; 422 for bad words.

    Left out, the axes are the first two, and the metric is the objective.
    """
    names = [axis.name for axis in candidates.plan.axes]
    x = x or next((name for name in names if name != y), names[0])
    y = y or next((name for name in names if name != x), "")
    metric = metric or candidates.objective
    if not y or x == y:
        raise _refused("y", "A map needs two different axes.", names)
    if metric not in TABLE_METRICS:
        raise unknown_word("metric", metric, TABLE_METRICS)
    if agg not in AGGREGATES:
        raise unknown_word("agg", agg, AGGREGATES)
    among = matching(candidates, where)
    points, values = candidates.points, candidates.number(metric)
    if among is not None:
        points, values = points[among], values[among]
    better = METRICS[metric].better
    try:
        xs, ys, cells, rows = heat_map(
            candidates.plan, points, values, x, y, better=better
        )
    except ConfigError as exc:
        raise Problem.of_strategy(exc) from None
    if agg == "mean":
        cells = _means(candidates, points, values, x, y, cells.shape)
    if among is not None:
        rows = np.where(rows >= 0, among[rows], -1)
    found = HeatMap(x, y, metric, xs, ys, cells, rows, is_binned=False)
    return _binned(found, bins, lower=better == "lower")


def _means(
    candidates: Candidates,
    points: IntArray,
    values: FloatArray,
    x: str,
    y: str,
    shape: tuple[int, ...],
) -> FloatArray:
    known = np.isfinite(values)
    places = candidates.plan.places(points[known])
    cell = places[y] * shape[1] + places[x]
    size = shape[0] * shape[1]
    n = np.bincount(cell, minlength=size)
    sums = np.bincount(cell, weights=values[known], minlength=size)
    with np.errstate(invalid="ignore"):
        return (sums / n).reshape(shape)


def _binned(found: HeatMap, bins: int, *, lower: bool) -> HeatMap:
    """Return the map with at most `bins` cells a side, each the best of its values."""
    n_y, n_x = found.cells.shape
    if max(n_x, n_y) <= bins:
        return found
    wide, high = -(-n_x // bins), -(-n_y // bins)
    pad = ((0, -n_y % high), (0, -n_x % wide))
    worth = -found.cells if lower else found.cells
    worth = np.pad(
        np.where(np.isfinite(worth), worth, -np.inf), pad, constant_values=-np.inf
    )
    rows = np.pad(found.rows, pad, constant_values=-1)
    shape = (worth.shape[0] // high, high, worth.shape[1] // wide, wide)
    flat = (shape[0], shape[2], high * wide)
    worth = worth.reshape(shape).swapaxes(1, 2).reshape(flat)
    rows = rows.reshape(shape).swapaxes(1, 2).reshape(flat)
    best = worth.argmax(axis=2)[:, :, None]
    chosen = np.take_along_axis(worth, best, axis=2)[:, :, 0]
    cells = np.where(np.isfinite(chosen), -chosen if lower else chosen, np.nan)
    return HeatMap(
        found.x,
        found.y,
        found.metric,
        found.x_values[::wide],
        found.y_values[::high],
        cells,
        np.take_along_axis(rows, best, axis=2)[:, :, 0],
        is_binned=True,
    )


def _refused(field: str, message: str, names: list[str]) -> Problem:
    return Problem(
        status=422,
        code="invalid_value",
        message=message,
        advice=f"The sweep has {', '.join(names)}.",
        errors=[{"field": field, "code": "invalid_value", "message": message}],
    )


# --- documents -----------------------------------------------------------------------


def table_honesty(run: ModelRun) -> dict[str, Any] | None:
    """Return what every Sharpe of the sweep is shown with: that of its best."""
    luck = honesty_of([run])[run.pk]
    return None if luck is None else luck.as_json()


def page_document(
    candidates: Rows, page: CandidatePage, honesty: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "items": candidates.items(page.rows),
        "next_cursor": page.next_cursor,
        "total": page.total,
        "is_complete": candidates.is_whole,
        "honesty": honesty,
    }


def map_document(
    run: ModelRun, candidates: Candidates, found: HeatMap
) -> dict[str, Any]:
    plateau = candidates.best_plateau
    return {
        **found.as_json(),
        "x_name": found.x,
        "y_name": found.y,
        "metric": found.metric,
        "is_binned": found.is_binned,
        "best": candidates.item(candidates.best),
        "best_plateau": None if plateau is None else candidates.item(plateau),
        "honesty": table_honesty(run),
    }


def candidate_row(candidates: Rows, index: int) -> int:
    """Return the row of the candidate with this number; 404 if there is none."""
    rows = candidates.rows_of(index)
    if not len(rows):
        raise Problem(
            status=404,
            message=f"The search has no candidate {index}.",
            advice="Its list says which there are.",
        )
    return int(rows[0])


def candidate_named(run: ModelRun, index: int) -> dict[str, Any]:
    """Return one candidate as the API shows it; 404 if there is none."""
    candidates = sweep_candidates(run)
    return candidates.item(candidate_row(candidates, index))


def judged(run: ModelRun, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return candidates with the honesty of each, read by tags as those of runs are."""
    counts = trial_counts()
    window = run.metrics.get("start_ts"), run.metrics.get("end_ts")
    tally = counts.tally(run.pool, *window)
    effective = counts.effective.get(run.pool)
    found = []
    for item in items:
        metrics = item["metrics"]
        luck = judge(
            Estimate.of(metrics, run.ppy),
            tally,
            effective,
            pool=run.pool,
            sharpe_se=None
            if metrics["sharpe"] is None
            else annual_sharpe_se(metrics, run.ppy or 1.0),
        )
        known = None if metrics["sharpe"] is None else luck.as_json()
        found.append(item | {"honesty": known, "ppy": run.ppy, "config": run.config})
    return found
