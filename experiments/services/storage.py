"""Empty a cache: what was in it is made again when somebody asks for it."""

from __future__ import annotations

from experiments.artifacts import spare
from experiments.models import CachedFeature
from experiments.selectors.storage import FEATURES, SPARES, caches
from experiments.services.caches import feature_delete
from quantlab.web.problem import Problem


def cache_clear(*, name: str) -> int:
    """Empty a cache; return how many bytes that freed.

    Features that are being read stay. 404 for a cache that there is not, 409 for one
    whose files are not made again.
    """
    known = {one.name: one for one in caches()}
    if name not in known:
        raise Problem(
            status=404,
            message=f"There is no cache called '{name[:40]}'.",
            next_steps=["GET /api/system/storage"],
        )
    if not known[name].can_be_cleared:
        raise Problem(
            status=409,
            code="not_spare",
            message=f"What is in {name} is not made again by itself.",
            advice="Remove single files of it at /datasets/caches."
            if name == "candles"
            else "Take the archives in, or leave them: the oldest make room.",
        )
    if name == FEATURES:
        return _features_cleared()
    [cache] = [one for one in SPARES if one.name == name]
    return spare.clear(cache)


def _features_cleared() -> int:
    freed = 0
    for feature in CachedFeature.objects.all():
        try:
            feature_delete(feature=feature)
        except Problem:
            continue  # somebody reads it
        freed += feature.size_bytes
    return freed
