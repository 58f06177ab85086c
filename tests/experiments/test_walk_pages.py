"""The pages of a walk-forward: its form, its result, and every chart as a table."""

from __future__ import annotations

import pytest
from django.urls import reverse

from experiments.charts.walk import MOST_ROWS, diagram_of, walk_figure
from experiments.models import ModelRun
from experiments.selectors.runs import run_get
from experiments.selectors.walk_forward import decay_of, stability_of
from experiments.services.walk_execute import walk_execute
from experiments.services.walk_forward import walk_asked, walk_request
from tests.experiments.rows import plain_experiment
from tests.factories import do_run

pytestmark = pytest.mark.django_db

SENT = {
    "mode": "rolling",
    "train_bars": "900",
    "test_bars": "400",
    "windows": "",
    "purge_bars": "5",
    "embargo_bars": "10",
    "list_fast": "3, 5",
    "list_slow": "10, 20",
    "search": "grid",
    "objective": "sharpe",
    "seed": "0",
    "name": "",
}


HTMX = {"HX-Request": "true", "HX-Target": "search-form"}


def finished(experiment=None, **changes):
    asked = {
        "space": {"fast": [3, 5], "slow": [10, 20]},
        "train_bars": 900,
        "test_bars": 400,
        **changes,
    }
    run = walk_request(
        experiment=experiment or plain_experiment(), asked=walk_asked(asked)
    ).run
    do_run(run, walk_execute)
    return run_get(run.pk)


def form_url(experiment):
    return reverse("experiments:walk-new", args=[experiment.pk])


def test_the_form_tells_what_it_would_do_and_does_it(client):
    experiment = plain_experiment()
    url = form_url(experiment)
    first = client.get(url).content.decode()
    assert 'value="1000"' in first
    assert "walk-train" in first

    told = client.post(f"{url}?validate=1", SENT, headers=HTMX)
    page = told.content.decode()
    assert told.status_code == 200
    assert 'id="search-form"' in page
    assert "<html" not in page
    assert "<b>4</b> candidates each" in page
    assert "walk-purge" in page
    assert "walk-embargo" in page
    assert not ModelRun.objects.exists()

    started = client.post(url, SENT)
    run = ModelRun.objects.get()
    assert started.status_code == 302
    assert started["Location"] == run.get_absolute_url()
    assert run.search["purge_bars"] == 5
    again = client.post(url, SENT, follow=True)
    assert "so it was opened" in again.content.decode()
    assert ModelRun.objects.count() == 1


def test_what_cannot_be_run_is_told_at_its_field(client):
    url = form_url(plain_experiment())
    for change, words in (
        ({"train_bars": "99999"}, "One window takes"),
        ({"train_bars": ""}, "required"),
        ({"test_bars": "soon"}, "valid integer"),
        ({"purge_bars": "900"}, "purge is 900 bars"),
        ({"windows": "40"}, "there is room for"),
        ({"list_fast": "30", "list_slow": "10"}, "fast &lt; slow"),
    ):
        refused = client.post(url, SENT | change)
        page = refused.content.decode()
        assert refused.status_code == 422, change
        assert words in page, change
    assert not ModelRun.objects.exists()


def test_a_form_around_a_search_begins_with_its_space(client):
    experiment = plain_experiment()
    run = finished(experiment)
    page = client.get(f"{form_url(experiment)}?around={run.pk}").content.decode()
    assert 'value="900"' in page
    assert 'value="3, 5"' in page
    assert f"around={run.pk}" in page


def test_the_result_says_what_is_left_and_every_tab_opens(client):
    run = finished(embargo_bars=3)
    page = client.get(run.get_absolute_url()).content.decode()
    assert "Chosen anew in 4 windows" in page
    assert "Do the choices stay?" in page
    assert "The tests joined into one account" in page
    assert "walk-embargo" in page
    for tab in ("windows", "charts", "trades", "config", "files", "api", "logs"):
        answer = client.get(run.get_absolute_url(), {"tab": tab})
        assert answer.status_code == 200, tab
    windows = client.get(run.get_absolute_url(), {"tab": "windows"}).content.decode()
    assert windows.count("<tr>") == 5
    assert (
        "windows.json"
        in client.get(run.get_absolute_url(), {"tab": "files"}).content.decode()
    )
    for name in ("degradation", "chosen", "equity"):
        chart = client.get(reverse("experiments:run-chart", args=[run.pk, name]))
        assert chart.status_code == 200, name
        assert "View as table" in chart.content.decode()


def test_a_run_at_work_shows_its_windows_pass(client):
    experiment = plain_experiment()
    client.post(form_url(experiment), SENT)
    page = client.get(ModelRun.objects.get().get_absolute_url()).content.decode()
    assert "walk-forward, <b>" in page


def test_charts_have_a_row_for_each_window():
    run = finished(objective="max_drawdown")
    pairs = walk_figure(run, "degradation")
    assert [row["window"] for row in pairs.rows] == [1, 2, 3, 4]
    decay = decay_of(run)
    assert decay.inside == pytest.approx(
        sum(row["in_sample"] for row in pairs.rows) / 4
    )
    assert decay.left is None  # a fall is below 0: there is nothing to keep
    chosen = walk_figure(run, "chosen")
    assert {"fast", "slow"} <= chosen.rows[0].keys()


def test_stability_by_hand():
    choices = [{"params": {"fast": value, "slow": 9}} for value in (3, 5, 5, 3, 5)]
    fast, slow = stability_of(choices)
    assert (fast.usual, fast.n_usual, fast.n_values, fast.n_changes) == (5, 3, 2, 3)
    assert (slow.usual, slow.n_usual, slow.n_changes) == (9, 5, 0)


def test_the_diagram_keeps_proportions_and_draws_an_even_choice_of_many():
    windows = [
        {
            "index": i,
            "train_start": i * 10,
            "train_end": i * 10 + 50,
            "test_start": i * 10 + 60,
            "test_end": i * 10 + 70,
        }
        for i in range(100)
    ]
    drawn = diagram_of(windows, purge=5, embargo=0)
    assert len(drawn.rows) <= MOST_ROWS
    assert drawn.n_windows == 100
    assert drawn.kinds == ("train", "purge", "test")
    train, purge, test = drawn.rows[0].parts
    assert [part.kind for part in (train, purge, test)] == ["train", "purge", "test"]
    assert float(train.width) == pytest.approx(5 * float(purge.width), rel=0.02)
    assert float(test.x) == pytest.approx(float(purge.x) + float(purge.width), abs=0.2)
