"""All tests of luck for one result, each with a stream of random numbers of its own.

So a test gives the same answer alone, beside others, on any number of threads, and
again after a break.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from strategies.backtest import BacktestResult
from strategies.sweep.plan import SweepPlan
from strategies.universe import UniverseResult
from strategies.validation import permutation as permutations
from strategies.validation.bootstrap import block_bootstrap
from strategies.validation.candle_blocks import candle_monte_carlo
from strategies.validation.chance import not_applicable
from strategies.validation.cost_stress import cost_stress
from strategies.validation.evidence import Evidence
from strategies.validation.fixed import fixed_walk_forward
from strategies.validation.monte_carlo import monte_carlo
from strategies.validation.random_entries import random_entries
from strategies.validation.rerun import rerun_plans
from strategies.validation_config import (
    RUN_AGAIN,
    TESTS,
    check_length,
    read_validation,
)

Tell = Callable[[float], object]
Outcome = dict[str, Any]
# Of the streams of random numbers: a test never changes its place here.
STREAMS = {name: number for number, name in enumerate(TESTS)}


def validate(
    result: BacktestResult | UniverseResult, tests: Mapping[str, Any], *, seed: int = 0
) -> dict[str, Any]:
    """Return what tests of luck say about a result: ``validation_summary.json``.

    Parameters
    ----------
    result : BacktestResult or UniverseResult
    tests : mapping of str to mapping
        Which tests with which settings, ``{"permutation": {"n": 1000}}``; see
        `strategies.validation_config.ValidationConfig`.
    seed : int
        The only source of randomness.

    Returns
    -------
    dict
        One entry per test, ``applicable: false`` with a ``reason`` where it has
        nothing to say; ``seed``, ``n_bars`` and ``equal_exposure``.

    Raises
    ------
    ConfigError
        If a test or a setting cannot be used: ``unknown_field``, ``invalid_value``,
        ``no_tests``, ``block_too_long``, ``run_not_in_space``, those of `plan_sweep`.

    Notes
    -----
    What is evaluated on made-up bars cannot be chosen and is no trial. The search of
    ``permutation_rerun`` on the real bars is reported as trials: it shows its best.
    """
    config = read_validation(tests)
    evidence = Evidence.of(result)
    check_length(config, len(evidence))
    plans = rerun_plans(config, result.config)
    outcomes = {
        name: run_test(evidence, name, settings, seed=seed, plan=plans.get(name))
        for name, settings in config.tests.items()
    }
    return summary(evidence, outcomes, seed=seed)


def summary(
    evidence: Evidence, outcomes: Mapping[str, Outcome], *, seed: int
) -> dict[str, Any]:
    """Return the whole summary of tests that were run."""
    return {
        **outcomes,
        "seed": seed,
        "n_bars": len(evidence),
        "n_trades": len(evidence.side),
        "equal_exposure": evidence.equal_exposure(),
    }


def run_test(
    evidence: Evidence,
    name: str,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    plan: SweepPlan | None = None,
    tell: Tell = float,
) -> Outcome:
    """Return what one test says.

    Parameters
    ----------
    evidence : Evidence
    name : str
        One of `strategies.validation_config.TESTS`.
    settings : mapping
        All of its settings.
    seed : int
    plan : SweepPlan, optional
        The search of ``permutation_rerun``; see
        `strategies.validation.rerun.rerun_plans`.
    tell : callable ``(share done)``
        Called during the slow tests; what it raises ends the test.
    """
    rng = np.random.default_rng([seed, STREAMS[name]])
    if name in RUN_AGAIN and evidence.result is None:
        return not_applicable(
            "stitched",
            "The run is put together from several fits, so it cannot be run again.",
            **{key: settings[key] for key in ("n", "windows") if key in settings},
        )
    if name == "cost_stress":
        return cost_stress(evidence, **settings)
    if name == "wfo":
        return _fixed(evidence, **settings)
    if name == "permutation_rerun":
        assert plan is not None  # `rerun_plans` made it  # noqa: S101
        n = settings["n"]
        return permutations.permutation_rerun(
            evidence, n=n, plan=plan, rng=rng, tell=tell
        )
    if name == "candle_monte_carlo":
        return candle_monte_carlo(evidence, **settings, rng=rng, tell=tell)
    return _DRAWN[name](evidence, **settings, rng=rng)


def _fixed(evidence: Evidence, windows: int) -> Outcome:
    assert evidence.result is not None  # asked for above  # noqa: S101
    segments = fixed_walk_forward(evidence.result, windows)
    return {"applicable": True, "windows": windows, "segments": segments}


def _stationary(evidence: Evidence, **settings: Any) -> Outcome:
    return block_bootstrap(evidence, kind="stationary", **settings)


_DRAWN: Mapping[str, Callable[..., Outcome]] = {
    "permutation": permutations.permutation,
    "block_bootstrap": block_bootstrap,
    "stationary_bootstrap": _stationary,
    "monte_carlo": monte_carlo,
    "random_entries": random_entries,
}
