"""The pages of saved strategies: listed, judged, kept from a run, deleted and back."""

from __future__ import annotations

from html import unescape

import pytest

from experiments.charts.factor import decay_figure, months_figure, quantiles_figure
from experiments.models import StrategySnapshot
from experiments.services.strategies import strategy_save
from experiments.services.strategy_sheet import sheet_compute
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from tests.experiments.test_expression_runs import expression_run
from tests.factories import finished_run

pytestmark = pytest.mark.django_db

FOUR = [f"SYN-gbm-{seed}" for seed in range(1, 5)]
REVERSAL, TREND = "rank(-delta(close, 5)) - 0.5", "rank(delta(close, 5)) - 0.5"
SHEET = {"HX-Request": "true", "HX-Target": "strategy-sheet"}
CHECKS = {"HX-Request": "true", "HX-Target": "strategy-checks"}


def said(response, status=200) -> str:
    assert response.status_code == status
    return unescape(response.content.decode())


@pytest.fixture
def saved():
    run = expression_run(REVERSAL, FOUR)
    return strategy_save(run=run, name="Reversal", tags=["short"])[0]


def worked():
    """Do what a worker would with the sheet that waits."""
    job = Job.objects.get(kind="strategy_sheet")
    assert lease.claim(job.pk, "me")
    job.refresh_from_db()
    context = JobContext(job)
    sheet_compute(context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


def test_the_list_sorts_searches_and_leads_on(
    client, saved, django_assert_max_num_queries
):
    other, _ = strategy_save(run=expression_run(TREND, FOUR), name="Trend")
    with django_assert_max_num_queries(12):
        page = said(client.get("/strategies"))
    assert page.index("Trend</a>") < page.index("Reversal</a>")  # the newest first
    assert "2 of 2 strategies" in page
    assert "best by luck" in page
    assert "/api/strategies?format=parquet" in page
    for order, first in (("name", saved), ("-ann_sharpe", best(saved, other))):
        page = said(client.get(f"/strategies?order={order}"))
        places = {
            one: page.index(f'href="/strategies/{one.pk}"') for one in (saved, other)
        }
        assert min(places, key=places.get) == first
    for query, n in (("q=trend", 1), ("tag=short", 1), ("q=delta", 2)):
        assert f"{n} of {n} strateg" in said(client.get(f"/strategies?{query}"))
    assert "No strategy matches" in said(client.get("/strategies?q=nothing"))
    said(client.get("/strategies?order=luck"), 422)


def best(one, other):
    return max(one, other, key=lambda strategy: strategy.sharpe)


def test_without_any_it_leads_to_the_editor(client):
    page = said(client.get("/strategies"))
    assert "No strategy was saved yet" in page
    assert 'href="/backtest"' in page


def test_the_page_judges_and_its_sheet_arrives(client, saved):
    address = saved.get_absolute_url()
    page = said(client.get(f"/strategies/{saved.pk[:8]}"))
    for words in (
        "In this sample the rule",
        "Is it luck?",
        "no value before it moved",
        "2 are not known yet",
        "There is no other saved strategy",
        "/backtest?expr=rank%28-delta%28close%2C+5%29%29+-+0.5&provider=synthetic",
        saved.run.data_fingerprint,
        saved.run.config_hash,
        "Compute the sheet",
        "/api/strategies/",
    ):
        assert words in page
    assert 'hx-trigger="every 1s"' not in page

    waits = said(client.post(address, headers=SHEET))
    assert "<html" not in waits
    assert "Waiting for the worker" in waits
    assert 'hx-trigger="every 1s"' in waits
    assert "sheet-finished from:body" in said(client.get(address, headers=CHECKS))
    worked()
    arrived = client.get(address, headers=SHEET)
    assert "sheet-finished" in arrived["HX-Trigger"]
    sheet = said(arrived)
    for words in ("rank IC is", "Rank IC by month", "The 2 most traded of 4 symbols"):
        assert words in sheet
    assert sheet.count("data-chart=") == 2
    checks = said(client.get(address, headers=CHECKS))
    assert "not known yet" not in checks
    assert checks.count("<li>") == 10
    csv = client.get(f"{address}?table=decay&format=csv").content.decode()
    assert len(csv.splitlines()) == 5
    assert client.get(f"{address}?table=correlation&format=csv").status_code == 204
    said(client.get(f"{address}?table=nothing&format=csv"), 422)


def test_relatives_and_a_run_that_is_gone(client, saved):
    strategy_save(run=expression_run(TREND, FOUR), name="Trend")
    address = saved.get_absolute_url()
    page = said(client.get(address))
    assert "Moves with" in page
    table = client.get(f"{address}?table=correlation&format=json").json()
    assert [one["name"] for one in table["items"]] == ["Trend"]
    bulk = {"runs": str(saved.run_id), "action": "delete"}
    client.post("/model-lab/runs/bulk", bulk)
    assert "Its run was deleted" in said(client.get(address))
    assert "Reversal" in said(client.get("/strategies"))


def test_saved_from_the_run_page_and_from_the_editor(client):
    run = expression_run(REVERSAL, FOUR)
    assert "Save as strategy" in said(client.get(f"/backtest?run={run.pk}"))
    page = f"/model-lab/runs/{run.pk}"
    assert "Save as strategy" in said(client.get(page))
    sent = client.post("/strategies/save", {"run": str(run.pk)}, follow=True)
    strategy = StrategySnapshot.objects.get()
    assert sent.redirect_chain == [(strategy.get_absolute_url(), 302)]
    assert "Waiting for the worker" in said(sent)
    assert "Saved as “" in said(client.get(page))
    assert "<b>Saved</b> as “" in said(client.get(f"/backtest?run={run.pk}"))
    again = client.post("/strategies/save", {"run": str(run.pk)}, follow=True)
    assert "Saved already" in said(again)
    plain = finished_run()
    assert "Save as strategy" not in said(client.get(f"/model-lab/runs/{plain.pk}"))
    said(client.post("/strategies/save", {"run": str(plain.pk)}), 409)
    said(client.post("/strategies/save", {"run": "none"}), 404)


def test_renamed_deleted_and_back(client, saved):
    address = saved.get_absolute_url()
    assert 'href="/strategies">Strategies' in said(client.get(f"{address}/words"))
    words = {"name": "", "kept_tags": ["short"], "new_tags": "mine", "notes": "*Why*"}
    client.post(f"{address}/words", words)
    saved.refresh_from_db()
    assert (saved.name, saved.tags) == (saved.canonical, ["short", "mine"])
    assert "<em>Why</em>" in said(client.get(address))

    gone = said(client.post(f"{address}/delete", follow=True))
    assert "Its run and its trials stay" in gone
    assert "Undo" in gone
    said(client.get(address), 404)
    assert saved.canonical in said(client.get("/model-lab/trash?kind=strategies"))
    client.post("/model-lab/trash?kind=strategies", {"only": saved.pk})
    said(client.get(address))
    client.post(f"{address}/delete")
    moment = StrategySnapshot.objects.get().deleted_at.isoformat()
    client.post("/model-lab/trash/undo", {"moment": moment})
    said(client.get(address))


def test_figures_say_what_the_numbers_say():
    half = {"mean": 0.02, "std": 0.1, "t": 2.0, "share_positive": 0.6, "n": 9}
    none = dict.fromkeys(half) | {"n": 0}
    decay = [
        {"horizon": 1, "ic": half, "rank_ic": half},
        {"horizon": 5, "ic": half, "rank_ic": half | {"mean": -0.05}},
    ]
    assert decay_figure({"decay": decay}).facts["best"]["horizon"] == 5
    empty = [{"horizon": 1, "ic": none, "rank_ic": none}]
    assert decay_figure({"decay": empty}).spec is None
    groups = [
        {"quantile": i, "mean_return": 0.0, "mean_excess": e, "turnover": 0.1}
        for i, e in ((1, -0.01), (2, 0.02))
    ]
    factor = {"quantiles": groups, "quantile_horizon": 1}
    assert quantiles_figure(factor).facts["spread"] == pytest.approx(0.03)
    monthly = [
        {"year": 2010, "month": 2, "rank_ic": 0.1},
        {"year": 2011, "month": 12, "rank_ic": -0.1},
    ]
    months = months_figure({"monthly": monthly})
    assert [row["year"] for row in months.table] == [2010, 2011]
    assert months.table[0]["months"][:3] == [None, 0.1, None]
    assert months.facts == {"n_good": 1, "n": 2}
