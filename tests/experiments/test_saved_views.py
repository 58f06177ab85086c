"""Saved views: an address of a list under a name, its owner's alone."""

from __future__ import annotations

import pytest

from experiments.models import SavedView
from experiments.selectors.saved_views import LISTS
from experiments.views import experiments, run_table, strategies
from tests.experiments.rows import plain_experiment, plain_run

pytestmark = pytest.mark.django_db

API = "/api/views"


def sent(client, **body):
    body = {"list": "runs", "name": "Best", "query": "q=sharpe > 1"} | body
    return client.post(API, body, "application/json")


def test_a_script_keeps_renames_changes_and_deletes_them(client):
    made = sent(client, query="?order=-sharpe&q=sharpe > 1&cursor=x&sel=a&sel=b")
    view = made.json()

    assert (made.status_code, made["Location"]) == (201, view["links"]["self"])
    assert view["query"] == "order=-sharpe&q=sharpe+%3E+1"  # its place is not kept
    assert view["links"]["page"] == f"/backtesting?{view['query']}"
    plain_run(name="Good", metrics={"sharpe": 1.2})
    plain_run(name="Bad", metrics={"sharpe": 0.2})
    page = client.get(view["links"]["page"]).text
    assert ">Good</a>" in page
    assert ">Bad</a>" not in page

    renamed = client.patch(
        view["links"]["self"], {"name": "  Top  "}, "application/json"
    )
    assert renamed.json()["name"] == "Top"
    changed = client.patch(
        view["links"]["self"], {"query": "status=failed"}, "application/json"
    )
    assert changed.json()["query"] == "status=failed"
    sent(client, list="experiments", name="Mine", query="starred=true")
    assert [one["name"] for one in client.get(API).json()["items"]] == ["Mine", "Top"]
    assert len(client.get(f"{API}?list=runs").json()["items"]) == 1
    assert client.delete(view["links"]["self"]).status_code == 204
    assert client.get(view["links"]["self"]).status_code == 404


def test_what_its_list_would_refuse_is_not_kept(client):
    sent(client)
    refused = {
        409: [{}],
        422: [
            {"list": "jobs"},
            {"name": " "},
            {"name": "x" * 61},
            {"name": "B", "query": ""},
            {"name": "B", "query": "cursor=x"},
            {"name": "B", "query": "q=sharp > 1"},
            {"name": "B", "query": "order=-sharp"},
            {"name": "B", "query": "status=done"},
            {"name": "B", "query": "columns=sharpe,no"},
            {"name": "B", "query": "kind=sweep"},
            {"name": "B", "query": "&".join(f"a{i}=1" for i in range(40))},
            {"name": "B", "query": "q=" + "x" * 2_001},
            {"list": "strategies", "name": "B", "query": "starred=true"},
        ],
    }
    for status, bodies in refused.items():
        for body in bodies:
            answer = sent(client, **body)
            assert answer.status_code == status, body
            assert answer.json()["error"]["message"]
    assert SavedView.objects.count() == 1


def test_nobody_meets_those_of_another_owner(client):
    theirs = SavedView.objects.create(
        owner="somebody", list="runs", name="Theirs", query="q=secret"
    )
    plain_run(name="Any")

    assert client.get(API).json()["items"] == []
    assert client.get(f"{API}/{theirs.pk}").status_code == 404
    assert client.delete(f"{API}/{theirs.pk}").status_code == 404
    assert client.post(f"/views/{theirs.pk}/delete").status_code == 404
    for page in ("/views", "/backtesting"):
        assert "Theirs" not in client.get(page).text
    assert sent(client, name="Theirs").status_code == 201  # the name is free
    assert SavedView.objects.filter(owner="somebody").exists()


def test_pages_keep_and_show_them(client):
    plain_experiment(name="Trend", starred=True)
    assert "No view was saved yet" in client.get("/views").text
    assert "Saved views" not in client.get("/model-lab").text  # nothing to keep
    address = "/model-lab?starred=true"
    assert "Save this view" in client.get(address).text

    body = {"list": "experiments", "name": "Stars", "query": "starred=true"}
    kept = client.post("/views", body | {"next": address})
    assert kept["Location"] == address
    page = client.get(address).text
    assert 'href="?starred=true" aria-current="page">Stars</a>' in page
    assert "Save this view" not in page  # it has a name

    taken = client.post("/views", body | {"query": "starred=false"})
    assert taken.status_code == 422
    assert "called &#x27;Stars&#x27; already" in taken.text
    assert "starred=false" in taken.text  # nothing is lost
    view = SavedView.objects.get()
    assert client.post(f"/views/{view.pk}/name", {"name": ""}).status_code == 422
    client.post(f"/views/{view.pk}/name", {"name": "Shining"})
    listed = client.get("/views").text
    assert "starred <code>true</code>" in listed
    assert "Shining" in listed
    assert "/model-lab?starred=true" in listed
    away = client.post("/views", body | {"name": "X", "next": "https://evil.test/"})
    assert away["Location"].startswith("/model-lab?")
    client.post(f"/views/{view.pk}/delete")
    assert list(SavedView.objects.values_list("name", flat=True)) == ["X"]


def test_a_view_may_say_whatever_its_page_reads():
    pages = {"runs": run_table.NAMES, "experiments": experiments.NAMES}
    pages["strategies"] = tuple(field.name for field in strategies.FIELDS)
    for name, read in pages.items():
        own = {"q", "order", *read} - {"sel"}
        assert set(LISTS[name].names) == own
