"""Addresses of the notebook's pages."""

from __future__ import annotations

from django.urls import path

from experiments.views.archive import archive_taken
from experiments.views.backtesting import backtesting
from experiments.views.broker import broker, broker_order_cancelled
from experiments.views.caches import (
    cache_list,
    cached_candles_deleted,
    cached_feature_deleted,
)
from experiments.views.calibration import calibration
from experiments.views.catalog import catalog, catalog_feature, catalog_primitive
from experiments.views.charts import run_chart
from experiments.views.compare import compare, compare_chart
from experiments.views.compare_sweeps import compare_sweeps, compare_sweeps_chart
from experiments.views.dashboard import dashboard, demo_removal
from experiments.views.dataset_build import dataset_new
from experiments.views.dataset_fetch import dataset_fetched, dataset_refreshed
from experiments.views.datasets import (
    dataset_deleted,
    dataset_detail,
    dataset_list,
    dataset_upload,
)
from experiments.views.distributions import distributions
from experiments.views.experiments import (
    experiment_detail,
    experiment_list,
    experiment_new,
)
from experiments.views.expression import (
    expression,
    expression_complete,
    expression_leaks,
)
from experiments.views.find import find
from experiments.views.gate import version_gate, version_published
from experiments.views.generate_form import generate_new
from experiments.views.glossary import glossary_entry, glossary_page
from experiments.views.learn import learn
from experiments.views.ledger import ledger, ledger_check, ledger_family_page
from experiments.views.marks import experiment_marked, run_bulk
from experiments.views.models import (
    model_detail,
    model_list,
    model_train,
    training_chart,
)
from experiments.views.overfitting import pool_luck, sweep_luck
from experiments.views.pipeline import (
    pipeline_deleted,
    pipeline_detail,
    pipeline_list,
    pipeline_stop,
)
from experiments.views.pipeline_form import pipeline_new
from experiments.views.presets import (
    preset_deleted,
    preset_guarded,
    preset_list,
    preset_new,
    preset_renamed,
    preset_run,
)
from experiments.views.reproduce import run_reproduced
from experiments.views.retention import retention
from experiments.views.run import run_check, run_detail, run_stop
from experiments.views.runs_new import run_again, run_new
from experiments.views.saved_views import view_deleted, view_list, view_renamed
from experiments.views.sharing import share
from experiments.views.statistics import lab_correlation, lab_profit, statistics
from experiments.views.storage import cache_cleared, storage
from experiments.views.strategies import (
    strategy_deleted,
    strategy_list,
    strategy_saved,
)
from experiments.views.strategy import strategy_detail
from experiments.views.sweep import candidate
from experiments.views.sweep_form import sweep_new
from experiments.views.trash import trash, undo
from experiments.views.universes import (
    universe_detail,
    universe_list,
    watchlist_deleted,
    watchlist_detail,
    watchlist_list,
    watchlist_new,
)
from experiments.views.validation import validation_file, validation_new
from experiments.views.walk_form import walk_new
from experiments.views.why import trade_why
from experiments.views.words import experiment_words, run_words, strategy_words

app_name = "experiments"

urlpatterns = [
    path("share/<str:kind>/<str:key>", share, name="share"),
    path("", dashboard, name="dashboard"),
    path("statistics", statistics, name="statistics"),
    path("statistics/distributions", distributions, name="distributions"),
    path("statistics/profit", lab_profit, name="lab-profit"),
    path("statistics/correlation", lab_correlation, name="lab-correlation"),
    path("model-lab/runs/<uuid:run_id>", run_detail, name="run-detail"),
    path("model-lab/runs/<uuid:run_id>/cancel", run_stop, name="run-cancel"),
    path("model-lab/runs/<uuid:run_id>/verify", run_check, name="run-verify"),
    path(
        "model-lab/runs/<uuid:run_id>/reproduce",
        run_reproduced,
        name="run-reproduce",
    ),
    path("model-lab/runs/<uuid:run_id>/luck", sweep_luck, name="sweep-luck"),
    path("model-lab/runs/<uuid:run_id>/words", run_words, name="run-words"),
    path("model-lab/runs/<uuid:run_id>/validate", validation_new, name="run-validate"),
    path(
        "model-lab/runs/<uuid:run_id>/validation/<slug:name>",
        validation_file,
        name="validation-file",
    ),
    path("model-lab/runs/<uuid:run_id>/trades/<int:n>", trade_why, name="trade-why"),
    path("model-lab/runs/bulk", run_bulk, name="run-bulk"),
    path("model-lab/compare", compare, name="compare"),
    path("model-lab/compare/chart", compare_chart, name="compare-chart"),
    path(
        "model-lab/runs/<uuid:run_id>/candidates/<int:index>",
        candidate,
        name="candidate",
    ),
    path("model-lab/compare-sweeps", compare_sweeps, name="compare-sweeps"),
    path(
        "model-lab/compare-sweeps/chart",
        compare_sweeps_chart,
        name="compare-sweeps-chart",
    ),
    path("model-lab/trash", trash, name="trash"),
    path("model-lab/trash/undo", undo, name="undo"),
    path("system/retention", retention, name="retention"),
    path("system/storage", storage, name="storage"),
    path("system/caches/<str:name>/clear", cache_cleared, name="cache-clear"),
    path("import", archive_taken, name="import"),
    path("model-lab/demo/remove", demo_removal, name="demo-remove"),
    path(
        "model-lab/runs/<uuid:run_id>/charts/<slug:name>",
        run_chart,
        name="run-chart",
    ),
    path("model-lab", experiment_list, name="experiment-list"),
    path("model-lab/new", experiment_new, name="experiment-new"),
    path(
        "model-lab/experiments/<uuid:experiment_id>",
        experiment_detail,
        name="experiment-detail",
    ),
    path(
        "model-lab/experiments/<uuid:experiment_id>/words",
        experiment_words,
        name="experiment-words",
    ),
    path(
        "model-lab/experiments/<uuid:experiment_id>/mark",
        experiment_marked,
        name="experiment-mark",
    ),
    path(
        "model-lab/experiments/<uuid:experiment_id>/runs/new", run_new, name="run-new"
    ),
    path(
        "model-lab/experiments/<uuid:experiment_id>/sweep",
        sweep_new,
        name="sweep-new",
    ),
    path(
        "model-lab/experiments/<uuid:experiment_id>/walk-forward",
        walk_new,
        name="walk-new",
    ),
    path("model-lab/runs/<uuid:run_id>/rerun", run_again, name="run-rerun"),
    path("datasets", dataset_list, name="dataset-list"),
    path("datasets/caches", cache_list, name="cache-list"),
    path(
        "datasets/caches/candles/<slug:candle_hash>/delete",
        cached_candles_deleted,
        name="cached-candles-delete",
    ),
    path(
        "datasets/caches/features/<slug:feature_hash>/delete",
        cached_feature_deleted,
        name="cached-feature-delete",
    ),
    path("datasets/new", dataset_new, name="dataset-new"),
    path("datasets/upload", dataset_upload, name="dataset-upload"),
    path("datasets/fetch", dataset_fetched, name="dataset-fetch"),
    path(
        "datasets/<uuid:dataset_id>/refresh", dataset_refreshed, name="dataset-refresh"
    ),
    path("datasets/<uuid:dataset_id>", dataset_detail, name="dataset-detail"),
    path("datasets/<uuid:dataset_id>/delete", dataset_deleted, name="dataset-delete"),
    path("presets", preset_list, name="preset-list"),
    path("presets/new", preset_new, name="preset-new"),
    path(
        "presets/sweep/<str:preset>/experiment",
        experiment_new,
        name="preset-experiment",
    ),
    path(
        "presets/sweep/<str:name>/guardrails",
        preset_guarded,
        name="preset-guardrails",
    ),
    path("presets/<str:kind>/<str:name>", preset_run, name="preset-run"),
    path("presets/<str:kind>/<str:name>/name", preset_renamed, name="preset-name"),
    path("presets/<str:kind>/<str:name>/delete", preset_deleted, name="preset-delete"),
    path("ledger", ledger, name="ledger"),
    path("ledger/verify", ledger_check, name="ledger-verify"),
    path("ledger/<str:pool>", ledger_family_page, name="ledger-family"),
    path("ledger/<str:pool>/luck", pool_luck, name="ledger-luck"),
    path("universes", universe_list, name="universe-list"),
    path("universes/<slug:universe_id>", universe_detail, name="universe-detail"),
    path("watchlists", watchlist_list, name="watchlist-list"),
    path("watchlists/new", watchlist_new, name="watchlist-new"),
    path("watchlists/<uuid:watchlist_id>", watchlist_detail, name="watchlist-detail"),
    path(
        "watchlists/<uuid:watchlist_id>/delete",
        watchlist_deleted,
        name="watchlist-delete",
    ),
    path("backtesting", backtesting, name="backtesting"),
    path("backtest", expression, name="expression"),
    path("backtest/complete", expression_complete, name="expression-complete"),
    path("backtest/look-ahead", expression_leaks, name="expression-leaks"),
    path("strategies", strategy_list, name="strategy-list"),
    path("strategies/save", strategy_saved, name="strategy-save"),
    path("strategies/search", generate_new, name="generate-new"),
    path("strategies/<str:expr_hash>", strategy_detail, name="strategy-detail"),
    path("strategies/<str:expr_hash>/words", strategy_words, name="strategy-words"),
    path("strategies/<str:expr_hash>/delete", strategy_deleted, name="strategy-delete"),
    path("pipeline", pipeline_list, name="pipeline-list"),
    path("pipeline/new", pipeline_new, name="pipeline-new"),
    path("pipeline/<uuid:pipeline_id>", pipeline_detail, name="pipeline-detail"),
    path("pipeline/<uuid:pipeline_id>/cancel", pipeline_stop, name="pipeline-cancel"),
    path(
        "pipeline/<uuid:pipeline_id>/delete", pipeline_deleted, name="pipeline-delete"
    ),
    path("models", model_list, name="model-list"),
    path("models/<str:model_id>", model_detail, name="model-detail"),
    path("models/<str:model_id>/train", model_train, name="model-train"),
    path(
        "models/<str:model_id>/versions/<int:version>/critic-gate",
        version_gate,
        name="version-gate",
    ),
    path(
        "models/<str:model_id>/versions/<int:version>/publish",
        version_published,
        name="version-publish",
    ),
    path(
        "model-lab/runs/<uuid:run_id>/training/<slug:name>",
        training_chart,
        name="training-chart",
    ),
    path("search", find, name="find"),
    path("views", view_list, name="view-list"),
    path("views/<uuid:view_id>/name", view_renamed, name="view-rename"),
    path("views/<uuid:view_id>/delete", view_deleted, name="view-delete"),
    path("catalog", catalog, name="catalog"),
    path(
        "catalog/primitives/<str:primitive>",
        catalog_primitive,
        name="catalog-primitive",
    ),
    path("catalog/<str:feature>", catalog_feature, name="catalog-feature"),
    path("broker", broker, name="broker"),
    path(
        "broker/orders/<uuid:order_id>/cancel",
        broker_order_cancelled,
        name="broker-order-cancel",
    ),
    path("learn", learn, name="learn"),
    path("calibration", calibration, name="calibration"),
    path("glossary", glossary_page, name="glossary"),
    path("glossary/<slug:key>", glossary_entry, name="glossary-entry"),
]
