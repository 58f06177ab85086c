"""The language for scripts: what is understood, completed, explained and checked."""

from __future__ import annotations

import json
from functools import partial

import pytest

from experiments.api import questions as doors
from experiments.services.expressions import expression_answer
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from strategies.dsl.primitives import PRIMITIVES
from strategies.validation import lookahead
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


def post(client, door, **body):
    return client.post(f"/api/expressions/{door}", body, "application/json")


def worked(kind="leak_check"):
    """Do what a worker does with the newest job."""
    job = Job.objects.filter(kind=kind).latest("created_at")
    assert lease.claim(job.pk, "me")
    context = JobContext(Job.objects.get(pk=job.pk))
    expression_answer(kind=kind, context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(doors, "WAIT_S", 0.0)
    monkeypatch.setattr(lookahead, "CONSECUTIVE", 1)
    monkeypatch.setattr(lookahead, "RANDOM", 0)


class TestValidate:
    def test_what_is_understood(self, client):
        body = post(client, "validate", expr="rank(-1 * Delta(close, 5.7)) + 0").json()

        assert body["ok"]
        assert body["canonical"] == "rank(-delta(close, 5))"
        # 5 nodes, 4 levels, half a field, log2(5)/4
        assert body["complexity_score"] == pytest.approx(10.0805, abs=1e-4)
        assert (body["lookback_bars"], body["fields"]) == (5, ["close"])
        assert (body["unit"], body["warnings"]) == ("1", [])
        same = post(client, "validate", expr="rank(-(delta(close,5)))").json()
        assert same["expr_hash"] == body["expr_hash"]
        warned = post(client, "validate", expr="close + volume").json()
        assert warned["warnings"][0]["code"] == "unit_mismatch"
        assert (warned["ok"], warned["unit"]) == (True, None)
        stood_in = post(client, "validate", expr="close - vwap").json()["warnings"]
        assert [one["code"] for one in stood_in] == ["vwap_substituted"]
        assert stood_in[0]["column"] == 9

    def test_what_is_refused_says_where_and_what_was_meant(self, client):
        body = post(client, "validate", expr="neg(rank(mean(retur, 20)))").json()

        assert set(body) == {"ok", "error"}
        error = body["error"]
        assert (error["code"], error["column"], error["length"]) == (
            "unknown_name",
            15,
            5,
        )
        assert "returns" in error["suggestion"]
        assert error["mended"] == "neg(rank(mean(returns, 20)))"
        assert error["caret"].splitlines()[1].index("^") == 14

    def test_nothing_reaches_python(self, client):
        for text in ("__import__('os')", "(" * 9_000, "", "x\u0001", "9" * 12_000):
            answer = post(client, "validate", expr=text)
            assert answer.status_code == 200
            assert answer.json()["error"]["code"]
        assert_error(post(client, "validate", expr=5), 422, "invalid_value")
        assert_error(post(client, "validate", text="close"), 422, "missing_field")


class TestComplete:
    def names(self, client, **body):
        return [one["name"] for one in self.asked(client, **body)["items"]]

    def asked(self, client, **body):
        return post(client, "complete", **body).json()

    def test_names_that_begin_so_come_first(self, client):
        assert self.names(client, prefix="retur")[:1] == ["returns"]
        assert "past_return" in self.names(client, prefix="return")
        assert self.names(client, prefix="RANK")[0] == "rank"
        assert self.names(client, prefix="") == []
        assert self.names(client, prefix="qqq") == []
        assert self.names(client, prefix="mi")[0] in ("min", "minimum")

    def test_the_name_at_the_cursor_is_replaced(self, client):
        body = self.asked(client, expr="rank(ts_me + 1)", cursor=10)

        assert (body["prefix"], body["start"], body["end"]) == ("ts_me", 5, 10)
        first = body["items"][0]
        assert (first["name"], first["kind"]) == ("ts_mean", "function")
        assert first["signature"] == "ts_mean(x, d)"
        assert first["insert"] == "ts_mean("
        feature = self.asked(client, prefix="trend_slope")["items"][0]
        assert feature["insert"] == "(ts_slope(close, 20) / close)"


class TestExplain:
    def test_the_tree_in_words(self, client):
        body = post(client, "explain", expr="rank(delta(close, 5))").json()

        assert body["canonical"] == "rank(delta(close, 5))"
        inner = body["tree"]["arguments"][0]
        assert inner["words"] == "The change since 5 bars ago."
        assert inner["arguments"][1]["type"] == "window"

    def test_a_refusal_is_the_error_document(self, client):
        error = assert_error(
            post(client, "explain", expr="rnak(close)"), 422, "unknown_function"
        )
        assert error["details"]["errors"][0]["field"] == "expr"


class TestLeakCheck:
    def test_waits_then_names_the_job_then_answers(self, client, impatient):
        asked = {"expr": "rank(delta(close, 5))"}
        waiting = post(client, "leak-check", **asked)
        assert waiting.status_code == 202
        assert waiting["Location"] == waiting.json()["links"]["job"]
        again = post(client, "leak-check", **asked).json()
        assert again["job_id"] == waiting.json()["job_id"]
        worked()

        body = post(client, "leak-check", **asked).json()
        assert (body["ok"], body["node"], body["made_up"]) == (True, None, True)
        assert Job.objects.count() == 1

    def test_on_the_bars_of_a_run(self, client, impatient):
        asked = {
            "expr": "delta(close, 5)",
            "provider": "synthetic",
            "universe": ["SYN-gbm-1", "SYN-gbm-2"],
            "end": "2010-12-31",
        }
        assert post(client, "leak-check", **asked).status_code == 202
        worked()

        body = post(client, "leak-check", **asked).json()
        assert (body["ok"], body["n_symbols"], body["made_up"]) == (True, 2, False)

    def test_what_the_bars_do_not_have_is_refused(self, client, impatient):
        asked = {
            "expr": 'feat("nothing")',
            "provider": "synthetic",
            "symbol": "SYN-gbm-1",
        }
        post(client, "leak-check", **asked)
        worked()

        assert_error(post(client, "leak-check", **asked), 422, "unknown_field")
        asked["symbol"] = "NONE"
        assert post(client, "leak-check", **asked).status_code == 422
        del asked["symbol"]
        asked["expr"] = "rnak(close)"
        assert_error(post(client, "leak-check", **asked), 422, "unknown_function")


def test_a_panel_of_a_million_symbols_is_refused_at_the_door(client, monkeypatch):
    asked = []
    monkeypatch.setattr("strategies.library.universe.describe", asked.append)
    names = [f"S{number}" for number in range(1_000_000)]
    million, many = (
        json.dumps({"expr": "rank(close)", "universe": some})
        for some in (names, names[:90_000])
    )
    capped = {"universe": {"preset_id": "sp500", "cap": len(names)}}
    for address in ("/api/backtest", "/api/expressions/leak-check"):
        send = partial(client.post, address, content_type="application/json")
        error = assert_error(send(million), 413, "body_too_large")
        assert "1 MiB" in error["advice"]
        error = assert_error(send(many), 422, "too_many_symbols")
        assert error["message"] == "90000 symbols are more than 500."
        assert_error(send({"expr": "close"} | capped), 422, "out_of_range")
    page = client.post("/backtest", {"expr": "close", "universe": " ".join(names)})
    assert page.status_code == 413
    assert not Job.objects.exists()
    assert not asked  # nobody looked for their bars


def test_the_table_of_primitives(client):
    items = client.get("/api/config/primitives").json()["items"]

    assert [one["name"] for one in items] == list(PRIMITIVES)
    delay = next(one for one in items if one["name"] == "delay")
    assert "lag" in delay["aliases"]
    assert delay["signature"] == "delay(x, d=1)"
    assert delay["lookback"] == "d bars."
    window = {"name": "d", "kind": "window", "default": 1, "min": 0, "max": 5000}
    assert delay["arguments"][1] == window
