"""Fetched datasets: by API and page, done by a job, refreshed, told when they fail."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from django.urls import reverse

from experiments.models import CachedCandles, Dataset
from experiments.selectors.datasets import dataset_document
from experiments.services.dataset_fetch import dataset_fetched
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.market.providers import retry, yahoo
from tests.factories import CONFIG
from tests.providers import Instrument, serving, session_to
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db
JSON = "application/json"
FETCH = "/api/datasets/fetch"
LAST = pd.Timestamp.now().normalize() - pd.Timedelta("4D")  # all of them are over


@pytest.fixture(scope="module")
def server():
    with serving() as provider:
        yield provider


@pytest.fixture(autouse=True)
def _asked_here(server, home, settings, monkeypatch):
    settings.QUANT_RAW_ROOT = home / "raw"
    server.yahoo, server.faults, server.asked = {}, [], []
    monkeypatch.setattr(yahoo, "open_session", lambda: session_to(server.url))
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.0)


def instrument(n=300, first=100.0) -> Instrument:
    index = pd.bdate_range(end=LAST, periods=n) + pd.Timedelta("9h30m")
    return Instrument(pd.Series(first + pd.Series(range(n)).to_numpy() % 40, index))


def order(client, **changes):
    body = {"provider": "yfinance", "symbols": ["ACME"]} | changes
    return client.post(FETCH, json.dumps(body), content_type=JSON)


def refresh(client, dataset):
    return client.post(f"/api/datasets/{dataset.pk}/refresh", content_type=JSON)


def work(dataset_id: str) -> Dataset:
    """Do what a worker does with the job of a dataset."""
    dataset = Dataset.objects.get(pk=dataset_id)
    assert lease.claim(dataset.job_id, "me")
    context = JobContext(Job.objects.get(pk=dataset.job_id))
    status, error = JobStatus.SUCCEEDED, None
    try:
        dataset_fetched(dataset_id=context.job.run_id, context=context)
    except StrategyError as exc:
        status, error = JobStatus.FAILED, Problem.of_strategy(exc).inner()
    context.flush()
    assert lease.finish(dataset.job_id, "me", status, error=error)
    return Dataset.objects.select_related("job").get(pk=dataset.pk)


def test_an_order_becomes_bars_that_runs_read(client, server):
    server.yahoo["ACME"], server.yahoo["IBM"] = instrument(), instrument(200)
    answer = order(client, symbols=["ACME", "ibm", "NOPE"])
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/datasets/{answer.json()['id']}"
    assert server.asked == []  # nobody is asked in a request

    document = dataset_document(work(answer.json()["id"]))
    assert (document["status"], document["kind"], document["provider"]) == (
        *("succeeded", "fetched"),
        "yfinance",
    )
    assert (document["rows"], document["symbols"], document["adjustment"]) == (
        *(500, 2),
        "total",
    )
    [failed] = document["failed"]
    assert (failed["symbol"], failed["code"]) == ("NOPE", "unknown_symbol")
    assert {row.adjustment for row in CachedCandles.objects.all()} == {"total"}
    listed = client.get("/api/config/symbols?provider=yfinance").json()["items"]
    assert [(one["symbol"], one["rows"]) for one in listed] == [
        ("ACME", 300),
        ("IBM", 200),
    ]

    config = CONFIG | {"provider": "yfinance", "symbol": "ACME"}
    config |= {"start": None, "end": None}
    started = client.post("/api/backtest", json.dumps(config), content_type=JSON)
    assert started.status_code == 202, started.json()
    config["symbol"] = "MSFT"
    refused = client.post("/api/backtest", json.dumps(config), content_type=JSON)
    assert_error(refused, 422, "not_fetched")


def test_a_refresh_asks_for_what_is_new_and_tells_restated_data(client, server):
    server.yahoo["ACME"] = instrument()
    server.yahoo["ACME"].closes = server.yahoo["ACME"].closes[:-3]
    dataset = work(order(client).json()["id"])
    server.yahoo["ACME"] = instrument()
    assert refresh(client, dataset).status_code == 202
    for one in (dataset, Dataset.objects.create(name="a.csv")):
        assert_error(refresh(client, one), 409, "conflict")
    [one] = dataset_document(work(dataset.pk))["series"]
    assert (one["outcome"], one["added"], one["rows"]) == ("extended", 3, 300)

    server.yahoo["ACME"] = instrument(first=200.0)
    page = reverse("experiments:dataset-refresh", args=[dataset.pk])
    assert client.post(page).status_code == 302
    [one] = dataset_document(work(dataset.pk))["series"]
    assert (one["outcome"], one["changed"]) == ("restated", 300)
    shown = client.get(dataset.get_absolute_url()).content.decode()
    assert "<b>restated</b>, 300 changed" in shown
    assert "Fetch what is new" in shown
    assert CachedCandles.objects.filter(dataset=dataset).count() == 3


def test_a_provider_that_fails_is_told_and_nothing_is_lost(client, server):
    server.yahoo["ACME"] = instrument()
    server.faults = [500] * 50
    dataset = work(order(client).json()["id"])
    assert dataset.job.error["code"] == "provider_error"
    assert dataset.imported_at is None
    shown = client.get(dataset.get_absolute_url()).content.decode()
    assert "Try again later" in shown
    assert "data-metric" not in shown

    server.faults = []
    refresh(client, dataset)
    assert work(dataset.pk).rows == 300
    work(order(client, adjustment="raw").json()["id"])  # what runs read now
    server.faults = [429] * 50
    refresh(client, dataset)
    dataset = work(dataset.pk)
    assert (dataset.job.error["code"], dataset.rows) == ("rate_limited", 300)
    shown = client.get(dataset.get_absolute_url()).content.decode()
    assert "The last fetch did not come to its end" in shown
    assert "300 bars" in shown


def test_the_form_orders_and_refuses_in_the_words_of_the_api(client, monkeypatch):
    page = reverse("experiments:dataset-fetch")
    sent = {"provider": "yfinance", "symbols": "ACME, ^GSPC", "timeframe": "1d"}
    answer = client.post(page, sent)
    dataset = Dataset.objects.get()
    assert (answer.status_code, answer["Location"]) == (
        302,
        dataset.get_absolute_url(),
    )
    assert dataset.options["symbols"] == ["ACME", "^GSPC"]
    assert "Waits for the worker" in client.get(answer["Location"]).content.decode()

    refused = client.post(page, sent | {"symbols": "../x", "provider": "ccxt"})
    assert refused.status_code == 422
    assert "cannot be a symbol of Crypto exchanges" in refused.content.decode()
    for body, code in (
        ({"provider": "yahoo!"}, "unknown_provider"),
        ({"symbols": "AAPL"}, "invalid_value"),
        ({"symbols": []}, "invalid_value"),
        ({"start": "x"}, "invalid_value"),
        ({"timeframe": "1w"}, "unknown_timeframe"),
        ({"since": 1}, "unknown_field"),
    ):
        assert_error(order(client, **body), 422, code)
    monkeypatch.setattr("strategies.market.providers.find_spec", lambda name: None)
    shown = client.get(page).content.decode()
    assert "Yahoo Finance is not installed" in shown
    [yahoo_, _] = client.get("/api/config/providers").json()["items"]
    assert (yahoo_["installed"], "[yahoo]" in yahoo_["how"]) == (False, True)
    assert_error(order(client), 422, "not_installed")
