"""Why a fill happened: asked on its page and through the API, found by a quick job."""

import pytest

from experiments.api import questions as doors
from experiments.services.why import why_find
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from tests.factories import finished_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(doors, "WAIT_S", 0.0)


def worked():
    """Do what a worker does with the newest question."""
    job = Job.objects.filter(kind="why").latest("created_at")
    assert lease.claim(job.pk, "me")
    context = JobContext(Job.objects.get(pk=job.pk))
    why_find(context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


def asked(client, run, n):
    return client.get(f"/api/runs/{run.pk}/trades/{n}/explain")


def found(client, run, n):
    assert asked(client, run, n).status_code == 202
    worked()
    return asked(client, run, n).json()


def test_a_fill_is_explained_with_its_condition_size_and_cost(client, impatient):
    run = finished_run()

    body = found(client, run, 1)

    [rule] = body["conditions"]
    assert (rule["role"], rule["was_met"], rule["is_met"]) == ("enter", False, True)
    assert rule["left"]["now"] > rule["right"]["now"]
    assert rule["left"]["before"] <= rule["right"]["before"]
    assert body["sentence"].startswith("Bought because the 5-bar mean (")
    assert "rose above the 20-bar mean (" in body["sentence"]
    assert (body["n"], body["previous"], body["next"]) == (1, None, 2)
    assert body["lag_bars"] == 1
    assert body["decided_at"] < body["filled_at"] == body["fill"]["ts_utc"]
    assert (body["position"]["before"], body["position"]["after"]) == (
        0.0,
        body["fill"]["qty"],
    )
    # 5 bps of fee and 5 of slippage
    assert body["cost"]["bps"] == pytest.approx(10.0, abs=0.01)
    sold = found(client, run, 2)
    assert "was no longer above" in sold["sentence"]
    assert sold["position"]["after"] == pytest.approx(0.0)
    assert Job.objects.filter(kind="why").count() == 2


def test_a_stop_names_the_price_of_entry(client, impatient):
    run = finished_run(changes={"exits": {"stop_loss": 0.02}})
    fills = client.get(f"/api/runs/{run.pk}/trades?limit=200").json()["items"]
    n = 1 + [fill["reason"] for fill in fills].index("stop_loss")

    body = found(client, run, n)

    assert body["sentence"].startswith("The price reached the stop-loss")
    assert "% below the entry at" in body["sentence"]
    assert body["lag_bars"] == 0


def test_a_fill_of_an_expression_shows_every_part_and_the_place(client, impatient):
    run = finished_run(
        changes={
            "strategy": None,
            "symbol": None,
            "universe": ["SYN-gbm-1", "SYN-gbm-2", "SYN-gbm-3"],
            "expr": "rank(delta(close, 5)) - 0.5",
            "end": "2010-06-30",
        }
    )

    body = found(client, run, 30)

    assert body["tree"]["arguments"][0]["text"] == "rank(delta(close, 5))"
    assert body["rank"]["of"] == 3
    assert [step["words"] for step in body["sizing"]] == [
        *("signal", "nan_policy", "cap", "max_lev")
    ]
    assert f"for {body['fill']['symbol']}" in body["sentence"]
    page = client.get(f"/model-lab/runs/{run.pk}/trades/30").content.decode()
    assert "What the expression saw" in page
    assert "rank(delta(close, 5))" in page


def test_the_page_asks_for_itself_until_it_is_known(client):
    run = finished_run()
    url = f"/model-lab/runs/{run.pk}/trades/1"
    assert (
        url
        in client.get(
            f"/model-lab/runs/{run.pk}?tab=trades&show=fills"
        ).content.decode()
    )

    waiting = client.get(url).content.decode()
    again = client.get(url, headers={"HX-Request": "true", "HX-Target": "trade-why"})
    worked()
    page = client.get(url)

    assert 'hx-trigger="every 500ms"' in waiting
    assert b"<html" not in again.content
    assert b'hx-trigger="every' not in page.content
    assert b"What the rule saw" in page.content
    assert b"rose above" in page.content
    assert Job.objects.filter(kind="why").count() == 1


def test_what_cannot_be_asked(client, impatient, monkeypatch):
    run = finished_run()
    n_fills = len(client.get(f"/api/runs/{run.pk}/trades?limit=200").json()["items"])

    assert_error(asked(client, run, n_fills + 1), 404, "not_found")
    assert_error(asked(client, run, 0), 404, "not_found")
    assert client.get(f"/model-lab/runs/{run.pk}/trades/0").status_code == 404
    run.data_fingerprint = "0" * 64
    run.save(update_fields=["data_fingerprint"])
    assert asked(client, run, 1).status_code == 202
    worked()
    assert_error(asked(client, run, 1), 422, "data_changed")
    assert b"bars changed" in client.get(f"/model-lab/runs/{run.pk}/trades/1").content
