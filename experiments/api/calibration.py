"""How far the tests of luck can be trusted, for scripts."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.calibration import calibration_figures
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["ledger"])


class CalibrationFigureOut(Schema):
    check: str
    name: str
    worlds: int = Field(description="Made-up worlds whose truth is known.")
    each: str = Field(description="What one world is.")
    figure: str
    value: float
    low: float = Field(description="The least that is accepted.")
    high: float = Field(description="The most that is accepted.")
    kept: bool


class CalibrationListOut(Schema):
    items: list[CalibrationFigureOut]
    next_cursor: str | None


@router.get(
    "",
    response=CalibrationListOut,
    url_name="calibration",
    summary="What `make calibrate` found",
    openapi_extra=TABLE_FORMATS,
)
def list_calibration(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Every figure of every check, in the order of the page; none if none was made."""
    return whole_list(query, calibration_figures(), name="calibration")
