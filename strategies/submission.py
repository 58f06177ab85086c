"""What a strategy should meet before it is kept: cut-offs set before anybody looked.

A preset of guardrails in the manner of submission checks. Every check is a sentence
with its number and its cut-off; what is not known yet is PENDING, never passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASS, FAIL, PENDING = "PASS", "FAIL", "PENDING"

Document = Mapping[str, Any]
Check = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Where each check begins to fail.

    Attributes
    ----------
    sharpe, dsr, fitness : float
        At least; the Sharpe ratio per year.
    least_turnover, most_turnover : float
        Share of the account that is traded a day.
    exposure : float
        Mean share of the account that is held, long and short added, at least: no
        ratio says that weights are too small to be traded.
    drawdown : float
        At least, a negative fraction.
    correlation : float
        Less than, with any other strategy that is kept.
    good_parts : int
        Parts of the time in which it earned something.
    """

    sharpe: float = 1.0
    dsr: float = 0.95
    fitness: float = 1.0
    least_turnover: float = 0.01
    most_turnover: float = 0.7
    exposure: float = 0.01
    drawdown: float = -0.35
    correlation: float = 0.7
    good_parts: int = 3


SUBMISSION = Cutoffs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the checks speak of; None is not known yet.

    Attributes
    ----------
    metrics : mapping
        Keys of the registry: ``sharpe``, ``fitness``, ``turnover_daily``,
        ``gross_exposure`` and ``max_drawdown``.
    dsr : float or None
        After all trials on the same data.
    lookahead : mapping or None
        ``ok``; of one that leaks ``node`` and ``offset_bars``.
    nearest : mapping or None
        ``name`` and ``correlation`` of the strategy that moves most alike; None where
        there is none to compare with.
    sub_universe, sub_periods
        As `validation.robustness` returns them.
    """

    metrics: Document
    dsr: float | None
    lookahead: Document | None
    nearest: Document | None
    sub_universe: Document | None
    sub_periods: Sequence[Document] | None


def submission_checks(facts: Facts, cutoffs: Cutoffs = SUBMISSION) -> list[Check]:
    """Return every check with its answer and a sentence.

    Parameters
    ----------
    facts : Facts
    cutoffs : Cutoffs

    Returns
    -------
    list of dict
        ``key``, ``status`` (PASS, FAIL or PENDING), ``words``, ``value``, ``cutoff``.
    """
    known = facts.metrics.get
    fall, dsr = known("max_drawdown"), "The deflated Sharpe ratio, after all trials,"
    return [
        _look_ahead(facts.lookahead),
        _at_least("sharpe", known("sharpe"), cutoffs.sharpe, "The Sharpe ratio a year"),
        _at_least("dsr", facts.dsr, cutoffs.dsr, dsr),
        _at_least("fitness", known("fitness"), cutoffs.fitness, "The fitness"),
        _turnover(known("turnover_daily"), cutoffs),
        _exposure(known("gross_exposure"), cutoffs.exposure),
        _at_least(
            "max_drawdown", fall, cutoffs.drawdown, "The deepest drawdown", percent=True
        ),
        _likeness(facts.nearest, cutoffs.correlation),
        _sub_universe(facts.sub_universe),
        _sub_periods(facts.sub_periods, cutoffs.good_parts),
    ]


def check(key: str, status: str, words: str, value: Any, cutoff: Any) -> Check:
    """Return one check as every panel shows it."""
    named = {"key": key, "status": status, "words": words}
    return named | {"value": value, "cutoff": cutoff}


def _said(value: float, form: str = "z.2f") -> str:
    """Return a number as sentences write it: with a minus sign, never −0.00."""
    return format(value, form).replace("-", "−")


def _at_least(
    key: str, value: float | None, cutoff: float, what: str, *, percent: bool = False
) -> Check:
    if value is None:
        return check(key, PENDING, f"{what} is not known.", None, cutoff)
    form = "z.1%" if percent else "z.2f"
    said, asked = _said(value, form), _said(cutoff, form)
    status = PASS if value >= cutoff else FAIL
    words = f"{what} is {said}; at least {asked} is asked."
    return check(key, status, words, value, cutoff)


def _look_ahead(verdict: Document | None) -> Check:
    if verdict is None:
        return check("lookahead", PENDING, "Look-ahead was not tested.", None, True)
    if verdict["ok"]:
        words = "No value changed when the bars after it were changed."
        return check("lookahead", PASS, words, True, True)
    words = f"{verdict['node']} knows {verdict['offset_bars']} bars too early."
    return check("lookahead", FAIL, words, False, True)


def _turnover(value: float | None, cutoffs: Cutoffs) -> Check:
    low, high = cutoffs.least_turnover, cutoffs.most_turnover
    if value is None:
        words = "The turnover is not known."
        return check("turnover", PENDING, words, None, [low, high])
    status = PASS if low <= value <= high else FAIL
    words = f"It trades {value:.1%} of the account a day; {low:.1%} to {high:.1%} is "
    return check("turnover", status, words + "asked.", value, [low, high])


def _exposure(value: float | None, cutoff: float) -> Check:
    if value is None:
        words = "How much of the account it holds is not known."
        return check("exposure", PENDING, words, None, cutoff)
    held = "less than 0.1%" if value < 0.001 else f"{value:.1%}"
    status = PASS if value >= cutoff else FAIL
    words = f"It holds {held} of the account on the mean; at least {cutoff:.1%} is "
    return check("exposure", status, words + "asked.", value, cutoff)


def _likeness(nearest: Document | None, cutoff: float) -> Check:
    key = "self_correlation"
    if nearest is None:
        words = "No other saved strategy shares enough weeks with it."
        return check(key, PASS, words, None, cutoff)
    value = nearest["correlation"]
    words = f"It moves with “{nearest['name']}” by {_said(value)}; less than {cutoff} "
    status = PASS if value < cutoff else FAIL
    return check(key, status, words + "is asked.", value, cutoff)


def _sub_universe(found: Document | None) -> Check:
    key = "sub_universe"
    if found is None:
        return check(key, PENDING, "The liquid half was not run yet.", None, None)
    if not found["applicable"]:
        words = f"There are too few symbols to halve them: {found['n_symbols']}."
        return check(key, PASS, words, None, None)
    value, cutoff = found["sharpe"], found["cutoff"]
    if value is None:
        words = "On the liquid half nothing is held, so there is no Sharpe ratio."
        return check(key, FAIL, words, None, cutoff)
    status = PASS if value >= cutoff else FAIL
    words = (
        f"On the {found['n_sub']} most traded of {found['n_symbols']} symbols the "
        f"Sharpe ratio is {_said(value)}; at least {_said(cutoff)} is asked."
    )
    return check(key, status, words, value, cutoff)


def _sub_periods(found: Sequence[Document] | None, cutoff: int) -> Check:
    key = "sub_periods"
    if found is None:
        words = "The parts of the time were not looked at yet."
        return check(key, PENDING, words, None, cutoff)
    good = sum((part["sharpe"] or 0.0) > 0.0 for part in found)
    status = PASS if good >= min(cutoff, len(found)) else FAIL
    words = (
        f"It earned something in {good} of {len(found)} equal parts of the time; "
        f"{cutoff} are asked."
    )
    return check(key, status, words, good, cutoff)
