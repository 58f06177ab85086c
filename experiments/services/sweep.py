"""A sweep: checked and queued here; `sweep_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from experiments.models import ModelExperiment, ModelRun, RunKind
from experiments.selectors.candidates import candidate_row
from experiments.selectors.experiments import experiment_get
from experiments.selectors.ledger import pool_named
from experiments.selectors.links import run_page_url
from experiments.selectors.sweep import SweepCost, sweep_candidates, sweep_cost
from experiments.selectors.universes import config_settled
from experiments.services.budgets import work_enqueue
from experiments.services.experiments import experiment_config
from experiments.services.runs import (
    Submission,
    config_changed,
    data_version,
    run_submit,
    symbols_keep,
)
from experiments.services.words import Name, Notes, Tags, normal_tags
from jobs.models import ACTIVE, JobStatus
from strategies import RunConfig, __version__
from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.library.universe import listed_briefly
from strategies.sweep import SweepPlan, plan_sweep

SHOWN_AXES = 4  # in a title
Asked = TypeVar("Asked", bound="SweepRequest")


class SweepRequest(BaseModel):
    """What a request to sweep says; `config` is a merge patch of the base."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    space: dict[str, Any] = Field(
        description="Parameter, or dotted path of the config, to a list, a value or "
        '`{"min", "max", "step"}` with both ends.'
    )
    constraints: list[str] = Field(
        [], max_length=20, description="`fast < slow`; the strategy's own hold anyway."
    )
    search: str = Field("grid", description="grid, random or guided.")
    n: StrictInt | None = Field(
        None, description="How many candidates; of random and guided."
    )
    objective: str = Field("sharpe", description="The metric that says which is best.")
    seed: StrictInt = Field(0, ge=0, lt=2**63)
    config: dict[str, Any] = Field({}, description="A JSON merge patch of the config.")
    name: Name = ""
    notes: Notes = ""
    tags: Tags = ()
    force: bool = Field(False, description="Compute it again, whatever there is.")
    dry_run: bool = Field(False, description="Only say what it would cost.")

    def space_document(self) -> dict[str, Any]:
        """Return what is searched, and how."""
        names = ("space", "constraints", "search", "n", "objective", "seed")
        return {name: getattr(self, name) for name in names}

    def search_document(self) -> dict[str, Any]:
        """Return everything that makes this search what it is."""
        return self.space_document()


def sweep_asked(body: Mapping[str, Any]) -> SweepRequest:
    """Return what a body asks for; `ConfigError` with every value at fault."""
    return asked_of(SweepRequest, body)


def asked_of(model: type[Asked], body: Mapping[str, Any]) -> Asked:
    """Return a body read as one kind of search; `ConfigError` with all at fault."""
    try:
        return model(**body)
    except ValidationError as exc:
        problems = tuple(
            ConfigError(
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}.",
                code="invalid_value",
                field=".".join(map(str, error["loc"])),
            )
            for error in exc.errors()
        )
        raise ConfigError.of(problems) from None


def sweep_plan(*, base: RunConfig, asked: SweepRequest) -> SweepPlan:
    """Return the plan, its config resolved and its window settled; or refuse it."""
    config = config_settled(config_changed(base, asked.config))
    return plan_sweep(config, **asked.space_document())


def sweep_request(
    *, experiment: ModelExperiment, asked: SweepRequest, owner: str = ""
) -> Submission:
    """Sweep around the config that an experiment stands for."""
    plan = sweep_plan(base=experiment_config(experiment), asked=asked)
    return sweep_submit(plan=plan, asked=asked, experiment=experiment, owner=owner)


def sweep_dry_run(*, experiment: ModelExperiment, asked: SweepRequest) -> SweepCost:
    """Return what the sweep would cost; nothing is written."""
    return sweep_cost(sweep_plan(base=experiment_config(experiment), asked=asked))


def sweep_submit(
    *,
    plan: SweepPlan,
    asked: SweepRequest,
    experiment: ModelExperiment,
    owner: str = "",
) -> Submission:
    """Queue a sweep, or return the one of the experiment that is or gives the same."""
    return search_submit(
        kind=RunKind.SWEEP,
        plan=plan,
        asked=asked,
        experiment=experiment,
        title=sweep_title(plan),
        owner=owner,
    )


def search_submit(
    *,
    kind: RunKind,
    plan: SweepPlan,
    asked: SweepRequest,
    experiment: ModelExperiment,
    title: str,
    owner: str = "",
) -> Submission:
    """Queue a search, or return the one of the experiment that is or gives the same.

    Reused is the newest of this space on unchanged data that did not fail, was not
    called off and not deleted; `force` reuses none.
    """
    config, version = plan.config, data_version(plan.config)
    identity = sweep_hash(plan, config.config_hash, asked)
    with transaction.atomic():
        if not asked.force:
            same = ModelRun.objects.filter(
                kind=kind,
                experiment=experiment,
                config_hash=identity,
                source_version=version,
                deleted_at__isnull=True,
                files_removed_at__isnull=True,
                job__cancel_requested=False,
                job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
            ).select_related("job", "experiment")
            twin = same.order_by("-created_at", "-pk").first()
            if twin is not None:
                return Submission(twin, reused=True)
        run_id = uuid4()
        job = work_enqueue(
            kind.value,
            owner=owner,
            title=asked.name or title,
            run_id=str(run_id),
            page=run_page_url(run_id),
        )
        run = ModelRun.objects.create(
            id=run_id,
            kind=kind,
            job=job,
            experiment=experiment,
            config=config.document(),
            search=asked.search_document() | {"axes": list(asked.space)},
            symbol=config.symbol or "",
            strategy=plan.strategy.name,
            config_hash=identity,
            config_family_hash=sweep_hash(plan, config.config_family_hash, asked),
            run_hash=sha256_of(identity),
            code_version=__version__,
            source_version=version,
            pool=pool_named(config.instruments),
            seed=asked.seed,
            name=asked.name,
            notes=asked.notes,
            tags=normal_tags(asked.tags),
        )
        symbols_keep(run=run, symbols=config.symbols)
    return Submission(run, reused=False)


def sweep_hash(plan: SweepPlan, config_hash: str, asked: SweepRequest) -> str:
    """Return what makes two searches the same one: a list and a range can be equal."""
    said = asked.search_document()
    said["space"] = [[axis.name, list(axis.values)] for axis in plan.axes]
    return sha256_of({"config": config_hash, "search": said})


def sweep_title(plan: SweepPlan) -> str:
    """Return what a sweep without a name is called: `SP500, sma_cross fast × slow`."""
    names = [axis.name.rpartition(".")[2] for axis in plan.axes]
    axes = " × ".join(names[:SHOWN_AXES]) + (" …" if len(names) > SHOWN_AXES else "")
    rule = plan.config.expr or plan.strategy.name
    return f"{listed_briefly(plan.config.symbols)}, {rule} {axes}"[:200]


def candidate_run(
    *, run: ModelRun, index: int, owner: str = "", tags: Sequence[str] = ()
) -> Submission:
    """Make a run of one candidate of a sweep: its numbers are those of the table.

    404 for a number that the sweep has not evaluated.
    """
    candidates = sweep_candidates(run)
    row = candidate_row(candidates, index)
    config = candidates.plan.config_at(int(candidates.points[row]))
    return run_submit(
        config=config,
        experiment=experiment_get(run.home.pk) if run.home else None,
        parent=run,
        owner=owner,
        tags=tags,
    )
