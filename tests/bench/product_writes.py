"""What the lab is asked to do: log a run, compute one, sweep, call off, start, idle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.product_browser import browser_rows, sweep_sight
from tests.bench.product_rows import (
    IS_QUICK,
    Row,
    compared,
    ninety_five,
    percentiles,
    ratio,
    said,
)
from tests.bench.product_servers import (
    OPEN_WITHIN_S,
    Client,
    Refused,
    Server,
    at_once,
    opened_lab,
    opened_peer,
    rest,
    written_lab,
    written_peer,
)

STARTS = 1 if IS_QUICK else 3
IDLE_AFTER_S = 2 if IS_QUICK else 10  # memory is read this long after the start
WRITES = 5 if IS_QUICK else 30  # of each writer
WRITERS = 4
RUNS, SWEEPS, CANCELS = (3, 1, 1) if IS_QUICK else (10, 3, 3)
QUESTION: dict[str, Any] = {
    "name": "How fast?",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
}
SPACE = {
    "fast": {"min": 2, "max": 101, "step": 1},
    "slow": {"min": 110, "max": 308, "step": 2},
}
BACKTEST: dict[str, Any] = {
    "symbol": "SP500",
    "timeframe": "1d",
    "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
    "force": True,
}
# At work for long enough to be called off.
LONG: dict[str, Any] = {
    "space": SPACE,
    "config": {
        "provider": "synthetic",
        "symbol": "SYN-garch-3",
        "timeframe": "1m",
        "end": "2011-12-31",
    },
}
ACTIVE = ("queued", "running")
METRICS = 32  # that our runs have
WAIT = {"Prefer": "wait=20"}


@contextmanager
def started(rows: list[Row]) -> Iterator[tuple[int, int]]:
    """Yield ports of a lab and a peer that may be written to, opened several times."""
    lab, peer = written_lab(), written_peer()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(STARTS):
        if ours:
            lab.stop()
            peer.stop()
        ours.append(opened_lab(lab))
        theirs.append(opened_peer(peer))
    try:
        work = "Start to first answer, s"
        rows.append(said(compared(work, ours, theirs, most=2.5, form="{:.1f}")))
        rest(Client(lab.port))
        time.sleep(IDLE_AFTER_S)
        rows += [said(row) for row in idle_rows(lab, peer)]
        yield lab.port, peer.port
    finally:
        lab.stop()
        peer.stop()


def idle_rows(lab: Server, peer: Server) -> list[Row]:
    """Return what both hold while nobody asks anything."""
    ours, theirs = tree(lab.pid), tree(peer.pid)
    mine, other = memory_mb(ours), memory_mb(theirs)
    return [
        compared("Idle memory, MB", [mine], [other], most=400, form="{:,.0f}"),
        compared("Processes", [len(ours)], [len(theirs)], most=5, form="{:.0f}"),
    ]


def tree(pid: int) -> list[int]:
    """Return a process and everything below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def memory_mb(pids: list[int]) -> float:
    """Return the sum of PSS: pages that several share are counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def work_rows(port: int) -> list[Row]:
    """Return what one backtest, sweeps and calling them off take, and a report."""
    client = Client(port)
    runs, took = zip(*(backtest(client) for _ in range(RUNS)), strict=True)
    rows = [
        said(compared("One backtest, POST to its report, s", took, most=0.7, form=S))
    ]
    rows += [said(row) for row in report_rows(client, runs)]
    experiment = client.read("/api/model-lab/experiments", QUESTION)["id"]
    address = f"/api/model-lab/experiments/{experiment}/param-sweep"
    swept = [sweep(client, address, seed) for seed in range(SWEEPS)]
    stored = [seconds for _, seconds in swept]
    work = "Sweep of 10,000, POST to its page, s"
    rows.append(said(compared(work, stored, most=2, form=S)))
    ends = [called_off(client, address, seed) for seed in range(CANCELS)]
    rows.append(said(compared("Cancel of a sweep, s", ends, most=1, form=S)))
    rest(client)
    return [*rows, *browser_rows(sweep_sight(port, swept[-1][0]))]


S = "{:.2f}"


def backtest(client: Client) -> tuple[str, float]:
    """Return a new run's id, and the seconds until its report was read."""
    start = time.perf_counter()
    run = ended(client, client.read("/api/backtest", BACKTEST, **WAIT))
    client.ask(f"/api/runs/{run['id']}/report")
    return run["id"], time.perf_counter() - start


def report_rows(client: Client, runs: tuple[str, ...]) -> list[Row]:
    """Return what each run's one-file report takes, made for the first time."""
    took, sizes = [], []
    for run_id in runs:
        spent, text = client.ask(f"/api/runs/{run_id}/report?format=html")
        took.append(spent / 1e3)
        sizes.append(len(text) / 1e6)
    return [
        compared("Report in one HTML file, s", took, most=0.5, form=S),
        compared("Report in one HTML file, MB", sizes, most=1, form=S),
    ]


def sweep(client: Client, address: str, seed: int) -> tuple[str, float]:
    """Return a new sweep's id, and the seconds until its page was read."""
    start = time.perf_counter()
    asked = {"space": SPACE, "seed": seed, "force": True}
    run = ended(client, client.read(address, asked, **WAIT))
    page = client.ask(f"/model-lab/runs/{run['id']}")[1]
    seconds = time.perf_counter() - start
    if b'id="sweep-map"' not in page:
        raise SystemExit("The page of the sweep has no map.")
    listed = client.read(f"/api/runs/{run['id']}/candidates?limit=1")
    if listed["total"] != 10_000:
        raise SystemExit(f"The sweep stored {listed['total']:,} candidates.")
    return run["id"], seconds


def called_off(client: Client, address: str, seed: int) -> float:
    """Return the seconds from calling a sweep off to its end."""
    run = client.read(address, LONG | {"seed": seed, "force": True})
    job = f"/api/jobs/{run['job_id']}"
    wait_until(client, job, lambda now: now["status"] == "running")
    start = time.perf_counter()
    client.ask(f"{job}/cancel", {})
    end = wait_until(client, job, has_ended)
    if end["status"] != "cancelled":
        raise SystemExit(f"The sweep has {end['status']}, and was not called off.")
    return time.perf_counter() - start


def ended(client: Client, run: dict[str, Any]) -> dict[str, Any]:
    """Return a run once it has ended; most have within what `Prefer` waits."""
    if run["status"] in ACTIVE:
        wait_until(client, f"/api/jobs/{run['job_id']}", has_ended)
    return run


def has_ended(job: dict[str, Any]) -> bool:
    return job["status"] not in ACTIVE


def wait_until(
    client: Client, job: str, is_so: Callable[[dict[str, Any]], object]
) -> Any:
    deadline = time.monotonic() + OPEN_WITHIN_S
    while time.monotonic() < deadline:
        now = client.read(job)
        if is_so(now):
            return now
        time.sleep(0.01)
    raise SystemExit(f"{job} does not come on.")


def log_rows(port: int, peer: int) -> list[Row]:
    """Return what logging a run takes one writer, and four at once."""
    rows = [one_writer(port, peer), four_writers(port, peer)]
    return [said(row) for row in rows]


def one_writer(port: int, peer: int) -> Row:
    ours, theirs = Client(port), Client(peer)
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(WRITES):
        took[0].append(logged(ours))
        took[1].append(logged_there(theirs))
        rest(ours)
    work = "Log one run, 1 call; theirs 3, ms"
    return compared(work, *took, most=10)


def four_writers(port: int, peer: int) -> Row:
    took, errors = [], []
    for work, to in ((logged, port), (logged_there, peer)):
        clients = [Client(to) for _ in range(WRITERS)]
        lists = at_once(lambda one, work=work: written(work, one), clients)
        took.append([spent for one in lists for spent in one if spent is not None])
        errors.append(sum(spent is None for one in lists for spent in one))
    return Row(
        "4 writers at once, p50 / p95, ms; errors",
        f"{percentiles(took[0])}; {errors[0]}",
        f"{percentiles(took[1])}; {errors[1]}",
        ratio(*took),
        "p95 ≤ 60; 0",
        ninety_five(took[0]) <= 60 and not errors[0],
    )


def written(work: Callable[[Client], float], client: Client) -> list[float | None]:
    """Return the milliseconds of each write of a writer; None for one refused."""
    took: list[float | None] = []
    for _ in range(WRITES):
        try:
            took.append(work(client))
        except (Refused, OSError):
            took.append(None)
    return took


def logged(client: Client) -> float:
    """Ask for a run: its row, its job and its place in the queue are kept."""
    return client.ask("/api/backtest", BACKTEST)[0]


def logged_there(client: Client) -> float:
    """Log a finished run with as many metrics as ours have, in three calls."""
    api, now = "/api/2.0/mlflow/runs", int(time.time() * 1e3)
    made, answer = client.ask(
        f"{api}/create", {"experiment_id": "1", "start_time": now}
    )
    run_id = json.loads(answer)["run"]["info"]["run_id"]
    metrics = [
        {"key": f"metric_{i}", "value": 1.0 / (i + 1), "timestamp": now, "step": 0}
        for i in range(METRICS)
    ]
    kept = client.ask(f"{api}/log-batch", {"run_id": run_id, "metrics": metrics})[0]
    end = {"run_id": run_id, "status": "FINISHED", "end_time": now}
    return made + kept + client.ask(f"{api}/update", end)[0]
