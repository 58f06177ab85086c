"""Statistics of the whole lab, for scripts: totals, profit, distributions, likeness."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.schemas import BestOfLabOut, RunCountsOut
from experiments.selectors.aggregate import (
    MOST_BINS,
    distribution_rows,
    metric_distribution,
    metric_known,
)
from experiments.selectors.statistics import (
    features_question,
    lab_overview,
    profit_question,
    strategies_question,
)
from experiments.selectors.universes import universe_in
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

router = Router(tags=["statistics"])
MAX_TEXT = 500


class LabOverviewOut(Schema):
    experiments: int
    runs: int
    runs_by_status: RunCountsOut
    runs_by_kind: dict[str, int]
    strategies: int
    datasets: int
    trials: int = Field(description="Different candidates, of deleted runs too.")
    jobs: int
    compute_s: float = Field(description="Seconds that all jobs worked.")
    first_run_at: Moment | None
    last_run_at: Moment | None
    best_run: BestOfLabOut | None = Field(
        description="By its Sharpe ratio, of those on data whose trials count."
    )


@router.get("/overview", response=LabOverviewOut, summary="Totals of the lab")
def get_overview(request: HttpRequest) -> Any:
    """Of what is kept and not archived; trials are all that ever were."""
    return lab_overview()


class DistributionQuery(FormatQuery):
    metric: str = Field("sharpe", description="Key or alias of any metric.")
    bins: int | None = Field(None, ge=2, le=MOST_BINS)


class MetricBinOut(Schema):
    key: str
    low: float
    high: float
    count: int
    no_skill: float | None = Field(description="As many would be there by luck alone.")


class MetricDistributionOut(Schema):
    metric: str
    n_runs: int = Field(description="Different runs that have it, but archived ones.")
    n_trials: int = Field(description="On the data of `best`; 0 without it.")
    expected_max_sharpe: float | None = Field(
        description="The best Sharpe ratio a year that so many trials without skill "
        "would reach on the data of `best`."
    )
    best: BestOfLabOut | None = Field(
        description="Of the Sharpe ratio: the run with the highest, of those on data "
        "whose trials count."
    )
    p5: float | None
    median: float | None
    p95: float | None
    items: list[MetricBinOut] = Field(
        description="The outer bins hold what is beyond too."
    )
    next_cursor: str | None


@router.get(
    "/distribution",
    response=MetricDistributionOut,
    summary="How a metric lies over all runs",
    openapi_extra=TABLE_FORMATS,
)
def get_distribution(request: HttpRequest, query: Query[DistributionQuery]) -> Any:
    """Sharpe ratios and drawdowns beside what no skill would give."""
    found = metric_distribution(metric_known(query.metric), query.bins)
    said = ("n_runs", "n_trials", "expected_max_sharpe", "best", "p5", "median", "p95")
    beside = {name: found[name] for name in said} | {"metric": found["key"]}
    name = f"distribution-{found['key']}"
    return whole_list(query, distribution_rows([found]), name=name, **beside)


class ProfitQuery(Schema):
    group_by: str = Field(
        "month",
        description="day, week, month, symbol, side, hour, weekday, strategy or tag.",
    )
    q: str = Field(
        "", max_length=MAX_TEXT, description="Which runs, as `q` of GET /api/runs."
    )


class ProfitPartOut(Schema):
    key: str
    label: str
    pnl: float = Field(description="Cash of all runs together, net of costs.")
    runs: int = Field(description="Runs that have this part.")
    mean: float = Field(description="Cash of one of these runs.")
    count: int = Field(description="Bars, round trips or runs, as `of` says.")
    win_rate: float | None = Field(description="Share of them with a profit.")


class ProfitOut(Schema):
    by: str
    q: str
    of: str = Field(description="bars, round_trips or runs.")
    runs: int = Field(description="Different runs that were read, the newest.")
    unread: int = Field(description="Their files are gone or were not kept.")
    matching: int = Field(description="Finished runs that match.")
    items: list[ProfitPartOut]
    next_cursor: str | None = None


@router.get(
    "/pnl",
    response={200: ProfitOut, 202: UnderWayOut},
    summary="Where runs earned",
    description=f"Runs are of the same few histories: their sum is no income. {SOON}",
)
async def get_pnl(
    request: HttpRequest, response: HttpResponse, query: Query[ProfitQuery]
) -> Any:
    """Divide the profit of the newest different runs in one way."""
    return await answered(response, lambda: profit_question(query.group_by, query.q))


class CorrelationQuery(Schema):
    kind: Literal["strategies", "features"] = "strategies"
    universe: str = Field(
        "SP500", max_length=MAX_TEXT, description="Of features: symbols, or a universe."
    )
    provider: str = Field("builtin", max_length=40, description="Of features.")
    timeframe: str = Field("1d", max_length=20, description="Of features.")


class LikenessLabelOut(Schema):
    key: str
    title: str
    page: str
    family: str | None = None


class LikenessPairOut(Schema):
    a: str
    b: str
    a_title: str
    b_title: str
    correlation: float
    n: int


class LeftOutOut(Schema):
    key: str
    title: str
    why: str


class LikenessOut(Schema):
    kind: str
    of: str
    method: str = Field(description="pearson or spearman.")
    symbols: list[str] | None = None
    labels: list[LikenessLabelOut] = Field(description="Like beside like.")
    matrix: list[list[float | None]] = Field(description="null: too few in common.")
    n: list[list[int]] = Field(description="Weeks or bars in common.")
    pairs: list[LikenessPairOut] = Field(description="The closest, at most 40.")
    left_out: list[LeftOutOut]


@router.get(
    "/correlation",
    response={200: LikenessOut, 202: UnderWayOut},
    summary="Which strategies or features move alike",
    description=f"Ordered by average linkage of 1 − |correlation|. {SOON}",
)
async def get_correlation(
    request: HttpRequest, response: HttpResponse, query: Query[CorrelationQuery]
) -> Any:
    """Weekly returns of saved strategies, or ranks of features on the same bars."""
    if query.kind == "strategies":
        return await answered(response, strategies_question)
    bars = {"provider": query.provider, "timeframe": query.timeframe}
    return await answered(
        response,
        lambda: features_question(bars | {"universe": universe_in(query.universe)}),
    )
