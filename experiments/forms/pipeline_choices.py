"""What the wizard of a pipeline offers to try: how much, which levels and hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strategies.pipeline.grid import MIDDLE_HOURS, REGULAR_HOURS

Grid = dict[str, Any]

NAMED, PRACTICE = "named", "practice"
PRACTICE_SYMBOLS = [f"SYN-trend-{n}" for n in range(1, 21)]
OFFERED_LEVELS = ("0.50", "0.52", "0.54", "0.56", "0.58", "0.60", "0.65", "0.70")
# A window of hours in which to enter, by the first and the last.
WINDOWS: Mapping[str, tuple[int, ...]] = {
    "9-15": REGULAR_HOURS,
    "10-14": MIDDLE_HOURS,
    "9-11": (9, 10, 11),
    "12-15": (12, 13, 14, 15),
    "9-12": (9, 10, 11, 12),
    "13-15": (13, 14, 15),
}
ANY_HOUR = "all"
# Key -> title, meaning, how many configurations.
WIDTHS: Mapping[str, tuple[str, str, int]] = {
    "careful": (
        "Careful",
        "The usual settings. The less is tried, the less is luck.",
        12,
    ),
    "balanced": ("Balanced", "More of them, closer to each other.", 24),
    "wide": ("Wide", "Finds more, and more of it is luck.", 48),
    "own": ("Your own", "What you choose below.", 0),
    "saved": ("A saved sweep", "What a preset of yours tries, chosen below.", 0),
}
# Of a width: levels tried in every window of hours, and how many windows.
LEVELS: dict[str, tuple[float, ...]] = {"balanced": (0.5, 0.51, 0.52, 0.54, 0.56, 0.58)}
LEVELS["wide"] = (*LEVELS["balanced"], 0.53, 0.6)
N_WINDOWS = {"balanced": 4, "wide": 6}
LOWEST, HIGHEST = 0.5, 0.62
# Of a width: bars of the short and of the long average.
AVERAGES = {
    "balanced": ([3, 5, 8, 10, 15, 20], [30, 45, 60, 90]),
    "wide": ([3, 5, 7, 10, 12, 15, 18, 20], [30, 40, 50, 60, 75, 90]),
}


def model_grid(width: str, *, has_hours: bool) -> Grid:
    """Return the levels, and the hours where bars open at one, of a width."""
    if has_hours:
        windows = [*WINDOWS.values()][: N_WINDOWS[width]]
        return {
            "thresholds_list": [[level] for level in LEVELS[width]],
            "allowed_hours_list": [list(hours) for hours in windows],
        }
    n = WIDTHS[width][2]
    step = (HIGHEST - LOWEST) / (n - 1)
    levels = [[round(LOWEST + step * k, 4)] for k in range(n)]
    return {"thresholds_list": levels, "allowed_hours_list": [[]]}


def rule_grid(width: str) -> Grid:
    """Return the averages of a width."""
    fast, slow = AVERAGES[width]
    return {"params": {"fast": fast, "slow": slow}}


def hours_words(window: str) -> str:
    """9-15 -> 09–16: from the open of the first bar to the close of the last."""
    first, last = window.split("-")
    return f"{int(first):02d}–{int(last) + 1:02d}"
