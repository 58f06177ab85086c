"""Order among runs: tags as they are kept, marks for many at once, and the trash."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from experiments.models import ModelExperiment, ModelRun
from experiments.services.experiments import experiment_delete
from experiments.services.marks import MAX_RUNS, experiment_mark, runs_mark
from experiments.services.runs import run_delete
from experiments.services.trash import trash_restore, trash_undo
from experiments.services.words import normal_tags
from jobs.models import Job
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from tests.experiments.rows import add_trial, plain_experiment, plain_run
from tests.factories import make_run

pytestmark = pytest.mark.django_db

MAX_QUERIES = 5


def shown() -> set[ModelRun]:
    return set(ModelRun.objects.filter(deleted_at__isnull=True))


def tags_of(run: ModelRun) -> list[str]:
    run.refresh_from_db()
    return run.tags


class TestTags:
    @pytest.mark.parametrize(
        ("words", "kept"),
        [
            (["trend", "trend"], ["trend"]),
            (["Trend", "trend"], ["Trend"]),
            ([" slow   trend\n"], ["slow trend"]),
            (["gro\u0308ße", "größe"], ["größe"]),
            (["x" * 40], ["x" * 40]),
            ([], []),
        ],
    )
    def test_as_they_are_kept(self, words, kept):
        assert normal_tags(words) == kept

    @pytest.mark.parametrize(
        "words", [[""], ["  "], ["x" * 41], ["a\x07b"], [f"t{i}" for i in range(21)]]
    )
    def test_what_is_none(self, words):
        with pytest.raises(ConfigError) as caught:
            normal_tags(words)

        assert (caught.value.code, caught.value.field) == ("bad_tag", "tags")


class TestMany:
    @pytest.mark.parametrize(
        ("action", "field", "value"),
        [
            ("star", "starred", True),
            ("unstar", "starred", False),
            ("pin", "pinned", True),
            ("unpin", "pinned", False),
            ("archive", "archived", True),
            ("unarchive", "archived", False),
        ],
    )
    def test_marks(self, action, field, value):
        so_already = plain_run(**{field: value})
        others = [plain_run(**{field: not value}) for _ in range(2)]
        untouched = plain_run(**{field: not value})

        keys = [run.pk for run in (so_already, *others)]
        marked = runs_mark(action=action, run_ids=keys)

        assert (marked.changed, marked.unchanged) == (2, 1)
        have = ModelRun.objects.filter(**{field: value})
        assert set(have) == {so_already, *others}
        assert untouched not in have

    def test_tags_come_and_go_and_stay_in_order(self):
        old, new = plain_run(tags=["a", "Trend"]), plain_run(tags=["b"])
        keys = [old.pk, new.pk]

        assert runs_mark(action="tag", run_ids=keys, tag=" trend ").changed == 1
        assert (tags_of(old), tags_of(new)) == (["a", "Trend"], ["b", "trend"])
        assert runs_mark(action="untag", run_ids=keys, tag="TREND").changed == 2
        assert (tags_of(old), tags_of(new)) == (["a"], ["b"])

    def test_one_tag_too_many_changes_none(self):
        full = plain_run(tags=[f"t{i}" for i in range(20)])
        other = plain_run()

        with pytest.raises(ConfigError):
            runs_mark(action="tag", run_ids=[other.pk, full.pk], tag="more")

        assert tags_of(other) == []

    def test_deleting_is_undone_for_exactly_those(self):
        before, one, two, other = (plain_run() for _ in range(4))
        run_delete(run=before)

        marked = runs_mark(action="delete", run_ids=[before.pk, one.pk, two.pk])

        assert (marked.changed, marked.unchanged) == (2, 1)
        assert shown() == {other}
        assert trash_undo(moment=marked.moment) == 2
        assert shown() == {one, two, other}
        assert trash_undo(moment=marked.moment) == 0

    def test_deleting_calls_off_what_works(self):
        run = make_run()

        runs_mark(action="delete", run_ids=[run.pk])

        assert Job.objects.get(pk=run.job_id).status == "cancelled"

    def test_restoring_some(self):
        one, two = plain_run(), plain_run()
        for run in (one, two):
            run_delete(run=run)

        marked = runs_mark(action="restore", run_ids=[str(one.pk).upper(), one.pk])

        assert (marked.changed, marked.unchanged) == (1, 0)
        assert shown() == {one}

    def test_a_run_of_a_deleted_experiment_waits_for_it(self):
        experiment = plain_experiment()
        run = plain_run(experiment=experiment)
        experiment_delete(experiment=experiment)

        with pytest.raises(Problem) as caught:
            runs_mark(action="restore", run_ids=[run.pk])

        assert caught.value.status == 409

    @pytest.mark.parametrize("n", [0, MAX_RUNS + 1])
    def test_too_few_and_too_many(self, n):
        with pytest.raises(Problem, match="1 to 500 runs"):
            runs_mark(action="star", run_ids=[uuid4() for _ in range(n)])

    @pytest.mark.parametrize("action", ["star", "tag", "delete"])
    def test_one_that_is_not_there_changes_none(self, action):
        run, missing = plain_run(), uuid4()

        with pytest.raises(Problem) as caught:
            runs_mark(action=action, run_ids=[run.pk, missing, "x"], tag="t")

        assert caught.value.code == "unknown_run"
        assert str(missing) in caught.value.message
        assert "1 more" in caught.value.message
        run.refresh_from_db()
        assert (run.starred, run.tags, run.deleted_at) == (False, [], None)

    @pytest.mark.parametrize("action", ["star", "delete", "tag"])
    def test_the_cost_does_not_grow(self, action, django_assert_max_num_queries):
        runs = [plain_run() for _ in range(40)]

        with django_assert_max_num_queries(MAX_QUERIES):
            runs_mark(action=action, run_ids=[run.pk for run in runs], tag="t")


class TestExperiment:
    def test_its_runs_go_with_it_and_exactly_those_come_back(self):
        experiment = plain_experiment()
        before, one, two = (plain_run(experiment=experiment) for _ in range(3))
        alone = plain_run()
        run_delete(run=before)

        gone = experiment_mark(experiment=experiment, action="delete")

        assert shown() == {alone}
        assert trash_undo(moment=gone.deleted_at) == 1
        assert shown() == {alone, one, two}
        assert not ModelExperiment.objects.filter(deleted_at__isnull=False).exists()

    def test_deletion_keeps_the_trials(self):
        before = add_trial("a")
        experiment = plain_experiment()

        experiment_mark(experiment=experiment, action="delete")

        assert add_trial("b").seq == before.seq + 1

    def test_marks(self):
        experiment = plain_experiment()
        for action in ("star", "archive"):
            experiment_mark(experiment=experiment, action=action)

        experiment.refresh_from_db()
        assert (experiment.starred, experiment.archived) == (True, True)
        with pytest.raises(Problem, match="pin"):
            experiment_mark(experiment=experiment, action="pin")

    def test_deleting_many_runs_costs_little(self, django_assert_max_num_queries):
        experiment = plain_experiment()
        for _ in range(30):
            plain_run(experiment=experiment)

        with django_assert_max_num_queries(MAX_QUERIES):
            experiment_delete(experiment=experiment)


def test_from_the_trash_what_is_named():
    one, two = plain_experiment(), plain_experiment()
    run, other = plain_run(), plain_run()
    for experiment in (one, two):
        experiment_delete(experiment=experiment)
    for each in (run, other):
        run_delete(run=each)

    assert trash_restore(experiments=[str(one.pk)], runs=[str(run.pk)]) == 2
    assert shown() == {run}
    with pytest.raises(Problem):
        trash_restore(experiments=["x"])


class TestApi:
    def send(self, client, body):
        return client.post("/api/runs/bulk", json.dumps(body), "application/json")

    def test_says_how_many_were_changed(self, client):
        run, starred = plain_run(), plain_run(starred=True)
        keys = [str(run.pk), str(starred.pk)]

        response = self.send(client, {"action": "star", "run_ids": keys})

        assert response.status_code == 200
        assert response.json() == {"changed": 1, "unchanged": 1}

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({"action": "burn"}, "unknown_action", "action"),
            ({"run_ids": []}, "invalid_value", "run_ids"),
            ({"run_ids": ["x"]}, "unknown_run", "run_ids"),
            ({"action": "tag"}, "bad_tag", "tags"),
            ({"action": "tag", "tag": "x" * 41}, "bad_tag", "tags"),
            ({"tags": []}, "unknown_field", "tags"),
        ],
    )
    def test_refusals(self, client, body, code, field):
        run = plain_run()

        body = {"action": "star", "run_ids": [str(run.pk)]} | body
        response = self.send(client, body)

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (422, code)
        assert error["details"]["errors"][0]["field"] == field
