"""The table of runs that several pages share: rows, sorting, filters, picks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.counts import run_status_counts
from experiments.selectors.filters import RunFilter, narrowed
from experiments.selectors.query.language import Language
from experiments.selectors.query.lists import RUNS
from experiments.selectors.runs import run_documents, run_page
from experiments.views.run_columns import (
    CHOICES,
    DEFAULT,
    Cell,
    columns_named,
    metric_columns,
)
from experiments.views.run_picks import Picks, picks_of
from jobs.models import ACTIVE, canonical_status
from quantlab.web.lists import Asked, Column, Field, Heading, Piece, Tab, asked_of
from quantlab.web.problem import Problem
from strategies.library.registry import LIBRARY
from strategies.metrics.registry import Metric

ROWS_PER_PAGE = 50
PINNED_SHOWN = 20  # more than these are no small group
NEWEST = "-created_at"
FIELDS = (
    Field(
        "strategy",
        "Strategy",
        (("", "Any"), *((name, one.label) for name, one in LIBRARY.items())),
    ),
    Field("symbol", "Symbol", placeholder="SP500"),
    Field("tag", "Tag", placeholder="A whole tag"),
    Field("starred", "Star", (("", "Any"), ("true", "Starred"), ("false", "Not"))),
    Field(
        "archived",
        "Archive",
        (("", "Left out"), ("true", "Only archived"), ("all", "Shown too")),
    ),
)
NAMES = ("status", *(field.name for field in FIELDS), "columns", "sel")
RUN, EQUITY = Column("Run", "name"), Column("Equity")
STATUS, WHEN = Column("Status", "status"), Column("When", NEWEST, is_number=True)
SPARKS_KEPT = 2_000  # a curve is drawn once, however often its list is looked at
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 84.0, 22.0, 2.0


@dataclass(frozen=True, slots=True)
class RunRow:
    run: dict[str, Any]  # the document; what a Sharpe is shown from
    title: str
    url: str
    experiment: ModelExperiment | None
    spark: str
    cells: list[Cell]
    is_picked: bool = False

    @property
    def is_active(self) -> bool:
        return self.run["status"] in ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    rows: list[RunRow]
    pinned: list[RunRow]  # the small group above the rest
    headings: list[Heading]
    tabs: list[Tab]
    total: int
    asked: Asked
    columns: tuple[str, ...]
    picks: Picks
    next_query: str
    experiment: ModelExperiment | None  # every run is of the one of the page
    fault: Problem | None  # why the search could not be read

    @property
    def language(self) -> Language:
        return RUNS

    @property
    def is_live(self) -> bool:
        return any(row.is_active for row in (*self.pinned, *self.rows))

    @property
    def n_shown(self) -> int:
        return len(self.rows) + len(self.pinned)

    @property
    def n_columns(self) -> int:
        """Return how many columns lie between the name of a run and its status."""
        return len(self.headings) - 3

    @property
    def query(self) -> str:
        return self.asked.query()

    @property
    def first_query(self) -> str:
        return self.asked.query(cursor="")

    @property
    def is_filtered(self) -> bool:
        return bool(self.asked.said(columns="", sel="", cursor="", order=""))

    @property
    def fields(self) -> list[Field]:
        return self.asked.filled(FIELDS)

    @property
    def pieces(self) -> list[Piece]:
        return self.asked.pieces(FIELDS)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Return what the form of search, filters and columns carries on."""
        return self.asked.hidden("q", "cursor", "columns", *(f.name for f in FIELDS))

    @property
    def choices(self) -> list[tuple[Metric, bool]]:
        return [(metric, metric.key in self.columns) for metric in CHOICES]

    @property
    def pick_hidden(self) -> list[tuple[str, str]]:
        """Return what the form of the boxes carries on: picks of other pages too."""
        shown = {row.run["id"] for row in (*self.pinned, *self.rows)}
        elsewhere = [str(key) for key in self.picks.keys if str(key) not in shown]
        return [*self.asked.hidden("sel"), *(("sel", key) for key in elsewhere)]

    @property
    def download(self) -> str:
        """Return the address of all runs of the list, up to and with `format=`."""
        beside = {}
        if self.experiment is not None:
            beside["experiment_id"] = str(self.experiment.pk)
        return self.asked.download(reverse("api:list_runs"), **beside)


def run_table(
    request: HttpRequest, *, experiment: ModelExperiment | None = None
) -> RunTable:
    """Return one page of runs as the address asks for it; at most eight queries."""
    asked = asked_of(request, NAMES, NEWEST)
    columns = columns_named(asked["columns"])
    fault = RUNS.fault(asked["q"])
    wanted = _filter(asked, experiment)
    wanted = replace(wanted, keys=()) if fault else narrowed(wanted)
    shown = replace(wanted, status=asked["status"])
    pinned = _pinned(shown, asked) if experiment else []
    page = run_page(
        replace(shown, pinned=False) if pinned else shown,
        order=asked.order,
        limit=ROWS_PER_PAGE,
        cursor=asked["cursor"],
    )
    current = str(canonical_status(asked["status"]) or "")
    tabs = asked.tabs("status", run_status_counts(wanted), current)
    picks = picks_of(asked, request.path)
    above = [] if asked["cursor"] else pinned
    rows = run_rows([*above, *page.items], columns, picks)
    following = asked.query(cursor=page.next_cursor or "")
    return RunTable(
        rows=rows[len(above) :],
        pinned=rows[: len(above)],
        headings=_headings(asked, columns),
        tabs=tabs,
        total=sum(tab.count for tab in tabs if tab.is_current),
        asked=asked,
        columns=columns,
        picks=picks,
        next_query=following if page.next_cursor else "",
        experiment=experiment,
        fault=fault,
    )


def _filter(asked: Asked, experiment: ModelExperiment | None) -> RunFilter:
    """Return which runs the address asks for, whatever their status."""
    return RunFilter(
        experiment_id=experiment.pk if experiment else None,
        strategy=asked["strategy"],
        symbol=asked["symbol"],
        tag=asked["tag"],
        q=asked["q"],
        starred=flag(asked, "starred"),
        archived=False if not asked["archived"] else flag(asked, "archived"),
    )


def flag(asked: Asked, name: str) -> bool | None:
    """Return what a yes or no says, None for `all` and for nothing; else 422."""
    words = {"true": True, "1": True, "false": False, "0": False, "all": None, "": None}
    text = asked[name].lower()
    if text in words:
        return words[text]
    message = f"{name} is true, false or all, not {text[:40]!r}."
    raise Problem(
        status=422,
        code="invalid_value",
        message=message,
        errors=[{"field": name, "code": "invalid_value", "message": message}],
    )


def _pinned(wanted: RunFilter, asked: Asked) -> list[ModelRun]:
    """Return the pinned runs of an experiment in its usual order, if they are few."""
    if asked.order != NEWEST:
        return []
    page = run_page(replace(wanted, pinned=True), limit=PINNED_SHOWN)
    return [] if page.next_cursor else page.items


def _headings(asked: Asked, columns: tuple[str, ...]) -> list[Heading]:
    numbers = [one.column for one in metric_columns(columns)]
    return asked.headings((RUN, EQUITY, *numbers, STATUS, WHEN))


def run_rows(
    runs: list[ModelRun],
    columns: tuple[str, ...] = DEFAULT,
    picks: Picks | None = None,
) -> list[RunRow]:
    documents = run_documents(runs, with_config=False)
    numbers = metric_columns(columns)
    picked = set(picks.keys) if picks else set()
    return [
        RunRow(
            run=document,
            title=run.name or run.job.title or document["id"][:8],
            url=document["links"]["page"],
            experiment=run.experiment,
            spark=spark_points(tuple(run.sparkline)),
            cells=[column.cell(document) for column in numbers],
            is_picked=run.pk in picked,
        )
        for run, document in zip(runs, documents, strict=True)
    ]


@lru_cache(maxsize=SPARKS_KEPT)
def spark_points(equity: tuple[float, ...]) -> str:
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
