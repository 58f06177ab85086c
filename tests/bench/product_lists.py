"""Lists of 10,000 runs, one run and its report over HTTP; every page of the lab."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.bench.product_rows import (
    IS_QUICK,
    NOTHING,
    Row,
    ninety_five,
    percentiles,
    ratio,
    said,
)
from tests.bench.product_servers import SEARCH, Client, Refused, at_once

ROUNDS, PAGE_ROUNDS = (10, 3) if IS_QUICK else (40, 12)
STRETCH = 5  # questions that one side is asked before the other
PATIENCE_S = 4 if IS_QUICK else 20  # with one side of a row
LIST_P95_MS = 100.0  # of every page and list
MOST_GROWTH = 1.5  # for ten times the runs
SKIPPED = ("/admin", "/api/", "/static", "/media")


@dataclass(frozen=True, slots=True)
class Question:
    """The same question to both; `theirs` is a body to search runs by, or a path."""

    work: str
    ours: str
    theirs: dict[str, Any] | str | None
    must_ms: tuple[float | None, float | None] = (None, None)  # 1 client, 4 clients
    is_even: bool = False  # p95 has to be at most twice p50

    @property
    def is_list(self) -> bool:
        return isinstance(self.theirs, dict)


Asking = Callable[[Client], tuple[float, bytes]]


def asking(question: Question, *, of_peer: bool) -> Asking:
    theirs = question.theirs
    if not of_peer:
        return lambda client: client.ask(question.ours)
    if isinstance(theirs, str):
        return lambda client: client.ask(theirs)
    return lambda client: client.ask(SEARCH, theirs)


def questions(ours: Client, theirs: Client) -> list[Question]:
    base = {"experiment_ids": ["1"], "max_results": 50}
    by_sharpe = base | {"order_by": ["metrics.sharpe DESC"]}
    narrow = "metrics.sharpe > 0.5 and attributes.status = 'FINISHED'"
    filtered = base | {"order_by": ["metrics.calmar DESC"], "filter": narrow}
    asked = quote("sharpe > 0.5 and status:succeeded")
    second = ours.read("/api/runs")["next_cursor"]
    page_2 = base | {"page_token": theirs.read(SEARCH, base)["next_page_token"]}
    return [
        Question("Order by a metric", "/api/runs?order=-sharpe", by_sharpe, (30, 80)),
        Question(
            "Filter and order",
            f"/api/runs?q={asked}&order=-calmar",
            filtered,
            (30, 80),
        ),
        Question("First 50", "/api/runs", base, (15, None), is_even=True),
        Question(
            "Page 2",
            f"/api/runs?cursor={quote(second)}",
            page_2,
            (15, None),
            is_even=True,
        ),
    ]


def questions_of(run: dict[str, Any]) -> list[Question]:
    run_id = run["id"]
    get = f"/api/2.0/mlflow/runs/get?run_id={run_id.replace('-', '')}"
    return [
        Question("One run", f"/api/runs/{run_id}", get, (4, None)),
        Question("Open a report", f"/api/runs/{run_id}/report", None),
        Question("Page of a report", f"/model-lab/runs/{run_id}", None),
    ]


def agree(question: Question, ours: bytes, theirs: bytes) -> None:
    """End the run if two lists are not the same; equal numbers may change places."""
    own = [run["id"].replace("-", "") for run in json.loads(ours)["items"]]
    them = [run["info"]["run_id"] for run in json.loads(theirs)["runs"]]
    if sorted(own) != sorted(them):
        raise SystemExit(f"{question.work}: {len({*own} ^ {*them})} runs differ.")


def list_rows(port: int, peer: int) -> list[Row]:
    """Return what each question takes one client, and four at once."""
    ours, theirs = Client(port), Client(peer)
    rows = []
    for question in [*questions(ours, theirs), *questions_of(best_run(ours))]:
        if question.is_list:
            mine = asking(question, of_peer=False)(ours)[1]
            agree(question, mine, asking(question, of_peer=True)(theirs)[1])
        for n in (1, 4):
            rows.append(said(judged(question, n, *timed(port, peer, question, n))))
    return rows


def best_run(client: Client) -> Any:
    return client.read("/api/runs?order=-sharpe&limit=1")["items"][0]


def timed(
    ours: int, theirs: int, question: Question, n: int
) -> tuple[list[float], list[float]]:
    """Return what both took, asked by `n` clients at once, a stretch in turns."""
    took: dict[bool, list[float]] = {False: [], True: []}
    sides = [False] if question.theirs is None else [False, True]
    clients = {
        side: [Client(theirs if side else ours) for _ in range(n)] for side in sides
    }
    for side in sides:  # wakes them up
        at_once(asking(question, of_peer=side), clients[side])
    for side in sides * (ROUNDS // STRETCH):
        for _ in range(STRETCH):
            if sum(took[side]) < PATIENCE_S * 1e3 * n:
                answers = at_once(asking(question, of_peer=side), clients[side])
                took[side] += [milliseconds for milliseconds, _ in answers]
    return took[False], took[True]


def judged(question: Question, n: int, ours: list[float], theirs: list[float]) -> Row:
    """Return the row; what has no must of its own stays below that of every list."""
    most, p95 = question.must_ms[0 if n == 1 else 1], ninety_five(ours)
    p50 = statistics.median(ours)
    must, is_met = f"p95 < {LIST_P95_MS:g}", p95 < LIST_P95_MS
    if most is not None:
        must, is_met = f"p50 ≤ {most:g}", p50 <= most
        if question.is_even:
            must, is_met = f"{must}, p95 ≤ 2 × p50", is_met and p95 <= 2 * p50
    return Row(
        f"{question.work}, {n} client{'s' if n > 1 else ''}",
        percentiles(ours),
        percentiles(theirs) if theirs else NOTHING,
        ratio(ours, theirs),
        must,
        is_met,
    )


def growth_rows(large: tuple[int, int], small: tuple[int, int]) -> list[Row]:
    """Return by how much each list is slower for ten times the runs."""
    of_large, of_small = ([Client(port) for port in ports] for ports in (large, small))
    asked = zip(questions(*of_large), questions(*of_small), strict=True)
    return [said(_growth(*pair, of_large, of_small)) for pair in asked]


def _growth(
    of_large: Question, of_small: Question, large: list[Client], small: list[Client]
) -> Row:
    grown = []
    for side in (False, True):
        much, little = asking(of_large, of_peer=side), asking(of_small, of_peer=side)
        took: tuple[list[float], list[float]] = ([], [])
        while len(took[0]) < ROUNDS and sum(took[0]) < PATIENCE_S * 1e3:
            took[0].append(much(large[side])[0])
            took[1].append(little(small[side])[0])
        grown.append(statistics.median(took[0]) / statistics.median(took[1]))
    return Row(
        f"{of_large.work}, 10x runs",
        f"{grown[0]:.2f}x",
        f"{grown[1]:.1f}x",
        must=f"≤ {MOST_GROWTH}x",
        is_met=grown[0] <= MOST_GROWTH,
    )


Page = tuple[float, float, str]


def pages(port: int) -> list[Page]:
    """Return p50, p95 and address of every page that answers, the slowest first."""
    client = Client(port)
    found = []
    for path in page_paths(best_run(client)):
        try:
            client.ask(path)
        except Refused:
            continue  # filled with nothing that is there, or wants to be sent
        took = [client.ask(path)[0] for _ in range(PAGE_ROUNDS)]
        found.append((statistics.median(took), ninety_five(took), path))
    return sorted(found, key=lambda one: -one[1])


def page_paths(run: dict[str, Any]) -> list[str]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")
    import django

    django.setup()
    from tests.addresses import addresses

    known = {
        "run_id": run["id"],
        "experiment_id": run["experiment_id"],
        "job_id": run["job_id"],
        "pool": run["honesty"]["pool"],
        "key": "max_drawdown",
        "feature": "past_return",
        "primitive": "ts_rank",
        "model_id": "momentum_logit",
    }
    lists = ["/backtesting?order=-sharpe", "/backtesting?q=sharpe%20%3E%200.5"]
    own = [one for one in addresses(known) if not one.startswith(SKIPPED)]
    return [*own, *lists]


def page_lines(slow: list[Page]) -> list[str]:
    """Return how many pages are fast enough, and which are the slowest."""
    n_fast = sum(p95 < LIST_P95_MS for _, p95, _ in slow)
    return [
        f"Of {len(slow)} pages, {n_fast} stay below {LIST_P95_MS:g} ms at p95. "
        "The slowest:",
        "",
        "| page | p50 / p95, ms |",
        "|---|---|",
        *(f"| `{path[:60]}` | {p50:.1f} / {p95:.1f} |" for p50, p95, path in slow[:8]),
        "",
    ]
