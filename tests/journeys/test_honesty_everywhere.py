"""Every page and every answer of a filled lab: no Sharpe ratio stands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from experiments.api import pictures, questions
from experiments.charts.titles import OF_GENERATE, OF_SWEEP
from experiments.selectors import generate
from experiments.services.experiments import experiment_create
from experiments.services.presets import preset_create
from experiments.services.strategies import strategy_save
from quantlab.api import api
from tests.addresses import addresses, of_search
from tests.experiments.outcomes import FOUND
from tests.experiments.pipelines import run_through, submitted
from tests.experiments.rows import add_dataset, add_trial
from tests.factories import CONFIG, finished_run, finished_search, finished_sweep
from tests.html import Element, Tree

pytestmark = pytest.mark.django_db

SHARPES = {"sharpe", "ann_sharpe", "sharpe_bar"}
# The bytes of a run's own files, and the count itself (CONTRACT §3 and §6).
OUTSIDE = ("/artifacts/", "/api/ledger")
TABS = ("summary", "charts", "trades", "critic", "config", "files", "logs", "api")
METRICS = "sharpe,sharpe_bar,cagr,sortino"


@pytest.fixture
def lab(monkeypatch):
    """Fill a lab; return what its addresses are made of."""
    monkeypatch.setattr(pictures, "WAIT_S", 0.0)  # nobody draws
    monkeypatch.setattr(questions, "WAIT_S", 0.0)  # or computes
    setting = {key: CONFIG[key] for key in ("provider", "end")}
    experiment = experiment_create(
        name="Does the trend last?",
        model_key="sma_cross",
        params={"fast": 5, "slow": 20},
        universe=["SYN-gbm-1"],
        hypothesis={"cause": "a", "effect": "b", "metric": "sharpe", "threshold": 0.1},
        **setting,
    )
    first = finished_run(experiment=experiment, name="First")
    second = finished_run(
        experiment=experiment, changes={"strategy": {"params": {"fast": 7}}}
    )
    sweep = finished_sweep(experiment, space={"fast": [3, 4, 5], "slow": [20, 30]})
    other = finished_sweep(experiment, space={"fast": [3, 4], "slow": [40, 50]})
    pair = ["SYN-gbm-1", "SYN-gbm-2"]
    traded = {"expr": "rank(-delta(close, 5)) - 0.5", "universe": pair, "symbol": None}
    saved, _ = strategy_save(run=finished_run(changes=traded))
    search = finished_search(n=10, batch=10, lookback_bars=10, universe=pair, **setting)
    monkeypatch.setattr(generate, "_outcome", lambda *of: FOUND)  # two were kept
    preset = preset_create(kind="run", name="mine", config=CONFIG)
    rule = {"params": {"fast": [5, 10], "slow": [20]}}
    row = submitted("sma_cross", universe=pair, provider="synthetic", grid=rule)
    run_through(row)
    return {
        "pipeline_id": str(row.pk),
        "pipeline_run_id": str(row.pk),
        "run_id": str(first.pk),
        "other_id": str(second.pk),
        "experiment_id": str(experiment.pk),
        "job_id": first.job_id,
        "pool": add_trial("a").pool,
        "kind": "run",
        "name": preset.name,
        "key": "sharpe",
        "int:index": "0",
        "sweep_id": str(sweep.pk),
        "sweeps": f"{sweep.pk},{other.pk}",
        "search_id": str(search.pk),
        "expr_hash": saved.expr_hash,
        "dataset_id": str(add_dataset().pk),
        "model_id": "momentum_logit",
    }


def pages(lab: dict[str, str]) -> Iterator[str]:
    yield from addresses({**lab, "uuid:run_id": lab["run_id"]})
    run = reverse("experiments:run-detail", args=[lab["run_id"]])
    yield from (f"{run}?tab={tab}" for tab in TABS)
    sweep = reverse("experiments:run-detail", args=[lab["sweep_id"]])
    yield from (
        f"{sweep}?tab={tab}" for tab in ("summary", "candidates", "charts", "luck")
    )
    yield from (f"{sweep}/charts/{name}" for name in OF_SWEEP)
    yield f"{sweep}/candidates/0"
    search = reverse("experiments:run-detail", args=[lab["search_id"]])
    yield from of_search(lab["search_id"])
    yield from (f"{search}/charts/{name}" for name in OF_GENERATE)
    for page in ("/backtesting", "/model-lab"):
        yield f"{page}?columns={METRICS}"
    experiment = reverse("experiments:experiment-detail", args=[lab["experiment_id"]])
    yield f"{experiment}?columns={METRICS}&order=-sharpe_bar"
    yield f"/model-lab/compare?runs={lab['run_id']},{lab['other_id']}&all=1"
    yield f"/model-lab/compare-sweeps?runs={lab['sweeps']}"
    yield f"/model-lab/compare-sweeps?runs={lab['sweep_id']}"
    yield f"/model-lab/compare-sweeps/chart?runs={lab['sweeps']}"


def bare(element: Element) -> bool:
    """Whether it shows a Sharpe ratio that nothing around it puts in doubt."""
    around = [element, *element.parents()]
    return not any("data-honesty" in one.attributes for one in around)


def test_no_page_shows_a_sharpe_without_its_doubt(client, lab):
    found, n_shown = [], 0
    for address in pages(lab):
        answer = client.get(address)
        if "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        for element in Tree(answer.content.decode()).root.walk():
            if element.attributes.get("data-metric") in SHARPES:
                n_shown += 1
                if bare(element):
                    found.append((address, element.tag, element.attributes))

    assert found == []
    assert n_shown > 10


def operations(lab: dict[str, str]) -> Iterator[str]:
    """Yield every GET of the API with what the lab has."""
    for path, methods in api.get_openapi_schema(path_prefix="/api")["paths"].items():
        if "get" in methods and not path.endswith("/stream"):
            yield path.format_map(Known(lab))
    yield f"/api/model-lab/compare?runs={lab['run_id']},{lab['other_id']}"
    for part in ("", "/picks", "/importance", "/distribution", "/map"):
        yield f"/api/model-lab/compare-sweeps{part}?runs={lab['sweeps']}"
    for part in ("", "/candidates", "/heatmap", "/importance"):
        yield f"/api/runs/{lab['sweep_id']}{part}"
    for part in ("", "/generation", "/candidates", "/critic"):
        yield f"/api/runs/{lab['search_id']}{part}"
    yield "/api/ledger/seals"
    yield f"/api/runs/{lab['run_id']}/metrics?series=equity,rolling_sharpe_90"


class Known(dict):
    def __missing__(self, name: str) -> str:
        return "something"


def unjudged(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a Sharpe ratio stands in no object that carries its honesty."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from unjudged(item, f"{path}[{i}]")
    elif isinstance(value, dict) and value.get("honesty") is None:
        for key, item in value.items():
            if key in SHARPES and item is not None and not isinstance(item, dict):
                yield f"{path}.{key}"
            yield from unjudged(item, f"{path}.{key}")


def test_no_answer_holds_a_sharpe_without_its_doubt(client, lab):
    found, n_judged = [], 0
    for address in operations(lab):
        if any(part in address for part in OUTSIDE):
            continue
        answer = client.get(address)
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            document = json.loads(answer.getvalue())
            n_judged += '"sharpe"' in json.dumps(document)
            found += [(address, place) for place in unjudged(document)]

    assert found == []
    assert n_judged >= 4


@pytest.mark.parametrize(
    ("document", "n"),
    [
        ({"metrics": {"sharpe": 0.5}}, 1),
        ({"metrics": {"sharpe": 0.5}, "honesty": None}, 1),
        ({"metrics": {"sharpe": 0.5}, "honesty": {"n_trials": 3}}, 0),
        ({"items": [{"sharpe_bar": 0.1}], "honesty": {"n_trials": 3}}, 0),
        ({"metrics": {"sharpe": None}}, 0),
    ],
)
def test_the_rule_finds_one_that_does(document, n):
    assert len(list(unjudged(document))) == n


def test_the_rule_finds_a_bare_one_on_a_page():
    page = '<p data-metric="sharpe">0.5</p><p data-honesty><b data-metric="sharpe"></p>'
    shown = [e for e in Tree(page).root.walk() if "data-metric" in e.attributes]

    assert [bare(element) for element in shown] == [True, False]
