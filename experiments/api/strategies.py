"""Saved strategies for scripts: expressions with the runs that show them."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.schemas import HonestyOut, In, Number, OwnedOut, Patch
from experiments.models import StrategySnapshot
from experiments.selectors.runs import run_get
from experiments.selectors.strategies import (
    MOST_SKIPPED,
    strategies_count,
    strategy_detail,
    strategy_documents,
    strategy_get,
    strategy_page,
)
from experiments.selectors.strategy_checks import strategy_checks
from experiments.selectors.strategy_curves import strategy_curve, strategy_returns
from experiments.selectors.strategy_relatives import (
    strategy_correlations,
    strategy_neighbours,
)
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.strategies import (
    strategy_delete,
    strategy_restore,
    strategy_save,
    strategy_update,
)
from experiments.services.words import Name, Notes, Tags
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["strategies"])


class StrategyQuery(ListQuery):
    order: str = Field("-created_at", description="A field or metric; `-` descending.")
    offset: int = Field(0, ge=0, le=MOST_SKIPPED, description="Skips so many.")
    q: str = Field(
        "",
        max_length=500,
        description="Part of the name, of a tag or of the text; or a search such as "
        "`sharpe > 1 and complexity < 5`, as docs/finding.md says.",
    )
    tag: str = Field("", description="One whole tag.")


class StrategyMetricsOut(Schema):
    ann_return: Number
    ann_vol: Number
    ann_sharpe: Number
    max_dd: Number


class SavedStrategyOut(OwnedOut):
    expr_hash: str = Field(description="sha256 of the canonical form.")
    expr: str = Field(description="As it was written.")
    canonical: str
    name: str
    metrics: StrategyMetricsOut
    complexity_score: float
    lookback_bars: int
    config: dict[str, Any] = Field(description="Of the run that shows it.")
    honesty: HonestyOut | None
    tags: list[str]
    notes: str
    run_id: UUID | None
    created_at: Moment
    updated_at: Moment
    links: dict[str, str | None]


class StrategyDetailOut(SavedStrategyOut):
    metrics: dict[str, Number]  # type: ignore[assignment]
    flags: dict[str, str]
    complexity: dict[str, float]
    lookahead: dict[str, Any] | None


class SavedStrategyListOut(Schema):
    items: list[SavedStrategyOut]
    next_cursor: str | None
    total: int


class StrategyIn(In):
    run_id: UUID = Field(description="A run of an expression that succeeded.")
    name: Name = ""
    tags: Tags = ()
    notes: Notes = ""


class StrategyPatch(Patch):
    name: Name = ""
    tags: Tags = ()
    notes: Notes = ""


class StrategyCurveOut(Schema):
    expr_hash: str
    base_currency: str = Field(description="ISO 4217; XXX where none is known.")
    scale: str
    dates: list[str]
    equity: list[float]
    total_points: int


class StrategyReturnsOut(Schema):
    expr_hash: str
    dates: list[str]
    returns: list[float]


class StrategyRelatedOut(Schema):
    expr_hash: str
    name: str
    expr: str
    correlation: Number = Field(description="Of weekly returns; null: too few weeks.")
    n_weeks: int


class StrategyNeighbourOut(StrategyRelatedOut):
    text_similarity: float = Field(description="Share of words in common, 0 to 1.")


class StrategyCorrelationOut(Schema):
    expr_hash: str
    frequency: str
    items: list[StrategyRelatedOut]
    next_cursor: str | None = None


class StrategyNeighboursOut(Schema):
    expr_hash: str
    items: list[StrategyNeighbourOut]
    next_cursor: str | None = None


class StrategyCheckOut(Schema):
    key: str
    status: Literal["PASS", "FAIL", "PENDING"]
    words: str
    value: bool | Number
    cutoff: bool | Number | list[float]


class StrategyChecksOut(Schema):
    expr_hash: str
    items: list[StrategyCheckOut]
    n_failed: int
    n_pending: int
    honesty: HonestyOut | None


class StrategySheetOut(Schema):
    expr_hash: str
    factor: dict[str, Any]
    sub_universe: dict[str, Any]
    sub_periods: list[dict[str, Any]]
    honesty: HonestyOut | None


SHEET = {200: StrategySheetOut, 202: UnderWayOut}
Points = Annotated[int, Query(ge=2, le=10_000)]


@router.get(
    "",
    response=SavedStrategyListOut,
    summary="Saved strategies",
    openapi_extra=TABLE_FORMATS,
)
def list_saved_strategies(request: HttpRequest, query: Query[StrategyQuery]) -> Any:
    """The newest first, in pages by cursor, or by offset."""
    asked = {"q": query.q, "tag": query.tag}

    def read(*, limit: int, cursor: str) -> Mapping[str, Any]:
        page = strategy_page(
            limit=limit,
            offset=0 if cursor else query.offset,
            cursor=cursor,
            order=query.order,
            **asked,
        )
        items = strategy_documents(page.items)
        total = strategies_count(**asked)
        return {"items": items, "next_cursor": page.next_cursor, "total": total}

    return listing(query, read, name="strategies")


@router.post(
    "",
    response={200: StrategyDetailOut, 201: StrategyDetailOut},
    summary="Save a strategy",
)
def save_strategy(
    request: HttpRequest, response: HttpResponse, payload: StrategyIn
) -> Any:
    """An expression is kept once: from another run it shows that one (200)."""
    said = payload.model_dump(exclude={"run_id"})
    strategy, is_new = strategy_save(run=run_get(payload.run_id), **said)
    document = strategy_detail(strategy_get(strategy.expr_hash))
    response["Location"] = document["links"]["self"]
    return Status(201 if is_new else 200, document)


@router.get("/{expr_hash}", response=StrategyDetailOut, summary="One saved strategy")
def get_strategy(request: HttpRequest, expr_hash: str) -> Any:
    """By its hash, or by the first eight or more characters of it."""
    return strategy_detail(strategy_get(expr_hash))


@router.patch("/{expr_hash}", response=StrategyDetailOut, summary="Change its words")
def patch_strategy(request: HttpRequest, expr_hash: str, payload: StrategyPatch) -> Any:
    """Name, tags and notes; what is left out stays."""
    strategy = strategy_get(expr_hash)
    return strategy_detail(
        strategy_update(strategy=strategy, changes=payload.changes())
    )


@router.delete("/{expr_hash}", response={204: None}, summary="Delete a strategy")
def delete_strategy(request: HttpRequest, expr_hash: str) -> Any:
    """Its run and its trials stay; it can be restored."""
    strategy_delete(strategy=strategy_get(expr_hash))
    return Status(204, None)


@router.post(
    "/{expr_hash}/restore", response=StrategyDetailOut, summary="Restore a strategy"
)
def restore_strategy(request: HttpRequest, expr_hash: str) -> Any:
    strategy = strategy_get(expr_hash, deleted=True)
    return strategy_detail(strategy_restore(strategy=strategy))


@router.get("/{expr_hash}/curve", response=StrategyCurveOut, summary="Its equity curve")
def get_curve(
    request: HttpRequest,
    expr_hash: str,
    points: Points = 500,
    scale: Literal["growth", "money"] = "growth",
) -> Any:
    """From 1.0 on, or in money; first, last, highest and lowest value are kept."""
    return strategy_curve(strategy_get(expr_hash), points=points, scale=scale)


@router.get("/{expr_hash}/returns", response=StrategyReturnsOut, summary="Its returns")
def get_returns(request: HttpRequest, expr_hash: str) -> Any:
    """Every one; of bars shorter than a day one for each session."""
    return strategy_returns(strategy_get(expr_hash))


@router.get(
    "/{expr_hash}/checks", response=StrategyChecksOut, summary="What should hold"
)
def get_checks(request: HttpRequest, expr_hash: str) -> Any:
    """Each with its cut-off, in a sentence; the last two wait for the factor sheet."""
    return strategy_checks(strategy_get(expr_hash))


@router.get(
    "/{expr_hash}/correlation",
    response=StrategyCorrelationOut,
    summary="How it moves with other saved strategies",
)
def get_correlation(request: HttpRequest, expr_hash: str) -> Any:
    strategy = strategy_get(expr_hash)
    found = strategy_correlations(strategy)
    named = {"expr_hash": strategy.expr_hash, "frequency": "weekly"}
    return {**named, "items": found}


@router.get(
    "/{expr_hash}/neighbours",
    response=StrategyNeighboursOut,
    summary="What is nearest to it",
)
def get_neighbours(
    request: HttpRequest,
    expr_hash: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
) -> Any:
    """By weekly returns or by text, whichever is nearer."""
    strategy = strategy_get(expr_hash)
    found = strategy_neighbours(strategy, limit=limit)
    return {"expr_hash": strategy.expr_hash, "items": found}


@router.get(
    "/{expr_hash}/factor",
    response=SHEET,
    summary="Its factor tear sheet",
    description=SOON,
)
async def get_factor(
    request: HttpRequest, response: HttpResponse, expr_hash: str
) -> Any:
    strategy = await sync_to_async(strategy_get)(expr_hash)
    ask = partial(SheetQuestion, strategy)
    return await answered(response, ask, partial(_sheet, strategy))


def _sheet(strategy: StrategySnapshot, found: dict[str, Any]) -> dict[str, Any]:
    [document] = strategy_documents([strategy])
    return {name: document[name] for name in ("expr_hash", "honesty")} | found
