"""Every page prints how a script gets what it shows; made, the calls give just that."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from contextlib import suppress
from html import unescape

import pytest

from tests.addresses import addresses
from tests.calls import answer_to, calls_in, python_said
from tests.conftest import DEMO_WITHIN_S, answer_of

NO_PAGES = ("/api/", "/admin/")
# Questions and words: nothing on them is of the lab's data.
WITHOUT = {"/keyboard", "/learn", "/model-lab/demo/remove"}
TABS = ("charts", "trades", "breakdown", "validation", "critic", "config")
TABS += ("files", "reproduce", "logs")
ENOUGH = 3
PIPELINES = "/api/models/pipeline/runs"
# Forms, questions, what is computed when first asked for, and lists with little in
# them: they show fewer numbers that tell.
FEW = """
/backtest /broker /catalog/<feature> /catalog/primitives/<primitive> /datasets
/datasets/caches /datasets/fetch /datasets/new /datasets/upload /glossary
/glossary/<key> /import /jobs /jobs/<job_id> /jobs/<job_id>/cancel /ledger/<pool>/luck
/model-lab /model-lab/compare /model-lab/compare-sweeps /model-lab/new
/model-lab/experiments/<experiment_id>/runs/new
/model-lab/experiments/<experiment_id>/sweep
/model-lab/experiments/<experiment_id>/walk-forward
/model-lab/experiments/<experiment_id>/words
/model-lab/runs/<run_id>/cancel /model-lab/runs/<run_id>/rerun
/model-lab/runs/<run_id>/trades/1 /model-lab/runs/<run_id>/validate
/model-lab/runs/<run_id>/words /model-lab/runs/<run_id>?tab=breakdown
/model-lab/runs/<run_id>?tab=charts /model-lab/runs/<run_id>?tab=files
/model-lab/runs/<run_id>?tab=logs /model-lab/runs/<run_id>?tab=reproduce
/model-lab/trash /models /models/<model_id> /models/<model_id>/train /pipeline
/pipeline/new /pipeline/<pipeline_id>/cancel /presets /search /search?q=sma
/settings/keys /statistics /statistics/correlation /statistics/profit
/strategies/search /strategies/<expr_hash>/words /system /system/retention
/system/storage /universes /universes/<universe_id> /views /watchlists /watchlists/new
"""


def html_of(address):
    """Return the page at an address; None where there is none."""
    request = urllib.request.Request(address, headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            is_page = answer.headers.get_content_type() == "text/html"
            return answer.read().decode() if is_page else None
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return None


@pytest.fixture(scope="module")
def pages(lab_url, demo):
    """Return each page by its address, in which what is of this lab has its name."""
    run, held = demo["SMA 20/50"], demo["Buy and hold"]

    def first(path):
        deadline = time.monotonic() + DEMO_WITHIN_S
        while not (found := answer_of(lab_url + path)["items"]):
            assert time.monotonic() < deadline, path
            time.sleep(0.1)
        return found[0]

    of_kind = {
        kind: first(f"/api/runs?status=succeeded&kind={kind}")["id"]
        for kind in ("sweep", "walk_forward")
    }
    known = {
        "uuid:run_id": run["id"],
        "experiment_id": run["experiment_id"],
        "job_id": run["job_id"],
        "key": "max_drawdown",
        "feature": "past_return",
        "primitive": "ts_rank",
        "model_id": "momentum_logit",
        "universe_id": "sp500",
        "pool": run["honesty"]["pool"],
        "expr_hash": first("/api/strategies")["expr_hash"],
        "pipeline_id": first(f"{PIPELINES}?status=stopped")["pipeline_run_id"],
    }
    asked = [
        one for one in addresses(known | {"int:n": "1"}) if not one.startswith(NO_PAGES)
    ]
    asked += [f"/model-lab/runs/{run['id']}?tab={tab}" for tab in TABS]
    sweep, walk = (f"/model-lab/runs/{run_id}" for run_id in of_kind.values())
    asked += [sweep, f"{sweep}?tab=candidates", f"{sweep}/candidates/3"]
    asked += [walk, f"{walk}?tab=windows"]
    asked += [f"/model-lab/compare?runs={run['id']},{held['id']}"]
    asked += ["/backtesting?order=-sharpe&q=sharpe+%3E+0.2", "/search?q=sma"]
    found = {named(one, known | of_kind): html_of(lab_url + one) for one in asked}
    return {address: html for address, html in found.items() if html is not None}


def named(address, known):
    for name, value in known.items():
        address = address.replace(value, f"<{name.rpartition(':')[2]}>")
    return address


def numbers_on(html):
    """Return the numbers that a page shows, above its calls: exact where it is."""
    shown = html.partition('id="calls"')[0]
    exact = re.findall(r'title="(-?\d[\d.e+-]*)"', shown)
    words = unescape(re.sub(r"<[^>]+>", " ", shown))
    return {float(one) for one in exact if _is_number(one)} | {
        float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*\d", words)
    }


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers_in(answer):
    """Yield the numbers of an answer that tell: small whole ones stand everywhere."""
    if isinstance(answer, str) and answer[:1] in ("[", "{"):  # in a cell of a table
        with suppress(ValueError):
            answer = json.loads(answer)
    if isinstance(answer, dict):
        answer = [*answer.values()]
    if isinstance(answer, list):
        for one in answer:
            yield from numbers_in(one)
    elif isinstance(answer, int | float) and (answer % 1 or abs(answer) >= 10):
        yield float(answer)


def is_read_only(code):
    return not re.search(r' -[dF] |"(POST|PUT|PATCH)"|lab\.save', code)


def test_every_page_is_given_by_its_calls(pages, tmp_path):
    drawers = {address: calls_in(html) for address, html in pages.items()}
    assert {address for address, calls in drawers.items() if not calls} == WITHOUT

    printed = {code for calls in drawers.values() for code in calls.values()}
    asked = sorted(filter(is_read_only, printed))
    curls = [code for code in asked if code.startswith("curl")]
    pythons = [code for code in asked if not code.startswith("curl")]
    answers = {code: answer_to(code, tmp_path) for code in curls}
    said = python_said(pythons, tmp_path)
    answers |= {code: answer for code, (answer, _) in zip(pythons, said, strict=True)}
    missing = {}
    for address in pages.keys() - WITHOUT:
        shown = numbers_on(pages[address])
        ways = {"curl": set(), "python": set()}
        for name, code in drawers[address].items():
            if code in answers:
                ways[name.partition("-")[0]] |= {*numbers_in(answers[code])}
        same = [len(shown & way) for way in ways.values()]
        same += [len(shown & ways["curl"] & ways["python"])]
        if min(same) < ENOUGH:
            missing[address] = same
    assert missing.keys() <= {*FEW.split()}, missing
