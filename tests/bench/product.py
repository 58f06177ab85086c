"""W7: the product over HTTP at 10,000 runs, beside MLflow with the same runs.

Both servers run at once and take turns; every connection is kept. What a list answers
has to be the same runs in the same order, or there is no row. The section is written
behind the others of `docs/benchmarks.md`; labs and environments are made once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.lab import NUMBA_CACHE, ROOT, Lab, free_port

HOME = Path(os.environ.get("QUANT_HOME", ROOT / "var")) / "bench"
LAB, PEER = HOME / "lab", HOME / "mlflow"
MLFLOW = "3.17.2"
RUNS, EXPERIMENTS = 10_000, 200
IS_QUICK = "--quick" in sys.argv
ROUNDS, PAGE_ROUNDS = (20, 4) if IS_QUICK else (40, 12)
PATIENCE_S = 6 if IS_QUICK else 60  # with one side of a row
OPEN_WITHIN_S = 600
IDLE_S = 2.0
HEADING = "## The product over HTTP"
SKIPPED = ("/admin", "/api/jobs/1/stream", "/static", "/media")


@dataclass(frozen=True, slots=True)
class Question:
    """The same question to both; `theirs` is a body to search runs by, or a path."""

    work: str
    ours: str
    theirs: dict[str, Any] | str | None
    must_ms: tuple[float, float] | None = None  # 1 client, 4 clients


class Client:
    """One kept connection to a server."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("127.0.0.1", port, timeout=600)
        self._used = 0.0

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[float, bytes]:
        """Return milliseconds and the answer; one that is no success ends the run."""
        headers = {"Accept": "text/html, application/json"}
        sent = None if body is None else json.dumps(body)
        if sent is not None:
            headers["Content-Type"] = "application/json"
        if time.monotonic() - self._used > IDLE_S:  # servers close what is idle
            self._http.close()
            self._http.connect()
        start = time.perf_counter()
        self._http.request("GET" if sent is None else "POST", path, sent, headers)
        answer = self._http.getresponse()
        content = answer.read()
        took = (time.perf_counter() - start) * 1e3
        self._used = time.monotonic()
        if answer.status >= 400:
            raise SystemExit(f"{path} answered {answer.status}: {content[:200]!r}")
        return took, content


SEARCH = "/api/2.0/mlflow/runs/search"
Asking = Callable[[Client], tuple[float, bytes]]


def asking(question: Question, *, of_peer: bool) -> Asking:
    if not of_peer:
        return lambda client: client.ask(question.ours)
    theirs = question.theirs
    if isinstance(theirs, str):
        return lambda client: client.ask(theirs)
    return lambda client: client.ask(SEARCH, theirs)


@contextmanager
def the_lab() -> Iterator[int]:
    """Yield the port of a lab with made-up runs, filled the first time."""
    LAB.mkdir(parents=True, exist_ok=True)
    filled = LAB / "filled.txt"
    own = {"QUANT_HOME": str(LAB), "QUANT_NUMBA_CACHE": str(NUMBA_CACHE)}
    for command in ["setup"] if filled.exists() else ["setup", "fill"]:
        size = ["--runs", str(RUNS), "--experiments", str(EXPERIMENTS)]
        more = size if command == "fill" else []
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), command, *more],
            env=os.environ | own,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    filled.touch()
    lab = Lab(log=LAB / "lab.log", QUANT_HOME=LAB)
    lab.open()
    try:
        rest(Client(lab.port))
        yield lab.port
    finally:
        lab.stop()


def rest(client: Client) -> None:
    """Wait until the lab has made its demo, and nothing works beside us."""
    deadline = time.monotonic() + OPEN_WITHIN_S
    while time.monotonic() < deadline:
        queue = json.loads(client.ask("/api/health")[1])["queue"]
        if not queue["queued"] and not queue["running"]:
            return
        time.sleep(0.5)
    raise SystemExit("The lab does not come to rest.")


@contextmanager
def the_peer(runs: list[dict[str, Any]]) -> Iterator[int]:
    """Yield the port of an MLflow server that holds the same runs."""
    python = PEER / "env" / "bin" / "python"
    if not python.exists():
        uv = str(ROOT / ".venv" / "bin" / "uv")
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(PEER / "env")]
        fetch = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run(make, check=True)
        subprocess.run([*fetch, f"mlflow=={MLFLOW}"], check=True)
    store = filled(python, json.dumps(runs))
    port = free_port()
    command = [str(python), "-m", "mlflow", "server", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{store}", "--workers", "2"]
    with (PEER / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=PEER,
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(port)
        yield port
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def filled(python: Path, runs: str) -> Path:
    """Return MLflow's store with these runs; one that has them is kept."""
    store, said, new = (PEER / name for name in ("runs.db", "runs.json", "new.json"))
    if not said.exists() or said.read_text() != runs:
        store.unlink(missing_ok=True)
        new.write_text(runs)
        script = str(Path(__file__).with_name("peers_product.py"))
        subprocess.run([str(python), script, str(new), str(store)], check=True)
        new.replace(said)
    return store


def wait_for(port: int) -> None:
    deadline = time.monotonic() + OPEN_WITHIN_S
    while time.monotonic() < deadline:
        try:
            Client(port).ask("/health")
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit("The MLflow server does not open.")


def every_run(client: Client) -> list[dict[str, Any]]:
    """Return each run that the lab lists, the newest first."""
    runs: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        path = f"/api/runs?limit=200&cursor={quote(cursor)}"
        page = json.loads(client.ask(path)[1])
        runs += page["items"]
        cursor = page["next_cursor"]
    names = ("id", "name", "status", "created_at", "finished_at", "metrics", "tags")
    return [{name: run[name] for name in names} for run in runs]


def questions(ours: Client, theirs: Client, run_id: str) -> list[Question]:
    base = {"experiment_ids": ["1"], "max_results": 50}
    by_sharpe = base | {"order_by": ["metrics.sharpe DESC"]}
    narrow = "metrics.sharpe > 0.5 and attributes.status = 'FINISHED'"
    filtered = base | {"order_by": ["metrics.calmar DESC"], "filter": narrow}
    said = quote("sharpe > 0.5 and status:succeeded")
    second = json.loads(ours.ask("/api/runs")[1])["next_cursor"]
    theirs_second = json.loads(theirs.ask(SEARCH, base)[1])["next_page_token"]
    get = f"/api/2.0/mlflow/runs/get?run_id={run_id.replace('-', '')}"
    return [
        Question("Order by a metric", "/api/runs?order=-sharpe", by_sharpe, (30, 80)),
        Question(
            "Filter and order",
            f"/api/runs?q={said}&order=-calmar",
            filtered,
            (30, 80),
        ),
        Question("First 50", "/api/runs", base, (15, 15)),
        Question(
            "Page 2",
            f"/api/runs?cursor={quote(second)}",
            base | {"page_token": theirs_second},
            (15, 15),
        ),
        Question("One run", f"/api/runs/{run_id}", get, (4, 4)),
        Question("Open a report", f"/api/runs/{run_id}/report", None, (100, 100)),
        Question("Page of a report", f"/model-lab/runs/{run_id}", None, (100, 100)),
    ]


def agree(question: Question, ours: bytes, theirs: bytes) -> None:
    """End the run if two lists are not the same; equal numbers may change places."""
    mine, other = json.loads(ours), json.loads(theirs)
    if "items" not in mine:
        return
    own = [run["id"].replace("-", "") for run in mine["items"]]
    them = [run["info"]["run_id"] for run in other["runs"]]
    if sorted(own) != sorted(them):
        raise SystemExit(f"{question.work}: {len({*own} ^ {*them})} runs differ.")


def timed(ports: tuple[int, int | None], question: Question, n: int) -> list[str]:
    """Return p50 and p95 of both, asked by `n` clients at once, in turns."""
    ours, theirs = ports
    took: dict[bool, list[float]] = {False: [], True: []}
    sides = [False] if question.theirs is None or theirs is None else [False, True]
    clients = {
        side: [Client(theirs if side and theirs else ours) for _ in range(n)]
        for side in sides
    }
    for side in sides:  # wakes them up
        together(clients[side], asking(question, of_peer=side))
    for _ in range(ROUNDS):
        for side in sides:
            if sum(took[side]) < PATIENCE_S * 1e3 * n:
                ask = asking(question, of_peer=side)
                took[side] += together(clients[side], ask)
    cells = [percentiles(took[side]) if took[side] else "–" for side in (False, True)]
    if took[True]:
        ratio = statistics.median(took[True]) / statistics.median(took[False])
        cells.append(f"**{ratio:.0f}x**" if ratio >= 10 else f"**{ratio:.1f}x**")
    else:
        cells.append("–")
    must = question.must_ms[0 if n == 1 else 1] if question.must_ms else None
    return [*cells, "–" if must is None else f"{must:g}"]


def together(clients: list[Client], ask: Asking) -> list[float]:
    """Return what each client waited, all of them asking at once."""
    took: list[float] = []
    threads = [
        threading.Thread(target=lambda one=one: took.append(ask(one)[0]))
        for one in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def percentiles(took: list[float]) -> str:
    return f"{statistics.median(took):.1f} / {ninety_five(took):.1f}"


def ninety_five(took: list[float]) -> float:
    return sorted(took)[max(0, -(-95 * len(took) // 100) - 1)]


def pages(client: Client, run: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Return p50, p95 and address of every page that answers, the slowest first."""
    found = []
    for path in page_paths(run):
        try:
            client.ask(path)
        except SystemExit:
            continue  # filled with nothing that is there, or wants to be sent
        took = [client.ask(path)[0] for _ in range(PAGE_ROUNDS)]
        found.append((statistics.median(took), ninety_five(took), path))
    return sorted(found, key=lambda one: -one[1])


def page_paths(run: dict[str, Any]) -> list[str]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")
    import django

    django.setup()
    from tests.addresses import addresses

    known = {
        "run_id": run["id"],
        "experiment_id": run["experiment_id"],
        "job_id": run["job_id"],
        "pool": run["honesty"]["pool"],
        "key": "max_drawdown",
        "feature": "past_return",
        "primitive": "ts_rank",
        "model_id": "momentum_logit",
    }
    lists = ["/backtesting?order=-sharpe", "/backtesting?q=sharpe%20%3E%200.5"]
    own = [one for one in addresses(known) if not one.startswith((*SKIPPED, "/api/"))]
    return [*own, *lists]


def section(rows: list[list[str]], slow: list[tuple[float, float, str]]) -> str:
    lines = [
        HEADING,
        "",
        f"{RUNS:,} runs and {EXPERIMENTS} experiments on SQLite, beside MLflow "
        f"{MLFLOW} with the same runs, one uvicorn process here and two workers there. "
        "Milliseconds from sending to the last byte over a kept connection, "
        "p50 / p95; the same runs in every list. The load of the machine was "
        f"{os.getloadavg()[2]:.0f} meanwhile: only on a quiet one are the times ours.",
        "",
        "| work | clients | ours | MLflow | ratio | must, p50 |",
        "|---|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        f"Of {len(slow)} pages, {sum(p95 < 100 for _, p95, _ in slow)} stay below "
        "100 ms at p95. The slowest:",
        "",
        "| page | p50 / p95, ms |",
        "|---|---|",
        *(f"| `{path[:60]}` | {p50:.1f} / {p95:.1f} |" for p50, p95, path in slow[:8]),
        "",
    ]
    return "\n".join(lines)


def measured(port: int, peer_of: Callable[[Any], Any]) -> str:
    """Return the section, from a lab on this port and a peer with its runs."""
    ours = Client(port)
    runs = every_run(ours)
    best = json.loads(ours.ask("/api/runs?order=-sharpe&limit=1")[1])["items"][0]
    rows = []
    with peer_of(runs) as peer:
        theirs = Client(peer)
        for question in questions(ours, theirs, best["id"]):
            if question.theirs is not None:
                mine = asking(question, of_peer=False)(ours)[1]
                agree(question, mine, asking(question, of_peer=True)(theirs)[1])
            for n in (1, 4):
                rows.append([question.work, str(n), *timed((port, peer), question, n)])
                sys.stdout.write(" | ".join(rows[-1]) + "\n")
                sys.stdout.flush()
    return section(rows, pages(ours, best))


def main() -> None:
    PEER.mkdir(parents=True, exist_ok=True)
    with the_lab() as port:
        written = measured(port, the_peer)
    document = ROOT / "docs" / "benchmarks.md"
    before = document.read_text().partition(HEADING)[0]
    document.write_text(f"{before.rstrip()}\n\n{written}")


if __name__ == "__main__":
    main()
