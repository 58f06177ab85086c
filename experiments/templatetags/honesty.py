"""The only way in which a page shows a Sharpe ratio: never without its doubt.

Every tag takes `run`, the document of a run (`selectors.runs.run_documents`). What is
not known is an en dash with the reason beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from django import template
from django.utils.safestring import SafeString

from experiments.selectors.ledger import label_of
from quantlab.web.markup import written
from strategies.metrics import REASONS
from strategies.numerals import UNKNOWN, number, probability

register = template.Library()

Document = Mapping[str, Any]
NORMAL = NormalDist()
ERRORS_FOR_95 = NORMAL.inv_cdf(0.95)

NOT_KNOWN = "Not known: too few returns, or none that vary."
MADE_UP = "These data are made up: what is tried on them is not counted."
BENCHMARK_WORDS = {"buy_and_hold": "buy and hold"}

# From which DSR on a Sharpe ratio is called so: chip, icon, words.
GRADES = (
    (0.95, "pass", "seal-pass", "unlikely to be luck alone"),
    (0.90, "warn", "warn", "hard to explain by luck"),
    (0.50, "warn", "warn", "could be luck"),
    (0.0, "fail", "seal-fail", "weaker than luck"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    chip: str
    icon: str
    words: str


UNTESTED = Grade(chip="wait", icon="seal-untested", words="not tested yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """A Sharpe ratio and what it is never shown without; None is not known."""

    sharpe: float | None
    se: float | None
    n_trials: int
    n_effective: float | None
    is_least: bool  # there may be more effective trials
    spread: float
    best_by_luck: float | None
    psr: float | None
    dsr: float | None
    dsr_effective: float | None
    pbo: float | None
    pbo_n_trials: int | None  # of the pool, when it was last tested
    years: float | None
    has_years: float | None
    pool: str
    why_none: str

    @property
    def trials(self) -> str:
        return f"{number(self.n_trials, 0)} trial{'' if self.n_trials == 1 else 's'}"

    @property
    def needed(self) -> float | None:
        """Return the Sharpe ratio that would have a DSR of 0.95."""
        if self.best_by_luck is None or self.se is None:
            return None
        return self.best_by_luck + ERRORS_FOR_95 * self.se

    @property
    def grade(self) -> Grade:
        if self.dsr is None:
            return UNTESTED
        [first, *_] = [row for row in GRADES if self.dsr >= row[0]]
        return Grade(chip=first[1], icon=first[2], words=first[3])

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
            return text + NOT_KNOWN
        text += f"The best by luck is {number(self.best_by_luck, 2)}."
        return text if self.dsr is None else f"{text} DSR {probability(self.dsr)}."


def luck_of(run: Document) -> Luck:
    honesty = run["honesty"] or {}
    reason = run["flags"].get("sharpe", "")
    return Luck(
        sharpe=run["metrics"].get("sharpe"),
        se=honesty.get("sharpe_se"),
        n_trials=honesty.get("n_trials", 0),
        n_effective=honesty.get("n_effective"),
        is_least=honesty.get("n_effective_is_least", False),
        spread=honesty.get("sharpe_spread") or 0.0,
        best_by_luck=honesty.get("expected_max_sharpe"),
        psr=honesty.get("psr"),
        dsr=honesty.get("dsr"),
        dsr_effective=honesty.get("dsr_effective"),
        pbo=honesty.get("pbo"),
        pbo_n_trials=honesty.get("pbo_n_trials"),
        years=honesty.get("min_track_record_years"),
        has_years=_years(run),
        pool=honesty.get("pool", ""),
        why_none=REASONS.get(reason, "This run has no Sharpe ratio."),
    )


def _years(run: Document) -> float | None:
    n_bars, ppy = run["metrics"].get("n_bars"), run.get("ppy")
    return n_bars / ppy if n_bars and ppy else None


@register.filter
def instrument_label(instruments: list[str]) -> str:
    """["builtin:SP500"] -> SP500; many are the first and a number."""
    return label_of(instruments)


# What lists write hundreds of times a page is written here, not by a template each.
CELL = '<span data-honesty data-metric="sharpe" title="{}">{}</span>'


@register.simple_tag
def sharpe_cell(run: Document) -> SafeString:
    """Write the number of a table's cell; error and trials are in its title."""
    luck = luck_of(run)
    return written(CELL, luck.sentence, number(luck.sharpe, 2))


@register.inclusion_tag("components/sharpe.html")
def sharpe_inline(run: Document) -> dict[str, Luck]:
    """Write **0.55** ± 0.23 · 126 trials · best by luck 0.29 · DSR 0.88."""
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


MINI = (
    '<svg class="luck-mini" width="76" height="16" viewBox="0 0 76 16" role="img"'
    ' aria-label="{}"><path class="luck-axis" d="M3 8H73"/>'
    '<rect class="luck-zone" x="3" y="4" width="28" height="8"/>'
    '<path class="luck-end" d="M31 4v8"/><path class="luck-whisker" d="M{} 8H{}"/>'
    '<circle class="luck-dot" cx="{}" cy="8" r="4"/></svg>'
)


@register.simple_tag
def luck_mini(run: Document) -> SafeString:
    """Draw how far the Sharpe is out of the grey; an en dash while that is unknown."""
    luck = luck_of(run)
    mini = mini_of(luck)
    if mini is None:
        return written('<span title="{}">{}</span>', luck.sentence, UNKNOWN)
    return written(MINI, luck.sentence, mini.low, mini.high, mini.dot)


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
GROUND, HILL_HEIGHT, HILL_POINTS = 76.0, 40.0, 120
CHARS = 6.5  # the width of a letter of a label, in the widest of the fonts
# Distances between the labels of the ruler, and their decimals.
STEPS = ((0.1, 1), (0.25, 2), (0.5, 1), (1.0, 0), (2.0, 0), (5.0, 0), (10.0, 0))
MAX_STEPS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    label: str
    is_zero: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A line at a value; its label is set so that it stays in the drawing."""

    x: str
    label: str
    anchor: str
    row: int  # 13 units from the top, or one line lower

    @property
    def left(self) -> float:
        """Where its label begins."""
        behind = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return float(self.x) - behind * len(self.label) * CHARS

    @property
    def right(self) -> float:
        """Where its label ends."""
        return self.left + len(self.label) * CHARS


@dataclass(frozen=True, slots=True)
class Ruler:
    """Places on an axis that holds zero, the error bar and what luck reaches."""

    ticks: tuple[Tick, ...]
    dot: str
    low: str
    high: str
    hill: str
    best: Mark | None
    needed: Mark | None


@register.inclusion_tag("components/honesty.html")
def honesty_block(run: Document) -> dict[str, Any]:
    """Draw the block “Is it luck?” of one run."""
    luck = luck_of(run)
    is_made_up = (run.get("config") or {}).get("provider") == "synthetic"
    note = MADE_UP if is_made_up else ""
    return {"luck": luck, "ruler": ruler_of(luck), "unknown": NOT_KNOWN, "note": note}


def ruler_of(luck: Luck) -> Ruler | None:
    if luck.sharpe is None:
        return None
    error = luck.se or 0.0
    low, high = luck.sharpe - error, luck.sharpe + error
    seen = [low, high, 0.0, luck.best_by_luck or 0.0, luck.needed or 0.0]
    first, last, step, digits = _axis(min(seen), max(seen))

    def at(value: float) -> float:
        share = (value / step - first) / (last - first)
        return RULER_LEFT + share * (RULER_RIGHT - RULER_LEFT)

    ticks = tuple(
        Tick(f"{at(i * step):.1f}", number(i * step, digits), i == 0)
        for i in range(first, last + 1)
    )
    best = _mark(luck.best_by_luck, "best by luck", at, 13) if luck.spread else None
    needed = _mark(luck.needed, "needed", at, 13)
    if best and needed and needed.left < best.right + CHARS:
        needed = replace(needed, row=26)
    return Ruler(
        ticks=ticks,
        dot=f"{at(luck.sharpe):.1f}",
        low=f"{at(low):.1f}",
        high=f"{at(high):.1f}",
        hill=_hill(luck, at),
        best=best,
        needed=needed,
    )


def _mark(
    value: float | None, words: str, at: Callable[[float], float], row: int
) -> Mark | None:
    if value is None:
        return None
    label = f"{words} {number(value, 2)}"
    x, half = at(value), len(label) * CHARS / 2
    anchor = "middle"
    if x - half < 0:
        anchor = "start"
    elif x + half > RULER_LEFT + RULER_RIGHT:
        anchor = "end"
    return Mark(f"{x:.1f}", label, anchor, row)


def _hill(luck: Luck, at: Callable[[float], float]) -> str:
    """Return the density of the best of N draws without skill, as a path."""
    if luck.n_trials < 2 or luck.spread <= 0:
        return ""
    n, top = luck.n_trials, (luck.best_by_luck or 0.0) + 4 * luck.spread
    xs = [top * 2 * i / HILL_POINTS - top for i in range(HILL_POINTS + 1)]
    scores = [x / luck.spread for x in xs]
    heights = [NORMAL.pdf(z) * NORMAL.cdf(z) ** (n - 1) for z in scores]
    most = max(heights)
    shown = [
        (at(x), GROUND - HILL_HEIGHT * h / most)
        for x, h in zip(xs, heights, strict=True)
        if h > most / 400 and RULER_LEFT <= at(x) <= RULER_RIGHT
    ]
    if not shown:
        return ""
    line = " L".join(f"{x:.1f} {y:.1f}" for x, y in shown)
    return f"M{shown[0][0]:.1f} {GROUND} L{line} L{shown[-1][0]:.1f} {GROUND}Z"


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
    return {
        "verdict": verdict_of(run, benchmark_metrics),
        "luck": luck_of(run),
        "run": run,
    }


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
    """Return what the trials leave of it: none, luck, unclear, rare; or unknown."""
    if luck.sharpe is not None and luck.sharpe <= 0:
        return "none"
    if luck.sharpe is None or luck.dsr is None:
        return "unknown"
    return {"fail": "luck", "warn": "unclear", "pass": "rare"}[luck.grade.chip]


@register.inclusion_tag("components/seal.html")
def seal(
    run: Document,
    accounting: Document | None,
    lookahead: Document | None = None,
    proof: Any = None,
) -> dict[str, Any]:
    """Draw the five facts of trust; what was not tested says so."""
    return {
        "run": run,
        "accounting": accounting,
        "lookahead": lookahead,
        "proof": proof,
        "luck": luck_of(run),
        "unknown": UNKNOWN,
    }
