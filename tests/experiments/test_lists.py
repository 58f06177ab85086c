"""Lists of runs: rows, sorting, pages and downloads, at a cost that does not grow."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.sql import compiler
from django.test.utils import CaptureQueriesContext

from experiments.models import ModelExperiment, ModelRun, RunMetric
from experiments.selectors.trials import trial_counts
from experiments.services.fill import fill_lab
from experiments.views.run_table import spark_points
from jobs.models import Job, JobStatus
from tests.experiments.listed import ALL, HYPOTHESIS, good_run, link_to, names_in
from tests.experiments.rows import NOON, add_trial, plain_experiment, plain_run
from tests.jobs.rows import make_job
from tests.pages import page, polls, region

pytestmark = pytest.mark.django_db

MAX_QUERIES = 13
# The 50 of a page, what is shown beside each, and counts.
MAX_ROWS = 160


@contextmanager
def rows_read():
    """Yield a list that gets how many rows came from the database, a part at a time."""
    own, read = compiler.cursor_iter, []

    def counted(*args):
        for rows in own(*args):
            read.append(len(rows))
            yield rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "cursor_iter", counted)
        yield read


class TestRuns:
    def test_an_empty_lab_says_what_a_run_is(self, client):
        html = page(client, ALL)

        assert "No runs yet" in html
        assert "<table" not in html
        assert not polls(html, "run-table")

    def test_a_finished_run_shows_its_numbers_and_its_trials(self, client):
        good_run("SMA 20/50", sparkline=[1.0, 2.0, 4.0])
        add_trial("1")
        add_trial("2")

        html = page(client, ALL)

        assert names_in(html) == ["SMA 20/50"]
        assert 'data-label="Trials">2<' in html
        assert re.search(r'data-label="CAGR %" title="0.056">5.6<', html)
        assert re.search(r'data-label="Max DD %" title="-0.167">−16.7<', html)
        assert 'data-label="Trades" title="58">58<' in html
        # 1, 2, 4 is a straight line where growth is drawn.
        assert '<polyline points="0.0,20.0 42.0,11.0 84.0,2.0"/>' in html
        assert "1 of 1 run<" in html

    def test_a_sharpe_never_walks_alone(self, client):
        good_run("SMA 20/50", sharpe=0.5512, sharpe_se=0.23)
        add_trial("1")

        html = page(client, ALL)

        [cell] = re.findall(r'(?s)data-label="Sharpe">(.*?)</td>', html)
        assert "0.55" in cell
        assert "plus or minus 0.23" in cell
        assert "1 trial on this data so far" in cell.lower()

    def test_work_is_shown_with_its_progress_and_asks_again(self, client):
        job = make_job("running", progress=0.42, title="On its way")
        run = plain_run("running", job=job)
        plain_run("queued", name="In line")

        html = page(client, ALL)

        assert "On its way" in html
        assert "42%" in html
        assert "Waits for a free place." in html
        assert polls(html, "run-table")

        Job.objects.update(
            status=JobStatus.CANCELLED,
            finished_at=run.created_at,
            lease_until=None,
            lease_owner="",
        )
        assert not polls(page(client, ALL), "run-table")

    def test_what_failed_says_why(self, client):
        error = {"code": "bad_candles", "message": "BIL has no bars.", "advice": ""}
        plain_run("failed", job=make_job("failed", error=error), name="No bars")
        plain_run("cancelled", name="Called off")

        html = page(client, ALL)

        assert "BIL has no bars." in html
        assert "Cancelled before there was a result." in html

    def test_a_region_is_no_page(self, client):
        good_run("SMA 20/50")

        html = region(client, ALL, "run-table").content

        assert b"SMA 20/50" in html
        assert b"<html" not in html
        assert b'type="search"' not in html  # what is being typed is not taken away

    def test_headings_sort_and_turn_round(self, client):
        for name, sharpe in (("Low", 0.1), ("High", 0.9), ("Middle", 0.5)):
            good_run(name, sharpe)
        plain_run("failed", name="Without")
        first = page(client, ALL)

        best = page(client, ALL + link_to(first, "Sharpe"))
        worst = page(client, ALL + link_to(best, "Sharpe"))

        assert names_in(best) == ["High", "Middle", "Low", "Without"]
        assert names_in(worst) == ["Low", "Middle", "High", "Without"]
        assert re.search(r'aria-sort="descending"><a [^>]*>Sharpe', best)
        assert re.search(r'aria-sort="ascending"><a [^>]*>Sharpe', worst)

    @pytest.mark.parametrize("order", ["name", "status", "-trade_count", "-cagr"])
    def test_every_heading_leads_to_a_list(self, client, order):
        good_run("SMA 20/50")

        assert names_in(page(client, f"{ALL}?order={order}")) == ["SMA 20/50"]

    def test_an_order_that_is_none_is_refused(self, client):
        assert client.get(f"{ALL}?order=beauty").status_code == 422

    def test_a_status_is_a_tab_with_its_count(self, client):
        good_run("Found")
        plain_run("failed", name="Lost")

        html = page(client, f"{ALL}?status=failed")

        assert names_in(html) == ["Lost"]
        assert re.search(
            r'href="\?status=failed" aria-current="page">Failed<span class="count">1<',
            html,
        )

    def test_the_search_keeps_status_and_order(self, client):
        good_run("SMA 20/50")
        good_run("RSI")

        html = page(client, f"{ALL}?status=succeeded&q=sma&order=-sharpe")

        assert names_in(html) == ["SMA 20/50"]
        assert '<input type="hidden" name="status" value="succeeded">' in html
        assert '<input type="hidden" name="order" value="-sharpe">' in html
        assert "1 of 1 run<" in html

    def test_a_search_without_a_match_says_so(self, client):
        good_run("SMA 20/50")

        assert "No run matches" in page(client, f"{ALL}?q=donchian")

    def test_pages_neither_lose_nor_repeat_a_run(self, client):
        for i in range(53):
            plain_run(name=f"Run {i}", created_at=NOON + timedelta(minutes=i))
        first = page(client, ALL)

        second = page(client, ALL + link_to(first, "Next 50"))

        assert "50 of 53 runs" in first
        assert [*names_in(first), *names_in(second)] == [
            f"Run {i}" for i in range(52, -1, -1)
        ]
        assert "First page" in second
        assert "Next 50" not in second

    def test_downloads_hold_the_same_rows(self, client):
        good_run("SMA 20/50")
        good_run("RSI")
        html = page(client, f"{ALL}?q=sma&order=-sharpe")

        csv = client.get(link_to(html, "CSV"))
        rows = client.get(link_to(html, "JSON")).json()["items"]

        assert "SMA 20/50" in csv.content.decode()
        assert "RSI" not in csv.content.decode()
        assert [row["name"] for row in rows] == ["SMA 20/50"]
        assert "format=parquet" in link_to(html, "Parquet")

    def test_plain_words_are_a_choice(self, client):
        good_run("SMA 20/50")
        client.cookies["view"] = "novice"

        assert "Worst fall" in page(client, ALL)


class TestCost:
    def test_a_page_asks_and_reads_as_little_of_300_runs_as_of_80(self, client):
        def asked(address):
            trial_counts()  # each trial is read once
            with CaptureQueriesContext(connection) as queries, rows_read() as read:
                page(client, address)
            # A search reads the keys of what it finds, at most a thousand.
            is_search = "q=" in address or "tag=" in address
            assert is_search or sum(read) <= MAX_ROWS, address
            return len(queries)

        def own_all():
            ModelRun.objects.filter(deleted_at=None).update(experiment=experiment)
            RunMetric.objects.update(experiment=experiment)

        fill_lab(runs=80, experiments=2, seed=4)
        experiment = ModelExperiment.objects.filter(archived=False)[0]
        own_all()
        sel = ModelRun.objects.filter(deleted_at=None)[0].pk
        own = experiment.get_absolute_url()
        addresses = [
            *(ALL, f"{ALL}?order=-sharpe&sel={sel}", f"{ALL}?q=made&order=-cagr"),
            *(f"{ALL}?order=finished_at", "/api/runs", "/api/runs?order=name"),
            *("/model-lab", "/jobs", "/api/runs?order=-sharpe", "/api/jobs"),
            *(f"{own}?sel={sel}", f"{own}?order=-sharpe&tag=made-up"),
        ]
        few = [asked(address) for address in addresses]
        fill_lab(runs=220, experiments=20, seed=5)
        own_all()

        many = [asked(address) for address in addresses]
        assert all(m <= f <= MAX_QUERIES for m, f in zip(many, few, strict=True))

    @pytest.mark.parametrize("n_rows", [1, 20])
    def test_lists_ask_little_however_many_rows_there_are(
        self, client, django_assert_max_num_queries, n_rows
    ):
        for i in range(n_rows):
            experiment = plain_experiment(name=f"Trend {i}", hypothesis=HYPOTHESIS)
            good_run(f"Run {i}", experiment=experiment, pool=f"{i:064d}")
            plain_run("queued", experiment=experiment)
        own = ModelExperiment.objects.first()

        for address in ("/model-lab", ALL, own.get_absolute_url()):
            with django_assert_max_num_queries(MAX_QUERIES):
                page(client, address)
        with django_assert_max_num_queries(MAX_QUERIES):
            region(client, f"{ALL}?order=-sharpe", "run-table")


class TestSpark:
    def test_growth_is_drawn_by_its_logarithm(self):
        assert spark_points((1, 10, 100)) == "0.0,20.0 42.0,11.0 84.0,2.0"

    def test_a_ruined_account_is_drawn_as_it_is(self):
        assert spark_points((1, 0, -1)) == "0.0,2.0 42.0,11.0 84.0,20.0"

    def test_a_flat_line_lies_in_the_middle(self):
        assert spark_points((1, 1)) == "0.0,11.0 84.0,11.0"

    @pytest.mark.parametrize("curve", [(), (1.0,)])
    def test_a_point_is_no_curve(self, curve):
        assert spark_points(curve) == ""
