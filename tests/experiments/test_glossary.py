"""Every number has an entry, and every name on a page leads to it."""

from __future__ import annotations

import re

import pytest
from django.template import Context, Template

from experiments.selectors.glossary import (
    SECTIONS,
    SOURCES,
    entry_named,
    glossary,
    glossary_search,
    neighbours,
)
from experiments.selectors.honesty import Honesty
from quantlab.web.problem import Problem
from strategies.metrics.registry import METRICS
from tests.factories import finished_run

ENTRIES = {entry.key: entry for section in glossary() for entry in section.entries}


def written(source: str, **context: str) -> str:
    return Template("{% load glossary %}" + source).render(Context(context))


class TestEntries:
    def test_each_metric_and_each_number_of_luck_has_one(self):
        of_luck = set(Honesty.__dataclass_fields__) - {
            *("pool", "n_effective_is_least", "pbo_n_trials"),
        }

        assert set(METRICS) <= set(ENTRIES)
        assert of_luck <= set(ENTRIES)
        assert set(SOURCES) <= set(ENTRIES)

    def test_each_stands_in_one_place(self):
        placed = [key for keys in SECTIONS.values() for key in keys]

        assert len(placed) == len(set(placed))
        assert sum(len(section.entries) for section in glossary()) == len(ENTRIES)

    @pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
    def test_each_says_what_it_is_in_both_views(self, entry):
        assert entry.words.endswith(".")
        assert entry.name
        assert entry.novice
        assert entry.formula
        assert entry.is_metric or entry.source or entry.key == "n_trials"

    @pytest.mark.parametrize(
        ("name", "key"),
        [("max_dd", "max_drawdown"), ("DSR", "dsr"), ("dsr", "dsr"), ("PBO", "pbo")],
    )
    def test_other_names_lead_to_the_entry(self, name, key):
        assert entry_named(name).key == key

    def test_what_is_not_there_is_told_with_a_guess(self):
        with pytest.raises(Problem) as refused:
            entry_named("sharp")

        assert refused.value.status == 404
        assert "sharpe" in refused.value.advice

    def test_neighbours_are_of_the_same_section(self):
        keys = [entry.key for entry in neighbours(ENTRIES["max_drawdown"])]

        assert "avg_drawdown" in keys
        assert "max_drawdown" not in keys


class TestSearch:
    @pytest.mark.parametrize(
        ("q", "key"),
        [
            ("worst fall", "max_drawdown"),
            ("DEFLATED", "dsr"),
            ("max_dd", "max_drawdown"),
        ],
    )
    def test_every_word_has_to_occur(self, q, key):
        found = [e.key for s in glossary_search(q) for e in s.entries]

        assert key in found
        assert len(found) < len(ENTRIES)

    def test_nothing_found_is_no_section(self):
        assert glossary_search("nothing reads like this") == []


class TestTerm:
    def test_it_is_a_link_in_the_words_of_the_view(self):
        expert = written('{% term "max_drawdown" %}', view="expert")

        assert 'href="/glossary/max_drawdown"' in expert
        assert "Deepest fall" in expert
        assert ">Max drawdown</a>" in expert
        assert ">Worst fall</a>" in written('{% term "max_dd" %}', view="novice")
        assert ">DSR</a>" in written('{% term "dsr" "DSR" %}', view="novice")


@pytest.mark.django_db
class TestPages:
    def test_the_whole_of_it_can_be_linked_to_by_entry(self, client):
        page = client.get("/glossary").content.decode()

        for key in ENTRIES:
            assert f'<div id="{key}">' in page
            assert f'href="/glossary/{key}"' in page
        assert "Worst fall" not in page.split("<h2")[3]

    def test_a_search_keeps_what_was_asked(self, client):
        page = client.get("/glossary?q=drawdown").content.decode()

        assert 'value="drawdown"' in page
        assert 'id="max_drawdown"' in page
        assert 'id="win_rate"' not in page
        assert b"No entry reads like this" in client.get("/glossary?q=zzz").content

    @pytest.mark.parametrize("key", ENTRIES)
    def test_each_entry_has_a_page_that_leads_on(self, client, key):
        page = client.get(f"/glossary/{key}").content.decode()

        assert page.count("<h1") == 1
        assert ENTRIES[key].name in page.replace("&amp;", "&")
        for link in re.findall(r'href="/glossary/([a-z_0-9]+)"', page):
            assert link in ENTRIES

    def test_the_plain_view_has_plain_words_first(self, client):
        client.cookies["view"] = "novice"
        page = client.get("/glossary/max_drawdown").content.decode()

        assert "<h1>Worst fall</h1>" in page
        assert "Experts say <b>Max drawdown</b>" in page

    def test_an_alias_leads_to_the_entry(self, client):
        assert client.get("/glossary/max_dd")["Location"] == "/glossary/max_drawdown"

    def test_an_unknown_one_is_a_page_that_says_so(self, client):
        response = client.get("/glossary/sharp")

        assert response.status_code == 404
        assert "The glossary has no &#x27;sharp&#x27;." in response.content.decode()

    def test_names_on_the_page_of_a_run_lead_there(self, client):
        page = client.get(f"/model-lab/runs/{finished_run().pk}").content.decode()

        for key in ("max_drawdown", "cagr", "dsr", "n_trials", "sharpe_se"):
            assert f'class="term" href="/glossary/{key}"' in page
