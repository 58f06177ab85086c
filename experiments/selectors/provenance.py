"""Where a run comes from and what came of it: a graph of hashes, and who shares them.

Six steps, each with its nodes: what was brought in, the bars read of it, the features
made of them, the rule with its config, the run, and what was made of the run. A node is
named by a hash of what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from django.db.models import QuerySet

from experiments.artifacts.store import run_store
from experiments.models import ModelRun, RunKind, StrategySnapshot
from experiments.selectors.links import run_page_url
from experiments.selectors.pipeline import pipeline_of, title_of
from experiments.selectors.versions import versions_read
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__, parse
from strategies.documents import sha256_of
from strategies.dsl.named import formula_of
from strategies.errors import StrategyError
from strategies.features.cache import feature_hash
from strategies.library.registry import complete_params, strategy_named

MOST_NODES = 12  # of one step; a universe has hundreds
SHOWN = 6  # runs that share something
STEPS = {
    "source": "Brought in",
    "data": "Data",
    "features": "Features",
    "rule": "Rule and config",
    "run": "Run",
    "outcome": "What came of it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing of a step, named by what it is; `page` and `api` lead to it."""

    kind: str
    title: str
    hash: str
    words: str = ""
    page: str = ""
    api: str = ""
    symbol: str = ""  # that it is about; "" for all of them

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.hash}"

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "hash": self.hash,
            "words": self.words,
            "links": {"page": self.page or None, "self": self.api or None},
        }


def provenance(run: ModelRun) -> dict[str, Any]:
    """Return the graph of a run; a node leads to those of the next step.

    Where both are about one symbol, to its own only.
    """
    found = {
        "source": list(_source(run)),
        "data": list(_data(run)),
        "features": list(_features(run)),
        "rule": list(_rule(run)),
        "run": [_run(run)],
        "outcome": list(_outcome(run)),
    }
    steps = [step for step in STEPS if found[step]]
    shown = [found[step][:MOST_NODES] for step in steps]
    return {
        "run_id": str(run.pk),
        "steps": [
            {
                "step": step,
                "title": STEPS[step],
                "nodes": [node.document() for node in nodes],
                "n_more": len(found[step]) - len(nodes),
            }
            for step, nodes in zip(steps, shown, strict=True)
        ],
        "edges": list(_edges(shown)),
        "shared": _shared(run),
    }


def _edges(steps: Sequence[Sequence[Node]]) -> Iterator[dict[str, str]]:
    for before, after in pairwise(steps):
        for one, other in product(before, after):
            if not (one.symbol and other.symbol) or one.symbol == other.symbol:
                yield {"source": one.id, "target": other.id}


# --- what it comes from --------------------------------------------------------------


def _source(run: ModelRun) -> Iterator[Node]:
    """Yield the versions of bars that were brought in, with what they came in."""
    for one in versions_read(run):
        dataset = one.dataset
        yield Node(
            kind="version",
            title=f"{one.symbol}, {one.timeframe}",
            hash=one.candle_hash,
            words=f"{dataset.name}, {one.outcome}" if dataset else one.outcome,
            page=dataset.get_absolute_url() if dataset else "",
            api=f"/api/cache/candles/{one.candle_hash}",
            symbol=one.symbol,
        )


def _data(run: ModelRun) -> Iterator[Node]:
    """Yield the bars of each symbol that was read; of a training its rows."""
    if run.kind == RunKind.MODEL_TRAINING:
        yield _learnt_from(run)
        return
    for name, sha in _bars(run).items():
        provider, symbol, timeframe = name.split(":", 2)
        yield Node(
            kind="bars",
            title=f"{symbol}, {timeframe}",
            hash=sha,
            words=f"the bars of {provider} that it read",
            api=f"/api/runs/{run.pk}/manifest" if run.manifest_sha else "",
            symbol=symbol,
        )


def _learnt_from(run: ModelRun) -> Node:
    training = run.training
    dataset = training.dataset
    return Node(
        kind="dataset",
        title=dataset.name if dataset else "A dataset",
        hash=training.dataset_hash,
        words="the rows that it learnt from",
        page=dataset.get_absolute_url() if dataset else "",
        api=f"/api/datasets/{dataset.pk}" if dataset else "",
    )


def _bars(run: ModelRun) -> dict[str, str]:
    """Return the fingerprint of each symbol's bars; without files that of all."""
    if run.manifest_sha:
        try:
            found: dict[str, str] = run_store().manifest(str(run.pk))["candle_hashes"]
        except (Problem, KeyError, ValueError):
            found = {}  # the files are gone, or are not what they were
        if found:
            return found
    if not run.data_fingerprint:
        return {}
    config = run.config
    symbol = config.get("symbol") or f"{len(config.get('universe') or [])} symbols"
    return {
        f"{config['provider']}:{symbol}:{config['timeframe']}": run.data_fingerprint
    }


def _features(run: ModelRun) -> Iterator[Node]:
    """Yield what the rule computes of the bars; a search has its own in its space."""
    if run.kind == RunKind.MODEL_TRAINING:
        dataset = run.training.dataset
        for one in (dataset.report or {}).get("features", []) if dataset else []:
            yield _feature(run, one["column"], {}, f"{one['column']}, a column")
        return
    try:
        config = RunConfig(**run.config)
        if config.strategy is not None:
            strategy = strategy_named(config.strategy.name)
            params = complete_params(strategy, config.strategy.params)
            for feature in strategy.features(params):
                yield _feature(run, feature.name, feature.params, str(feature))
        elif config.expr:
            for name in parse(config.expr).fields:
                words = formula_of(name)
                yield _feature(run, name, {}, f"{name} = {words}" if words else name)
    except StrategyError:
        return  # a rule that this version of the code does not know


def _feature(run: ModelRun, name: str, params: Mapping[str, Any], title: str) -> Node:
    start, end = (int(run.metrics.get(key) or 0) for key in ("start_ts", "end_ts"))
    return Node(
        kind="feature",
        title=title,
        hash=feature_hash(name, params, run.data_fingerprint, start, end),
        words="computed of these bars",
        api=f"/api/config/features/{name}",
    )


def _rule(run: ModelRun) -> Iterator[Node]:
    pipeline = pipeline_of(run)
    if pipeline is not None:
        yield Node(
            kind="pipeline",
            title=title_of(pipeline),
            hash=pipeline.plan_hash,
            words="the pipeline it belongs to, by its plan",
            page=pipeline.get_absolute_url(),
            api=f"/api/models/pipeline/runs/{pipeline.pk}",
        )
    parent = run.parent
    if parent is not None and parent.deleted_at is None:
        yield Node(
            kind="run",
            title=parent.name or parent.job.title,
            hash=parent.manifest_sha or parent.run_hash,
            words=f"the {parent.kind.replace('_', ' ')} it belongs to",
            page=run_page_url(parent.pk),
            api=f"/api/runs/{parent.pk}",
        )
    yield from _rule_itself(run)
    yield Node(
        kind="config",
        title="Config",
        hash=run.config_hash,
        words=f"every setting, and version {run.code_version} of the code",
        page=f"{run_page_url(run.pk)}?tab=config",
        api=f"/api/runs/{run.pk}",
    )


def _rule_itself(run: ModelRun) -> Iterator[Node]:
    if run.kind == RunKind.MODEL_TRAINING:
        return  # its frame trades nothing
    expr, strategy = run.config.get("expr"), run.config.get("strategy")
    if expr:
        saved = _saved(run).first()
        try:
            sha = saved.expr_hash if saved else parse(expr).expr_hash
        except StrategyError:
            sha = sha256_of(expr)
        yield Node(
            kind="expression",
            title=expr,
            hash=sha,
            words="an expression" if saved is None else f"saved as {saved.name}",
            page=saved.get_absolute_url() if saved else "",
            api=f"/api/strategies/{sha}" if saved else "",
        )
    elif strategy:
        values = ", ".join(f"{k} {v}" for k, v in strategy["params"].items())
        yield Node(
            kind="strategy",
            title=f"{strategy['name']} {values}".strip(),
            hash=sha256_of([strategy, __version__]),
            words="a strategy of the library",
        )


def _run(run: ModelRun) -> Node:
    return Node(
        kind="run",
        title=run.name or run.job.title,
        hash=run.manifest_sha or run.run_hash,
        words="its manifest" if run.manifest_sha else "without files",
        page=run_page_url(run.pk),
        api=f"/api/runs/{run.pk}",
    )


# --- what came of it -----------------------------------------------------------------


def _outcome(run: ModelRun) -> Iterator[Node]:
    if run.kind in (RunKind.BACKTEST, RunKind.WALK_FORWARD) and run.metrics:
        yield Node(
            kind="report",
            title="Report",
            hash=sha256_of(run.metrics),
            words="its numbers",
            page=run_page_url(run.pk),
            api=f"/api/runs/{run.pk}/report",
        )
    for saved in _saved(run)[:MOST_NODES]:
        yield Node(
            kind="strategy",
            title=saved.name,
            hash=saved.expr_hash,
            words="saved with this run",
            page=saved.get_absolute_url(),
            api=f"/api/strategies/{saved.expr_hash}",
        )
    if run.kind == RunKind.MODEL_TRAINING:
        version = getattr(run.training, "version", None)
        if version is not None:
            yield Node(
                kind="model",
                title=str(version),
                hash=run.training.identity,
                words=version.stage,
                page=version.get_absolute_url(),
                api=f"/api/models/{version.model_id}",
            )
    children = run.children.filter(deleted_at__isnull=True).exclude(data_fingerprint="")
    for child in children.select_related("job").order_by("-created_at")[:MOST_NODES]:
        yield Node(
            kind=child.kind,
            title=child.name or child.job.title,
            hash=child.manifest_sha or child.run_hash,
            words=child.kind.replace("_", " "),
            page=run_page_url(child.pk),
            api=f"/api/runs/{child.pk}",
        )


def _saved(run: ModelRun) -> QuerySet[StrategySnapshot]:
    return run.strategies.filter(deleted_at__isnull=True)


# --- who shares it -------------------------------------------------------------------


def _shared(run: ModelRun) -> list[dict[str, Any]]:
    """Return who else read the same bars, and who has the same settings; counted."""
    others = ModelRun.objects.filter(deleted_at__isnull=True).exclude(pk=run.pk)
    same_data = others.filter(pool=run.pool, data_fingerprint=run.data_fingerprint)
    same_config = others.filter(config_hash=run.config_hash)
    groups = []
    if run.data_fingerprint:
        groups.append(("data", "Same bars", run.data_fingerprint, same_data))
    groups.append(("config", "Same config", run.config_hash, same_config))
    return [
        {
            "by": by,
            "title": title,
            "hash": sha,
            "n_runs": runs.count(),
            "runs": [_sharer(one) for one in _newest(runs)],
        }
        for by, title, sha, runs in groups
    ]


def _newest(runs: QuerySet[ModelRun]) -> QuerySet[ModelRun]:
    return runs.select_related("job").order_by("-created_at", "-pk")[:SHOWN]


def _sharer(run: ModelRun) -> dict[str, Any]:
    return {
        "run_id": str(run.pk),
        "name": run.name or run.job.title,
        "kind": run.kind,
        "created_at": run.created_at,
        "links": {"page": run_page_url(run.pk), "self": f"/api/runs/{run.pk}"},
    }
