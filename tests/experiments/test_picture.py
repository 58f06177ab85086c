"""Pictures: a sheet of charts, drawn whole, once, and never by the web process."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from django.conf import settings

from experiments.api import pictures
from experiments.charts.picture import PAPER, SHEET_PX, Panel, sheet
from experiments.services import picture as service
from experiments.services.picture import ALL, Wanted, picture_draw, picture_order
from experiments.tasks import picture
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from jobs.registry import kind_named
from quantlab.web.problem import Problem
from tests.experiments.rows import plain_run
from tests.factories import finished_run
from tests.quantlab.test_api import assert_error

CONFIG = json.loads((settings.BASE_DIR / "static" / "vega" / "light.json").read_text())
SVG = (
    '<svg class="marks" width="100" height="{height}"><clipPath id="clip1"></clipPath>'
    '<g clip-path="url(#clip1)"></g></svg>'
)
PNG = b"\x89PNG"


@pytest.fixture
def run(db):
    return finished_run()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(pictures, "WAIT_S", 0.0)


def done(job: Job) -> None:
    """Do the work of a picture's job, as a child does."""
    assert lease.claim(job.pk, "me")
    job.refresh_from_db()
    picture(JobContext(job), **job.payload)
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


class TestSheet:
    PANELS = (
        Panel("One", SVG.format(height=50)),
        Panel("Two", SVG.format(height=30), is_half=True),
        Panel("Three", SVG.format(height=40), is_half=True),
        Panel("Four", SVG.format(height=20)),
    )

    def tree(self, title="A & B <script>"):
        text = sheet(title, "words", self.PANELS, CONFIG, "dark")
        return text, ElementTree.fromstring(text)

    def test_halves_stand_side_by_side_and_nothing_overlaps(self):
        _, root = self.tree()
        places = [
            (float(one.get("x")), float(one.get("y")), float(one.get("height")))
            for one in root.iter()
            if one.get("class") == "marks"
        ]

        (_, one, high), (x2, two, _), (x3, three, tall), (_, four, _) = places
        assert one + high < two == three
        assert x2 < x3
        assert three + tall < four
        assert float(root.get("height")) > four + 20
        assert root.get("width") == str(SHEET_PX)

    def test_what_a_drawing_refers_to_is_its_own(self):
        text, _ = self.tree()

        ids = re.findall(r'id="([^"]+)"', text)
        assert len(set(ids)) == len(ids) == 4
        assert re.findall(r"url\(#([^)]+)\)", text) == ids

    def test_words_are_words(self):
        text, _ = self.tree()

        assert "A &amp; B &lt;script&gt;" in text
        assert PAPER["dark"] in text


class TestDrawing:
    def test_a_child_draws_what_was_asked_for(self, run):
        for wanted in (Wanted(name=ALL), Wanted(name="months", form="svg")):
            done(picture_order(run=run, wanted=wanted))

            content = wanted.path(run).read_bytes()
            assert content.startswith(PNG if wanted.form == "png" else b"<svg")
            assert list(wanted.path(run).parent.glob(f".{run.pk}*")) == []
        assert settings.QUANT_HOME in wanted.path(run).parents
        assert run.manifest_sha[:16] in wanted.path(run).name

    def test_half_a_picture_is_none(self, run, monkeypatch):
        wanted = Wanted(name="years")

        def broken(*args, **options):
            raise OSError("the disk is full")

        monkeypatch.setattr("pathlib.Path.write_bytes", broken)
        with pytest.raises(OSError, match="full"):
            picture_draw(run=run, wanted=wanted)
        assert list(wanted.path(run).parent.glob(f"*{run.pk}*")) == []

    def test_it_is_quick_and_ordered_once(self, run):
        wanted = Wanted(name="equity")
        first = picture_order(run=run, wanted=wanted)

        assert kind_named("picture").quick
        assert first.quick
        assert first.run_id == str(run.pk)
        assert picture_order(run=run, wanted=wanted) == first
        other = Wanted(name="equity", theme="dark")
        assert picture_order(run=run, wanted=other) != first

    def test_what_went_wrong_is_said_and_tried_again_later(self, run, monkeypatch):
        wanted = Wanted(name="equity")
        job = picture_order(run=run, wanted=wanted)
        assert lease.claim(job.pk, "me")
        error = Problem(status=500, message="The pen broke.").inner()
        assert lease.finish(job.pk, "me", JobStatus.FAILED, error=error)

        with pytest.raises(Problem, match="The pen broke") as refused:
            picture_order(run=run, wanted=wanted)
        assert (refused.value.status, refused.value.code) == (503, "picture_failed")
        Job.objects.filter(pk=job.pk).update(created_at="2020-01-01T00:00:00Z")
        assert picture_order(run=run, wanted=wanted) != job


class TestApi:
    @pytest.fixture(autouse=True)
    def _any_drawing_does(self, monkeypatch):
        def drawn(run, wanted):
            return PNG if wanted.form == "png" else f"<svg {wanted.theme}>".encode()

        monkeypatch.setattr(service, "_drawn", drawn)

    def get(self, client, run, path):
        return client.get(f"/api/runs/{run.pk}/{path}")

    def test_it_is_there_once_it_is_drawn(self, client, run):
        answer = self.get(client, run, "plots.png")
        assert answer.status_code == 202
        assert (answer["Retry-After"], answer["Refresh"]) == ("1", "1")
        job = Job.objects.get(kind="picture")
        assert answer.json()["job_id"] == job.pk
        assert answer["Location"] == answer.json()["links"]["job"]
        assert self.get(client, run, "plots.png").json()["job_id"] == job.pk

        done(job)

        answer = self.get(client, run, "plots.png")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer.content.startswith(PNG)
        assert f"{run.pk}-plots.png" in answer["Content-Disposition"]

    def test_one_chart_in_each_form(self, client, run):
        assert self.get(client, run, "charts/equity").status_code == 202
        answer = self.get(client, run, "charts/equity?format=svg&theme=dark")
        assert answer.status_code == 202
        for job in Job.objects.filter(kind="picture"):
            done(job)

        assert self.get(client, run, "charts/equity").content.startswith(PNG)
        drawn = self.get(client, run, "charts/equity?format=svg&theme=dark")
        assert drawn["Content-Type"] == "image/svg+xml"
        assert drawn.content == b"<svg dark>"

        chart = self.get(client, run, "charts/equity?format=json").json()
        assert chart["name"] == "equity"
        assert chart["spec"]["layer"]
        assert chart["honesty"]["n_trials"] == 0  # made-up bars
        table = self.get(client, run, "charts/equity?format=csv").text
        assert len(table.splitlines()) == len(chart["items"]) + 1

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("charts/pie", 404, "not_found"),
            ("charts/..%2Fx", 404, "not_found"),
            ("charts/equity?format=gif", 422, "invalid_value"),
            ("plots.png?theme=pink", 422, "invalid_value"),
        ],
    )
    def test_what_is_none(self, client, run, path, status, code):
        assert_error(self.get(client, run, path), status, code)
        assert not Job.objects.filter(kind="picture").exists()

    def test_a_run_that_stood_aside_has_nothing_to_draw(self, client, db):
        rule = {"name": "rsi_reversion", "params": {"lower": 1, "upper": 99}}
        run = finished_run(changes={"strategy": rule})
        assert run.metrics["exposure"] == 0

        answer = self.get(client, run, "charts/equity")
        assert_error(answer, 409, "nothing_to_draw")
        assert "No trades" in answer.json()["error"]["message"]

    def test_a_run_without_a_result_has_none(self, client, db):
        assert_error(
            self.get(client, plain_run("running"), "plots.png"), 409, "conflict"
        )
