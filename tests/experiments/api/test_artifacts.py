"""Files over HTTP: what the manifest lists, byte for byte, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from django.conf import settings

from tests.factories import finished_run, make_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

NAMES = {
    *("config.json", "summary.json", "metrics.json"),
    *("equity.parquet", "drawdown.parquet", "bars.parquet"),
    *("trades.parquet", "round_trips.parquet"),
}


@pytest.fixture
def run():
    return finished_run()


@pytest.fixture
def address(run):
    return f"/api/runs/{run.pk}/artifacts/config.json"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class TestList:
    def test_every_file_can_be_downloaded_whole(self, client, run):
        items = client.get(f"/api/runs/{run.pk}/artifacts").json()["items"]

        assert {item["name"] for item in items} == NAMES
        for item in items:
            assert set(item) == {"name", "path", "sha256", "size", "mime", "links"}
            response = client.get(item["links"]["download"])
            assert response.status_code == 200
            assert len(response.content) == item["size"]
            assert sha256(response.content) == item["sha256"]
            assert response["ETag"] == f'"{item["sha256"]}"'
            assert response["Content-Type"] == item["mime"]

    def test_a_run_has_no_files_before_it_has_ended(self, client):
        body = client.get(f"/api/runs/{make_run().pk}/artifacts").json()

        assert body == {"items": [], "next_cursor": None}

    def test_a_run_may_keep_none(self, client):
        run = finished_run(persist=False)

        assert client.get(f"/api/runs/{run.pk}/artifacts").json()["items"] == []
        for what in ("manifest", "artifacts/config.json"):
            response = client.get(f"/api/runs/{run.pk}/{what}")
            assert_error(response, 409, "conflict")
        response = client.generic("POST", f"/api/runs/{run.pk}/verify")
        assert_error(response, 409, "conflict")


class TestDownload:
    def test_it_never_changes_and_says_so(self, client, run, address):
        response = client.get(address)

        assert "immutable" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]
        assert response["Accept-Ranges"] == "bytes"
        name = f'attachment; filename="{run.pk}-config.json"'
        assert response["Content-Disposition"] == name

    def test_its_head_can_be_asked_for_alone(self, client, run, address):
        for of in (address, f"/api/runs/{run.pk}/manifest"):
            whole, head = client.get(of), client.head(of)
            assert (head.status_code, head.content) == (200, b"")
            assert head["ETag"] == whole["ETag"]

    def test_compression_on_the_way_would_make_it_another_file(self, client, run):
        address = f"/api/runs/{run.pk}/artifacts/metrics.json"

        response = client.get(address, headers={"Accept-Encoding": "gzip"})

        assert response["ETag"] == f'"{sha256(response.content)}"'

    def test_what_is_known_is_not_sent_again(self, client, address):
        etag = client.get(address)["ETag"]

        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            response = client.get(address, headers={"If-None-Match": known})
            assert (response.status_code, response.content) == (304, b"")
            assert response["ETag"] == etag
        changed = client.get(address, headers={"If-None-Match": '"other"'})
        assert changed.status_code == 200

    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [
            ("bytes=0-9", 0, 10),
            ("bytes=5-5", 5, 6),
            ("bytes=10-", 10, None),
            ("bytes=-7", -7, None),
            ("bytes=3-99999999", 3, None),
            ("bytes=-99999999", 0, None),
        ],
    )
    def test_a_range_of_it(self, client, address, asked, start, stop):
        whole = client.get(address).content

        response = client.get(address, headers={"Range": asked})

        assert response.status_code == 206
        assert response.content == whole[start:stop]
        first = whole.index(response.content) if start else 0
        last = first + len(response.content) - 1
        assert response["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
        assert response["Content-Length"] == str(len(response.content))

    @pytest.mark.parametrize(
        "asked",
        ["bytes=9-3", "bytes=-", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b", "x"],
    )
    def test_a_range_that_is_none_is_ignored(self, client, address, asked):
        response = client.get(address, headers={"Range": asked})

        assert response.status_code == 200

    @pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
    def test_a_range_beyond_the_end(self, client, address, asked):
        size = len(client.get(address).content)

        response = client.get(address, headers={"Range": asked})

        assert_error(response, 416, "range_not_satisfiable")
        assert response["Content-Range"] == f"bytes */{size}"

    def test_a_range_of_another_version_is_the_whole(self, client, address):
        headers = {"Range": "bytes=0-1", "If-Range": '"older"'}

        assert client.get(address, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "name", ["secret_key", "..", "..%2F..%2Fsecret_key", "config.json%00", "x.json"]
    )
    def test_a_name_that_is_not_in_the_manifest(self, client, run, name):
        response = client.get(f"/api/runs/{run.pk}/artifacts/{name}")

        assert_error(response, 404, "not_found")

    def test_a_file_beside_the_listed_ones(self, client, run):
        folder = settings.QUANT_HOME / "runs" / str(run.pk)
        (folder / "notes.json").write_text("{}")

        response = client.get(f"/api/runs/{run.pk}/artifacts/notes.json")

        assert_error(response, 404, "not_found")


def test_the_manifest_is_the_bytes_of_its_hash(client, run):
    response = client.get(f"/api/runs/{run.pk}/manifest")

    assert sha256(response.content) == run.manifest_sha
    body = response.json()
    assert body["run_id"] == str(run.pk)
    assert {file["name"] for file in body["files"]} == NAMES
    same = client.get(f"/api/runs/{run.pk}/artifacts/manifest.json")
    assert same.content == response.content


class TestVerify:
    def verify(self, client, run):
        return client.generic("POST", f"/api/runs/{run.pk}/verify").json()

    def test_untouched_files_are_all_right(self, client, run):
        body = self.verify(client, run)

        assert body["ok"] is True
        assert body["checked"] == len(body["files"])
        assert {file["name"] for file in body["files"]} >= NAMES

    def test_one_changed_byte_is_found(self, client, run):
        path = settings.QUANT_HOME / "runs" / str(run.pk) / "trades.parquet"
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)

        body = self.verify(client, run)

        assert body["ok"] is False
        [bad] = [file for file in body["files"] if not file["ok"]]
        assert bad["name"] == "trades.parquet"
        assert bad["actual"] == sha256(bytes(content)) != bad["expected"]

    def test_a_file_that_is_gone_is_found(self, client, run):
        (settings.QUANT_HOME / "runs" / str(run.pk) / "equity.parquet").unlink()

        [bad] = [file for file in self.verify(client, run)["files"] if not file["ok"]]

        assert (bad["name"], bad["actual"]) == ("equity.parquet", None)
        response = client.get(f"/api/runs/{run.pk}/artifacts/equity.parquet")
        assert_error(response, 404, "not_found")
