"""The calls that the page of a run prints do what they say, word for word."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import urllib.request
from html import unescape

import pytest

from experiments.templatetags.lab_format import exact

NUMBERS = ("total_return", "max_drawdown", "trade_count")
CALLS = ("run", "report", "series", "files", "file", "rerun", "backtest")


@pytest.fixture(scope="module")
def run(demo):
    return demo["SMA 20/50"]


@pytest.fixture(scope="module")
def tab(lab_url, run):
    """Return a function that gives the text of one tab of the run's page."""

    def read(name):
        address = f"{lab_url}{run['links']['page']}?tab={name}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read().decode()

    return read


@pytest.fixture(scope="module")
def printed(tab):
    """Return a function that gives the code with this id."""
    html = tab("api")
    found = re.findall(r'(?s)<code id="([^"]+)">(.*?)</code>', html)
    calls = {name: unescape(code) for name, code in found}
    assert list(calls) == [f"{kind}-{n}" for n in CALLS for kind in ("curl", "python")]
    return calls


def said(*values):
    """Return what print writes."""
    return " ".join(map(str, values))


@pytest.fixture
def curl(printed, tmp_path):
    def call(name):
        command = printed[f"curl-{name}"].replace("curl ", "curl -sSf ", 1)
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, check=True
        )
        return json.loads(done.stdout) if done.stdout else tmp_path

    return call


@pytest.fixture
def python(printed, tmp_path):
    def call(name):
        code = printed[f"python-{name}"]
        command = [sys.executable, "-I", "-c", code]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        return done.stdout.decode().rstrip("\n") if done.stdout else tmp_path

    return call


def test_curl_gives_the_numbers_of_the_page(curl, tab, run):
    one, report = curl("run"), curl("report")
    page = tab("summary")

    assert one["id"] == report["run"]["id"] == run["id"]
    for key in NUMBERS:
        assert one["metrics"][key] == report["metrics"][key]
        assert f'title="{exact(one["metrics"][key])}"' in page
    assert curl("series")["series"]["equity"]["total_points"] == 240  # months


def test_python_gives_the_same(python, curl):
    one, report, series = curl("run"), curl("report"), curl("series")

    assert python("run") == said("succeeded", one["metrics"]["total_return"])
    fall = report["metrics"]["max_drawdown"]
    assert python("report") == said(fall, report["yearly"])
    assert python("series") == said(series["series"]["equity"]["value"][-1])


def test_files_are_those_of_the_manifest(curl, python):
    listed = [(item["name"], item["sha256"]) for item in curl("files")["items"]]
    hashes = dict(listed)

    assert python("files") == said(listed)
    for call in (curl, python):
        content = (call("file") / "equity.parquet").read_bytes()
        assert hashlib.sha256(content).hexdigest() == hashes["equity.parquet"]


@pytest.mark.parametrize("name", ["rerun", "backtest"])
def test_with_nothing_changed_it_is_the_run_that_is_there(curl, python, run, name):
    answer = curl(name)

    # It may be a newer one of the same settings: another test's.
    assert (answer["config_hash"], answer["reused"]) == (run["config_hash"], True)
    assert python(name) == said(answer["id"], True, answer["metrics"])
