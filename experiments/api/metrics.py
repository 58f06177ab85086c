"""What every metric means, for scripts."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.catalog import metric_definitions
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

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
