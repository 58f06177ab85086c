"""What a config may be made of, for scripts and their forms."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.catalog import (
    feature_list,
    primitive_list,
    provider_list,
    strategy_list,
    symbol_list,
)
from experiments.selectors.limits import limit_list
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

router = Router(tags=["config"])


class ParameterOut(Schema):
    name: str
    type: str = Field(description="int, float, choice or text.")
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
    kind: str = Field(description="indicator, or expression of the starter catalog.")
    family: str
    meaning: str
    expr: str = Field(description="Its first output with the defaults, as typed.")
    unit: str | None = Field(description="`1`, `price`, `price·volume`, or unknown.")
    windows: list[int] = Field(description="Typical ones; the first is the default.")
    source: str = Field(description="Where it is known from, if it is.")
    inputs: list[str] = Field(description="Columns of the candles it reads.")
    params: list[ParameterOut]
    outputs: list[str]
    lookback_bars: int = Field(description="Bars without a value, with the defaults.")


class FeatureListOut(Schema):
    items: list[FeatureOut]
    next_cursor: str | None


class ArgumentOut(Schema):
    name: str
    kind: str = Field(description="value, window, number or group.")
    default: float | None = Field(description="null: it has to be written.")
    min: float | None
    max: float | None


class PrimitiveOut(Schema):
    name: str
    aliases: list[str]
    signature: str
    symbol: str = Field(description="How it is written as an operator, if it can be.")
    family: str
    meaning: str
    arguments: list[ArgumentOut]
    formula: str = Field(description="Of one that is written in the language itself.")
    unit: str
    nan: str
    lookback: str
    example: str


class PrimitiveListOut(Schema):
    items: list[PrimitiveOut]
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


class ProviderOut(Schema):
    name: str
    label: str
    installed: bool = Field(description="Whether its client library is there.")
    how: str | None = Field(description="How to install it, where it is not.")
    symbols: str = Field(description="How they are written.")
    timeframes: list[str]
    adjustments: list[str] = Field(description="The first is the usual one.")


class ProviderListOut(Schema):
    items: list[ProviderOut]
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
    "/providers",
    response=ProviderListOut,
    summary="Providers that bars are fetched from",
    openapi_extra=TABLE_FORMATS,
)
def list_providers(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Order their bars at `POST /api/datasets/fetch`; runs read what was fetched."""
    return whole_list(query, provider_list(), name="providers")


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
    "/primitives",
    response=PrimitiveListOut,
    summary="Functions of the language",
    openapi_extra=TABLE_FORMATS,
)
def list_primitives(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """What an expression may call: arguments, unit, NaN, look-back, an example."""
    return whole_list(query, primitive_list(), name="primitives")


@router.get(
    "/limits",
    response=LimitListOut,
    summary="What is allowed, and what is left of it",
    openapi_extra=TABLE_FORMATS,
)
def list_limits(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """The same list is on the page of the settings."""
    return whole_list(query, limit_list(), name="limits")
