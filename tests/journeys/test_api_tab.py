"""The calls that the page of a run prints do what they say, word for word."""

from __future__ import annotations

import hashlib
import json
import urllib.request

import pytest

from experiments.templatetags.lab_format import exact
from tests.calls import answer_to, calls_in, python_said

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
    calls = calls_in(tab("api"))
    assert list(calls) == [f"{kind}-{n}" for n in CALLS for kind in ("curl", "python")]
    return calls


def said(*values):
    """Return what print writes."""
    return " ".join(map(str, values))


@pytest.fixture
def curl(printed, tmp_path):
    def call(name):
        return answer_to(printed[f"curl-{name}"], tmp_path) or tmp_path

    return call


@pytest.fixture(scope="module")
def pythons(printed, tmp_path_factory):
    """Return what each Python call printed, and where its files are."""
    folder = tmp_path_factory.mktemp("python")
    found = python_said([printed[f"python-{name}"] for name in CALLS], folder)
    return dict(zip(CALLS, [words for _, words in found], strict=True)), folder


@pytest.fixture
def python(pythons):
    words, folder = pythons
    return lambda name: folder if name == "file" else words[name]


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


def test_the_calls_of_a_sweep_read_it_and_find_it_again(lab_url, demo, tmp_path):
    body = {"space": {"slow": [60, 90], "fast": [5, 10]}, "name": "By API"}
    experiment = demo["SMA 20/50"]["experiment_id"]
    address = f"{lab_url}/api/model-lab/experiments/{experiment}/param-sweep"
    ask = f"curl {address} -H 'Content-Type: application/json' -H 'Prefer: wait=20'"
    sweep = answer_to(f"{ask} -d '{json.dumps(body)}'", tmp_path)
    assert sweep["status"] == "succeeded"
    page = f"{lab_url}{sweep['links']['page']}?tab=api"
    with urllib.request.urlopen(page, timeout=30) as answer:
        printed = calls_in(answer.read().decode())

    def call(name):
        return answer_to(printed[f"curl-{name}"], tmp_path)

    best = call("candidates")["items"][0]
    assert best["metrics"]["sharpe"] == sweep["metrics"]["sharpe"]
    assert {call("map")["x_name"], call("map")["y_name"]} == {"fast", "slow"}
    assert (
        call("best")["config"]["strategy"]["params"] | best["params"]
        == (call("best")["config"]["strategy"]["params"])
    )
    again = call("sweep")  # its axes in another order would be another sweep
    assert (again["id"], again["reused"]) == (sweep["id"], True)
    [(_, words)] = python_said([printed["python-importance"]], tmp_path)
    assert words == said(call("importance")["items"])
