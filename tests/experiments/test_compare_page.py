"""The page that holds runs side by side: what it shows, its links, its regions."""

from __future__ import annotations

import html
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import ModelRun
from experiments.selectors.report import run_report
from experiments.services.runs import run_delete
from experiments.templatetags.lab_format import (
    long_day,
    pair_heat,
    ratio,
    signed_by_unit,
)
from tests.experiments.rows import plain_run
from tests.factories import CONFIG, finished_run, make_run

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12
HEAD = {"config": CONFIG, "metrics": {"sharpe": 0.4, "cagr": 0.1}, "sharpe_se": 0.2}


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.QUANT_HOME = tmp_path
    cache.clear()


@pytest.fixture
def runs():
    return [
        finished_run(
            changes={"strategy": {"name": "sma_cross", "params": {"fast": fast}}},
            name=f"Fast {fast}",
        )
        for fast in (5, 8)
    ]


def address(*runs: ModelRun, more: str = "", chart: str = "") -> str:
    ids = ",".join(str(run.pk) for run in runs)
    return f"/model-lab/compare{chart}?runs={ids}{more}"


def shown(client, *runs: ModelRun, more: str = "", **headers: str) -> str:
    response = client.get(address(*runs, more=more), headers=headers)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def text_of(source: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", source).split())


def row(page: str, name: str) -> str:
    """Return the row of a table that begins with this name."""
    [found] = re.findall(rf"(?s)<tr><td[^>]*>{re.escape(name)}.*?</tr>", page)
    return found


class TestPage:
    def test_it_is_called_by_how_many_it_compares(self, client, runs):
        page = shown(client, *runs)

        assert "<title>Compare 2 runs · QuantLab</title>" in page
        assert page.count("<h1") == 1
        assert "Same data, dates, cost." in page
        assert "Fast 5" in page
        assert "Fast 8" in page

    def test_only_what_differs_unless_all_is_asked_for(self, client, runs):
        page = shown(client, *runs)
        assert "<ins>8</ins>" in row(page, "Fast")
        assert "Symbol" not in page
        assert "1 of 23 settings" in text_of(page)

        everything = shown(client, *runs, more="&all=1")
        assert "<ins>" not in row(everything, "Symbol")
        assert "23 of 23 settings" in text_of(everything)

    def test_metrics_stand_beside_the_baseline(self, client, runs):
        one, other = (run.metrics["cagr"] for run in runs)
        cells = text_of(row(shown(client, *runs), "CAGR"))
        assert signed_by_unit(other - one, "fraction") in cells

        turned = shown(client, *runs, more=f"&baseline={runs[1].pk}")
        assert signed_by_unit(one - other, "fraction") in text_of(row(turned, "CAGR"))
        assert "Baseline is B." in turned

    def test_the_best_is_bold_and_nobody_where_none_is_better(self, client, runs):
        page = shown(client, *runs)

        assert row(page, "Max drawdown").count("best-value") == 1
        assert "best-value" not in row(page, "Skewness")
        assert row(page, "Sharpe ratio").count("best-value") == 1

    def test_a_sharpe_has_its_error_and_trials(self, client, runs):
        page = shown(client, *runs)

        for run in runs:
            assert f"± {ratio(run.sharpe_se)}" in row(page, "Sharpe ratio")
        held = run_report(runs[0])["benchmark_metrics"]["sharpe"]
        assert text_of(row(page, "Sharpe ratio")).endswith(f" {ratio(held)}")
        # Bars that are made up count no trials.
        assert text_of(row(page, "Trials on its data")) == "Trials on its data 0 0 –"
        assert "best by luck is 0.00" in page
        for beside in ("vs luck", "Best by luck", "DSR"):
            assert beside in page

    def test_every_table_offers_its_rows(self, client, runs):
        page = shown(client, *runs)

        for part in ("runs", "metrics", "config_diff", "correlation"):
            for form in ("csv", "parquet", "json"):
                [link] = re.findall(rf'href="([^"]*/{part}\?[^"]*={form})"', page)
                assert client.get(link).status_code == 200

    def test_correlation_and_remarks(self, client, runs):
        page = text_of(shown(client, *runs))

        assert "Correlation of daily returns" in page
        assert "These are one idea, not 2" in page

    def test_the_plain_view_has_plain_words(self, client, runs):
        client.cookies["view"] = "novice"
        assert "Worst fall" in shown(client, *runs)

    def test_other_bars_are_said_and_not_called_the_same(self, client, runs):
        hours = finished_run(
            changes={"timeframe": "1h", "end": "2010-03-31"}, name="Hours"
        )
        page = shown(client, runs[0], hours)

        assert "Same cost." in page
        assert "Different timeframe" in page
        assert "Buy & hold" not in page

    def test_names_are_text(self, client):
        bad = [plain_run(name=f"<b>{i}</b>", **HEAD) for i in range(2)]

        content = client.get(address(*bad)).content.decode()
        assert "<b>0" not in content
        assert "&lt;b&gt;0" in content

    def test_twenty_unlike_runs_fit(self, client, runs):
        others = [plain_run(name=f"Run {i}", **HEAD) for i in range(14)]
        idle = [make_run(), plain_run("failed", config=CONFIG), plain_run("cancelled")]
        run_delete(run=others[0])
        many = [*runs, *others, *idle, finished_run(persist=False)]
        assert len(many) == 20

        page = shown(client, *many)

        assert "20 runs are compared, and no more fit." in text_of(page)
        assert "in the trash" in page
        assert 'class="key key-e key-thin">T<' in page
        assert "data-wide" in page

    def test_queries_do_not_grow(self, client, runs):
        more = [plain_run(name=f"Run {i}", **HEAD) for i in range(18)]
        seen = []
        for some in (runs, [*runs, *more]):
            shown(client, *some)
            with CaptureQueriesContext(connection) as queries:
                shown(client, *some)
            seen.append(len(queries))

        # With twenty nothing can be added, so nothing is looked for.
        assert seen[1] <= seen[0] <= MAX_QUERIES


class TestLinks:
    def links(self, page: str, words: str) -> list[str]:
        return re.findall(rf'href="([^"]+)"[^>]*>{words}', page)

    def test_make_baseline_and_remove(self, client, runs):
        page = shown(client, *runs, more="&all=1")
        a, b = (str(run.pk) for run in runs)

        assert self.links(page, "Make baseline") == [
            f"/model-lab/compare?runs={a},{b}&baseline={b}&all=1"
        ]
        assert self.links(page, "Remove<") == [
            f"/model-lab/compare?runs={b}&all=1",
            f"/model-lab/compare?runs={a}&all=1",
        ]

    def test_removing_the_baseline_makes_the_first_one_it(self, client, runs):
        third = plain_run(**HEAD)
        page = shown(client, *runs, third, more=f"&baseline={runs[1].pk}")

        removal = self.links(page, "Remove<")[1]
        assert "baseline" not in removal
        assert "Baseline is A." in html.unescape(client.get(removal).content.decode())

    def test_ids_may_be_sent_one_by_one(self, client, runs):
        one_by_one = "&".join(f"runs={run.pk}" for run in runs)

        response = client.get(f"/model-lab/compare?{one_by_one}")
        assert b"Compare 2 runs" in response.content

    def test_a_run_leads_here(self, client, runs):
        page = client.get(runs[0].get_absolute_url()).content.decode()

        [link] = self.links(page, "Compare with…")
        assert link == address(runs[0])
        assert b"is chosen" in client.get(link).content

    def test_a_run_without_result_does_not(self, client):
        page = client.get(make_run().get_absolute_url()).content.decode()
        assert "Compare with…" not in page


class TestChoosing:
    def test_without_runs_it_says_how(self, client):
        plain_run(name="Trend", **HEAD)
        page = shown(client)

        assert "No runs are chosen" in page
        assert "<title>Compare runs ·" in page
        assert "data-chart" not in page
        assert "Choose" in page

    def test_nothing_to_choose(self, client):
        assert "There is no other finished run yet." in text_of(shown(client))

    def test_typing_finds_runs_and_answers_with_the_region(self, client, runs):
        trend = plain_run(name="Trend", tags=["Långsam"], **HEAD)
        plain_run("failed", name="Trend that failed", config=CONFIG)
        region = shown(
            client,
            *runs,
            more="&q=långsam",
            **{"HX-Request": "true", "HX-Target": "compare-add"},
        )

        assert region.lstrip().startswith('<section id="compare-add"')
        assert "<html" not in region
        [link] = re.findall(r'href="(/model-lab/compare\?[^"]*)"', region)
        assert link == address(*runs, trend)

    def test_none_that_is_there_already(self, client, runs):
        region = shown(client, runs[0], more="&q=Fast")

        assert address(*runs) in region
        assert region.count("?runs=") == 1

    def test_no_match_is_said(self, client, runs):
        text = text_of(shown(client, *runs, more="&q=<i>no"))
        assert "No other finished run has “" in text


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("?runs=x", "There is no run 'x'."),
            ("?runs=" + ",".join(["a"] * 21), "21 runs are too many"),
            ("?runs={0},{0}", "Given more than once: {0}."),
            ("?runs={0},{1}&baseline=x", "The baseline 'x' is not one of the runs."),
        ],
    )
    def test_a_page_says_what_is_wrong(self, client, query, words):
        keys = [str(plain_run(**HEAD).pk) for _ in range(2)]
        for chart in ("", "/chart"):
            response = client.get(f"/model-lab/compare{chart}{query.format(*keys)}")

            assert response.status_code == 422
            assert words.format(*keys) in html.unescape(response.content.decode())

    def test_a_region_it_does_not_have(self, client, runs):
        headers = {"HX-Request": "true", "HX-Target": "run-table"}
        assert client.get(address(*runs), headers=headers).status_code == 400


class TestChart:
    def chart(self, client, *runs, more=""):
        headers = {"HX-Request": "true", "HX-Target": "chart-compare"}
        response = client.get(
            address(*runs, chart="/chart", more=more), headers=headers
        )
        assert response.status_code == 200
        return html.unescape(response.content.decode())

    def test_the_page_asks_for_it(self, client, runs):
        page = shown(client, *runs, more="&log=0")
        assert f'hx-get="{address(*runs, chart="/chart")}&log=0"' in page

    def test_it_says_who_ended_where(self, client, runs):
        text = self.chart(client, *runs)
        start = long_day(runs[0].metrics["start_ts"])
        growth = [1.0 + run.metrics["total_return"] for run in runs]

        assert f"All start at 1 on {start}." in text
        assert f"stood highest at {ratio(max(growth))}" in text
        assert "growth of 1, log scale" in text

    def test_the_views(self, client, runs):
        assert "growth of 1, linear scale" in self.chart(client, *runs, more="&log=0")
        falls = self.chart(client, *runs, more="&view=drawdown")
        assert "fell deepest, by " in falls
        assert "log scale" in self.chart(client, *runs, more="&view=<i>")

    def test_it_is_a_page_too(self, client, runs):
        page = client.get(address(*runs, chart="/chart")).content.decode()
        assert page.count("<h1") == 1
        assert "vega/vega.js" in page

    def test_its_points_are_a_file(self, client, runs):
        answer = client.get(address(*runs, chart="/chart", more="&format=json")).json()
        first = answer["items"][0]

        assert first == {
            "run_id": str(runs[0].pk),
            "run": "A",
            "ts_utc": runs[0].metrics["start_ts"],
            "growth": 1.0,
        }

    def test_nothing_to_draw_is_said(self, client):
        text = self.chart(client, plain_run(**HEAD), plain_run(**HEAD))
        assert "No run has a curve" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.95, "u4"),
        (0.88, "u3"),
        (0.57, "u2"),
        (0.1, "u1"),
        (0.001, "none"),
        (-0.4, "d2"),
        (None, "none"),
        (float("nan"), "none"),
    ],
)
def test_the_tint_of_a_pair(value, expected):
    assert pair_heat(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.012, "fraction", "+1.2"),
        (-0.03, "ratio", "−0.03"),
        (3, "count", "+3"),
        (0.0, "fraction", "0.0"),
        (-1200.4, "cash", "−1,200"),
        (None, "bars", "–"),
    ],
)
def test_a_difference_always_has_its_sign(value, unit, expected):
    assert signed_by_unit(value, unit) == expected
