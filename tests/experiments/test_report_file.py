"""The report as one file: whole in itself, honest, harmless whatever was written."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from types import SimpleNamespace

import pytest

from experiments.charts.drawing import LEFT, RIGHT, Panel, time_ticks
from experiments.services.report_file import alone
from experiments.services.runs import run_update
from strategies.config import epoch_ms
from tests.factories import finished_run, make_run
from tests.html import Tree
from tests.quantlab.test_api import assert_error

HOSTILE = '<script>alert("x")</script>'
PANEL = Panel(first=0.0, last=10.0, low=0.0, high=4.0, top=20.0, height=100.0)


def asked(client, run, **query):
    return client.get(f"/api/runs/{run.pk}/report", {"format": "html", **query})


class TestDrawing:
    def test_places_by_hand(self):
        assert (PANEL.x(0), PANEL.x(5), PANEL.x(10)) == (
            LEFT,
            (LEFT + RIGHT) / 2,
            RIGHT,
        )
        assert (PANEL.y(0), PANEL.y(1), PANEL.y(4), PANEL.y(9)) == (120, 95, 20, 20)
        log = Panel(
            first=0.0, last=1.0, low=1.0, high=100.0, top=0.0, height=80.0, is_log=True
        )
        assert log.y(10.0) == pytest.approx(40.0)

    def test_a_line_breaks_where_nothing_is_known(self):
        path = PANEL.line([0, 5, 10, 10], [0.0, 4.0, None, 2.0])

        assert path == "M52.0 120.0L466.0 20.0M880.0 70.0"
        band = PANEL.area([0, 5, 10], [0.0, 0.0, None], [4.0, 4.0, None])
        assert band == "M52.0 20.0L466.0 20.0L466.0 120.0L52.0 120.0Z"

    def test_time_is_labelled_by_years_months_days_or_hours(self):
        def words(first, last):
            return [text for _, text in time_ticks(epoch_ms(first), epoch_ms(last))]

        assert words("1999-01-04", "2018-12-31") == [*("2000", "2005", "2010", "2015")]
        assert words("2018-01-15", "2018-06-10") == [
            *("Feb 2018", "Mar 2018", "Apr 2018", "May 2018", "Jun 2018")
        ]
        assert words("2018-01-01", "2018-01-07")[0] == "01 Jan"
        assert words("2018-01-01", "2018-01-02")[-1] == "02 Jan 00:00"


class TestAlone:
    def test_ways_into_the_lab_go_and_words_and_outside_links_stay(self):
        page = (
            '<a class="term" href="/glossary/dsr" title="t">DSR</a> '
            '<a href="/ledger/x">Ledger</a><a class="b" href="?tab=files">Files</a>'
            '<a href="https://a.example">out</a><a href="#here">in</a>'
            '<div hx-get="/x" hx-trigger="load">y</div>'
        )

        assert alone(page) == (
            '<span title="t">DSR</span> '
            '<a href="https://a.example">out</a><a href="#here">in</a><div>y</div>'
        )


@pytest.mark.django_db
class TestFile:
    def test_it_asks_nobody_and_holds_everything(self, client):
        run = finished_run(name=HOSTILE, tags=["<b>"])
        run_update(
            run=run, changes={"notes": f"{HOSTILE} [x](javascript:alert(1)) **b**"}
        )

        response = asked(client, run)

        text = response.content.decode()
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert "inline" in response["Content-Disposition"]
        assert len(response.content) < 600_000
        tree = Tree(text).root
        tags = {element.tag for element in tree.walk()}
        assert not tags & {"script", "link", "img", "iframe", "form", "object", "base"}
        assert not [
            a for e in tree.walk() for a in e.attributes if a.startswith(("on", "hx-"))
        ]
        assert all(re.match("https?:|mailto:|#", link) for link in tree.links())
        assert not re.search(r"url\(|@import|NaN|>None<", text)
        for word in ("Equity and drawdown", "Monthly returns", "Is it luck?", "<b>"):
            assert word.replace("<b>", "&lt;b&gt;") in text
        assert "&lt;script&gt;" in text
        assert run.manifest_sha in text

    def test_every_chart_is_drawn_and_every_sharpe_is_honest(self, client):
        tree = Tree(asked(client, finished_run()).content.decode()).root

        drawings = [e for e in tree.walk() if "drawing" in e.classes]
        assert len(drawings) == 4
        for drawing in drawings:
            paths = [e.attributes["d"] for e in drawing.walk() if e.tag == "path"]
            assert all(re.fullmatch(r"[MLHVZv0-9 .]+", path) for path in paths if path)
        sharpes = [
            e for e in tree.walk() if "sharpe" in e.attributes.get("data-metric", "")
        ]
        assert sharpes
        for one in sharpes:
            around = [one, *one.parents()]
            assert any("data-honesty" in e.attributes for e in around)

    def test_its_own_policy_allows_its_style_and_nothing_else(self, client):
        response = asked(client, finished_run())

        text = response.content.decode()
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
        digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'"
        assert response["Content-Security-Policy"] == policy
        assert f'content="{policy}"' in text

    def test_a_run_without_trades_or_files_has_one_too(self, client):
        idle = {"strategy": {"name": "rsi_reversion", "params": {"lower": 1}}}
        for run in (finished_run(changes=idle), finished_run(persist=False)):
            assert asked(client, run).status_code == 200

    def test_what_has_no_report_has_no_file(self, client):
        assert_error(asked(client, make_run()), 409, "conflict")
        run = SimpleNamespace(pk="00000000-0000-4000-8000-000000000000")
        assert_error(asked(client, run), 404, "not_found")
        response = asked(client, finished_run(), format="docx")
        assert_error(response, 422, "invalid_value")
