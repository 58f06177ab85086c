"""One search over the whole lab: what it finds, where it leads, what it never shows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import StrategySnapshot
from experiments.services.fill import fill_lab
from tests.experiments.rows import NOON, add_dataset, plain_experiment, plain_run

pytestmark = pytest.mark.django_db

API = "/api/search"


def found(client, q, **more):
    answer = client.get(API, {"q": q} | more)
    assert answer.status_code == 200
    return [(one["kind"], one["title"]) for one in answer.json()["items"]]


@pytest.fixture
def lab():
    plain_run(name="SMA momentum", archived=True)
    plain_run(name="RSI", tags=["momentum", "50% (a:b)"], created_at=NOON)
    plain_run(name="SMA gone", deleted_at=NOON)
    experiment = plain_experiment(name="Does momentum last?")
    StrategySnapshot.objects.create(
        expr_hash="a" * 64,
        name="Momentum of a year",
        expr="rank(delta(close, 250))",
        canonical="rank(delta(close, 250))",
        complexity_score=3.0,
    )
    add_dataset(name="momentum-features")
    return experiment


def test_every_kind_of_thing_is_found_by_all_of_its_words(client, lab):
    hits = found(client, "momentum", limit=2)

    assert hits[:5] == [
        ("run", "SMA momentum"),
        ("run", "RSI"),
        ("experiment", "Does momentum last?"),
        ("strategy", "Momentum of a year"),
        ("dataset", "momentum-features"),
    ]
    assert [kind for kind, _ in hits].count("feature") == 2
    assert ("glossary", "Deflated Sharpe ratio") in found(client, "DSR")
    assert found(client, "momentum sma") == [("run", "SMA momentum")]
    assert found(client, "50% (a:b)") == [("run", "RSI")]  # signs are letters here
    assert found(client, str(lab.pk)) == [("experiment", lab.name)]
    [hit] = client.get(API, {"q": str(lab.pk)}).json()["items"]
    assert hit["words"] == "Moving average cross on SYN-gbm-1"
    assert found(client, "gone") == found(client, "") == found(client, '"  "') == []
    assert client.get(API, {"q": "x" * 201}).status_code == 422
    assert client.get("/search", {"q": "x" * 201}).status_code == 422


def test_every_hit_leads_to_its_page(client, lab):
    hits = client.get(API, {"q": "momentum", "limit": 50}).json()["items"]
    hits += client.get(API, {"q": "rank", "limit": 50}).json()["items"]
    hits += client.get(API, {"q": "close", "limit": 50}).json()["items"]

    pages = {one["links"]["page"] for one in hits if one["kind"] != "run"}
    assert len(pages) > 30
    for page in sorted(pages)[::5]:  # of runs there are only rows here
        assert client.get(page).status_code == 200, page


def test_the_page_and_what_drops_down(client, lab):
    headers = {"HX-Request": "true", "HX-Target": "find-menu"}
    menu = client.get("/search", {"q": "<b>momentum"}, headers=headers).text
    page = client.get("/search", {"q": "momentum sma"}).text

    assert menu.lstrip().startswith('<div id="find-menu"')
    assert "<html" not in menu
    assert "Nothing has all of these words." in menu
    assert "&lt;b&gt;momentum" in menu
    assert "SMA momentum" in page
    assert "/backtesting?q=%22momentum%22+%22sma%22" in page  # more, in its list
    assert "What are you looking for?" in client.get("/search").text
    assert 'action="/search"' in client.get("/glossary").text  # on every page


def test_it_asks_as_little_of_a_full_lab(client):
    def n_queries():
        with CaptureQueriesContext(connection) as queries:
            client.get(API, {"q": "momentum"})
        return len(queries)

    n_queries()
    few = n_queries()
    fill_lab(runs=60, experiments=3)
    assert n_queries() <= few + 3 <= 12
