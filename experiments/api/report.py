"""The report of a run for scripts: what its page draws."""

from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.pictures import BeingDrawnOut, picture_answer
from experiments.api.schemas import HistogramOut, HonestyOut, RunMetrics, RunOut
from experiments.api.trades import RoundTripOut
from experiments.models import ModelRun
from experiments.selectors.report import run_report
from experiments.selectors.runs import run_get
from experiments.selectors.tables import run_table
from experiments.services.picture import report_wanted
from experiments.services.report_file import report_file
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["runs"])


class LineOut(Schema):
    ts: list[int] = Field(description="Epoch ms, at most 500.")
    value: list[float | None]


class BandOut(Schema):
    ts: list[int] = Field(description="Epoch ms.")
    low: list[float | None] = Field(description="One standard error below.")
    high: list[float | None] = Field(description="One standard error above.")


class MonthOut(Schema):
    year: int
    month: int
    return_: float = Field(alias="return", description="Fraction.")
    partial: bool = Field(description="True if the window cuts the month.")


class YearOut(Schema):
    year: int
    return_: float = Field(alias="return", description="Fraction.")
    sharpe: float | None
    max_drawdown: float
    trade_count: int


class BenchmarkYearOut(Schema):
    year: int
    return_: float = Field(alias="return", description="Fraction.")


class DrawdownOut(Schema):
    start: int = Field(description="Epoch ms of the peak.")
    trough: int
    end: int | None = Field(description="Null while it lasts.")
    depth: float = Field(description="Fraction below 0.")
    bars: int
    down_bars: int
    up_bars: int | None


class FirstRoundTripsOut(Schema):
    items: list[RoundTripOut] = Field(description="At most 100.")
    total: int


class SurvivorshipOut(Schema):
    bias: bool = Field(description="Nobody is said to have left the list.")
    symbols: int
    words: str


class ReportOut(Schema):
    run: RunOut
    metrics: RunMetrics
    flags: dict[str, str]
    benchmark_metrics: RunMetrics
    series: dict[str, LineOut]
    bands: dict[str, BandOut] = Field(description="Around the rolling Sharpe ratios.")
    monthly_returns: list[MonthOut]
    yearly: list[YearOut]
    benchmark_yearly: list[BenchmarkYearOut]
    returns_histogram: HistogramOut
    drawdowns: list[DrawdownOut]
    round_trips: FirstRoundTripsOut
    lookahead: dict[str, Any] | None = Field(
        description="Of an expression: whether any part of it reads the future."
    )
    survivorship: SurvivorshipOut | None = Field(description="Null for one symbol.")
    validation: dict[str, Any] | None
    critic: dict[str, Any] | None
    honesty: HonestyOut | None


class ReportQuery(Schema):
    format: Literal["json", "html", "pdf"] = Field(
        "json",
        description="`html` is one file: charts, tables and sentences, without script "
        "and without anything to load. `pdf` is the same on paper, made by a job.",
    )


FILES = {
    "responses": {
        200: {
            "content": {
                "text/html": {"schema": {"type": "string"}},
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            }
        },
        206: {"description": "The range of the PDF that was asked for."},
        304: {"description": "The PDF is the one you have."},
    }
}
ANSWERS: Any = {200: ReportOut, 202: BeingDrawnOut}


@router.api_operation(["HEAD"], "/runs/{run_id}/report", include_in_schema=False)
@router.get(
    "/model-lab/runs/{run_id}/report",
    response=ANSWERS,
    by_alias=True,
    operation_id="get_model_lab_report",
    summary="Report of a run (alias)",
    openapi_extra=FILES,
)
@router.get(
    "/runs/{run_id}/report",
    response=ANSWERS,
    by_alias=True,
    operation_id="get_report",
    summary="Report of a run",
    openapi_extra=FILES,
)
async def get_report(
    request: HttpRequest, run_id: str, query: Query[ReportQuery]
) -> Any:
    """Everything its page shows; 409 unless it has succeeded, 202 while a PDF is made.

    The ETag of a PDF is its sha256: it is another one once more is known of the run.
    """
    run = await sync_to_async(run_get)(run_id)
    if query.format == "pdf":
        wanted = await sync_to_async(report_wanted)(run=run)
        return await picture_answer(request, run, wanted)
    read = _as_file if query.format == "html" else run_report
    return await sync_to_async(read)(run)


def _as_file(run: ModelRun) -> HttpResponse:
    """Answer with the report as a page whole in itself, under a policy of its own."""
    made = report_file(run=run)
    response = HttpResponse(made.text)
    name = f"report-{str(run.pk)[:8]}.html"
    response["Content-Disposition"] = content_disposition_header(False, name) or ""
    response["Content-Security-Policy"] = made.policy
    return response


class TableOut(Schema):
    items: list[dict[str, Any]]
    next_cursor: str | None
    honesty: HonestyOut | None


@router.get(
    "/runs/{run_id}/tables/{name}",
    response=TableOut,
    summary="One table of the report",
    openapi_extra=TABLE_FORMATS,
)
def get_table(
    request: HttpRequest, run_id: str, name: str, query: Query[FormatQuery]
) -> Any:
    """`metrics`, `monthly_returns`, `yearly`, `drawdowns` and the like, all rows."""
    run = run_get(run_id)
    table = run_table(run, name)
    return whole_list(query, name=f"{run.pk}-{name}", **table)
