"""Several runs side by side, for scripts: settings, metrics, curves, correlation."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.report import LineOut
from experiments.api.schemas import HonestyOut, In, Number, RunItemOut, RunMetrics
from experiments.selectors.compare import PARTS, comparison
from experiments.selectors.lineup import ids_in, lineup
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["compare"])

A_BASELINE = "What deltas are taken from; the first run if left out."
CHANGED_ONLY = "Leave out the settings that all say alike."


class CompareIn(In):
    run_ids: list[str] = Field(description="2 to 20 ids, no one twice.")
    baseline: str | None = Field(None, description=A_BASELINE)
    changed_only: bool = Field(True, description=CHANGED_ONLY)


class CompareQuery(FormatQuery):
    runs: str = Field(description="2 to 20 ids with commas between, no one twice.")
    baseline: str = Field("", description=A_BASELINE)
    changed_only: bool = Field(True, description=CHANGED_ONLY)


Part = Literal["runs", "metrics", "config_diff", "correlation", "series"]


class PartOut(Schema):
    items: list[dict[str, Any]]
    next_cursor: str | None


class SettingOut(Schema):
    path: str = Field(description="Dotted, as `strategy.params.fast`.")
    values: dict[str, Any] = Field(description="By run; null where it is not set.")


class MetricOut(Schema):
    key: str
    values: dict[str, Number] = Field(description="By run.")
    delta: dict[str, Number] = Field(description="Less the baseline's, by run.")
    best: str | None = Field(description="A run; null where all are equal.")


class BenchmarkOut(Schema):
    name: str
    metrics: RunMetrics
    honesty: HonestyOut | None
    series: LineOut


class CorrelationOut(Schema):
    run_ids: list[str]
    matrix: list[list[float | None]] = Field(
        description="Of returns; null below 20 common ones, or if one never moved."
    )
    n_returns: list[list[int]] = Field(description="Common returns of each pair.")
    period: str = Field(description="What a return spans, as a timeframe.")


class RemarkOut(Schema):
    code: str
    level: Literal["warn", "info"]
    title: str
    message: str = Field(description="Runs are called by their letters.")


class CompareOut(Schema):
    runs: list[RunItemOut]
    letters: dict[str, str] = Field(description="By run.")
    baseline: str
    config_diff: list[SettingOut]
    metrics: list[MetricOut]
    benchmark: BenchmarkOut | None = Field(description="If all share one.")
    series: dict[str, LineOut] = Field(
        description="Equity by run, 1 where the time begins that all share; at most "
        "500 points, none for a run that has no result."
    )
    correlation: CorrelationOut
    remarks: list[RemarkOut] = Field(description="What cannot be compared, and why.")


@router.post("/compare", response=CompareOut, summary="Compare runs")
def post_compare(request: HttpRequest, payload: CompareIn) -> Any:
    """What differs, by how much, and what cannot be compared."""
    wanted = lineup(payload.run_ids, payload.baseline or "", field="run_ids")
    return comparison(wanted, changed_only=payload.changed_only)


@router.get(
    "/compare",
    response=CompareOut,
    summary="Compare runs, by address",
    openapi_extra=TABLE_FORMATS,
)
def get_compare(request: HttpRequest, query: Query[CompareQuery]) -> Any:
    """The same; with another `format` the table of the metrics."""
    document = _compared(query)
    if query.format == "json":
        return document
    return whole_list(query, document["metrics"], name="compare-metrics")


@router.get(
    "/compare/{part}",
    response=PartOut,
    summary="A part of a comparison",
    openapi_extra=TABLE_FORMATS,
)
def get_compare_part(
    request: HttpRequest, part: Part, query: Query[CompareQuery]
) -> Any:
    """One of its tables, in each form."""
    rows = PARTS[part](_compared(query))
    return whole_list(query, rows, name=f"compare-{part.replace('_', '-')}")


def _compared(query: CompareQuery) -> dict[str, Any]:
    found = lineup(ids_in(query.runs), query.baseline)
    return comparison(found, changed_only=query.changed_only)
