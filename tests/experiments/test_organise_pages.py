"""Pages that keep order: words, stars, the menu, deletion with undo, the trash."""

from __future__ import annotations

import re
from html import unescape

import pytest

from experiments.models import ModelExperiment, ModelRun
from experiments.services.experiments import experiment_delete
from experiments.services.runs import run_delete
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import make_run

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12
BULK = "/model-lab/runs/bulk"
TRASH = "/model-lab/trash"


def words(of: ModelRun | ModelExperiment) -> str:
    return f"{of.get_absolute_url()}/words"


def undo_fields(html: str) -> dict[str, str]:
    """Return what the Undo button of the toast sends."""
    [form] = re.findall(
        r'(?s)<form method="post" action="/model-lab/trash/undo">.*?</', html
    )
    return {
        k: unescape(v) for k, v in re.findall(r'name="(\w+)" value="([^"]*)"', form)
    }


class TestWords:
    def test_the_form_shows_what_is_said_and_offers_tags_in_use(self, client):
        run = plain_run(name="Mine", notes="**n**", tags=["own"])
        plain_run(tags=["trend"])

        html = client.get(words(run)).content.decode()

        assert 'value="Mine"' in html
        assert re.search(r'value="own"[^>]*checked', html)
        assert re.search(r'value="trend"(?![^>]*checked)', html)
        assert "**n**</textarea>" in html

    def test_saving_leads_back(self, client):
        run = plain_run("cancelled", tags=["old"])
        sent = {
            "name": "New name",
            "kept_tags": ["trend"],
            "new_tags": "slow one, trend,",
            "notes": "# Why\nbecause",
        }

        response = client.post(words(run), sent, follow=True)

        run.refresh_from_db()
        assert (run.name, run.tags) == ("New name", ["trend", "slow one"])
        html = response.content.decode()
        assert "<h1>New name</h1>" in html
        assert "<h3>Why</h3>" in html
        assert html.count("<h1") == 1

    def test_as_a_region_of_a_dialog(self, client):
        run = plain_run()
        headers = {"HX-Request": "true", "HX-Target": "words"}

        shown = client.get(words(run), headers=headers)
        saved = client.post(words(run), {"name": "N"}, headers=headers)

        assert b"<html" not in shown.content
        assert saved.headers["HX-Redirect"] == run.get_absolute_url()

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"name": "x" * 201}, "name"),
            ({"notes": "x" * 20_001}, "notes"),
            ({"new_tags": "x" * 41}, "new_tags"),
            ({"new_tags": ",".join(f"t{i}" for i in range(21))}, "new_tags"),
            ({"kept_tags": ["y" * 41]}, "new_tags"),
        ],
    )
    def test_a_mistake_stays_in_the_form(self, client, sent, field):
        run = plain_run(name="Before")

        response = client.post(words(run), {"name": "After"} | sent)

        assert response.status_code == 422
        assert f'id="id_{field}_error"' in response.content.decode()
        run.refresh_from_db()
        assert run.name == "Before"

    def test_notes_cannot_act(self, client):
        run = plain_run(
            "cancelled", notes="<script>alert(1)</script> [x](javascript:alert(1))"
        )

        html = client.get(run.get_absolute_url()).content.decode()

        assert "<script>alert" not in html
        assert 'href="javascript' not in html

    def test_a_hypothesis_until_the_first_run(self, client):
        experiment = plain_experiment()
        stated = {"name": "E", "cause": "c", "effect": "e", "metric": "sharpe"}

        assert client.post(words(experiment), stated).status_code == 302
        experiment.refresh_from_db()
        assert experiment.hypothesis["effect"] == "e"

        plain_run(experiment=experiment)
        assert "id_cause" not in client.get(words(experiment)).content.decode()
        client.post(words(experiment), stated | {"name": "F", "effect": "other"})
        experiment.refresh_from_db()
        assert (experiment.name, experiment.hypothesis["effect"]) == ("F", "e")

    def test_half_a_hypothesis_is_refused(self, client):
        response = client.post(words(plain_experiment()), {"name": "E", "cause": "c"})

        assert response.status_code == 422
        assert 'id="id_effect_error"' in response.content.decode()

    def test_an_experiment_has_a_name(self, client):
        assert client.post(words(plain_experiment()), {"name": ""}).status_code == 422


class TestStar:
    def test_the_button_of_a_run_shows_only_its_head_anew(self, client):
        run = plain_run("cancelled")
        page = run.get_absolute_url()
        headers = {"HX-Request": "true", "HX-Target": "run-head"}
        sent = {"action": "star", "runs": str(run.pk), "next": page}

        response = client.post(BULK, sent, headers=headers)
        head = client.get(response["Location"], headers=headers).content.decode()

        assert response["Location"] == page
        assert 'aria-pressed="true"' in head
        assert "<html" not in head

    def test_an_experiment(self, client):
        experiment = plain_experiment()

        mark = f"{experiment.get_absolute_url()}/mark"
        html = client.post(mark, {"action": "star"}, follow=True).content.decode()

        assert 'aria-pressed="true"' in html


class TestBulk:
    def test_ids_repeated_or_in_one_field(self, client):
        runs = [plain_run() for _ in range(3)]
        keys = [str(run.pk) for run in runs]

        sent = {"action": "tag", "tag": "x", "runs": [f"{keys[0]}, {keys[1]}", keys[2]]}
        html = client.post(BULK, sent, follow=True).content.decode()

        assert "3 runs tagged." in html
        assert all(run.tags == ["x"] for run in ModelRun.objects.all())

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example", "javascript:x", "", "x"]
    )
    def test_it_leads_nowhere_else(self, client, target):
        sent = {"action": "star", "runs": str(plain_run().pk), "next": target}

        assert client.post(BULK, sent)["Location"] == "/backtesting"

    @pytest.mark.parametrize("sent", [{}, {"action": "star"}, {"action": "x"}])
    def test_nonsense_is_refused(self, client, sent):
        assert client.post(BULK, sent).status_code == 422
        assert client.get(BULK).status_code == 405

    def test_delete_then_undo(self, client):
        keep, one, two = (plain_run() for _ in range(3))
        sent = {"action": "delete", "runs": [str(one.pk), str(two.pk)], "next": "/"}

        html = client.post(BULK, sent, follow=True).content.decode()
        assert "2 runs deleted. Their trials stay counted." in html
        assert ModelRun.objects.filter(deleted_at__isnull=True).get() == keep

        response = client.post(f"{TRASH}/undo", undo_fields(html))
        assert response["Location"] == "/"
        assert not ModelRun.objects.filter(deleted_at__isnull=False).exists()


def test_deleting_an_experiment_can_be_undone(client):
    experiment = plain_experiment(name="Mine")
    plain_run(experiment=experiment)

    mark = f"{experiment.get_absolute_url()}/mark"
    html = client.post(mark, {"action": "delete"}, follow=True).content.decode()
    assert "“Mine” was deleted with its runs." in html
    assert client.get(experiment.get_absolute_url()).status_code == 404

    client.post(f"{TRASH}/undo", undo_fields(html))
    assert client.get(experiment.get_absolute_url()).status_code == 200
    assert not ModelRun.objects.filter(deleted_at__isnull=False).exists()


class TestTrash:
    def test_an_empty_one(self, client):
        assert "Nothing here" in client.get(TRASH).content.decode()

    def test_one_by_one_and_several(self, client):
        runs = [plain_run(name=f"R{i}") for i in range(3)]
        for run in runs:
            run_delete(run=run)
        keys = [str(run.pk) for run in runs]

        html = client.get(TRASH).content.decode()
        assert [n for n in ("R0", "R1", "R2") if f">{n}<" in html] == ["R0", "R1", "R2"]

        client.post(TRASH, {"only": keys[0], "runs": keys[1]})
        gone = ModelRun.objects.filter(deleted_at__isnull=False)
        assert set(gone.all()) == {runs[1], runs[2]}
        client.post(TRASH, {"runs": keys[1:]})
        assert not gone.exists()

    def test_runs_that_went_with_their_experiment_are_counted_there(self, client):
        experiment = plain_experiment(name="Gone")
        run = plain_run(experiment=experiment, name="Inside")
        experiment_delete(experiment=experiment)

        assert "Inside" not in client.get(TRASH).content.decode()
        html = client.get(f"{TRASH}?kind=experiments").content.decode()
        assert "with 1 run" in html

        client.post(f"{TRASH}?kind=experiments", {"only": str(experiment.pk)})
        run.refresh_from_db()
        assert run.deleted_at is None

    @pytest.mark.parametrize("query", ["?kind=x", "?cursor=x"])
    def test_an_address_that_makes_no_sense(self, client, query):
        assert client.get(TRASH + query).status_code == 422

    def test_picks_that_make_no_sense(self, client):
        assert client.post(TRASH, {"runs": "x"}).status_code == 422
        assert (
            client.post(f"{TRASH}?kind=experiments", {"only": "x"}).status_code == 404
        )
        assert client.post(f"{TRASH}?kind=x", {"only": "x"}).status_code == 302
        for moment in ("", "x", "2020-01-01", "2020-99-01T00:00:00+00:00"):
            assert client.post(f"{TRASH}/undo", {"moment": moment}).status_code == 422

    def test_at_a_cost_that_does_not_grow(self, client, django_assert_max_num_queries):
        for _ in range(60):
            run_delete(run=plain_run())

        with django_assert_max_num_queries(MAX_QUERIES):
            html = client.get(TRASH).content.decode()
        assert "50 of 60" in html
        assert "Next 50" in html


def test_a_run_at_work_can_be_organised_too(client):
    run = make_run()

    html = client.get(run.get_absolute_url()).content.decode()

    assert f'href="{words(run)}"' in html
    assert 'value="delete"' in html
