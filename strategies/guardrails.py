"""What must hold of a result before it is used: each answer is a sentence.

A guardrail is met from its cut-off on. One whose number is not known is not met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError

from strategies.config import Part, config_error
from strategies.numerals import written

Status = Literal["pass", "fail", "unknown"]
Basis = Literal["year", "bar"]


class Guardrails(Part):
    """The cut-offs; None is not asked.

    Attributes
    ----------
    min_trades : int, optional
        Closed round trips; of several accounts their sum.
    min_sharpe : float, optional
    sharpe_basis : {"year", "bar"}
        Which Sharpe ratio it is held against: per year (``sharpe``), or that of a bar
        (``sharpe_bar``; of several accounts their mean, ``avg_sharpe_hourly``).
    max_position_rate : float, optional
        Largest share of bars in a position over the symbols.
    min_dsr, max_pbo : float, optional

    Raises
    ------
    ConfigError
        With every problem found, each naming its field.
    """

    min_trades: int | None = Field(None, ge=0, le=10**9)
    min_sharpe: float | None = Field(None, ge=-100, le=100)
    sharpe_basis: Basis = "year"
    max_position_rate: float | None = Field(None, ge=0, le=1)
    min_dsr: float | None = Field(None, ge=0, le=1)
    max_pbo: float | None = Field(None, ge=0, le=1)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise config_error(exc, Guardrails) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to one guardrail.

    Attributes
    ----------
    key : str
        ``min_trades``.
    status : {"pass", "fail", "unknown"}
    metric : str
        Which number was compared.
    value : float or None
    cutoff : float
    words, novice : str
        The same numbers for two kinds of readers.
    chip : str
        By how much it failed, "34 trades, needs 50"; "" for a pass.
    advice : str
        What would change it; "" for a pass.
    """

    key: str
    status: Status
    metric: str
    value: float | None
    cutoff: float
    words: str
    novice: str
    chip: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rail:
    """How one guardrail is judged and spoken of."""

    metrics: tuple[str, ...]  # the first that is known counts
    is_least: bool
    words: tuple[str, str]  # of a pass, of a fail
    novice: tuple[str, str]
    name: str
    chip: str
    advice: str

    def is_met(self, value: float, cutoff: float) -> bool:
        return value >= cutoff if self.is_least else value <= cutoff


_ENOUGH = "Use a longer window or more symbols, or relax the cut-off before you look."
_SHARPE = {
    "novice": (
        "Return for the swings, {basis:text}, is {value:ratio}; {cutoff:ratio} is "
        "asked.",
        "Return for the swings, {basis:text}, is {value:ratio}, less than the "
        "{cutoff:ratio} that is asked.",
    ),
    "words": (
        "A Sharpe ratio {basis:text} of {value:ratio} meets the cutoff of "
        "{cutoff:ratio}.",
        "A Sharpe ratio {basis:text} of {value:ratio} is below the cutoff of "
        "{cutoff:ratio}.",
    ),
}
_RAILS: Mapping[str, _Rail] = {
    "min_trades": _Rail(
        metrics=("trades_total", "trade_count"),
        is_least=True,
        words=(
            "{value:count} trades meet the cutoff of {cutoff:count}.",
            "{value:count} trades is below the cutoff of {cutoff:count}.",
        ),
        novice=(
            "It made {value:count} trades; {cutoff:count} are asked.",
            "It made {value:count} trades, fewer than the {cutoff:count} that are "
            "asked, so chance decides much of it.",
        ),
        name="Number of trades",
        chip="{value:count} trades, needs {cutoff:count}",
        advice=_ENOUGH,
    ),
    "min_sharpe": _Rail(
        metrics=(),  # by its basis
        is_least=True,
        words=_SHARPE["words"],
        novice=_SHARPE["novice"],
        name="Sharpe {basis:text}",
        chip="Sharpe {basis:text} {value:ratio}, needs {cutoff:ratio}",
        advice="Look for another idea rather than for another setting.",
    ),
    "max_position_rate": _Rail(
        metrics=("max_position_rate", "exposure"),
        is_least=False,
        words=(
            "A position rate of {value:percent}% is within the cutoff of "
            "{cutoff:percent}%.",
            "A position rate of {value:percent}% is above the cutoff of "
            "{cutoff:percent}%.",
        ),
        novice=(
            "It held something {value:percent}% of the time; up to {cutoff:percent}% "
            "is asked.",
            "It held something {value:percent}% of the time, more than the "
            "{cutoff:percent}% that is asked: it is nearly always in the market.",
        ),
        name="Position rate",
        chip="Position rate {value:percent}%, allowed {cutoff:percent}%",
        advice="Make entries stricter, or exits earlier.",
    ),
    "min_dsr": _Rail(
        metrics=("dsr",),
        is_least=True,
        words=(
            "A DSR of {value:p} meets the cutoff of {cutoff:p}.",
            "A DSR of {value:p} is below the cutoff of {cutoff:p}.",
        ),
        novice=(
            "Its score after luck is {value:p}; {cutoff:p} is asked.",
            "Its score after luck is {value:p}, less than the {cutoff:p} that is "
            "asked: so many tries find as much by luck.",
        ),
        name="DSR",
        chip="DSR {value:p}, needs {cutoff:p}",
        advice="Try fewer settings, or ask a market that nobody looked at.",
    ),
    "max_pbo": _Rail(
        metrics=("pbo",),
        is_least=False,
        words=(
            "A PBO of {value:p} is within the cutoff of {cutoff:p}.",
            "A PBO of {value:p} is above the cutoff of {cutoff:p}.",
        ),
        novice=(
            "What was best failed later with a share of {value:p}; up to {cutoff:p} is "
            "asked.",
            "What was best failed later with a share of {value:p}, more than the "
            "{cutoff:p} that is asked.",
        ),
        name="PBO",
        chip="PBO {value:p}, allowed {cutoff:p}",
        advice="Search a smaller space; choose from a plateau.",
    ),
}
_SHARPES: Mapping[Basis, tuple[str, ...]] = {
    "year": ("sharpe",),
    "bar": ("avg_sharpe_hourly", "sharpe_bar"),
}
_BASIS_WORDS: Mapping[Basis, str] = {"year": "per year", "bar": "per bar"}
UNKNOWN = "This number is not known, so the guardrail is not met."
FIND_OUT = "Make the number known first: run it, or test the search."


def judge(guardrails: Guardrails, measured: Mapping[str, Any]) -> Sequence[Verdict]:
    """Return the answer to every guardrail that is asked, in a fixed order.

    Parameters
    ----------
    guardrails : Guardrails
    measured : mapping of str to number
        Metrics of a run, or of several accounts together: ``trade_count`` or
        ``trades_total``, ``sharpe``, ``sharpe_bar`` or ``avg_sharpe_hourly``,
        ``max_position_rate`` or, of one symbol, ``exposure``; ``dsr`` and ``pbo``.
        None or NaN is not known.

    Returns
    -------
    list of Verdict
        Empty where nothing is asked.
    """
    return [
        _verdict(key, rail, cutoff, guardrails.sharpe_basis, measured)
        for key, rail in _RAILS.items()
        if (cutoff := getattr(guardrails, key)) is not None
    ]


def all_met(verdicts: Sequence[Verdict]) -> bool:
    """Return whether nothing failed and nothing is unknown."""
    return all(one.status == "pass" for one in verdicts)


def _verdict(
    key: str, rail: _Rail, cutoff: float, basis: Basis, measured: Mapping[str, Any]
) -> Verdict:
    names = rail.metrics or _SHARPES[basis]
    known = [name for name in names if _is_known(measured.get(name))]
    metric = known[0] if known else names[-1]
    value = measured[metric] if known else None
    said = {"value": value, "cutoff": cutoff, "basis": _BASIS_WORDS[basis]}
    if value is None:
        chip = f"{rail.name} not known"
        status, texts = "unknown", (UNKNOWN, UNKNOWN, chip, FIND_OUT)
    elif rail.is_met(value, cutoff):
        status, texts = "pass", (rail.words[0], rail.novice[0], "", "")
    else:
        status, texts = "fail", (rail.words[1], rail.novice[1], rail.chip, rail.advice)
    words, novice, chip, advice = (written(text, said) for text in texts)
    return Verdict(
        key=key,
        status=status,  # type: ignore[arg-type]
        metric=metric,
        value=value,
        cutoff=cutoff,
        words=words,
        novice=novice,
        chip=chip,
        advice=advice,
    )


def _is_known(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == value
