"""From the body of a request to a plan that can be run, or a refusal in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from experiments.selectors.training import model_get
from experiments.services.pipeline_preset import saved_sweep
from experiments.services.pipeline_universe import Held, held_of, listed_of
from experiments.services.words import Name
from strategies.config import ExecutionConfig, RunConfig, config_error, epoch_ms
from strategies.errors import ConfigError
from strategies.guardrails import Guardrails
from strategies.learning.config import TrainingConfig
from strategies.learning.models import Model
from strategies.market.timeframe import timeframe_named
from strategies.pipeline.grid import (
    SIMPLE,
    Configuration,
    model_grid,
    rule_grid,
    simple_grid,
    usual_hours,
)
from strategies.pipeline.plan import (
    COSTS,
    GUARDRAILS,
    MOST_CONFIGURATIONS,
    PipelinePlan,
    check_configurations,
    check_days,
    days_of,
)
from strategies.types import Scalar

HOURLY = "1h"
LAST_MS = 4_102_444_800_000  # 2100
MOST_RAW = 1_000  # combinations that are looked at before a rule's own constraints


class GridRequest(BaseModel):
    """What is tried; each inner list of levels or hours is one value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    thresholds_list: list[list[float]] | None = Field(
        None,
        max_length=100,
        description="Of a learned model: each entry is one list of rising levels.",
    )
    allowed_hours_list: list[list[StrictInt]] | None = Field(
        None,
        max_length=100,
        description="Each entry is one list of hours in which to enter.",
    )
    params: dict[str, list[Scalar]] | None = Field(
        None, description='Of a rule: `{"fast": [5, 10], "slow": [30, 50]}`.'
    )


class SweepChoice(BaseModel):
    """A saved sweep that says what is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = Field(
        max_length=60, description="Name or id; simple-12 are those of simple mode."
    )


class PipelineRequest(BaseModel):
    """What a request for a pipeline says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    universe: list[str] | dict[str, Any] = Field(
        description='Symbols, `{"preset_id": "sp500", "cap": 20}`, '
        '`{"watchlist_id": "…"}` or `{"symbols": […]}`.'
    )
    mode: str = Field("", description="simple or advanced; by default as it looks.")
    timeframe: str = HOURLY
    start_date: int | str | None = Field(
        None, description="By default the newest 30 days there are."
    )
    end_date: int | str | None = Field(None, description="Inclusive.")
    provider: str = Field("", description="By default who has most of the symbols.")
    grid: GridRequest | None = Field(None, description="Of advanced mode.")
    sweep: SweepChoice | None = Field(
        None, description="In place of a grid; its guardrails hold unless others do."
    )
    guardrails: dict[str, Any] | None = Field(
        None,
        description="min_trades, min_sharpe (of a bar, unless sharpe_basis is year), "
        "max_position_rate, min_dsr, max_pbo.",
    )
    params: dict[str, Scalar] = Field({}, description="Settings of a learned model.")
    execution: dict[str, Any] | None = Field(
        None, description="Costs; by default 1 bps of commission and 1 of slippage."
    )
    folds: StrictInt = Field(5, description="Stretches that are predicted.")
    seed: StrictInt = Field(0, ge=0, lt=2**32)
    name: Name = ""
    persist: bool = Field(True, description="Keep the files of every run.")
    dry_run: bool = Field(False, description="Only say what would be done.")
    force: bool = Field(False, description="Do it again, whatever there is.")


@dataclass(frozen=True, kw_only=True)
class PipelineAsked:
    """A plan with what else was said in the request for it."""

    plan: PipelinePlan
    universe: Mapping[str, Any]
    sweep: Mapping[str, Any]
    name: str
    persist: bool
    dry_run: bool
    force: bool


def pipeline_plan(*, model_id: str, body: Mapping[str, Any]) -> PipelineAsked:
    """Return what a body asks for, or refuse it; 404 for a model that is none.

    The caps are asked first, before any file is looked at.
    """
    model = model_get(model_id)
    try:
        asked = PipelineRequest(**body)
    except ValidationError as exc:
        raise config_error(exc, PipelineRequest) from None
    asked, preset_id = _with_preset(asked, model)
    is_simple = _is_simple(asked)
    timeframe = timeframe_named(asked.timeframe).key
    window = _window(asked)
    listed = listed_of(asked.universe)
    guardrails = _guardrails(asked)
    held = held_of(listed, asked.provider, timeframe, window)
    start, end = held.window
    grid = _grid(asked, model, held, timeframe, is_simple)
    plan = PipelinePlan(
        model_id=model.name,
        provider=held.provider,
        timeframe=timeframe,
        start=start,
        end=end,
        symbols=tuple(sorted(info.symbol for info in held.infos)),
        survivorship=listed.was_chosen,
        grid=grid,
        guardrails=guardrails,
        training=_training(asked, model),
        execution=_execution(asked),
        seed=asked.seed,
    )
    return PipelineAsked(
        plan=plan,
        universe=listed.document(held),
        sweep={"preset_id": SIMPLE if is_simple else preset_id}
        | {"grid": [one.document() for one in grid]},
        name=asked.name,
        persist=asked.persist,
        dry_run=asked.dry_run,
        force=asked.force,
    )


def _with_preset(
    asked: PipelineRequest, model: Model
) -> tuple[PipelineRequest, str | None]:
    """Return the request with what its preset says in it, and the preset's name."""
    named = asked.sweep.preset if asked.sweep else SIMPLE
    if asked.sweep is not None and asked.grid is not None:
        raise ConfigError(
            "A preset says what is tried, and so does a grid.",
            code="grid_beside_preset",
            field="grid",
            advice="Send one of the two.",
        )
    if named == SIMPLE:
        return asked, None
    found = saved_sweep(named, model)
    try:
        grid = GridRequest(**found.grid)
    except ValidationError as exc:
        raise _below("sweep.preset.grid", config_error(exc, GridRequest)) from None
    rails = found.guardrails if asked.guardrails is None else asked.guardrails
    changes = {"grid": grid, "mode": "advanced", "guardrails": rails}
    return asked.model_copy(update=changes), found.name


def _is_simple(asked: PipelineRequest) -> bool:
    mode = asked.mode or ("simple" if asked.grid is None else "advanced")
    if mode not in ("simple", "advanced"):
        raise ConfigError(
            f"There is no mode '{mode:.40}'.",
            code="unknown_choice",
            field="mode",
            advice="Use simple or advanced, or leave it out.",
        )
    if mode == "simple" and asked.grid is not None:
        raise ConfigError(
            "Simple mode tries its own twelve configurations.",
            code="grid_in_simple_mode",
            field="grid",
            advice='Leave the grid out, or send "mode": "advanced".',
        )
    if mode == "advanced" and asked.grid is None:
        raise ConfigError(
            "Advanced mode needs to know what to try.",
            code="missing_field",
            field="grid",
            advice='Send a grid, or "mode": "simple" for the twelve usual ones.',
        )
    return mode == "simple"


def _window(asked: PipelineRequest) -> tuple[int | None, int | None]:
    bounds = []
    for name in ("start_date", "end_date"):
        try:
            found = epoch_ms(getattr(asked, name), end_of_day=name == "end_date")
        except ValueError as exc:
            raise _no_date(name, f"{name}: {exc}.") from None
        if found is not None and not 0 <= found < LAST_MS:
            raise _no_date(name, f"{name}: no market was open then.")
        bounds.append(found)
    start, end = bounds
    if start is not None and end is not None:
        if start > end:
            raise ConfigError(
                "The end is before the start.",
                code="invalid_value",
                field="end_date",
                advice="Swap the two dates.",
            )
        check_days(days_of(start, end))
    return start, end


def _no_date(field: str, message: str) -> ConfigError:
    return ConfigError(
        message,
        code="invalid_value",
        field=field,
        advice="Send a date like 2024-06-30.",
    )


def _guardrails(asked: PipelineRequest) -> Guardrails:
    if asked.guardrails is None:
        return GUARDRAILS
    said = {"sharpe_basis": "bar"} | asked.guardrails
    try:
        return Guardrails(**said)
    except ConfigError as exc:
        raise _below("guardrails", exc) from None


def _execution(asked: PipelineRequest) -> ExecutionConfig:
    if asked.execution is None:
        return COSTS
    # Read as a part of a config, whose refusals name the path.
    config = RunConfig(
        symbol="X", strategy={"name": "buy_and_hold"}, execution=asked.execution
    )
    return config.execution


def _training(asked: PipelineRequest, model: Model) -> TrainingConfig | None:
    if model.kind == "rule":
        if asked.params:
            raise ConfigError(
                f"{model.name} is a rule: its settings are what is tried.",
                code="nothing_to_train",
                field="params",
                advice='Send them as lists: "grid": {"params": {…}}.',
            )
        return None
    return TrainingConfig(
        model.name,
        target=model.target,
        params=asked.params,
        folds=asked.folds,
        seed=asked.seed,
    )


def _below(part: str, error: ConfigError) -> ConfigError:
    """Return the problems of one part as problems of the request."""
    return ConfigError.of(
        tuple(
            ConfigError(
                one.message,
                code=one.code,
                field=f"{part}.{one.field}",
                advice=one.advice,
            )
            for one in error.problems
        )
    )


# --- what is tried -------------------------------------------------------------------


def _grid(
    asked: PipelineRequest,
    model: Model,
    held: Held,
    timeframe: str,
    is_simple: bool,
) -> tuple[Configuration, ...]:
    calendar = held.infos[0].calendar
    if is_simple or asked.grid is None:
        return simple_grid(model, calendar=calendar, timeframe=timeframe)
    grid = asked.grid
    hours = grid.allowed_hours_list
    if hours is None:
        hours = [list(usual_hours(calendar, timeframe))]
    if any(hours) and not timeframe_named(timeframe).intraday:
        raise ConfigError(
            f"Bars of {timeframe_named(timeframe).words} open at no hour of a day.",
            code="bad_hours",
            field="grid.allowed_hours_list",
            advice="Leave it out, or use bars of an hour or less.",
        )
    if model.kind == "rule":
        return _rule_grid(model, grid, hours)
    if grid.params is not None:
        raise _misplaced("params", f"{model.name} is trained; it has no such grid.")
    levels = grid.thresholds_list or []
    _check_raw([levels, hours])
    return model_grid(levels, hours)


def _rule_grid(
    model: Model, grid: GridRequest, hours: Sequence[Sequence[int]]
) -> tuple[Configuration, ...]:
    if grid.thresholds_list is not None:
        raise _misplaced("thresholds_list", f"{model.name} is a rule without levels.")
    params = grid.params or {}
    n = prod(len(values) for values in params.values()) * len(hours)
    if n > MOST_RAW:
        check_configurations(n)
    return rule_grid(model, params, hours)


def _check_raw(lists: Sequence[Sequence[Any]]) -> None:
    n = prod(map(len, lists))
    if n > MOST_CONFIGURATIONS:
        check_configurations(len({repr(one) for one in product(*lists)}))


def _misplaced(name: str, message: str) -> ConfigError:
    return ConfigError(
        message,
        code="unknown_parameter",
        field=f"grid.{name}",
        advice="Send thresholds_list for a learned model, params for a rule.",
    )
