"""The only way in which a page shows a Sharpe ratio: never without its doubt.

Every tag takes `run`, the document of a run (`selectors.runs.run_documents`). Luck is
drawn once it is computed; until then it is an en dash with the reason beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template

from experiments.templatetags.lab_format import UNKNOWN, number
from strategies.metrics import REASONS

register = template.Library()

Document = Mapping[str, Any]

NOT_COMPUTED = "Best by luck and DSR are not computed in this version."
BENCHMARK_WORDS = {"buy_and_hold": "buy and hold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """A Sharpe ratio and what it is never shown without; None is not known."""

    sharpe: float | None
    se: float | None
    n_trials: int
    best_by_luck: float | None
    dsr: float | None
    why_none: str

    @property
    def trials(self) -> str:
        return f"{number(self.n_trials, 0)} trial{'' if self.n_trials == 1 else 's'}"

    @property
    def sentence(self) -> str:
        """Return all of it in words, for a title and for who cannot see the drawing."""
        if self.sharpe is None:
            return self.why_none
        text = f"Sharpe {number(self.sharpe, 2)}"
        if self.se is not None:
            text += f", plus or minus {number(self.se, 2)}"
        text += f". {self.trials.capitalize()} on this data so far. "
        if self.best_by_luck is None:
            return text + NOT_COMPUTED
        return f"{text}The best by luck is {number(self.best_by_luck, 2)}."


def luck_of(run: Document) -> Luck:
    honesty = run["honesty"] or {}
    reason = run["flags"].get("sharpe", "")
    return Luck(
        sharpe=run["metrics"].get("sharpe"),
        se=honesty.get("sharpe_se"),
        n_trials=honesty.get("n_trials", 0),
        best_by_luck=honesty.get("expected_max_sharpe"),
        dsr=honesty.get("dsr"),
        why_none=REASONS.get(reason, "This run has no Sharpe ratio."),
    )


@register.inclusion_tag("components/sharpe_cell.html")
def sharpe_cell(run: Document) -> dict[str, Luck]:
    """Write the number of a table's cell; error and trials are in its title."""
    return {"luck": luck_of(run)}


@register.inclusion_tag("components/sharpe.html")
def sharpe_inline(run: Document) -> dict[str, Luck]:
    """Write **0.55** ± 0.23 · 126 trials · best by luck –, for sentences and cards."""
    return {"luck": luck_of(run)}


# --- the drawing of a table's cell -------------------------------------------------

LUCK_ENDS_AT = 28.0
MINI_WIDTH = 70.0
MINI_LEFT = 3.0


@dataclass(frozen=True, slots=True)
class Mini:
    """Places on the small ruler, where luck always ends at 28 of 70."""

    dot: str
    low: str
    high: str


@register.inclusion_tag("components/luck_mini.html")
def luck_mini(run: Document) -> dict[str, Any]:
    """Draw how far the Sharpe is out of the grey; an en dash while that is unknown."""
    luck = luck_of(run)
    return {"luck": luck, "mini": mini_of(luck)}


def mini_of(luck: Luck) -> Mini | None:
    if luck.sharpe is None or not luck.best_by_luck or luck.best_by_luck < 0:
        return None
    unit = LUCK_ENDS_AT / luck.best_by_luck
    error = luck.se or 0.0

    def place(sharpe: float) -> str:
        return f"{MINI_LEFT + min(max(unit * sharpe, 0.0), MINI_WIDTH):.1f}"

    return Mini(
        place(luck.sharpe), place(luck.sharpe - error), place(luck.sharpe + error)
    )


# --- the block ---------------------------------------------------------------------

RULER_LEFT, RULER_RIGHT = 16.0, 324.0
# Distances between the labels of the ruler, and their decimals.
STEPS = ((0.1, 1), (0.25, 2), (0.5, 1), (1.0, 0), (2.0, 0), (5.0, 0), (10.0, 0))
MAX_STEPS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    label: str
    is_zero: bool


@dataclass(frozen=True, slots=True)
class Ruler:
    """Places on an axis that holds zero and the whole error bar."""

    ticks: tuple[Tick, ...]
    dot: str
    low: str
    high: str


@register.inclusion_tag("components/honesty.html")
def honesty_block(run: Document) -> dict[str, Any]:
    """Draw the block “Is it luck?” of one run."""
    luck = luck_of(run)
    return {"luck": luck, "ruler": ruler_of(luck), "not_computed": NOT_COMPUTED}


def ruler_of(luck: Luck) -> Ruler | None:
    if luck.sharpe is None:
        return None
    error = luck.se or 0.0
    low, high = luck.sharpe - error, luck.sharpe + error
    first, last, step, digits = _axis(min(low, 0.0), max(high, 0.0))

    def place(value: float) -> str:
        share = (value / step - first) / (last - first)
        return f"{RULER_LEFT + share * (RULER_RIGHT - RULER_LEFT):.1f}"

    ticks = tuple(
        Tick(place(i * step), number(i * step, digits), i == 0)
        for i in range(first, last + 1)
    )
    return Ruler(ticks, place(luck.sharpe), place(low), place(high))


def _axis(low: float, high: float) -> tuple[int, int, float, int]:
    """Return first and last label in steps, the step and the decimals of a label."""
    for step, digits in STEPS:
        first, last = math.floor(low / step), max(math.ceil(high / step), 1)
        if last - first <= MAX_STEPS:
            return first, last, step, digits
    step = (high - low) / MAX_STEPS
    return math.floor(low / step), math.ceil(high / step), step, 0


# --- the sentence and the seal -----------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The first sentence of a report, in parts; fractions."""

    is_idle: bool  # no position was ever taken
    verb: str
    gain: float | None
    is_yearly: bool
    fall: float | None
    other: str  # what it is held against; "" for nothing
    other_gain: float | None
    other_fall: float | None
    doubt: str


@register.inclusion_tag("components/verdict.html")
def verdict(run: Document, benchmark_metrics: Document) -> dict[str, Any]:
    """Write what the rule earned in this sample, and why that may be luck."""
    return {"verdict": verdict_of(run, benchmark_metrics), "run": run}


def verdict_of(run: Document, benchmark: Document) -> Verdict:
    metrics, config = run["metrics"], run["config"]
    key = "cagr" if _is_over_a_year(run) else "total_return"
    gain = metrics.get(key)
    strategy = config.get("strategy") or {}
    is_own_benchmark = strategy.get("name") == config["benchmark"]
    other = "" if is_own_benchmark or not benchmark else config["benchmark"]
    return Verdict(
        is_idle=metrics.get("exposure") == 0,
        verb="lost" if gain is not None and gain < 0 else "earned",
        gain=_size(gain),
        is_yearly=key == "cagr",
        fall=_size(metrics.get("max_drawdown")),
        other=BENCHMARK_WORDS.get(other, other),
        other_gain=benchmark.get(key) if other else None,
        other_fall=_size(benchmark.get("max_drawdown")) if other else None,
        doubt=_doubt(luck_of(run)),
    )


def _is_over_a_year(run: Document) -> bool:
    """Return whether growth per year says anything of this sample."""
    metrics = run["metrics"]
    return metrics.get("cagr") is not None and metrics["n_bars"] > (run["ppy"] or 0)


def _size(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _doubt(luck: Luck) -> str:
    """Return what the error bar alone says; how many were tried is not in it."""
    if luck.sharpe is None or luck.se is None:
        return "unknown"
    if luck.sharpe <= 0:
        return "none"
    return "small" if luck.sharpe < 2 * luck.se else "large"


@register.inclusion_tag("components/seal.html")
def seal(run: Document, accounting: Document | None) -> dict[str, Any]:
    """Draw the five facts of trust; what was not tested says so."""
    return {
        "run": run,
        "accounting": accounting,
        "luck": luck_of(run),
        "unknown": UNKNOWN,
    }
