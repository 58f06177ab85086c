"""What a config may be made of, for scripts and their forms."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.catalog import feature_list, strategy_list, symbol_list
from experiments.selectors.limits import limit_list
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

router = Router(tags=["config"])


class ParameterOut(Schema):
    name: str
    type: str = Field(description="int, float or choice.")
    default: int | float | str
    min: float | None
    max: float | None
    step: float | None
    unit: str
    meaning: str
    choices: list[str]


class StrategyOut(Schema):
    name: str
    label: str
    meaning: str
    novice: str
    params: list[ParameterOut]
    constraints: list[str]


class StrategyListOut(Schema):
    items: list[StrategyOut]
    next_cursor: str | None


class FeatureOut(Schema):
    name: str
    meaning: str
    inputs: list[str] = Field(description="Columns of the candles it reads.")
    params: list[ParameterOut]
    outputs: list[str]
    lookback_bars: int = Field(description="Bars without a value, with the defaults.")


class FeatureListOut(Schema):
    items: list[FeatureOut]
    next_cursor: str | None


class SymbolOut(Schema):
    provider: str
    symbol: str
    timeframe: str
    start: Moment = Field(description="Open of the first bar.")
    end: Moment = Field(description="Open of the last bar.")
    rows: int
    calendar: str


class SymbolListOut(Schema):
    items: list[SymbolOut]
    next_cursor: str | None


class LimitOut(Schema):
    key: str
    value: int = Field(description="How much is allowed.")
    used: int | None = Field(description="null where nothing is used up.")
    remaining: int | None
    unit: str = Field(description="count or bytes.")
    resets_at: Moment | None = Field(description="When it is counted anew.")
    words: str


class LimitListOut(Schema):
    items: list[LimitOut]
    next_cursor: str | None


class SymbolQuery(FormatQuery):
    provider: str = Field("", description="Only what this one has.")


@router.get(
    "/strategies",
    response=StrategyListOut,
    summary="Strategies of the library",
    openapi_extra=TABLE_FORMATS,
)
def list_strategies(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """With every parameter: type, default, bounds, unit, meaning."""
    return whole_list(query, strategy_list(), name="strategies")


@router.get(
    "/symbols",
    response=SymbolListOut,
    summary="Symbols with bars",
    openapi_extra=TABLE_FORMATS,
)
def list_symbols(request: HttpRequest, query: Query[SymbolQuery]) -> Any:
    """Files that cannot be read are left out."""
    return whole_list(query, symbol_list(query.provider), name="symbols")


@router.get(
    "/features",
    response=FeatureListOut,
    summary="Features by name",
    openapi_extra=TABLE_FORMATS,
)
def list_features(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Named, causal, without a value while warming up."""
    return whole_list(query, feature_list(), name="features")


@router.get(
    "/limits",
    response=LimitListOut,
    summary="What is allowed, and what is left of it",
    openapi_extra=TABLE_FORMATS,
)
def list_limits(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """The same list is on the page of the settings."""
    return whole_list(query, limit_list(), name="limits")
