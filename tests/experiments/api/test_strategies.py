"""Saved strategies: kept once, found by a prefix, with curve, checks and relatives."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from experiments.models import LedgerEntry, StrategySnapshot
from experiments.selectors.strategies import get_strategy_detail, list_strategies
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.questions import question_ask
from experiments.services.strategies import strategy_save
from experiments.services.strategy_sheet import sheet_compute
from jobs import lease
from jobs.models import Job
from jobs.progress import JobContext
from strategies import expr_hash
from tests.experiments.test_expression_runs import PAIR, expression_run
from tests.factories import finished_run, make_run

pytestmark = pytest.mark.django_db

REVERSAL, TREND = "rank(-delta(close, 5)) - 0.5", "rank(delta(close, 5)) - 0.5"
FOUR = [f"SYN-gbm-{seed}" for seed in range(1, 5)]


def send(client, method, address, body=None):
    return getattr(client, method)(address, body or {}, content_type="application/json")


@pytest.fixture
def saved():
    run = expression_run(REVERSAL, FOUR)
    return strategy_save(run=run, name="Reversal", tags=["short"])[0]


def test_saving_renaming_deleting_and_back(client):
    run = expression_run(REVERSAL, PAIR)
    answer = send(client, "post", "/api/strategies", {"run_id": str(run.pk)})
    assert answer.status_code == 201
    one = answer.json()
    assert one["expr_hash"] == expr_hash(REVERSAL)
    assert one["name"] == one["canonical"] == "-0.5 + rank(-delta(close, 5))"
    assert one["metrics"]["ann_sharpe"] == run.metrics["sharpe"]
    assert one["honesty"]["psr"] is not None
    assert one["complexity_score"] == sum(
        one["complexity"][key] * (0.5 if key == "fields" else 1.0)
        for key in ("nodes", "depth", "fields", "windows")
    )
    assert one["lookahead"]["ok"] is True
    address = answer["Location"]

    other = expression_run("-0.5 + rank(-delta(close, 5))", FOUR)
    body = {"run_id": str(other.pk), "tags": ["mine"]}
    again = send(client, "post", "/api/strategies", body)
    assert (again.status_code, again.json()["run_id"]) == (200, str(other.pk))
    renamed = send(client, "patch", address, {"name": "Five days back"})
    assert (renamed.json()["name"], renamed.json()["tags"]) == (
        "Five days back",
        ["mine"],
    )
    assert send(client, "delete", address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.get("/api/strategies").json()["total"] == 0
    restored = send(client, "post", f"{address}/restore")
    assert restored.json()["name"] == "Five days back"


def test_lists_and_prefixes(client, saved):
    strategy_save(run=expression_run(TREND, FOUR))
    ids = [one["expr_hash"] for one in client.get("/api/strategies").json()["items"]]
    assert ids == [expr_hash(TREND), saved.expr_hash]
    best = client.get("/api/strategies?order=-ann_sharpe&limit=1").json()
    rest = client.get(
        f"/api/strategies?order=-ann_sharpe&cursor={best['next_cursor']}"
    ).json()
    skipped = client.get("/api/strategies?order=-ann_sharpe&offset=1&limit=1").json()
    assert rest["items"] == skipped["items"] != best["items"]
    assert client.get("/api/strategies?tag=short").json()["total"] == 1
    assert client.get("/api/strategies?q=REVERSAL").json()["total"] == 1
    assert b"expr_hash" in client.get("/api/strategies?format=csv").content
    assert client.get("/api/strategies?order=sharp").status_code == 422
    short = client.get(f"/api/strategies/{saved.expr_hash[:8]}").json()
    assert short["expr_hash"] == saved.expr_hash
    assert client.get(f"/api/strategies/{saved.expr_hash[:7]}").status_code == 404
    assert list_strategies()[1]["name"] == "Reversal"
    assert get_strategy_detail(saved.expr_hash[:10])["metrics"]["n_bars"]
    twin = StrategySnapshot.objects.get(pk=saved.pk)
    twin.pk = saved.expr_hash[:10] + "0" * 54
    twin.save(force_insert=True)
    assert client.get(f"/api/strategies/{saved.expr_hash[:8]}").status_code == 409


def test_curve_and_returns_multiply_up(client, saved):
    address = f"/api/strategies/{saved.expr_hash}"
    curve = client.get(f"{address}/curve?points=20").json()
    assert len(curve["dates"]) == len(curve["equity"]) <= 20
    assert (curve["dates"][0], curve["equity"][0]) == ("2010-01-04", 1.0)
    money = client.get(f"{address}/curve?points=20&scale=money").json()
    np.testing.assert_allclose(money["equity"], 1e5 * np.array(curve["equity"]))
    returns = client.get(f"{address}/returns").json()
    grown = np.prod(1.0 + np.array(returns["returns"]))
    assert grown == pytest.approx(curve["equity"][-1], rel=1e-9)
    assert len(returns["dates"]) == len(returns["returns"])
    assert client.get(f"{address}/curve?points=1").status_code == 422


def test_relatives_and_checks(client, saved):
    mirrored, _ = strategy_save(run=expression_run(TREND, FOUR))
    address = f"/api/strategies/{saved.expr_hash}"
    [other] = client.get(f"{address}/correlation").json()["items"]
    assert other["expr_hash"] == mirrored.expr_hash
    assert other["correlation"] < -0.5  # ranks do not sum to 0
    [near] = client.get(f"{address}/neighbours").json()["items"]
    assert near["text_similarity"] > 0.9
    checks = client.get(f"{address}/checks").json()
    found = {one["key"]: one["status"] for one in checks["items"]}
    assert found["lookahead"] == found["self_correlation"] == "PASS"
    assert found["sub_universe"] == found["sub_periods"] == "PENDING"
    assert checks["honesty"]["n_trials"] is not None


def test_the_sheet_is_computed_once_and_counts_nothing(client, saved):
    address = f"/api/strategies/{saved.expr_hash}"
    entries = LedgerEntry.objects.count()
    with patch("experiments.api.questions.WAIT_S", 0.0):
        waits = client.get(f"{address}/factor")
    assert waits.status_code == 202
    assert client.get(waits["Location"]).json()["kind"] == "strategy_sheet"
    job = Job.objects.get(pk=waits.json()["job_id"])
    assert question_ask(question=SheetQuestion(saved)).pk == job.pk
    assert lease.claim(job.pk, "me")
    job.refresh_from_db()
    sheet_compute(expr_hash=saved.expr_hash, context=JobContext(job))

    sheet = client.get(f"{address}/factor").json()
    assert sheet["factor"]["applicable"] is True
    assert [one["horizon"] for one in sheet["factor"]["decay"]] == [1, 5, 10, 21]
    assert len(sheet["factor"]["quantiles"]) == 2
    assert sheet["sub_universe"]["n_sub"] == 2
    assert len(sheet["sub_periods"]) == 4
    assert LedgerEntry.objects.count() == entries
    checks = client.get(f"{address}/checks").json()
    assert checks["n_pending"] == 0


def test_what_cannot_be_saved(client):
    plain = finished_run()
    answer = send(client, "post", "/api/strategies", {"run_id": str(plain.pk)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        409,
        "no_expression",
    )
    waits = make_run(changes={"expr": REVERSAL})
    answer = send(client, "post", "/api/strategies", {"run_id": str(waits.pk)})
    assert answer.status_code == 409
    assert send(client, "post", "/api/strategies", {"run": 1}).status_code == 422
