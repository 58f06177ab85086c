"""Every form prints the body it sends; sent to the printed address it does the same."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from experiments.models import ModelExperiment, ModelRun
from experiments.services.presets import preset_create
from tests.experiments.rows import plain_experiment
from tests.factories import CONFIG, finished_run, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def printed(page):
    """Return method, path and body that a page prints for its form."""
    html = page.content.decode()
    door = re.search(r'<p class="sub"><code>([A-Z]+) (/api/[^<]*)</code>', html)
    body = re.search(r'(?s)<code id="body-form"[^>]*>(.*?)</code>', html)
    return door[1], unescape(door[2]), json.loads(unescape(body[1]))


def filled(client, address, changes):
    """Return what a browser would send of a page in which this was changed."""
    return {**client.get(address).context["form"].as_sent.data, **changes}


def send(client, page):
    method, path, body = printed(page)
    answer = client.generic(method, path, json.dumps(body), "application/json")
    assert answer.status_code < 300, answer.content
    return answer.json()


def both(client, address, changes, ask="validate=1"):
    """Return what the form made, and what the body that it printed made after it."""
    said = filled(client, address, changes)
    told = client.post(f"{address}{'&' if '?' in address else '?'}{ask}", said)
    assert "Sent like this it is refused" not in told.content.decode()
    done = client.post(address, said)
    assert done.status_code == 302, done.content.decode()[:2000]
    return done["Location"], send(client, told)


def test_a_form_that_starts_work_and_its_body_start_the_same(client):
    run = finished_run()
    own, other = plain_experiment(), make_run(changes={"universe": ["SYN-gbm-7"]})
    preset_create(kind="run", name="Mine", config=CONFIG)
    new = f"/model-lab/experiments/{own.pk}"
    windows = {"train_bars": "300", "test_bars": "100"}
    space = {"from_fast": "5", "to_fast": "9", "step_fast": "2", "list_slow": "20, 30"}
    data = {"universe": "SYN-gbm-1, SYN-gbm-2", "provider": "synthetic"}
    data |= {"shown_provider": "synthetic", "start": "2010-01-04", "end": "2014-01-02"}
    cases = {
        f"{new}/runs/new": {"param_fast": "12", "name": "mine", "patch": '{"seed": 3}'},
        f"/model-lab/runs/{run.pk}/rerun": {"param_fast": "9", "commission_bps": "7"},
        "/presets/run/Mine": {"param_slow": "44"},
        "/backtest": {"expr": "rank(-delta(close, {d}))", "braces": "d = 5"} | data,
        f"{new}/sweep": space,
        f"{new}/sweep?around={other.pk}": space,
        f"{new}/walk-forward": space | windows,
        "/datasets/new": data | {"horizon": "3", "features": ["rsi", "reversal_rank"]},
    }
    for address, changes in cases.items():
        place, answer = both(client, address, changes)
        assert (answer["id"] in place, answer["reused"]) == (True, True), address

    place, answer = both(client, "/strategies/search", data | {"n": "20"})
    assert str(ModelRun.objects.get(job_id=answer["job_id"]).pk) in place

    _, answer = both(client, f"/model-lab/runs/{run.pk}/validate", {"seed": "4"})
    assert answer["reused"]


def test_a_stated_question_and_its_body_are_the_same(client):
    changes = {"name": "Trend", "cause": "Habit", "effect": "Growth", "tags": "a, b"}
    changes |= {"threshold": "0.5", "param_fast": "12", "notes": "as said"}
    both(client, "/model-lab/new", changes)
    first, second = ModelExperiment.objects.order_by("created_at").values()
    assert {key for key in first if first[key] != second[key]} <= {
        *("id", "created_at", "updated_at", "hypothesis")
    }
    stated = {"planned_trials": None} | first["hypothesis"]
    assert stated == {"planned_trials": None} | second["hypothesis"]
    assert stated["cause"] == "Habit"


def test_the_steps_of_a_pipeline_print_one_body(client):
    said = filled(client, "/pipeline/new", {"min_trades": "77", "name": "small"})
    for step in (1, 2, 3):
        told = client.post("/pipeline/new?validate=1", said | {"step": step})
    check = client.post("/pipeline/new", said | {"step": 3, "go": "4"})
    assert printed(check) == printed(told)
    seen = check.context["asked"].plan.plan_hash
    done = client.post("/pipeline/new", said | {"step": 4, "go": "run", "seen": seen})
    answer = send(client, check)
    assert answer["pipeline_run_id"] in done["Location"]
    assert answer["reused"]


def test_a_form_that_is_not_done_says_what_is_missing(client):
    page = client.get("/model-lab/new")
    assert printed(page)[2]["name"] == ""
    assert "<b>Name</b> A value is needed." in page.content.decode()

    address = f"/model-lab/experiments/{plain_experiment().pk}/sweep"
    said = filled(client, address, {"from_fast": "9", "to_fast": "7", "more": "no"})
    region = {"HX-Request": "true", "HX-Target": "search-form"}
    told = client.post(f"{address}?validate=1", said, headers=region)
    assert printed(told)[2]["space"]["fast"] == {"min": 9, "max": 7, "step": 1}
    assert "<b>Any other path</b>" in told.content.decode()
    refused = client.post(address, said)
    assert printed(refused)[2] == printed(told)[2]
