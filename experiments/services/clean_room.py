"""A lab of its own for one run: its config, its bars, and nothing else.

A clean room is a folder with the run's rows and the bars that it reads. A fresh
interpreter is started in it and knows no other place: not the lab's database, caches,
files or settings. It makes the tables, does the run as any worker would, and leaves a
folder of files behind, to be compared with the one that is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db import connection, models

from experiments.artifacts.store import ArtifactStore
from jobs import runner, warm
from jobs.models import Job, JobStatus
from strategies.market.cache import CandleCache
from strategies.market.sources import read_only_kept
from strategies.market.store import FolderStore

if TYPE_CHECKING:
    from strategies import Candles

ASKED, DONE, SAID = "asked.json", "done.json", "said.log"
LEASE_OWNER = "clean-room"
BEAT_S = 0.5
SAID_AT_MOST = 4_000
# Besides what the interpreter needs: nothing else of the lab's surroundings goes in.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
# These choose how a library adds up on a processor: a part of what that processor is.
OF_NUMBERS = ("OPENBLAS_", "MKL_", "OMP_", "NPY_", "NUMBA_", "GLIBC_TUNABLES")
LIMITS = ("QUANT_EXPRESSION_MB", "QUANT_EXPRESSION_S")
logger = structlog.get_logger(__name__)

Told = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A job that waits to be done once more.

    `rows` are what its handler reads, the job among them; `files` are copied to where
    a lab keeps them, a path below its home.
    """

    job_id: str
    provider: str
    rows: Sequence[models.Model]
    candles: Sequence[Candles]
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: where the files are, or why there are none."""

    store: ArtifactStore
    error: Mapping[str, Any] | None  # as a failed job has it


# --- from outside --------------------------------------------------------------------


def clean_room_done(home: Path, ask: Ask, *, tell: Told) -> Done:
    """Do a job in a clean room at `home`, a folder that nobody else uses.

    `tell` is told how far it is about twice a second; what it raises ends the process.
    """
    shutil.rmtree(home, ignore_errors=True)
    _furnish(home, ask)
    with (home / SAID).open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "clean_room"],
            cwd=home,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            while not _has_ended(process):
                tell(*_progress(home))
        finally:
            process.kill()
            process.wait()
    return _done(home, process.returncode)


def _furnish(home: Path, ask: Ask) -> None:
    home.mkdir(parents=True)
    cache = CandleCache(FolderStore(home / "cache"))
    by_name = {(one.symbol, one.timeframe): one for one in ask.candles}
    bars = list(by_name.values())
    cache.put_all(bars, source_version="", qualities=[one.quality for one in bars])
    for name, path in ask.files.items():
        target = home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, target)
    rows = serializers.serialize("json", ask.rows)
    said = {"job_id": ask.job_id, "provider": ask.provider, "rows": json.loads(rows)}
    (home / ASKED).write_text(json.dumps(said))


def _environment(home: Path) -> dict[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(OF_NUMBERS)
    }
    limits = {name: str(getattr(settings, name)) for name in LIMITS}
    return (
        passed_on
        | limits
        | {
            "DJANGO_SETTINGS_MODULE": "quantlab.settings",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "QUANT_HOME": str(home),
            # Compiled of the same sources, and slow to compile again.
            "QUANT_NUMBA_CACHE": str(settings.QUANT_NUMBA_CACHE),
        }
    )


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=BEAT_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _progress(home: Path) -> tuple[int, int, str]:
    """Return what the job in the room says of itself; nothing until it has begun."""
    asked = "SELECT processed, total, message FROM jobs WHERE status = ?"
    path = home / "studio.db"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            row = database.execute(asked, [JobStatus.RUNNING]).fetchone()
    except sqlite3.Error:
        row = None
    processed, total, message = row or (0, 0, "")
    return processed, total or 0, message


def _done(home: Path, exit_code: int) -> Done:
    store = ArtifactStore(home / "runs")
    try:
        return Done(store, json.loads((home / DONE).read_bytes())["error"])
    except FileNotFoundError:
        said = (home / SAID).read_text(errors="replace")[-SAID_AT_MOST:]
        logger.error("clean_room_failed", exit_code=exit_code, said=said)
        words = "its process ended without a word"
        if exit_code == -signal.SIGKILL:
            words = "its process was killed, as one that needs too much memory is"
        return Done(store, {"code": "worker_lost", "message": f"Made again, {words}."})


# --- from inside ---------------------------------------------------------------------


def clean_room_work() -> None:
    """Do the job of the room that this process was started in."""
    warm.die_with_parent()
    home = settings.QUANT_HOME
    asked = json.loads((home / ASKED).read_bytes())
    read_only_kept(asked["provider"])
    _make_tables()
    connection.disable_constraint_checking()  # rows point to some that are not here
    _put(json.dumps(asked["rows"]))
    job = Job.objects.get(pk=asked["job_id"])
    runner.run(job)
    job.refresh_from_db()
    (home / DONE).write_text(json.dumps({"status": job.status, "error": job.error}))


def _make_tables() -> None:
    with connection.schema_editor() as editor:
        for app in ("jobs", "experiments"):
            for model in apps.get_app_config(app).get_models():
                editor.create_model(model)


def _put(rows: str) -> None:
    found: Iterable[Any] = serializers.deserialize("json", rows)
    for row in found:
        row.save()
