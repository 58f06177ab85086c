"""Every write of runs but what the worker writes: submit, change, delete, cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.models import (
    ModelExperiment,
    ModelRun,
    PresetKind,
    RunKind,
    RunSymbol,
)
from experiments.selectors.experiments import experiment_get
from experiments.selectors.ledger import pool_named
from experiments.selectors.links import run_page_url
from experiments.selectors.presets import preset_get
from experiments.selectors.universes import config_settled, left_out
from experiments.selectors.versions import symbols_read
from experiments.services.budgets import work_enqueue
from experiments.services.words import Name, Notes, Tags, normal_tags
from jobs.models import ACTIVE, JobStatus
from jobs.queue import cancel
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__
from strategies.documents import merge_patch, sha256_of
from strategies.errors import ConfigError
from strategies.library.expression import expression_of, template_of
from strategies.library.universe import listed_briefly
from strategies.market.sources import source_version
from strategies.validation.rerun import rerun_plans
from strategies.validation_config import read_validation

EXPRESSION = "expression"  # stands where a library strategy has its name
CHANGEABLE = ("name", "notes", "tags", "starred", "pinned", "archived")
LONG_RULE = 80  # characters of an expression in a title


class RunOptions(BaseModel):
    """What a request to run says besides the config; None was left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name | None = None
    notes: Notes | None = None
    tags: Tags | None = None
    preset_ref: str | None = None
    experiment_id: UUID | None = None
    persist: bool | None = None
    force: bool = False

    def given(self, *names: str) -> dict[str, Any]:
        """Return the named options that were not left out."""
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Submission:
    run: ModelRun
    reused: bool  # it answers an earlier request for the same thing
    missing: tuple[str, ...] = ()  # in the list that was named, and without bars


def split_request(body: Mapping[str, Any]) -> tuple[dict[str, Any], RunOptions]:
    """Return the part of a body that is config, or a patch of one, and the options.

    Raises `ConfigError` for an option of the wrong kind.
    """
    known = RunOptions.model_fields
    config = {key: value for key, value in body.items() if key not in known}
    chosen = {key: value for key, value in body.items() if key in known}
    if chosen.get("force") is None:
        chosen.pop("force", None)
    try:
        options = RunOptions(**chosen)
    except ValidationError as exc:
        raise ConfigError.of(tuple(_option_problem(e) for e in exc.errors())) from None
    return config, options


def split_patch(patch: Mapping[str, Any]) -> tuple[dict[str, Any], RunOptions]:
    """Return patch and options of a run whose config comes from elsewhere."""
    config, options = split_request(patch)
    if options.preset_ref is not None:
        raise ConfigError(
            "preset_ref: the config to be changed is another one here.",
            code="invalid_value",
            field="preset_ref",
            advice="Send it to POST /api/backtest.",
        )
    return config, options


def _option_problem(error: Any) -> ConfigError:
    field = ".".join(str(part) for part in error["loc"])
    return ConfigError(f"{field}: {error['msg']}.", code="invalid_value", field=field)


def config_changed(config: RunConfig, patch: Mapping[str, Any]) -> RunConfig:
    """Return the config with a JSON merge patch applied: null removes a key."""
    if not isinstance(patch.get("strategy"), Mapping | None):
        return RunConfig(**merge_patch(config.document(), patch))  # refused by name
    return config.with_changes(patch)


def data_version(config: RunConfig) -> str:
    """Return a token that changes when any bar the run reads may have; reads none."""
    provider, timeframe = config.provider, config.timeframe
    versions = [source_version(provider, s, timeframe) for s in symbols_read(config)]
    return versions[0] if len(versions) == 1 else sha256_of(versions)


def run_submit(
    *,
    config: RunConfig,
    experiment: ModelExperiment | None = None,
    parent: ModelRun | None = None,
    name: str = "",
    notes: str = "",
    tags: Sequence[str] = (),
    persist: bool = True,
    preset_ref: str = "",
    force: bool = False,
    owner: str = "",
) -> Submission:
    """Queue a run of the config, or return the one that is or gives the same.

    Reused is the newest run of this config on unchanged data that did not fail, was
    not called off or deleted, and keeps at least what is asked for; of the experiment
    if one is given, which would miss its run otherwise. `force` reuses none. Whatever
    cannot be run is refused here, with a `StrategyError`, before anything is written.
    """
    settled = config_settled(config)
    if settled.expr is not None:
        expression_of(settled)  # refuses constants without a value
    _tests_refused(settled)
    missing = left_out(config)
    version = data_version(settled)
    with transaction.atomic():  # on SQLite nobody else writes between look and insert
        if not force:
            same = _same_runs(settled, version, persist)
            if experiment is not None:
                same = same.filter(experiment=experiment)
            twin = same.order_by("-created_at", "-pk").first()
            if twin is not None:
                return Submission(twin, reused=True, missing=missing)
        run = _create(
            config=settled,
            owner=owner,
            source_version=version,
            experiment=experiment,
            parent=parent,
            name=name,
            notes=notes,
            tags=normal_tags(tags),
            persist=persist,
            preset_ref=preset_ref,
        )
    return Submission(run, reused=False, missing=missing)


def _tests_refused(config: RunConfig) -> None:
    """Refuse tests of luck that this run could never be put to."""
    if config.validation:
        tests = read_validation(config.validation, field="validation")
        rerun_plans(tests, config, field="validation")


def _same_runs(config: RunConfig, version: str, persist: bool) -> QuerySet[ModelRun]:
    same = ModelRun.objects.filter(
        kind=RunKind.BACKTEST,
        config_hash=config.config_hash,
        source_version=version,
        deleted_at__isnull=True,
        files_removed_at__isnull=True,
        job__cancel_requested=False,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    )
    if persist:
        same = same.filter(persist=True)
    return same.select_related("job", "experiment")


def _create(*, config: RunConfig, owner: str, **fields: Any) -> ModelRun:
    run_id = uuid4()
    job = work_enqueue(
        RunKind.BACKTEST.value,
        owner=owner,
        title=fields["name"] or run_title(config),
        run_id=str(run_id),
        page=run_page_url(run_id),
    )
    run = ModelRun.objects.create(
        id=run_id,
        job=job,
        config=config.document(),
        symbol=config.symbol or "",
        strategy=config.strategy.name if config.strategy else EXPRESSION,
        config_hash=config.config_hash,
        config_family_hash=config.config_family_hash,
        run_hash=config.run_hash,
        code_version=__version__,
        pool=pool_named(config.instruments),
        seed=config.seed,
        **fields,
    )
    symbols_keep(run=run, symbols=config.symbols)
    return run


def symbols_keep(*, run: ModelRun, symbols: Sequence[str]) -> None:
    """Have lists find a run of several symbols by each; one symbol is on its row."""
    if len(symbols) > 1:
        RunSymbol.objects.bulk_create(RunSymbol(run=run, symbol=s) for s in symbols)


def run_title(config: RunConfig) -> str:
    """Return what a run without a name is called: `SP500, sma_cross 20/50`."""
    return f"{listed_briefly(config.symbols)}, {_rule(config)}"[:200]


def _rule(config: RunConfig) -> str:
    if config.strategy is None:
        text = template_of(config).canonical if config.braces else config.expr or ""
        text = " ".join(text.split())
        return text if len(text) <= LONG_RULE else f"{text[: LONG_RULE - 1]}…"
    params = dict(config.strategy.params)
    params.pop("identity", None)  # says nothing that the version does not
    values = "/".join(map(_briefly, params.values()))
    return f"{config.strategy.name} {values}".strip()


def _briefly(value: object) -> str:
    """Return a setting as people write it: 30, not 30.0."""
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def run_request(*, body: Mapping[str, Any], owner: str = "") -> Submission:
    """Run what the body of POST /api/backtest asks for: config and options.

    With `preset_ref` the config is that of a preset, with the rest of the body on it.
    """
    values, options = split_request(body)
    if options.preset_ref is None:
        config = RunConfig(**values)
    else:
        config = config_changed(_preset_config(options.preset_ref), values)
    experiment = None
    if options.experiment_id is not None:
        experiment = experiment_named(options.experiment_id)
    return run_submit(
        config=config,
        experiment=experiment,
        force=options.force,
        owner=owner,
        **options.given("name", "notes", "tags", "persist", "preset_ref"),
    )


def _preset_config(name: str) -> RunConfig:
    try:
        preset = preset_get(PresetKind.RUN, name)
    except Problem as exc:
        raise ConfigError(
            exc.message, code="unknown_preset", field="preset_ref", advice=exc.advice
        ) from None
    return RunConfig(**preset.config)


def run_rerun(
    *, run: ModelRun, patch: Mapping[str, Any], force: bool = False, owner: str = ""
) -> Submission:
    """Run the config of a run again with a JSON merge patch; name and tags stay.

    A patch that changes nothing returns the run itself if it would be reused. 409 for
    a search for expressions, whose config holds none of them.
    """
    if run.kind == RunKind.GENERATE:
        raise Problem(
            status=409,
            message="A search for expressions is no run of one.",
            advice="Search again with POST /api/jobs/train, or run what it found.",
            next_steps=["POST /api/jobs/train"],
        )
    changes, options = split_patch(patch)
    experiment = run.home
    if options.experiment_id is not None:
        experiment = experiment_named(options.experiment_id)
    elif "experiment_id" in patch:
        experiment = None
    kept = {"name": run.name, "tags": run.tags, "persist": run.persist}
    return run_submit(
        config=config_changed(RunConfig(**run.config), changes),
        experiment=experiment,
        force=force or options.force,
        owner=owner,
        **kept | options.given("name", "notes", "tags", "persist"),
    )


def experiment_named(experiment_id: UUID) -> ModelExperiment:
    """Return the experiment of a body; what a body names and is not is a 422."""
    try:
        return experiment_get(experiment_id)
    except Problem as exc:
        raise ConfigError(
            exc.message, code="unknown_experiment", field="experiment_id"
        ) from None


@transaction.atomic
def run_update(*, run: ModelRun, changes: Mapping[str, Any]) -> ModelRun:
    """Change what people say of a run; never what it did."""
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not of a run's own words: {sorted(unknown)}")
    for field, value in changes.items():
        if field == "tags":
            value = normal_tags(value)
        setattr(run, field, value)
    run.save(update_fields=[*changes, "updated_at"])
    return run


@transaction.atomic
def run_delete(*, run: ModelRun) -> ModelRun:
    """Hide a run; its files and its trials stay. One that works is called off."""
    runs_hide(runs=ModelRun.objects.filter(pk=run.pk), moment=timezone.now())
    run.refresh_from_db(fields=["deleted_at", "updated_at", "job"])
    return run


def runs_hide(*, runs: QuerySet[ModelRun], moment: datetime) -> int:
    """Hide those that are shown, call off those that work; return how many were hidden.

    One moment for all of them says later which ones come back together.
    """
    shown = runs.filter(deleted_at__isnull=True)
    at_work = shown.filter(job__status__in=ACTIVE).values_list("job_id", flat=True)
    for job_id in list(at_work):
        cancel(job_id)
    return shown.update(deleted_at=moment, updated_at=moment)


def runs_show(*, runs: QuerySet[ModelRun]) -> int:
    """Show these again; return how many they were."""
    return runs.update(deleted_at=None, updated_at=timezone.now())


@transaction.atomic
def run_restore(*, run: ModelRun) -> ModelRun:
    """Show a deleted run again; one that is not deleted stays as it is."""
    refuse_without_experiment(run)
    run.deleted_at = None
    run.save(update_fields=["deleted_at", "updated_at"])
    return run


def refuse_without_experiment(run: ModelRun) -> None:
    """Raise 409 for a run that would be shown while its experiment is not."""
    if run.experiment is not None and run.experiment.deleted_at is not None:
        raise Problem(
            status=409,
            message="The experiment of this run is deleted.",
            advice="Restore the experiment; its runs come back with it.",
            next_steps=[f"POST /api/model-lab/experiments/{run.experiment_id}/restore"],
        )


def run_cancel(*, run: ModelRun) -> ModelRun:
    """Call a run off; asking again, or for one that has ended, changes nothing."""
    run.job = cancel(run.job_id)
    return run
