"""Tests of a whole search in the lab: what is asked, found, kept, shown and refused."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils.html import strip_tags

from experiments.api import questions as doors
from experiments.models import LedgerEntry, LedgerPool, LedgerSample
from experiments.selectors.honesty import honesty_of_pool
from experiments.selectors.ledger import ledger_proof
from experiments.selectors.overfitting import question_of_pool, question_of_sweep
from experiments.selectors.weeks import common_weeks, kept_weeks, padded_table
from experiments.services.ledger import pool_refresh
from experiments.services.overfitting import overfitting_compute
from experiments.services.overfitting_tests import WEEKS_A_YEAR, Trials, all_tests
from experiments.services.questions import question_ask
from experiments.services.sweep import candidate_run
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from strategies.statistics import pbo
from strategies.validation.overfitting import superiority
from tests.experiments.rows import POOL, add_trial, plain_experiment, plain_run
from tests.factories import do_run, finished_sweep

pytestmark = pytest.mark.django_db

SPACE = {"fast": [2, 3, 5], "slow": [10, 20]}


def worked(job: Job, status: JobStatus = JobStatus.SUCCEEDED) -> None:
    """Do what a worker does with the job."""
    assert lease.claim(job.pk, "me")
    job.refresh_from_db()
    context = JobContext(job)
    if status == JobStatus.SUCCEEDED:
        overfitting_compute(context=context, **job.payload)
        context.flush()
    assert lease.finish(job.pk, "me", status)


def said(client, address: str) -> str:
    return " ".join(strip_tags(client.get(address).text).split())


@pytest.fixture
def pool():
    for candidate in "abcde":
        add_trial(candidate)
    pool_refresh(pool=POOL)
    return POOL


class TestNumbers:
    def test_are_those_of_the_library(self):
        rng = np.random.default_rng(4)
        returns = rng.normal(0.001, 0.02, size=(130, 6))
        held = rng.normal(0.001, 0.02, 130)
        found = all_tests(Trials(returns, 40, held))

        assert found["pbo"]["value"] == pbo(returns, 16)
        assert found["pbo"]["n_splits"] == 12_870
        alone = superiority(returns, held, rng=np.random.default_rng(0))
        against = found["spa"]["against"]["buy_and_hold"]
        assert against["consistent"] == alone.consistent
        assert against["reality_check"] == alone.upper
        family = found["family"]
        sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
        assert family["best_sharpe"] == pytest.approx(sharpes.max() * WEEKS_A_YEAR**0.5)
        # Bonferroni counts the forty that were tried, not the six that were kept.
        plain, bonferroni = family["methods"][:2]
        assert plain["left"] == pytest.approx(family["best_sharpe"])
        assert bonferroni["p_best"] == pytest.approx(min(plain["p_best"] * 40, 1.0))
        assert bonferroni["left"] < plain["left"]

    def test_what_cannot_be_told_says_why(self):
        noise = np.random.default_rng(1).normal(size=(100, 3))
        for returns, code in (
            (noise[:, :1], "too_few_candidates"),
            (noise[:15], "too_short"),
            (np.zeros((100, 3)), "constant"),
        ):
            found = all_tests(Trials(returns, 3, None))
            assert {one["code"] for one in found.values()} == {code}
            assert not found["pbo"]["applicable"]

    def test_losers_have_nothing_to_cut(self):
        losers = np.random.default_rng(1).normal(-0.5, 1.0, size=(60, 3))
        family = all_tests(Trials(losers, 3, None))["family"]

        assert family["min_backtest_years"] is None
        assert {row["left"] for row in family["methods"]} == {None}


def test_the_common_weeks_are_those_on_which_most_was_tried():
    long, short = np.arange(10.0), np.ones(4)
    weeks = {1: (0, long), 2: (0, long), 3: (3, short), 4: (90, short)}

    found = common_weeks(weeks)

    assert (found.first_week, found.keys, found.returns.shape) == (0, (1, 2), (10, 2))
    assert common_weeks({}).returns.shape == (0, 0)
    assert padded_table({1: (0, short), 2: (1, short)}).tolist() == [
        [1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1],
    ]


class TestPool:
    def test_the_answer_is_kept_until_more_is_tried(self, pool):
        job = question_ask(question=question_of_pool(pool))
        assert question_ask(question=question_of_pool(pool)) == job
        worked(job)

        found = question_of_pool(pool).answer()
        table = padded_table(kept_weeks(LedgerSample.objects.all(), 10))
        assert found["pbo"]["value"] == pbo(table.T, 16)
        assert (found["n_used"], found["n_candidates"], found["n_weeks"]) == (5, 5, 200)
        assert list(found["spa"]["against"]) == ["zero"]  # its file is not there
        # every Sharpe of the pool is shown with it
        assert LedgerPool.objects.get(pk=pool).pbo == found["pbo"]["value"]
        assert honesty_of_pool(pool).pbo == found["pbo"]["value"]
        add_trial("a")  # again: nothing new was tried
        assert question_of_pool(pool).answer() == found
        assert honesty_of_pool(pool).pbo_n_trials == 5
        add_trial("f")
        assert question_of_pool(pool).answer() is None
        # What was found stays, and says of how many trials it is.
        later = honesty_of_pool(pool)
        assert (later.pbo, later.n_trials) == (found["pbo"]["value"], 6)
        assert later.pbo_n_trials == 5

    def test_testing_is_no_trial(self, pool):
        n = LedgerEntry.objects.count()
        worked(question_ask(question=question_of_pool(pool)))

        assert LedgerEntry.objects.count() == n
        assert ledger_proof().ok


class TestSweep:
    def test_its_best_and_buy_and_hold_are_among_them(self):
        sweep = finished_sweep(plain_experiment(), space=SPACE)
        question = question_of_sweep(sweep)
        worked(question_ask(question=question))

        found = question.answer()
        assert (found["n_used"], found["run_id"]) == (6, str(sweep.pk))
        assert list(found["spa"]["against"]) == ["zero", "buy_and_hold"]


class TestDoors:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch):
        monkeypatch.setattr(doors, "WAIT_S", 0.0)

    def post(self, client, address, status):
        answer = client.post(f"/api{address}", content_type="application/json")
        assert answer.status_code == status, answer.content
        return answer.json()

    def test_first_the_job_then_the_answer(self, client, pool):
        waiting = self.post(client, f"/ledger/{pool}/pbo", 202)
        worked(Job.objects.get(pk=waiting["job_id"]))

        pbo_found = self.post(client, f"/ledger/{pool}/pbo", 200)
        spa_found = self.post(client, f"/ledger/{pool}/spa", 200)
        assert 0.0 <= pbo_found["value"] <= 1.0
        assert pbo_found["honesty"]["pbo"] == pbo_found["value"]
        assert spa_found["against"]["zero"]["consistent"] > 0.0
        assert spa_found["family"]["n_tests"] == 5

    def test_refusals(self, client):
        assert self.post(client, "/ledger/nothing/pbo", 404)["error"]["next_steps"]
        add_trial("a")
        only = self.post(client, f"/ledger/{POOL}/spa", 409)["error"]
        assert only["code"] == "too_few_candidates"
        run = plain_run(metrics={"sharpe": 0.5})
        assert (
            "no sweep"
            in self.post(client, f"/runs/{run.pk}/pbo", 409)["error"]["message"]
        )

    def test_of_a_sweep(self, client):
        sweep = finished_sweep(plain_experiment(), space=SPACE)
        waiting = self.post(client, f"/runs/{sweep.pk}/spa", 202)
        worked(Job.objects.get(pk=waiting["job_id"]))

        assert self.post(client, f"/runs/{sweep.pk}/spa", 200)["n_used"] == 6
        assert self.post(client, f"/runs/{sweep.pk}/pbo", 200)["applicable"]


class TestPages:
    def region(self, client, address, method="get"):
        headers = {"HX-Request": "true", "HX-Target": "overfitting"}
        answer = getattr(client, method)(address, headers=headers)
        assert answer.status_code == 200, answer.content
        return answer.content.decode()

    def test_from_the_button_to_the_numbers(self, client, pool):
        page = f"/ledger/{pool}/luck"
        assert f'hx-get="{page}"' in client.get(f"/ledger/{pool}").content.decode()
        assert "Test the search" in client.get(page).content.decode()

        assert 'hx-trigger="every 1s"' in self.region(client, page, "post")
        assert 'hx-trigger="every 1s"' in self.region(client, page)
        worked(Job.objects.get())
        shown = self.region(client, page)
        assert "every 1s" not in shown
        assert shown.strip().startswith('<section id="overfitting"')
        # Week 0 of `strategies.candidates` began on Monday, 29 December 1969.
        weeks = "200 weeks from 29 Dec 1969 to 28 Oct 1973"
        for words in (weeks, "splits", "doing nothing", "Bonferroni", "reality check"):
            assert words in shown
        rows = client.get(f"{page}?chart=ranks&format=csv").getvalue().decode()
        assert rows.startswith("low,high,count")
        assert client.get(f"{page}?chart=other&format=csv").status_code == 422

    def test_without_script(self, client, pool):
        answer = client.post(f"/ledger/{pool}/luck")

        assert (answer.status_code, answer["Location"]) == (
            302,
            f"/ledger/{pool}/luck",
        )

    def test_a_test_that_failed_can_be_started_again(self, client, pool):
        worked(question_ask(question=question_of_pool(pool)), JobStatus.FAILED)
        shown = self.region(client, f"/ledger/{pool}/luck")

        assert 'role="alert"' in shown
        assert "Test the search" in shown

    def test_one_candidate_is_no_choice(self, client):
        add_trial("a")

        shown = client.get(f"/ledger/{POOL}/luck").content.decode()
        assert "Nothing was chosen yet" in shown

    def test_of_a_sweep(self, client):
        sweep = finished_sweep(plain_experiment(), space=SPACE)
        page = f"{sweep.get_absolute_url()}/luck"
        tab = client.get(f"{sweep.get_absolute_url()}?tab=luck").content.decode()

        assert f'hx-get="{page}"' in tab
        assert "one sweep" in client.get(page).content.decode()
        run = plain_run(metrics={"sharpe": 0.5})
        assert client.get(f"{run.get_absolute_url()}/luck").status_code == 409

    def test_calibration(self, client, settings, tmp_path):
        shown = client.get("/calibration").content.decode()
        assert "PSR without skill" in shown
        assert "Measured –" not in shown
        settings.BASE_DIR = tmp_path
        assert "Not measured here" in client.get("/calibration").content.decode()

    def test_the_seal_of_a_run_names_the_tests_of_its_search(self, client):
        sweep = finished_sweep(plain_experiment(), space=SPACE)
        run = candidate_run(run=sweep, index=0).run
        do_run(run)
        address = run.get_absolute_url()
        assert "Tests of the search behind it: none was run yet" in said(
            client, address
        )
        worked(question_ask(question=question_of_sweep(sweep)))
        shown = said(client, address)
        tests = "PBO, reality check, SPA, StepM, false discoveries on"
        assert f"{tests} the 6 candidates of its sweep" in shown
        assert f'href="{sweep.get_absolute_url()}/luck"' in client.get(address).text
