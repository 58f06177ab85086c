"""Every node of a run's graph is a hash that something else has, too."""

from __future__ import annotations

import pytest

from experiments.artifacts.store import run_store
from experiments.models import CachedCandles, DatasetKind, ModelRun, StrategySnapshot
from experiments.selectors.dependents import dataset_dependents
from strategies import parse
from strategies.features.cache import feature_hash
from tests.experiments.rows import add_cached_feature, add_dataset, plain_run
from tests.factories import CONFIG, finished_run

pytestmark = pytest.mark.django_db


def graph_of(client, run):
    graph = client.get(f"/api/runs/{run.pk}/provenance").json()
    nodes = {one["id"]: one for step in graph["steps"] for one in step["nodes"]}
    assert len(nodes) == sum(len(step["nodes"]) for step in graph["steps"])
    assert all(one["hash"] for one in nodes.values())
    assert {edge[end] for edge in graph["edges"] for end in edge} == set(nodes)
    return graph, {step["step"]: step["nodes"] for step in graph["steps"]}


def test_a_run_leads_back_to_its_bars_and_on_to_what_was_made_of_it(client):
    run = finished_run(name="Mother")
    twin = finished_run(name="Twin")
    other = finished_run(
        name="Other", changes={"strategy": {"params": {"fast": 6, "slow": 20}}}
    )
    ModelRun.objects.filter(pk=other.pk).update(parent=run)

    graph, steps = graph_of(client, run)

    assert list(steps) == ["data", "features", "rule", "run", "outcome"]
    [bars] = steps["data"]
    assert bars["hash"] == run.data_fingerprint
    ends = run.metrics["start_ts"], run.metrics["end_ts"]
    expected = [
        feature_hash("sma", {"period": period}, run.data_fingerprint, *ends)
        for period in (5, 20)
    ]
    assert sorted(one["hash"] for one in steps["features"]) == sorted(expected)
    strategy, config = steps["rule"]
    assert strategy["title"] == "sma_cross fast 5, slow 20, direction long"
    assert config["hash"] == run.config_hash
    assert [one["hash"] for one in steps["run"]] == [run.manifest_sha]
    report, child = steps["outcome"]
    assert report["links"]["self"] == f"/api/runs/{run.pk}/report"
    assert child["links"]["page"] == other.get_absolute_url()
    by = {group["by"]: group for group in graph["shared"]}
    assert by["data"]["n_runs"] == 2
    assert [one["run_id"] for one in by["config"]["runs"]] == [str(twin.pk)]
    page = client.get(f"{run.get_absolute_url()}?tab=reproduce").content.decode()
    for node in (bars, config, child):
        assert f'title="{node["hash"]}"' in page
    # What is gone is no reason to show nothing.
    run_store().delete(str(run.pk))
    assert graph_of(client, run)[1]["data"][0]["hash"] == run.data_fingerprint


def test_an_expression_is_named_by_its_canonical_form_and_who_saved_it(client):
    text = 'rank(feat("rsi")) - 0.5'
    config = CONFIG | {"expr": text, "strategy": None, "symbol": None}
    run = plain_run(
        config=config | {"universe": ["SYN-gbm-1", "SYN-gbm-2"], "timeframe": "1d"},
        metrics={"start_ts": 0, "end_ts": 1, "sharpe": 0.5},
    )
    sha = parse(text).expr_hash

    _, steps = graph_of(client, run)

    assert steps["data"][0]["title"] == "2 symbols, 1d"
    assert [one["title"].split(" ")[0] for one in steps["features"]] == ["rsi"]
    assert steps["rule"][0]["hash"] == sha
    assert steps["rule"][0]["links"]["page"] is None
    StrategySnapshot.objects.create(
        expr_hash=sha, name="Mine", expr=text, complexity_score=1.0, run=run
    )
    _, steps = graph_of(client, run)
    assert steps["rule"][0]["links"]["page"] == f"/strategies/{sha}"
    assert steps["outcome"][-1]["hash"] == sha


def test_what_rests_on_a_dataset_is_stale_when_it_changes(client):
    dataset = add_dataset()
    assert dataset_dependents(dataset)["groups"] == []
    version = add_cached_feature().candles
    CachedCandles.objects.update(dataset=dataset)
    read = plain_run(
        config=CONFIG | {"provider": "upload", "symbol": "ACME", "timeframe": "1d"},
        source_version=f"upload:{version.candle_hash}",
        name="Read it",
    )
    plain_run(source_version="upload:another")
    StrategySnapshot.objects.create(
        expr_hash="e" * 64, name="Mine", expr="close", complexity_score=1.0, run=read
    )
    built = add_dataset(
        kind=DatasetKind.BUILT,
        name="Built",
        options={"provider": "upload", "bars": {version.candle_hash: "x"}},
        dataset_hash="b" * 64,
    )

    answer = client.get(f"/api/datasets/{dataset.pk}/dependents").json()

    found = {group["kind"]: group["items"] for group in answer["groups"]}
    assert answer["n"] == 3
    assert {kind: [one["name"] for one in items] for kind, items in found.items()} == {
        "runs": ["Read it"],
        "strategies": ["Mine"],
        "datasets": ["Built"],
    }
    assert found["datasets"][0]["hash"] == built.dataset_hash
    assert dataset_dependents(built)["n"] == 0
    _, steps = graph_of(client, read)
    [node] = steps["source"]
    assert node["hash"] == version.candle_hash
    assert node["links"]["page"] == dataset.get_absolute_url()
