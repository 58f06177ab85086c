"""The search language: what a text finds, what is refused, and where."""

from __future__ import annotations

import random
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from experiments.models import ModelRun, RunSymbol, StrategySnapshot
from experiments.selectors.experiments import experiment_page
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.query.lists import RUNS
from experiments.selectors.query.tree import All, Either, Not, Test, Words, tree_of
from experiments.selectors.query.values import number_in, period_in, span_in
from experiments.selectors.runs import run_page
from experiments.selectors.strategies import strategies_count, strategy_page
from tests.experiments.rows import plain_experiment, plain_run
from tests.jobs.rows import NOON, make_job

Test.__test__ = False  # a node, not a test


def outline(tree) -> object:
    """Return a tree as short texts in tuples."""
    if isinstance(tree, Words):
        return tree.text
    if isinstance(tree, Test):
        return f"{tree.key.text}{tree.operator}{tree.value.text}"
    if isinstance(tree, Not):
        return ("not", outline(tree.part))
    word = "and" if isinstance(tree, All) else "or"
    assert isinstance(tree, All | Either)
    return (word, *(outline(part) for part in tree.parts))


class TestReading:
    def test_the_grammar(self):
        flags = frozenset({"starred"})
        expected = {
            "SMA 20/50 (slow)": "SMA 20/50 (slow)",  # free text, as it was written
            "  sma ": "sma",
            "": "",
            "rank(-delta(close, 5))": "rank(-delta(close, 5))",
            "sharpe>1": "sharpe>1",
            "sharpe ≥ 1": "sharpe>=1",
            "a:1 or b:2 and c:3": ("or", "a:1", ("and", "b:2", "c:3")),
            "(a:1 or b:2) and c:3": ("and", ("or", "a:1", "b:2"), "c:3"),
            "not a:1 b:2": ("and", ("not", "a:1"), "b:2"),
            "NOT (a:1 AND b:2)": ("not", ("and", "a:1", "b:2")),
            "slow sma sharpe > 1": ("and", "slow sma", "sharpe>1"),
            'name:"a and b" "or"': ("and", "name:a and b", "or"),
            "starred sma": ("and", "starred:true", "sma"),
            "sma starred": ("and", "sma", "starred:true"),
            "started > 2026-11-01T09:30": "started>2026-11-01T09:30",
            "max_drawdown>-20% or x!=y": ("or", "max_drawdown>-20%", "x!=y"),
        }
        for text, tree in expected.items():
            assert outline(tree_of(text, flags)) == tree, text

    def test_values(self):
        assert [number_in(t) for t in ("1", "-0.2", "20%", "−1e3", "1_000")] == [
            *(1.0, -0.2, 0.2, -1000.0, 1000.0)
        ]
        assert [number_in(t) for t in ("nan", "inf", "1,5", "", "x")] == [None] * 5
        assert span_in("1h30m") == timedelta(minutes=90)
        assert [span_in(t) for t in ("5", "m", "5 m", "-5m", "9" * 30 + "w")] == [
            *[None] * 5
        ]
        november, december = period_in("2026-11")
        assert (november.month, december.month, december.day) == (11, 12, 1)
        assert period_in("2025-12")[1].year == 2026
        day, after = period_in("2026-11-21")
        assert after - day == timedelta(days=1)
        assert [period_in(t) for t in ("2026-13", "2026-02-30", "soon", "0000")] == [
            *[None] * 4
        ]

    def test_a_refusal_says_where_and_what_to_write(self):
        refused = {
            "sharp > 1": (1, "no key 'sharp'", "Did you mean 'sharpe'?"),
            "sharpe > one": (10, "'one' is no number", "Write 1.5"),
            "sharpe > 1,5": (10, "'1,5' is no number", "Did you mean 1.5?"),
            "sma and": (8, "ends too early", "Finish it"),
            "(sharpe > 1": (1, "not closed", "Add a )"),
            "sharpe > 1)": (11, "')' is not expected", ""),
            'name:"sma': (6, "quote is not closed", 'Add a "'),
            "sharpe >": (9, "a value is missing", ""),
            "status:done": (8, "status is never 'done'", "Known: queued"),
            "kind:swep": (6, "kind is never 'swep'", "Did you mean 'sweep'?"),
            "tag > x": (1, "tag is no number", "Write tag:x"),
            "created > soon": (11, "'soon' is no time", "2026-11-01"),
            "took > 5": (8, "no length of time", "90s"),
            "age:3d": (5, "no length of time here", "age < 7d"),
            "starred:maybe": (9, "starred is never 'maybe'", "true, false"),
            "dsr > 0.95": (1, "changes with every trial", "beside each Sharpe"),
            "sharpe>1 " * 21: (181, "at most 20 comparisons", ""),
            "(" * 30 + "sharpe>1": (21, "nested too deeply", ""),
            "x" * 501: (501, "at most 500", ""),
        }
        for text, (column, message, advice) in refused.items():
            fault = RUNS.fault(text)
            assert fault is not None, text
            assert (fault.status, fault.code) == (422, "bad_query")
            [error] = fault.errors
            assert (error["field"], error["column"]) == ("q", column), text
            assert message in fault.message, text
            assert advice in fault.advice, text
            assert error["suggestion"] == fault.advice

    def test_no_text_is_a_mistake_of_the_lab(self):
        rng = random.Random(7)
        pieces = [*"()<>=!:\"' ", "and", "or", "not", "sharpe", "tag", "1", "é", "\x00"]
        pieces += ["starred", "created", "2026-11", "7d", "%", "--", ";", "_", "none"]
        for _ in range(400):
            RUNS.fault(" ".join(rng.choices(pieces, k=rng.randint(0, 12))))
            RUNS.fault("".join(rng.choices(pieces, k=rng.randint(0, 12))))


@pytest.fixture
def runs(db):
    trend = plain_experiment(name="Trend", tags=["slow"])
    job = make_job(
        "succeeded", started_at=NOON, finished_at=NOON + timedelta(seconds=75)
    )
    rows = [
        plain_run(
            name="SMA 20/50",
            job=job,
            metrics={"sharpe": 1.2, "max_drawdown": -0.15, "start_ts": 946_684_800_000},
            tags=["mean-rev", "Größe"],
            strategy="sma_cross",
            symbol="SP500",
            starred=True,
            notes="Costs are high.",
            config_hash="3f2a" + "0" * 60,
            experiment=trend,
        ),
        plain_run(
            name="RSI",
            metrics={"sharpe": 0.4, "max_drawdown": -0.30, "trade_count": 58},
            tags=["slow"],
            strategy="rsi_reversion",
            kind="walk_forward",
            seed=7,
        ),
        plain_run("failed", name="Broken", tags=["slow", "mean-rev"], symbol="IBM"),
        plain_run(name="Old", archived=True, metrics={"sharpe": 3.0}),
        plain_run(name="Gone", deleted_at=NOON, metrics={"sharpe": 9.0}),
    ]
    ModelRun.objects.exclude(name="Broken").update(created_at=NOON)
    ModelRun.objects.filter(name="Broken").update(
        created_at=timezone.now() - timedelta(days=3)
    )
    RunSymbol.objects.create(run=rows[1], symbol="NASDAQ")
    return rows


def names(q: str) -> str:
    """Return the initials of what a search finds, in the order of the alphabet."""
    page = run_page(RunFilter(q=q), order="name")
    by_metric = run_page(RunFilter(q=q), order="-sharpe")  # runs behind their numbers
    assert {run.pk for run in page.items} == {run.pk for run in by_metric.items}
    return "".join(run.name[0] for run in page.items)


class TestRuns:
    def test_what_each_search_finds(self, runs):
        year = NOON.year
        expected = {
            "": "BRS",
            "sma": "S",
            "mean": "BS",  # part of a tag
            "20/50": "S",
            "größe": "S",
            "sharpe > 1": "S",
            "sharpe > 1 and tag:mean-rev and status:succeeded": "S",
            "ann_sharpe < 1": "R",
            "sharpe = 0.4 or sharpe >= 1.2": "RS",
            "sharpe != 0.4": "S",
            "not sharpe > 1": "BR",  # also what has none
            "sharpe:none": "B",
            "sharpe != none": "RS",
            "max_drawdown > -20%": "S",
            "trade_count >= 50": "R",
            "start_ts:2000-01-01": "S",
            "start_ts < 2000": "",
            "tag:slow": "BR",
            "tag:slo": "",
            "tag != slow": "S",
            "name:sma": "S",
            "name=sma": "",
            'name="sma 20/50"': "S",
            "name != RSI": "BS",
            "status:error": "B",  # the word of another document
            "status != failed": "RS",
            "kind:walk_forward": "R",
            "strategy:rsi": "R",
            "symbol:SP500": "S",
            "symbol:NASDAQ": "R",
            "not symbol:NASDAQ and not symbol:SP500": "B",
            "experiment:tren": "S",
            f"experiment:{runs[0].experiment_id}": "S",
            "notes:costs": "S",
            "starred": "S",
            "not starred": "BR",
            "starred:false sma": "",
            "archived": "O",
            "archived or starred": "OS",
            "archived:false": "BRS",
            "age < 7d": "B",
            "age > 7d": "RS",
            f"created:{year}-{NOON.month:02d}": "RS",
            f"created < {NOON:%Y-%m-%d}": "",
            f"created <= {NOON:%Y-%m-%d}": "RS",
            "finished:none": "",
            "took > 1m and took <= 75s": "S",
            "took > 75s": "",
            "hash:3F2A": "S",
            "seed:7": "R",
            "seed > 0": "R",
            '"mean-rev" not rsi': "BS",
            "(tag:slow or sharpe > 1) and not (status:failed or name:rsi)": "S",
        }
        for q, found in expected.items():
            assert names(q) == found, q

    def test_a_script_asks_for_them_and_learns_where_it_went_wrong(self, client, runs):
        answer = client.get("/api/runs", {"q": "sharpe > 1 or status:failed"}).json()
        refused = client.get("/api/runs", {"q": "sharpe > 1 an tag:"})

        assert {item["name"] for item in answer["items"]} == {"SMA 20/50", "Broken"}
        assert refused.status_code == 422
        error = refused.json()["error"]
        assert error["code"] == "bad_query"
        assert error["details"]["errors"][0]["column"] == 19

    def test_a_page_shows_what_it_found_or_the_place_of_the_error(self, client, runs):
        found = client.get("/backtesting", {"q": "sharpe > 1 and not archived"})
        page = client.get("/backtesting", {"q": "sharp > 1"})
        html = unescape(page.text)

        assert found.status_code == 200
        assert "1 of 1 run<" in found.text
        assert "How to search runs" in found.text
        assert page.status_code == 422
        assert "Did you mean 'sharpe'?" in html
        assert "sharp > 1\n^" in html
        assert 'value="sharp > 1"' in html  # nothing that was typed is lost
        assert "so no run was looked for" in html
        assert "Runs by status" not in html
        assert "Save this view" not in html
        address = runs[0].experiment.get_absolute_url()
        assert client.get(address, {"q": "sharp > 1"}).status_code == 422
        assert "1 of 1 run<" in client.get(address, {"q": "sharpe > 1"}).text


@pytest.mark.django_db
class TestOtherLists:
    def test_experiments_by_what_they_are_and_by_their_runs(self, client, runs):
        other = plain_experiment(name="Other", starred=True, archived=True)
        expected = {
            "": ["Trend"],
            "sharpe > 1": ["Trend"],
            "sharpe > 2": [],
            "status:succeeded and kind:backtest": ["Trend"],
            "status:failed": [],
            "symbol:SYN-gbm-1 provider=synthetic": ["Trend"],
            "starred": [],
            "archived": ["Other"],
            "strategy:sma and tag:slow": ["Trend"],
        }
        for q, found in expected.items():
            page = experiment_page(ExperimentFilter(q=q))
            assert [one.name for one in page.items] == found, q
        assert other.archived
        assert client.get("/model-lab", {"q": "took > 1m"}).status_code == 422
        answer = client.get("/api/model-lab/experiments", {"q": "sharpe > 1"}).json()
        assert [item["name"] for item in answer["items"]] == ["Trend"]

    def test_saved_strategies_by_text_and_numbers(self, client):
        run = plain_run(metrics={"calmar": 0.7})
        StrategySnapshot.objects.create(
            expr_hash="a" * 64,
            name="Reversal",
            expr="rank(-delta(close, 5))",
            canonical="rank(-delta(close, 5))",
            complexity_score=3.0,
            lookback_bars=5,
            sharpe=1.1,
            run=run,
        )
        for q in (
            "delta(close",  # no operator: free text
            "rank(-delta(close, 5))",
            "sharpe > 1 and complexity < 5 and lookback:5",
            'calmar > 0.5 expr:"delta(close"',
            "volatility:none",
        ):
            assert [s.name for s in strategy_page(q=q).items] == ["Reversal"], q
        assert strategies_count(q="sharpe > 2") == 0
        refused = client.get("/strategies", {"q": "close > open"})
        assert refused.status_code == 422
        assert "is put in quotes" in refused.text
        assert client.get("/api/strategies", {"q": "x:1"}).status_code == 422
