"""The process that answers never loads what only its children may use."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from tests.web.test_take_away import pages

# Each has a library of its own in memory once it is imported.
RARE = ("sklearn", "statsmodels", "arch", "vl_convert", "curl_cffi", "fpdf")
HEAVY = ("numba", "llvmlite", *RARE)


def loaded(pid: int) -> set[str]:
    """Return the packages whose compiled parts a process has in memory."""
    parts = {
        part
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        if "site-packages/" in line
        for part in [line.rpartition("site-packages/")[2].partition("/")[0]]
    }
    return {part.removesuffix(".libs") for part in parts}


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def test_no_page_loads_what_only_children_use(lab_server, demo):
    run = demo["SMA 20/50"]
    ids = {name: run[name] for name in ("run_id", "experiment_id", "job_id")}
    ids |= {"other_id": demo["SMA 50/200"]["id"], "pool": run["honesty"]["pool"]}
    ids["validation_id"] = run["id"]  # the demo validates its first run
    ids["model_id"] = "momentum_hgb"
    asked = list(pages(ids))
    asked += [run["links"][name] for name in ("self", "report", "artifacts", "logs")]
    asked += [f"{run['links']['self']}/metrics?series=rolling_sharpe_30"]
    asked += ["/datasets/new?model=momentum_hgb", "/api/models"]
    answers = {page: status_of(lab_server.url + page) for page in asked}
    assert max(answers.values()) < 500, answers  # some take no GET, or want to be asked
    assert list(answers.values()).count(200) > 25

    modules = loaded(lab_server.pid)
    assert {"pandas", "pyarrow"} <= modules  # so this would see them
    assert modules.isdisjoint(HEAVY)


def test_what_jobs_are_forked_from_holds_no_more_than_most_of_them_need(
    lab_server, demo
):
    own = command_of(lab_server.pid)
    [server] = [pid for pid in lab_server.child_pids() if command_of(pid) == own]

    assert "numba" in loaded(server)
    assert loaded(server).isdisjoint(RARE)
    assert shared_mb(server) > 30  # with the process that answers: it is a fork of it


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def shared_mb(pid: int) -> float:
    """Return what a process has in common with others and is in no file."""
    said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    [line] = [line for line in said.splitlines() if line.startswith("Shared_Dirty:")]
    return int(line.split()[1]) / 1024
