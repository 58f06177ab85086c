"""The search that ``permutation_rerun`` repeats: refused before any work."""

from __future__ import annotations

import numpy as np

from strategies.config import RunConfig
from strategies.errors import ConfigError
from strategies.library import trained
from strategies.sweep.plan import SweepPlan, plan_sweep, point_of
from strategies.validation_config import ValidationConfig

NAME = "permutation_rerun"
MADE_UP = (NAME, "candle_monte_carlo")  # tests on bars that never were


def rerun_plans(
    config: ValidationConfig, run: RunConfig, *, field: str = ""
) -> dict[str, SweepPlan]:
    """Return the search of ``permutation_rerun`` by that name; {} if it is not asked.

    Parameters
    ----------
    config : ValidationConfig
    run : RunConfig
        Resolved. An empty space is a search of this config alone.
    field : str
        Dotted path of the tests, for the errors.

    Raises
    ------
    ConfigError
        ``run_not_in_space`` if the search could never have found the run, and those
        of `plan_sweep`, with their fields below ``permutation_rerun``;
        ``needs_real_bars`` for a trained model on bars that never were.
    """
    _refuse_made_up_bars(config, run, field)
    asked = config.permutation_rerun
    if asked is None:
        return {}
    prefix = f"{field}.{NAME}" if field else NAME
    space = asked.space or {"initial_cash": [run.initial_cash]}
    try:
        plan = plan_sweep(
            run, space, constraints=asked.constraints, objective=asked.objective
        )
    except ConfigError as error:
        for problem in error.problems:
            problem.field = f"{prefix}.{problem.field}"
        raise ConfigError.of(error.problems) from None
    point = point_of(plan, run)
    if point is None or not np.isin(point, plan.points):
        raise ConfigError(
            "The space does not contain the run, so this search never found it.",
            code="run_not_in_space",
            field=f"{prefix}.space",
            advice="Give the space of the sweep that the run was kept from.",
        )
    return {NAME: plan}


def _refuse_made_up_bars(config: ValidationConfig, run: RunConfig, field: str) -> None:
    """Refuse other histories for a model: what it said while it learnt is of these."""
    asked = [name for name in MADE_UP if getattr(config, name) is not None]
    is_trained = run.strategy is not None and run.strategy.name == trained.NAME
    if asked and is_trained:
        raise ConfigError(
            f"{asked[0]} draws other bars, and what a trained model said while it "
            "learnt is known of the real ones only.",
            code="needs_real_bars",
            field=f"{field}.{asked[0]}" if field else asked[0],
            advice="Leave it out: permutation, the bootstraps and random_entries "
            "judge the same holdings.",
        )
