"""Every read of the two caches: their files, what they take, and who needs them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet, Sum

from experiments.models import (
    CachedCandles,
    CachedFeature,
    Dataset,
    DatasetKind,
    ModelRun,
)
from jobs.models import ACTIVE
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem

CANDLE_ORDERS = {
    name: name for name in ("created_at", "symbol", "row_count", "size_bytes")
}
FEATURE_ORDERS = {
    name: name for name in ("used_at", "created_at", "name", "row_count", "size_bytes")
}
NEWEST, LAST_USED = "-created_at", "-used_at"
NAMED = 3  # users that a refusal names


def candles_page(
    *, q: str = "", order: str = NEWEST, limit: int = 50, cursor: str = ""
) -> Page[CachedCandles]:
    found = CachedCandles.objects.all()
    if q:
        found = found.filter(symbol__icontains=q)
    return keyset_page(
        found, order=order, fields=CANDLE_ORDERS, limit=limit, cursor=cursor
    )


def features_page(
    *, q: str = "", order: str = LAST_USED, limit: int = 50, cursor: str = ""
) -> Page[CachedFeature]:
    found = CachedFeature.objects.select_related("candles")
    if q:
        found = found.filter(name__icontains=q)
    return keyset_page(
        found, order=order, fields=FEATURE_ORDERS, limit=limit, cursor=cursor
    )


def candles_get(candle_hash: str) -> CachedCandles:
    """Return a version of bars, or 404."""
    found = CachedCandles.objects.filter(pk=candle_hash).first()
    return found if found else _missing("version of bars", "candles")


def feature_get(feature_hash: str) -> CachedFeature:
    """Return a computed feature, or 404."""
    found = CachedFeature.objects.select_related("candles").filter(pk=feature_hash)
    first = found.first()
    return first if first else _missing("feature", "features")


def _missing(what: str, cache: str) -> Any:
    raise Problem(
        status=404,
        message=f"The cache has no {what} with this hash.",
        next_steps=[f"GET /api/cache/{cache}"],
    )


def candles_document(one: CachedCandles) -> dict[str, Any]:
    return {
        "candle_hash": one.candle_hash,
        "provider": one.provider,
        "symbol": one.symbol,
        "timeframe": one.timeframe,
        "calendar": one.calendar,
        "adjustment": one.adjustment,
        "start": _moment(one.start_ms),
        "end": _moment(one.end_ms),
        "row_count": one.row_count,
        "content_sha": one.content_sha,
        "source_version": one.source_version,
        "outcome": one.outcome,
        "replaces": one.replaces or None,
        "path": one.path,
        "size_bytes": one.size_bytes,
        "created_at": one.created_at,
        "dataset_id": None if one.dataset_id is None else str(one.dataset_id),
        "links": {"self": f"/api/cache/candles/{one.candle_hash}"},
    }


def feature_document(one: CachedFeature) -> dict[str, Any]:
    return {
        "feature_hash": one.feature_hash,
        "name": one.name,
        "params": one.params,
        "candle_hash": one.candles_id,
        "symbol": one.candles.symbol if one.candles else None,
        "data_fingerprint": one.data_fingerprint,
        "row_count": one.row_count,
        "path": one.path,
        "size_bytes": one.size_bytes,
        "created_at": one.created_at,
        "used_at": one.used_at,
        "links": {"self": f"/api/cache/features/{one.feature_hash}"},
    }


def cache_sizes() -> Mapping[str, Any]:
    """Return what both caches take, and how much the second one may take."""
    return {
        "candles": _size(CachedCandles.objects.all()),
        "features": _size(CachedFeature.objects.all()),
        "most_feature_bytes": settings.QUANT_FEATURE_CACHE_MB * 2**20,
    }


def _size(rows: QuerySet[Any]) -> dict[str, int]:
    total = rows.aggregate(size=Sum("size_bytes"))["size"] or 0
    return {"files": rows.count(), "bytes": total}


# --- who needs what ------------------------------------------------------------------


def candles_users(candles: CachedCandles) -> list[str]:
    """Return some of the runs and datasets that are proved by a version of bars."""
    runs = ModelRun.objects.filter(_read_by(candles), deleted_at__isnull=True)
    datasets = Dataset.objects.filter(deleted_at__isnull=True)
    brought = datasets.filter(versions=candles)
    built = datasets.filter(
        kind=DatasetKind.BUILT, options__bars__has_key=candles.candle_hash
    )
    return [
        *_named("run", runs),
        *_named("dataset", brought),
        *_named("dataset", built),
    ]


def _read_by(candles: CachedCandles) -> Q:
    """Return which runs read these bars, or may have.

    A run of one symbol says which version it read; one of several only that it read
    the symbol.
    """
    provider, symbol = candles.provider, candles.symbol
    may_have = Q(symbol=symbol) | Q(config__benchmark=symbol)
    may_have |= Q(config__universe__icontains=f'"{symbol}"')
    says_which = Q(source_version__startswith=f"{provider}:")
    return Q(source_version=f"{provider}:{candles.candle_hash}") | (
        Q(config__provider=provider) & may_have & ~says_which
    )


def feature_users(feature: CachedFeature) -> list[str]:
    """Return datasets that are being built and read this feature, or wrote it."""
    building = Dataset.objects.filter(
        kind=DatasetKind.BUILT,
        deleted_at__isnull=True,
        job__status__in=ACTIVE,
        job__started_at__lte=feature.used_at,
    )
    return _named("dataset", building)


def _named(kind: str, rows: QuerySet[Any]) -> list[str]:
    return [f"{kind} {_name(one)}" for one in rows[:NAMED]]


def _name(one: Model) -> str:
    return f"“{getattr(one, 'name', '') or one.pk}”"


def _moment(stamp_ms: int) -> datetime:
    return datetime.fromtimestamp(stamp_ms / 1000, UTC)
