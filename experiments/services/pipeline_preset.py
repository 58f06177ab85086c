"""What a saved sweep says to a pipeline: what is tried, and what has to hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.models import Preset, PresetKind
from experiments.selectors.presets import preset_get
from quantlab.web.problem import Problem
from strategies.config import RunConfig
from strategies.errors import ConfigError
from strategies.learning.models import Model
from strategies.library.registry import strategy_named
from strategies.library.resolve import resolve
from strategies.sweep.space import parse_space

FIELD = "sweep.preset"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSweep:
    """What a preset asks for, in the words of a request for a pipeline."""

    name: str
    grid: Mapping[str, Any]
    guardrails: Mapping[str, Any] | None


def saved_sweep(named: str, model: Model) -> SavedSweep:
    """Return what the preset of this name or id asks of a model, or refuse it.

    One that somebody else keeps private is not there. A Sharpe ratio it asks for is
    that of a year unless it says otherwise, as in any sweep.
    """
    try:
        preset = preset_get(PresetKind.SWEEP, named)
    except Problem as exc:
        raise ConfigError(
            exc.message, code="unknown_preset", field=FIELD, advice=exc.advice
        ) from None
    rails = preset.config.get("guardrails")
    return SavedSweep(
        name=preset.name,
        grid=_grid(preset, model),
        guardrails=None if rails is None else {"sharpe_basis": "year"} | rails,
    )


def _grid(preset: Preset, model: Model) -> Mapping[str, Any]:
    """Return its grid if it was written for pipelines, else the space of a sweep."""
    grid = preset.config.get("grid")
    if isinstance(grid, Mapping):
        return grid
    if model.kind != "rule":
        raise _unfit(
            preset,
            f"says nothing of thresholds, and {model.name} is trained.",
            'Save {"grid": {"thresholds_list": [[0.5], [0.55]]}} in it.',
        )
    if preset.config.get("constraints"):
        raise _unfit(
            preset,
            "has constraints of its own, which a pipeline does not know.",
            'Send what is tried as "grid": {"params": {…}}.',
        )
    return {"params": _params(preset, model)}


def _params(preset: Preset, model: Model) -> dict[str, list[Any]]:
    config = resolve(RunConfig(symbol="X", strategy={"name": model.name}))
    try:
        axes = parse_space(
            preset.config.get("space") or {}, config, strategy_named(model.name)
        )
    except ConfigError as exc:
        problem = exc.problems[0]
        raise _unfit(preset, f"does not fit: {problem}", problem.advice) from None
    odd = [axis.name for axis in axes if axis.path == axis.name]
    if odd:
        raise _unfit(
            preset,
            f"varies {odd[0]}, which all configurations of a pipeline share.",
            "Leave it out of the space, and send costs as execution.",
        )
    return {axis.name: list(axis.values) for axis in axes}


def _unfit(preset: Preset, why: str, advice: str) -> ConfigError:
    return ConfigError(
        f"The preset {preset.name!r} {why}",
        code="unfit_preset",
        field=FIELD,
        advice=advice,
    )
