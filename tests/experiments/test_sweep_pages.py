"""The pages of a sweep: its result, its candidates, one candidate, its charts."""

from __future__ import annotations

import pytest
from django.urls import reverse

from experiments.charts.titles import OF_SWEEP
from experiments.models import ModelExperiment, ModelRun
from experiments.services import sweep_execute as sweep_execute_module
from experiments.services.sweep import sweep_asked, sweep_request
from experiments.services.sweep_execute import sweep_execute
from jobs import lease
from jobs.models import JobStatus
from jobs.progress import JobCancelled
from jobs.queue import cancel
from tests.experiments.rows import plain_experiment
from tests.factories import claimed, finished_sweep
from tests.html import Tree

pytestmark = pytest.mark.django_db

SPACE = {
    "fast": {"min": 2, "max": 31, "step": 1},
    "slow": {"min": 40, "max": 69, "step": 1},
    "execution.slippage_bps": [0, 5],
}


@pytest.fixture
def sweep():
    return finished_sweep(plain_experiment(), space=SPACE, name="Wide")


def region(client, address, target):
    headers = {"HX-Request": "true", "HX-Target": target}
    return client.get(address, headers=headers).content.decode()


def test_the_result_is_light_and_every_tab_answers(client, sweep):
    page = client.get(sweep.get_absolute_url())
    text = page.content.decode()

    assert page.status_code == 200
    assert "The best of 1,800" in text
    assert "Is it luck?" in text
    assert text.count('class="is-pick') == 1 or "is-pick" in text
    assert sum(1 for _ in Tree(text).root.walk()) < 3_000
    assert len(page.content) < 600_000
    for tab in ("candidates", "charts", "config", "files", "logs"):
        assert client.get(f"{sweep.get_absolute_url()}?tab={tab}").status_code == 200
    assert client.get(f"{sweep.get_absolute_url()}?tab=trades").status_code == 404


def test_a_sweep_called_off_shows_how_far_it_came(client, monkeypatch):
    monkeypatch.setattr(sweep_execute_module, "chunk_size", lambda n_bars: 700)
    asked = sweep_asked({"space": SPACE})
    run = sweep_request(experiment=plain_experiment(), asked=asked).run
    context = claimed(run)
    commit = sweep_execute_module._commit

    def commit_then_cancel(*of):
        commit(*of)
        cancel(run.job_id)
        context.interrupt()

    monkeypatch.setattr(sweep_execute_module, "_commit", commit_then_cancel)
    with pytest.raises(JobCancelled):
        sweep_execute(run_id=str(run.pk), context=context)
    assert lease.finish(run.job_id, "me", JobStatus.CANCELLED)

    page = client.get(run.get_absolute_url()).text
    assert "700 of 1,800 candidates were evaluated" in page
    assert 'id="sweep-map"' in page
    listed = client.get(f"{run.get_absolute_url()}?tab=candidates").text
    assert "Rows 1 to 50 of 700" in listed
    body = client.get(f"/api/runs/{run.pk}/candidates").json()
    assert (body["total"], body["is_complete"]) == (700, False)


def test_the_map_is_a_region_of_its_own(client, sweep):
    address = f"{sweep.get_absolute_url()}?x=slow&y=fast&metric=max_drawdown"
    found = region(client, address, "sweep-map")

    assert "<html" not in found
    assert 'id="sweep-map"' in found
    assert "Max drawdown" in found
    refused = region(client, f"{address}&where=__import__", "sweep-map")
    assert "cannot be read" in refused or "comparison" in refused


def test_candidates_are_sorted_filtered_and_paged_by_links(client, sweep):
    address = f"{sweep.get_absolute_url()}?tab=candidates"
    first = region(client, address, "sweep-candidates")
    few = region(client, f"{address}&where=fast==2,slow<42", "sweep-candidates")
    bad = client.get(f"{address}&where=fast+%3D&order=fast").content.decode()

    assert "Rows 1 to 50 of 1,800" in first
    assert 'rel="next"' in first
    assert "Rows 1 to 4 of 4, out of 1,800" in few
    assert "field-error" in bad
    assert "No candidate matches" in client.get(f"{address}&where=fast>99").text


def test_a_candidate_becomes_a_run_at_the_push_of_a_button(client, sweep):
    address = reverse("experiments:candidate", args=[sweep.pk, sweep.best_index])
    page = client.get(address).text
    assert "Make it a run" in page
    assert "Is it luck?" in page

    answer = client.post(address)

    run = ModelRun.objects.get(kind="backtest")
    assert answer.headers["Location"] == run.get_absolute_url()
    assert run.experiment_id == sweep.experiment_id
    missing = reverse("experiments:candidate", args=[sweep.pk, 99_999])
    assert client.get(missing).status_code == 404


@pytest.mark.parametrize("name", OF_SWEEP)
def test_every_chart_has_a_sentence_a_table_and_downloads(client, sweep, name):
    address = reverse("experiments:run-chart", args=[sweep.pk, name])
    found = region(client, address, f"chart-{name}")

    assert "<html" not in found
    assert f'id="chart-{name}"' in found
    assert "application/json" in found
    assert "View as table" in found
    assert client.get(f"{address}?format=csv").status_code == 200


def test_a_chart_of_a_run_is_none_of_a_sweep(client, sweep):
    address = reverse("experiments:run-chart", args=[sweep.pk, "equity"])

    assert client.get(address).status_code == 404


# --- the form ------------------------------------------------------------------------


def form_address(experiment):
    return reverse("experiments:sweep-new", args=[experiment.pk])


def sent(**changes):
    fields = {"from_fast": "2", "to_fast": "5", "step_fast": "1", "list_slow": "10, 20"}
    plain = {"search": "grid", "objective": "sharpe", "seed": "0"}
    return fields | plain | changes


def test_the_form_begins_around_the_experiment_and_tells_the_price(client):
    page = client.get(form_address(plain_experiment())).text

    assert 'name="from_fast"' in page
    assert 'id="plan"' in page
    assert "backtests of <b>SYN-gbm-1</b>" in page


def test_while_it_is_filled_in_the_plan_follows(client):
    address = f"{form_address(plain_experiment())}?validate=1"
    headers = {"HX-Request": "true", "HX-Target": "search-form"}

    found = client.post(address, sent(), headers=headers)
    bad = client.post(address, sent(step_fast="0"), headers=headers)

    assert found.status_code == bad.status_code == 200
    assert "<html" not in found.text
    assert "<b>8</b> backtests" in found.text
    assert f'action="{form_address(ModelExperiment.objects.get())}"' in found.text
    assert "field-error" in bad.text
    assert not ModelRun.objects.exists()


def test_the_form_starts_the_sweep_it_describes(client):
    experiment = plain_experiment()
    more = '{"execution.slippage_bps": {"min": 0, "max": 10, "step": 5}}'
    fields = sent(more=more, constraints="fast * 3 < slow, slow > 5", name="Mine")

    answer = client.post(form_address(experiment), fields)

    run = ModelRun.objects.get()
    assert answer.headers["Location"] == run.get_absolute_url()
    assert (run.kind, run.name) == ("sweep", "Mine")
    assert run.search["space"] == {
        "fast": {"min": 2, "max": 5, "step": 1},
        "slow": [10, 20],
        "execution.slippage_bps": {"min": 0, "max": 10, "step": 5},
    }
    assert run.search["constraints"] == ["fast * 3 < slow", "slow > 5"]
    again = client.get(f"{form_address(experiment)}?around={run.pk}").text
    assert 'value="10, 20"' in again
    assert "execution.slippage_bps" in again


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step_fast": "0"}, "in steps of 0"),
        ({"to_fast": "much"}, "no numbers"),
        ({"list_slow": "2"}, "None of the"),
        ({"more": "{"}, "JSON"),
        ({"more": '{"beauty": [1]}'}, "beauty"),
        ({"constraints": "fast <"}, "cannot be read"),
        ({"search": "random"}, "how many candidates"),
        ({"n": "many", "search": "random"}, "integer"),
        ({"seed": "x"}, "integer"),
    ],
)
def test_the_form_refuses_what_the_api_refuses(client, changes, words):
    answer = client.post(form_address(plain_experiment()), sent(**changes))

    assert answer.status_code == 422
    assert words in answer.text
    assert not ModelRun.objects.exists()


def test_a_run_is_swept_around_and_a_sweep_kept_as_a_preset(client, sweep):
    experiment = sweep.experiment
    form = reverse("experiments:preset-new") + f"?run={sweep.pk}"
    client.post(form, {"name": "Wide"})
    assert "?preset=Wide" in client.get(form_address(experiment)).text
    page = client.get(f"{form_address(experiment)}?preset=Wide").text

    assert 'name="to_fast" value="31"' in page
    assert "Sweep with changes" in client.get(sweep.get_absolute_url()).text
