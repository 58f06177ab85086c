"""Several runs side by side, for scripts: settings, metrics, curves, correlation."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.report import LineOut
from experiments.api.schemas import HonestyOut, In, Number, RunItemOut, RunMetrics
from experiments.selectors.compare import TABLES, comparison
from experiments.selectors.lineup import lineup
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, download, table_of

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
    table: Literal["metrics", "config_diff", "correlation", "series"] = Field(
        "metrics", description="Which part `csv` and `parquet` are of."
    )


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
    """The same; as a table with `format`."""
    wanted = lineup(_ids(query.runs), query.baseline)
    document = comparison(wanted, changed_only=query.changed_only)
    return _answer(query, document)


def _ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _answer(query: CompareQuery, document: dict[str, Any]) -> Any:
    if query.format == "json":
        return document
    rows = TABLES[query.table](document)
    return download(table_of(rows), form=query.format, name=f"compare-{query.table}")
