"""Draws shared between threads: what is drawn never depends on how many there are."""

from __future__ import annotations

from itertools import count

from strategies.compute import executor, n_threads
from strategies.kernels import resolve

SHARE = 64  # draws a thread takes at a time
AT_ONCE = 1 << 19  # random numbers that are drawn and held together


def on_all_threads(kernel: str, n_draws: int, *arguments: object) -> None:
    """Let every thread take shares of the draws until none is left.

    Parameters
    ----------
    kernel : str
        Of `strategies.kernels.resampling`; it is given first and last draw and then
        `arguments`, and writes only the rows of its draws.
    """
    run = resolve(f"strategies.kernels.resampling:{kernel}")
    shares = count(0, SHARE)

    def work() -> None:
        while (first := next(shares)) < n_draws:
            run(first, min(first + SHARE, n_draws), *arguments)

    threads = min(n_threads(), -(-n_draws // SHARE))
    if threads == 1:
        work()
        return
    with executor() as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()


def batches(n_draws: int, numbers_each: int) -> list[range]:
    """Return the draws in batches that fit into memory."""
    step = max(1, AT_ONCE // max(1, numbers_each))
    return [range(i, min(i + step, n_draws)) for i in range(0, n_draws, step)]
