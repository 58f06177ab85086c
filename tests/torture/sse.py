"""Many people follow jobs while a sweep and runs are computed and others read pages.

`python -m tests.torture.sse [clients]` opens a lab of its own, lets that many clients
follow a sweep and nine runs, cuts some of them off at random moments, reads pages all
the while, and then stops the lab with every stream open. It prints what it measured,
and fails when a client missed an event or got one twice, or when a page or the stop
took too long.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.lab import Lab

CLIENTS = 200
RUNS = 10
CUT_SHARE = 0.25
SEED = 20261121
PAGES = ("/", "/jobs", "/model-lab", "/settings", "/api/runs")
PAGE_P99_S = 0.2
STOP_WITHIN_S = 5.0
# 10,000 candidates of 100,000 hours: at work while all the runs are.
SWEPT: dict[str, Any] = {
    "space": {
        "fast": {"min": 2, "max": 101, "step": 1},
        "slow": {"min": 200, "max": 299, "step": 1},
    },
    "config": {"end": "2016-12-31"},
}
# A million bars each: there is something to follow for a while.
LONG: dict[str, Any] = {
    "provider": "synthetic",
    "symbol": "SYN-garch-3",
    "timeframe": "1m",
    "end": "2011-12-31",
    "persist": False,
    "force": True,
}


@dataclass
class Client:
    """One who follows a job, and comes back where they were when they are cut off."""

    port: int
    job_id: str
    cuts: list[int] = field(default_factory=list)  # after so many events
    seqs: list[int] = field(default_factory=list)
    status: str = ""  # how the job ended
    is_open: bool = False

    async def follow(self) -> Client:
        while not self.status:
            cut_after = self.cuts.pop() if self.cuts else None
            await self.connect(cut_after)
        return self

    async def connect(self, cut_after: int | None = None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await self._ask(reader, writer)
            n = 0
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    self._hear(json.loads(line[6:]))
                    n += 1
                if self.status or n == cut_after:
                    return
        finally:
            writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        last = f"Last-Event-ID: {self.seqs[-1]}\r\n" if self.seqs else ""
        address = f"/api/jobs/{self.job_id}/stream"
        ask = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{last}\r\n"
        writer.write(ask.encode())
        first = await reader.readline()
        assert b" 200 " in first, first
        self.is_open = True

    def _hear(self, event: dict[str, Any]) -> None:
        self.seqs.append(event["seq"])
        self.status = event.get("status", "")


async def follow_all(clients: list[Client]) -> None:
    """Follow to the end of every job; nothing may be missing and nothing twice."""
    async with asyncio.timeout(300):
        await asyncio.gather(*(client.follow() for client in clients))
    for client in clients:
        assert client.seqs == list(range(1, len(client.seqs) + 1)), client


def clients_of(port: int, job_ids: list[str], n: int) -> list[Client]:
    """Return clients of the jobs in turn, a share of whom are cut off once or twice."""
    rng = random.Random(SEED)
    clients = [Client(port, job_ids[i % len(job_ids)]) for i in range(n)]
    for client in clients:
        if rng.random() < CUT_SHARE:
            client.cuts = [rng.randint(1, 4) for _ in range(rng.randint(1, 2))]
    return clients


@dataclass
class Figures:
    clients: int
    pages: int = 0
    page_p50_s: float = 0.0
    page_p99_s: float = 0.0
    page_max_s: float = 0.0
    threads: int = 0
    files: int = 0
    stop_s: float = 0.0


def measure(n: int = CLIENTS) -> Figures:
    """Return what it costs a lab that `n` clients follow its runs."""
    with tempfile.TemporaryDirectory(prefix="quantlab-torture-") as home:
        lab = Lab(log=Path(home) / "server.log", QUANT_HOME=home)
        try:
            lab.open()
            return asyncio.run(_measure(lab, n))
        finally:
            lab.kill()


async def _measure(lab: Lab, n: int) -> Figures:
    figures = Figures(n)
    await asyncio.to_thread(read_pages, lab.port, 1)  # the first of each is slower
    job_ids = [await asyncio.to_thread(start_sweep, lab.port)]
    job_ids += [await asyncio.to_thread(start_run, lab.port) for _ in range(RUNS - 1)]
    following = asyncio.create_task(follow_all(clients_of(lab.port, job_ids, n)))
    took: list[float] = []
    while not following.done():
        took += await asyncio.to_thread(read_pages, lab.port, 4)
        figures.threads = max(figures.threads, _count(lab, "task"))
        figures.files = max(figures.files, _count(lab, "fd"))
    await following
    took.sort()
    figures.pages = len(took)
    figures.page_p50_s, figures.page_max_s = took[len(took) // 2], took[-1]
    figures.page_p99_s = took[int(len(took) * 0.99)]
    figures.stop_s = await _stop_with_open_streams(lab, n)
    return figures


async def _stop_with_open_streams(lab: Lab, n: int) -> float:
    job_ids = [await asyncio.to_thread(start_run, lab.port) for _ in range(RUNS)]
    clients = [Client(lab.port, job_ids[-1]) for _ in range(n)]  # it waits its turn
    streams = [asyncio.create_task(client.connect()) for client in clients]
    while not all(client.is_open for client in clients):
        await asyncio.sleep(0.05)
    assert not any(stream.done() for stream in streams)
    took = await asyncio.to_thread(lab.stop)
    await asyncio.gather(*streams)
    return took


def start_sweep(port: int) -> str:
    """Queue a sweep that takes longer than a run; return its job."""
    asked = {
        "name": "A crowd looks on",
        "model_key": "sma_cross",
        "params": {"fast": 5, "slow": 20},
        "provider": "synthetic",
        "universe": ["SYN-garch-1"],
        "timeframe": "1h",
    }
    experiment = _post(port, "/api/model-lab/experiments", asked)
    door = f"/api/model-lab/experiments/{experiment['id']}/param-sweep"
    return str(_post(port, door, SWEPT)["job_id"])


def start_run(port: int) -> str:
    """Queue a run that takes some seconds; return its job."""
    asked = LONG | {"strategy": {"name": "macd"}}
    return str(_post(port, "/api/backtest", asked)["job_id"])


def _post(port: int, address: str, asked: dict[str, Any]) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", address, json.dumps(asked), headers)
    answer = connection.getresponse()
    told: dict[str, Any] = json.load(answer)
    connection.close()
    assert answer.status in (201, 202), told
    return told


def read_pages(port: int, rounds: int) -> list[float]:
    took = []
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for page in PAGES * rounds:
        asked = time.perf_counter()
        connection.request("GET", page)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - asked)
        assert answer.status == 200, (page, answer.status)
    connection.close()
    return took


def _count(lab: Lab, what: str) -> int:
    """Return how many threads ("task") or open files ("fd") the server has."""
    return len(list(Path(f"/proc/{lab.pid}/{what}").iterdir()))


def main() -> None:
    figures = measure(int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS)
    sys.stdout.write(json.dumps(asdict(figures), indent=2) + "\n")
    assert figures.page_p99_s < PAGE_P99_S, "pages were slow"
    assert figures.stop_s < STOP_WITHIN_S, "the stop was slow"


if __name__ == "__main__":
    main()
