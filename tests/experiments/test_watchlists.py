"""Universes say what the lab has of them; watchlists are kept, taken and frozen."""

from __future__ import annotations

import json
import re

import pytest

from experiments.selectors.universes import universe_in
from tests.experiments.test_forms import PLAIN, send
from tests.factories import CONFIG

pytestmark = pytest.mark.django_db

TRASH = "/model-lab/trash"
TWO = ["SYN-gbm-1", "SYN-gbm-2"]


def post(client, address, body):
    return client.post(address, json.dumps(body), "application/json")


@pytest.fixture
def kept(client):
    listed = [{"symbol": TWO[0], "group": "a", "from": "2011-01-01"}, TWO[1], "NOPE"]
    answer = post(client, "/api/watchlists", {"name": "My two", "symbols": listed})
    assert answer.status_code == 201
    return answer.json()


def test_universes_say_who_is_in_them_and_what_is_missing(client):
    items = client.get("/api/universes").json()["items"]
    by_id = {one["id"]: one for one in items}
    assert {"sp500", "liquid_etfs", "crypto_majors", "us_indices"} <= set(by_id)
    assert by_id["us_indices"]["missing"] == []
    assert by_id["sp500"]["survivorship_bias"]
    assert len(by_id["sp500"]["symbols"]) == 505
    spy = client.get("/api/universes/liquid_etfs").json()["symbols"][0]
    assert (spy["symbol"], spy["from"], spy["to"]) == ("SPY", "1993-01-29", None)
    for path in ("/universes", "/universes/sp500", "/universes/us_indices"):
        assert client.get(path).status_code == 200
    page = client.get("/universes/sp500").content.decode()
    assert "Survivorship bias" in page
    assert client.get("/api/universes/nope").status_code == 404
    assert client.get("/universes/nope").status_code == 404


def test_a_run_takes_the_symbols_a_watchlist_has_now(client, kept):
    assert kept["missing"] == ["NOPE"]
    body = {key: value for key, value in CONFIG.items() if key != "symbol"}
    asked = body | {"universe": {"watchlist_id": kept["id"]}}
    first = post(client, "/api/backtest", asked).json()
    assert first["config"]["universe"] == TWO
    assert first["missing"] == ["NOPE"]
    assert client.get(f"/api/runs/{first['id']}").json()["missing"] is None
    one = body | {"universe": {"watchlist_id": kept["id"], "cap": 1}}
    assert post(client, "/api/backtest", one).json()["config"]["symbol"] == TWO[0]

    since = {TWO[0]: {"from": "2011-01-01"}}
    assert first["config"]["members"] == since  # the label has no say

    changed = client.patch(
        kept["links"]["self"],
        json.dumps({"symbols": ["SYN-trend-1", *TWO]}),
        "application/json",
    )
    assert changed.status_code == 200
    later = post(client, "/api/backtest", asked).json()
    assert len(later["config"]["universe"]) == 3
    again = client.get(f"/api/runs/{first['id']}").json()
    assert again["config"]["universe"] == TWO

    for wrong in ({"watchlist_id": "nope"}, {"watchlist_id": kept["id"], "cap": 0}):
        answer = post(client, "/api/backtest", body | {"universe": wrong})
        assert answer.status_code == 422
    empty = body | {"provider": "builtin", "universe": {"watchlist_id": kept["id"]}}
    refused = post(client, "/api/backtest", empty).json()["error"]
    assert refused["code"] == "empty_universe"
    assert "synthetic" in refused["advice"]


def test_what_is_no_watchlist_is_refused(client, kept):
    for symbols in ([], ["../x"], [{"ticker": "A"}], [{"symbol": "A", "from": "soon"}]):
        body = {"name": "Other", "symbols": symbols}
        answer = post(client, "/api/watchlists", body)
        assert answer.status_code == 422, symbols
        field = answer.json()["error"]["details"]["errors"][0]["field"]
        assert field.startswith("symbols")
    taken = post(client, "/api/watchlists", {"name": "My two", "symbols": ["A"]})
    assert taken.status_code == 409
    other = {"name": "X", "symbols": ["A"], "visibility": "secret"}
    assert post(client, "/api/watchlists", other).status_code == 422
    assert client.get("/api/watchlists/nope").status_code == 404
    assert client.delete(kept["links"]["self"]).status_code == 204
    assert client.get(kept["links"]["self"]).status_code == 404
    restored = post(client, kept["links"]["self"] + "/restore", {})
    assert restored.status_code == 200
    assert len(client.get("/api/watchlists").json()["items"]) == 1


def test_a_whole_one_is_put_in_its_place(client, kept):
    whole = {"name": "Others", "symbols": [{"symbol": "A", "to": "2012-06-30"}]}
    address = kept["links"]["self"]
    answer = client.put(address, json.dumps(whole), "application/json").json()
    assert (answer["id"], answer["name"]) == (kept["id"], "Others")
    assert [one["to"] for one in answer["symbols"]] == ["2012-06-30"]
    assert not answer["survivorship_bias"]  # it says who left, and when
    part = client.put(address, json.dumps({"name": "X"}), "application/json")
    assert part.status_code == 422
    gone = "/api/watchlists/6f0c2a52-0000-4000-8000-000000000000"
    assert client.put(gone, json.dumps(whole), "application/json").status_code == 404


def test_the_form_says_who_of_a_list_has_no_bars(client, kept):
    alone = send(client, PLAIN, live=True).content.decode()
    page = send(client, PLAIN, live=True, universe="my two", weights="equal")
    page = page.content.decode()
    assert "Of this list 1 has no bars then and is left out: NOPE." in page
    # The reach of the one symbol is no bound of the list's dates.
    for html, is_bound in ((alone, True), (page, False)):
        dates = re.findall(r'<input[^>]*type="date"[^>]*>', html)
        assert ["min=" in one for one in dates] == [is_bound] * 2


def test_pages_make_change_and_delete_one(client):
    assert "No watchlists yet" in client.get("/watchlists").content.decode()
    sent = {"name": "Indices", "symbols": "SP500,\nNASDAQ"}
    made = client.post("/watchlists/new", sent)
    assert made.status_code == 302
    page = made["Location"]
    assert "SP500, NASDAQ" in client.get(page).content.decode()
    wrong = client.post(page, sent | {"symbols": "../etc"})
    assert wrong.status_code == 422
    assert "cannot be a symbol" in wrong.content.decode()
    assert client.post("/watchlists/new", sent).status_code == 422
    listed = client.get("/watchlists").content.decode()
    assert "Indices" in listed
    assert "private" in listed
    assert universe_in("indices:1")["cap"] == 1
    assert universe_in("sp500") == {"preset_id": "sp500"}
    assert universe_in("A, B;C D") == ["A", "B", "C", "D"]
    assert client.post(f"{page}/delete").status_code == 302
    assert universe_in("Indices") == ["Indices"]


def test_a_deleted_one_lies_in_the_trash_until_it_is_wanted(client, kept):
    page = kept["links"]["page"]
    gone = client.post(f"{page}/delete", follow=True).content.decode()
    assert "Watchlist “My two” deleted." in gone
    moment = gone.partition('name="moment" value="')[2].partition('"')[0]
    trash = client.get(f"{TRASH}?kind=watchlists").content.decode()
    assert "My two" in trash
    assert "3 symbols" in trash

    client.post(f"{TRASH}/undo", {"moment": moment})
    assert client.get(page).status_code == 200
    client.post(f"{page}/delete")
    client.post(f"{TRASH}?kind=watchlists", {"only": kept["id"]})
    assert client.get(page).status_code == 200
    client.post(f"{page}/delete")
    post(client, "/api/watchlists", {"name": "My two", "symbols": ["A"]})
    taken = client.post(f"{TRASH}?kind=watchlists", {"only": kept["id"]})
    assert taken.status_code == 409
    assert client.post(f"{TRASH}?kind=watchlists", {"only": "x"}).status_code == 404
