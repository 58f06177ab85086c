"""The notebook's tables in the admin: to search, to mend words, to act on many rows.

Numbers, hashes and configs are what happened, so nothing changes them here; a trial
is not even acted upon.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from experiments.models import (
    CachedCandles,
    CachedFeature,
    Dataset,
    LedgerEntry,
    ModelExperiment,
    ModelRun,
    ModelVersion,
    Preset,
    SavedView,
    StrategySnapshot,
    Watchlist,
)
from experiments.services.caches import feature_delete
from experiments.services.datasets import dataset_delete
from experiments.services.experiments import (
    experiment_delete,
    experiment_restore,
    experiment_update,
)
from experiments.services.presets import preset_delete, preset_restore
from experiments.services.runs import run_cancel, run_delete, run_restore, run_update
from experiments.services.strategies import strategy_delete, strategy_restore
from experiments.services.verify import run_verify
from experiments.services.watchlists import watchlist_delete, watchlist_restore
from jobs.queue import requeue
from quantlab.web.admin import RowAdmin
from quantlab.web.problem import Problem

IS_DELETED = ("deleted_at", admin.EmptyFieldListFilter)


@admin.register(ModelExperiment)
class ExperimentAdmin(RowAdmin):
    editable = ("name", "notes", "starred", "archived")
    list_display = ("name", "model_key", "timeframe", "starred", "created_at")
    list_filter = ("model_key", "provider", "starred", "archived", IS_DELETED)
    search_fields = ("name", "notes", "id")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("delete_rows", "restore_rows")

    def save_model(
        self, request: HttpRequest, obj: ModelExperiment, form: Any, change: bool
    ) -> None:
        experiment_update(experiment=obj, changes=_changed(form))

    @admin.action(description="Delete; they can be restored")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda e: experiment_delete(experiment=e), "deleted")

    @admin.action(description="Restore what was deleted")
    def restore_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        gone = rows.filter(deleted_at__isnull=False)
        self.act(request, gone, lambda e: experiment_restore(experiment=e), "restored")


@admin.register(ModelRun)
class RunAdmin(RowAdmin):
    editable = ("name", "notes", "starred", "pinned", "archived")
    list_display = ("title", "status", "experiment", "hash_shown", "created_at")
    list_filter = ("job__status", "kind", "code_version", "starred", IS_DELETED)
    list_select_related = ("job", "experiment")
    search_fields = ("name", "job__title", "notes", "id", "config_hash")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("requeue_runs", "cancel_runs", "verify_runs", "delete_rows", "restore")

    @admin.display(description="Run", ordering="name")
    def title(self, run: ModelRun) -> str:
        return run.name or run.job.title or str(run)

    @admin.display(ordering="job__status")
    def status(self, run: ModelRun) -> str:
        return run.status

    @admin.display(description="Config")
    def hash_shown(self, run: ModelRun) -> str:
        return run.config_hash[:8]

    def save_model(
        self, request: HttpRequest, obj: ModelRun, form: Any, change: bool
    ) -> None:
        run_update(run=obj, changes=_changed(form))

    @admin.action(description="Queue again what failed or was cancelled")
    def requeue_runs(self, request: HttpRequest, rows: QuerySet) -> None:
        self.act(request, rows, lambda run: requeue(run.job_id), "queued again")

    @admin.action(description="Cancel what has not finished")
    def cancel_runs(self, request: HttpRequest, rows: QuerySet) -> None:
        self.act(request, rows, _call_off, "called off")

    @admin.action(description="Verify the files")
    def verify_runs(self, request: HttpRequest, rows: QuerySet) -> None:
        self.act(request, rows, _verified, "verified, every file as it was")

    @admin.action(description="Delete; they can be restored")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda run: run_delete(run=run), "deleted")

    @admin.action(description="Restore what was deleted")
    def restore(self, request: HttpRequest, rows: QuerySet) -> None:
        gone = rows.filter(deleted_at__isnull=False)
        self.act(request, gone, lambda run: run_restore(run=run), "restored")


@admin.register(Preset)
class PresetAdmin(RowAdmin):
    list_display = ("name", "kind", "updated_at")
    list_filter = ("kind", IS_DELETED)
    search_fields = ("name",)
    date_hierarchy = "created_at"
    ordering = ("kind", "name")
    actions = ("delete_rows", "restore")

    @admin.action(description="Delete; they can be restored")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda one: preset_delete(preset=one), "deleted")

    @admin.action(description="Restore what was deleted")
    def restore(self, request: HttpRequest, rows: QuerySet) -> None:
        gone = rows.filter(deleted_at__isnull=False)
        self.act(request, gone, lambda one: preset_restore(preset=one), "restored")


@admin.register(Watchlist)
class WatchlistAdmin(RowAdmin):
    list_display = ("name", "owner", "visibility", "updated_at")
    list_filter = ("visibility", IS_DELETED)
    search_fields = ("name", "owner", "symbols")
    date_hierarchy = "created_at"
    ordering = ("name",)
    actions = ("delete_rows", "restore")

    @admin.action(description="Delete; they can be restored")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda one: watchlist_delete(watchlist=one), "deleted")

    @admin.action(description="Restore what was deleted")
    def restore(self, request: HttpRequest, rows: QuerySet) -> None:
        gone = rows.filter(deleted_at__isnull=False)
        self.act(
            request, gone, lambda one: watchlist_restore(watchlist=one), "restored"
        )


@admin.register(StrategySnapshot)
class StrategyAdmin(RowAdmin):
    list_display = ("name", "expr", "complexity_score", "created_at")
    list_filter = (IS_DELETED,)
    search_fields = ("name", "expr", "canonical", "expr_hash")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "expr_hash")
    actions = ("delete_rows", "restore")

    @admin.action(description="Delete; they can be restored")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda one: strategy_delete(strategy=one), "deleted")

    @admin.action(description="Restore what was deleted")
    def restore(self, request: HttpRequest, rows: QuerySet) -> None:
        gone = rows.filter(deleted_at__isnull=False)
        self.act(request, gone, lambda one: strategy_restore(strategy=one), "restored")


@admin.register(Dataset)
class DatasetAdmin(RowAdmin):
    list_display = ("name", "kind", "n_symbols", "rows", "imported_at", "created_at")
    list_filter = ("kind", "dry_run", IS_DELETED)
    search_fields = ("name", "id", "dataset_hash", "raw_sha")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("delete_rows",)

    @admin.action(description="Remove from the list, with its file")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        shown = rows.filter(deleted_at__isnull=True)
        self.act(request, shown, lambda one: dataset_delete(dataset=one), "removed")


@admin.register(CachedCandles)
class CachedCandlesAdmin(RowAdmin):
    list_display = ("symbol", "provider", "timeframe", "row_count", "outcome")
    list_filter = ("provider", "timeframe", "outcome", "adjustment")
    search_fields = ("symbol", "candle_hash", "content_sha")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "candle_hash")
    actions = None  # runs are proved by them


@admin.register(CachedFeature)
class CachedFeatureAdmin(RowAdmin):
    list_display = ("name", "candles", "row_count", "size_bytes", "used_at")
    list_filter = ("name",)
    search_fields = ("name", "feature_hash", "data_fingerprint")
    date_hierarchy = "used_at"
    ordering = ("-used_at", "feature_hash")
    actions = ("delete_rows",)

    @admin.action(description="Remove, with its file")
    def delete_rows(self, request: HttpRequest, rows: QuerySet) -> None:
        self.act(request, rows, lambda one: feature_delete(feature=one), "removed")


@admin.register(ModelVersion)
class ModelVersionAdmin(RowAdmin):
    list_display = ("model_id", "version", "stage", "created_at", "published_at")
    list_filter = ("model_id", "stage")
    search_fields = ("model_id", "training__identity", "training__dataset_hash")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    actions = None  # what was trained stays as it was


@admin.register(SavedView)
class SavedViewAdmin(RowAdmin):
    list_display = ("name", "list", "owner", "updated_at")
    list_filter = ("list",)
    search_fields = ("name", "query")
    date_hierarchy = "created_at"
    ordering = ("list", "name")
    actions = None


@admin.register(LedgerEntry)
class LedgerEntryAdmin(RowAdmin):
    list_display = ("seq", "source", "pool_shown", "run_id", "n_trials", "created_at")
    list_filter = ("source",)
    search_fields = ("pool", "run_id", "job_id", "config_hash", "instruments")
    date_hierarchy = "created_at"
    ordering = ("-seq",)
    actions = None  # the ledger is only ever added to

    @admin.display(description="Pool", ordering="pool")
    def pool_shown(self, entry: LedgerEntry) -> str:
        return entry.pool[:8]


def _changed(form: Any) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in form.changed_data}


def _call_off(run: ModelRun) -> bool:
    if run.job.is_finished:
        return False
    run_cancel(run=run)
    return True


def _verified(run: ModelRun) -> None:
    answer = run_verify(run=run)
    if not answer["ok"]:
        changed = ", ".join(one["name"] for one in answer["files"] if not one["ok"])
        raise Problem(status=409, message=f"Not as they were written: {changed}.")
