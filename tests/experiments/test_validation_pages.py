"""The validation tab: a form, then a sentence and a picture for each test."""

from __future__ import annotations

import pytest
from django.urls import reverse

from experiments.models import ModelRun, RunKind
from experiments.services.validation_execute import validation_execute
from tests.experiments.test_forms import SENT, errors_in
from tests.factories import do_run, finished_run, make_run

pytestmark = pytest.mark.django_db

SMALL = {
    "use_permutation": "on",
    "permutation_n": "30",
    "use_block_bootstrap": "on",
    "block_bootstrap_n": "30",
    "use_monte_carlo": "on",
    "monte_carlo_n": "30",
    "use_random_entries": "on",
    "random_entries_n": "30",
    "use_candle_monte_carlo": "on",
    "candle_monte_carlo_n": "3",
    "use_permutation_rerun": "on",
    "permutation_rerun_n": "3",
    "permutation_rerun_space": '{"fast": [3, 5]}',
    "use_cost_stress": "on",
    "cost_stress_bps": "0, 10, 50",
    "use_wfo": "on",
    "wfo_windows": "3",
    "seed": "1",
}

JSON = "application/json"


def tab(client, run, **headers):
    return client.get(f"/model-lab/runs/{run.pk}?tab=validation", headers=headers)


def test_from_the_form_to_the_sentences(client):
    run = finished_run()
    body = tab(client, run).content.decode()
    assert 'id="validation-form"' in body
    assert (
        "none was run yet" in client.get(f"/model-lab/runs/{run.pk}").content.decode()
    )

    address = reverse("experiments:run-validate", args=[run.pk])
    live = {"HX-Request": "true", "HX-Target": "validation-form"}
    told = client.post(f"{address}?validate=1", SMALL, headers=live)
    assert b"<html" not in told.content
    assert b"Draws</dt><dd>126" in told.content
    assert ModelRun.objects.filter(kind=RunKind.VALIDATE).count() == 0
    answer = client.post(address, SMALL)
    assert answer.status_code == 302
    made = ModelRun.objects.get(kind=RunKind.VALIDATE)
    waiting = tab(client, run, **{"HX-Request": "true", "HX-Target": "run-validation"})
    assert b'hx-trigger="every 1s"' in waiting.content
    assert b"<html" not in waiting.content

    do_run(made, validation_execute)
    body = tab(client, run).content.decode()
    assert "every 1s" not in body
    for name in ("permutation", "monte_carlo", "cost_stress", "permutation_rerun"):
        assert f'id="test-{name}"' in body
        if name != "wfo":
            assert f'data-chart="{name}"' in body
    assert "It cannot see trials that are not in the space." in body
    assert body.count("made-up markets") == 3  # of as many it was measured
    assert "likelier one of them is small by chance" in body
    summary = client.get(f"/model-lab/runs/{run.pk}").content.decode()
    assert "permutation, permutation rerun" in summary
    own = client.get(f"/model-lab/runs/{made.pk}").content.decode()
    assert 'id="validation-summary"' in own
    assert client.get(f"/model-lab/runs/{made.pk}?tab=files").status_code == 200


def test_what_a_test_draws_can_be_had_as_a_file(client):
    run = finished_run()
    address = f"/model-lab/runs/{run.pk}/validation"
    assert client.get(f"{address}/permutation?format=csv").status_code == 404
    asked = {"use_permutation": "on", "permutation_n": "9", "seed": "0"}
    client.post(reverse("experiments:run-validate", args=[run.pk]), asked)
    do_run(ModelRun.objects.get(kind=RunKind.VALIDATE), validation_execute)

    drawn = client.get(f"{address}/permutation").json()["items"]
    assert sum(row["count"] for row in drawn) == 9
    assert client.get(f"{address}/monte_carlo").json() == {"items": []}
    for wrong, code in (("tarot", "unknown_test"), ("wfo?format=x", "unknown_format")):
        refused = client.get(f"{address}/{wrong}", headers={"Accept": JSON})
        assert refused.status_code == 422
        assert code in refused.text


def test_what_cannot_be_run_is_told_at_its_field(client):
    run = finished_run()
    address = reverse("experiments:run-validate", args=[run.pk])
    wrong = SMALL | {"permutation_n": "0", "permutation_rerun_space": "{}x"}
    answer = client.post(address, wrong)
    assert answer.status_code == 422
    assert b"An object is needed" in answer.content or b"JSON" in answer.content
    answer = client.post(address, SMALL | {"permutation_n": "0"})
    assert answer.status_code == 422
    assert b'id="id_permutation_n_error"' in answer.content
    assert client.post(address, {"seed": "0"}).status_code == 422
    assert client.get(address).status_code == 200


def test_a_test_without_anything_to_say_says_so(client):
    run = finished_run(changes={"strategy": {"name": "buy_and_hold"}})
    address = reverse("experiments:run-validate", args=[run.pk])
    client.post(address, {"use_permutation": "on", "permutation_n": "9", "seed": "0"})
    do_run(ModelRun.objects.get(kind=RunKind.VALIDATE), validation_execute)
    body = tab(client, run).content.decode()
    assert "not applicable" in body
    assert "so every shift of it is the same" in body


def test_tests_that_outgrow_the_bars_are_refused_while_a_run_is_asked_for(client):
    run = make_run(changes={"validation": {"wfo": {"windows": 4}}})
    address = f"/model-lab/runs/{run.pk}/rerun"
    long = '{"validation": {"candle_monte_carlo": {"block_size": 5000}}}'
    sent = SENT | {"patch": long}

    told = client.post(f"{address}?validate=1", sent)
    assert told.status_code == 200
    assert "A block of 5000 bars" in errors_in(told.text)["patch"]
    assert client.post(address, sent).status_code == 422
    assert ModelRun.objects.count() == 1
