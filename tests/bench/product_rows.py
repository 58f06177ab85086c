"""What a line of the product's tables says, and whether it is what it must be."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

IS_QUICK = "--quick" in sys.argv
NOTHING = "–"
SEVERAL = 10  # times as much; a ratio above needs no decimals


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `theirs` is the same of MLflow, where it has one."""

    work: str
    ours: str
    theirs: str = NOTHING
    ratio: str = NOTHING
    must: str = NOTHING
    is_met: bool | None = None


def said(row: Row) -> Row:
    """Print a row as soon as it is measured, and return it."""
    sys.stdout.write(line(row) + "\n")
    sys.stdout.flush()
    return row


def line(row: Row) -> str:
    met = NOTHING if row.is_met is None else "yes" if row.is_met else "**no**"
    cells = (row.work, row.ours, row.theirs, row.ratio, row.must, met)
    return "| " + " | ".join(cells) + " |"


def table(title: str, text: str, rows: Sequence[Row]) -> list[str]:
    """Return a part of the section: its heading, how it was measured, its rows."""
    heads = [
        "| work | ours | MLflow | ratio | must | met |",
        "|---|---|---|---|---|---|",
    ]
    return [f"### {title}", "", text, "", *heads, *map(line, rows), ""]


def compared(
    work: str,
    ours: Sequence[float],
    theirs: Sequence[float] = (),
    *,
    most: float | None = None,
    form: str = "{:.1f}",
) -> Row:
    """Return the row of medians; met if ours is at most `most`."""
    mine = statistics.median(ours)
    return Row(
        work,
        form.format(mine),
        form.format(statistics.median(theirs)) if theirs else NOTHING,
        ratio(ours, theirs),
        NOTHING if most is None else f"≤ {most:,g}",
        None if most is None else mine <= most,
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if not theirs:
        return NOTHING
    times = statistics.median(theirs) / statistics.median(ours)
    return f"**{times:.0f}x**" if times >= SEVERAL else f"**{times:.1f}x**"


def percentiles(took: Sequence[float]) -> str:
    return f"{statistics.median(took):.1f} / {ninety_five(took):.1f}"


def ninety_five(took: Sequence[float]) -> float:
    return sorted(took)[max(0, -(-95 * len(took) // 100) - 1)]
