"""Conditions on rows that several filters share: tags, names, symbols, ends."""

from __future__ import annotations

import json

from django.db.models import Q

from experiments.models import RunSymbol
from jobs.models import JobStatus
from jobs.selectors import status_named
from quantlab.web.person import who_asks

NOT_SUCCEEDED = [status for status in JobStatus if status != JobStatus.SUCCEEDED]


def trading(symbol: str, prefix: str = "") -> Q:
    """Return the condition that a symbol is the run's own, or one of several."""
    among = RunSymbol.objects.filter(symbol=symbol).values("run")
    return Q(**{f"{prefix}symbol": symbol}) | Q(**{f"{prefix}pk__in": among})


def ended(word: str, prefix: str = "") -> Q:
    """Return the condition that a run's work has a status; 422 for no such word."""
    status, field = status_named(word), f"{prefix}job__status"
    if status != JobStatus.SUCCEEDED:
        return Q(**{field: status})
    # Nearly all did: to begin with them, by their index, would be to read them all.
    return ~Q(**{f"{field}__in": NOT_SUCCEEDED})


def named_or_tagged(text: str, prefix: str = "") -> Q:
    """Return the condition that name or a tag contains `text`, whatever its case."""
    return Q(**{f"{prefix}name__icontains": text}) | holds(f"{prefix}tags", text, "")


def tagged(tag: str, prefix: str = "") -> Q:
    """Return the condition that `tag` is one of the tags, whatever its case."""
    return holds(f"{prefix}tags", tag)


def owned_by(word: str, prefix: str = "") -> Q:
    """Return the condition that somebody owns it, told by name or from who asks."""
    name, me = word.casefold(), who_asks().name
    if name == "others":
        return ~Q(**{f"{prefix}owner__in": ["", me]})
    return Q(**{f"{prefix}owner": {"me": me, "lab": ""}.get(name, name)})


def holds(field: str, text: str, quote: str = '"') -> Q:
    """Return the condition on the JSON of a list of texts."""
    # SQLite holds it in plain ASCII, PostgreSQL as it was written.
    ways = {json.dumps(text, ensure_ascii=way)[1:-1] for way in (True, False)}
    condition = Q()
    for way in sorted(ways):
        condition |= Q(**{f"{field}__icontains": f"{quote}{way}{quote}"})
    return condition
