"""Every form prints the body it sends; sent to the printed address it does the same."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib import import_module

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile

from experiments.models import (
    Dataset,
    ModelExperiment,
    ModelRun,
    Preset,
    RetentionRule,
    Rule,
    Watchlist,
)
from experiments.models.broker import BrokerOrder
from experiments.services.presets import preset_create
from experiments.services.retention import retention_rule_set
from experiments.services.watchlists import watchlist_create
from experiments.views.form_calls import FORMS
from quantlab.access.models import ApiKey
from quantlab.web.forms import BodyForm
from tests.experiments.rows import plain_experiment
from tests.factories import CONFIG, finished_run, make_run
from tests.lab import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
# What is sent is a file each, or a part of what the API takes as a whole.
WITHOUT = {"GuardrailsForm", "ImportForm", "Options", "ReadingForm"}
SHARED = {"BodyForm", "ConfigForm"}


def printed(page):
    """Return method, path and body that a page prints for its form."""
    html = page.content.decode()
    door = re.search(r'<p class="sub"><code>([A-Z]+) (/api/[^<]*)</code>', html)
    body = re.search(r'(?s)<code id="body-form"[^>]*>(.*?)</code>', html)
    return door[1], unescape(door[2]), json.loads(unescape(body[1]))


def filled(client, address, changes):
    """Return what a browser would send of a page in which this was changed."""
    first = client.get(address).context["form"].as_sent.data
    return {k: v for k, v in first.items() if v is not None} | changes


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


def told(client, address, changes):
    """Return what a form sends, and the drawer that says so when it asks."""
    said = filled(client, address, changes)
    page = client.post(f"{address}{'&' if '?' in address else '?'}body=1", said)
    assert "<html" not in page.content.decode()
    return said, page


def test_a_thing_that_is_kept_and_its_body_are_the_same(client):
    run, listed = finished_run(), {"name": "Two", "symbols": "AAPL, MSFT"}
    cases = {
        "/watchlists/new": (listed, Watchlist, ("symbols", "visibility")),
        f"/presets/new?run={run.pk}": ({"name": "Mine"}, Preset, ("kind", "config")),
        "/broker": (
            {"symbol": "AAPL", "qty": "2.5", "order_type": "lmt", "limit_price": "9"},
            BrokerOrder,
            ("symbol", "side", "qty", "order_type", "limit_price", "status"),
        ),
        "/settings/keys": (
            {"owner": "ann", "label": "notebook", "until": "2027-01-31"},
            ApiKey,
            ("owner", "label", "scope", "expires_at"),
        ),
        "/datasets/fetch": (
            {"symbols": "AAPL MSFT", "provider": "yfinance", "start": "2020-01-02"},
            Dataset,
            ("kind", "name", "options"),
        ),
    }
    for address, (changes, model, fields) in cases.items():
        said, page = told(client, address, changes)
        assert model.objects.count() == 0, address
        done = client.post(address, said)
        assert done.status_code in (201, 302), address
        method, path, body = printed(page)
        other = body | ({"name": "Another"} if "name" in body else {})
        answer = client.generic(method, path, json.dumps(other), "application/json")
        assert answer.status_code < 300, answer.content
        first, second = model.objects.order_by("created_at").values(*fields)
        assert first == second, address
    made = client.post("/settings/keys", {"owner": "eve", "scope": "read"})
    secret = re.search(r'id="key-text">([^<]+)<', made.content.decode())[1]
    assert made.content.decode().count(secret) == 1


def test_a_change_and_its_body_are_the_same(client):
    run, question = finished_run(), plain_experiment()
    watchlist = watchlist_create(name="Two", symbols=["AAPL"], visibility="private")
    preset_create(kind="run", name="Mine", config=CONFIG)
    words = {"name": "Better", "new_tags": "b, a", "notes": "why"}
    stated = {"cause": "Habit", "effect": "Growth", "planned_trials": "9"}
    retention_rule_set(rule=Rule(), nightly=False)
    cases = {
        f"/model-lab/runs/{run.pk}/words": (words, run),
        f"/model-lab/experiments/{question.pk}/words": (words | stated, question),
        f"/watchlists/{watchlist.pk}": ({"symbols": "MSFT IBM"}, watchlist),
        "/presets/run/Mine/name": ({"name": "Yours"}, Preset.objects.get()),
        f"/share/watchlist/{watchlist.pk}": ({"visibility": "public"}, watchlist),
        "/system/retention": ({"days": "30", "most_mb": "5"}, None),
    }
    for address, (changes, row) in cases.items():
        said, page = told(client, address, changes)
        kept = row if row is not None else RetentionRule.objects.get()
        rows = type(kept).objects.filter(pk=kept.pk)
        before = rows.values().get()
        send(client, page)
        by_body = rows.values().get()
        assert by_body != before, address
        rows.update(**before)
        done = client.post(address, said | {"action": "keep"})
        assert done.status_code == 302, re.findall(r"field-error.*", str(done.content))
        differ = {k for k, v in rows.values().get().items() if v != by_body[k]}
        assert differ <= {"updated_at", "hypothesis"}, address


def test_a_file_goes_with_the_fields_that_are_printed(client):
    bars = b"date,open,high,low,close\n2024-01-02,1,2,1,2\n2024-01-03,2,3,2,3\n"
    said, page = told(client, "/datasets/upload", {"symbol": "ACME"})
    method, path, body = printed(page)
    assert (method, path) == ("POST", "/api/datasets/upload")
    assert "-F file=@bars.csv" in unescape(page.content.decode())
    client.post("/datasets/upload", said | {"file": SimpleUploadedFile("a.csv", bars)})
    fields = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    sent = client.post(path, fields | {"file": SimpleUploadedFile("a.csv", bars)})
    assert sent.status_code < 300, sent.content
    first, second = Dataset.objects.order_by("created_at").values("options", "raw_sha")
    assert first == second
    assert printed(client.get("/import"))[1] == "/api/import"


def test_every_form_has_a_door_of_the_api():
    known = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    words = {path: re.sub(r"\{[^}]+\}", "{}", path) for path in known}
    doors = {(words[path], verb.upper()) for path in known for verb in known[path]}
    for page, door in FORMS.items():
        assert (re.sub(r"\{[^}]+\}", "{}", door.path), door.method) in doors, page
    silent = {
        one.__name__
        for path in (ROOT / "experiments" / "forms").glob("*.py")
        for one in vars(import_module(f"experiments.forms.{path.stem}")).values()
        if isinstance(one, type)
        and issubclass(one, forms.Form)
        and getattr(one, "request", BodyForm.request) is BodyForm.request
    }
    assert silent == WITHOUT | SHARED


# Where a person fills something in and no body is printed, and what is there instead.
SILENT = {
    "components/saved_views.html": "a name: POST /api/views",
    "experiments/saved_views.html": "a name: PATCH /api/views/{view_id}",
    "experiments/_expression_saved.html": "a name: POST /api/strategies",
    "experiments/presets.html": "files: PUT /api/presets/{kind}/{name} of each",
    "experiments/dataset_form.html": "a file read anew: the API is sent it again",
    "experiments/_catalog_preview.html": "a question, answered below it",
    "login.html": "a key, which is never printed",
    "settings.html": "how this browser shows the lab",
}
FILLED_IN = r"components/field\.html|<textarea|<select|<input(?![^>]*type=.hidden)"


def test_no_form_is_filled_in_without_its_body():
    folder, silent = ROOT / "templates", set()
    for path in folder.rglob("*.html"):
        html = path.read_text()
        for form in re.findall(r'(?s)<form\b[^>]*method="post".*?</form>', html):
            has_drawer = "form_call.html" in html
            has_drawer |= bool(re.match(r'<form[^>]*id="(sent-form|words)"', form))
            if re.search(FILLED_IN, form) and not has_drawer:
                silent.add(path.relative_to(folder).as_posix())
    assert silent == SILENT.keys()
