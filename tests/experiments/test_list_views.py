"""What a list shows: filters, columns, what was picked, what is pinned."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest

from tests.experiments.listed import (
    ALL,
    good_run,
    link_to,
    link_to_id,
    link_to_tag,
    names_in,
)
from tests.experiments.rows import NOON, plain_experiment, plain_run
from tests.pages import page

pytestmark = pytest.mark.django_db

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
