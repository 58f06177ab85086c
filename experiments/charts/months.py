"""Returns of the months: a table of which the cells are tinted."""

from __future__ import annotations

from experiments.charts.figure import NO_TRADES, Document, Figure, Report
from experiments.charts.growth import benchmark_label

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def months_figure(report: Report) -> Figure:
    """Return a row for each year: twelve months or None, the year, the benchmark's."""
    months = report["monthly_returns"]
    if report["metrics"]["exposure"] == 0:
        return Figure(empty=NO_TRADES.format(thing="return of a month"))
    theirs = {one["year"]: one["return"] for one in report["benchmark_yearly"]}
    cells = {(one["year"], one["month"]): one for one in months}
    rows = [
        {
            "year": one["year"],
            "months": [cells.get((one["year"], m)) for m in range(1, 13)],
            "return": one["return"],
            "benchmark": theirs.get(one["year"]),
        }
        for one in report["yearly"]
    ]
    whole = [one for one in months if not one["partial"]] or months
    facts: Document = {
        "columns": MONTHS,
        "benchmark": benchmark_label(report) if theirs else "",
        "gains": sum(one["return"] > 0 for one in months),
        "losses": sum(one["return"] < 0 for one in months),
        "total": len(months),
        "best": _named(max(whole, key=lambda one: one["return"])),
        "worst": _named(min(whole, key=lambda one: one["return"])),
        "partial": [_named(one) for one in months if one["partial"]],
    }
    return Figure(facts=facts, rows=months, table=rows)


def _named(one: Document) -> Document:
    return one | {"name": f"{MONTHS[one['month'] - 1]} {one['year']}"}
