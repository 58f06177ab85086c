"""The admin: every table is found and read, words are mended, the past stays."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from experiments.models import LedgerEntry, ModelExperiment, ModelRun, Preset
from experiments.services.presets import preset_create
from jobs.models import Job, JobStatus
from tests.experiments.rows import add_trial, plain_experiment, plain_run
from tests.factories import finished_run, make_run
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db

TABLES = {
    "experiments_modelexperiment": ModelExperiment,
    "experiments_modelrun": ModelRun,
    "experiments_preset": Preset,
    "experiments_ledgerentry": LedgerEntry,
    "jobs_job": Job,
}


ROWS = {
    "experiments_modelexperiment": plain_experiment,
    "experiments_modelrun": plain_run,
    "experiments_preset": partial(
        preset_create, kind="sweep", name="Wide", config={"fast": [5]}
    ),
}


def list_of(table: str) -> str:
    return reverse(f"admin:{table}_changelist")


def page_of(table: str, pk: object) -> str:
    return reverse(f"admin:{table}_change", args=[quote(pk)])


def act(client, table: str, action: str, *rows) -> list[str]:
    """Do it to the rows through the admin's own list; return what it said."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = client.post(list_of(table), body, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def fill(n: int) -> None:
    for i in range(n):
        experiment = plain_experiment(name=f"Question {i}")
        plain_run(experiment=experiment, metrics={"sharpe": 0.5})
        add_trial("abcdef"[i])
        preset_create(kind="sweep", name=f"Wide {uuid4()}", config={})


class TestLists:
    def test_all_tables_are_there_and_nothing_of_users(self, client):
        page = client.get(reverse("admin:index")).content.decode()

        for table in TABLES:
            assert list_of(table) in page
        assert "auth/user" not in page
        assert "/password_change/" not in page

    @pytest.mark.parametrize("table", TABLES)
    def test_a_list_asks_as_much_for_many_rows_as_for_one(self, client, table):
        def asks():
            with CaptureQueriesContext(connection) as queries:
                rows = client.get(list_of(table)).context["cl"].result_list
            return len(queries), len(rows)

        fill(1)
        asks()  # the user of the lab is made
        n_queries, _ = asks()
        fill(6)

        assert asks() == (n_queries, 7)

    @pytest.mark.parametrize(
        ("table", "query", "n"),
        [
            ("experiments_modelexperiment", "?q=%22Question+1%22", 1),
            ("experiments_modelrun", "?job__status=failed", 0),
            ("experiments_modelrun", "?deleted_at__isempty=1", 3),
            ("jobs_job", "?status__exact=succeeded&q=job_", 3),
            ("experiments_ledgerentry", "?source=run", 3),
        ],
    )
    def test_rows_are_searched_and_filtered(self, client, table, query, n):
        fill(3)

        answer = client.get(list_of(table) + query)

        assert len(answer.context["cl"].result_list) == n


class TestRows:
    def test_words_are_changed_by_the_service_and_written_down(self, client):
        run = plain_run(name="Before")
        body = {"name": "After", "notes": "Mended.", "starred": "on"}

        answer = client.post(page_of("experiments_modelrun", run.pk), body)

        assert answer.status_code == 302
        run.refresh_from_db()
        assert (run.name, run.notes, run.starred) == ("After", "Mended.", True)
        entry = LogEntry.objects.get()
        assert (entry.user.username, entry.object_id) == ("lab", str(run.pk))
        assert not entry.user.has_usable_password()

    def test_what_happened_is_shown_and_not_taken_from_a_form(self, client):
        run = plain_run(metrics={"sharpe": 0.5})
        path = page_of("experiments_modelrun", run.pk)

        page = client.get(path).content.decode()
        client.post(path, {"name": "x", "config_hash": "0" * 64, "metrics": "{}"})

        assert run.config_hash in page
        assert 'name="config_hash"' not in page
        run.refresh_from_db()
        assert (run.config_hash, run.metrics) == ("c" * 64, {"sharpe": 0.5})

    def test_a_question_is_renamed(self, client):
        experiment = plain_experiment()
        path = page_of("experiments_modelexperiment", experiment.pk)

        client.post(path, {"name": "Momentum", "notes": ""})

        experiment.refresh_from_db()
        assert experiment.name == "Momentum"

    @pytest.mark.parametrize("table", ["experiments_ledgerentry", "jobs_job"])
    def test_the_ledger_and_the_queue_are_only_read(self, client, table):
        row = add_trial("a") if table == "experiments_ledgerentry" else make_job()
        path = page_of(table, row.pk)

        assert client.get(path).status_code == 200
        assert client.post(path, {"pool": "x", "title": "x"}).status_code == 403
        assert client.post(f"{path}../delete/").status_code in (403, 404)

    @pytest.mark.parametrize("table", TABLES)
    def test_nothing_is_added_or_deleted_for_good(self, client, table):
        fill(1)
        row = TABLES[table].objects.first()

        assert client.get(reverse(f"admin:{table}_add")).status_code == 403
        delete = reverse(f"admin:{table}_delete", args=[row.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
        act(client, table, "delete_selected", row)
        assert TABLES[table].objects.filter(pk=row.pk).exists()


class TestActions:
    @pytest.mark.parametrize(
        ("table", "action"),
        [("jobs_job", "requeue_jobs"), ("experiments_modelrun", "requeue_runs")],
    )
    def test_what_failed_is_queued_again_and_nothing_else(self, client, table, action):
        runs = [plain_run(status) for status in ("failed", "cancelled", "succeeded")]
        rows = [run.job for run in runs] if table == "jobs_job" else runs

        said = act(client, table, action, *rows)

        assert said == ["2 queued again."]
        for run in runs:
            run.job.refresh_from_db()
        failed, cancelled, succeeded = (run.job for run in runs)
        assert failed.status == cancelled.status == JobStatus.QUEUED
        assert (failed.finished_at, failed.attempt, failed.error) == (None, 0, None)
        assert succeeded.status == JobStatus.SUCCEEDED
        assert failed.log_lines.last().event == "job_requeued"

    def test_a_full_queue_is_told_and_changes_nothing(self, client, settings):
        settings.QUANT_JOB_QUEUE_LIMIT = 1
        job = make_job("failed")
        make_job("queued")

        said = act(client, "jobs_job", "requeue_jobs", job)

        assert "1 jobs are waiting already" in said[0]
        assert said[-1] == "0 queued again."

    @pytest.mark.parametrize(
        ("table", "action"),
        [("jobs_job", "cancel_jobs"), ("experiments_modelrun", "cancel_runs")],
    )
    def test_what_waits_or_works_is_called_off(self, client, table, action):
        runs = [plain_run(status) for status in ("queued", "running", "succeeded")]
        rows = [run.job for run in runs] if table == "jobs_job" else runs

        said = act(client, table, action, *rows)

        assert said == ["2 called off."]
        for run in runs:
            run.job.refresh_from_db()
        assert runs[0].job.status == JobStatus.CANCELLED
        assert runs[1].job.cancel_requested
        assert not runs[2].job.cancel_requested

    def test_files_are_verified_and_a_changed_one_is_named(self, client, settings):
        run = finished_run()
        table = "experiments_modelrun"
        assert act(client, table, "verify_runs", run) == [
            "1 verified, every file as it was."
        ]

        file = settings.QUANT_HOME / "runs" / str(run.pk) / "metrics.json"
        file.chmod(0o600)
        file.write_text("{}")
        said = act(client, table, "verify_runs", run, make_run())

        assert any("metrics.json" in text for text in said)
        assert said[-1] == "0 verified, every file as it was."

    @pytest.mark.parametrize(
        ("table", "restore"),
        [
            ("experiments_modelexperiment", "restore_rows"),
            ("experiments_modelrun", "restore"),
            ("experiments_preset", "restore"),
        ],
    )
    def test_rows_are_deleted_and_restored(self, client, table, restore):
        row = ROWS[table]()

        assert act(client, table, "delete_rows", row) == ["1 deleted."]
        row.refresh_from_db()
        assert row.deleted_at is not None
        assert act(client, table, restore, row) == ["1 restored."]
        row.refresh_from_db()
        assert row.deleted_at is None
