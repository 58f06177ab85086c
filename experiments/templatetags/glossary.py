"""The one way in which a page names a number: in the reader's words, with its meaning.

{% term "max_drawdown" %}       its name, a link into the glossary
{% term "dsr" "DSR" %}          the same with another label
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from experiments.selectors.glossary import Entry, entry_named

register = template.Library()


@register.simple_tag(takes_context=True)
def term(context: Context, key: str, label: str = "") -> SafeString:
    """Write the link; its title says what the number says."""
    entry = entry_named(key)
    return format_html(
        '<a class="term" href="{}" title="{}">{}</a>',
        reverse("experiments:glossary-entry", args=[entry.key]),
        entry.words,
        label or called(entry, context.get("view") or ""),
    )


@register.filter
def called(entry: Entry, view: str) -> str:
    """Return its name in the words of the view, expert or novice."""
    return entry.novice if view == "novice" else entry.name


UNITS: dict[str, Any] = {
    "fraction": "a fraction; pages show percent",
    "percent": "percent",
    "ratio": "a plain number",
    "cash": "cash, in the currency of the account",
    "bars": "bars",
    "count": "a count",
    "ms": "milliseconds since 1970, UTC",
    "years": "years",
}
DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "none": "neither; it describes",
}
SIGNS = {"positive": "zero or above", "negative": "zero or below", "any": "either"}


@register.filter
def in_words(word: str, of: str) -> str:
    """Return what a word of the registry means: `{{ one.unit|in_words:"unit" }}`."""
    tables = {"unit": UNITS, "better": DIRECTIONS, "sign": SIGNS}
    return str(tables[of].get(word, word))
