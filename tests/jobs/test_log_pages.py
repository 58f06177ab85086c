"""The log of a job: what is new, what is older, what is looked for."""

from __future__ import annotations

import re

import pytest

from jobs.logs import line_text
from jobs.models import JobLog
from quantlab.web.times import rfc3339
from tests.jobs.rows import NOON, add_lines, make_job
from tests.pages import page, polls, region

pytestmark = pytest.mark.django_db


class TestLog:
    @pytest.fixture
    def job(self):
        job = make_job("running")
        add_lines(job, 499, message="no news", fields={"processed": 7})
        add_lines(job, 1, level="WARNING", event="expr_rejected", message="turnover")
        return job

    def lines(self, html: str) -> list[int]:
        return [int(seq) for seq in re.findall(r'<li id="L(\d+)"', html)]

    def test_the_newest_lines_come_first_and_are_followed(self, client, job):
        html = page(client, f"/jobs/{job.pk}")

        assert self.lines(html) == list(range(301, 501))
        assert "processed=7" in html
        assert 'role="log"' in html
        assert "log-end" in html
        assert polls(html, "log-tail")
        assert ">Stop following<" in html

    def test_who_stops_following_reads_in_peace(self, client, job):
        html = page(client, f"/jobs/{job.pk}?follow=0")

        assert self.lines(html) == list(range(301, 501))
        assert not polls(html, "log-tail")
        assert polls(html, "job-progress")
        assert ">Follow<" in html

    def test_new_lines_are_appended_and_nothing_else(self, client, job):
        address = f"/jobs/{job.pk}?after=500&follow="
        assert region(client, address, "log-tail").status_code == 204

        add_lines(job, 2)
        html = region(client, address, "log-tail").content.decode()

        assert self.lines(html) == [501, 502]
        assert '<ol hx-swap-oob="beforeend:#log-lines">' in html
        assert polls(html, "log-tail")
        assert "after=502" in html
        assert "<section" not in html

    def test_many_new_lines_come_in_turns_and_then_it_ends(self, client):
        job = make_job("succeeded")
        add_lines(job, 501)

        first = region(client, f"/jobs/{job.pk}?after=0", "log-tail").content.decode()
        last = region(client, f"/jobs/{job.pk}?after=500", "log-tail").content.decode()

        assert self.lines(first) == list(range(1, 501))
        assert polls(first, "log-tail")
        assert self.lines(last) == [501]
        assert "hx-trigger" not in last
        assert '<a id="log-follow" hx-swap-oob="delete">' in last

    def test_the_end_of_the_job_is_news(self, client):
        job = make_job("succeeded")
        add_lines(job, 3)

        response = region(client, f"/jobs/{job.pk}?after=3", "log-tail")

        assert response.status_code == 200
        assert b"hx-trigger" not in response.content

    def test_older_lines_are_a_link_away_until_the_first(self, client, job):
        for seen, wanted in ((301, range(101, 301)), (101, range(1, 101))):
            html = page(client, f"/jobs/{job.pk}?before={seen}")
            part = region(client, f"/jobs/{job.pk}?before={seen}", "log-earlier")

            assert self.lines(html) == self.lines(part.content.decode()) == list(wanted)
            assert ">Newest lines<" in html
            assert not polls(html, "log-tail")
            assert (f"before={wanted[0]}" in html) == (wanted[0] > 1)
            assert b"<section" not in part.content

    def test_a_line_has_an_address_with_its_neighbours(self, client, job):
        html = page(client, f"/jobs/{job.pk}")
        [href] = re.findall(r'<li id="L310"><a href="([^"]+)"', html)
        assert href == f"/jobs/{job.pk}?line=310#L310"

        assert self.lines(page(client, href)) == list(range(210, 410))

    def test_level_and_search_keep_each_other(self, client, job):
        html = page(client, f"/jobs/{job.pk}?level=warning&q=TURN&follow=0")

        assert self.lines(html) == [500]
        kept = f'href="/jobs/{job.pk}?level=error&amp;q=TURN&amp;follow=0#job-log"'
        assert kept in html
        assert '<input type="hidden" name="level" value="warning">' in html
        assert 'value="TURN"' in html
        assert "level=warning&amp;q=TURN&amp;format=csv" in html

    def test_nothing_found_is_said(self, client, job):
        assert "No line matches." in page(client, f"/jobs/{job.pk}?level=error")
        assert "No lines yet." in page(client, f"/jobs/{make_job().pk}")
        assert "No lines were written." in page(
            client, f"/jobs/{make_job('failed').pk}"
        )

    @pytest.mark.parametrize(
        "query", ["level=loud", "after=x", "before=-1", "line=1.5", "after=" + "9" * 30]
    )
    def test_nonsense_is_refused_in_words(self, client, job, query):
        response = client.get(f"/jobs/{job.pk}?{query}")

        assert response.status_code == 422
        assert b"data-problem-message" in response.content

    def test_a_job_without_lines(self, client):
        job = make_job()

        html = page(client, f"/jobs/{job.pk}")

        assert polls(html, "log-tail")
        assert region(client, f"/jobs/{job.pk}?after=0", "log-tail").status_code == 204

    def test_the_whole_log_can_be_downloaded(self, client, job):
        html = page(client, f"/jobs/{job.pk}")
        links = dict(re.findall(r'href="([^"]+)" download[^>]*>(\w+)<', html))

        assert sorted(links.values()) == ["CSV", "JSON", "Parquet", "Text"]
        for href, form in links.items():
            answer = client.get(href.replace("&amp;", "&"))
            assert answer.status_code == 200
            if form == "JSON":
                assert len(answer.json()["items"]) == 500
            if form == "Text":
                assert answer["Content-Type"] == "text/plain; charset=utf-8"
                assert answer.content.count(b"\n") == 500

    def test_a_line_of_the_text_is_one_line(self):
        said = {"event": "warned", "message": "a\nb", "level": "WARNING"}
        line = JobLog(ts=NOON, fields={"n": 2}, **said)

        assert line_text(line) == f"{rfc3339(NOON)} WARNING warned  a b  n=2"

    def test_what_handlers_wrote_is_text(self, client):
        job = make_job("running")
        add_lines(job, 1, message="<script>alert(1)</script>", fields={"<i>": "<b>"})

        html = page(client, f"/jobs/{job.pk}")

        assert "<script>alert" not in html
        assert "<b>=" not in html
