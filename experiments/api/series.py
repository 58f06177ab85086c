"""Series of a run over time, for scripts."""

import re
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.runs import run_get
from experiments.selectors.series import POINTS, Span, run_series, series_table
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, download
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem
from strategies.config import epoch_ms
from strategies.market.timeframe import ALIASES, TIMEFRAMES

router = Router(tags=["runs"])

MOST_POINTS = 100_000
EPOCH_MS = re.compile(r"-?\d{9,16}|0")  # eight digits are a date: 20181231
A_TIME = "A date, an RFC 3339 time or epoch ms; inclusive."


class SeriesQuery(FormatQuery):
    series: str = Field("equity", description="One or more, separated by commas.")
    from_: str = Field("", alias="from", description=A_TIME)
    to: str = Field("", description=f"{A_TIME} A date means its last bar.")
    interval: str = Field("", description="A timeframe such as `1d`; else every bar.")
    agg: str = Field(
        "",
        description="What an interval makes of its bars: last, first, min, max, mean "
        "or sum. By default each series knows: the last, of a drawdown the lowest, of "
        "turnover and fills the sum, of exposure and leverage the mean.",
    )
    points: int = Field(
        POINTS,
        ge=4,
        le=MOST_POINTS,
        description="At most so many; the first, the last and every extreme stay. "
        "A table has all of them unless this is sent.",
    )

    def span(self) -> Span:
        """Return the span that is asked for; 422 for one that is none."""
        start = _moment("from", self.from_)
        end = _moment("to", self.to, end_of_day=True)
        if start is not None and end is not None and end < start:
            raise _refused("to", "It lies before `from`.")
        interval = ALIASES.get(self.interval, self.interval)
        if interval and interval not in TIMEFRAMES:
            raise unknown_word("interval", self.interval, TIMEFRAMES)
        return Span(start=start, end=end, interval=interval, aggregate=self.agg)


class SeriesOut(Schema):
    ts: list[int] = Field(description="Epoch ms: the first bar of each interval.")
    value: list[float | None]
    agg: str
    total_points: int = Field(description="Before they were thinned.")


class SeriesListOut(Schema):
    run_id: str
    interval: str | None
    series: dict[str, SeriesOut]


@router.get(
    "/{run_id}/metrics",
    response=SeriesListOut,
    summary="Series of a run over time",
    openapi_extra=TABLE_FORMATS,
)
def get_series(request: HttpRequest, run_id: str, query: Query[SeriesQuery]) -> Any:
    """Equity, drawdown, exposure and the like, bar by bar or by intervals."""
    run, span = run_get(run_id), query.span()
    names = list(dict.fromkeys(name.strip() for name in query.series.split(",")))
    series = run_series(run, names, span)
    if query.format != "json":
        if "points" in query.model_fields_set:
            series = {name: one.thinned(query.points) for name, one in series.items()}
        table = series_table(series)
        return download(table, form=query.format, name=f"{run.pk}-series")
    return {
        "run_id": str(run.pk),
        "interval": span.interval or None,
        "series": {name: one.document(query.points) for name, one in series.items()},
    }


def _moment(field: str, text: str, *, end_of_day: bool = False) -> int | None:
    if not text:
        return None
    if EPOCH_MS.fullmatch(text):
        return int(text)
    try:
        return epoch_ms(text, end_of_day=end_of_day)
    except (ValueError, OverflowError) as exc:
        raise _refused(field, f"{exc}.") from None


def _refused(field: str, message: str) -> Problem:
    return Problem(
        status=422,
        code="invalid_value",
        message=f"{field}: {message}",
        advice=A_TIME,
        errors=[{"field": field, "code": "invalid_value", "message": message}],
    )
