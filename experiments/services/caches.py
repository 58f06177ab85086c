"""Every write of the caches: what is known of their files, and what may leave them."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from experiments.models import CachedCandles, CachedFeature
from experiments.selectors.caches import candles_users, feature_users
from quantlab.web.problem import Problem
from strategies.features.cache import FeatureFiles, News
from strategies.market.cache import CandleCache

BATCH = 200


def feature_files() -> FeatureFiles:
    """Return the feature cache of the lab, as large as it may be."""
    return FeatureFiles(max_bytes=settings.QUANT_FEATURE_CACHE_MB * 2**20)


def features_record(
    *, files: FeatureFiles, versions: Mapping[str, str] | None = None
) -> None:
    """Write down what was kept, read and removed since the last time.

    `versions` names the version in the candle cache for fingerprints of bars; others
    have none.
    """
    news = files.news()
    if news.used or news.removed:
        _written_down(news, versions or {})


@transaction.atomic
def _written_down(news: News, known: Mapping[str, str]) -> None:
    now = timezone.now()
    rows = [
        CachedFeature(
            feature_hash=one.feature_hash,
            name=one.name,
            params=dict(one.params),
            candles_id=known.get(one.data_fingerprint),
            data_fingerprint=one.data_fingerprint,
            row_count=one.rows,
            path=one.key,
            size_bytes=one.size_bytes,
            created_at=now,
            used_at=now,
        )
        for one in news.used.values()
    ]
    CachedFeature.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["feature_hash"],
        update_fields=["used_at", "size_bytes"],
    )
    removed = list(news.removed)
    for first in range(0, len(removed), BATCH):
        gone = removed[first : first + BATCH]
        CachedFeature.objects.filter(pk__in=gone).delete()


def feature_delete(*, feature: CachedFeature) -> None:
    """Remove a feature; 409 while something needs it. It is computed again if asked."""
    _refuse_if_used(feature_users(feature), "This feature")
    if not feature_files().delete(feature.name, feature.feature_hash):
        raise _in_use("This feature is being read.", "Try again in a moment.")
    feature.delete()


@transaction.atomic
def candles_delete(*, candles: CachedCandles) -> None:
    """Remove a version of bars; 409 while a run or a dataset is proved by it."""
    _refuse_if_used(candles_users(candles), "This version of the bars")
    files = feature_files()
    for feature in candles.features.all():
        files.delete(feature.name, feature.feature_hash)
        feature.delete()
    CandleCache().forget(
        candles.provider, candles.symbol, candles.timeframe, candles.candle_hash
    )
    candles.delete()


def _refuse_if_used(users: list[str], what: str) -> None:
    if users:
        message = f"{what} is used by {', '.join(users)}."
        raise _in_use(message, "Delete what uses it first, or leave it.")


def _in_use(message: str, advice: str) -> Problem:
    return Problem(status=409, code="in_use", message=message, advice=advice)
