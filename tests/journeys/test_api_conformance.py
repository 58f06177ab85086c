"""Every operation keeps its OpenAPI document, whatever is sent to it.

Schemathesis invents requests, right ones and wrong ones; half of them ask for things
that are there. Nothing may answer 500, and every refusal is the one error document.
"""

from __future__ import annotations

import re
from functools import cache

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from experiments.api import pictures, questions
from experiments.models import ModelExperiment, SavedView
from experiments.services.broker import broker_order_place
from experiments.services.presets import preset_create
from experiments.services.strategies import strategy_save
from experiments.services.watchlists import watchlist_create
from quantlab.access.auth import LAB_USER
from quantlab.access.keys import key_create
from quantlab.api import api
from quantlab.wsgi import application
from tests.experiments.pipelines import submitted
from tests.experiments.rows import add_cached_feature, add_dataset, add_trial
from tests.experiments.test_expression_runs import expression_run
from tests.factories import finished_run, finished_sweep
from tests.jobs.rows import add_lines
from tests.quantlab.test_api import KEYS, assert_error
from tests.sizes import IS_TORTURE

pytestmark = pytest.mark.django_db

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SPACE = {"fast": [2, 3], "slow": [10, 20]}
OF_SWEEPS = ("/candidates", "/{index}/run", "/heatmap", "/importance")


@pytest.fixture(autouse=True)
def _connection_stays_open():
    """The real WSGI handler would close the connection of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def lab(db, monkeypatch):
    """What is there to be asked for: a finished run and all around it."""
    monkeypatch.setattr(questions, "WAIT_S", 0.0)  # nobody looks
    monkeypatch.setattr(pictures, "WAIT_S", 0.0)  # nobody draws
    run = finished_run()
    add_lines(run.job, 3)
    feature = add_cached_feature()
    experiment = ModelExperiment.objects.create(
        name="Momentum",
        model_key="sma_cross",
        params={"fast": 5, "slow": 20},
        provider="synthetic",
        universe=["SYN-trend-7"],
    )
    preset_create(kind="run", name="config.json", config=run.config)
    return {
        "expr_hash": cache(lambda: strategy_save(run=expression_run())[0].pk),
        "sweep_id": cache(lambda: str(finished_sweep(experiment, space=SPACE).pk)),
        "run_id": str(run.pk),
        "job_id": run.job_id,
        "experiment_id": str(experiment.pk),
        "name": "config.json",
        "part": "metrics",
        "kind": "run",
        "pipeline_run_id": cache(
            lambda: str(submitted(universe=["SYN-gbm-1"], provider="synthetic").pk)
        ),
        "pool": add_trial("a").pool,
        "index": "0",
        "n": "1",
        "dataset_id": str(add_dataset().pk),
        "model_id": "momentum_logit",
        "version": "1",
        "candle_hash": feature.candles_id,
        "feature_hash": feature.pk,
        "universe_id": "us_indices",
        "view_id": str(SavedView.objects.create(owner=LAB_USER, list="runs").pk),
        "order_id": str(
            broker_order_place(owner=LAB_USER, symbol="A", side="buy", qty=1).pk
        ),
        "key_id": str(key_create()[0].pk),
        "key": str(run.pk),
        "watchlist_id": str(watchlist_create(name="Two", symbols=["A", "B"]).pk),
    }


schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
schema.config.phases.update(phases=["examples", "coverage"])  # of `parametrize` alone


def answered_as_documented(case) -> None:
    response = case.call(headers={"Accept-Encoding": "identity"})
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 400:
        assert response.headers["content-type"][0].startswith("application/json")
        error = response.json()["error"]
        assert set(error) == KEYS
        assert error["code"]
        assert error["message"]


RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
OPERATIONS = [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)
def test_invented_requests(operation, lab):
    right, wrong = (
        operation.as_strategy(generation_mode=mode) for mode in (RIGHT, WRONG)
    )

    @given(case=right | wrong)
    @settings(
        max_examples=60 if IS_TORTURE else 4,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        answered_as_documented(case)
        if not case.path_parameters:
            return
        known = {name: lab[name] for name in case.path_parameters}
        case.path_parameters = {
            name: value() if callable(value) else value for name, value in known.items()
        }
        if case.operation.path.endswith(OF_SWEEPS):
            case.path_parameters["run_id"] = lab["sweep_id"]()
            answered_as_documented(case)
            case.query = {}  # invented words are refused, so none is said
        answered_as_documented(case)

    ask()


def test_lists_of_a_filled_lab(lab):
    """Rows are as documented, too: an empty list would keep any document."""
    for value in lab.values():
        if callable(value):
            value()
    for operation in OPERATIONS:
        if operation.method.lower() == "get" and "{" not in operation.path:
            answered_as_documented(operation.Case())


if IS_TORTURE:  # they are thousands, and thought of before the first is asked

    @schema.parametrize()
    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def test_every_edge_of_what_is_documented(case, lab):
        """Each bound of each parameter and just beyond it, one at a time."""
        answered_as_documented(case)


PATHS = api.get_openapi_schema()["paths"]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", path)


@pytest.mark.parametrize("path", PATHS)
def test_an_address_lists_the_methods_it_takes(client, path):
    taken = {method.upper() for method in PATHS[path]}
    free = {"HEAD"} if "GET" in taken else set()  # where a file is told from its head
    for method in METHODS - taken:
        response = client.generic(method, filled(path))

        assert_error(response, 405, "method_not_allowed")
        assert {name.strip() for name in response["Allow"].split(",")} - free == taken


@pytest.mark.parametrize("path", PATHS)
def test_there_is_nothing_below_an_address(client, path):
    for method in METHODS:
        response = client.generic(method, f"{filled(path)}/no/such/thing")

        assert_error(response, 404, "not_found")


TAKE_A_BODY = [
    (method, path)
    for path, operations in PATHS.items()
    for method in operations
    if "application/json"
    in operations[method].get("requestBody", {}).get("content", ())
]
BODIES = {
    "{": (400, "malformed_json"),
    "nul": (400, "malformed_json"),
    "{'a': 1}": (400, "malformed_json"),
    "[" * 100_000: (400, "malformed_json"),
    '{"name": NaN}': (422, "not_finite"),
    '{"name": [1, -Infinity]}': (422, "not_finite"),
    '{"name": 1e999}': (422, "not_finite"),
}


@pytest.mark.parametrize(("method", "path"), TAKE_A_BODY)
def test_bodies_that_cannot_be_read(client, method, path):
    for body, (status, code) in BODIES.items():
        response = client.generic(
            method, filled(path), body, content_type="application/json"
        )

        assert_error(response, status, code)
