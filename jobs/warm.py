"""A process that has paid for everything once, so that its forks start at once.

The fork server (`multiprocessing`'s: one thread, nothing open) warms up by importing
`jobs.preload`; each job is a fork of it and enters through `enter`. Nothing a child
calls here may need Django to be set up: a fork of a server that failed to warm up still
gets here.

The first server is itself a fork of the process that serves, made while that one has a
single thread (`fork_server`): what both have loaded is in memory once. A server that
took its place is a new process and shares nothing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import time
from multiprocessing import connection, forkserver
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

import structlog

PR_SET_PDEATHSIG = 1
NICE = 5  # of a job: pages are answered first, where both want the processor
COLD = 3  # exit code of a probe
logger = structlog.get_logger(__name__)

_server_pid = 0  # the process that warmed up; its forks find it as their parent


def fork_server() -> None:
    """Make the fork server a fork of this process, once it has loaded what both need.

    Where another thread runs already, nothing is done: a lock that it holds would stay
    locked. `multiprocessing` then starts a server as it always does.
    """
    from django.db import connections

    if _native_threads() > 1:
        return
    connections.close_all()
    listener = socket.socket(socket.AF_UNIX)
    address = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
    listener.bind(address)
    listener.listen()
    alive_r, alive_w = os.pipe()
    gc.freeze()  # a collection in either would copy the pages it touches
    pid = os.fork()
    if pid == 0:
        os.close(alive_w)
        _serve(listener, alive_r)
    listener.close()
    os.close(alive_r)
    known: Any = forkserver._forkserver  # what it would know had it started the server
    known._forkserver_address = address
    known._forkserver_alive_fd = alive_w
    known._forkserver_pid = pid


def _serve(listener: socket.socket, alive_r: int) -> NoReturn:
    """Be the fork server until nobody is left who could ask."""
    try:
        forkserver.main(listener.detach(), alive_r, ["jobs.preload"])
    except Exception:
        logger.exception("fork_server_failed")
    finally:  # never back into what the parent was about to do
        os._exit(1)


def warm_up() -> None:
    """Set Django up, import the handlers and run what `JOB_PRELOAD` names."""
    global _server_pid
    started = time.monotonic()
    die_with_parent()
    # Ctrl-C and a service manager's SIGTERM reach the whole group; the worker alone
    # decides. This process ends with it in any case.
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.set_threshold(50_000, 10, 10)  # as manage.py does
    set_up()
    # A fork that inherits an open connection would corrupt it.
    from django.db import connections

    connections.close_all()
    gc.collect()
    gc.freeze()  # a collection in a child would copy the pages it touches
    _server_pid = os.getpid()
    logger.info(
        "fork_server_ready",
        seconds=round(time.monotonic() - started, 2),
        native_threads=_native_threads(),
    )


def _native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def set_up() -> None:
    import django

    django.setup()
    from django.conf import settings

    from jobs.registry import kinds

    for kind in kinds():
        resolve_name(kind.handler)
    for hook in settings.JOB_PRELOAD:
        resolve_name(hook)()


def probe() -> None:
    """Entry of a first child: its exit code says whether the server is warm."""
    sys.exit(0 if _server_pid else COLD)


def enter(main: str, *args: str) -> None:
    """Entry of a child: become a killable group of its own, then call `main`."""
    die_with_parent()
    if _server_pid and os.getppid() != _server_pid:
        sys.exit(1)  # the server died before we could ask to die with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    os.nice(NICE)
    if not _server_pid:
        set_up()
        logger.warning("child_was_cold")
    resolve_name(main)(*args)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that made it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
