"""The report as a PDF: what the page says, each time the same bytes."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime

import pytest

from experiments.api import pictures
from experiments.artifacts import spare
from experiments.artifacts.store import run_store
from experiments.selectors.runs import run_document
from experiments.services.pdf_layout import laid_out
from experiments.services.runs import run_update
from experiments.templatetags.honesty import luck_of
from experiments.templatetags.lab_format import percent, probability, ratio
from jobs.models import Job
from tests.experiments.test_picture import done
from tests.factories import finished_run, make_run
from tests.quantlab.test_api import assert_error

REAL = {"provider": "builtin", "symbol": "SP500", "start": "2016-01-04"}
REAL |= {"end": "2018-12-31"}
ESCAPED = {b"\\r": b"\r", b"\\n": b"\n", b"\\(": b"(", b"\\)": b")", b"\\\\": b"\\"}


def _plain(found):
    return ESCAPED[found[0]]


def words_of(content: bytes) -> str:
    """Return the words of a PDF, by what its fonts say that their signs stand for."""
    fonts = [
        {int(a, 16): chr(int(b, 16)) for a, b in re.findall(rb"<(\w{4})> <(\w{4})>", m)}
        for m in re.findall(rb"beginbfchar(.*?)endbfchar", content, re.DOTALL)
    ]
    words = []
    for packed in re.findall(rb"stream\n(x.*?)\nendstream", content, re.DOTALL):
        try:
            page = zlib.decompress(packed)
        except zlib.error:  # of a picture, cut at a line of its own
            continue
        for font, signs in re.findall(
            rb"/F(\d) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj", page, re.DOTALL
        ):
            if font:
                known = fonts[int(font) - 1]
                continue
            raw = re.sub(
                rb"\\.", lambda found: ESCAPED[found[0]], signs, flags=re.DOTALL
            )
            pairs = zip(raw[::2], raw[1::2], strict=True)
            words.append("".join(known.get(256 * a + b, "") for a, b in pairs))
    return " ".join(" ".join(words).split())


@pytest.fixture
def run(db, monkeypatch):
    monkeypatch.setattr(pictures, "WAIT_S", 0.0)
    return finished_run(changes=REAL)


def asked(client, run, **headers):
    return client.get(f"/api/runs/{run.pk}/report?format=pdf", headers=headers)


def made(client, run):
    """Return the PDF once its job is done."""
    assert asked(client, run).status_code == 202
    done(Job.objects.filter(kind="picture").latest("created_at"))
    return asked(client, run)


def test_it_says_what_the_page_says_and_is_the_same_again(client, run):
    run_update(run=run, changes={"name": "Средняя 株", "notes": "**why** <script>"})

    answer = made(client, run)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")
    words, luck = words_of(answer.content), luck_of(run_document(run))
    assert f"{ratio(luck.sharpe)} Sharpe, ± {ratio(luck.se)}" in words
    assert f"DSR, wanted 0.95 {probability(luck.dsr)}" in words
    assert f"{percent(run.metrics['max_drawdown'])} %" in words
    for one in (
        "Средняя \ufffd",
        "1 letter",
        "why <script>",
        "1 of ",
        run.manifest_sha,
    ):
        assert one in words, one
    assert answer.content.count(b"/Subtype /Image") == 3
    spare.clear(spare.PICTURES)
    assert made(client, run).content == answer.content


def test_its_etag_is_its_hash_until_more_is_known(client, run):
    answer = made(client, run)

    assert answer["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": answer["ETag"]}
    assert asked(client, run, **known).status_code == 304
    head = client.head(f"/api/runs/{run.pk}/report?format=pdf")
    assert head["ETag"] == answer["ETag"]
    finished_run(changes=REAL | {"strategy": {"params": {"fast": 7}}})  # one more trial
    assert asked(client, run, **known).status_code == 202


def test_what_has_none(client, run):
    assert_error(asked(client, make_run()), 409, "conflict")
    nothing = "/api/runs/00000000-0000-4000-8000-000000000000/report?format=pdf"
    assert_error(client.get(nothing), 404, "not_found")
    (run_store().root / str(run.pk) / "bars.parquet").write_bytes(b"PAR1")
    assert_error(asked(client, run), 409, "file_damaged")
    assert not Job.objects.filter(kind="picture").exists()


def test_a_long_table_goes_on_over_pages_and_long_words_are_broken():
    row = "<tr><td>{n}</td><td class='num u4'>1.0</td></tr>"
    rows = "".join(row.format(n=n) for n in range(90))
    html = f"<h1>{'W' * 300}</h1><table class='heat'>{rows}</table><h2>Last</h2>"
    when = datetime(2020, 1, 1, tzinfo=UTC)

    content = laid_out(html, {}, title="t", made_at=when)

    assert "89 1.0" in words_of(content)
    assert content.count(b"/Type /Page\n") == 3
