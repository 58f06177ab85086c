"""What a list may be narrowed down to: conditions on runs and on experiments."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Q

from experiments.models import ModelRun, RunKind, RunSymbol
from jobs.models import JobStatus
from jobs.selectors import status_named
from quantlab.web.paging import unknown_word

FEW = 1_000
NOT_SUCCEEDED = [status for status in JobStatus if status != JobStatus.SUCCEEDED]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted; "" and None want all. Deleted ones never are.

    Archived runs are left out unless they are asked for.
    """

    status: str = ""
    kind: str = ""
    experiment_id: UUID | None = None
    strategy: str = ""
    symbol: str = ""
    tag: str = ""
    q: str = ""
    starred: bool | None = None
    archived: bool | None = False
    pinned: bool | None = None
    keys: tuple[UUID, ...] | None = None  # all that pass, where `narrowed` found few

    def where(self, prefix: str = "") -> Q:
        """Return the condition on a run, or on the run that `prefix` leads to."""
        condition = self._facts(prefix)
        if self.keys is not None:
            condition = Q(**{f"{prefix}pk__in": self.keys})
        if self.pinned is not None:
            condition &= Q(**{f"{prefix}pinned": self.pinned})
        return condition & _ended(self.status, prefix) if self.status else condition

    def _facts(self, prefix: str) -> Q:
        exact: dict[str, Any] = {"deleted_at__isnull": True}
        if self.kind:
            exact["kind"] = _kind_known(self.kind)
        if self.strategy:
            exact["strategy"] = self.strategy
        for name in ("experiment_id", "starred", "archived"):
            if getattr(self, name) is not None:
                exact[name] = getattr(self, name)
        condition = Q(**{f"{prefix}{key}": value for key, value in exact.items()})
        if self.symbol:
            condition &= trading(self.symbol, prefix)
        if self.tag:
            condition &= tagged(self.tag, prefix)
        return condition & named_or_tagged(self.q, prefix) if self.q else condition


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFilter:
    """Which experiments are wanted; as for runs."""

    strategy: str = ""
    symbol: str = ""
    tag: str = ""
    q: str = ""
    starred: bool | None = None
    archived: bool | None = False

    def where(self) -> Q:
        condition = Q(deleted_at__isnull=True)
        if self.strategy:
            condition &= Q(model_key=self.strategy)
        if self.symbol:
            condition &= _holds("universe", self.symbol)
        if self.tag:
            condition &= tagged(self.tag)
        for name in ("starred", "archived"):
            if getattr(self, name) is not None:
                condition &= Q(**{name: getattr(self, name)})
        return condition & named_or_tagged(self.q) if self.q else condition


def narrowed(wanted: RunFilter) -> RunFilter:
    """Return the same filter, with its runs by name if they are few; a query or none.

    So a search that finds little goes through all runs only once. One that finds much
    is met soon on the way along any index.
    """
    asked = (wanted.kind, wanted.strategy, wanted.symbol, wanted.tag, wanted.q)
    is_wide = not any(asked) and wanted.starred is None and not wanted.archived
    if is_wide or wanted.keys is not None:
        return wanted
    passing = replace(wanted, status="", pinned=None).where()
    runs = ModelRun.objects.filter(passing).order_by()
    keys = tuple(runs.values_list("pk", flat=True)[: FEW + 1])
    return wanted if len(keys) > FEW else replace(wanted, keys=keys)


def trading(symbol: str, prefix: str = "") -> Q:
    """Return the condition that a symbol is the run's own, or one of several."""
    among = RunSymbol.objects.filter(symbol=symbol).values("run")
    return Q(**{f"{prefix}symbol": symbol}) | Q(**{f"{prefix}pk__in": among})


def _ended(word: str, prefix: str) -> Q:
    status, field = status_named(word), f"{prefix}job__status"
    if status != JobStatus.SUCCEEDED:
        return Q(**{field: status})
    # Nearly all did: to begin with them, by their index, would be to read them all.
    return ~Q(**{f"{field}__in": NOT_SUCCEEDED})


def named_or_tagged(text: str, prefix: str = "") -> Q:
    """Return the condition that name or a tag contains `text`, whatever its case."""
    return Q(**{f"{prefix}name__icontains": text}) | _holds(f"{prefix}tags", text, "")


def tagged(tag: str, prefix: str = "") -> Q:
    """Return the condition that `tag` is one of the tags, whatever its case."""
    return _holds(f"{prefix}tags", tag)


def _holds(field: str, text: str, quote: str = '"') -> Q:
    """Return the condition on the JSON of a list of texts."""
    # SQLite holds it in plain ASCII, PostgreSQL as it was written.
    ways = {json.dumps(text, ensure_ascii=way)[1:-1] for way in (True, False)}
    condition = Q()
    for way in sorted(ways):
        condition |= Q(**{f"{field}__icontains": f"{quote}{way}{quote}"})
    return condition


def _kind_known(word: str) -> str:
    if word not in RunKind.values:
        raise unknown_word("kind", word, RunKind.values)
    return word
