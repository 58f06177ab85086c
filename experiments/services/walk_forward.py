"""A walk-forward: checked and queued here; `walk_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, StrictInt

from experiments.models import ModelExperiment, RunKind
from experiments.selectors.walk_forward import Walk, WalkCost, walk_cost, walk_planned
from experiments.services.experiments import experiment_config
from experiments.services.runs import Submission
from experiments.services.sweep import (
    SweepRequest,
    asked_of,
    search_submit,
    sweep_plan,
    sweep_title,
)
from strategies import RunConfig

WINDOWS = (
    *("mode", "train_bars", "test_bars"),
    *("windows", "purge_bars", "embargo_bars"),
)


class WalkRequest(SweepRequest):
    """What a request for a walk-forward says: a sweep, and where it learns."""

    mode: Literal["rolling", "anchored"] = Field(
        "rolling", description="anchored: every window learns from the first bar on."
    )
    train_bars: StrictInt = Field(1_000, description="That a window learns on.")
    test_bars: StrictInt = Field(200, description="That it is then judged on.")
    windows: StrictInt | None = Field(
        None, description="From the first one on; as many as fit if left out."
    )
    purge_bars: StrictInt = Field(0, description="Left out between the two.")
    embargo_bars: StrictInt = Field(0, description="Left out after each test.")

    def search_document(self) -> dict[str, Any]:
        return self.space_document() | {name: getattr(self, name) for name in WINDOWS}


def walk_asked(body: Mapping[str, Any]) -> WalkRequest:
    """Return what a body asks for; `ConfigError` with every value at fault."""
    return asked_of(WalkRequest, body)


def walk_plan(*, base: RunConfig, asked: WalkRequest) -> Walk:
    """Return the plan and the bars it is about, or refuse it before any work."""
    plan = sweep_plan(base=base, asked=asked)
    return walk_planned(plan, {name: getattr(asked, name) for name in WINDOWS})


def walk_request(
    *, experiment: ModelExperiment, asked: WalkRequest, owner: str = ""
) -> Submission:
    """Walk forward with the config that an experiment stands for."""
    walk = walk_plan(base=experiment_config(experiment), asked=asked)
    return walk_submit(walk=walk, asked=asked, experiment=experiment, owner=owner)


def walk_dry_run(*, experiment: ModelExperiment, asked: WalkRequest) -> WalkCost:
    """Return what the walk-forward would cost; nothing is written."""
    return walk_cost(walk_plan(base=experiment_config(experiment), asked=asked))


def walk_submit(
    *, walk: Walk, asked: WalkRequest, experiment: ModelExperiment, owner: str = ""
) -> Submission:
    """Queue it, or return the one of the experiment that is or gives the same."""
    return search_submit(
        kind=RunKind.WALK_FORWARD,
        plan=walk.plan.sweep,
        asked=asked,
        experiment=experiment,
        title=f"Walk-forward: {sweep_title(walk.plan.sweep)}"[:200],
        owner=owner,
    )
