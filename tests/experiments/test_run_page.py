"""The run page: its tabs, every state, and regions that stop asking by themselves."""

from __future__ import annotations

import json
import re
from html import unescape
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import ModelRun
from experiments.services.runs import run_delete
from jobs.models import Job, JobStatus
from tests.experiments.rows import plain_experiment
from tests.factories import finished_run, make_run
from tests.jobs.rows import add_lines, beat

pytestmark = pytest.mark.django_db

TABS = ("summary", "charts", "trades", "config", "files", "api", "logs")
MAX_QUERIES = 12
NEVER_TRADES = {
    "strategy": {"name": "rsi_reversion", "params": {"lower": 0.5, "upper": 99.5}}
}


@pytest.fixture(autouse=True)
def _home(settings, tmp_path):
    settings.QUANT_HOME = tmp_path


def address(run: ModelRun, query: str = "") -> str:
    return f"/model-lab/runs/{run.pk}{query}"


def page(client, run: ModelRun, query: str = "") -> str:
    response = client.get(address(run, query))
    assert response.status_code == 200
    return response.content.decode()


def region(client, run: ModelRun, name: str, query: str = ""):
    """Ask as htmx does for the region with this id."""
    headers = {"HX-Request": "true", "HX-Target": name}
    return client.get(address(run, query), headers=headers)


def opening(html: str, name: str) -> str:
    [tag] = re.findall(rf'(?s)<\w+ id="{name}".*?>', html)
    return tag


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def tab_links(html: str) -> list[str]:
    [nav] = re.findall(r'(?s)<nav class="tabs" aria-label="Run">(.*?)</nav>', html)
    return re.findall(r">(\w+)<", nav)


class TestFinished:
    @pytest.fixture
    def run(self):
        return finished_run(name="SMA 5/20", tags=["trend"])

    def test_the_summary_opens_with_the_sentence_and_its_doubt(self, client, run):
        html = page(client, run)
        sentence = text_of(html.split('<p class="verdict">')[1].split("</p>")[0])

        assert sentence.startswith("In this sample the rule ")
        assert "for buy and hold. Its Sharpe of" in sentence
        assert "0 trials · best by luck 0.00" in sentence  # made-up data never count
        assert "no sign of skill" in sentence

    def test_the_head_says_what_was_run(self, client, run):
        html = page(client, run)

        assert "<h1>SMA 5/20</h1>" in html
        assert "SYN-gbm-1" in html
        assert "cost 5 + 5 bps a side" in html
        assert '<a class="tag" href="/backtesting?tag=trend">trend</a>' in html
        assert f'href="/model-lab/runs/{run.pk}/rerun"' in html
        assert "Cancel the run" not in html

    def test_every_tab_is_there_and_marked(self, client, run):
        for tab in TABS:
            html = page(client, run, f"?tab={tab}")

            assert tab_links(html)[:2] == ["Summary", "Charts"]
            assert f'id="run-{tab}"' in html
            assert html.count("<h1") == 1
            assert re.search(rf'(?i)aria-current="page">{tab}\b', html)

    def test_nothing_asks_again(self, client, run):
        for tab in TABS:
            html = page(client, run, f"?tab={tab}")

            assert "every 1s" not in html
            assert "hx-trigger" not in opening(html, "run-head")
            assert "hx-trigger" not in opening(html, "run-result")

    def test_charts_load_themselves(self, client, run):
        html = page(client, run)

        for name in ("equity", "rolling", "returns", "months"):
            assert f"/model-lab/runs/{run.pk}/charts/{name}" in html
        assert "data-chart=" not in html

    def test_metrics_stand_beside_those_of_the_benchmark(self, client, run):
        html = page(client, run)

        assert "buy and hold" in html
        assert "Max drawdown" in html
        assert "Longest drawdown" in html
        assert "Worst drawdowns" in html

    def test_the_plain_view_changes_words_and_no_number(self, client, run):
        expert = page(client, run)
        client.cookies["view"] = "novice"
        plain = page(client, run)

        assert "Worst fall</a>" in plain
        assert "Max drawdown</a>" not in plain
        figures = re.compile(r'<dd><span title="[^"]*">([^<]*)<')
        assert figures.findall(plain) == figures.findall(expert)

    def test_no_tab_needs_many_queries(self, client, run):
        for tab in TABS:
            with CaptureQueriesContext(connection) as queries:
                page(client, run, f"?tab={tab}")

            assert len(queries) <= MAX_QUERIES, tab

    def test_the_config_and_its_hashes_can_be_copied(self, client, run):
        html = page(client, run, "?tab=config")

        shown = re.search(r'(?s)id="config-text">(.*?)</code>', html)[1]
        assert json.loads(unescape(shown)) == run.config
        for digest in (run.config_hash, run.data_fingerprint, run.manifest_sha):
            assert f'data-copy="{digest}"' in html

    def test_calls_ask_for_the_key_only_where_there_is_one(self, client, run, settings):
        assert "X-API-Key" not in page(client, run, "?tab=api")

        settings.QUANT_API_KEY = "secret"
        client.post("/login", {"key": "secret"})
        html = unescape(page(client, run, "?tab=api"))
        assert html.count('-H "X-API-Key: $QUANT_API_KEY"') == 7
        assert html.count('os.environ["QUANT_API_KEY"]') == 7
        assert "secret" not in html

    def test_files_can_be_fetched_from_where_the_page_says(self, client, run):
        html = page(client, run, "?tab=files")
        links = re.findall(r'href="([^"?]+)" download', html)

        files = [link for link in links if "/artifacts/" in link]
        assert len(files) == 9  # eight files and the manifest
        assert {*links} - {*files} == {f"/api/runs/{run.pk}/archive"}
        for link in {*links}:
            assert client.get(link).status_code == 200

    def test_an_experiment_is_the_way_back(self, client):
        experiment = plain_experiment(name="Trend & co")
        run = finished_run()
        ModelRun.objects.filter(pk=run.pk).update(experiment=experiment)

        html = page(client, run)

        assert f'href="/model-lab/experiments/{experiment.pk}">Trend &amp; co<' in html


class TestRegions:
    def test_a_region_is_no_page(self, client):
        run = finished_run()
        for name in ("run-head", "run-result", "run-trades"):
            response = region(client, run, name, "?tab=trades")

            assert response.status_code == 200
            assert opening(response.content.decode(), name)
            assert b"<html" not in response.content
            assert b'class="side"' not in response.content

    def test_a_region_that_is_none_is_refused(self, client):
        assert region(client, make_run(), "run-secrets").status_code == 400

    def test_an_unknown_tab_is_not_found(self, client):
        run = finished_run()

        assert client.get(address(run, "?tab=astrology")).status_code == 404
        assert client.get(address(run, "?tab=trades&show=x")).status_code == 404


class TestTrades:
    def test_round_trips_are_numbered_and_summed(self, client):
        html = page(client, finished_run(), "?tab=trades")
        [trips] = re.findall(r"1 to (\d+) of (\d+)\.", html)

        assert trips[0] == trips[1]
        assert f"Total of {trips[1]}" in html
        assert html.count("#chart-price") == int(trips[1])

    def test_pages_follow_each_other_without_a_gap(self, client):
        run = finished_run(changes={"strategy": {"params": {"fast": 2, "slow": 3}}})
        seen, query = [], "?tab=trades"
        while query:
            html = region(client, run, "run-trades", query).content.decode()
            seen += re.findall(r'<td class="num muted hide">([\d,]+)</td>', html)
            following = re.search(r'id="next-trades" href="([^"]+)"', html)
            query = following[1].replace("&amp;", "&") if following else ""

        total = int(re.search(r"of ([\d,]+)\.", html)[1].replace(",", ""))
        assert total > 100
        numbers = [int(number.replace(",", "")) for number in seen]
        assert numbers == list(range(1, total + 1))

    def test_fills_have_a_list_of_their_own(self, client):
        html = page(client, finished_run(), "?tab=trades&show=fills")

        assert ">Fills</h2>" in html
        assert "Slippage" in html
        assert "/trades?format=csv" in html

    def test_a_cursor_from_elsewhere_is_refused(self, client):
        run = finished_run()

        assert client.get(address(run, "?tab=trades&cursor=x")).status_code == 422

    @pytest.mark.parametrize("number", ["x", "-3", "0", "9" * 5000])
    def test_a_place_that_is_none_is_the_first(self, client, number):
        html = page(client, finished_run(), f"?tab=trades&first={number}&trip=y")

        assert '<td class="num muted hide">1</td>' in html


class TestUnfinished:
    @pytest.fixture(autouse=True)
    def _worker(self, db):
        beat()

    @pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
    def test_its_job_is_watched_and_can_be_cancelled(self, client, status):
        run = self.at_work(status)
        html = page(client, run)

        assert "every 1s" in opening(html, "job-progress")
        assert "job-changed from:body" in opening(html, "run-head")
        assert "job-finished from:body" in opening(html, "run-result")
        assert tab_links(html) == ["Summary", "Config", "API", "Logs"]
        assert f'action="/model-lab/runs/{run.pk}/cancel"' in html
        assert 'class="verdict"' not in html

    def at_work(self, status: JobStatus) -> ModelRun:
        run = make_run()
        if status == JobStatus.RUNNING:
            Job.objects.filter(pk=run.job_id).update(
                status=status,
                started_at=run.created_at,
                lease_owner="a test",
                lease_until="2999-01-01T00:00Z",
            )
        return run

    def test_the_last_answer_of_each_region_asks_no_more(self, client):
        run = make_run()
        assert "job-finished" in opening(page(client, run), "run-result")
        Job.objects.filter(pk=run.job_id).update(
            status=JobStatus.CANCELLED, finished_at=run.created_at
        )

        job_answer = client.get(
            run.job.get_absolute_url() + "?was=queued",
            headers={"HX-Request": "true", "HX-Target": "job-progress"},
        )
        assert set(json.loads(job_answer["HX-Trigger"])) == {
            "job-changed",
            "job-finished",
        }
        assert "every" not in opening(job_answer.content.decode(), "job-progress")
        for name in ("run-head", "run-result"):
            answer = region(client, run, name).content.decode()
            assert "hx-trigger" not in opening(answer, name)
            assert "every" not in answer

    def test_a_wish_to_cancel_is_said_and_not_asked_again(self, client):
        run = self.at_work(JobStatus.RUNNING)
        Job.objects.filter(pk=run.job_id).update(cancel_requested=True)

        html = page(client, run)

        assert "Cancel requested." in html
        assert 'data-dialog-open="cancel-dialog"' not in html

    def test_its_config_can_be_read_already(self, client):
        html = page(client, make_run(), "?tab=config")

        assert 'id="run-config"' in html
        assert 'id="job-progress"' in html

    def test_a_tab_that_needs_a_result_shows_the_progress(self, client):
        html = page(client, make_run(), "?tab=files")

        assert 'id="job-progress"' in html
        assert 'id="run-files"' not in html

    def test_its_log_is_followed_beside_the_progress(self, client):
        run = make_run()
        add_lines(run.job, 3)

        html = page(client, run, "?tab=logs")
        tail = region(client, run, "log-tail", "?tab=logs&after=2")

        assert "every" in opening(html, "log-tail")
        assert "tab=logs&amp;after=3" in opening(html, "log-tail")
        assert '<input type="hidden" name="tab" value="logs">' in html
        # Its end replaces the result, and with it no line that was appended since.
        assert (
            'id="job-log"'
            not in region(client, run, "run-result", "?tab=logs").content.decode()
        )
        assert b'<li id="L3">' in tail.content
        assert b'<li id="L2">' not in tail.content
        for target in ("job-log", "log-earlier"):
            part = region(client, run, target, "?tab=logs").content
            assert b'<li id="L2">' in part
            assert b"<html" not in part
        quiet = region(client, run, "log-tail", "?tab=logs&after=3")
        assert quiet.status_code == 204

    def test_a_silent_worker_is_said(self, client):
        from jobs.models import WorkerBeat

        WorkerBeat.objects.all().delete()

        assert "The worker does not answer" in page(client, make_run())

    def test_few_queries(self, client):
        run = make_run()
        with CaptureQueriesContext(connection) as queries:
            page(client, run)

        assert len(queries) <= MAX_QUERIES


class TestCancel:
    def test_it_asks_first_and_then_cancels(self, client):
        run = make_run()
        question = client.get(address(run, "/cancel")).content.decode()
        assert "Keep running" in question

        answer = client.post(address(run, "/cancel"))

        assert answer["Location"] == address(run)
        assert Job.objects.get(pk=run.job_id).status == JobStatus.CANCELLED
        html = page(client, run)
        assert "No trial was counted" in html
        assert "Re-run with changes" in html

    def test_a_finished_run_stays_what_it_is(self, client):
        run = finished_run()
        assert (
            "nothing to cancel" in client.get(address(run, "/cancel")).content.decode()
        )

        client.post(address(run, "/cancel"))

        assert Job.objects.get(pk=run.job_id).status == JobStatus.SUCCEEDED


def ended_run(status: JobStatus) -> ModelRun:
    """Return a run that ended without a result."""
    run = make_run()
    Job.objects.filter(pk=run.job_id).update(status=status, finished_at=run.created_at)
    return run


class TestEnds:
    def test_a_failure_says_why_and_what_to_do(self, client):
        run = ended_run(JobStatus.FAILED)
        error = {
            "code": "bad_candles",
            "message": "BIL has no bars in 2025.",
            "advice": "Choose a later start.",
        }
        Job.objects.filter(pk=run.job_id).update(error=error, stage="data_loading")

        html = page(client, run)

        assert "BIL has no bars in 2025." in html
        assert "Choose a later start." in html
        assert "bad_candles" in html
        assert html.count("Re-run with changes") == 1
        assert html.count("btn-primary") == 1
        assert tab_links(html) == ["Summary", "Config", "API", "Logs"]

    def test_a_failure_without_a_reason_is_said(self, client):
        html = page(client, ended_run(JobStatus.FAILED))

        assert "the reason was not recorded" in html

    def test_no_trades_is_a_result(self, client):
        run = finished_run(changes=NEVER_TRADES)
        assert run.metrics["exposure"] == 0

        html = page(client, run)

        assert "never took a position" in html
        assert "No trades" in html
        assert "/charts/equity" not in html
        assert "This run has no Sharpe" in html or "did not vary" in html
        assert "No trades" in page(client, run, "?tab=trades")
        assert page(client, run, "?tab=charts").count("No trades") == 1

    def test_a_run_without_files_keeps_its_report(self, client):
        run = finished_run(persist=False)
        summary = page(client, run)
        trades = page(client, run, "?tab=trades")

        assert 'class="verdict"' in summary
        assert "artifacts/" not in summary
        assert "Show</a>" not in trades
        assert "No files" in page(client, run, "?tab=files")
        assert client.post(address(run, "/verify")).status_code == 409

    def test_a_deleted_run_and_none_are_not_found(self, client):
        run = finished_run()
        run_delete(run=run)

        assert client.get(address(run)).status_code == 404
        assert client.get(f"/model-lab/runs/{uuid4()}").status_code == 404


class TestVerify:
    def test_unchanged_files_are_said_to_be(self, client):
        run = finished_run()
        headers = {"HX-Request": "true", "HX-Target": "run-verify"}

        answer = client.post(address(run, "/verify"), headers=headers)

        assert "8 of 8 files" in answer.content.decode()
        assert b"<html" not in answer.content

    def test_without_script_the_answer_is_the_page(self, client):
        run = finished_run()

        html = client.post(address(run, "/verify")).content.decode()

        assert "8 of 8 files" in html
        assert 'id="run-files"' in html
        assert "<html" in html

    def test_a_changed_byte_is_named(self, client):
        run = finished_run()
        path = settings.QUANT_HOME / "runs" / str(run.pk) / "equity.parquet"
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)

        html = client.post(address(run, "/verify")).content.decode()

        assert "Files have changed" in html
        assert "<b>equity.parquet</b> is now" in html
        assert "<b>bars.parquet</b>" not in html

    def test_it_is_a_post(self, client):
        assert client.get(address(make_run(), "/verify")).status_code == 405
