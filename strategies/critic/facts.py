"""What the critic looks at: one run, reduced to plain numbers and words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run. None: nobody knows it, or it does not apply.

    Fractions are fractions, Sharpe ratios and returns are per year. What is made of
    the run's files is listed in `OF_FILES`, and missing where none were kept.
    """

    # The account
    trade_count: int | None = None  # closed round trips
    years: float | None = None
    n_bars: int | None = None
    sharpe: float | None = None
    sharpe_se: float | None = None
    ann_return: float | None = None
    exposure: float | None = None
    turnover: float | None = None
    max_drawdown: float | None = None
    longest_drawdown: int | None = None  # bars
    skew: float | None = None
    beta: float | None = None
    is_ruined: bool | None = None
    # Luck
    n_trials: int | None = None
    best_by_luck: float | None = None
    psr: float | None = None
    dsr: float | None = None
    years_needed: float | None = None  # to set it apart from luck
    years_by_luck: float | None = None  # in which so many trials find `TARGET`
    pbo: float | None = None
    planned_trials: int | None = None
    experiment_trials: int | None = None
    # Tests of luck
    n_tests: int | None = None
    p_timing: float | None = None
    p_search: float | None = None
    p_entries: float | None = None
    growth_low: float | None = None  # lower end of its 95 % interval
    # The search it was chosen from, and windows that chose anew
    n_candidates: int | None = None
    is_search_repeated: bool | None = None
    n_edges: int | None = None
    edges: str | None = None  # "fast = 50"
    plateau: float | None = None  # neighbours against itself
    n_windows: int | None = None
    inside: float | None = None  # mean objective where it chose
    outside: float | None = None  # and on the bars that followed
    # The search for expressions that found it
    best_found: float | None = None  # its best score
    best_in_noise: float | None = None  # and that of the same search on shuffled bars
    sharpe_found: float | None = None  # where it was found
    sharpe_sealed: float | None = None  # on bars that were sealed until then
    n_openings: int | None = None  # of the same sealed bars, by searches before
    # Settings and data
    has_costs: bool | None = None
    borrow_bps: float | None = None
    fills_at_close: bool | None = None
    n_symbols: int | None = None
    is_of_survivors: bool | None = None
    is_made_up: bool | None = None
    restated_bars: int | None = None
    bars_made_from: str | None = None  # a timeframe; "" for bars that are as they came
    is_leaking: bool | None = None  # an expression that reads the future
    is_leak_tested: bool | None = None
    # Its files
    files: str = "kept"  # or "none"; "sweep", "generate": a row for each candidate
    best_days_share: float | None = None  # of the profit
    best_trips_share: float | None = None
    best_symbol_share: float | None = None
    best_symbol: str | None = None
    best_year_share: float | None = None
    best_year: str | None = None
    largest_share: float | None = None  # mean share of the largest position in all
    sharpe_early: float | None = None  # of the first half of the bars
    sharpe_late: float | None = None
    sharpe_dearer: float | None = None  # at `EXTRA_BPS` more a side
    cost_bps: float | None = None  # paid a side, on the mean
    break_even_bps: float | None = None  # that leave nothing
    short_share: float | None = None  # of the bars
    most_gross: float | None = None  # largest exposure of any bar
    held_return: float | None = None  # of its mean exposure, held all the time
    gap_share: float | None = None  # of the bars that the calendar expects


# What `strategies.critic.traces` and nobody else finds.
OF_FILES = frozenset(
    {
        *("best_days_share", "best_trips_share", "best_symbol_share", "best_symbol"),
        *("best_year_share", "best_year", "largest_share", "sharpe_early"),
        *("sharpe_late", "sharpe_dearer", "cost_bps", "break_even_bps", "short_share"),
        *("most_gross", "held_return", "gap_share", "bars_made_from"),
    }
)
NAMES = frozenset(field.name for field in fields(Facts))


def facts_of(*parts: dict[str, Any]) -> Facts:
    """Return the facts that several documents hold together; later ones win.

    Keys that are no facts are left out.
    """
    known = {key: value for part in parts for key, value in part.items()}
    return Facts(**{key: known[key] for key in known.keys() & NAMES})
