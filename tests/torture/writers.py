"""Four processes write to one SQLite file beside a lab at work and people who read.

`python -m tests.torture writers` opens a lab, has each writer keep, change and delete
rows and queue runs as fast as it can for a minute, and reads pages all the while. No
one is told that the database is locked, and each row that was kept is there, once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import ROOT, Lab
from tests.torture.sse import read_pages

WRITERS = 4
SECONDS = 60.0
RUN_AFTER = 20  # so many rows, one run is queued
# Four writers ask for more than one owner may have waiting, or the lab takes.
UNBOUNDED = {
    "DJANGO_SETTINGS_MODULE": "quantlab.settings",
    "QUANT_OWN_JOBS": "1000000",
    "QUANT_JOB_QUEUE_LIMIT": "1000000",
}


@dataclass
class Tally:
    rows: int = 0
    missing: int = 0  # kept, and not there; or there, and not kept
    runs: int = 0
    pages: int = 0
    page_max_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def write_rows(writer: int, is_time: Callable[[], bool]) -> list[str]:
    """Keep, change and delete rows while there is time; return what is to be there."""
    from experiments.services.watchlists import (
        watchlist_create,
        watchlist_delete,
        watchlist_update,
    )
    from tests.factories import make_run

    kept: list[str] = []
    n = 0
    while is_time():
        name = f"Writer {writer} {n}"
        row = watchlist_create(name=name, symbols=["A", "B"])
        watchlist_update(watchlist=row, changes={"symbols": ["A", "B", "C"]})
        if n % 2:
            watchlist_delete(watchlist=row)
        else:
            kept.append(name)
        if n % RUN_AFTER == 0:
            make_run()
        n += 1
    return kept


def measure(seconds: float = SECONDS) -> Tally:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="quantlab-writers-") as home:
        lab = Lab(log=Path(home) / "server.log", QUANT_HOME=home)
        try:
            lab.open()
            read_pages(lab.port, 1)
            _write_and_read(lab, seconds, tally)
            if "locked" in lab.log.read_text():
                tally.wrong.append("the lab's log tells of a lock")
        finally:
            lab.kill()
    return tally


def _write_and_read(lab: Lab, seconds: float, tally: Tally) -> None:
    home = str(lab.log.parent)
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [
            pool.submit(_writer, home, str(number), str(seconds))
            for number in range(WRITERS)
        ]
        while not all(one.done() for one in writing):
            took = read_pages(lab.port, 1)
            tally.pages += len(took)
            tally.page_max_s = max(tally.page_max_s, *took)
    kept: list[str] = []
    for answer in (one.result() for one in writing):
        if answer.returncode or "locked" in answer.stderr:
            tally.wrong.append(answer.stderr[-300:])
            continue
        kept += json.loads(answer.stdout)
    told = json.loads(_child(home, "count").stdout)
    tally.rows, tally.runs = len(kept), told["runs"]
    tally.missing = len(set(kept) ^ set(told["names"])) + len(kept) - len(set(kept))


def _writer(home: str, number: str, seconds: str) -> subprocess.CompletedProcess[str]:
    return _child(home, "write", number, seconds)


def _child(home: str, *asked: str) -> subprocess.CompletedProcess[str]:
    """Run this file in a process of its own, on the database of the lab."""
    return subprocess.run(
        [sys.executable, "-m", "tests.torture.writers", *asked],
        cwd=ROOT,
        env=os.environ | UNBOUNDED | {"QUANT_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )


def main(what: str, *asked: str) -> None:
    import django

    django.setup()
    from experiments.models import ModelRun, Watchlist

    if what == "write":
        number, seconds = asked
        end = time.monotonic() + float(seconds)
        kept = write_rows(int(number), lambda: time.monotonic() < end)
        sys.stdout.write(json.dumps(kept))
        return
    listed = Watchlist.objects.filter(name__startswith="Writer ", deleted_at=None)
    names = list(listed.values_list("name", flat=True))
    runs = ModelRun.objects.filter(config__symbol="SYN-gbm-1").count()
    sys.stdout.write(json.dumps({"names": names, "runs": runs}))


if __name__ == "__main__":
    main(*sys.argv[1:])
