"""Returns of the months: tinted cells, in a page as a table of its own."""

from __future__ import annotations

from experiments.charts.figure import (
    NO_TRADES,
    Document,
    Figure,
    Report,
    compact,
    data_of,
    finished,
)
from experiments.charts.growth import benchmark_label

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
ROW_PX = 22


def months_figure(report: Report, *, is_drawn: bool = True) -> Figure:
    """Return a row for each year: twelve months or None, the year, the benchmark's."""
    months = report["monthly_returns"]
    if report["metrics"]["exposure"] == 0:
        return Figure(empty=NO_TRADES.format(thing="return of a month"))
    if not months:
        return Figure(empty="No month of it has a return.")
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
    spec = _spec(rows) if is_drawn else None
    return Figure(spec=spec, facts=facts, rows=months, table=rows)


def _spec(rows: list[Document]) -> Document:
    """Return the same cells for a file; the tints stay pale enough to read on."""
    import altair as alt

    cells = [
        {"year": row["year"], "month": name, "v": compact(one["return"])}
        for row in rows
        for name, one in zip(MONTHS, row["months"], strict=True)
        if one
    ]
    largest = max(abs(cell["v"]) for cell in cells) or 1.0
    tint = alt.Color(
        "v:Q",
        scale=alt.Scale(
            domain=[-2 * largest, 2 * largest], domainMid=0, interpolate="rgb"
        ),
        legend=None,
    )
    months = alt.Axis(
        title=None,
        orient="top",
        labelAngle=0,
        labelFlush=False,
        domain=False,
        ticks=False,
    )
    years = alt.Axis(title=None, grid=False, domain=False, ticks=False)
    chart = alt.Chart(data_of(cells)).encode(
        x=alt.X("month:O", sort=list(MONTHS), axis=months),
        y=alt.Y("year:O", axis=years),
    )
    words = chart.mark_text(style="note").encode(text=alt.Text("v:Q", format=".1%"))
    tinted = chart.mark_rect(style="cell").encode(color=tint)
    return finished(alt.layer(tinted, words), height=ROW_PX * len(rows))


def _named(one: Document) -> Document:
    return one | {"name": f"{MONTHS[one['month'] - 1]} {one['year']}"}
