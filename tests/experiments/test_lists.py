"""Lists: rows, sorting, filters, pages and downloads, at a cost that does not grow."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import ModelExperiment, ModelRun, RunMetric
from experiments.services.fill import fill_lab
from experiments.views.run_table import spark_points
from jobs.models import Job, JobStatus
from tests.experiments.rows import NOON, add_trial, plain_experiment, plain_run
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db

MAX_QUERIES = 13
ALL = "/backtesting"


def page(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def region(client, address: str, name: str):
    headers = {"HX-Request": "true", "HX-Target": name}
    return client.get(address, headers=headers)


def polls(html: str, name: str) -> bool:
    [opening] = re.findall(rf'(?s)<\w+ id="{name}".*?>', html)
    return "every" in opening


def names_in(html: str) -> list[str]:
    return re.findall(r'<a id="open-[^>]*>([^<]*)</a>', html)


def link_to(html: str, label: str) -> str:
    [address] = re.findall(rf'<a href="([^"]*)"[^>]*>{re.escape(label)}', html)
    return unescape(address)


def link_to_tag(html: str, tag: str) -> str:
    [address] = re.findall(rf'<a class="tag" href="([^"]*)">{tag}<', html)
    return unescape(address)


def link_to_id(html: str, name: str) -> str:
    [address] = re.findall(rf'id="{name}" href="([^"]*)"', html)
    return unescape(address)


def good_run(name: str, sharpe: float = 0.5, **fields):
    metrics = {
        "sharpe": sharpe,
        "cagr": 0.056,
        "max_drawdown": -0.167,
        "trade_count": 58,
    }
    return plain_run(name=name, metrics=metrics, **fields)


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


FILTERED = "?strategy=macd&symbol=GLD&tag=robust&starred=true&archived=all"


class TestFilters:
    def test_each_is_a_piece_that_can_be_taken_away(self, client):
        facts = {"strategy": "macd", "symbol": "GLD", "starred": True}
        good_run("Wanted", tags=["robust"], archived=True, **facts)
        good_run("Other", tags=["slow"])

        html = page(client, ALL + FILTERED)

        assert names_in(html) == ["Wanted"]
        for piece in ("Strategy: MACD", "Symbol: GLD", "Star: Starred", "Tag: robust"):
            assert f'<span class="filter">{piece}<a href="?' in html
        [without] = re.findall(r'Symbol: GLD<a href="([^"]*)"', html)
        assert "symbol" not in without
        assert "strategy=macd" in without
        assert "tag=robust" in unescape(link_to(html, "CSV"))

    def test_archived_runs_are_aside(self, client):
        good_run("Here")
        good_run("Aside", archived=True)

        assert names_in(page(client, ALL)) == ["Here"]
        assert names_in(page(client, f"{ALL}?archived=true")) == ["Aside"]
        assert len(names_in(page(client, f"{ALL}?archived=all"))) == 2

    def test_a_tag_of_a_row_leads_to_what_else_has_it(self, client):
        good_run("One", tags=["50% more"])
        good_run("Two")

        html = page(client, ALL + link_to_tag(page(client, ALL), "50% more"))

        assert names_in(html) == ["One"]

    def test_the_search_form_carries_filters_order_and_columns(self, client):
        good_run("SMA", strategy="macd")

        html = page(client, f"{ALL}?strategy=macd&order=-cagr&columns=calmar")

        [form] = re.findall(r'(?s)<form class="filters".*?</form>', html)
        assert '<option value="macd" selected>' in form
        assert '<input type="hidden" name="order" value="-cagr">' in form
        assert form.count("checked") == 1
        assert 'value="calmar" checked' in form

    @pytest.mark.parametrize(
        "query",
        [
            "starred=perhaps",
            "archived=x",
            "columns=beauty",
            "sel=x",
            "status=brilliant",
        ],
    )
    def test_what_means_nothing_is_refused(self, client, query):
        assert client.get(f"{ALL}?{query}").status_code == 422

    def test_experiments_too(self, client):
        plain_experiment(name="Gold", universe=["GLD"], model_key="macd")
        plain_experiment(name="Bonds", universe=["TLT"], tags=["slow"])
        plain_experiment(name="Aside", archived=True)

        def names(query):
            return names_in(page(client, f"/model-lab{query}"))

        assert names("") == ["Bonds", "Gold"]
        assert names("?symbol=GLD&strategy=macd") == ["Gold"]
        assert names("?tag=slow") == ["Bonds"]
        assert names("?archived=true") == ["Aside"]
        assert names("?tag=none") == []


class TestColumns:
    def headings(self, html):
        head = re.findall(r"(?s)<thead>(.*?)</thead>", html)[0]
        return [
            re.sub(r"<[^>]*>", "", one).strip()
            for one in re.findall(r"(?s)<th[^>]*>(.*?)</th>", head)
        ][1:]

    def test_any_metric_is_a_column(self, client):
        metrics = {"sharpe": 0.5, "calmar": 1.234, "volatility": 0.1}
        plain_run(name="One", metrics=metrics)

        html = page(client, f"{ALL}?columns=volatility,calmar")

        assert self.headings(html) == [
            *("Run", "Equity", "Vol %", "Calmar ratio", "Status", "When"),
        ]
        assert 'data-label="Calmar ratio" title="1.234">1.23<' in html
        # lower is better, so the first click sorts upwards
        assert "order=volatility" in link_to(html, "Vol")
        assert "columns=volatility%2Ccalmar" in link_to(html, "Vol")

    def test_boxes_and_aliases_name_them_as_well(self, client):
        good_run("One")

        html = page(client, f"{ALL}?columns=max_dd&columns=cagr")

        assert self.headings(html)[2:4] == ["Max DD %", "CAGR %"]

    def test_a_sharpe_brings_its_doubt(self, client):
        good_run("One")

        html = page(client, f"{ALL}?columns=cagr,sharpe")
        bar = page(client, f"{ALL}?columns=sharpe_bar")

        assert self.headings(html)[2:-2] == [
            *("CAGR %", "Sharpe", "vs luck", "DSR", "Trials")
        ]
        assert "Trials" in self.headings(bar)

    def test_a_run_without_numbers_spans_them_all(self, client):
        plain_run("failed", name="Lost")

        html = page(client, f"{ALL}?columns=cagr")

        assert 'colspan="2"' in html  # equity and CAGR


class TestPicks:
    def test_they_survive_sorting_and_paging(self, client):
        runs = [
            good_run(f"Run {i}", created_at=NOON + timedelta(minutes=i))
            for i in range(52)
        ]
        first = page(client, f"{ALL}?sel={runs[51].pk}&sel={runs[50].pk}")

        second = page(client, ALL + link_to(first, "Next 50"))
        sorted_ = page(client, ALL + link_to(first, "Sharpe"))

        for html in (first, second, sorted_):
            assert "<b>2</b> selected" in html
            assert (
                f"runs={runs[51].pk},{runs[50].pk}&amp;baseline={runs[51].pk}" in html
            )
        assert first.count("checked") - second.count("checked") == 2
        # the form of the boxes of page two carries those of page one
        assert f'<input type="hidden" name="sel" value="{runs[51].pk}">' in second
        assert f'<input type="hidden" name="sel" value="{runs[51].pk}">' not in first

    def test_the_bar_is_there_only_with_picks(self, client):
        run = good_run("One")

        assert "run-selection" not in page(client, ALL)
        html = page(client, f"{ALL}?sel={run.pk}")

        assert "2 to 20 can be compared" in html
        assert link_to_id(html, "clear-selection") == "?"

    def test_a_run_that_went_is_no_longer_picked(self, client):
        kept, gone = good_run("Kept"), good_run("Gone", deleted_at=NOON)

        html = page(client, f"{ALL}?sel={kept.pk},{gone.pk}")

        assert "<b>1</b> selected" in html

    def test_a_deed_comes_back_to_the_same_view(self, client):
        run = good_run("One")
        here = f"{ALL}?sel={run.pk}&order=-sharpe"
        html = page(client, here)
        [back] = set(re.findall(r'name="next" value="([^"]*)"', html))

        form = {"runs": str(run.pk), "action": "star", "next": unescape(back)}
        response = client.post("/model-lab/runs/bulk", form)

        assert response["Location"] == here
        assert 'aria-pressed="true"' in page(client, here)

    def test_more_than_can_be_picked_at_once_are_cut_and_said(self, client):
        ids = ",".join(str(uuid4()) for _ in range(100))
        run = good_run("One")

        html = page(client, f"{ALL}?sel={run.pk},{ids}")

        assert "<b>1</b> selected, the most at once" in html


class TestPinned:
    def test_they_are_a_group_above_the_newest_and_nowhere_else(self, client):
        experiment = plain_experiment()
        for i in range(52):
            moment = NOON + timedelta(minutes=i)
            good_run(
                f"Run {i}",
                i / 100,
                experiment=experiment,
                created_at=moment,
                pinned=i < 2,
            )
        address = experiment.get_absolute_url()

        html = page(client, address)
        second = page(client, f"{address}?order=-created_at")
        by_sharpe = page(client, f"{address}?order=-sharpe")

        newest = [f"Run {i}" for i in range(51, 1, -1)]
        assert names_in(html) == ["Run 1", "Run 0", *newest]
        assert "Next 50" not in html
        assert names_in(second) == names_in(html)
        assert names_in(by_sharpe)[0] == "Run 51"
        assert "Pinned" not in by_sharpe
        assert "52 of 52 runs" in html


class TestExperiments:
    def test_an_empty_list_says_what_an_experiment_is(self, client):
        html = page(client, "/model-lab")

        assert "No experiments yet" in html
        assert html.count("btn-primary") == 1

    def test_each_is_a_row_with_its_best_run(self, client):
        experiment = plain_experiment(name="Trend", is_demo=True)
        good_run("Low", 0.1, experiment=experiment)
        good_run("High", 0.9, experiment=experiment)

        html = page(client, "/model-lab")

        assert names_in(html) == ["Trend"]
        assert "Moving average cross" in html
        assert "SYN-gbm-1, 1d" in html
        assert ">demo<" in html
        assert '<b data-metric="sharpe">0.90</b>' in html
        assert 'data-label="Runs">2' in html
        assert "1 of 1 experiment<" in html

    def test_the_metric_of_the_hypothesis_is_what_is_shown(self, client):
        hypothesis = {"cause": "a", "effect": "b", "metric": "max_drawdown"}
        experiment = plain_experiment(hypothesis=hypothesis)
        good_run("One", experiment=experiment)

        html = page(client, "/model-lab")

        assert "<b>−16.7</b>" in html

    def test_it_is_searched_and_sorted(self, client):
        for name in ("Beta", "Alpha", "Gamma"):
            plain_experiment(name=name)
        first = page(client, "/model-lab")

        by_name = page(client, "/model-lab" + link_to(first, "Experiment</a>"))

        assert names_in(by_name) == ["Alpha", "Beta", "Gamma"]
        assert names_in(page(client, "/model-lab?q=alp")) == ["Alpha"]
        assert "No experiment matches" in page(client, "/model-lab?q=nothing")

    def test_it_asks_again_only_while_a_run_is_at_work(self, client):
        experiment = plain_experiment()
        run = plain_run("queued", experiment=experiment)
        assert polls(page(client, "/model-lab"), "experiment-table")

        Job.objects.filter(pk=run.job_id).update(
            status=JobStatus.CANCELLED, finished_at=NOON
        )
        assert not polls(page(client, "/model-lab"), "experiment-table")

    def test_deleted_ones_are_not_shown(self, client):
        plain_experiment(name="Gone", deleted_at=NOON)

        assert "No experiments yet" in page(client, "/model-lab")


HYPOTHESIS = {
    "cause": "Large falls are slow.",
    "effect": "Half the drawdown.",
    "metric": "sharpe",
    "threshold": 0.5,
    "planned_trials": 4,
}


class TestExperiment:
    def test_it_shows_the_question_and_its_own_runs_only(self, client):
        experiment = plain_experiment(
            hypothesis=HYPOTHESIS, cost_model={"commission_bps": 5, "slippage_bps": 2.5}
        )
        good_run("Own", experiment=experiment)
        good_run("Foreign")

        html = page(client, experiment.get_absolute_url())

        assert names_in(html) == ["Own"]
        assert "Large falls are slow. Half the drawdown." in html
        assert "cost 5 + 2.5 bps a side" in html
        assert f"experiment_id={experiment.pk}" in link_to(html, "CSV")

    @pytest.mark.parametrize(
        ("sharpe", "words"), [(0.6, "chip-pass"), (0.4, "chip-fail")]
    )
    def test_the_best_run_is_held_against_the_question(self, client, sharpe, words):
        experiment = plain_experiment(hypothesis=HYPOTHESIS)
        good_run("Best", sharpe, experiment=experiment)

        html = page(client, experiment.get_absolute_url())

        assert words in html
        assert "<b>1</b> of 4 planned" in html  # one config so far
        assert 'width="0.25"' in html

    def test_without_a_hypothesis_it_says_what_that_costs(self, client):
        experiment = plain_experiment()

        html = page(client, experiment.get_absolute_url())

        assert "None was written down." in html
        assert "No run has finished" in html
        assert f'href="{experiment.get_absolute_url()}/runs/new"' in html

    def test_the_answer_asks_again_when_the_last_run_has_ended(self, client):
        experiment = plain_experiment()
        run = plain_run("running", experiment=experiment)
        address = experiment.get_absolute_url()
        assert "HX-Trigger" not in region(client, address, "run-table").headers

        Job.objects.filter(pk=run.job_id).update(
            status=JobStatus.CANCELLED,
            finished_at=NOON,
            lease_until=None,
            lease_owner="",
        )
        answer = region(client, address, "run-table")

        assert "runs-finished" in json.loads(answer["HX-Trigger"])
        assert b'hx-trigger="runs-finished from:body"' in (
            region(client, address, "experiment-answer").content
        )

    def test_an_unknown_one_is_a_404(self, client):
        nobody = "00000000-0000-4000-8000-000000000000"

        assert client.get(f"/model-lab/experiments/{nobody}").status_code == 404


class TestCost:
    def test_a_page_asks_as_little_of_300_runs_as_of_80(self, client):
        def asked(address):
            with CaptureQueriesContext(connection) as queries:
                page(client, address)
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
        assert spark_points([1, 10, 100]) == "0.0,20.0 42.0,11.0 84.0,2.0"

    def test_a_ruined_account_is_drawn_as_it_is(self):
        assert spark_points([1, 0, -1]) == "0.0,2.0 42.0,11.0 84.0,20.0"

    def test_a_flat_line_lies_in_the_middle(self):
        assert spark_points([1, 1]) == "0.0,11.0 84.0,11.0"

    @pytest.mark.parametrize("curve", [[], [1.0]])
    def test_a_point_is_no_curve(self, curve):
        assert spark_points(curve) == ""
