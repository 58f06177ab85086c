"""Two sweeps side by side: what differs, their bests, and one scale for both maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from experiments.models import ModelRun
from experiments.selectors.candidates import HeatMap, candidate_map, judged
from experiments.selectors.runs import run_documents
from experiments.selectors.sweep import Candidates, sweep_candidates
from quantlab.web.paging import unknown_word
from strategies.compare import config_diff
from strategies.metrics.registry import METRICS, Metric
from strategies.metrics.table import TABLE_METRICS
from strategies.types import FloatArray

Document = dict[str, Any]

LETTERS = ("A", "B")
CELLS = 24  # a side of a map
FEWEST_BINS, MOST_BINS = 5, 40


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: the run, its candidates and the letter that stands for it."""

    letter: str
    run: ModelRun
    found: Candidates

    @property
    def key(self) -> str:
        return str(self.run.pk)

    @cached_property
    def picks(self) -> list[Document]:
        """The best cell and, where there is one, the best plateau."""
        rows = {"best": self.found.best, "plateau": self.found.best_plateau}
        there = {name: row for name, row in rows.items() if row is not None}
        items = judged(self.run, [self.found.item(row) for row in there.values()])
        return [
            {"pick": name, "run_id": self.key, "around": self._around(item)} | item
            for name, item in zip(there, items, strict=True)
        ]

    def _around(self, item: Mapping[str, Any]) -> float | None:
        own, plateau = item["metrics"][self.found.objective], item["plateau"]
        return own * plateau if own is not None and plateau is not None else None


@dataclass(frozen=True, eq=False)
class SweepPair:
    """Two sweeps, and what their maps show."""

    sides: tuple[Side, Side]
    x: str  # "" with fewer than two common axes
    y: str
    metric: Metric

    @property
    def axes(self) -> list[str]:
        """What both run through, the most important for the first one first."""
        return _common(*(side.found for side in self.sides))

    @cached_property
    def maps(self) -> list[HeatMap]:
        """A map of each, one below the other; none with fewer than two axes."""
        if not self.x:
            return []
        asked = {"x": self.x, "y": self.y, "metric": self.metric.key}
        return [candidate_map(s.found, **asked, bins=CELLS) for s in self.sides]

    @property
    def span(self) -> tuple[float, float]:
        """The ends of the one scale of both maps."""
        spans = [one.span for one in self.maps if np.isfinite(one.cells).any()]
        if not spans:
            return (0.0, 0.0)
        return min(low for low, _ in spans), max(high for _, high in spans)

    @cached_property
    def common_cells(self) -> tuple[int, int]:
        """How many places both maps have, and in how many of them B is better."""
        if len(self.maps) < 2 or any(one.is_binned for one in self.maps):
            return 0, 0
        one, other = (_places(found) for found in self.maps)
        sign = -1.0 if self.metric.better == "lower" else 1.0
        shared = one.keys() & other.keys()
        return len(shared), sum(sign * other[at] > sign * one[at] for at in shared)


def sweeps_side_by_side(
    runs: tuple[ModelRun, ModelRun], *, x: str = "", y: str = "", metric: str = ""
) -> SweepPair:
    """Return two sweeps; left out, the axes are the two that matter most for the first.

    422 for a word that is none, 409 for a sweep without a candidate.
    """
    found = [sweep_candidates(run) for run in runs]
    metric = metric or found[0].objective
    if metric not in TABLE_METRICS:
        raise unknown_word("metric", metric, TABLE_METRICS)
    axes = _common(*found)
    for name, word in (("x", x), ("y", y)):
        if word and word not in axes:
            raise unknown_word(name, word, axes)
    x, y = _two(axes, x, y)
    one, other = (
        Side(letter, run, table)
        for letter, run, table in zip(LETTERS, runs, found, strict=True)
    )
    return SweepPair((one, other), x, y, METRICS[metric])


def _common(one: Candidates, other: Candidates) -> list[str]:
    names = {axis.name for axis in other.plan.axes}
    return [name for name in one.importance() if name in names]


def _two(axes: list[str], x: str, y: str) -> tuple[str, str]:
    """Return two different axes, those asked for if they are; "" without a second."""
    if len(axes) < 2:
        return "", ""
    x = x or next(name for name in axes if name != y)
    return x, y if y and y != x else next(name for name in axes if name != x)


def _places(found: HeatMap) -> dict[tuple[Any, Any], float]:
    return {
        (x, y): float(found.cells[j, i])
        for j, y in enumerate(found.y_values)
        for i, x in enumerate(found.x_values)
        if np.isfinite(found.cells[j, i])
    }


# --- as a document -------------------------------------------------------------------


def pair_document(pair: SweepPair) -> Document:
    runs = [side.run for side in pair.sides]
    return {
        "runs": run_documents(runs, with_config=False),
        "letters": {side.key: side.letter for side in pair.sides},
        "metric": pair.metric.key,
        "config_diff": settings_diff(pair),
        "picks": [_plain(pick) for side in pair.sides for pick in side.picks],
        "importance": importance_rows(pair),
        "distribution": distribution(pair),
        "map": _map_document(pair),
    }


def _plain(pick: Document) -> Document:
    return {key: value for key, value in pick.items() if key not in ("config", "ppy")}


def settings_diff(pair: SweepPair) -> list[Document]:
    """Return what differs in the config that is swept around and in the search."""
    ids = [side.key for side in pair.sides]
    said = [_settings(side.run) for side in pair.sides]
    return [
        {"path": one.path, "values": dict(zip(ids, one.values, strict=True))}
        for one in config_diff(said)
    ]


def _settings(run: ModelRun) -> Document:
    """Return config and search with each axis as one value, as it was written."""
    search = {k: v for k, v in (run.search or {}).items() if k != "axes"}
    space = {name: _written(value) for name, value in search["space"].items()}
    return run.config | {"search": search | {"space": space}}


def _written(value: Any) -> str:
    """{"min": 5, "max": 50, "step": 5} -> 5 to 50 by 5."""
    if isinstance(value, Mapping):
        return f"{value.get('min')} to {value.get('max')} by {value.get('step', 1)}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def importance_rows(pair: SweepPair) -> list[Document]:
    """Return for each axis of either what it explains of the objective of each."""
    shares = {side.key: side.found.importance() for side in pair.sides}
    names = dict.fromkeys(name for found in shares.values() for name in found)
    return [
        {"name": name, "shares": {key: one.get(name) for key, one in shares.items()}}
        for name in names
    ]


def distribution(pair: SweepPair) -> Document:
    """Return how many candidates of each lie in which bin; the bins are the same."""
    values = [_known(side.found.number(pair.metric.key)) for side in pair.sides]
    every = np.concatenate(values)
    edges: FloatArray = np.empty(0)
    if every.size:
        n = max(FEWEST_BINS, min(MOST_BINS, min(map(len, values)) // 4))
        edges = np.histogram_bin_edges(every, bins=n)
    sides = list(zip(pair.sides, values, strict=True))
    return {
        "metric": pair.metric.key,
        "edges": edges.tolist(),
        "counts": {
            side.key: np.histogram(own, edges)[0].tolist() if every.size else []
            for side, own in sides
        },
        "medians": {
            side.key: float(np.median(own)) if own.size else None for side, own in sides
        },
    }


def _known(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _map_document(pair: SweepPair) -> Document | None:
    if not pair.maps:
        return None
    low, high = pair.span
    n_common, n_better = pair.common_cells
    return {
        "x_name": pair.x,
        "y_name": pair.y,
        "low": low,
        "high": high,
        "n_common": n_common,
        "n_b_better": n_better,
        "maps": {
            side.key: found.as_json()
            for side, found in zip(pair.sides, pair.maps, strict=True)
        },
    }


# --- its parts as rows ---------------------------------------------------------------


def _pick_rows(document: Document) -> list[Document]:
    told = ("run_id", "pick", "index", "plateau", "around", "honesty")
    return [
        {key: pick[key] for key in told} | pick["params"] | pick["metrics"]
        for pick in document["picks"]
    ]


def _importance(document: Document) -> list[Document]:
    return [{"name": row["name"]} | row["shares"] for row in document["importance"]]


def _bins(document: Document) -> list[Document]:
    found = document["distribution"]
    edges = found["edges"]
    return [
        {"low": low, "high": high}
        | {key: counts[i] for key, counts in found["counts"].items()}
        for i, (low, high) in enumerate(pairwise(edges))
    ]


def _cells(document: Document) -> list[Document]:
    found = document["map"]
    if found is None:
        return []
    return [
        {"run_id": key, "x": x, "y": y, "value": value}
        for key, one in found["maps"].items()
        for y, line in zip(one["y"], one["z"], strict=True)
        for x, value in zip(one["x"], line, strict=True)
    ]


PARTS: dict[str, Callable[[Document], list[Document]]] = {
    "runs": lambda document: document["runs"],
    "config_diff": lambda document: document["config_diff"],
    "picks": _pick_rows,
    "importance": _importance,
    "distribution": _bins,
    "map": _cells,
}
