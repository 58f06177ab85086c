"""The pages of a search for expressions: asked for, watched, read, one of it kept."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from experiments.charts.titles import OF_GENERATE
from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors import generate as selectors
from experiments.services import generate_execute as execution
from experiments.services.generate_execute import generate_execute
from jobs import lease
from jobs.models import JobStatus
from jobs.progress import JobCancelled
from jobs.queue import cancel
from tests.addresses import SEARCH_TABS
from tests.experiments.outcomes import FOUND, NOTHING
from tests.experiments.test_generate import finished, queued
from tests.factories import claimed, do_run
from tests.html import Tree
from tests.journeys.test_honesty_everywhere import bare

pytestmark = pytest.mark.django_db

FORM = "/strategies/search"
SENT = {
    **{"provider": "synthetic", "universe": "SYN-gbm-1, SYN-gbm-2", "timeframe": "1d"},
    **{"start": "", "end": "2011-12-31", "n": "60", "seed": "1", "keep": "5"},
    **{"limit_score": "25", "max_depth": "4", "parsimony": "0.01", "q": "0.05"},
    **{"max_correlation": "0.7", "max_turnover": "1", "min_coverage": "0.8"},
    **{"train_share": "0.5", "validation_share": "0.25", "purge_bars": "0"},
    **{"embargo_bars": "5", "lookback_bars": "20", "method": "random"},
    **{"objective": "sharpe", "placebo": "on", "name": "", "nan_policy": "zero"},
    **{"neutralize": "market", "cap": "1", "max_lev": "1", "smooth_ema": ""},
    **{"no_trade_band": "0", "commission_bps": "5", "slippage_bps": "0"},
    **{"borrow_bps": "0", "execution_lag": "1", "shown_provider": "synthetic"},
}


def region(client, address, target, data=None):
    headers = {"HX-Request": "true", "HX-Target": target}
    if data is None:
        return client.get(address, headers=headers).text
    return client.post(address, data, headers=headers).text


def alone(text):
    """Return the Sharpe ratios of a page that nothing around them puts in doubt."""
    shown = [e for e in Tree(text).root.walk() if "data-metric" in e.attributes]
    return [element.attributes for element in shown if bare(element)]


@pytest.fixture
def outcome(monkeypatch):
    """Return a function that lets every search have come to this."""

    def put(document):
        monkeypatch.setattr(selectors, "_outcome", lambda *of: document)

    return put


# --- the form ------------------------------------------------------------------------


def test_the_form_tells_what_happens_and_starts_it(client):
    page = client.get(FORM).text
    assert "500" in page
    named = client.get(f"{FORM}?provider=synthetic&universe=SYN-jump-7").text
    assert 'value="SYN-jump-7"' in named
    assert "Best by luck, now and after it" in page
    assert 'class="walk-sealed"' in page
    assert "Start the search" in page

    refused = region(
        client, f"{FORM}?validate=1", "generate-form", SENT | {"n": "99999"}
    )
    assert "<html" not in refused
    assert 'id="id_n_error"' in refused
    assert "as soon as the settings can be searched" in refused
    short = client.post(FORM, SENT | {"end": "2008-06-30"})
    assert (short.status_code, ModelRun.objects.count()) == (422, 0)

    started = client.post(FORM, SENT)
    run = ModelRun.objects.get()
    assert started.headers["Location"] == run.get_absolute_url()
    plan = selectors.plan_of(run)
    assert (plan.n, plan.method, plan.lookback_bars) == (60, "random", 20)
    assert plan.config.symbols == ["SYN-gbm-1", "SYN-gbm-2"]
    again = client.get(f"{FORM}?around={run.pk}").text
    assert 'value="60"' in again
    client.post(FORM, SENT)
    assert ModelRun.objects.count() == 1  # the same search was opened


# --- while it is at work -------------------------------------------------------------


def test_the_best_so_far_is_watched_and_what_was_called_off_is_kept(
    client, monkeypatch
):
    run = queued()
    address = run.get_absolute_url()
    assert 'id="generate-live"' in client.get(address).text
    context = claimed(run)
    commit, seen = execution._commit, []

    def commit_then_cancel(*of):
        commit(*of)
        seen.append(region(client, address, "generate-live"))
        if len(seen) == 2:
            cancel(run.job_id)
            context.interrupt()

    monkeypatch.setattr(execution, "_commit", commit_then_cancel)
    with pytest.raises(JobCancelled):
        generate_execute(run_id=str(run.pk), context=context)
    assert lease.finish(run.job_id, "me", JobStatus.CANCELLED)

    live = seen[-1]
    assert "<html" not in live
    assert 'hx-trigger="every 2s"' in live
    assert 'class="race-best"' in live
    assert 'class="race-bars"' in live
    assert "found on noise" in live
    assert "Best expressions so far" in live
    page = client.get(address).text
    assert "The search was called off" in page
    assert 'id="generate-live"' not in page


# --- its result ----------------------------------------------------------------------


def test_a_search_is_read_tab_by_tab_and_one_is_kept(client, outcome):
    run = finished(name="Look")
    address = run.get_absolute_url()
    assert run.name in client.get(address).text
    _is_read_by_who_asked_a_moment_ago(run)
    outcome(NOTHING)
    _says_that_nothing_was_found(client, address)
    outcome(FOUND)
    _shows_what_was_found(client, address)
    _draws_its_charts(client, run)
    _lists_its_trials(client, address)
    _keeps_one_of_them(client, run)


def _is_read_by_who_asked_a_moment_ago(run):
    n = len(selectors.generated(run))
    run.manifest_sha = ""  # the parts were there when it was read, and are not now
    assert len(selectors.generated(run)) == n
    assert run.manifest_sha


def _says_that_nothing_was_found(client, address):
    page = client.get(address).text
    assert NOTHING["sentence"] in page
    assert "That is an answer" in page
    assert "Below the best on noise." in page
    assert "Nothing was kept" in client.get(f"{address}?tab=kept").text
    protocol = client.get(f"{address}?tab=protocol").text
    assert "left the test span sealed" in protocol
    assert 'class="walk-purge"' in protocol


def _shows_what_was_found(client, address):
    for tab in ("", *(f"?tab={one}" for one in (*SEARCH_TABS, "api"))):
        answer = client.get(f"{address}{tab}")
        assert (tab, answer.status_code) == (tab, 200)
        assert alone(answer.text) == []
        assert re.search(r'aria-current="true">Strategies<', answer.text), tab
    assert client.get(f"{address}?tab=trades").status_code == 404
    kept = client.get(f"{address}?tab=kept").text
    assert "at least 0.95 is asked" in kept
    assert kept.count("Keep as a strategy") == 2


def _draws_its_charts(client, run):
    for name in OF_GENERATE:
        chart = reverse("experiments:run-chart", args=[run.pk, name])
        found = region(client, chart, f"chart-{name}")
        assert "application/json" in found
        assert "View as table" in found
        assert client.get(f"{chart}?format=csv").status_code == 200
    wrong = reverse("experiments:run-chart", args=[run.pk, "equity"])
    assert client.get(wrong).status_code == 404


def _lists_its_trials(client, address):
    listed = region(client, f"{address}?tab=candidates", "generate-candidates")
    assert "Rows 1 to" in listed
    few = client.get(f"{address}?tab=candidates&where=index<3&order=index").text
    assert "Rows 1 to 3 of 3" in few
    assert "field-error" in client.get(f"{address}?tab=candidates&where=x+%3D").text


def _keeps_one_of_them(client, run):
    one, other, missing = (
        reverse("experiments:candidate", args=[run.pk, index]) for index in (3, 4, 999)
    )
    assert "Keep as a strategy" in client.get(one).text
    first = client.post(one, {"then": "save"}, follow=True)
    assert "Its run has begun" in first.text
    do_run(ModelRun.objects.get(kind="backtest"))
    saved = client.post(one, {"then": "save"})
    strategy = StrategySnapshot.objects.get()
    assert saved.headers["Location"] == strategy.get_absolute_url()
    assert "Keep as a strategy" not in client.get(other).text
    assert client.post(other).status_code == 302
    assert client.get(missing).status_code == 404
