"""The disk of a lab at work becomes full: nothing breaks that was whole.

The lab keeps its state on a small file system of its own, so root is needed to mount
it. A run ends while there is room; then the room is taken, pages are read, a run is
asked for, and the room is given back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.lab import Lab

SIZE_MB = 256
PAGES = ("/", "/jobs", "/model-lab", "/settings", "/api/runs", "/api/health")
STRATEGIES = ("sma_cross", "macd", "rsi_reversion")
# Long enough that their files do not fit in what is left.
RUN: dict[str, Any] = {
    "provider": "synthetic",
    "symbol": "SYN-garch-3",
    "timeframe": "1h",
    "end": "2016-12-31",
    "force": True,
}
WITHIN_S = 120


@dataclass
class Outcome:
    told: set[str] = field(default_factory=set)  # codes of what was refused or failed
    wrong: list[str] = field(default_factory=list)


@contextmanager
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="quantlab-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder]
        subprocess.run(mount, check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def measure() -> Outcome:
    with small_disk() as home:
        lab = Lab(log=home / "server.log", QUANT_HOME=home, QUANT_NIGHTLY_PROOFS=0)
        outcome = Outcome()
        try:
            lab.open()
            _wait(lambda: _is_idle(lab.port))
            before = _run(lab.port)
            assert before["status"] == "succeeded", before
            _while_full(lab, home / "filler", outcome)
            after = _run(lab.port)
            _check(lab, before, after, outcome)
        finally:
            lab.kill()
            sys.stderr.write((home / "server.log").read_text()[-2_000:])
        return outcome


def _while_full(lab: Lab, filler: Path, outcome: Outcome) -> None:
    """Take all the room, ask for everything, and give it back."""
    for spare in (0, 256 * 1024, 1024 * 1024):
        _fill(filler, spare)
        for strategy in STRATEGIES:
            answer = _ask(lab.port, "POST", "/api/backtest", _body(strategy))
            _note(answer, f"POST leaving {spare}", outcome)
        for page in PAGES * 3:
            status, document = _ask(lab.port, "GET", page)
            if status != 200:
                outcome.wrong.append(f"{page}: {status} {document}"[:300])
        time.sleep(2.0)  # so that work meets it
        filler.unlink()
        _wait(lambda: _is_idle(lab.port))


def _note(answer: tuple[int, Any], what: str, outcome: Outcome) -> None:
    status, document = answer
    if status >= 400:
        outcome.told.add(document["error"]["code"])
        if document["error"]["code"] != "disk_full":
            outcome.wrong.append(f"{what}: {status} {document}"[:300])


def _check(
    lab: Lab, before: dict[str, Any], after: dict[str, Any], outcome: Outcome
) -> None:
    """What was whole is whole, what ended is right or says why, work goes on."""
    if after["status"] != "succeeded":
        outcome.wrong.append(f"afterwards a run {after['status']}: {after}"[:300])
    _, listed = _ask(lab.port, "GET", "/api/runs?limit=100")
    for run in listed["items"]:
        if run["status"] == "succeeded":
            _, files = _ask(lab.port, "POST", f"/api/runs/{run['id']}/verify", {})
            if not files["ok"]:
                outcome.wrong.append(f"{run['name']}: files are not whole")
        else:
            _, job = _ask(lab.port, "GET", f"/api/jobs/{run['job_id']}")
            outcome.told.add(job["error"]["code"])
    if before["id"] not in {run["id"] for run in listed["items"]}:
        outcome.wrong.append("the run from before is lost")
    if left := list(lab.log.parent.glob("runs/.*.partial")):
        outcome.wrong.append(f"half-written: {left}")


def _fill(filler: Path, spare: int) -> None:
    """Write until nothing fits any more, then give `spare` bytes back."""
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(64 * 1024)):
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - spare))


def _body(strategy: str) -> dict[str, Any]:
    return RUN | {"strategy": {"name": strategy}}


def _run(port: int) -> dict[str, Any]:
    """Have a run made; return how it ended."""
    status, run = _ask(port, "POST", "/api/backtest", _body("sma_cross"))
    assert status in (200, 202), run
    address = f"/api/runs/{run['id']}"

    def ended() -> bool:
        return _ask(port, "GET", address)[1]["status"] not in ("queued", "running")

    _wait(ended)
    found: dict[str, Any] = _ask(port, "GET", address)[1]
    return found


def _is_idle(port: int) -> bool:
    queue = _ask(port, "GET", "/api/health")[1]["queue"]
    return not queue["queued"] and not queue["running"]


def _ask(port: int, method: str, address: str, body: Any = None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        text = None if body is None else json.dumps(body)
        connection.request(method, address, text, headers)
        answer = connection.getresponse()
        content = answer.read()
        is_json = "json" in (answer.headers["Content-Type"] or "")
        return answer.status, json.loads(content) if is_json else content[-300:]
    finally:
        connection.close()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.2)
