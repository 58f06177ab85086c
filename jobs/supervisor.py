"""One thread per worker: it claims, forks, renews leases, cancels and buries."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection as waiting
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import TypedDict

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from jobs import lease, registry, warm
from jobs.models import Job, JobStatus, WorkerBeat

SERVER_GONE = 255  # what multiprocessing says when the fork server cannot tell
POLL_S = 1.0  # how often the table is read even if nobody called
STOP_WITHIN_S = 1.5
logger = structlog.get_logger(__name__)


class Claimable(TypedDict):
    pk: str
    kind: str
    owner: str
    quick: bool


@dataclass
class Child:
    """A running job's process; `end_by` is when patience with it ends."""

    job_id: str
    lease_owner: str
    process: BaseProcess
    reserved: bool
    is_long: bool = False
    end_by: float | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send to the whole group, or to the process if it has no group yet."""
        pid = self.process.pid
        if pid is None or self.process.exitcode is not None:
            return
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            _signal_if_there(pid, number)


def _signal_if_there(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class Supervisor(threading.Thread):
    """Fork children of a warm server for queued jobs, and answer for their rows.

    The thread that starts the fork server must outlive it: the kernel kills the server
    when this thread ends, and the children with it.
    """

    def __init__(self, chores: tuple[Callable[[], object], ...] = ()) -> None:
        super().__init__(name="job-supervisor", daemon=True)
        host = socket.gethostname()[:30]
        self.worker_id = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._chores = chores
        self._children: list[Child] = []
        self._stopping = threading.Event()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._context = get_context("forkserver")
        self._is_warm = False
        self._polled_at = self._renewed_at = -POLL_S

    def wake(self) -> None:
        """Make the thread look at the table now; from any thread."""
        try:
            self._bell.send(b"!")
        except OSError:
            return  # rung more often than anybody can hear, or nobody listens any more

    def start(self) -> None:
        """Start the thread, once the environment is as the fork server needs it.

        Not in the thread: while it changes, no other one can start a program.
        """
        # CPython 3.11 forgets to hand its search path to the fork server, whose
        # preload then fails, silently, unless the lab is started from its folder.
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        super().start()

    def stop(self) -> None:
        """Kill what runs and queue it again; back within `STOP_WITHIN_S`."""
        self._stopping.set()
        self.wake()
        self.join(STOP_WITHIN_S)

    def run(self) -> None:
        logger.info("worker_start", worker=self.worker_id)
        while not self._stopping.is_set():
            try:
                self._warm_up()
                self._tick()
                self._listen()
            except (DatabaseError, OSError, EOFError):
                # The table or the fork server is away; both may come back.
                logger.exception("supervisor_tick_failed", worker=self.worker_id)
                connections.close_all()
                self._stopping.wait(POLL_S)
        self._hand_back_all()
        connections.close_all()
        self._ear.close()
        self._bell.close()

    # --- one turn of the loop --------------------------------------------------------

    def _warm_up(self) -> None:
        """Start the fork server and wait until its first fork proves that it is warm.

        No job is claimed before that, so a stop in the meantime loses nothing.
        """
        if self._is_warm:
            return
        self._beat()
        self._context.set_forkserver_preload(["jobs.preload"])
        first = self._context.Process(target=warm.probe)
        first.start()
        first.join()
        if first.exitcode != 0:
            logger.error("fork_server_is_cold", exitcode=first.exitcode)
        self._is_warm = True

    def _tick(self) -> None:
        now = time.monotonic()
        woken = self._was_woken()
        freed = self._bury()
        self._watch(now)
        if now - self._renewed_at >= settings.QUANT_JOB_LEASE_S / 4:
            for child in self._children:
                lease.renew(child.job_id, child.lease_owner)
            self._renewed_at = now
        due = now - self._polled_at >= POLL_S
        if due:
            self._polled_at = now
            self._beat()
            self._reap()
            for chore in self._chores:
                chore()
        if due or freed or woken:
            self._claim_what_fits()

    def _listen(self) -> None:
        """Sleep until a call, the end of a child, or the next thing to do."""
        now = time.monotonic()
        pause = settings.QUANT_JOB_BEAT_S if self._children else POLL_S
        deadlines = [child.end_by - now for child in self._children if child.end_by]
        sentinels = [child.process.sentinel for child in self._children]
        waiting.wait([self._ear, *sentinels], max(min([pause, *deadlines]), 0.01))

    def _was_woken(self) -> bool:
        try:
            return bool(self._ear.recv(4096))
        except BlockingIOError:
            return False

    # --- children that run -----------------------------------------------------------

    def _bury(self) -> bool:
        """Settle the rows of children that are gone; True if there were any."""
        gone = [child for child in self._children if child.process.exitcode is not None]
        for child in gone:
            lease.take_back(child.job_id, child.lease_owner)
            # Only now: had the database refused, the next turn would try again.
            self._children.remove(child)
            if child.process.exitcode == SERVER_GONE:
                self._is_warm = False
        return bool(gone)

    def _watch(self, now: float) -> None:
        """End children whose job was cancelled, ended, or taken from us."""
        if not self._children:
            return
        rows = Job.objects.in_bulk([child.job_id for child in self._children])
        for child in self._children:
            job = rows.get(child.job_id)
            if child.end_by is not None:
                if now >= child.end_by:
                    child.signal(signal.SIGKILL)
            elif job is not None and job.is_finished:
                child.end_by = now + settings.QUANT_JOB_LEASE_S  # it is on its way out
            elif job is None or job.lease_owner != child.lease_owner:
                child.signal(signal.SIGKILL)
            elif job.cancel_requested:
                child.signal(signal.SIGTERM)
                child.end_by = now + _grace_s(job.kind)

    def _beat(self) -> None:
        if not WorkerBeat.objects.filter(pk=self.worker_id).update(
            beat_at=timezone.now()
        ):
            WorkerBeat.objects.create(pk=self.worker_id)

    def _reap(self) -> None:
        """Settle running jobs whose lease lapsed: their worker is gone."""
        mine = {child.lease_owner for child in self._children}
        for job_id, lease_owner in lease.lapsed():
            if lease_owner not in mine:
                lease.take_back(job_id, lease_owner)

    def _hand_back_all(self) -> None:
        for child in self._children:
            child.signal(signal.SIGKILL)
        try:
            for child in self._children:
                lease.hand_back(child.job_id, child.lease_owner)
            WorkerBeat.objects.filter(pk=self.worker_id).delete()
        except DatabaseError:
            # The leases lapse, and the next worker finds the jobs.
            logger.exception("hand_back_failed", worker=self.worker_id)
        self._children.clear()

    # --- children to come ------------------------------------------------------------

    def _claim_what_fits(self) -> None:
        """Claim queued jobs, oldest first, as slots and caps allow."""
        if self._slot_for(quick=True) is None:
            return
        queued = (
            Job.objects.filter(status=JobStatus.QUEUED, cancel_requested=False)
            .order_by("created_at", "pk")
            .values("pk", "kind", "owner", "quick")
        )
        candidates: list[Claimable] = list(queued)
        if not candidates:
            return
        running = Counter(
            Job.objects.filter(status=JobStatus.RUNNING).values_list("kind", "owner")
        )
        for job in candidates:
            is_long = _is_long(job["kind"])
            reserved = self._slot_for(quick=job["quick"], is_long=is_long)
            if reserved is None or _is_capped(job, running):
                continue
            if self._start(job["pk"], reserved=reserved, is_long=is_long):
                running[job["kind"], job["owner"]] += 1

    def _slot_for(self, *, quick: bool, is_long: bool = False) -> bool | None:
        """Return False for a general slot, True for the reserved one, None for none.

        Long jobs leave one general slot free, where there is more than one.
        """
        taken = Counter(child.reserved for child in self._children)
        if quick and not taken[True]:
            return True
        n_long = sum(child.is_long for child in self._children)
        if is_long and n_long >= max(settings.QUANT_JOB_SLOTS - 1, 1):
            return None
        return False if taken[False] < settings.QUANT_JOB_SLOTS else None

    def _start(self, job_id: str, *, reserved: bool, is_long: bool) -> bool:
        lease_owner = f"{self.worker_id}-{secrets.token_hex(4)}"
        if not lease.claim(job_id, lease_owner):
            return False
        process = self._context.Process(
            target=warm.enter,
            args=("jobs.runner:run_child", job_id, lease_owner),
            name=job_id,
        )
        try:
            process.start()
        except (OSError, EOFError):
            self._is_warm = False
            lease.hand_back(job_id, lease_owner)
            raise
        self._children.append(Child(job_id, lease_owner, process, reserved, is_long))
        return True


def _grace_s(kind: str) -> float:
    """Return how long a job of the kind may take to end once it was called off."""
    try:
        own = registry.kind_named(kind).grace_s
    except registry.UnknownKind:
        own = None
    return settings.QUANT_JOB_GRACE_S if own is None else own


def _is_long(kind: str) -> bool:
    try:
        return registry.kind_named(kind).is_long
    except registry.UnknownKind:
        return False


def _is_capped(job: Claimable, running: Counter[tuple[str, str]]) -> bool:
    """Return True while as many of the job's kind run as the kind allows."""
    try:
        kind = registry.kind_named(job["kind"])
    except registry.UnknownKind:
        return False  # the child says so, in the job's own words
    of_kind = sum(count for (name, _), count in running.items() if name == kind.name)
    of_owner = running[kind.name, job["owner"]]
    return _reached(of_kind, kind.max_running) or _reached(
        of_owner, kind.max_running_per_owner
    )


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
