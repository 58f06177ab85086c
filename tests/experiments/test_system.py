"""The system page, what lies on the disk, the caches, and the doors of retention."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from experiments.artifacts import spare
from experiments.models import Removal, RetentionRule
from tests.experiments.rows import add_cached_feature
from tests.experiments.test_retention import kept_run
from tests.jobs.rows import beat, make_job
from tests.quantlab.test_api import assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

DOOR = "/api/system/retention"
PAGE = "/system/retention"


@pytest.fixture(autouse=True)
def _nothing_counted():
    cache.clear()


def text(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def sent(client, address: str, body: dict | None = None, method: str = "post"):
    return getattr(client, method)(address, body, content_type="application/json")


def test_the_page_says_what_is_at_work_and_what_it_is_made_of(client):
    assert "No worker was ever seen" in text(client.get("/system"))
    beat()
    make_job("queued", title="A backtest that waits")

    html = text(client.get("/system"))

    assert "A worker answers" in html
    assert "A backtest that waits" in html
    assert "numba" in html
    assert 'hx-get="/system/storage"' in html
    assert 'aria-current="page"' in html.split("System</a>")[0].rpartition("<a ")[2]


def test_what_lies_on_the_disk(client):
    kept_run(n_bytes=5_000)

    storage = client.get("/api/system/storage").json()

    [runs] = [one for one in storage["places"] if one["name"] == "runs"]
    assert runs["files"] == 2  # and its manifest
    assert runs["bytes"] > 5_000
    assert runs["disk_bytes"] > runs["disk_free_bytes"] > 0
    assert "runs" in text(client.get("/system/storage"))


def test_a_cache_is_cleared_by_its_button_and_by_its_door(client):
    folder = spare.PICTURES.folder
    folder.mkdir(parents=True)
    for name in ("a.png", ".a.png.1234"):
        (folder / name).write_bytes(b"x" * 300)

    assert client.delete("/api/system/caches/pictures").json() == {
        "name": "pictures",
        "bytes_freed": 300,
    }
    assert [one.name for one in folder.iterdir()] == [".a.png.1234"]  # being written
    (folder / "b.png").write_bytes(b"x" * 2_000)
    html = text(client.post("/system/caches/pictures/clear", follow=True))
    assert "pictures was cleared: 2.0 kB are free again." in html
    for name, status, code in (
        ("candles", 409, "not_spare"),
        ("arrived", 409, "not_spare"),
        ("nothing", 404, "not_found"),
    ):
        assert_error(client.delete(f"/api/system/caches/{name}"), status, code)


def test_features_leave_with_their_rows(client):
    feature = add_cached_feature()
    assert client.delete("/api/system/caches/features").json()["bytes_freed"] == 10
    assert not type(feature).objects.exists()


def test_plan_preview_and_apply_by_script(client):
    old, _ = kept_run(9, n_bytes=1_000), kept_run(1)

    plan = sent(client, f"{DOOR}?dry_run=1", {"days": 5}).json()

    assert [one["run_id"] for one in plan["items"]] == [str(old.pk)]
    assert (plan["runs"], plan["runs_with_files"]) == (1, 2)
    assert plan["bytes"] == plan["items"][0]["bytes"] > 1_000
    assert not Removal.objects.exists()
    answer = sent(client, DOOR, {"days": 5, "plan": plan["plan"]})
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/jobs/{answer.json()['job_id']}"
    assert_error(sent(client, DOOR, {"days": 5, "plan": "x"}), 409, "plan_changed")
    assert client.get(DOOR).json()["removals"][0]["planned"] == 1
    assert sent(client, DOOR).json()["runs"] == 0  # by a rule without bounds


def test_the_rule_of_the_lab(client):
    assert client.get(DOOR).json()["rule"] == {
        **dict.fromkeys(("days", "most_runs", "most_bytes", "trash_days")),
        "keep_best": 1,
        "nightly": False,
    }
    kept = sent(client, DOOR, {"days": 30, "nightly": True}, "put").json()
    assert (kept["days"], kept["nightly"]) == (30, True)
    assert sent(client, DOOR, {"most_runs": 5}, "put").json()["days"] == 30
    for body, code in (
        ({"days": 0}, "invalid_value"),
        ({"days": 10**9}, "invalid_value"),
        ({"days": True}, "invalid_value"),
        ({"keep_best": 0}, "invalid_value"),
        ({"months": 1}, "unknown_field"),
        ({"days": None, "most_runs": None}, "no_bound"),
    ):
        assert_error(sent(client, DOOR, body, "put"), 422, code)


def test_plan_preview_and_apply_on_the_page(client):
    run = kept_run(9, name="An old one")
    asked = {"days": "5", "keep_best": "1"}
    assert "No bound is set" in text(client.get(PAGE))

    shown = client.post(PAGE, asked | {"action": "look"}, follow=True)

    assert "days=5" in shown.request["QUERY_STRING"]
    html = text(shown)
    assert f'href="/model-lab/runs/{run.pk}"' in html
    assert "Remove the files of 1 run<" in html
    plan = html.split('name="plan" value="')[1].split('"')[0]
    applied = client.post(PAGE, asked | {"action": "apply", "plan": plan})
    assert applied["Location"] == Removal.objects.get().job.get_absolute_url()
    late = client.post(PAGE, asked | {"action": "apply", "plan": plan}, follow=True)
    assert "being removed already" in text(late)
    client.post(PAGE, asked | {"action": "keep", "most_mb": "2"})
    assert RetentionRule.objects.get().most_bytes == 2_000_000
    text(client.post(PAGE, {"action": "keep", "days": "-1", "keep_best": "1"}), 422)
    bad = client.post(PAGE, {"action": "keep", "keep_best": "1", "nightly": "on"})
    assert "no bound to apply" in text(bad, 422)
    assert "days" in text(client.get(f"{PAGE}?days=x"))
