"""What should hold of a saved strategy: each with a cut-off, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors.results import report_figures
from experiments.selectors.strategies import run_of, strategy_documents
from experiments.selectors.strategy_relatives import highest_correlation
from experiments.selectors.strategy_sheet import SheetQuestion
from strategies.submission import FAIL, PENDING, Facts, submission_checks

# Keys of the checks that ask for other strategies or for a sheet.
OF_SAVED = ("self_correlation", "sub_universe", "sub_periods")


def strategy_checks(row: StrategySnapshot) -> dict[str, Any]:
    """Return every check, and the honesty of the Sharpe ratio they speak of.

    What needs more than the run itself is PENDING until the sheet was computed.
    """
    run, sheet = run_of(row), SheetQuestion(row).answer() or {}
    [document] = strategy_documents([row])
    luck = document["honesty"]
    facts = replace(
        _facts(run, luck),
        nearest=highest_correlation(row),
        sub_universe=sheet.get("sub_universe"),
        sub_periods=sheet.get("sub_periods"),
    )
    items = submission_checks(facts)
    named = {"expr_hash": row.expr_hash, "items": items}
    return named | checks_counted(items) | {"honesty": luck}


def run_checks(run: ModelRun, luck: dict[str, Any] | None) -> dict[str, Any]:
    """Return the checks that a run answers alone, before it is saved.

    `luck` is its honesty, as documents carry it.
    """
    found = submission_checks(_facts(run, luck))
    items = [one for one in found if one["key"] not in OF_SAVED]
    return {"items": items} | checks_counted(items)


def _facts(run: ModelRun, luck: dict[str, Any] | None) -> Facts:
    return Facts(
        metrics=run.metrics,
        dsr=luck["dsr"] if luck else None,
        lookahead=report_figures([run]).get(run.pk, {}).get("lookahead"),
        nearest=None,
        sub_universe=None,
        sub_periods=None,
    )


def checks_counted(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many checks do not hold, and how many are not known yet."""
    return {
        "n_failed": sum(one["status"] == FAIL for one in items),
        "n_pending": sum(one["status"] == PENDING for one in items),
    }
