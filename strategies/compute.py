"""Where heavy work runs: threads of this process, as many as it may use."""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor


def n_threads() -> int:
    """Return how many threads one process may keep busy.

    ``NUMBA_NUM_THREADS`` if it is set, as it is for every worker; else the cores that
    this process may use.
    """
    wanted = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) else _n_cores()


def executor() -> Executor:
    """Return threads; kernels that release the interpreter's lock run side by side."""
    return ThreadPoolExecutor(max_workers=n_threads())


def _n_cores() -> int:
    return len(os.sched_getaffinity(0))
