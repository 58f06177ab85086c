"""Every write of experiments: a question, refused if it could not be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import ModelExperiment
from experiments.selectors.universes import config_settled
from experiments.services.runs import (
    EXPRESSION,
    Submission,
    config_changed,
    run_submit,
    runs_hide,
    runs_show,
    split_patch,
)
from experiments.services.words import normal_tags
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.errors import ConfigError, DslError, StrategyError
from strategies.metrics.registry import metric_named

CHANGEABLE = ("name", "notes", "tags", "hypothesis", "starred", "archived")
# What a config calls it -> what an experiment calls it; the longer path first.
OWN_WORDS = {
    "strategy.params": "params",
    "strategy.name": "model_key",
    "strategy": "model_key",
    "expr": "params.expr",
    "braces": "params",
    "execution": "cost_model",
    "symbol": "universe",
}


@transaction.atomic
def experiment_create(
    *,
    name: str,
    model_key: str,
    params: Mapping[str, Any],
    provider: str = "builtin",
    universe: Any,
    members: Mapping[str, Any] | None = None,
    timeframe: str = "1d",
    benchmark: str = "buy_and_hold",
    start: Any = None,
    end: Any = None,
    cost_model: Mapping[str, Any] | None = None,
    sizing: Mapping[str, Any] | None = None,
    hypothesis: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    is_demo: bool = False,
) -> ModelExperiment:
    """Keep a question whose runs can be run.

    Raises `ConfigError` with every problem, in the experiment's own words
    (`params.fast`, `universe`, `cost_model.slippage_bps`), and for a hypothesis on a
    metric that is none. A date is kept as that of a bar; none stays open.
    """
    experiment = ModelExperiment(
        name=name,
        model_key=model_key,
        params=dict(params),
        provider=provider,
        universe=universe,
        members=members or None,
        timeframe=timeframe,
        benchmark=benchmark,
        cost_model=dict(cost_model or {}),
        sizing=dict(sizing or {}),
        hypothesis=_checked_hypothesis(hypothesis),
        tags=normal_tags(tags),
        notes=notes,
        is_demo=is_demo,
    )
    try:
        _settle(experiment, start, end)
    except StrategyError as exc:
        raise _in_own_words(exc) from None
    experiment.save()
    return experiment


def _settle(experiment: ModelExperiment, start: Any, end: Any) -> None:
    """Fill in what was left open, and refuse what could not be run."""
    asked = _config(experiment, start, end)
    settled = config_settled(asked)
    document = settled.document()
    experiment.start_ms = None if asked.start_ms is None else settled.start_ms
    experiment.end_ms = None if asked.end_ms is None else settled.end_ms
    experiment.timeframe = settled.timeframe
    experiment.universe = settled.symbols
    experiment.members = document.get("members")
    experiment.cost_model = document["execution"]
    experiment.sizing = document["sizing"]
    if settled.strategy is not None:
        experiment.params = dict(settled.strategy.params)
    else:
        experiment.params = {"expr": settled.expr, **settled.braces}


def experiment_config(experiment: ModelExperiment) -> RunConfig:
    """Return the config the experiment stands for; its runs may change any of it."""
    return _config(experiment, experiment.start_ms, experiment.end_ms)


def _config(experiment: ModelExperiment, start: Any, end: Any) -> RunConfig:
    rule: dict[str, Any] = {
        "strategy": {"name": experiment.model_key, "params": experiment.params}
    }
    if experiment.model_key == EXPRESSION:
        said = dict(experiment.params)
        rule = {"expr": said.pop("expr", ""), "braces": said}
    return RunConfig(
        provider=experiment.provider,
        universe=experiment.universe,
        members=experiment.members,
        timeframe=experiment.timeframe,
        benchmark=experiment.benchmark,
        start=start,
        end=end,
        execution=experiment.cost_model,
        sizing=experiment.sizing,
        **rule,
    )


def _in_own_words(error: StrategyError) -> ConfigError:
    problems = error.problems if isinstance(error, ConfigError) else (error,)
    return ConfigError.of(tuple(_own(problem) for problem in problems))


def _own(problem: StrategyError) -> StrategyError:
    field, message = problem.field, problem.message
    if isinstance(problem, DslError):
        problem.field = OWN_WORDS[field]
        return problem
    for theirs, ours in OWN_WORDS.items():
        if field == theirs or field.startswith(f"{theirs}."):
            field = f"{ours}{field.removeprefix(theirs)}"
            break
    if message.startswith(problem.field):
        message = f"{field}{message.removeprefix(problem.field)}"
    return ConfigError(message, code=problem.code, field=field, advice=problem.advice)


def _checked_hypothesis(
    hypothesis: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """Return the hypothesis with its metric by its one name."""
    if hypothesis is None:
        return None
    stated = dict(hypothesis)
    if stated.get("metric"):
        try:
            stated["metric"] = metric_named(stated["metric"]).key
        except StrategyError as exc:
            raise ConfigError(
                exc.message,
                code=exc.code,
                field="hypothesis.metric",
                advice=exc.advice,
            ) from None
    return stated


@transaction.atomic
def experiment_update(
    *, experiment: ModelExperiment, changes: Mapping[str, Any]
) -> ModelExperiment:
    """Change what people say of it; the hypothesis only before the first run."""
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not of an experiment's own words: {sorted(unknown)}")
    wanted = dict(changes)
    if "tags" in wanted:
        wanted["tags"] = normal_tags(wanted["tags"])
    if "hypothesis" in wanted:
        wanted["hypothesis"] = _checked_hypothesis(wanted["hypothesis"])
        _refuse_after_first_run(experiment, wanted["hypothesis"])
    for field, value in wanted.items():
        setattr(experiment, field, value)
    experiment.save(update_fields=[*wanted, "updated_at"])
    return experiment


def _refuse_after_first_run(
    experiment: ModelExperiment, hypothesis: Mapping[str, Any] | None
) -> None:
    """Raise 409 for another hypothesis once anything ran, deleted or not."""
    if hypothesis == experiment.hypothesis or not experiment.runs.exists():
        return
    message = "The hypothesis is frozen: the experiment has runs."
    raise Problem(
        status=409,
        message=message,
        advice="State it in a new experiment, or write what you learned into notes.",
        errors=[{"field": "hypothesis", "code": "conflict", "message": message}],
    )


@transaction.atomic
def experiment_delete(*, experiment: ModelExperiment) -> ModelExperiment:
    """Hide the experiment and its runs; those that work are called off."""
    experiment.deleted_at = timezone.now()
    runs_hide(runs=experiment.runs.all(), moment=experiment.deleted_at)
    experiment.save(update_fields=["deleted_at", "updated_at"])
    return experiment


@transaction.atomic
def experiment_restore(*, experiment: ModelExperiment) -> ModelExperiment:
    """Show a deleted experiment again, with the runs that went with it."""
    if experiment.deleted_at is not None:
        runs_show(runs=experiment.runs.filter(deleted_at=experiment.deleted_at))
    experiment.deleted_at = None
    experiment.save(update_fields=["deleted_at", "updated_at"])
    return experiment


def experiment_run(
    *,
    experiment: ModelExperiment,
    patch: Mapping[str, Any],
    force: bool = False,
    owner: str = "",
) -> Submission:
    """Run the config the experiment stands for, with a JSON merge patch.

    The patch may also say name, notes, tags, persist and force of the run.
    """
    changes, options = split_patch(patch)
    if options.experiment_id not in (None, experiment.pk):
        raise ConfigError(
            "experiment_id is that of another experiment.",
            code="invalid_value",
            field="experiment_id",
            advice="Leave it out.",
        )
    return run_submit(
        config=config_changed(experiment_config(experiment), changes),
        experiment=experiment,
        force=force or options.force,
        owner=owner,
        **options.given("name", "notes", "tags", "persist"),
    )
