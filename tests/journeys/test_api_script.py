"""A script that knows the API only: ask a question, run it, read, check, vary, stop."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest

from strategies import RunConfig, load_candles, run_backtest

EXPERIMENT = {
    "name": "Trend following on the S&P 500",
    "hypothesis": {
        "cause": "Trends last because people react slowly.",
        "effect": "Holding above the slow mean loses less in long falls.",
        "metric": "sharpe",
        "threshold": 0.3,
        "planned_trials": 3,
    },
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 50},
    "provider": "builtin",
    "universe": ["SP500"],
    "timeframe": "1d",
    "start": "1999-01-04",
    "end": "2018-12-31",
    "cost_model": {"commission_bps": 5, "slippage_bps": 5},
    "tags": ["script"],
}
# Half a million bars: there is time to think better of it.
LONG = {
    "provider": "synthetic",
    "symbol": "SYN-garch-3",
    "timeframe": "1m",
    "end": "2011-01-01",
    "persist": False,
}
COMPARED = ("total_return", "sharpe", "max_drawdown", "trade_count", "n_bars")
ENDED = ("succeeded", "failed", "cancelled")
WITHIN_S = 240


class Answer(NamedTuple):
    status: int
    headers: Any
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Script:
    """HTTP and nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            self.url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def ended(self, run: dict[str, Any]) -> dict[str, Any]:
        """Ask until the run has ended; return it as it is then."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            run = self.get(run["links"]["self"]).body
            if run["status"] in ENDED:
                return run
            time.sleep(0.05)
        raise AssertionError(f"still {run['status']} after {WITHIN_S} s")


@pytest.fixture(scope="module")
def script(lab_url):
    return Script(lab_url)


def computed(config: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics that the library finds for a stored config."""
    own = RunConfig(**config)
    return run_backtest(own, load_candles(own)).metrics


def assert_same_numbers(run: dict[str, Any]) -> None:
    expected = computed(run["config"])
    for key in COMPARED:
        assert run["metrics"][key] == expected[key], key


@pytest.fixture(scope="module")
def experiment(script):
    answer = script.post("/api/model-lab/experiments", EXPERIMENT)
    assert answer.status == 201, answer.content
    assert answer.headers["Location"] == answer.body["links"]["self"]
    return answer.body


@pytest.fixture(scope="module")
def run(script, experiment):
    """The experiment's first run, at its end."""
    answer = script.post(experiment["links"]["run"], {"name": "SMA 20/50"})
    assert answer.status == 202, answer.content
    assert answer.headers["Location"] == answer.body["links"]["self"]
    assert answer.body["reused"] is False
    return script.ended(answer.body)


def test_a_run_gives_the_numbers_of_the_library(script, experiment, run):
    assert run["status"] == "succeeded", run["error"]
    assert (run["experiment_id"], run["name"]) == (experiment["id"], "SMA 20/50")
    assert run["progress"] == 1.0
    assert_same_numbers(run)
    assert run["honesty"]["n_trials"] >= 1

    summary = script.get(experiment["links"]["self"]).body
    assert summary["run_counts"]["succeeded"] >= 1
    job = script.get(run["links"]["job"]).body
    assert (job["status"], job["run_id"]) == ("succeeded", run["id"])
    events = [line["event"] for line in script.get(job["links"]["log"]).body["items"]]
    assert events[0] == "job_start"


def test_its_report_is_that_of_the_page(script, run):
    report = script.get(run["links"]["report"]).body

    assert report["metrics"] == run["metrics"]
    assert report["run"]["id"] == run["id"]
    equity = report["series"]["equity"]["value"]
    assert equity[-1] / equity[0] - 1 == pytest.approx(run["metrics"]["total_return"])
    assert min(report["series"]["drawdown"]["value"]) == run["metrics"]["max_drawdown"]


def test_its_trades_add_up(script, run):
    fills, cursor = [], ""
    while cursor is not None:
        page = script.get(f"/api/runs/{run['id']}/trades?cursor={cursor}").body
        fills += page["items"]
        cursor = page["next_cursor"]
    trips = script.get(f"/api/runs/{run['id']}/round-trips?limit=200").body

    assert len(fills) == page["total"]
    closed = [trip for trip in trips["items"] if not trip["open"]]
    assert len(closed) == run["metrics"]["trade_count"]
    gained = sum(trip["pnl"] for trip in trips["items"])
    total_return = gained / run["config"]["initial_cash"]
    assert total_return == pytest.approx(run["metrics"]["total_return"], rel=1e-9)


def test_its_files_are_what_they_were(script, run):
    verdict = script.post(f"/api/runs/{run['id']}/verify").body
    assert verdict["ok"] is True
    assert verdict["checked"] >= 8

    for item in script.get(run["links"]["artifacts"]).body["items"]:
        whole = script.get(item["links"]["download"], **{"Accept-Encoding": "gzip"})
        assert hashlib.sha256(whole.content).hexdigest() == item["sha256"]
        assert whole.headers["ETag"] == f'"{item["sha256"]}"'
        etag = {"If-None-Match": whole.headers["ETag"]}
        assert script.get(item["links"]["download"], **etag).status == 304
        part = script.get(item["links"]["download"], Range="bytes=0-3")
        assert (part.status, part.content) == (206, whole.content[:4])


def test_the_same_again_is_the_run_that_is_there(script, experiment, run):
    answer = script.post(experiment["links"]["run"], {})

    assert answer.status == 200
    assert (answer.body["id"], answer.body["reused"]) == (run["id"], True)

    config = {**run["config"], "experiment_id": experiment["id"]}
    answer = script.post("/api/backtest", config)
    assert (answer.status, answer.body["id"]) == (200, run["id"])


def test_a_change_is_another_run(script, run):
    patch = {"strategy": {"params": {"fast": 10}}, "name": "SMA 10/50"}

    answer = script.post(f"/api/runs/{run['id']}/rerun", patch, Prefer="wait=20")

    assert answer.status == 200
    other = answer.body
    assert (other["status"], other["reused"]) == ("succeeded", False)
    assert other["id"] != run["id"]
    assert other["config"]["strategy"]["params"]["fast"] == 10
    assert_same_numbers(other)
    assert other["metrics"]["sharpe"] != run["metrics"]["sharpe"]


def test_forced_it_runs_again_and_gives_the_same_bytes(script, run):
    answer = script.post(f"/api/runs/{run['id']}/rerun", {"force": True})
    assert answer.status == 202

    again = script.ended(answer.body)

    assert again["id"] != run["id"]
    assert again["metrics"] == run["metrics"]
    hashes = [
        {item["name"]: item["sha256"] for item in script.get(link).body["items"]}
        for link in (run["links"]["artifacts"], again["links"]["artifacts"])
    ]
    assert hashes[0] == hashes[1]


def test_a_run_can_be_called_off(script):
    runs = []
    for slow in (50, 60, 70, 80):
        rule = {"name": "sma_cross", "params": {"fast": 20, "slow": slow}}
        runs.append(script.post("/api/backtest", {**LONG, "strategy": rule}).body)

    for _ in range(2):  # asking twice is the same
        for one in reversed(runs):
            assert script.post(f"{one['links']['self']}/cancel").status == 202

    ended = [script.ended(one)["status"] for one in runs]
    assert ended[-1] == "cancelled"
    assert "failed" not in ended
    refused = script.get(f"{runs[-1]['links']['self']}/report")
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("patch", "code", "field", "advice"),
    [
        (
            {"params": {"fsat": 20}},
            "unknown_parameter",
            "params.fsat",
            "fast",
        ),
        ({"model_key": "sma_cros"}, "unknown_strategy", "model_key", "sma_cross"),
        ({"params": {"fast": 60}}, "constraint_violated", "params.fast", "fast"),
        ({"universe": ["SP50"]}, "unknown_symbol", "universe", "SP500"),
    ],
)
def test_what_cannot_run_is_refused_before_any_work(script, patch, code, field, advice):
    answer = script.post("/api/model-lab/experiments", EXPERIMENT | patch)

    error = answer.body["error"]
    assert (answer.status, error["code"]) == (422, code)
    assert error["details"]["errors"][0]["field"].startswith(field)
    assert advice in error["advice"]
