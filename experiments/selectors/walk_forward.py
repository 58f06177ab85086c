"""Every read of a walk-forward: its plan, what it will cost, and its windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from experiments.models import ModelRun, RunKind
from experiments.selectors.candidates import judged
from experiments.selectors.ledger import Budget
from experiments.selectors.report import report_figures, result_needed
from experiments.selectors.sweep import search_budget, search_speed, searched
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies import RunConfig, load_candles
from strategies.errors import ConfigError
from strategies.metrics.registry import METRICS, Metric
from strategies.sweep import SweepPlan
from strategies.validation.fits import WalkPlan, plan_walk_forward
from strategies.validation.splits import rolling_splits

if TYPE_CHECKING:
    from strategies import Candles

BOUNDS = ("train_start", "train_end", "test_start", "test_end")
SIDES = ("in_sample", "out_of_sample")


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A walk-forward that can be run, and the bars it goes through."""

    plan: WalkPlan
    candles: Candles


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkCost:
    """A walk-forward before it runs."""

    walk: Walk
    budget: Budget
    seconds: float
    n_timed: int  # windows that the estimate was learnt from

    @property
    def windows(self) -> list[dict[str, int]]:
        """The bounds of each window, epoch ms."""
        ts = self.walk.candles.ts
        return [
            {
                "index": split.index,
                "train_start": int(ts[split.train[0]]),
                "train_end": int(ts[split.train[-1]]),
                "test_start": int(ts[split.test[0]]),
                "test_end": int(ts[split.test[-1]]),
            }
            for split in self.walk.plan.splits
        ]

    @property
    def n_unused(self) -> int:
        """Bars at the end that are too few for one more test."""
        return len(self.walk.candles) - self.walk.plan.tested.stop

    def as_json(self) -> dict[str, Any]:
        budget = self.budget.as_json()
        plan = self.walk.plan
        return {
            "windows": [_told(window) for window in self.windows],
            "candidates": len(plan.sweep),
            "fits": len(plan),
            "estimated_s": self.seconds,
        } | {key: value for key, value in budget.items() if key != "n"}


def walk_planned(plan: SweepPlan, windows: Mapping[str, Any]) -> Walk:
    """Return a plan with its windows on the bars there are now, or refuse it.

    `windows` has the words of the request: ``train_bars`` and the like.
    """
    candles = load_candles(plan.config)
    try:
        splits = rolling_splits(
            len(candles),
            train=windows["train_bars"],
            test=windows["test_bars"],
            purge=windows["purge_bars"],
            embargo=windows["embargo_bars"],
            anchored=windows["mode"] == "anchored",
            windows=windows["windows"],
        )
        return Walk(plan_walk_forward(plan, splits), candles)
    except ConfigError as exc:
        raise ConfigError(
            exc.message, code=exc.code, field=_field(exc.field), advice=exc.advice
        ) from None


def _field(name: str) -> str:
    """Return where a request says what the library calls so."""
    if name == "splits":
        return "train_bars"
    is_count = name in ("train", "test", "purge", "embargo")
    return f"{name}_bars" if is_count else name


def walk_of(run: ModelRun) -> Walk:
    """Return the plan of a walk-forward that was accepted."""
    search = run.search or {}
    names = ("space", "constraints", "search", "n", "objective", "seed", "axes")
    sweep = searched(RunConfig(**run.config), {name: search[name] for name in names})
    return walk_planned(sweep, search)


def walk_cost(walk: Walk) -> WalkCost:
    """Return what a plan means: time, and the bar that luck sets after it."""
    speed, n_timed = search_speed(RunKind.WALK_FORWARD)
    plan = walk.plan
    passed = sum(len(split.train) for split in plan.splits) * len(plan.sweep)
    return WalkCost(
        walk=walk,
        budget=search_budget(plan.sweep.config, len(plan)),
        seconds=passed / speed,
        n_timed=n_timed,
    )


# --- the windows ---------------------------------------------------------------------


def walk_windows(run: ModelRun) -> list[dict[str, Any]]:
    """Return what each window chose and earned; times are epoch ms.

    409 for a run that is no walk-forward or has no result.
    """
    if run.kind != RunKind.WALK_FORWARD:
        raise Problem(
            status=409,
            message="This run is no walk-forward: it has no windows.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    result_needed(run)
    windows: list[dict[str, Any]] = report_figures([run])[run.pk]["windows"]
    return windows


def objective_of(run: ModelRun) -> Metric:
    """Return by what each window chose."""
    return METRICS[(run.search or {})["objective"]]


def windows_judged(run: ModelRun) -> list[dict[str, Any]]:
    """Return the windows with the honesty of both sides, as tags read it."""
    items = walk_windows(run)
    sides = {
        side: judged(run, [{"metrics": one[side]} for one in items]) for side in SIDES
    }
    return [
        one | {side: sides[side][i] for side in SIDES} for i, one in enumerate(items)
    ]


def windows_document(run: ModelRun) -> dict[str, Any]:
    """Return the windows as the API shows them, and what every Sharpe is shown with."""
    items = windows_judged(run)
    known = (one[side]["honesty"] for one in items for side in SIDES)
    return {
        "items": [
            _told(one) | {side: one[side]["metrics"] for side in SIDES} for one in items
        ],
        "honesty": next((one for one in known if one), None),
    }


def _told(window: Mapping[str, Any]) -> dict[str, Any]:
    """Return a window with its times in words."""
    moments = {n: datetime.fromtimestamp(window[n] / 1_000, UTC) for n in BOUNDS}
    return dict(window) | {name: rfc3339(moments[name]) for name in BOUNDS}
