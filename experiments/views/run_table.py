"""The table of runs that several pages share: rows, sorting, filters, downloads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.counts import run_status_counts
from experiments.selectors.filters import RunFilter, narrowed
from experiments.selectors.runs import run_documents, run_page
from jobs.models import ACTIVE, JobStatus, canonical_status

ROWS_PER_PAGE = 50
NEWEST = "-created_at"
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 84.0, 22.0, 2.0


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; with an order its link sorts by it."""

    label: str
    order: str = ""
    unit: str = ""
    is_number: bool = False
    novice: str = ""


RUN_COLUMNS = (
    Column("Run", "name"),
    Column("Equity"),
    Column("Sharpe", "-sharpe", is_number=True),
    Column("Trials", is_number=True),
    Column("CAGR", "-cagr", "%", is_number=True, novice="Growth a year"),
    Column("Max DD", "-max_drawdown", "%", is_number=True, novice="Worst fall"),
    Column("Trades", "-trade_count", is_number=True),
    Column("Status", "status"),
    Column("When", "-created_at", is_number=True),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A column as it stands: where its link leads, and how it is sorted now."""

    column: Column
    query: str
    sorted: str  # value of aria-sort, or ""


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    query: str
    is_current: bool
    count: int


@dataclass(frozen=True, slots=True)
class RunRow:
    run: dict[str, Any]  # the document; what a Sharpe is shown from
    title: str
    url: str
    experiment: ModelExperiment | None
    spark: str

    @property
    def is_active(self) -> bool:
        return self.run["status"] in ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    rows: list[RunRow]
    headings: list[Heading]
    tabs: list[Tab]
    total: int
    asked: dict[str, str]
    query: str
    first_query: str
    next_query: str
    downloads: list[tuple[str, str]]
    has_experiment: bool  # every run is of the one experiment of the page

    @property
    def is_live(self) -> bool:
        return any(row.is_active for row in self.rows)

    @property
    def order_asked(self) -> str:
        """Return the order, "" where it is the usual one."""
        return self.asked["order"].removeprefix(NEWEST)


def run_table(
    request: HttpRequest, *, experiment: ModelExperiment | None = None
) -> RunTable:
    """Return one page of runs as the address asks for it; at most five queries."""
    asked = asked_of(request, NEWEST)
    experiment_id = experiment.pk if experiment else None
    wanted = narrowed(RunFilter(experiment_id=experiment_id, q=asked["q"]))
    page = run_page(
        replace(wanted, status=asked["status"]),
        order=asked["order"],
        limit=ROWS_PER_PAGE,
        cursor=asked["cursor"],
    )
    counts = run_status_counts(wanted)
    tabs = _tabs(asked, counts)
    following = asked | {"cursor": page.next_cursor or ""}
    return RunTable(
        rows=run_rows(page.items),
        headings=headings(RUN_COLUMNS, asked, NEWEST),
        tabs=tabs,
        total=sum(tab.count for tab in tabs if tab.is_current),
        asked=asked,
        query=query_of(asked, NEWEST),
        first_query=query_of(asked | {"cursor": ""}, NEWEST),
        next_query=query_of(following, NEWEST) if page.next_cursor else "",
        downloads=downloads("api:list_runs", asked | {"experiment_id": experiment_id}),
        has_experiment=experiment is not None,
    )


def asked_of(request: HttpRequest, default_order: str) -> dict[str, str]:
    """Return what an address says of a list, "" for what it leaves open."""
    names = ("status", "q", "order", "cursor")
    asked = {name: request.GET.get(name, "") for name in names}
    return asked | {"order": asked["order"] or default_order}


def query_of(asked: dict[str, str], default_order: str) -> str:
    """Return `?…` without what is so anyway."""
    kept = {name: value for name, value in asked.items() if value}
    if kept.get("order") == default_order:
        del kept["order"]
    return "?" + urlencode(kept)


def headings(
    columns: Sequence[Column], asked: dict[str, str], default_order: str
) -> list[Heading]:
    """Return the columns with links: a second click turns the order round."""
    current = asked["order"]
    found = []
    for column in columns:
        is_current = current.lstrip("-") == column.order.lstrip("-")
        order = _turned(current) if is_current else column.order
        link = query_of(asked | {"order": order, "cursor": ""}, default_order)
        way = "descending" if current.startswith("-") else "ascending"
        found.append(Heading(column, link, way if is_current else ""))
    return found


def _turned(order: str) -> str:
    return order.removeprefix("-") if order.startswith("-") else f"-{order}"


def downloads(name: str, asked: dict[str, Any]) -> list[tuple[str, str]]:
    """Return label and address of the same list in each form, all its pages."""
    wanted = {k: v for k, v in asked.items() if v and k != "cursor"}
    address = reverse(name)
    return [
        (label, f"{address}?{urlencode(wanted | form)}")
        for label, form in (
            ("CSV", {"format": "csv"}),
            ("Parquet", {"format": "parquet"}),
            ("JSON", {"format": "json"}),
        )
    ]


def _tabs(asked: dict[str, str], counts: dict[str, int]) -> list[Tab]:
    current = str(canonical_status(asked["status"]) or "")
    words = {"": sum(counts.values())} | {
        str(status): counts.get(status, 0) for status in JobStatus
    }
    return [
        Tab(
            word.capitalize() or "All",
            query_of(asked | {"status": word, "cursor": ""}, NEWEST),
            word == current,
            n,
        )
        for word, n in words.items()
    ]


def run_rows(runs: list[ModelRun]) -> list[RunRow]:
    documents = run_documents(runs, with_config=False)
    return [
        RunRow(
            run=document,
            title=run.name or run.job.title or document["id"][:8],
            url=document["links"]["page"],
            experiment=run.experiment,
            spark=spark_points(run.sparkline),
        )
        for run, document in zip(runs, documents, strict=True)
    ]


def spark_points(equity: Sequence[float]) -> str:
    """Return the points of a curve, logarithmic where it stays above zero."""
    if len(equity) < 2:
        return ""
    is_positive = all(value > 0 for value in equity)
    curve = [math.log(value) if is_positive else value for value in equity]
    low, reach = min(curve), max(curve) - min(curve)
    step = SPARK_WIDTH / (len(curve) - 1)
    room = SPARK_HEIGHT - 2 * SPARK_EDGE

    def place(value: float) -> str:
        share = (value - low) / reach if reach else 0.5
        return f"{SPARK_HEIGHT - SPARK_EDGE - room * share:.1f}"

    return " ".join(f"{i * step:.1f},{place(value)}" for i, value in enumerate(curve))
