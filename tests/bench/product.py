"""W7 to W9: the product over HTTP and in the browser at 10,000 runs, beside MLflow.

Both servers run at once, hold the same runs and take turns; every connection is kept.
What a list answers has to be the same runs in the same order, or there is no row. The
section is written behind the engine's; labs and environments are made once, and what
is written is written to copies.
"""

from __future__ import annotations

import os

from tests.bench.document import PRODUCT, product_written
from tests.bench.product_browser import browser_rows, run_sights
from tests.bench.product_lists import (
    Page,
    growth_rows,
    list_rows,
    page_lines,
    pages,
)
from tests.bench.product_rows import Row, table
from tests.bench.product_servers import (
    EXPERIMENTS,
    HOME,
    LAB,
    MLFLOW,
    RUNS,
    Client,
    every_run,
    the_lab,
    the_peer,
)
from tests.bench.product_writes import log_rows, started, work_rows

SMALL = HOME / "lab-small"
LISTS = (
    "Milliseconds from sending to the last byte over a kept connection, p50 / p95; the "
    "same runs in every list. Both sides are asked in turns, five times at a stretch, "
    "as somebody who looks through a list does. Growth is the time of one client at "
    "10,000 runs over that at 1,000."
)
WORK = (
    "A lab of the same runs that is written to. Start is from `manage.py serve` to the "
    "first answer; memory the sum of PSS of all its processes, pages that several "
    "share counted once. Logging a run is one `POST /api/backtest`, until its row and "
    "its job are kept: the lab computes it behind and keeps its metrics by itself; "
    "theirs are three calls with as many metrics (create, log-batch, update). While "
    "four write, the worker computes what they asked for. A backtest is one POST "
    "with `Prefer: wait` and then its report; what is called off has begun."
)
BROWSER = (
    "Chromium, 1280 × 900: seconds from the address until what the page is for is "
    "drawn, cold in a browser that was never here, warm the same again. What comes "
    "over the wire, the heap of JavaScript after a collection and the elements are "
    "read 1.5 s later. Theirs is MLflow's own page of the same."
)


def section(parts: list[list[str]], slow: list[Page]) -> str:
    head = [
        PRODUCT,
        "",
        f"{RUNS:,} runs and {EXPERIMENTS} experiments on SQLite, beside MLflow "
        f"{MLFLOW} with the same runs, one uvicorn process here and two workers there. "
        f"The load of the machine was {os.getloadavg()[2]:.0f} meanwhile: only on a "
        "quiet one are the times ours. A figure over its must is written as it is.",
        "",
    ]
    lines = [line for part in parts for line in part]
    return "\n".join([*head, *lines, *page_lines(slow)])


def main() -> None:
    lists: list[Row] = []
    work: list[Row] = []
    with the_lab(LAB) as port, the_peer(every_run(Client(port))) as peer:
        lists += list_rows(port, peer)
        with the_lab(SMALL, runs=RUNS // 10) as small:
            few = every_run(Client(small))
            with the_peer(few, "runs-small") as small_peer:
                lists += growth_rows((port, peer), (small, small_peer))
        slow = pages(port)
        seen = browser_rows(run_sights(port, peer))
    with started(work) as (port, peer):
        done = work_rows(port)
        swept = [row for row in done if row.work.startswith("Page of 10,000")]
        work += [row for row in done if row not in swept]
        work += log_rows(port, peer)
    parts = [
        table("Lists", LISTS, lists),
        table("Work", WORK, work),
        table("In the browser", BROWSER, [*seen, *swept]),
    ]
    product_written(section(parts, slow))


if __name__ == "__main__":
    main()
