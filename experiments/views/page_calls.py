"""The calls behind every page: what gives a script the numbers that a page shows.

A page says its own calls where they depend on what it found (`calls` in its context);
all others are listed here by the name of their address.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from django.http import HttpRequest

from experiments.views.calls import Call, Door, calls_behind, rows

LIST = ("q", "order", "cursor")
OF_RUNS = (*LIST, "status", "strategy", "symbol", "tag", "starred", "archived")
OF_EXPERIMENTS = (*LIST, "strategy", "symbol", "tag", "starred", "archived")

EXPERIMENT = Door("This experiment", "/api/model-lab/experiments/{experiment_id}")
RUN = Door("This run", "/api/runs/{run_id}", shown='answer["metrics"]')
JOB = Door("This job", "/api/jobs/{job_id}", shown='answer["status"]')
MODEL = Door("This model", "/api/models/{model_id}")
VERSIONS = rows("Its versions", "/api/models/{model_id}/versions", limit=50)
PIPELINE = Door("This pipeline", "/api/models/pipeline/runs/{pipeline_id}")
PRESET = Door("This preset", "/api/presets/{kind}/{name}")
STRATEGY = Door("This strategy", "/api/strategies/{expr_hash}")
WATCHLIST = Door("This watchlist", "/api/watchlists/{watchlist_id}")
DATASET = Door("This dataset", "/api/datasets/{dataset_id}")
FAMILY = Door("This family", "/api/ledger/families/{pool}")
FAMILIES = rows("What was tried, by data", "/api/ledger/families")
RUNS = rows("The runs of the list", "/api/runs", OF_RUNS, limit=50)
FEATURES = rows("Features", "/api/config/features")
PRIMITIVES = rows("Functions of expressions", "/api/config/primitives")
PROVIDERS = rows("Where bars come from", "/api/config/providers")
SYMBOLS = rows("The bars there are", "/api/config/symbols")
RULES = rows("Rules and their parameters", "/api/config/strategies")
HEALTH = Door("How the lab is", "/api/health")
STORAGE = Door("What takes how much of the disk", "/api/system/storage")
LIMITS = rows("What is allowed, and used", "/api/config/limits")
METRICS = rows("What each metric means", "/api/metrics/definitions")
DISTRIBUTION = "/api/statistics/distribution"

PAGES: dict[str, tuple[Door, ...]] = {
    "jobs:job-list": (
        rows("The jobs of the list", "/api/jobs", (*LIST, "status", "kind"), limit=50),
    ),
    "jobs:job-detail": (
        JOB,
        rows("Its log", "/api/jobs/{job_id}/log", ("level", "q"), limit=200),
    ),
    "jobs:job-cancel": (JOB,),
    "settings": (LIMITS, HEALTH),
    "system": (HEALTH, STORAGE),
    "experiments:storage": (STORAGE,),
    "experiments:retention": (
        Door("What is kept how long, and what that frees", "/api/system/retention"),
    ),
    "key-list": (rows("Keys", "/api/keys"),),
    "experiments:share": (Door("Whose it is", "/api/share/{kind}/{key}"),),
    "experiments:broker": (
        rows("What the orders add up to", "/api/broker/positions"),
        rows("Orders on paper", "/api/broker/orders", ("cursor",), limit=50),
    ),
    "experiments:dashboard": (
        rows("The newest runs", "/api/runs", limit=8),
        FAMILIES,
        rows("Jobs at work", "/api/jobs", status="running"),
    ),
    "experiments:statistics": (Door("Totals", "/api/statistics/overview"),),
    "experiments:distributions": (
        Door("How a metric is spread", DISTRIBUTION, {"metric": "sharpe"}, ("metric",)),
        Door("How drawdowns are spread", DISTRIBUTION, {"metric": "max_drawdown"}),
    ),
    "experiments:lab-profit": (
        Door(
            "Where runs earned",
            "/api/statistics/pnl",
            {"group_by": "month"},
            ("group_by", "q"),
            "Computed if nobody looked yet; then it answers with the job.",
        ),
    ),
    "experiments:lab-correlation": (
        Door(
            "What moves alike",
            "/api/statistics/correlation",
            {"kind": "strategies"},
            ("kind", "provider", "universe", "timeframe"),
            "Computed if nobody looked yet; then it answers with the job.",
        ),
    ),
    "experiments:backtesting": (RUNS, RULES),
    "experiments:experiment-list": (
        rows(
            "The experiments of the list",
            "/api/model-lab/experiments",
            OF_EXPERIMENTS,
            limit=50,
        ),
    ),
    "experiments:experiment-new": (RULES, SYMBOLS),
    "experiments:preset-experiment": (RULES, SYMBOLS),
    "experiments:experiment-detail": (
        EXPERIMENT,
        rows(
            "Its runs", "/api/runs", OF_RUNS, experiment_id="{experiment_id}", limit=50
        ),
    ),
    "experiments:experiment-words": (EXPERIMENT,),
    "experiments:run-new": (EXPERIMENT, RULES),
    "experiments:sweep-new": (EXPERIMENT, RULES),
    "experiments:walk-new": (EXPERIMENT, RULES),
    "experiments:run-rerun": (RUN, RULES),
    "experiments:run-cancel": (RUN,),
    "experiments:run-words": (RUN,),
    "experiments:run-validate": (RUN,),
    "experiments:run-chart": (
        Door(
            "What the chart draws",
            "/api/runs/{run_id}/charts/{name}",
            {"format": "json"},
            words="format=png and format=svg are the picture.",
        ),
    ),
    "experiments:trade-why": (
        Door("Why this trade", "/api/runs/{run_id}/trades/{n}/explain"),
    ),
    "experiments:candidate": (
        RUN,
        rows("The candidates", "/api/runs/{run_id}/candidates", limit=200),
    ),
    "experiments:sweep-luck": (RUN,),
    "experiments:compare": (
        rows("Runs to choose from", "/api/runs", ("q",), status="succeeded"),
    ),
    "experiments:compare-sweeps": (
        rows("Sweeps to choose from", "/api/runs", kind="sweep", status="succeeded"),
    ),
    "experiments:dataset-list": (
        rows("The datasets of the list", "/api/datasets", LIST, limit=50),
        SYMBOLS,
    ),
    "experiments:dataset-detail": (
        DATASET,
        Door("What rests on it", "/api/datasets/{dataset_id}/dependents"),
    ),
    "experiments:dataset-new": (FEATURES, SYMBOLS),
    "experiments:dataset-upload": (PROVIDERS,),
    "experiments:dataset-fetch": (PROVIDERS,),
    "experiments:cache-list": (
        rows("Bars that are kept", "/api/cache/candles", limit=50),
        rows("Features that are kept", "/api/cache/features", limit=50),
    ),
    "experiments:preset-list": (
        rows("The presets of the list", "/api/presets", LIST, limit=50),
    ),
    "experiments:preset-new": (rows("Presets", "/api/presets", limit=50),),
    "experiments:preset-run": (PRESET, RULES),
    "experiments:preset-name": (PRESET,),
    "experiments:ledger": (
        FAMILIES,
        rows("Entries, the newest first", "/api/ledger", ("cursor",), limit=50),
        rows("Sealed bars that were opened", "/api/ledger/seals", limit=50),
    ),
    "experiments:ledger-family": (
        FAMILY,
        rows("Its entries", "/api/ledger", ("cursor",), pool="{pool}", limit=50),
    ),
    "experiments:ledger-luck": (FAMILY,),
    "experiments:universe-list": (rows("Universes", "/api/universes"),),
    "experiments:universe-detail": (
        Door("This universe", "/api/universes/{universe_id}"),
        rows("Its symbols", "/api/universes/{universe_id}/symbols"),
    ),
    "experiments:watchlist-list": (rows("Watchlists", "/api/watchlists"),),
    "experiments:watchlist-new": (rows("Watchlists", "/api/watchlists"),),
    "experiments:watchlist-detail": (WATCHLIST,),
    "experiments:expression": (FEATURES, PRIMITIVES),
    "experiments:expression-leaks": (PRIMITIVES,),
    "experiments:strategy-list": (
        rows("The strategies of the list", "/api/strategies", (*LIST, "tag"), limit=50),
    ),
    "experiments:strategy-detail": (STRATEGY,),
    "experiments:strategy-words": (STRATEGY,),
    "experiments:generate-new": (LIMITS, PRIMITIVES),
    "experiments:pipeline-list": (
        rows(
            "The pipelines of the list",
            "/api/models/pipeline/runs",
            (*LIST, "status", "model_id"),
            limit=50,
        ),
    ),
    "experiments:pipeline-new": (rows("Models", "/api/models"), LIMITS),
    "experiments:pipeline-cancel": (PIPELINE,),
    "experiments:model-list": (rows("Models", "/api/models"),),
    "experiments:model-detail": (MODEL, VERSIONS),
    "experiments:model-train": (MODEL,),
    "experiments:find": (rows("What was found", "/api/search", ("q",), limit=20),),
    "experiments:view-list": (rows("Your views", "/api/views"),),
    "experiments:trash": (
        rows("What was deleted", "/api/trash", ("kind", "cursor"), limit=50),
    ),
    "experiments:catalog": (FEATURES, PRIMITIVES),
    "experiments:catalog-feature": (FEATURES,),
    "experiments:catalog-primitive": (PRIMITIVES,),
    "experiments:calibration": (Door("How the tests of luck did", "/api/calibration"),),
    "experiments:glossary": (METRICS, FEATURES),
    "experiments:glossary-entry": (METRICS,),
}


def page_calls(request: HttpRequest) -> dict[str, Callable[[], list[Call]]]:
    """Context processor: `calls`, those behind the page, made where they are shown."""
    return {"calls": cache(partial(_calls, request))}


def _calls(request: HttpRequest) -> list[Call]:
    place = request.resolver_match
    if place is None:
        return []
    return calls_behind(request, PAGES.get(place.view_name, ()), place.kwargs)
