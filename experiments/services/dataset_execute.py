"""Build a dataset: bars, features, labels, one file; each symbol told, all or nothing.

Whoever is killed on the way leaves features in their cache and an unfinished file: the
next attempt reads the first and writes over the second.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from experiments.models import Dataset
from experiments.selectors.datasets import built_folder
from experiments.services.caches import feature_files, features_record
from experiments.services.dataset_build import BuildPlan, plan_of
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from strategies import Candles
from strategies.errors import CandleError
from strategies.features.cache import FeatureFiles
from strategies.features.dataset import Columns, DatasetFile, label_values
from strategies.features.quality import Tally
from strategies.market.sources import load_each

RECORD_EVERY = 50  # symbols


def dataset_execute(*, dataset_id: str, context: JobContext) -> None:
    """Build a queued dataset; once it is written, doing it again is nothing."""
    dataset = Dataset.objects.get(pk=dataset_id)
    if dataset.dataset_hash:
        return  # the worker was lost between writing it and ending its job
    dataset_made(dataset, context)
    _commit(dataset, context)


def dataset_made(dataset: Dataset, context: JobContext) -> None:
    """Write the file of a dataset, and on its row, unsaved, what is in it."""
    plan, files = plan_of(dataset), feature_files()
    candles = _loaded(plan, context)
    file = DatasetFile(built_folder(), str(dataset.pk))
    try:
        report = _written(plan, candles, file, files, dataset.options["bars"], context)
        context.stage("artifacts")
        sha, size = file.settle()
    finally:
        file.discard()
    dataset.dataset_hash, dataset.size_bytes = sha, size
    dataset.report = report
    dataset.rows = report["rows"]
    dataset.n_symbols = report["symbols"]
    dataset.coverage = report["coverage"]


def _loaded(plan: BuildPlan, context: JobContext) -> list[Candles]:
    symbols = plan.config.symbols
    context.stage("data_loading", count=len(symbols))
    candles: list[Candles] = []
    for symbol in symbols:
        context.report(len(candles), len(symbols), symbol)
        candles += load_each(plan.config, [symbol])
    return candles


def _written(
    plan: BuildPlan,
    candles: list[Candles],
    file: DatasetFile,
    files: FeatureFiles,
    versions: dict[str, str],
    context: JobContext,
) -> dict[str, Any]:
    """Write symbol after symbol; return the report."""
    context.stage("features", count=len(plan.columns))
    n_texts = sum(one.expression is not None for one in plan.chosen)
    total = n_texts + len(candles)
    columns = Columns(
        plan.chosen,
        candles,
        files,
        lambda n: context.report(n, total, "expressions"),
        plan.config.members,
    )
    hash_of = {symbol: name for name, symbol in versions.items()}
    known = {
        one.fingerprint: hash_of[one.symbol] for one in candles if one.symbol in hash_of
    }
    tally = Tally(candles)
    for n, one in enumerate(candles, start=1):
        values = columns.of(one)
        label = label_values(one.close, plan.label)
        file.add(one, values, label)
        tally.add(one, values, label)
        context.report(n_texts + n, total, one.symbol)
        if n % RECORD_EVERY == 0 or n == len(candles):
            features_record(files=files, versions=known)
    report = tally.report()
    if not report["label"]["known"]:
        raise CandleError(
            f"No bar is followed by {plan.label.horizon_bars} others.",
            code="horizon_too_long",
            field="label.horizon_bars",
            advice="Shorten the horizon, or take an earlier start.",
        )
    if plan.is_static:
        report["quality"]["survivorship_bias"] = True
    return report


@transaction.atomic
def _commit(dataset: Dataset, context: JobContext) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    dataset.save()
