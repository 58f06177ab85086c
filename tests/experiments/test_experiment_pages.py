"""The list of experiments, and the page of one: its question and its own runs."""

from __future__ import annotations

import json

import pytest

from jobs.models import Job, JobStatus
from tests.experiments.listed import HYPOTHESIS, good_run, link_to, names_in
from tests.experiments.rows import NOON, plain_experiment, plain_run
from tests.pages import page, polls, region

pytestmark = pytest.mark.django_db


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
