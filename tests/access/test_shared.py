"""Who may only look finds nothing on a page that answers: this is not yours."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import urlsplit

import pytest

from experiments.api import pictures, questions
from experiments.models import ModelExperiment, Owned, Preset
from experiments.services.presets import preset_create, preset_guard
from jobs.models import Job
from quantlab.web.person import Person, Scope, asked_by
from tests.access.people import (
    JSON,
    client_of,
    client_of_the_lab,
    filled,
    is_of,
    operations,
)
from tests.addresses import addresses
from tests.experiments.rows import plain_run
from tests.factories import finished_sweep
from tests.html import Element, Tree

LISTS = ("/", "/backtesting", "/model-lab", "/strategies", "/presets", "/watchlists")
TABS = ("trades", "validation", "files", "reproduce")
UNSEEN = (403, 404)


@pytest.fixture
def shared(things):
    """What ann has, with a sweep; she shares it all with everybody."""
    with asked_by(Person("ann", Scope.ADMIN)):
        experiment = ModelExperiment.objects.get(pk=things["experiment_id"])
        sweep = finished_sweep(experiment, space={"fast": [3, 4], "slow": [20]})
        preset = Preset.objects.get(name=things["name"])
    known = things | {"sweep_id": str(sweep.pk), "preset_id": str(preset.pk)}
    ann, public = client_of("ann"), {"visibility": "public"}
    for kind in ("experiment", "pipeline", "dataset", "watchlist", "preset"):
        address = f"/api/share/{kind}/{known[f'{kind}_id']}"
        assert ann.put(address, public, content_type=JSON).status_code == 200, kind
    address = f"/api/share/strategy/{known['expr_hash']}"
    assert ann.put(address, public, content_type=JSON).json()["owner"] == "ann"
    return known


@pytest.fixture
def only_the_run(things):
    """Her run alone is shared, and not the experiment that it is of."""
    address = f"/api/share/run/{things['run_id']}"
    client_of("ann").put(address, {"visibility": "public"}, content_type=JSON)
    named = ModelExperiment.everyones.filter(pk=things["experiment_id"])
    named.update(name="unseen")
    return things


def pages(shared: dict[str, str]) -> Iterator[str]:
    own = ("view_id", "job_id", "name")  # the first two are never shared
    ids = [value for key, value in shared.items() if key not in own]
    for one in addresses(shared):
        if any(key in one for key in ids) and not one.startswith(("/api/", "/admin/")):
            yield one
    run, sweep = (f"/model-lab/runs/{shared[key]}" for key in ("run_id", "sweep_id"))
    yield from (f"{run}?tab={tab}" for tab in TABS)
    yield from (sweep, f"{sweep}/candidates/0", *LISTS)
    yield f"/backtesting?sel={shared['run_id']}"
    yield f"/presets/run/{shared['name']}"


def sent_by(form: Element, button: Element) -> dict[str, str]:
    """Return what a browser sends; every text has something written into it."""
    said = {}
    for one in (*form.walk(), button):
        name, kind = one.attributes.get("name"), one.attributes.get("type")
        is_off = kind in ("radio", "checkbox") and "checked" not in one.attributes
        if name and not is_off and (one.tag != "button" or one is button):
            said[name] = one.attributes.get("value") or "x"
    return said


def offered(address: str, page: Tree) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what each button of a page sends, and where."""
    every = list(page.root.walk())
    forms = {one.attributes.get("id"): one for one in every if one.tag == "form"}
    for button in (one for one in every if one.tag == "button"):
        around = next((one for one in button.parents() if one.tag == "form"), None)
        named = button.attributes.get("form")
        form = forms.get(named) if named else around
        is_sent = form is not None and form.attributes.get("method") == "post"
        if is_sent and "formmethod" not in button.attributes:
            action = button.attributes.get("formaction")
            action = action or form.attributes.get("action") or address
            yield action, sent_by(form, button)


def test_nothing_that_is_offered_is_refused(shared):
    bob, refused, links, n = client_of("bob"), [], set(), 0
    done = {"/logout"}
    for address in pages(shared):
        answer = bob.get(address)
        if not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = Tree(answer.content.decode())
        links |= {urlsplit(one).path for one in page.root.links()}
        for action, said in offered(address, page):
            if f"{action} {said}" in done or action in done:
                continue
            done.add(f"{action} {said}")
            n += 1
            if bob.post(action, said).status_code in UNSEEN:
                refused.append((address, action, said))
    assert not refused
    assert n > 4
    hers = re.compile("|".join(shared.values()))
    led = [one for one in links if hers.search(one) and "/api/" not in one]
    led = [one for one in led if "/trades/" not in one and "/charts/" not in one]
    assert len(led) > 8
    assert [one for one in led if bob.get(one).status_code in UNSEEN] == []


def test_its_owner_is_offered_what_others_are_not(shared):
    bob, ann = client_of("bob"), client_of("ann")
    for page, n_more in (
        (f"/model-lab/runs/{shared['run_id']}", 4),
        (f"/model-lab/experiments/{shared['experiment_id']}", 3),
        (f"/pipeline/{shared['pipeline_id']}", 0),
        (f"/datasets/{shared['dataset_id']}", 1),
        (f"/strategies/{shared['expr_hash']}", 1),
        (f"/watchlists/{shared['watchlist_id']}", 1),
        ("/presets", 1),
    ):
        own, theirs = ann.get(page).content.decode(), bob.get(page).content.decode()
        n_own, n = (len(list(offered(page, Tree(one)))) for one in (own, theirs))
        assert n_own >= n + n_more, page
        assert 'title="Who sees it"' in own, page
        said = "public" if page == "/presets" else "ann’s, shared to read"
        assert said in theirs, page


def rows_of(owner: str) -> list[object]:
    """Return all that somebody has, as it is kept."""
    tables = [one.everyones for one in Owned.__subclasses__()] + [Job.objects]
    return [list(one.filter(owner=owner).order_by("pk").values()) for one in tables]


# What of another's may be started from: it becomes one's own.
STARTS = ("rerun", "reproduce", "verify", "validate", "critic", "strategies")
BODIES = {"PATCH": {"name": "mine"}, "PUT": {"visibility": "private", "config": {}}}


def test_what_is_shared_is_read_by_each_door_and_changed_by_none(shared, monkeypatch):
    for one in (pictures, questions):
        monkeypatch.setattr(one, "WAIT_S", 0.0)
    bob, ann, before = client_of("bob"), client_of("ann"), rows_of("ann")
    unlike, done = [], []
    for method, path in operations():
        if not is_of(path, shared) or "job_id" in path or "view_id" in path:
            continue
        address = filled(path, shared)
        if method == "GET":
            answer, own = bob.get(address).status_code, ann.get(address).status_code
            unlike += [(path, answer, own)] * (answer != own)
            continue
        body = json.dumps(BODIES.get(method, {}))
        answer = bob.generic(method, address, body, content_type=JSON)
        done += [(method, path)] * (answer.status_code < 400)
        assert answer.status_code < 500, path
    assert not unlike
    assert [one for one in done if one[1].rpartition("/")[2] not in STARTS] == []
    assert rows_of("ann") == before


def test_a_run_is_shared_without_its_experiment(only_the_run):
    bob, key = client_of("bob"), only_the_run["run_id"]
    for address in (
        f"/model-lab/runs/{key}",
        f"/model-lab/runs/{key}?tab=critic",
        f"/model-lab/compare?runs={key}",
        f"/api/runs/{key}/report?format=html",
        "/backtesting",
    ):
        answer = bob.get(address)
        assert answer.status_code == 200, address
        assert b"unseen" not in answer.getvalue(), address
    with zipfile.ZipFile(BytesIO(bob.get(f"/api/runs/{key}/archive").getvalue())) as z:
        assert not [one for one in z.namelist() if b"unseen" in z.read(one)]
    again = bob.post(f"/api/runs/{key}/rerun", {"force": True}, content_type=JSON)
    assert again.json()["experiment_id"] is None


def test_documents_say_whose_and_lists_are_searched_by_it(only_the_run):
    bob, key = client_of("bob"), only_the_run["run_id"]
    with asked_by(Person("bob", Scope.RUN)):
        own = plain_run()
    of_the_lab = plain_run()
    whose = {str(own.pk): "bob", str(of_the_lab.pk): "", key: "ann"}
    listed = bob.get("/api/runs").json()["items"]
    assert {one["id"]: one["owner"] for one in listed} == whose
    said = bob.get(f"/api/runs/{key}").json()
    assert (said["owner"], said["visibility"]) == ("ann", "public")
    for word, owners in (
        ("me", {"bob"}),
        ("others", {"ann"}),
        ("lab", {""}),
        ("Ann", {"ann"}),
        ("nobody", set()),
    ):
        found = bob.get(f"/api/runs?q=owner:{word}").json()["items"]
        assert {one["owner"] for one in found} == owners, word
    page = bob.get("/backtesting?q=owner%3Aothers").content.decode()
    assert "Shared with me" in page
    assert key in page
    assert str(own.pk) not in page
    for name in ("me", "others", "lab"):
        made = client_of_the_lab().post("/api/keys", {"owner": name}, JSON)
        assert made.status_code == 422, name


def test_who_has_a_key_that_looks_is_shown_nothing_that_sends(only_the_run):
    page = f"/model-lab/runs/{only_the_run['run_id']}"
    reader, runner = client_of("ann", "read"), client_of("ann")
    assert "data-only-looks" in reader.get(page).content.decode()
    assert "data-only-looks" not in runner.get(page).content.decode()
    assert not list(offered(page, Tree(reader.get(page).content.decode())))
    share = reader.get(f"/share/run/{only_the_run['run_id']}").content.decode()
    assert "<fieldset" not in share
    assert reader.get("/settings").content.decode().count("data-for-all") == 1


def test_a_preset_is_shared_at_the_same_place_if_it_is_fit(asks_for_a_key):
    ann, bare = client_of("ann"), {"space": {"fast": [5, 10]}}
    with asked_by(Person("ann", Scope.RUN)):
        preset = preset_create(kind="sweep", name="bare", config=bare)
    page, public = f"/share/preset/{preset.pk}", {"visibility": "public"}
    refused = ann.post(page, public)
    assert refused.status_code == 422
    assert "guardrails" in refused.content.decode()
    assert Preset.everyones.get().visibility == "private"
    assert client_of("bob").get(page).status_code == 404
    with asked_by(Person("ann", Scope.RUN)):
        preset_guard(preset=preset, guardrails={"min_trades": 50})
    assert ann.post(page, public).status_code == 302
    assert "shared with you" in client_of("bob").get(page).content.decode()
    assert ann.get("/share/preset/nothing").status_code == 404
