"""What should hold of a saved strategy: each with a cut-off, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.models import StrategySnapshot
from experiments.selectors.report import report_figures
from experiments.selectors.strategies import run_of, strategy_documents
from experiments.selectors.strategy_relatives import ALIKE, highest_correlation
from experiments.selectors.strategy_sheet import sheet_of

PASS, FAIL, PENDING = "PASS", "FAIL", "PENDING"
SHARPE = 1.0
DSR = 0.95
FITNESS = 1.0
LEAST_TURNOVER, MOST_TURNOVER = 0.01, 0.7
DRAWDOWN = -0.35
GOOD_PARTS = 3

Check = dict[str, Any]


def strategy_checks(row: StrategySnapshot) -> dict[str, Any]:
    """Return every check, and the honesty of the Sharpe ratio they speak of.

    What needs more than the run itself is PENDING until the sheet was computed.
    """
    [document] = strategy_documents([row])
    items = [*_of_run(row, document["honesty"]), *_of_sheet(row)]
    failed = sum(one["status"] == FAIL for one in items)
    waits = sum(one["status"] == PENDING for one in items)
    return {
        "expr_hash": row.expr_hash,
        "items": items,
        "n_failed": failed,
        "n_pending": waits,
        "honesty": document["honesty"],
    }


def _of_run(row: StrategySnapshot, luck: dict[str, Any] | None) -> Iterator[Check]:
    run = run_of(row)
    yield _look_ahead(report_figures([run]).get(run.pk, {}).get("lookahead"))
    metrics = run.metrics
    yield _at_least("sharpe", metrics.get("sharpe"), SHARPE, "The Sharpe ratio a year")
    dsr = luck["dsr"] if luck else None
    yield _at_least("dsr", dsr, DSR, "The deflated Sharpe ratio, after all trials,")
    yield _at_least("fitness", metrics.get("fitness"), FITNESS, "The fitness")
    yield _turnover(metrics.get("turnover_daily"))
    fall = metrics.get("max_drawdown")
    yield _at_least(
        "max_drawdown", fall, DRAWDOWN, "The deepest drawdown", percent=True
    )
    yield _own_likeness(row)


def _of_sheet(row: StrategySnapshot) -> Iterator[Check]:
    sheet = sheet_of(row) or {}
    yield _sub_universe(sheet.get("sub_universe"))
    yield _sub_periods(sheet.get("sub_periods"))


def _check(key: str, status: str, words: str, value: Any, cutoff: Any) -> Check:
    named = {"key": key, "status": status, "words": words}
    return named | {"value": value, "cutoff": cutoff}


def _at_least(
    key: str, value: float | None, cutoff: float, what: str, *, percent: bool = False
) -> Check:
    if value is None:
        return _check(key, PENDING, f"{what} is not known.", None, cutoff)
    said, asked = (f"{one:.1%}" if percent else f"{one:.2f}" for one in (value, cutoff))
    status = PASS if value >= cutoff else FAIL
    words = f"{what} is {said}; at least {asked} is asked."
    return _check(key, status, words, value, cutoff)


def _look_ahead(verdict: dict[str, Any] | None) -> Check:
    if verdict is None:
        return _check("lookahead", PENDING, "Look-ahead was not tested.", None, True)
    if verdict["ok"]:
        words = "No value changed when the bars after it were changed."
        return _check("lookahead", PASS, words, True, True)
    words = f"{verdict['node']} knows {verdict['offset_bars']} bars too early."
    return _check("lookahead", FAIL, words, False, True)


def _turnover(value: float | None) -> Check:
    cutoff = [LEAST_TURNOVER, MOST_TURNOVER]
    if value is None:
        return _check("turnover", PENDING, "The turnover is not known.", None, cutoff)
    status = PASS if LEAST_TURNOVER <= value <= MOST_TURNOVER else FAIL
    words = f"It trades {value:.1%} of the account a day; 1.0% to 70.0% is asked."
    return _check("turnover", status, words, value, cutoff)


def _own_likeness(row: StrategySnapshot) -> Check:
    nearest = highest_correlation(row)
    if nearest is None:
        words = "No other saved strategy shares enough weeks with it."
        return _check("self_correlation", PASS, words, None, ALIKE)
    value = nearest["correlation"]
    words = (
        f"It moves with “{nearest['name']}” by {value:.2f}; less than {ALIKE} is asked."
    )
    status = PASS if value < ALIKE else FAIL
    return _check("self_correlation", status, words, value, ALIKE)


def _sub_universe(found: dict[str, Any] | None) -> Check:
    key = "sub_universe"
    if found is None:
        return _check(key, PENDING, "The liquid half was not run yet.", None, None)
    if not found["applicable"]:
        words = f"{found['n_symbols']} symbols are too few to take half of them."
        return _check(key, PASS, words, None, None)
    value, cutoff = found["sharpe"], found["cutoff"]
    if value is None:
        words = "On the liquid half nothing is held, so there is no Sharpe ratio."
        return _check(key, FAIL, words, None, cutoff)
    status = PASS if value >= cutoff else FAIL
    words = (
        f"On the {found['n_sub']} most traded of {found['n_symbols']} symbols the "
        f"Sharpe ratio is {value:.2f}; at least {cutoff:.2f} is asked."
    )
    return _check(key, status, words, value, cutoff)


def _sub_periods(found: list[dict[str, Any]] | None) -> Check:
    key = "sub_periods"
    if found is None:
        words = "The parts of the time were not looked at yet."
        return _check(key, PENDING, words, None, GOOD_PARTS)
    good = sum((part["sharpe"] or 0.0) > 0.0 for part in found)
    status = PASS if good >= min(GOOD_PARTS, len(found)) else FAIL
    words = (
        f"It earned something in {good} of {len(found)} equal parts of the time; "
        f"{GOOD_PARTS} are asked."
    )
    return _check(key, status, words, good, GOOD_PARTS)
