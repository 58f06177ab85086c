"""Kinds of work that a test can kill, as an app above would register it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jobs.progress import JobContext
from jobs.registry import JobKind, Retry
from strategies.errors import ConfigError

HERE = "tests.jobs.kinds"


def nothing(context: JobContext) -> None:
    """Succeed at once."""


def stages(context: JobContext, *, items: int) -> None:
    context.stage("load")
    context.log("expr_evaluated", processed=1, total=items)
    context.stage("work")
    for done in range(items + 1):
        context.report(done, items, f"{done} of {items}", best={"sharpe": done / 10})


def patient(context: JobContext, *, gate: str) -> None:
    """Report until the file `gate` exists; tidy up in any case."""
    _say_who(context)
    try:
        while not Path(gate).exists():
            context.report(0, 1)
            time.sleep(0.02)
    finally:
        Path(gate).with_suffix(".tidied").touch()


def _say_who(context: JobContext) -> None:
    context.log("started", pid=os.getpid(), server_pid=os.getppid())
    context.flush()


def deaf(context: JobContext, *, gate: str) -> None:
    """Say nothing and listen to nothing until the file `gate` exists."""
    _say_who(context)
    while not Path(gate).exists():
        time.sleep(0.02)


def refused(context: JobContext) -> None:
    raise ConfigError("fast is 9.", code="bad_fast", field="fast", advice="Use 5.")


def crashed(context: JobContext) -> None:
    raise RuntimeError("a secret detail")


def flaky(context: JobContext, *, good_attempt: int) -> None:
    if context.job.attempt < good_attempt:
        raise Retry("The source did not answer.")


WARMED: list[str] = []


def preload() -> None:
    """What a floor above does once in the fork server."""
    WARMED.append("yes")


def says_warm(context: JobContext) -> None:
    context.log("warm", answer=WARMED)


ended: list[str] = []


def on_finish(job_id: str) -> None:
    ended.append(job_id)


KINDS = (
    JobKind("nothing", f"{HERE}:nothing", "Nothing", on_finish=f"{HERE}:on_finish"),
    JobKind(
        "stages",
        f"{HERE}:stages",
        "Stages",
        payload={"items": int},
        stages=("load", "work"),
    ),
    JobKind("patient", f"{HERE}:patient", "Patient", payload={"gate": str}),
    JobKind(
        "patient_once",
        f"{HERE}:patient",
        "Patient, one attempt",
        payload={"gate": str},
        max_attempts=1,
    ),
    JobKind(
        "patient_alone",
        f"{HERE}:patient",
        "Patient, one at a time",
        payload={"gate": str},
        max_running=1,
    ),
    JobKind(
        "patient_owned",
        f"{HERE}:patient",
        "Patient, one per owner",
        payload={"gate": str},
        max_running_per_owner=1,
    ),
    JobKind(
        "patient_long", f"{HERE}:patient", "Long", payload={"gate": str}, is_long=True
    ),
    JobKind("deaf", f"{HERE}:deaf", "Deaf", payload={"gate": str}),
    JobKind("refused", f"{HERE}:refused", "Refused"),
    JobKind("crashed", f"{HERE}:crashed", "Crashed"),
    JobKind(
        "flaky",
        f"{HERE}:flaky",
        "Flaky",
        payload={"good_attempt": int},
        retries=2,
    ),
    JobKind("says_warm", f"{HERE}:says_warm", "Says whether it is warm"),
    JobKind("hasty", f"{HERE}:nothing", "Hasty", quick=True),
)
