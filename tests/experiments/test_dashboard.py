"""The first page: counted right, quiet at rest, gone with one click."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.selectors.ledger import Totals, lab_totals, ledger_families
from jobs.models import Job, JobStatus
from tests.experiments.rows import add_trial, plain_experiment, plain_run
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db

HOME = "/"
OTHER = ("files:OTHER",)


def region(client, name, query=""):
    headers = {"HX-Request": "true", "HX-Target": name}
    return client.get(f"{HOME}{query}", headers=headers)


def demo_of(run_id):
    """Return a demo as it stands in the tables, with one run."""
    experiment = plain_experiment(name="The demo", is_demo=True)
    plain_run(id=UUID(int=run_id), experiment=experiment, metrics={"sharpe": 0.5})
    return experiment


class TestTotals:
    def test_an_empty_lab_is_new(self):
        assert lab_totals().is_new_lab
        assert ledger_families() == []

    def test_what_is_deleted_or_failed_is_not_kept_and_trials_stay(self):
        plain_experiment()
        plain_experiment(deleted_at=timezone.now())
        plain_run()
        plain_run("failed")
        plain_run(deleted_at=timezone.now())
        plain_run(archived=True)  # lists leave it out too
        for family in "aab":  # a repetition is the same trial
            add_trial(family)
        # The same rule on other data is another trial.
        add_trial("a", instruments=OTHER, fingerprint="e" * 64)

        assert lab_totals() == Totals(experiments=1, runs_kept=1, trials=3)
        assert not lab_totals().is_new_lab


class TestLedger:
    def test_each_data_set_has_its_trials_and_the_best_that_is_kept(self):
        for family in "abc":
            add_trial(family)
        add_trial("a", instruments=OTHER, fingerprint="e" * 64)
        plain_run(metrics={"sharpe": 0.3})
        best = plain_run(metrics={"sharpe": 0.6})
        plain_run(metrics={"sharpe": None})
        plain_run(metrics={"sharpe": 0.9}, deleted_at=timezone.now())

        first, second = ledger_families()

        assert (first.label, first.n_trials) == ("TEST", 3)
        assert first.best["id"] == str(best.pk)
        assert first.best["honesty"]["n_trials"] == 3
        assert (second.n_trials, second.best) == (1, None)

    def test_many_instruments_are_the_first_and_a_number(self):
        add_trial("a", instruments=("files:A", "files:B", "files:C"))

        assert ledger_families()[0].label == "A and 2 more"

    def test_the_number_of_queries_does_not_grow(self, django_assert_num_queries):
        for name in "cde":
            entry = add_trial("a", instruments=(name,), fingerprint=name)
            plain_run(pool=entry.pool, metrics={"sharpe": 0.5})
        ledger_families()

        with django_assert_num_queries(7):  # entries are not read again
            ledger_families()

        add_trial("a", instruments=("f",), fingerprint="f")
        assert len(ledger_families()) == 4


class TestPage:
    def test_an_empty_lab_says_where_to_begin(self, client):
        page = client.get(HOME).content.decode()

        assert "No experiments yet" in page
        assert "Start here" not in page
        assert "every 2s" not in page

    def test_a_lab_with_a_demo_leads_to_it(self, client):
        demo_of(7)
        page = client.get(HOME).content.decode()

        assert f"/model-lab/runs/{UUID(int=7)}" in page
        assert "Start here" in page
        assert 'id="demo-dialog"' in page
        assert "No experiments yet" not in page

    def test_a_sharpe_comes_with_its_doubt(self, client):
        add_trial("a")
        plain_run(metrics={"sharpe": 0.5}, sharpe_se=0.23)
        page = client.get(HOME).content.decode()

        assert "Sharpe 0.50, plus or minus 0.23. 1 trial" in page


class TestStrip:
    def test_it_polls_while_there_is_work(self, client):
        make_job("running", title="Slow one")
        make_job("queued", title="Next one")
        response = region(client, "jobs-strip", "?was=2")

        assert b"<html" not in response.content
        assert b"lab-overview" not in response.content
        assert b"every 2s" in response.content
        assert response.content.index(b"Slow one") < response.content.index(b"Next one")
        assert "HX-Trigger" not in response.headers

    def test_the_last_answer_stops_it_and_tells_the_others(self, client):
        make_job("succeeded")
        response = region(client, "jobs-strip", "?was=1")

        assert b"every 2s" not in response.content
        assert "jobs-changed" in response.headers["HX-Trigger"]

    def test_more_jobs_than_it_shows_are_counted(self, client):
        for _ in range(7):
            make_job("queued")
        content = region(client, "jobs-strip", "?was=7").content.decode()

        assert content.count("<li>") == 5
        assert "5 of 7 jobs" in content

    def test_it_asks_only_what_it_shows(self, client, django_assert_max_num_queries):
        make_job("running")
        with django_assert_max_num_queries(4):
            region(client, "jobs-strip", "?was=1")


class TestRemoval:
    URL = "/model-lab/demo/remove"

    def test_it_asks_first_for_browsers_without_script(self, client):
        demo_of(7)
        page = client.get(self.URL).content.decode()

        assert "Remove the demo?" in page
        assert f'method="post" action="{self.URL}"' in page

    def test_one_post_removes_it(self, client):
        demo_of(7)
        response = client.post(self.URL, follow=True)

        assert response.redirect_chain == [(HOME, 302)]
        assert "The demo was removed." in response.content.decode()
        assert "Start here" not in response.content.decode()

    def test_a_second_post_changes_nothing(self, client):
        response = client.post(self.URL, follow=True)

        assert response.status_code == 200
        assert "had been removed before" in response.content.decode()

    def test_when_it_is_gone_there_is_nothing_to_ask(self, client):
        page = client.get(self.URL).content.decode()

        assert "It has been removed already." in page
        assert '<form method="post"' not in page

    def test_its_work_is_called_off(self, client):
        experiment = plain_experiment(is_demo=True)
        waiting = make_job("queued")
        plain_run("queued", job=waiting, experiment=experiment)

        client.post(self.URL)

        assert Job.objects.get(pk=waiting.pk).status == JobStatus.CANCELLED

    def test_its_address_is_known(self):
        assert reverse("experiments:demo-remove") == self.URL
