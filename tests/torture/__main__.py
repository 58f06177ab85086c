"""Every long check of the lab's reliability, one after the other, as a page.

`make torture` runs it: what is killed, followed by a crowd and stopped, with figures.
It writes `docs/reliability.md`, and fails when a promise was not kept. Names behind it
(`python -m tests.torture search`) choose checks; the rows of the others stay.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from tests.torture import disk, sse, writers

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reliability.md"
KILLS = "tests/experiments/test_kills.py"
HEAD = """# Reliability

What `make torture` found on {machine}, and at which commit.
A small edition of each check is part of `make test`.
Killed with `kill -9`, at random moments: {kills} times in all.

| check | what was done | found | promise | kept | at |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    done: str
    found: str
    promise: str
    kept: bool

    @property
    def at(self) -> str:
        return f"{commit()}, {datetime.now(UTC):%d %B %Y}"

    def row(self) -> str:
        kept = "yes" if self.kept else "**no**"
        cells = (self.check, self.done, self.found, self.promise, kept, self.at)
        return f"| {' | '.join(cells)} |\n"


def kills(test: str, check: str, done: str) -> Finding:
    """Run one of the kill tests at full size, in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        told = ("-o", "junit_family=xunit1", f"--junitxml={report.name}")
        seconds, kept = at_full_size(f"{KILLS}::{test}", *told)
        n = n_kills(Path(report.name)) if kept else 0
    promise = "each run ends right, once, with the bytes of an undisturbed one"
    found = f"killed {n} times; {seconds:.0f} s until all had ended"
    return Finding(check, done, found, promise, kept)


def n_kills(report: Path) -> int:
    said = ElementTree.parse(report).iterfind(".//property[@name='kills']")
    return sum(int(one.attrib["value"]) for one in said)


def simulators() -> Finding:
    seconds, kept = at_full_size("tests/strategies/simulation")
    return Finding(
        "two simulators on invented markets",
        "the engine and one that shares no code with it, 12,000 scenes",
        f"{seconds:.0f} s",
        "the same account on each bar, to 1e-9",
        kept,
    )


def worker() -> Finding:
    seconds, kept = at_full_size("tests/jobs/test_kills.py")
    return Finding(
        "a worker and its jobs",
        "kill -9 of a job, of the fork server and of the worker; cancel; stop",
        f"{seconds:.0f} s",
        "none is lost or done twice; cancelled within 1 s, stopped within 2 s",
        kept,
    )


def proofs() -> Finding:
    archives = "tests/experiments/test_archive_learnt.py"
    seconds, kept = at_full_size("tests/experiments/test_reproduce.py", archives)
    return Finding(
        "a run of every kind made again",
        "backtest, sweep, walk-forward, validations, search and training, each in a "
        "clean process; a training in another lab as well",
        f"{seconds:.0f} s",
        "every byte the same; a model by its identity",
        kept,
    )


def walks() -> Finding:
    seconds, kept = at_full_size("tests/browser", "-n", "2")
    return Finding(
        "a browser on every page",
        "each page light and dark, wide and narrow; each walk in all its looks",
        f"{seconds:.0f} s",
        "nothing that axe-core minds, no message, no foreign request, fits 400 px",
        kept,
    )


def requests() -> Finding:
    seconds, kept = at_full_size("tests/journeys/test_api_conformance.py")
    return Finding(
        "invented requests of the API",
        "60 of each operation, right ones and wrong ones, most asked twice; each bound "
        "of each parameter and beyond it",
        f"{seconds:.0f} s",
        "status, content type, headers and body as documented, never a 500",
        kept,
    )


def hostile() -> Finding:
    seconds, kept = at_full_size("tests/access/test_hostile.py")
    return Finding(
        "hostile requests",
        "every address: foreign origins and hosts, forms without their token, paths "
        "and words that lead elsewhere, forged cursors, names that would act",
        f"{seconds:.0f} s",
        "refused or plainly answered; no file, no header, no script, no formula",
        kept,
    )


def damage() -> Finding:
    seconds, kept = at_full_size("tests/experiments/test_damage.py")
    return Finding(
        "lost and damaged files of a run",
        "each file cut, emptied, turned, replaced or gone, a tampered manifest; every "
        "address of the run",
        f"{seconds:.0f} s",
        "told by its name, never a 500; verified as damaged, and no other run",
        kept,
    )


def full_disk() -> Finding:
    began = time.monotonic()
    outcome = disk.measure()
    told = ", ".join(sorted(outcome.told)) or "nothing met it"
    return Finding(
        "a full disk",
        f"a lab on a disk of {disk.SIZE_MB} MB that is full three times, at work "
        "and while pages are read",
        f"told: {told}; {time.monotonic() - began:.0f} s"
        + "".join(f"; {wrong}" for wrong in outcome.wrong),
        "pages open, work says why it ended; what was whole stays whole; it goes on",
        not outcome.wrong and outcome.told == {"disk_full"},
    )


def many_writers() -> Finding:
    tally = writers.measure()
    return Finding(
        "writers of one SQLite file",
        f"{writers.WRITERS} processes write for {writers.SECONDS:.0f} s, beside a lab "
        "at work and page after page",
        f"{tally.rows} rows kept, as many deleted, {tally.runs} runs queued, "
        f"{tally.pages} pages, the slowest {tally.page_max_s * 1000:.0f} ms; "
        f"{tally.missing} rows missing" + "".join(f"; {one}" for one in tally.wrong),
        "nobody is told that the database is locked; each row is there, once",
        not tally.wrong and not tally.missing and tally.rows > 0,
    )


def at_full_size(tests: str, *options: str) -> tuple[float, bool]:
    """Run tests in a process of their own; return the seconds and whether all held."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", tests, *options]
    environment = os.environ | {"QUANT_TORTURE": "1"}
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        sys.stdout.write(answer.stdout[-4_000:])
    return time.monotonic() - began, answer.returncode == 0


def crowd() -> list[Finding]:
    figures = sse.measure()
    done = (
        f"{figures.clients} clients follow a sweep and {sse.RUNS - 1} runs; a quarter "
        "is cut off"
    )
    p50, p99 = figures.page_p50_s * 1000, figures.page_p99_s * 1000
    found = (
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms of {figures.pages} pages; "
        f"{figures.threads} threads, {figures.files} files"
    )
    return [
        Finding(
            "pages beside a crowd",
            done,
            f"{found}; no event missing, none twice",
            f"p99 < {sse.PAGE_P99_S * 1000:.0f} ms",
            figures.page_p99_s < sse.PAGE_P99_S,
        ),
        Finding(
            "stop with open streams",
            f"SIGTERM with {figures.clients} streams open",
            f"{figures.stop_s:.1f} s",
            f"< {sse.STOP_WITHIN_S:.0f} s",
            figures.stop_s < sse.STOP_WITHIN_S,
        ),
    ]


CHECKS: dict[str, Callable[[], Finding | list[Finding]]] = {
    "kills": lambda: kills(
        "test_runs_survive_every_kill",
        "kill -9 of children and workers",
        "40 runs; 40 processes of jobs and two workers, at random moments",
    ),
    "lab": lambda: kills(
        "test_runs_survive_the_death_of_the_whole_lab",
        "kill -9 of the whole lab",
        "20 runs; server and worker at once, at work and while they start",
    ),
    "sweep": lambda: kills(
        "test_a_sweep_goes_on_behind_its_last_chunk",
        "kill -9 in the middle of a sweep",
        "its process 18 times: after three of its chunks, six times in a row",
    ),
    "validation": lambda: kills(
        "test_a_validation_goes_on_behind_its_last_test",
        "kill -9 in the middle of a validation",
        "its process 18 times: after three of its tests, six times in a row",
    ),
    "simulators": simulators,
    "search": lambda: kills(
        "test_a_search_goes_on_behind_its_last_batch",
        "kill -9 in the middle of a search",
        "its process 18 times: after three of its batches, six times in a row",
    ),
    "worker": worker,
    "proofs": proofs,
    "pipeline": lambda: kills(
        "test_a_pipeline_goes_on_behind_its_last_run",
        "kill -9 in the middle of a pipeline",
        "its process 24 times: dataset, sweep twice, training, six times in a row",
    ),
    "hostile": hostile,
    "damage": damage,
    "disk": full_disk,
    "writers": many_writers,
    "requests": requests,
    "walks": walks,
    "crowd": crowd,
}


def commit() -> str:
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(asked, text=True).strip()


def rows_written() -> dict[str, str]:
    """Return the rows that the page has, by their check."""
    lines = PAGE.read_text().splitlines(keepends=True)
    rows = [line for line in lines if line.startswith("| ")][1:]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def head(rows: str) -> str:
    """Return what stands above the rows: the machine, and how often it was killed."""
    python = f"Python {platform.python_version()}"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    n = sum(int(times) for times in re.findall(r"killed (\d+) times", rows))
    return HEAD.format(machine=f"{machine}, {python}", kills=n)


def main(chosen: list[str]) -> None:
    if unknown := set(chosen) - CHECKS.keys():
        sys.exit(f"No such check: {', '.join(unknown)}. Known: {', '.join(CHECKS)}.")
    findings: list[Finding] = []
    rows = rows_written() if chosen else {}
    for name in chosen or CHECKS:
        found = CHECKS[name]()
        for finding in found if isinstance(found, list) else [found]:
            findings.append(finding)
            rows[finding.check] = finding.row()
            sys.stdout.write(finding.row())
            sys.stdout.flush()
    PAGE.write_text(head("".join(rows.values())) + "".join(rows.values()))
    sys.exit(not all(finding.kept for finding in findings))


if __name__ == "__main__":
    main(sys.argv[1:])
