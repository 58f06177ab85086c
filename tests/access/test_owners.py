"""What is somebody else's is not there, by whatever door; what is shared is read."""

from __future__ import annotations

import json

import pytest

from experiments.models import ModelRun
from quantlab.web.person import THE_LAB, Person, Scope, asked_by
from tests.access.people import (
    JSON,
    NOWHERE,
    SECRET,
    asked,
    client_of,
    client_of_the_lab,
    filled,
    is_of,
    operations,
    told,
)
from tests.addresses import addresses
from tests.experiments.rows import plain_run
from tests.experiments.test_expression_runs import expression_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.usefixtures("asks_for_a_key")

NONE = {"expr_hash": "0" * 64, "job_id": "job_20260101_000000", "name": "nothing"}
# Counted together for everybody: who looked how often at which instruments.
OF_ALL = ("/api/ledger", "/ledger")
OF_NOBODY = ("/admin/", "/api/config", "/api/docs", "/api/openapi", "/glossary")


def test_every_door_is_shut_to_a_stranger(things):
    """The answer is the one for an id that never was, for all that takes an id."""
    bob, nothing = client_of("bob"), dict.fromkeys(things, NOWHERE) | NONE
    walked, passed = 0, []
    for method, path in operations():
        if not is_of(path, things):
            continue
        answer = told(asked(bob, method, filled(path, things)))
        missing = told(asked(bob, method, filled(path, nothing)))
        walked += 1
        if answer != missing or answer[0] not in (404, 422):
            passed.append((method, path, answer, missing))
    assert not passed
    assert walked > 70
    with asked_by(THE_LAB):
        assert ModelRun.objects.filter(pk=things["run_id"], deleted_at=None).exists()


def test_no_page_of_it_opens(things):
    bob, ann = client_of("bob"), client_of("ann")
    ids = [v for k, v in things.items() if k != "name"]
    pages = [one for one in addresses(things) if any(v in one for v in ids)]
    pages = [one for one in pages if not one.startswith(("/api/", "/admin/"))]
    assert len(pages) > 20
    for client_asks in (bob.get, bob.post):
        opened = {page: client_asks(page).status_code for page in pages}
        assert {p: s for p, s in opened.items() if s not in (404, 405, 422)} == {}
    assert [ann.get(page).status_code for page in pages[:3]].count(404) == 0
    assert bob.get(f"/share/run/{things['run_id']}").status_code == 404


def test_no_list_and_no_search_names_it(things):
    bob, ann, met = client_of("bob"), client_of("ann"), []
    ids = [v for k, v in things.items() if k != "name"]
    for address in addresses():
        if address.startswith((*OF_ALL, *OF_NOBODY)) or "something" in address:
            continue
        answer = bob.get(f"{address}?q={SECRET[:5]}" * ("search" in address) or address)
        content = answer.getvalue().decode(errors="replace")
        met += [(address, one) for one in ids if one in content]
        met += [(address, SECRET)] * (SECRET in content)
    assert not met
    own = ann.get(f"/api/search?q={SECRET}").content.decode()
    assert things["run_id"] in own
    for list_of in ("/api/runs", "/api/runs?format=csv", "/api/runs?order=-sharpe"):
        assert SECRET in ann.get(list_of).getvalue().decode()
        assert SECRET not in bob.get(list_of).getvalue().decode()


def test_ids_in_bodies_and_queries_are_shut_too(things):
    bob, mine = client_of("bob"), things["run_id"]
    with asked_by(Person("bob", Scope.RUN)):
        own = str(plain_run().pk)
    sent = bob.post(
        "/api/model-lab/compare", {"run_ids": [mine, own]}, content_type=JSON
    )
    assert sent.status_code in (404, 422)
    body = {"symbol": "SYN-gbm-1", "provider": "synthetic"}
    body |= {"strategy": {"name": "buy_and_hold"}}
    for named in (
        {"experiment_id": things["experiment_id"]},
        {"preset_ref": SECRET},
        {"universe": {"watchlist_id": things["watchlist_id"]}},
    ):
        refused = bob.post("/api/backtest", body | named, content_type=JSON)
        assert refused.status_code == 422, named
    assert (
        bob.get(f"/api/runs?experiment_id={things['experiment_id']}").json()["items"]
        == []
    )


def test_what_is_shared_is_read_and_not_changed(things):
    bob, ann, run = client_of("bob"), client_of("ann"), f"/api/runs/{things['run_id']}"
    address = f"/api/share/experiment/{things['experiment_id']}"
    assert_error(asked(bob, "PUT", address), 422, "missing_field")
    public = {"visibility": "public"}
    assert_error(bob.put(address, public, content_type=JSON), 404, "not_found")

    said = ann.put(address, public, content_type=JSON).json()

    assert (said["owner"], said["visibility"], said["is_mine"]) == (
        "ann",
        "public",
        True,
    )
    assert bob.get(run).json()["name"] == SECRET
    assert bob.get(f"{run}/report").status_code == 200
    assert bob.get(f"/model-lab/runs/{things['run_id']}").status_code == 200
    page = bob.get(f"/share/run/{things['run_id']}").content.decode()
    assert "to read" in page
    assert f"/api/share/run/{things['run_id']}" in page
    for method, path, body in (
        ("PATCH", run, {"name": "mine"}),
        ("DELETE", run, None),
        ("POST", f"{run}/cancel", None),
        ("PUT", f"/api/share/run/{things['run_id']}", {"visibility": "private"}),
        ("DELETE", f"/api/model-lab/experiments/{things['experiment_id']}", None),
        ("POST", f"/api/model-lab/experiments/{things['experiment_id']}/run", {}),
    ):
        data = "" if body is None else json.dumps(body)
        answer = bob.generic(method, path, data, content_type=JSON)
        assert_error(answer, 403, "forbidden")
    bulk = {"runs": things["run_id"], "action": "star"}
    assert bob.post("/backtesting/runs", bulk).status_code in (403, 404)

    again = bob.post(f"{run}/rerun", {"force": True}, content_type=JSON)
    assert again.status_code == 202
    with asked_by(THE_LAB):
        made = ModelRun.objects.select_related("job").get(pk=again.json()["id"])
        kept = ModelRun.objects.get(pk=things["run_id"])
    assert (made.owner, made.job.owner, made.experiment) == ("bob", "bob", None)
    assert (kept.name, kept.starred, kept.deleted_at) == (SECRET, False, None)
    private = {"visibility": "private"}
    assert ann.put(address, private, content_type=JSON).status_code == 200
    assert bob.get(run).status_code == 404


def test_an_admin_meets_and_changes_everything(things):
    run = f"/api/runs/{things['run_id']}"
    for admin in (client_of("eve", "admin"), client_of_the_lab()):
        assert admin.get(run).status_code == 200
        changed = admin.patch(run, {"notes": "seen"}, content_type=JSON)
        assert changed.status_code == 200
    with asked_by(THE_LAB):
        assert ModelRun.objects.get(pk=things["run_id"]).owner == "ann"


def test_what_the_lab_owns_is_for_all_to_read():
    run = f"/api/runs/{plain_run().pk}"
    bob = client_of("bob")
    assert bob.get(run).status_code == 200
    assert_error(bob.patch(run, {"notes": "x"}, content_type=JSON), 403, "forbidden")


def test_what_is_made_is_of_who_asked_for_it():
    body = {"symbol": "SYN-gbm-1", "provider": "synthetic"}
    body |= {"strategy": {"name": "buy_and_hold"}}
    made = [
        client.post("/api/backtest", body, content_type=JSON).json()
        for client in (client_of("ann"), client_of("bob"), client_of_the_lab())
    ]
    with asked_by(THE_LAB):
        owners = [ModelRun.objects.get(pk=one["id"]).owner for one in made]
    assert owners[:2] == ["ann", "bob"]  # the same config is run for each of them
    assert made[2]["reused"] is True  # an admin sees theirs


def test_two_keep_the_same_expression_and_names_without_a_mistake(things):
    with asked_by(Person("bob", Scope.ADMIN)):
        run = expression_run(seed=1)
    bob = client_of("bob")
    body = {"run_id": str(run.pk), "name": "Mine"}
    answer = bob.post("/api/strategies", body, content_type=JSON)
    assert_error(answer, 409, "kept_by_another")
    taken = bob.put(
        f"/api/presets/run/{SECRET}", {"config": run.config}, content_type=JSON
    )
    assert taken.status_code == 409
    listed = {"name": SECRET, "symbols": ["B"]}
    assert bob.post("/api/watchlists", listed, content_type=JSON).status_code == 409


def test_a_lab_without_people_offers_nothing_of_it(settings, client):
    run = plain_run()
    page = f"/model-lab/runs/{run.pk}"
    assert b"Who sees it" in client_of_the_lab().get(page).content
    settings.QUANT_API_KEY = ""
    assert b"Who sees it" not in client.get(page).content
    assert (
        client.patch(
            f"/api/runs/{run.pk}", {"notes": "mine"}, content_type=JSON
        ).status_code
        == 200
    )


def test_no_cache_tells_one_what_another_was_told(things, settings, client):
    ann, run = client_of("ann"), f"/api/runs/{things['run_id']}"
    for address in (run, f"/model-lab/runs/{things['run_id']}", f"{run}/manifest"):
        answer = ann.get(address)
        assert answer.status_code == 200, address
        assert {"Cookie", "X-API-Key"} <= set(answer["Vary"].split(", ")), address
        assert answer["Cache-Control"].startswith("private"), address
    assert "no-store" in ann.get(run)["Cache-Control"]
    file = f"{run}/artifacts/metrics.json"
    known = {"If-None-Match": ann.get(file)["ETag"]}
    assert ann.get(file, headers=known).status_code == 304
    assert client_of("bob").get(file, headers=known).status_code == 404
    settings.QUANT_API_KEY = ""
    assert "X-API-Key" not in client.get("/health").get("Vary", "")
