"""The trash for scripts: one's own deleted things, each with its way back."""

from __future__ import annotations

import pytest

from experiments.models import Preset
from experiments.services.experiments import experiment_delete
from experiments.services.marks import runs_mark
from experiments.services.presets import preset_delete
from quantlab.web.person import Person, Scope, asked_by
from tests.access.people import LAB_KEY, client_of
from tests.experiments.rows import plain_experiment, plain_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


def rows(client, **query):
    return client.get("/api/trash", query).json()["items"]


def test_what_was_deleted_stands_there_with_its_way_back(client):
    experiment = plain_experiment(name="Trend")
    plain_run(experiment=experiment)
    runs = [plain_run(name=name) for name in ("first", "second")]
    for run in runs:
        runs_mark(action="delete", run_ids=[run.pk])
    experiment_delete(experiment=experiment)
    preset_delete(preset=Preset.objects.create(kind="run", name="Fast one", config={}))

    assert [row["name"] for row in rows(client)] == ["second", "first"]
    [gone] = rows(client, kind="experiments")
    assert (gone["name"], gone["n_runs"]) == ("Trend", 1)
    [preset] = rows(client, kind="presets")
    assert preset["links"]["restore"] == "/api/presets/run/Fast%20one/restore"
    for row in (*rows(client), gone, preset):
        answer = client.post(row["links"]["restore"], content_type="application/json")
        assert answer.status_code == 200, answer.content
    assert not any(rows(client, kind=kind) for kind in ("runs", "experiments"))


def test_it_comes_in_pages_and_as_a_file(client):
    for _ in range(3):
        runs_mark(action="delete", run_ids=[plain_run().pk])

    first = client.get("/api/trash?limit=2").json()
    rest = client.get("/api/trash", {"limit": 2, "cursor": first["next_cursor"]})

    assert len(first["items"]) == 2
    assert (len(rest.json()["items"]), rest.json()["next_cursor"]) == (1, None)
    table = client.get("/api/trash?format=csv").content.decode()
    assert len(table.splitlines()) == 4
    assert_error(client.get("/api/trash?kind=jobs"), 422, "invalid_value")


def test_nobody_finds_there_what_another_threw_away(settings):
    settings.QUANT_API_KEY = LAB_KEY
    with asked_by(Person("ann", Scope.RUN)):
        run = plain_run(name="hers", visibility="public")
        runs_mark(action="delete", run_ids=[run.pk])

    assert [row["owner"] for row in rows(client_of("ann"))] == ["ann"]
    assert rows(client_of("bob")) == []
    assert "hers" not in client_of("bob").get("/model-lab/trash").content.decode()
