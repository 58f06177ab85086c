"""The lab and MLflow's server with the same runs, and connections to both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.lab import NUMBA_CACHE, ROOT, Lab, free_port

HOME = Path(os.environ.get("QUANT_HOME", ROOT / "var")) / "bench"
LAB, WRITTEN, PEER = HOME / "lab", HOME / "written", HOME / "mlflow"
PYTHON = PEER / "env" / "bin" / "python"
MLFLOW = "3.17.2"
SEARCH = "/api/2.0/mlflow/runs/search"
RUNS, EXPERIMENTS = 10_000, 200
OPEN_WITHIN_S = 600
OPEN_POLL_S = 0.02
IDLE_S = 2.0
STOP_WITHIN_S = 20


class Refused(Exception):
    """A server answered with no success."""


class Client:
    """One kept connection to a server."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("127.0.0.1", port, timeout=600)
        self._used = 0.0

    def ask(
        self, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[float, bytes]:
        """Return milliseconds and the answer; `Refused` for one that is no success."""
        headers = {"Accept": "text/html, application/json", **headers}
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
            raise Refused(f"{path} answered {answer.status}: {content[:200]!r}")
        return took, content

    def read(
        self, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> Any:
        """Return what the answer says."""
        return json.loads(self.ask(path, body, **headers)[1])

    def close(self) -> None:
        self._http.close()


class Peer:
    """MLflow's server on a store; it has the few methods of a lab that are used."""

    def __init__(self, store: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        server = [str(PYTHON), "-m", "mlflow", "server", "--port", str(self.port)]
        server += ["--backend-store-uri", f"sqlite:///{store}", "--workers", "2"]
        self._command = server

    def start(self) -> None:
        with (PEER / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=PEER,
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        os.killpg(self.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


Server = Lab | Peer


def opened(server: Server, health: str) -> float:
    """Start a server; return the seconds to its first answer."""
    began = time.perf_counter()
    server.start()
    while time.perf_counter() - began < OPEN_WITHIN_S:
        client = Client(server.port)
        try:
            client.ask(health)
        except (OSError, Refused):
            time.sleep(OPEN_POLL_S)
        else:
            return time.perf_counter() - began
        finally:
            client.close()
    server.stop()
    raise SystemExit("A server does not open; its log is below var/bench.")


def opened_lab(lab: Lab) -> float:
    return opened(lab, "/api/health")


def opened_peer(peer: Peer) -> float:
    return opened(peer, "/health")


@contextmanager
def the_lab(home: Path, *, runs: int = RUNS) -> Iterator[int]:
    """Yield the port of a lab with made-up runs, filled the first time."""
    prepared(home, runs)
    lab = Lab(log=home / "lab.log", QUANT_HOME=home)
    opened_lab(lab)
    try:
        rest(Client(lab.port))
        yield lab.port
    finally:
        lab.stop()


def prepared(home: Path, runs: int) -> None:
    """Set a lab up, and fill it if it is new."""
    home.mkdir(parents=True, exist_ok=True)
    filled = home / "filled.txt"
    commands = [["setup"]]
    if not filled.exists():
        experiments = str(runs * EXPERIMENTS // RUNS)
        commands += [["fill", "--runs", str(runs), "--experiments", experiments]]
    own = {"QUANT_HOME": str(home), "QUANT_NUMBA_CACHE": str(NUMBA_CACHE)}
    for command in commands:
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env=os.environ | own,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    filled.touch()


def written_lab() -> Lab:
    """Return a lab that may be written to: a new copy of the filled one, not open."""
    prepared(LAB, RUNS)
    shutil.rmtree(WRITTEN, ignore_errors=True)
    shutil.copytree(LAB, WRITTEN)
    return Lab(log=WRITTEN / "lab.log", QUANT_HOME=WRITTEN)


def written_peer() -> Peer:
    """Return an MLflow server on a copy of the store that `the_peer` filled."""
    store = PEER / "written.db"
    for ending in ("", "-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)
    shutil.copyfile(PEER / "runs.db", store)
    return Peer(store)


def rest(client: Client) -> None:
    """Wait until the lab has made its demo, and nothing works beside us."""
    deadline = time.monotonic() + OPEN_WITHIN_S
    while time.monotonic() < deadline:
        queue = client.read("/api/health")["queue"]
        if not queue["queued"] and not queue["running"]:
            return
        time.sleep(0.5)
    raise SystemExit("The lab does not come to rest.")


@contextmanager
def the_peer(runs: list[dict[str, Any]], store: str = "runs") -> Iterator[int]:
    """Yield the port of an MLflow server that holds the same runs."""
    PEER.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        uv = str(ROOT / ".venv" / "bin" / "uv")
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(PEER / "env")]
        fetch = [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
        subprocess.run(make, check=True)
        subprocess.run([*fetch, f"mlflow=={MLFLOW}"], check=True)
    peer = Peer(filled(store, json.dumps(runs)))
    opened_peer(peer)
    try:
        yield peer.port
    finally:
        peer.stop()


def filled(name: str, runs: str) -> Path:
    """Return MLflow's store with these runs; one that has them is kept."""
    store, said = PEER / f"{name}.db", PEER / f"{name}.json"
    if not said.exists() or said.read_text() != runs:
        new = PEER / "new.json"
        store.unlink(missing_ok=True)
        new.write_text(runs)
        script = str(Path(__file__).with_name("peers_product.py"))
        subprocess.run([str(PYTHON), script, str(new), str(store)], check=True)
        new.replace(said)
    return store


def every_run(client: Client) -> list[dict[str, Any]]:
    """Return each run that the lab lists, the newest first."""
    runs: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.read(f"/api/runs?limit=200&cursor={quote(cursor)}")
        runs += page["items"]
        cursor = page["next_cursor"]
    names = ("id", "name", "status", "created_at", "finished_at", "metrics", "tags")
    return [{name: run[name] for name in names} for run in runs]


def at_once(work: Any, clients: list[Client]) -> list[Any]:
    """Return what came of the same work of each client, all of them at it at once."""
    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(work, clients))
