"""What every metric means, for scripts."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.schemas import BestOfLabOut
from experiments.selectors.aggregate import distribution_rows, metric_distributions
from experiments.selectors.catalog import metric_definitions
from quantlab.web.downloads import (
    TABLE_FORMATS,
    FormatQuery,
    download,
    table_of,
    whole_list,
)

router = Router(tags=["config"])


class MetricDefinitionOut(Schema):
    key: str
    aliases: list[str]
    name: str
    formula: str
    unit: str
    sign: str = Field(description="any, positive or negative.")
    better: str = Field(description="higher, lower or none.")
    words: str
    novice: str = Field(description="Its name in plain words.")


class MetricDefinitionListOut(Schema):
    items: list[MetricDefinitionOut]
    next_cursor: str | None


@router.get(
    "/definitions",
    response=MetricDefinitionListOut,
    summary="Definitions of all metrics",
    openapi_extra=TABLE_FORMATS,
)
def list_metric_definitions(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """In the order of reports."""
    return whole_list(query, metric_definitions(), name="metrics")


class AggregateItemOut(Schema):
    key: str = Field(description="sharpe, a year, or max_drawdown.")
    edges: list[float] = Field(description="The outer bins hold what is beyond too.")
    counts: list[int] = Field(description="Runs in each bin.")
    no_skill: list[float] = Field(description="As many would be there by luck alone.")
    p5: float
    median: float
    p95: float


class AggregateOut(Schema):
    n_runs: int = Field(description="Different runs that are kept, but archived ones.")
    n_trials: int = Field(description="On the data of `best`; 0 without it.")
    expected_max_sharpe: float | None = Field(
        description="The best a year that so many trials without skill would reach on "
        "the data of `best`."
    )
    best: BestOfLabOut | None = Field(
        description="The run with the highest Sharpe ratio, of those on data whose "
        "trials count."
    )
    items: list[AggregateItemOut]
    next_cursor: str | None = None


@router.get(
    "/aggregate",
    response=AggregateOut,
    summary="How Sharpe ratios and drawdowns lie",
    openapi_extra=TABLE_FORMATS,
)
def get_aggregate(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Of all runs but archived ones, beside what they would be without any skill."""
    if query.format == "json":
        return metric_distributions()
    rows = distribution_rows(metric_distributions()["items"])
    return download(table_of(rows), form=query.format, name="aggregate")
