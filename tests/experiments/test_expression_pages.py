"""The editor and the catalog as pages: judged, mended, run, listed, previewed."""

from __future__ import annotations

import re
from html import unescape

import pytest

from experiments.models import LedgerEntry, ModelRun, StrategySnapshot
from experiments.selectors.expression_questions import question_of
from experiments.services.experiments import experiment_create
from experiments.services.expressions import expression_answer
from experiments.services.questions import question_ask
from experiments.services.runs import run_submit
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from strategies import RunConfig
from strategies.features.starter import STARTERS
from strategies.validation import lookahead
from tests.factories import do_run

pytestmark = pytest.mark.django_db

FORM = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "expression-form"}
SENT = {
    "provider": "synthetic",
    "shown_provider": "synthetic",
    "universe": "SYN-gbm-1, SYN-gbm-2",
    "timeframe": "1d",
    "start": "",
    "end": "2010-12-31",
    "commission_bps": "5",
    "slippage_bps": "0",
    "borrow_bps": "0",
    "execution_lag": "1",
    "cap": "1",
    "max_lev": "1",
    "smooth_ema": "",
    "no_trade_band": "0",
    "neutralize": "market",
    "nan_policy": "zero",
    "braces": "",
}


def said(response) -> str:
    return unescape(response.content.decode())


def judged(client, expr, **changes):
    sent = SENT | {"expr": expr} | changes
    response = client.post("/backtest?validate=1", sent, **FORM)
    assert response.status_code == 200
    assert b"<html" not in response.content
    return said(response)


def test_a_run_is_run_again_with_changes_where_it_was_written(client):
    market = {"provider": "synthetic", "end": "2010-12-31"}
    config = RunConfig(
        expr="rank(-delta(close, {d})) - 0.5",
        braces={"d": 7},
        universe=["SYN-gbm-1", "SYN-gbm-2"],
        sizing={"cap": 0.4},
        exits={"stop_loss": 0.2},
        **market,
    )
    before = run_submit(config=config).run
    do_run(before)
    page = client.get(f"/model-lab/runs/{before.pk}/rerun", follow=True)
    assert page.redirect_chain == [(f"/backtest?run={before.pk}", 302)]
    shown = said(page)
    assert "rank(-delta(close, {d})) - 0.5</textarea>" in shown
    assert re.search(r'name="braces"[^>]*value="d = 7"', shown)
    assert re.search(r'value="0.4"[^>]*name="cap"|name="cap"[^>]*value="0.4"', shown)
    assert f'name="run" value="{before.pk}"' in shown
    sent = SENT | {"run": str(before.pk), "expr": "rank(delta(close, {d})) - 0.5"}
    answer = client.post("/backtest", sent | {"braces": "d = 3", "cap": "0.4"})
    assert answer.status_code == 302
    after = ModelRun.objects.exclude(pk=before.pk).get().config
    assert (after["braces"], after["sizing"]["cap"]) == ({"d": 3.0}, 0.4)
    assert after["exits"] == {"stop_loss": 0.2}  # no field of the editor
    assert client.post("/backtest", sent | {"run": "nobody"}).status_code == 404
    asked = experiment_create(
        name="Asked", model_key="buy_and_hold", params={}, universe=["SP500"]
    )
    ModelRun.objects.filter(pk=before.pk).update(experiment=asked)
    assert ">Asked</a>, like the one" in said(client.get(f"/backtest?run={before.pk}"))
    client.post("/backtest", sent | {"braces": "d = 4"})
    assert asked.runs.count() == 2  # what is changed stays in its experiment


def worked(kind):
    job = Job.objects.filter(kind=kind).latest("created_at")
    assert lease.claim(job.pk, "me")
    context = JobContext(Job.objects.get(pk=job.pk))
    expression_answer(kind=kind, context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


class TestEditor:
    def test_an_error_is_named_and_mended_by_one_click(self, client):
        page = judged(client, "neg(rank(mean(retur, 20)))")

        assert "There is no value named 'retur'." in page
        assert "\n              ^^^^^</pre>" in page
        assert 'value="neg(rank(mean(returns, 20)))"' in page
        assert 'aria-invalid="true"' in page
        plain = client.post(
            "/backtest",
            SENT | {"expr": "retur", "cap": "0.3", "write": "neg(returns)"},
        )
        assert "neg(returns)</textarea>" in said(plain)
        assert 'value="0.3"' in said(plain)

    def test_what_is_understood_is_told_before_it_is_run(self, client):
        page = judged(client, "rank( -1*delta(close,5) )")

        assert "<code>rank(-delta(close, 5))</code>" in page
        assert "looks back 5 bars" in page
        assert "One backtest of <b>SYN-gbm-1, SYN-gbm-2</b>" in page
        assert "price and volume together" in judged(client, "close + volume")
        assert "Give <code>{d}</code> a value" in judged(client, "delta(close, {d})")
        told = judged(client, "delta(close, {d})", braces="d = 5")
        assert "One backtest" in told
        assert "begin with an example" in judged(client, "  ")
        assert "not a column" in judged(client, 'feat("nothing")')
        assert "One backtest" not in judged(client, "close", cap="many")

    def test_it_is_run_and_its_result_takes_its_place(self, client):
        sent = SENT | {"expr": "rank(-delta(close, 5)) - 0.5", "cap": "0.4"}
        refused = client.post("/backtest", sent | {"universe": ""}, **FORM)
        assert refused.status_code == 422
        answer = client.post("/backtest", sent, **FORM)
        run = ModelRun.objects.get()
        assert answer["HX-Retarget"] == "#expression-result"
        assert answer["HX-Push-Url"] == f"/backtest?run={run.pk}"
        assert 'hx-trigger="every 1s"' in said(answer)
        assert run.config["sizing"] == {"cap": 0.4, "neutralize": "market"}
        do_run(run)

        result = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "expression-result"}
        region = client.get(f"/backtest?run={run.pk}", **result)
        assert "run-finished" in region["HX-Trigger"]
        assert "every 1s" not in said(region)
        assert "Is it luck?" in said(region)
        assert "No value changed when the bars after it were changed." in said(region)
        page = said(client.get(f"/backtest?run={run.pk}"))
        assert "rank(-delta(close, 5)) - 0.5</textarea>" in page
        plain = client.post("/backtest", sent)
        assert plain["Location"] == f"/backtest?run={run.pk}#expression-result"
        assert client.get("/backtest?run=nothing").status_code == 404
        saved = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "expression-saved"}
        asked = {"run": run.pk, "name": "Five days"}
        region = said(client.post("/strategies/save", asked, **saved))
        assert "<b>Saved</b> as “Five days”" in region
        assert "<html" not in region
        assert "Saved before" in said(client.post("/strategies/save", asked, **saved))
        assert StrategySnapshot.objects.get().name == "Five days"

    def test_names_are_completed_at_the_caret(self, client):
        asked = {"expr": "rank(ts_me, 5)", "cursor": "10"}
        page = said(client.post("/backtest/complete", asked))

        assert 'data-insert="ts_mean("' in page
        assert re.findall(r'aria-selected="(\w+)"', page) == ["false"] * 2
        assert "<li" not in said(client.post("/backtest/complete", {"expr": "1 +"}))

    def test_the_look_ahead_check_is_a_region_that_waits(self, client, monkeypatch):
        monkeypatch.setattr(lookahead, "CONSECUTIVE", 1)
        monkeypatch.setattr(lookahead, "RANDOM", 0)
        region = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "expression-leaks"}
        asked = {"expr": "delta(close, 3)"}
        assert "every 1s" in said(client.post("/backtest/look-ahead", asked, **region))
        assert "every 1s" in judged(client, **asked)
        worked("leak_check")

        assert "no look-ahead" in said(client.get("/backtest/look-ahead", asked))
        assert "no look-ahead" in judged(client, **asked)
        assert client.post("/backtest/look-ahead", {"expr": "("}).status_code == 422
        assert LedgerEntry.objects.count() == 0


class TestCatalog:
    def test_all_of_it_and_what_a_search_finds(self, client):
        page = said(client.get("/catalog"))
        for name in STARTERS:
            assert f'href="/catalog/{name}"' in page
        assert 'href="/catalog/primitives/ts_mean"' in page
        found = said(client.get("/catalog", {"q": "parkinson", "kind": "starter"}))
        assert re.findall(r'href="/catalog/(\w+)"', found) == ["parkinson_volatility"]
        assert "Nothing reads like this" in said(client.get("/catalog?q=qqq"))

    def test_an_entry_says_what_it_is(self, client):
        page = said(client.get("/catalog/past_return?window=60"))
        assert "pct_change(close, 60)" in page
        assert 'href="/backtest?expr=pct_change%28close%2C%2060%29"' in page
        assert "Alpha158 ROC" in page
        page = said(client.get("/catalog/primitives/group_rank"))
        assert "made-up groups" in page
        alias = client.get("/catalog/primitives/lag")
        assert alias["Location"] == "/catalog/primitives/delay"
        assert client.get("/catalog/nothing").status_code == 404
        assert client.get("/catalog/primitives/nothing").status_code == 404

    def test_a_preview_is_computed_shown_and_taken_away(self, client):
        names = ",".join(f"SYN-gbm-{seed}" for seed in range(1, 4))
        bars = {"provider": "synthetic", "universe": names}
        address = "/catalog/past_return"
        region = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "catalog-preview"}
        waiting = said(client.post(address, bars, **region))
        assert "every 1s" in waiting
        assert "<html" not in waiting
        worked("preview")

        page = said(client.get(address, bars))
        assert "100.0% have a value" in page
        assert "3 names over 2,520 bars" in page
        link = f"{address}?provider=synthetic&universe={names.replace(',', '%2C')}"
        assert f"{link}&chart=values&format=csv" in page
        for chart in ("spread", "decay"):
            table = client.get(f"{link}&chart={chart}&format=csv")
            assert table["Content-Type"] == "text/csv"
        source = {"provider": "synthetic", "symbol": "SYN-gbm-1"}
        question_ask(question=question_of("preview", "close / vwap", source))
        worked("preview")
        [told] = question_of("preview", "close / vwap", source).answer()["warnings"]
        assert told["message"].startswith("These data have no vwap")
        nobody = said(client.get(address, bars | {"universe": "NONE"}))
        assert 'class="note"' in nobody
        assert client.get(f"{link}&chart=x&format=csv").status_code == 422
