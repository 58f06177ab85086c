"""What a table of runs writes hundreds of times a page, without a template for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from experiments.templatetags.honesty import luck_mini, sharpe_cell

register = template.Library()


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


DRAWINGS: Mapping[str, Callable[[Mapping[str, Any]], SafeString]] = {
    "sharpe": sharpe_cell,
    "luck": luck_mini,
}


@register.simple_tag
def run_cells(run: Mapping[str, Any], cells: Iterable[Cell]) -> SafeString:
    """Write the numbers of a run that has them."""
    return format_html_join("", "{}", ((_cell(run, cell),) for cell in cells))


def _cell(run: Mapping[str, Any], cell: Cell) -> SafeString:
    draw = DRAWINGS.get(cell.form)
    text = draw(run) if draw else cell.text
    start = '<td class="num" data-label="{}"'
    if not cell.title:
        return format_html(start + ">{}</td>", cell.label, text)
    return format_html(start + ' title="{}">{}</td>', cell.label, cell.title, text)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Draw an icon that every row has."""
    return render_to_string("components/icon.html", {"name": name})


@register.simple_tag
@cache
def status_mark(status: str) -> SafeString:
    """Write the status of a row: of what succeeded only the glyph."""
    brief = status == "succeeded"
    context = {"status": status, "brief": brief}
    return render_to_string("components/status.html", context)
