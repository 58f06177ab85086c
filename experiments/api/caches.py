"""The two caches for scripts: what they keep, and what may leave them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.selectors.caches import (
    LAST_USED,
    NEWEST,
    cache_sizes,
    candles_document,
    candles_get,
    candles_page,
    feature_document,
    feature_get,
    features_page,
)
from experiments.services.caches import candles_delete, feature_delete
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["data"])


class CacheLinksOut(Schema):
    self: str


class CachedCandlesOut(Schema):
    candle_hash: str
    provider: str
    symbol: str
    timeframe: str
    calendar: str
    adjustment: str
    start: Moment
    end: Moment
    row_count: int
    content_sha: str = Field(description="sha256 of the bars.")
    source_version: str
    outcome: str = Field(description="new, extended or restated.")
    replaces: str | None = Field(description="The version that was read before it.")
    path: str
    size_bytes: int
    created_at: Moment
    dataset_id: str | None = Field(description="The upload it came with.")
    links: CacheLinksOut


class CachedCandlesListOut(Schema):
    items: list[CachedCandlesOut]
    next_cursor: str | None
    total_bytes: int


class CachedFeatureOut(Schema):
    feature_hash: str
    name: str
    params: dict[str, Any]
    candle_hash: str | None = Field(description="The version of bars, if it is kept.")
    symbol: str | None
    data_fingerprint: str = Field(description="sha256 of the bars it was made of.")
    row_count: int
    path: str
    size_bytes: int
    created_at: Moment
    used_at: Moment
    links: CacheLinksOut


class CachedFeatureListOut(Schema):
    items: list[CachedFeatureOut]
    next_cursor: str | None
    total_bytes: int
    limit_bytes: int = Field(description="Beyond it the unused ones are removed.")


class CandlesQuery(ListQuery):
    order: str = Field(NEWEST, description="created_at, symbol, row_count, size_bytes.")
    q: str = Field("", description="Part of the symbol.")


class FeaturesQuery(ListQuery):
    order: str = Field(
        LAST_USED, description="used_at, created_at, name, row_count or size_bytes."
    )
    q: str = Field("", description="Part of the name.")


@router.get(
    "/candles",
    response=CachedCandlesListOut,
    summary="Versions of bars that are kept",
    openapi_extra=TABLE_FORMATS,
)
def list_cached_candles(request: HttpRequest, query: Query[CandlesQuery]) -> Any:
    """The newest first."""
    read = partial(_candles, q=query.q, order=query.order)
    return listing(query, read, name="cached-candles")


def _candles(**asked: Any) -> Mapping[str, Any]:
    page = candles_page(**asked)
    return {
        "items": [candles_document(one) for one in page.items],
        "next_cursor": page.next_cursor,
        "total_bytes": cache_sizes()["candles"]["bytes"],
    }


@router.get(
    "/candles/{candle_hash}",
    response=CachedCandlesOut,
    summary="One version of bars",
)
def get_cached_candles(request: HttpRequest, candle_hash: str) -> Any:
    return candles_document(candles_get(candle_hash))


@router.delete(
    "/candles/{candle_hash}", response={204: None}, summary="Remove a version of bars"
)
def delete_cached_candles(request: HttpRequest, candle_hash: str) -> Any:
    """409 while a run or a dataset is proved by it."""
    candles_delete(candles=candles_get(candle_hash))
    return Status(204, None)


@router.get(
    "/features",
    response=CachedFeatureListOut,
    summary="Computed features that are kept",
    openapi_extra=TABLE_FORMATS,
)
def list_cached_features(request: HttpRequest, query: Query[FeaturesQuery]) -> Any:
    """Those used last first."""
    read = partial(_features, q=query.q, order=query.order)
    return listing(query, read, name="cached-features")


def _features(**asked: Any) -> Mapping[str, Any]:
    page, sizes = features_page(**asked), cache_sizes()
    return {
        "items": [feature_document(one) for one in page.items],
        "next_cursor": page.next_cursor,
        "total_bytes": sizes["features"]["bytes"],
        "limit_bytes": sizes["most_feature_bytes"],
    }


@router.get(
    "/features/{feature_hash}",
    response=CachedFeatureOut,
    summary="One computed feature",
)
def get_cached_feature(request: HttpRequest, feature_hash: str) -> Any:
    return feature_document(feature_get(feature_hash))


@router.delete(
    "/features/{feature_hash}", response={204: None}, summary="Remove a feature"
)
def delete_cached_feature(request: HttpRequest, feature_hash: str) -> Any:
    """409 while it is read, or a dataset is being built of it."""
    feature_delete(feature=feature_get(feature_hash))
    return Status(204, None)
