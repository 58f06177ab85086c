"""Whoever means harm finds nothing: every address, asked the way an attack asks.

`make torture` asks each in every way; `make test` in one way after the other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import cycle, islice, product
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from experiments.api import pictures, questions
from experiments.models import SavedView
from experiments.selectors.expressions import completions
from experiments.selectors.universes import universe_in
from experiments.services.watchlists import watchlist_create
from quantlab.access.auth import LAB_USER
from quantlab.api import api
from tests.addresses import addresses
from tests.experiments.rows import plain_experiment
from tests.factories import finished_run
from tests.jobs.rows import add_lines
from tests.sizes import IS_TORTURE

pytestmark = pytest.mark.django_db

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://[evil"},  # no address at all
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "https://testserver"},  # another scheme is another origin
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "testserver@evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"X-Forwarded-Host": "testserver", "Host": "evil.example"},
)
FORM_TYPES = ("text/plain", "application/x-www-form-urlencoded", "text/html")
HOSTILE = (
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "....//....//....//etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "..\\..\\windows\\win.ini",
    "a\r\nX-Evil: 1",
    "a\nSet-Cookie: evil=1",
    "\x00",
    "' OR 1=1 --",
    "{{7*7}}{% debug %}",
    "\ud7ff\u202e\ufeff",
    "9" * 400,
    "-1",
    "a" * 4_000,
    "[" * 500,
)
WORDS = (  # what pages read from their address
    *("at", "around", "by", "chart", "cursor", "dataset", "expr", "first", "follow"),
    *("format", "from", "kind", "metric", "model", "n", "next", "order", "preset"),
    *("q", "run", "runs", "show", "step", "symbol", "tab", "table", "trip", "version"),
    *("view", "was", "where", "window", "start", "end", "limit", "level", "after"),
)
NAME = "=1+1 <script>alert(1)</script> [x](javascript:alert(1)) \"'><img onerror=x>"
SCHEMA = api.get_openapi_schema()["paths"]


def in_turn(many: list[Any], few: int) -> Iterator[Any]:
    """Yield all of them, or `few` spread over them."""
    return iter(many) if IS_TORTURE else islice(many, 0, None, -(-len(many) // few))


@pytest.fixture
def lab(monkeypatch):
    """Return what the addresses of a lab are asked for whose names mean harm."""
    for asked in (questions, pictures):
        monkeypatch.setattr(asked, "WAIT_S", 0.0)
    experiment = plain_experiment(name=NAME, notes=NAME, tags=["=2+2", "<b>"])
    run = finished_run(experiment=experiment, name=NAME)
    run.notes = NAME
    run.tags = ["=2+2", "<script>alert(2)</script>"]
    run.save()
    finished_run(changes={"execution": {"commission_bps": 9}}, name="@SUM(A1)")
    add_lines(run.job, 2, message=NAME)
    watchlist = watchlist_create(name=NAME[:40].strip(), symbols=["A"])
    SavedView.objects.create(owner=LAB_USER, list="runs", name=NAME[:40].strip())
    return {
        "run_id": str(run.pk),
        "experiment_id": str(experiment.pk),
        "job_id": run.job_id,
        "watchlist_id": str(watchlist.pk),
        "pool": run.pool,
    }


def filled(path: str, lab: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: lab.get(found[1], "1"), path)


def asked(client: Client, address: str) -> bytes:
    """Return the answer, which never is a mistake and never somebody else's file."""
    answer = client.get(address)
    whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code < 500 or answer.status_code == 503, (
        address,
        whole[-300:],
    )
    assert b"root:x:0" not in whole, address
    assert not {"X-Evil"} & set(answer.headers), address
    assert "evil" not in answer.cookies, address
    assert not any("\n" in value for value in answer.headers.values()), address
    return whole


def test_nobody_from_elsewhere_is_let_in(client):
    every = [one for one in addresses() if one not in ("/logout",)]
    chosen = product(every, FOREIGN) if IS_TORTURE else zip(every, cycle(FOREIGN))
    for address, headers in chosen:
        for method in ("GET", "POST"):
            answer = client.generic(method, address, headers=headers)
            assert answer.status_code == 403, (method, address, headers)


def test_nobody_whose_address_is_none_is_of_this_machine(client):
    for address in ("unknown", "8.8.8.8", "[::1]", "fe80::1%eth0"):
        for page in ("/", "/api/runs"):
            answer = client.get(page, REMOTE_ADDR=address)
            assert answer.status_code == 403, address


def multipart(*parts: str) -> str:
    said = "".join(f"--b\r\nContent-Disposition: form-data; {p}\r\n" for p in parts)
    return f"{said}--b--\r\n"


def test_forms_that_cannot_be_read_are_refused(client):
    file = 'name="file"; filename="x.csv"'
    forms = (
        (multipart(*(f'name="a{n}"\r\n\r\n1' for n in range(1_001))), "b"),
        (multipart(*(f"{file}\r\n\r\n1" for _ in range(101))), "b"),
        (multipart(f"{file}\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!"), "b"),
        (multipart('name="dry_run"\r\n\r\n' + "a" * 1_100_000), "b"),
        ("no parts", "b" * 300),
        ("no parts", ""),
    )
    for address in ("/api/import", "/api/datasets/upload", "/import"):
        for form, boundary in forms:
            kind = f"multipart/form-data; boundary={boundary}"
            answer = client.post(address, form, content_type=kind)
            assert answer.status_code in (400, 413), (address, form[:80])
    words = "&".join(f"q={n}" for n in range(1_001))
    for address in ("/api/runs", "/backtesting"):
        assert client.get(f"{address}?{words}").status_code == 400, address


def test_texts_that_are_read_in_one_way_only(db):
    """Each took a quarter of an hour: it was read again from each of its letters."""
    n = 100_000
    blanks, letters = " " * n, "a" * n
    assert universe_in(f"a{blanks}:x") == ["a", ":x"]
    assert universe_in("sp500 : 20") == {"preset_id": "sp500", "cap": 20}
    assert completions(f"{letters}!")["items"] == []
    assert completions(f"{letters}")["items"] == []
    assert completions("1 + ran")["prefix"] == "ran"


def test_a_form_without_its_token_does_nothing():
    careful = Client(enforce_csrf_checks=True)
    pages = [one for one in addresses() if not one.startswith("/api")]
    for address in in_turn(pages, 25):
        answer = careful.post(address, {"name": "x"})
        assert answer.status_code == 403, address


def test_the_api_takes_no_form_of_another_page(client):
    """What a page may send without asking first is none of what the API reads."""
    for path, operations in SCHEMA.items():
        for method in set(UNSAFE) & {one.upper() for one in operations}:
            for kind in FORM_TYPES:
                answer = client.generic(method, filled(path, {}), "x=1", kind)
                assert answer.status_code == 415, (method, path, kind)


def test_paths_that_lead_elsewhere(client):
    texts = [quote(text, safe="%") for text in HOSTILE]
    for text in in_turn(texts, 2):
        found = addresses(dict.fromkeys(names_of_parameters(), text))
        for address in in_turn(list(found), 25):
            asked(client, address)
        asked(client, f"/static/{text}")
        asked(client, f"/static/css/{text}")


def names_of_parameters() -> set[str]:
    known = set(re.findall(r"{(\w+)}", " ".join(SCHEMA)))
    return known | {"key", "feature", "primitive", "preset", "of", "name"}


def test_words_of_an_address_that_mean_harm(client, lab):
    turns = cycle(HOSTILE)
    every = []
    for path, operations in SCHEMA.items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                every.append((filled(path, lab), parameter["name"]))
    pages = [one for one in addresses(lab) if not one.startswith(("/api", "/admin"))]
    every += product(pages, WORDS)
    # A fourth of them: each page is asked for other words than the one before.
    for address, word in in_turn(every[::4], 40):
        asked(client, f"{address}?{word}={quote(next(turns))}")


def test_cursors_that_nobody_gave(client, lab):
    real = client.get("/api/runs?limit=1").json()["next_cursor"]
    assert real
    forged = (real[:-1], real[::-1], f"{real}x", "eyJhIjoxfQ:1:x", "AAAA", "0", "🙂")
    for path, operations in SCHEMA.items():
        listed = operations.get("get", {}).get("parameters", ())
        if "cursor" not in {parameter["name"] for parameter in listed}:
            continue
        others = () if path == "/api/runs" else (real,)
        for cursor in (*forged, *others):
            answer = client.get(f"{filled(path, lab)}?cursor={quote(cursor)}")
            assert 400 <= answer.status_code < 500, (path, cursor)


def test_names_do_nothing_on_pages_and_in_spreadsheets(client, lab):
    sheets = set()
    pages = [one for one in addresses(lab) if not one.startswith(("/api", "/admin"))]
    for address in in_turn(pages, 25):
        page = asked(client, address).decode(errors="replace")
        assert "<script>alert" not in page, address
        assert "<img onerror" not in page, address
        assert not re.search(r'href="\s*javascript:', page), address
        sheets |= set(re.findall(r'href="([^"]*format=csv[^"]*)"', page))
    assert sheets
    for sheet in in_turn(sorted(sheets), 8):
        text = asked(client, sheet.replace("&amp;", "&")).decode()
        for cell in (cell for row in csv.reader(io.StringIO(text)) for cell in row):
            # A minus begins numbers and expressions, which stay what they are; an
            # operator of the catalog alone is no formula.
            assert not re.match(r"[=@+\t\r].*\w", cell), (sheet, cell)
