"""What else in the lab needs a run, in words: its files stay while it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from experiments.models import (
    ModelExperiment,
    ModelRun,
    ModelVersion,
    PipelineRun,
    RunKind,
    RunMetric,
    SavedView,
    SealOpening,
    StrategySnapshot,
)
from experiments.selectors.experiments import metric_key_of
from strategies.metrics.registry import METRICS

RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
A_PAGE = "/model-lab/runs/"  # notes that link to a run
# Kinds that say something of their parent, which says it on its page.
ABOUT_A_RUN = (RunKind.VALIDATE, RunKind.REPRODUCE)


def references() -> dict[UUID, str]:
    """Return every run that something needs, and what; a query for each kind of thing.

    What is in the trash needs nothing.
    """
    found: dict[UUID, str] = {}
    for run_id, words in _said():
        found.setdefault(run_id, words)
    return found


def _said() -> Iterator[tuple[UUID, str]]:
    shown = StrategySnapshot.objects.filter(deleted_at=None, run__isnull=False)
    for run_id in shown.values_list("run_id", flat=True):
        yield run_id, "a strategy"
    for run_id in ModelVersion.objects.values_list("training_id", flat=True):
        yield run_id, "a model"
    yield from _pipelines()
    for text in SealOpening.objects.values_list("run_id", flat=True):
        yield from _ids([text], "a seal of the ledger")
    yield from _family()
    for query in SavedView.objects.values_list("query", flat=True):
        yield from _ids([query], "a saved view")
    for model in (ModelExperiment, ModelRun, StrategySnapshot):
        linked = model.objects.filter(deleted_at=None, notes__contains=A_PAGE)
        yield from _ids(linked.values_list("notes", flat=True), "a link in notes")


def _pipelines() -> Iterator[tuple[UUID, str]]:
    for row in PipelineRun.objects.filter(deleted_at=None):
        yield from _ids(row.backtest_run_ids, "a pipeline")
        if row.training_run_id is not None:
            yield row.training_run_id, "a pipeline"


def _family() -> Iterator[tuple[UUID, str]]:
    """Yield runs that others were made of, and what was found out about a run."""
    children = ModelRun.objects.filter(
        deleted_at=None, parent__isnull=False, files_removed_at=None
    )
    rows = children.values_list("pk", "parent_id", "kind", "parent__files_removed_at")
    for run_id, parent_id, kind, parent_removed in rows:
        yield parent_id, f"its {kind.replace('_', ' ')}"
        if kind in ABOUT_A_RUN and parent_removed is None:
            yield run_id, "the run that it is about"


def _ids(texts: Iterable[object], words: str) -> Iterator[tuple[UUID, str]]:
    for text in texts:
        for found in RUN_ID.findall(str(text)):
            yield UUID(found), words


def best_runs(most: int) -> set[UUID]:
    """Return the best runs of each experiment, by what it is about, else by Sharpe."""
    wanted: dict[str, list[UUID]] = {}
    for experiment in ModelExperiment.objects.filter(deleted_at=None):
        wanted.setdefault(metric_key_of(experiment), []).append(experiment.pk)
    found: set[UUID] = set()
    for key, experiments in wanted.items():
        way = F("value").asc() if METRICS[key].better == "lower" else F("value").desc()
        place = Window(RowNumber(), partition_by="experiment_id", order_by=[way, "pk"])
        known = RunMetric.objects.filter(
            experiment__in=experiments,
            key=key,
            value__isnull=False,
            run__deleted_at=None,
        )
        ranked = known.annotate(place=place).filter(place__lte=most)
        found |= set(ranked.values_list("run_id", flat=True))
    return found
