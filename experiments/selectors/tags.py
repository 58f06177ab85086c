"""The tags in use, to choose from."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from experiments.models import ModelExperiment, ModelRun, StrategySnapshot

LOOKED_AT = 1_000
OFFERED = 24


def tags_in_use() -> list[str]:
    """Return the tags of what is newest of each kind, the most used first."""
    counts: Counter[str] = Counter()
    for model in (ModelExperiment, ModelRun, StrategySnapshot):
        shown = model.objects.filter(deleted_at__isnull=True).order_by("-created_at")
        counts.update(chain(*shown.values_list("tags", flat=True)[:LOOKED_AT]))
    ordered = sorted(counts, key=lambda tag: (-counts[tag], tag.casefold()))
    return ordered[:OFFERED]
