"""Who sees a preset: its owner, or everybody; a sweep for everybody has guardrails."""

from __future__ import annotations

import re

import pytest

from experiments.models import Preset
from experiments.services.presets import preset_create, preset_update
from tests.access.people import client_of
from tests.experiments.rows import plain_experiment
from tests.experiments.test_presets import API, refusal, send
from tests.factories import CONFIG

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def test_a_public_sweep_needs_guardrails_whoever_asks(client):
    space = {"space": {"fast": [5, 10]}}
    body = {"kind": "sweep", "name": "S", "config": space}
    bare = send(client, "POST", API, body | {"visibility": "public"})
    assert refusal(bare) == (422, "needs_guardrails", ["config.guardrails"])
    assert "keep it private" in bare.json()["error"]["advice"]
    assert send(client, "POST", API, body).json()["visibility"] == "private"
    one = f"{API}/sweep/S"
    shown = send(client, "PATCH", one, {"visibility": "public"})
    assert refusal(shown)[1] == "needs_guardrails"
    for rails, field in (
        ({}, "config.guardrails"),
        ({"sharpe_basis": "bar"}, "config.guardrails"),
        ({"min_trades": -1}, "config.guardrails.min_trades"),
        ({"min_trade": 1}, "config.guardrails.min_trade"),
        ([], "config.guardrails"),
    ):
        config = {"config": space | {"guardrails": rails}, "visibility": "public"}
        assert refusal(send(client, "PUT", one, config))[2] == [field], rails
    whole = {"config": space | {"guardrails": {"min_trades": 50}}}
    kept = send(client, "PUT", one, whole | {"visibility": "public"}).json()
    assert kept["visibility"] == "public"
    assert send(client, "PUT", one, whole).json()["visibility"] == "public"
    assert refusal(send(client, "PUT", one, {"config": space}))[0] == 422
    assert refusal(send(client, "PATCH", one, {"visibility": "all"}))[0] == 422
    page = f"/share/preset/{Preset.objects.get().pk}"
    assert client.post(page, {"visibility": "private"}).status_code == 302
    assert Preset.objects.get().visibility == "private"
    experiment = plain_experiment(model_key="sma_cross")
    started = f"/model-lab/experiments/{experiment.pk}/sweep?preset=S"
    assert client.get(started).status_code == 200


def test_guardrails_are_changed_on_the_page_of_a_sweep(client):
    config = {"space": {"fast": [5, 10]}}
    preset = preset_create(kind="sweep", name="S 1", config=config)
    page, door = "/presets/sweep/S%201", "/presets/sweep/S%201/guardrails"
    sent = {"min_trades": "50", "min_sharpe": "0.5", "sharpe_basis": "year"}

    assert client.post(door, sent).headers["Location"] == page
    preset.refresh_from_db()
    rails = {"min_trades": 50, "min_sharpe": 0.5, "sharpe_basis": "year"}
    assert preset.config == config | {"guardrails": rails}
    shown = client.get(page).content.decode()
    assert re.search(r'value="50"[^>]*id="id_min_trades"', shown)
    for wrong in ({"min_trades": "-1"}, {"max_pbo": "2"}, {"sharpe_basis": "week"}):
        assert client.post(door, sent | wrong).status_code == 422, wrong
    preset_update(preset=preset, visibility="public")
    bare = client.post(door, {"sharpe_basis": "year"})
    assert bare.status_code == 422
    assert "needs guardrails" in bare.content.decode()
    preset_update(preset=preset, visibility="private")
    assert client.post(door, {"sharpe_basis": "bar"}).status_code == 302
    preset.refresh_from_db()
    assert preset.config == config
    assert client.post("/presets/sweep/none/guardrails", sent).status_code == 404


def test_what_somebody_else_keeps_private_is_not_there():
    preset_create(kind="run", name="theirs", config=CONFIG, owner="ann")
    shown = preset_create(
        kind="run", name="shown", config=CONFIG, owner="ann", visibility="public"
    )

    bob = client_of("bob")
    assert bob.get(f"{API}/run/theirs").status_code == 404
    assert bob.get(f"{API}/run/shown").json()["visibility"] == "public"
    listed = bob.get(API).json()["items"]
    assert [one["name"] for one in listed] == ["shown"]
    assert client_of("ann").get(f"{API}/run/theirs").status_code == 200
    for name in ("theirs", "shown"):
        taken = send(bob, "PUT", f"{API}/run/{name}", {"config": CONFIG})
        assert taken.status_code == 409
    assert shown.owner == "ann"
