"""The rows of a table of runs: of hundreds of parts, so not by templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from experiments.templatetags.honesty import luck_mini, sharpe_cell
from experiments.templatetags.lab_format import (
    ago,
    duration,
    percent,
    short_hash,
    zoned,
)
from experiments.templatetags.sharing import is_mine
from quantlab.web.markup import NOTHING, written
from strategies.numerals import UNKNOWN

register = template.Library()
Run = Mapping[str, Any]


class Cell(Protocol):
    """One number of a row; `form` names the drawing that stands for it, or is ""."""

    @property
    def label(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def form(self) -> str: ...


class Row(Protocol):
    """A run as a table shows it; `run` is its document."""

    @property
    def run(self) -> dict[str, Any]: ...
    @property
    def title(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def experiment(self) -> Any: ...
    @property
    def spark(self) -> str: ...
    @property
    def cells(self) -> Iterable[Cell]: ...
    @property
    def is_picked(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the rows of a table have in common.

    `experiment` is that of the page, or none; `n_columns` lie between name and status;
    with `can_pick` a row has the box and the star of _run_table.html's forms;
    `tags_url` is the list that a tag filters.
    """

    experiment: Any = None
    n_columns: int
    can_pick: bool = False
    tags_url: str = ""


@register.simple_tag
def run_rows(rows: Iterable[Row], **table: Any) -> SafeString:
    """Write the rows of runs in a table."""
    shown = Table(**table)
    return SafeString("\n".join(_row(row, shown) for row in rows))


ROW = (
    '<tr{picked}>{box}<td class="lead"><a id="open-{id}" href="{url}">{title}</a>{star}'
    '<small><span class="hash">{hash}</span>{beside}</small></td>{middle}'
    '<td class="state">{status}</td><td class="num muted hide">'
    '<time datetime="{moment}" title="{stamp}">{ago}</time></td></tr>'
)
BOX = (
    '<td class="fit pickbox bare"><input type="checkbox" id="pick-{}" form="run-picks"'
    ' name="sel" value="{}" aria-label="Select {}"{}></td>'
)
STAR = (
    '<button class="star" id="star-{}" form="run-{}" name="runs" value="{}"'
    ' aria-pressed="{}" aria-label="Star {}">{}</button>'
)
ARCHIVED, REMOVED = SafeString(" · archived"), SafeString(" · files removed")
PICKED, CHECKED = SafeString(' aria-selected="true"'), SafeString(" checked")


def _row(row: Row, table: Table) -> SafeString:
    run, made = row.run, localtime(row.run["created_at"])
    return written(
        ROW,
        picked=PICKED if row.is_picked else NOTHING,
        box=_box(row) if table.can_pick else NOTHING,
        id=run["id"],
        url=row.url,
        title=row.title,
        star=_star(row) if table.can_pick and is_mine(run) else NOTHING,
        hash=short_hash(run["config_hash"]),
        beside=_beside(row, table),
        middle=MIDDLES.get(run["status"], _ended)(row, table),
        status=status_mark(run["status"]),
        moment=made.isoformat(),
        stamp=zoned(made),
        ago=ago(made),
    )


def _box(row: Row) -> SafeString:
    key = row.run["id"]
    return written(BOX, key, key, row.title, CHECKED if row.is_picked else NOTHING)


def _star(row: Row) -> SafeString:
    key, is_starred = row.run["id"], row.run["starred"]
    form, pressed = ("unstar", "true") if is_starred else ("star", "false")
    return written(STAR, key, form, key, pressed, row.title, icon("star"))


def _beside(row: Row, table: Table) -> SafeString:
    """Write what stands behind the hash: the experiment, its state and its tags."""
    run, said = row.run, NOTHING
    if row.experiment and not table.experiment:
        url = row.experiment.get_absolute_url()
        said += written(' · <a href="{}">{}</a>', url, row.experiment.name)
    if run["archived"]:
        said += ARCHIVED
    if run["files_removed_at"]:
        said += REMOVED
    for tag in run["tags"]:
        url = f"{table.tags_url}?tag={quote(tag, safe='')}"
        said += written(' · <a class="tag" href="{}">{}</a>', url, tag)
    return said


# --- between name and status: numbers, or why there are none -------------------------

SPARK = (
    '<td class="hide"><svg class="spark" width="84" height="22" viewBox="0 0 84 22"'
    ' role="img" aria-label="Equity of {}"><polyline points="{}"/></svg></td>'
)
NO_SPARK = SafeString(f'<td class="hide">{UNKNOWN}</td>')
BAR = (
    '<td class="full" colspan="{}"><progress class="progress progress-thin"'
    ' id="bar-{}" value="{}" max="1" aria-label="Done">{}%</progress>'
    '<span class="hint">{}%{}</span></td>'
)


def _numbers(row: Row, table: Table) -> SafeString:
    spark = written(SPARK, row.title, row.spark) if row.spark else NO_SPARK
    return SafeString(spark + "".join(_cell(row.run, one) for one in row.cells))


DRAWINGS: Mapping[str, Callable[[Run], SafeString]] = {
    "sharpe": sharpe_cell,
    "luck": luck_mini,
}


def _cell(run: Run, cell: Cell) -> SafeString:
    draw = DRAWINGS.get(cell.form)
    text = draw(run) if draw else cell.text
    start = '<td class="num" data-label="{}"'
    if not cell.title:
        return written(start + ">{}</td>", cell.label, text)
    return written(start + ' title="{}">{}</td>', cell.label, cell.title, text)


def _waiting(row: Row, table: Table) -> SafeString:
    start = '<td class="full soft" colspan="{}">Waits for a free place.</td>'
    return written(start, table.n_columns)


def _at_work(row: Row, table: Table) -> SafeString:
    run, done = row.run, percent(row.run["progress"], 0)
    left = "" if run["eta_s"] is None else f", {duration(run['eta_s'])} left"
    return written(BAR, table.n_columns, run["id"], run["progress"], done, done, left)


def _ended(row: Row, table: Table) -> SafeString:
    """Write why a run that failed or was cancelled has no numbers."""
    tone, words = "soft", "Cancelled before there was a result."
    if row.run["status"] == "failed":
        error = row.run["error"] or {}
        tone, words = "bad", error.get("message") or "The reason was not recorded."
    cell = '<td class="full" colspan="{}"><span class="{}">{}</span></td>'
    return written(cell, table.n_columns, tone, words)


MIDDLES: Mapping[str, Callable[[Row, Table], SafeString]] = {
    "succeeded": _numbers,
    "queued": _waiting,
    "running": _at_work,
}


@cache
def icon(name: str) -> SafeString:
    """Draw an icon that every row has."""
    return render_to_string("components/icon.html", {"name": name})


@cache
def status_mark(status: str) -> SafeString:
    """Write the status of a row: of what succeeded only the glyph."""
    brief = status == "succeeded"
    context = {"status": status, "brief": brief}
    return render_to_string("components/status.html", context)
