"""Every read of a walk-forward: its plan, what it will cost, and its windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

from experiments.models import ModelRun, RunKind
from experiments.selectors.candidates import judged
from experiments.selectors.ledger import Budget
from experiments.selectors.results import figures_needed
from experiments.selectors.sweep import (
    bars_expected,
    search_budget,
    search_speed,
    searched,
)
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies import Panel, RunConfig
from strategies.errors import ConfigError
from strategies.market.sources import load_each
from strategies.metrics.registry import METRICS, Metric
from strategies.sweep import SweepPlan
from strategies.validation.fits import WalkPlan, plan_walk_forward
from strategies.validation.splits import rolling_splits

if TYPE_CHECKING:
    from strategies import Candles

USUAL_TRAIN, USUAL_TEST = 1_000, 200
BOUNDS = ("train_start", "train_end", "test_start", "test_end")
SIDES = ("in_sample", "out_of_sample")


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A walk-forward that can be run, and the bars it goes through."""

    plan: WalkPlan
    candles: list[Candles]  # of each symbol
    bars: Candles | Panel  # what is traded: the symbol, or all as one portfolio


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
        ts = self.walk.bars.ts
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
        return len(self.walk.bars) - self.walk.plan.tested.stop

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
    candles = load_each(plan.config, plan.config.symbols)
    bars = Panel.of(candles) if plan.config.is_portfolio else candles[0]
    try:
        splits = rolling_splits(
            len(bars),
            train=windows["train_bars"],
            test=windows["test_bars"],
            purge=windows["purge_bars"],
            embargo=windows["embargo_bars"],
            anchored=windows["mode"] == "anchored",
            windows=windows["windows"],
        )
        return Walk(plan_walk_forward(plan, splits), candles, bars)
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


def usual_windows(config: RunConfig) -> dict[str, int]:
    """Return windows to begin with: four years and ten months, less of little data."""
    n_bars = bars_expected(config) / max(len(config.symbols), 1)
    return {
        "train_bars": min(USUAL_TRAIN, max(round(n_bars * 0.4), 3)),
        "test_bars": min(USUAL_TEST, max(round(n_bars * 0.1), 2)),
    }


def walk_of(run: ModelRun) -> Walk:
    """Return the plan of a walk-forward that was accepted."""
    search = run.search or {}
    names = ("space", "constraints", "search", "n", "objective", "seed", "axes")
    sweep = searched(RunConfig(**run.config), {name: search[name] for name in names})
    return walk_planned(sweep, search)


def walk_cost(walk: Walk) -> WalkCost:
    """Return what a plan means: time, and the bar that luck sets after it."""
    plan, n_symbols = walk.plan, len(walk.candles)
    is_many = plan.sweep.config.universe is not None
    speed, n_timed = search_speed(RunKind.WALK_FORWARD, is_many=is_many)
    learnt = sum(len(split.train) for split in plan.splits) * n_symbols
    passed = learnt * len(plan.sweep)
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
    windows: list[dict[str, Any]] = figures_needed(run)["windows"]
    return windows


def objective_of(run: ModelRun) -> Metric:
    """Return by what each window chose."""
    return METRICS[(run.search or {})["objective"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """What is left of an objective where it did not choose; means over windows."""

    metric: Metric
    inside: float
    outside: float
    n: int  # windows where both are known
    n_held: int  # of them, those that were as good out of sample

    @property
    def left(self) -> float | None:
        """The share that is left; None where there was nothing to lose."""
        return self.outside / self.inside if self.inside > 0.0 else None


def decay_of(run: ModelRun) -> Decay | None:
    """Return how the objective fared out of sample; None where it is unknown."""
    metric = objective_of(run)
    pairs = [
        (one["in_sample"][metric.key], one["out_of_sample"][metric.key])
        for one in walk_windows(run)
    ]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not known:
        return None
    sign = -1.0 if metric.better == "lower" else 1.0
    return Decay(
        metric=metric,
        inside=fmean(a for a, _ in known),
        outside=fmean(b for _, b in known),
        n=len(known),
        n_held=sum(sign * b >= sign * a for a, b in known),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """How one parameter moved from window to window."""

    name: str
    usual: Any
    n_usual: int
    n_values: int  # different ones
    n_changes: int  # between a window and the next


def stability_of(windows: Sequence[Mapping[str, Any]]) -> list[Stability]:
    """Return for each parameter how often its choice changed."""
    found = []
    for name in windows[0]["params"]:
        values = [one["params"][name] for one in windows]
        [(usual, n_usual)] = Counter(values).most_common(1)
        found.append(
            Stability(
                name=name,
                usual=usual,
                n_usual=n_usual,
                n_values=len(set(values)),
                n_changes=sum(a != b for a, b in pairwise(values)),
            )
        )
    return found


def windows_judged(run: ModelRun) -> list[dict[str, Any]]:
    """Return the windows with the honesty of both sides, as tags read it."""
    items = walk_windows(run)
    sides = {
        side: judged(run, [{"metrics": one[side], "flags": {}} for one in items])
        for side in SIDES
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
