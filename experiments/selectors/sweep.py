"""Every read of a sweep: what it will cost, and its candidates as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.artifacts.candidates import CANDIDATES, part_tables, unpacked
from experiments.artifacts.store import run_store
from experiments.artifacts.tables import Kind, columns_check
from experiments.models import ModelRun, RunKind, SweepChunk
from experiments.selectors.ledger import Budget, instruments_named, trial_budget
from experiments.selectors.results import files_not_removed
from experiments.selectors.trials import is_made_up, pool_of
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.documents import canonical_json
from strategies.library.universe import universe_info
from strategies.market.sources import describe
from strategies.metrics.registry import METRICS
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep import SweepPlan, best_row, plan_sweep
from strategies.sweep.analysis import (
    candidate_flags,
    history,
    importance,
    on_edge,
    plateau,
)
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

PARAMS = "params."
COUNTS = ("trade_count", "n_bars")  # whole numbers
TIMED_CHUNKS = 20
# Bars that candidates pass in a second, before any sweep was timed; of a universe the
# bars of all symbols.
FIRST_SPEED, FIRST_OF_MANY = 2e8, 5e5


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCost:
    """A sweep before it runs."""

    plan: SweepPlan
    budget: Budget
    seconds: float
    n_timed: int  # chunks that the estimate was learnt from

    def as_json(self) -> dict[str, Any]:
        budget = self.budget.as_json()
        return {"candidates": len(self.plan), "estimated_s": self.seconds} | {
            key: value for key, value in budget.items() if key != "n"
        }


def sweep_cost(plan: SweepPlan) -> SweepCost:
    """Return what a plan means: time, and the bar that luck sets after it."""
    is_many = plan.config.universe is not None
    speed, n_timed = search_speed(RunKind.SWEEP, is_many=is_many)
    return SweepCost(
        plan=plan,
        budget=search_budget(plan.config, len(plan)),
        seconds=len(plan) * bars_expected(plan.config) / speed,
        n_timed=n_timed,
    )


def search_speed(kind: RunKind, *, is_many: bool = False) -> tuple[float, int]:
    """Return how many bars candidates pass in a second, and of how many chunks that is.

    Learnt from the last ones of its kind, on a universe or not.
    """
    chunks = SweepChunk.objects.filter(run__kind=kind)
    timed = list(
        (chunks.filter(run__symbol="") if is_many else chunks.exclude(run__symbol=""))
        .order_by("-pk")
        .values_list("n_candidates", "n_bars", "seconds")[:TIMED_CHUNKS]
    )
    passed = sum(n * bars for n, bars, _ in timed)
    taken = sum(seconds for _, _, seconds in timed)
    first = FIRST_OF_MANY if is_many else FIRST_SPEED
    return passed / taken if taken > 0 else first, len(timed)


def search_budget(config: RunConfig, n: int) -> Budget:
    """Return what `n` more trials on the bars of a config do to the bar of luck."""
    instruments = instruments_named(config.instruments)
    return trial_budget(
        pool_of(instruments),
        0 if is_made_up(config.provider) else n,
        start_ms=config.start_ms,
        end_ms=config.end_ms,
        instruments=instruments,
    )


def bars_expected(config: RunConfig) -> float:
    """Return about how many bars the window has, of all symbols; no bar is read."""
    if config.universe is not None:
        info = universe_info(config, config.symbols)
        info = replace(info, rows=info.rows * len(config.symbols))
    else:
        info = describe(config.provider, config.symbol or "", config.timeframe)
    span = max(info.end_ms - info.start_ms, 1)
    start, end = config.start_ms or info.start_ms, config.end_ms or info.end_ms
    return max(info.rows * (end - start) / span, 1.0)


# --- the table -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of a sweep that were evaluated, in the order of their numbers.

    `table` has `index`, `point` and the metrics by their keys, parameters behind
    `params.`; plateau and on_edge once the sweep is whole.
    """

    plan: SweepPlan
    table: pa.Table
    is_whole: bool

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> np.ndarray:
        """Return a column as an array of shape (n_candidates,)."""
        found: np.ndarray = self.table.column(name).to_numpy()
        return found

    @property
    def objective(self) -> str:
        return self.plan.objective

    @property
    def best_first(self) -> str:
        """The order that begins with the best."""
        lower = METRICS[self.objective].better == "lower"
        return self.objective if lower else f"-{self.objective}"

    @cached_property
    def points(self) -> IntArray:
        return self.column("point")

    @cached_property
    def values(self) -> FloatArray:
        """The objective of each."""
        return self.column(self.objective)

    @cached_property
    def plateaus(self) -> FloatArray:
        if self.is_whole:
            return self.column("plateau")
        return plateau(self.plan, self.points, self.values)

    @cached_property
    def edges(self) -> np.ndarray:
        return on_edge(self.plan, self.points)

    @cached_property
    def best(self) -> int:
        """The row of the best objective; the first of several."""
        return best_row(self.values, self.objective)

    @cached_property
    def best_plateau(self) -> int | None:
        """The row whose neighbours are best with it; None where none has neighbours."""
        around = self.values * self.plateaus
        together = np.where(np.isfinite(around), np.minimum(around, self.values), -1.0)
        row = int(together.argmax()) if len(together) else 0
        return row if len(together) and together[row] > 0.0 else None

    def number(self, name: str) -> np.ndarray:
        """Return what a condition or an order may name, as float64."""
        if name == "plateau":
            return self.plateaus
        column = name if name in self.table.column_names else PARAMS + name
        return self.column(column).astype(np.float64, copy=False)

    def names(self) -> list[str]:
        """Return everything that is a number here: axes, metrics, plateau, index."""
        axes = [axis.name for axis in self.plan.axes if axis.is_numeric]
        return [*axes, *TABLE_METRICS, "plateau", "index"]

    def items(self, rows: IntArray) -> list[dict[str, Any]]:
        """Return some rows as the API shows them."""
        table = self.table.take(rows)
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        axes = [axis.name for axis in self.plan.axes]
        plateaus, edges = self.plateaus[rows], self.edges[rows]
        return [
            _item(columns, i, axes, plateaus[i], edges[i]) for i in range(len(rows))
        ]

    def rows_of(self, index: int) -> IntArray:
        """Return the row of the candidate with this number; none if there is none."""
        return np.flatnonzero(self.column("index") == index)

    def item(self, row: int) -> dict[str, Any]:
        [one] = self.items(np.array([row]))
        return one

    def importance(self) -> dict[str, float]:
        """Return the share of the spread that each axis explains, the largest first."""
        if not np.isfinite(self.values).any():
            return dict.fromkeys((axis.name for axis in self.plan.axes), 0.0)
        return importance(self.plan, self.points, self.values)

    def history(self) -> FloatArray:
        return history(self.values, self.objective)


def _item(
    columns: Mapping[str, list[Any]],
    i: int,
    axes: list[str],
    plateau: float,
    is_on_edge: bool,
) -> dict[str, Any]:
    metrics = {key: plain_metric(key, columns[key][i]) for key in TABLE_METRICS}
    return {
        "index": columns["index"][i],
        "params": {name: columns[PARAMS + name][i] for name in axes},
        "metrics": metrics,
        "flags": candidate_flags(metrics),
        "plateau": _known(plateau),
        "on_edge": bool(is_on_edge),
    }


def plain_metric(key: str, value: float) -> float | int | None:
    """Return a number of the table as JSON has it; None where there is none."""
    if value is None or not np.isfinite(value):
        return None
    return int(value) if key in COUNTS else float(value)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def sweep_plan_of(run: ModelRun) -> SweepPlan:
    """Return the plan of a sweep that was accepted."""
    return _plan(run.config_hash, canonical_json([run.config, run.search]))


@lru_cache(maxsize=4)
def _plan(config_hash: str, text: str) -> SweepPlan:
    """Plan once what pages ask for many times; a plan of a million takes a while."""
    config, search = json.loads(text)
    return searched(RunConfig(**config), search)


def searched(config: RunConfig, search: Mapping[str, Any]) -> SweepPlan:
    """Return the plan that a run's search document stands for.

    JSON has no order of keys, and the order of the axes is that of the candidates.
    """
    said = {key: value for key, value in search.items() if key != "axes"}
    space = {name: said["space"][name] for name in search["axes"]}
    return plan_sweep(config, **said | {"space": space})


def sweep_candidates(run: ModelRun) -> Candidates:
    """Return the candidates so far: all of them once the run has succeeded.

    409 for a run that is no sweep or has not evaluated any.
    """
    sweep_needed(run)
    files_not_removed(run)
    if run.manifest_sha:
        return _whole(str(run.pk), run.manifest_sha, run)
    numbers = list(run.chunks.order_by("number").values_list("number", flat=True))
    if not numbers:
        raise Problem(
            status=409,
            message=f"The sweep is {run.status}: it has no candidate yet.",
            advice="Ask again in a moment."
            if not run.job.is_finished
            else "Run it again.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    import pyarrow as pa

    table = pa.concat_tables(part_tables(run.pk, numbers))
    return Candidates(sweep_plan_of(run), table, is_whole=False)


def has_part(run: ModelRun) -> bool:
    """Return whether a search ended early with candidates that can be read."""
    if not run.job.is_finished or run.files_removed_at is not None:
        return False
    if run.kind == RunKind.GENERATE:
        return bool(run.manifest_sha)
    return run.kind == RunKind.SWEEP and run.best_index is not None


def sweep_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that is no sweep."""
    if run.kind == RunKind.GENERATE:
        raise Problem(
            status=409,
            message="This search tried expressions: it is no sweep and has no axes.",
            next_steps=[f"GET /api/runs/{run.pk}/generation"],
        )
    if run.kind != RunKind.SWEEP:
        raise Problem(
            status=409,
            message="This run is no sweep: it has one candidate, itself.",
            next_steps=[f"GET /api/runs/{run.pk}/report"],
        )


def _written(plan: SweepPlan) -> tuple[list[str], dict[str, Kind]]:
    """Return the columns that are read of a sweep's candidates, and of what kind."""
    kinds = {PARAMS + axis.name: Kind.ANY for axis in plan.axes if not axis.is_numeric}
    kinds |= dict.fromkeys(("index", "point"), Kind.WHOLE)
    params = [PARAMS + axis.name for axis in plan.axes]
    return ["index", "point", *params, *TABLE_METRICS, "plateau"], kinds


_tables: dict[str, Candidates] = {}
MOST_TABLES = 4


def _whole(run_id: str, manifest_sha: str, run: ModelRun) -> Candidates:
    """Keep the tables of the sweeps last looked at; their bytes stay on disk."""
    known = _tables.get(manifest_sha)
    if known is None:
        plan = sweep_plan_of(run)
        with run_store().open(run_id, CANDIDATES) as file:
            table = unpacked(file, manifest_sha)
            columns_check(file, table.schema, *_written(plan))
        known = Candidates(plan, table, is_whole=True)
        while len(_tables) >= MOST_TABLES:
            _tables.pop(next(iter(_tables)), None)
        _tables[manifest_sha] = known
    return known
