"""What a list may be narrowed down to: conditions on runs and on experiments."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import CharField, Q
from django.db.models.functions import Cast

from experiments.models import ModelRun, RunKind
from experiments.selectors.conditions import ended, holds, tagged, trading
from experiments.selectors.query.lists import EXPERIMENTS, MANY_RUNS, RUNS
from quantlab.web.paging import unknown_word

FEW = 1_000
REMEMBERED_S = 60.0
MOST_REMEMBERED = 1_000
_found_many: dict[RunFilter, float] = {}  # what found more than a few, until when


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted; "" and None want all. Deleted ones never are.

    Archived runs are left out unless they are asked for; `q` is a search in the
    language of runs, which may ask for them too.
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
    is_many: bool = False  # it found more, and need not look again

    def where(self, prefix: str = "") -> Q:
        """Return the condition on a run, or on the run that `prefix` leads to."""
        if self.keys is not None:
            condition = Q(**{f"{prefix}pk__in": self.keys})
        else:
            condition = self._facts(prefix)
        if self.pinned is not None:
            condition &= Q(**{f"{prefix}pinned": self.pinned})
        return condition & ended(self.status, prefix) if self.status else condition

    def _facts(self, prefix: str) -> Q:
        exact: dict[str, Any] = {"deleted_at__isnull": True}
        if self.kind:
            exact["kind"] = _kind_known(self.kind)
        if self.strategy:
            exact["strategy"] = self.strategy
        says_archived = RUNS.mentions(self.q, "archived")
        for name in ("experiment_id", "starred", "archived"):
            is_left_to_q = name == "archived" and says_archived
            if getattr(self, name) is not None and not is_left_to_q:
                exact[name] = getattr(self, name)
        condition = Q(**{f"{prefix}{key}": value for key, value in exact.items()})
        if self.symbol:
            condition &= trading(self.symbol, prefix)
        if self.tag:
            condition &= tagged(self.tag, prefix)
        if not self.q:
            return condition
        language = MANY_RUNS if self.is_many else RUNS
        return condition & language.where(self.q, prefix)


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
            condition &= holds("universe", self.symbol)
        if self.tag:
            condition &= tagged(self.tag)
        says_archived = EXPERIMENTS.mentions(self.q, "archived")
        for name in ("starred", "archived"):
            is_left_to_q = name == "archived" and says_archived
            if getattr(self, name) is not None and not is_left_to_q:
                condition &= Q(**{name: getattr(self, name)})
        return condition & EXPERIMENTS.where(self.q) if self.q else condition


def narrowed(wanted: RunFilter) -> RunFilter:
    """Return the same filter, with its runs by name if they are few; a query or none.

    So a search that finds little goes through all runs only once. One that finds much
    is met soon on the way along any index, and is not counted again for a while: that
    it is right does not hang on it, only which way is taken.
    """
    asked = (wanted.kind, wanted.strategy, wanted.symbol, wanted.tag, wanted.q)
    is_wide = not any(asked) and wanted.starred is None and not wanted.archived
    if is_wide or wanted.is_many or wanted.keys is not None:
        return wanted
    any_end = replace(wanted, status="", pinned=None)
    if _found_many.get(any_end, 0.0) > time.monotonic():
        return replace(wanted, is_many=True)
    runs = ModelRun.objects.filter(any_end.where()).order_by()
    # As text: where there are many, their ids are not used.
    texts = runs.values_list(Cast("pk", CharField()), flat=True)
    keys = list(texts[: FEW + 1])
    if len(keys) <= FEW:
        return replace(wanted, keys=tuple(UUID(key) for key in keys))
    if len(_found_many) >= MOST_REMEMBERED:
        _found_many.clear()
    _found_many[any_end] = time.monotonic() + REMEMBERED_S
    return replace(wanted, is_many=True)


def _kind_known(word: str) -> str:
    if word not in RunKind.values:
        raise unknown_word("kind", word, RunKind.values)
    return word
