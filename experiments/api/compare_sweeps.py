"""Two sweeps side by side, for scripts: bests, plateaus, maps on one scale."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.compare import PartOut, SettingOut
from experiments.api.schemas import HonestyOut, RunItemOut
from experiments.api.search import Value
from experiments.api.sweep import CandidateOut
from experiments.selectors.compare_sweeps import (
    PARTS,
    pair_document,
    sweeps_side_by_side,
)
from experiments.selectors.lineup import ids_in, sweep_pair
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["compare"])

Part = Literal["runs", "config_diff", "picks", "importance", "distribution", "map"]


class SweepPairQuery(FormatQuery):
    runs: str = Field(description="The ids of two sweeps with a comma between.")
    x: str = Field("", description="An axis of both; by default what matters most.")
    y: str = Field("", description="Another one.")
    metric: str = Field("", description="By default the objective of the first.")


class PickOut(CandidateOut):
    run_id: str
    pick: Literal["best", "plateau"]
    around: float | None = Field(description="Mean of its neighbours.")
    honesty: HonestyOut | None


class SharesOut(Schema):
    name: str
    shares: dict[str, float | None] = Field(description="By run; null: not an axis.")


class DistributionOut(Schema):
    metric: str
    edges: list[float]
    counts: dict[str, list[int]] = Field(description="By run, one for each bin.")
    medians: dict[str, float | None]


class OneMapOut(Schema):
    x: list[Value]
    y: list[Value]
    z: list[list[float | None]] = Field(description="One list for each value of y.")


class MapsOut(Schema):
    x_name: str
    y_name: str
    low: float = Field(description="The lowest value of both maps: of one scale.")
    high: float
    n_common: int = Field(description="Places that both have.")
    n_b_better: int = Field(description="Of these, where the second is better.")
    maps: dict[str, OneMapOut] = Field(description="By run.")


class SweepPairOut(Schema):
    runs: list[RunItemOut]
    letters: dict[str, str] = Field(description="By run.")
    metric: str = Field(description="Of the maps and the distribution.")
    config_diff: list[SettingOut]
    picks: list[PickOut] = Field(description="By the objective of each.")
    importance: list[SharesOut]
    distribution: DistributionOut
    map: MapsOut | None = Field(description="Null without two common axes.")


@router.get(
    "/compare-sweeps",
    response=SweepPairOut,
    summary="Compare two sweeps",
    openapi_extra=TABLE_FORMATS,
)
def get_compare_sweeps(request: HttpRequest, query: Query[SweepPairQuery]) -> Any:
    """With another `format` the table of the bests and best plateaus."""
    document = _compared(query)
    if query.format == "json":
        return document
    return whole_list(query, PARTS["picks"](document), name="compare-sweeps")


@router.get(
    "/compare-sweeps/{part}",
    response=PartOut,
    summary="A part of a comparison of sweeps",
    openapi_extra=TABLE_FORMATS,
)
def get_compare_sweeps_part(
    request: HttpRequest, part: Part, query: Query[SweepPairQuery]
) -> Any:
    """One of its tables, in each form."""
    name = f"compare-sweeps-{part.replace('_', '-')}"
    return whole_list(query, PARTS[part](_compared(query)), name=name)


def _compared(query: SweepPairQuery) -> dict[str, Any]:
    runs = sweep_pair(ids_in(query.runs))
    asked = {"x": query.x, "y": query.y, "metric": query.metric}
    return pair_document(sweeps_side_by_side(runs, **asked))
