"""A search for expressions: checked and queued here; `generate_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from pydantic import Field, ValidationError

from experiments.models import ModelExperiment, ModelRun, RunKind, StrategySnapshot
from experiments.selectors.candidates import candidate_row
from experiments.selectors.generate import (
    MOST_COMPLEX,
    bars_of,
    generated,
    generation,
    plan_of,
    spans_of,
)
from experiments.selectors.ledger import pool_named
from experiments.selectors.links import run_page_url
from experiments.selectors.universes import config_settled
from experiments.services.budgets import work_enqueue
from experiments.services.runs import (
    EXPRESSION,
    Submission,
    data_version,
    experiment_named,
    run_submit,
    symbols_keep,
)
from experiments.services.strategies import strategy_save
from experiments.services.words import Name, Notes, Tags, normal_tags
from jobs.models import ACTIVE, JobStatus
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__
from strategies.config import Part, config_error
from strategies.discovery.protocol import ANY_EXPRESSION, SearchPlan
from strategies.documents import sha256_of
from strategies.library.universe import listed_briefly

# What is searched if a request names nothing: what every lab has.
UNIVERSE: dict[str, Any] = {"preset_id": "us_indices"}
OF_CONFIG = ("provider", "universe", "timeframe", "start", "end")
OF_SIZING, OF_EXECUTION = ("cap", "max_lev", "smooth_ema"), ("execution_lag",)
OF_PLAN = SearchPlan.model_fields.keys() - {"config", "limit_score"}


class TrainParams(Part):
    """From values to weights, and how long an expression may be."""

    cap: float | None = Field(None, gt=0, le=100, description="Largest weight.")
    max_lev: float | None = Field(None, gt=0, le=100, description="Largest sum.")
    execution_lag: int | None = Field(None, ge=1, le=1_000, description="In bars.")
    smooth_ema: int | None = Field(None, ge=1, le=10_000, description="In bars.")
    limit_score: float = Field(
        25.0, ge=2, le=MOST_COMPLEX, description="Most complexity of an expression."
    )


class TrainRequest(Part):
    """What a request says beside the fields of its `SearchPlan`."""

    params: TrainParams = TrainParams()
    workers: int | None = Field(
        None, ge=1, le=1_000, description="A wish; no result depends on it."
    )
    provider: str = Field("builtin", min_length=1, max_length=40)
    universe: list[str] | dict[str, Any] = Field(
        default=UNIVERSE, description="Symbols, a preset or a watchlist."
    )
    timeframe: str = Field("1d", min_length=1, max_length=20)
    start: Any = Field(None, description="A date, an RFC 3339 time or epoch ms.")
    end: Any = Field(None, description="The same; inclusive.")
    execution: dict[str, Any] = Field(default={}, description="As in a RunConfig.")
    sizing: dict[str, Any] = Field(default={}, description="As in a RunConfig.")
    name: Name = ""
    notes: Notes = ""
    tags: Tags = ()
    experiment_id: UUID | None = None
    force: bool = Field(False, description="Search again, whatever there is.")

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise config_error(exc, TrainRequest) from None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A candidate on its way to the saved strategies: its run, then itself."""

    submission: Submission
    strategy: StrategySnapshot | None  # None while the run has no result
    is_new: bool = False


def train_asked(body: Mapping[str, Any]) -> tuple[TrainRequest, SearchPlan]:
    """Return what a body asks for, and the frozen plan of it; or refuse it.

    Nothing was looked at so far: the protocol is fixed first.
    """
    asked = TrainRequest(**{key: body[key] for key in body if key not in OF_PLAN})
    given = {key: body[key] for key in OF_PLAN if body.get(key) is not None}
    limit = asked.params.limit_score
    plan = SearchPlan(config=train_config(asked), limit_score=limit, **given)
    plan.spans(bars_of(plan.config))
    return asked, plan


def train_config(asked: TrainRequest) -> RunConfig:
    """Return the config that all expressions share, settled; or refuse it.

    Unless the sizing says otherwise, weights are neutral to the market where there are
    several symbols: by its rank alone every expression would hold all of them.
    """
    said = asked.model_dump(include={*OF_CONFIG}, exclude_none=True)
    params = asked.params.model_dump(exclude_none=True)
    is_many = not isinstance(asked.universe, list) or len(asked.universe) > 1
    neutral = {"neutralize": "market"} if is_many else {}
    sizing = {name: params[name] for name in OF_SIZING if name in params}
    lag = {name: params[name] for name in OF_EXECUTION if name in params}
    return config_settled(
        RunConfig(
            **said,
            expr=ANY_EXPRESSION,
            execution=lag | asked.execution,
            sizing=neutral | sizing | asked.sizing,
        )
    )


def train_request(*, body: Mapping[str, Any], owner: str = "") -> Submission:
    """Search for what the body of POST /api/jobs/train asks for."""
    asked, plan = train_asked(body)
    experiment = None
    if asked.experiment_id is not None:
        experiment = experiment_named(asked.experiment_id)
    return train_submit(plan=plan, asked=asked, experiment=experiment, owner=owner)


@transaction.atomic
def train_submit(
    *,
    plan: SearchPlan,
    asked: TrainRequest,
    experiment: ModelExperiment | None = None,
    owner: str = "",
) -> Submission:
    """Queue a search, or return the one that is or gives the same.

    Reused is the newest of this plan on unchanged data that did not fail, was not
    called off and not deleted; `force` reuses none. 429 for more than may be at work.
    """
    config, version = plan.config, data_version(plan.config)
    identity = sha256_of({"generate": plan.digest, "code_version": __version__})
    if not asked.force:
        twin = _same(identity, version, experiment)
        if twin is not None:
            return Submission(twin, reused=True)
    run_id = uuid4()
    job = work_enqueue(
        RunKind.GENERATE.value,
        owner=owner,
        title=asked.name or train_title(plan),
        run_id=str(run_id),
        page=run_page_url(run_id),
        workers=asked.workers,
    )
    run = ModelRun.objects.create(
        id=run_id,
        kind=RunKind.GENERATE,
        job=job,
        experiment=experiment,
        config=config.document(),
        search={"plan": plan_document(plan)},
        symbol=config.symbol or "",
        strategy=EXPRESSION,
        config_hash=identity,
        config_family_hash=identity,
        run_hash=sha256_of(identity),
        code_version=__version__,
        source_version=version,
        pool=pool_named(config.instruments),
        seed=plan.seed,
        name=asked.name,
        notes=asked.notes,
        tags=normal_tags(asked.tags),
    )
    symbols_keep(run=run, symbols=config.symbols)
    return Submission(run, reused=False)


def _same(
    identity: str, version: str, experiment: ModelExperiment | None
) -> ModelRun | None:
    same = ModelRun.objects.filter(
        kind=RunKind.GENERATE,
        experiment=experiment,
        config_hash=identity,
        source_version=version,
        deleted_at__isnull=True,
        files_removed_at__isnull=True,
        job__cancel_requested=False,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    ).select_related("job", "experiment")
    return same.order_by("-created_at", "-pk").first()


def plan_document(plan: SearchPlan) -> dict[str, Any]:
    """Return the plan without its config, which the run has anyway."""
    return {k: v for k, v in plan.as_document().items() if k != "config"}


def train_title(plan: SearchPlan) -> str:
    """Return what a search without a name is called: `AAPL, MSFT: 500 expressions`."""
    return f"{listed_briefly(plan.config.symbols)}: {plan.n:,} expressions"[:200]


# --- what was found ------------------------------------------------------------------


def generated_run(
    *, run: ModelRun, index: int, owner: str = "", tags: Sequence[str] = ()
) -> Submission:
    """Make a run of one expression of a search; 404 for a number that it has not tried.

    What was kept is run on all bars, for its test span was opened. Any other is run up
    to the end of the validation: the seal is not broken by a click.
    """
    found = generated(run)
    [one] = found.items(np.array([candidate_row(found, index)]))
    return run_submit(
        config=generated_config(run, one["expr"], is_kept=index in kept_of(run)),
        experiment=run.home,
        parent=run,
        owner=owner,
        tags=tags,
    )


def generated_config(run: ModelRun, expr: str, *, is_kept: bool) -> RunConfig:
    """Return the config that an expression of a search is run with."""
    window = {} if is_kept else {"end": spans_of(run)["validation"]["end_ms"]}
    return plan_of(run).config.with_changes({"expr": expr, **window})


def kept_of(run: ModelRun) -> dict[int, dict[str, Any]]:
    """Return what a search kept, by number; nothing while it is under way."""
    if not run.manifest_sha:
        return {}
    return {one["index"]: one for one in generation(run)["kept"]}


def candidate_promote(
    *,
    run: ModelRun,
    index: int,
    name: str = "",
    tags: Sequence[str] = (),
    notes: str = "",
    owner: str = "",
) -> Promotion:
    """Save an expression that a search kept as a strategy, once its run has a result.

    Before that it is queued, and asking again goes on. 409 for one that was not kept.
    """
    if index not in kept_of(run):
        raise Problem(
            status=409,
            code="not_kept",
            message=f"Expression {index} was not kept by this search.",
            advice="Make it a run and judge that; a run of any expression can be "
            "saved as a strategy.",
            next_steps=[f"POST /api/runs/{run.pk}/candidates/{index}/run"],
        )
    submission = generated_run(run=run, index=index, owner=owner, tags=tags)
    made = submission.run
    if made.status != JobStatus.SUCCEEDED:
        return Promotion(submission, None)
    strategy, is_new = strategy_save(run=made, name=name, tags=tags, notes=notes)
    return Promotion(submission, strategy, is_new)
