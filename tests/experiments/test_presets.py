"""Presets: rows and files under safe names, in and out, and runs made of them."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from experiments.artifacts.presets import preset_name, preset_paths
from experiments.models import ModelExperiment, ModelRun, Preset
from experiments.services.presets import preset_create, preset_delete, preset_rename
from experiments.services.trash import trash_undo
from strategies import RunConfig
from strategies.errors import ConfigError
from tests.experiments.rows import plain_experiment
from tests.experiments.test_forms import QUESTION, SENT
from tests.factories import CONFIG, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

API = "/api/presets"


def send(client, method: str, address: str, body=None):
    text = "" if body is None else json.dumps(body)
    return client.generic(method, address, text, "application/json")


def refusal(response) -> tuple[int, str, list[str]]:
    error = response.json()["error"]
    fields = [one["field"] for one in error["details"]["errors"]]
    return response.status_code, error["code"], fields


def saved(name: str = "Trend 5-20", **changes) -> Preset:
    return preset_create(kind="run", name=name, config=CONFIG | changes)


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("SMA 20-50", "SMA 20-50"),
            ("  a   b ", "a b"),
            ("v1.2_x", "v1.2_x"),
            ("Größe", "Größe"),
            ("x" * 60, "x" * 60),
        ],
    )
    def test_as_people_write_them(self, text, name):
        assert preset_name(text) == name
        for path in preset_paths("sweep", text):
            assert path.parent.name == "sweep"

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                " ",
                ".",
                "..",
                "../x",
                "a/b",
                "a\\b",
                "/etc/passwd",
                ".hidden",
                "a..b",
            ),
            *(
                "a.",
                "-a",
                "a\x00b",
                "a\nb/..",
                "x" * 61,
                "~",
                "C:x",
                "a%2fb",
                "a*b",
                "_",
            ),
        ],
    )
    def test_no_trick_with_paths(self, client, home, text):
        with pytest.raises(ConfigError) as caught:
            preset_name(text)

        assert (caught.value.code, caught.value.field) == ("bad_name", "name")
        with pytest.raises(ConfigError):
            preset_create(kind="run", name=text, config=CONFIG)
        assert not list(home.rglob("*"))


class TestFiles:
    def test_a_run_is_kept_where_both_documents_say(self, home):
        preset = saved()

        own = home / "presets" / "run" / "Trend 5-20.json"
        assert own.read_text() == (home / "presets" / "Trend 5-20.json").read_text()
        said = json.loads(own.read_text())
        assert set(said) == {"kind", "name", "config", "created_at", "updated_at"}
        assert said["config"] == preset.config
        assert RunConfig(**said["config"]).config_hash

    def test_another_kind_in_its_own_folder(self, home):
        preset_create(kind="sweep", name="Wide", config={"fast": [1, 2]})

        files = [p for p in home.rglob("*") if p.is_file()]
        assert files == [home / "presets" / "sweep" / "Wide.json"]

    def test_it_follows_the_row(self, home):
        preset = preset_rename(preset=saved(), name="B")
        names = {p.name for p in home.rglob("*.json")}
        assert names == {"B.json"}

        gone = preset_delete(preset=preset)
        assert not list(home.rglob("*.json"))

        assert trash_undo(moment=gone.deleted_at) == 1
        assert {p.name for p in home.rglob("*.json")} == {"B.json"}

    def test_a_file_that_cannot_be_written_keeps_no_row(self, home):
        (home / "presets").write_text("in the way")

        with pytest.raises(OSError, match="presets"):
            saved()

        assert not Preset.objects.exists()


class TestApi:
    def test_kept_read_replaced_renamed_deleted_restored(self, client):
        one = f"{API}/run/Trend%20A"

        made = send(client, "PUT", one, {"config": CONFIG})
        assert made.status_code == 201
        assert made.json()["config"]["strategy"]["params"]["direction"] == "long"
        again = send(client, "PUT", one, {"config": CONFIG | {"seed": 3}})
        assert (again.status_code, again.json()["config"]["seed"]) == (200, 3)
        assert client.get(one).json() == again.json()

        renamed = send(client, "PATCH", one, {"name": "B"}).json()
        assert renamed["links"] == {"self": f"{API}/run/B", "page": "/presets/run/B"}
        assert client.get(one).status_code == 404
        two = renamed["links"]["self"]
        assert client.delete(two).status_code == 204
        assert client.get(two).status_code == 404
        assert send(client, "POST", f"{two}/restore").json()["name"] == "B"
        assert client.get(two).status_code == 200

    def test_create_does_not_replace(self, client):
        body = {"kind": "run", "name": "A", "config": CONFIG}

        made = send(client, "POST", API, body)
        assert (made.status_code, made["Location"]) == (201, f"{API}/run/A")
        assert refusal(send(client, "POST", API, body)) == (409, "conflict", ["name"])

    def test_a_name_can_be_used_again_once_it_is_free(self, client):
        preset_delete(preset=saved("A"))
        saved("A")

        response = send(client, "POST", f"{API}/run/A/restore")

        assert refusal(response) == (409, "conflict", ["name"])

    @pytest.mark.parametrize(
        ("body", "status", "code", "field"),
        [
            ({"kind": "x"}, 422, "unknown_kind", "kind"),
            ({"name": "../x"}, 422, "bad_name", "name"),
            ({"config": []}, 422, "invalid_value", "config"),
            ({"config": {}}, 422, "invalid_value", "config.symbol"),
            ({"config": CONFIG | {"sed": 1}}, 422, "unknown_field", "config.sed"),
            (
                {"config": CONFIG | {"strategy": {"name": "sma_crss"}}},
                *(422, "unknown_strategy", "config.strategy.name"),
            ),
            ({"kind": "sweep", "config": 7}, 422, "invalid_value", "config"),
            ({"more": 1}, 422, "unknown_field", "more"),
        ],
    )
    def test_refusals(self, client, body, status, code, field):
        body = {"kind": "run", "name": "A", "config": CONFIG} | body

        assert refusal(send(client, "POST", API, body)) == (status, code, [field])
        assert not Preset.objects.exists()

    def test_deeper_than_anybody_writes_again(self, client):
        deep: dict = {}
        for _ in range(90):
            deep = {"a": deep}

        body = {"kind": "sweep", "name": "A", "config": deep}
        assert refusal(send(client, "POST", API, body))[:2] == (422, "too_deep")

    def test_a_list_in_pages_by_kind_and_as_a_table(self, client):
        for name in "CAB":
            saved(name)
        preset_create(kind="sweep", name="S", config={})

        first = client.get(f"{API}?kind=run&limit=2").json()
        rest = client.get(f"{API}?kind=run&cursor={first['next_cursor']}").json()

        assert [p["name"] for p in first["items"] + rest["items"]] == ["A", "B", "C"]
        assert client.get(f"{API}?q=s").json()["items"][0]["kind"] == "sweep"
        assert len(client.get(f"{API}?format=csv").content.splitlines()) == 5
        assert client.get(f"{API}?kind=x").status_code == 422

    def test_the_nearest_name_is_told(self, client):
        saved("Trend")

        error = client.get(f"{API}/run/Trand").json()["error"]

        assert error["advice"] == "Did you mean 'Trend'?"


class TestRunning:
    def test_a_reference_fills_the_config_and_explicit_keys_win(self, client):
        preset = saved("Mine", seed=7)
        patch = {"strategy": {"params": {"fast": 8}}}

        run = send(client, "POST", "/api/backtest", {"preset_ref": "Mine"} | patch)

        body = run.json()
        assert run.status_code == 202
        assert body["preset_ref"] == "Mine"
        assert body["config"]["seed"] == 7
        params = body["config"]["strategy"]["params"]
        assert (params["fast"], params["slow"]) == (8, 20)
        assert "preset_ref" not in body["config"]
        preset.refresh_from_db()
        assert preset.config["strategy"]["params"]["fast"] == 5

    def test_it_is_no_part_of_the_hash(self, client):
        saved("Mine")

        one = send(client, "POST", "/api/backtest", {"preset_ref": "Mine"}).json()
        two = send(client, "POST", "/api/backtest", CONFIG).json()

        assert two["reused"] is True
        assert two["id"] == one["id"]

    def test_an_unknown_one_is_named(self, client):
        saved("Mine")

        response = send(client, "POST", "/api/backtest", {"preset_ref": "Mime"})

        assert refusal(response) == (422, "unknown_preset", ["preset_ref"])
        assert response.json()["error"]["advice"] == "Did you mean 'Mine'?"

    def test_a_run_that_has_a_config_takes_none(self, client):
        run = make_run()

        address = f"/api/runs/{run.pk}/rerun"
        response = send(client, "POST", address, {"preset_ref": "Mine"})

        assert refusal(response) == (422, "invalid_value", ["preset_ref"])


def upload(client, *files: tuple[str, bytes], **fields):
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post("/presets", {"presets": sent} | fields, follow=True)


class TestPages:
    def test_an_empty_list_says_how_to_begin(self, client):
        assert "No presets yet" in client.get("/presets").content.decode()

    def test_one_that_this_version_cannot_read_is_listed_too(self, client):
        preset = saved("Old")
        Preset.objects.filter(pk=preset.pk).update(config={"gone": 1})

        assert ">Old<" in client.get("/presets").content.decode()
        assert client.get("/presets/run/Old").status_code == 422

    def test_saved_from_a_run(self, client):
        run = make_run(name="SMA 5/20 (fast)")
        new = f"/presets/new?run={run.pk}"

        assert 'value="SMA 5 20 fast"' in client.get(new).content.decode()
        html = client.post(new, {"name": "Mine"}, follow=True).content.decode()

        assert "Preset “Mine” saved." in html
        assert Preset.objects.get().config == run.config
        taken = client.post(new, {"name": "Mine"})
        assert taken.status_code == 422
        assert "called &#x27;Mine&#x27; already" in taken.content.decode()
        assert client.post(new, {"name": "../x"}).status_code == 422
        assert client.get("/presets/new").status_code == 404

    def test_run_with_changes_which_are_shown_first(self, client):
        saved("Mine")
        shown = client.get("/presets/run/Mine").content.decode()
        assert "Nothing is changed so far." in shown

        sent = SENT | {"param_fast": "7"}
        live = client.post("/presets/run/Mine?validate=1", sent).content.decode()
        assert "<ins>7</ins>" in live
        response = client.post("/presets/run/Mine", sent)

        run = ModelRun.objects.get()
        assert response["Location"] == run.get_absolute_url()
        assert (run.preset_ref, run.config["strategy"]["params"]["fast"]) == ("Mine", 7)

    def test_a_sweep_starts_from_an_experiment_that_has_its_parameters(self, client):
        preset_create(kind="sweep", name="S 1", config={"space": {"fast": [2, 3]}})
        address = "/presets/sweep/S%201"
        assert f'href="{address}"' in client.get("/presets").text
        assert "No experiment fits" in client.get(address).text
        fits = plain_experiment(name="Fits")
        plain_experiment(name="Other", model_key="rsi_reversion", params={})

        page = client.get(address).text
        start = f"/model-lab/experiments/{fits.pk}/sweep?preset=S%201"
        assert "Fits" in page
        assert "Other" not in page
        assert f'href="{start}"' in page
        assert "No experiment matches" in client.get(f"{address}?q=nothing").text
        assert 'value="2, 3"' in client.get(start).text

        sent = QUESTION | {"name": "Made for it"}
        answer = client.post(f"{address}/experiment", sent)
        made = ModelExperiment.objects.get(name="Made for it")
        assert answer["Location"] == (
            f"/model-lab/experiments/{made.pk}/sweep?preset=S+1"
        )
        assert client.get("/presets/sweep/none/experiment").status_code == 404

    def test_a_preset_that_no_sweep_can_be_is_refused_in_words(self, client):
        preset_create(kind="sweep", name="S", config={"space": 7})
        start = f"/model-lab/experiments/{plain_experiment().pk}/sweep?preset=S"
        assert client.get("/presets").status_code == 200
        assert client.get("/presets/sweep/S").status_code == 200
        assert client.get(start).status_code == 422

    def test_renamed(self, client):
        saved("A")
        saved("B")

        assert client.post("/presets/run/A/name", {"name": "B"}).status_code == 422
        assert client.post("/presets/run/A/name", {"name": "C"}).status_code == 302
        assert set(Preset.objects.values_list("name", flat=True)) == {"B", "C"}

    def test_deleted_and_undone(self, client):
        saved("A")

        html = client.post("/presets/run/A/delete", follow=True).content.decode()
        assert "Preset “A” deleted." in html
        [moment] = re.findall(r'name="moment" value="([^"]*)"', html)
        client.post("/model-lab/trash/undo", {"moment": unescape(moment)})

        assert client.get(f"{API}/run/A").status_code == 200

    def test_restored_from_the_trash(self, client):
        preset = preset_delete(preset=saved("A"))
        trash = "/model-lab/trash?kind=presets"

        assert ">A<" in client.get(trash).content.decode()
        client.post(trash, {"only": str(preset.pk)})

        assert client.get(f"{API}/run/A").status_code == 200
        assert client.post(trash, {"only": str(preset.pk)}).status_code == 404
        assert client.post(trash, {"only": "x"}).status_code == 404

    def test_what_was_exported_is_imported_as_it_was(self, client):
        preset = saved("A", seed=5)
        exported = client.get(f"{API}/run/A").content
        preset_delete(preset=preset)

        html = upload(client, ("renamed.json", exported)).content.decode()

        assert "1 imported: A." in html
        assert Preset.objects.get(deleted_at=None).config == preset.config

    def test_a_bare_config_is_named_by_its_file(self, client):
        config = json.dumps(CONFIG | {"preset_ref": "x"}).encode()

        upload(client, ("My rule.json", config))

        assert Preset.objects.get().name == "My rule"

    def test_replaced_only_when_asked(self, client):
        saved("A")
        file = ("A.json", json.dumps(CONFIG | {"seed": 9}).encode())

        assert upload(client, file).status_code == 422
        assert Preset.objects.get().config["seed"] == 0
        assert upload(client, file, replace="on").status_code == 200
        assert Preset.objects.get().config["seed"] == 9

    def test_refusals_are_listed_and_the_rest_is_kept(self, client):
        files = [
            ("good.json", json.dumps(CONFIG).encode()),
            ("broken.json", b"{"),
            ("list.json", b"[]"),
            ("nan.json", b'{"config": {"seed": NaN}}'),
            ("typo.json", json.dumps(CONFIG | {"sed": 1}).encode()),
            ("..json", json.dumps(CONFIG).encode()),
            ("path.json", json.dumps({"name": "../x", "config": CONFIG}).encode()),
            ("kind.json", json.dumps({"kind": "x", "config": {}}).encode()),
            ("binary.json", b"\xff\xfe\x00"),
            ("<b>.json", b"1"),
        ]

        response = upload(client, *files)

        html = response.content.decode()
        assert response.status_code == 422
        assert "9 files refused" in html
        assert "&lt;b&gt;.json" in html
        assert Preset.objects.get().name == "good"

    def test_too_large_and_nothing_at_all(self, client, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3_000_000

        big = upload(client, ("big.json", b" " * 1_000_001))

        assert "larger than 1 MB" in big.content.decode()
        assert upload(client).status_code == 422
        assert upload(client, ("empty.json", b"")).status_code == 422


class TestAnyOtherSetting:
    """The JSON field of every form that ends in a run."""

    def shown(self, client, patch: str) -> str:
        run = make_run()
        sent = SENT | {"patch": patch}
        address = f"{run.get_absolute_url()}/rerun?validate=1"
        return client.post(address, sent).content.decode()

    @pytest.mark.parametrize(
        "patch",
        ['{"execution": {"fill": "close"}}', '{"execution.fill": "close"}'],
    )
    def test_any_path_is_changed_and_shown(self, client, patch):
        html = self.shown(client, patch)

        assert "<del>open</del> <ins>close</ins>" in html
        assert "id_patch_error" not in html
        assert '<details class="fold" open>' in html

    def test_it_counts_over_the_fields(self, client):
        html = self.shown(client, '{"strategy.params.fast": 9, "seed": 4}')

        assert "<ins>9</ins>" in html
        assert "<ins>4</ins>" in html

    def test_another_strategy_starts_from_its_defaults(self, client):
        html = self.shown(client, '{"strategy": {"name": "rsi_reversion"}}')

        assert "<ins>rsi_reversion</ins>" in html
        assert "_error" not in html

    @pytest.mark.parametrize(
        ("patch", "words"),
        [
            ("{", "This is not JSON"),
            ("[1]", "An object is needed"),
            ('{"seed": NaN}', "a finite number is needed"),
            ('{"a": "\\ud800"}', "no character"),
            ('{"execution.fil": "close"}', "fil is not a known key"),
            ('{"strategy.params.fast": 0}', "fast"),
            ('{"name": "x"}', "is not a known key"),
            ('{"preset_ref": "x"}', "is not a known key"),
            ('{"seed": -1}', "must be at least 0"),
            ("[" * 5000, "This is not JSON"),
            ('{"": 1}', "is not a known key"),
        ],
    )
    def test_a_mistake_stands_at_the_field(self, client, patch, words):
        html = self.shown(client, patch)

        error = html.split('id="id_patch_error">')[1].split("</span>")[0]
        assert words in unescape(error)

    def test_it_is_run(self, client):
        run = make_run()

        sent = SENT | {"patch": '{"execution.fill": "close"}'}
        client.post(f"{run.get_absolute_url()}/rerun", sent)

        newest = ModelRun.objects.order_by("-created_at").first()
        assert newest.config["execution"]["fill"] == "close"
