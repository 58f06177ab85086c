"""Lists in pages that neither lose nor repeat a row, whatever is added meanwhile.

A cursor is the key of the last row that was seen: (value of the order field, id). The
next page is what comes after that key, so there is nothing to count and nothing shifts.
Rows without a value come last in both directions; ties are broken by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Model, Q, QuerySet

from quantlab.web.problem import Problem
from strategies.errors import did_you_mean

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")

MAX_LIMIT = 200


@dataclass(frozen=True)
class Page(Generic[Item]):
    items: list[Item]
    next_cursor: str | None


@dataclass(frozen=True)
class Order:
    """`-created_at` as asked for, and the field it names."""

    text: str
    path: str
    nullable: bool
    tie: str = "pk"

    @property
    def descending(self) -> bool:
        return self.text.startswith("-")

    def expressions(self) -> tuple[Any, str]:
        last = True if self.nullable else None
        if self.descending:
            return F(self.path).desc(nulls_last=last), f"-{self.tie}"
        return F(self.path).asc(nulls_last=last), self.tie

    def after(self, value: Any, pk: Any) -> Q:
        """Return what comes behind the row with this value and id."""
        beyond = "lt" if self.descending else "gt"
        behind_tie = {f"{self.tie}__{beyond}": pk}
        if value is None:
            return Q(**{f"{self.path}__isnull": True}, **behind_tie)
        behind = Q(**{f"{self.path}__{beyond}": value})
        behind |= Q(**{self.path: value}, **behind_tie)
        if self.nullable:
            behind |= Q(**{f"{self.path}__isnull": True})
        return behind

    def value_of(self, row: Model) -> Any:
        return attrgetter(self.path.replace("__", "."))(row)


def keyset_page(
    queryset: QuerySet[Row],
    *,
    order: str,
    fields: Mapping[str, str],
    limit: int,
    cursor: str = "",
    tie: str = "pk",
) -> Page[Row]:
    """Return up to `limit` rows behind `cursor`; one query.

    `fields` maps the names that may be asked for to fields or annotations of the
    queryset; rows of equal value are in the order of `tie`, which no two may share.
    An unknown order and a cursor from elsewhere are refused with 422.
    """
    key = _order(queryset, order, fields, tie)
    salt = f"cursor:{queryset.model._meta.label_lower}"
    ordered = queryset.order_by(*key.expressions())
    if cursor:
        ordered = ordered.filter(key.after(*_read(cursor, key, salt)))
    rows = list(ordered[: limit + 1])
    items = rows[:limit]
    is_last = len(rows) <= limit
    return Page(items, None if is_last else _write(items[-1], key, salt))


def unknown_word(field: str, word: str, known: Iterable[str]) -> Problem:
    """Return the 422 for a list parameter whose value is not one of the `known`."""
    words = list(known)
    code = f"unknown_{field}"
    message = f"There is no {field} {word[:80]!r}."
    return Problem(
        status=422,
        code=code,
        message=message,
        advice=did_you_mean(word, words) or f"Known: {', '.join(words)}.",
        errors=[{"field": field, "code": code, "message": message}],
    )


def _order(
    queryset: QuerySet[Row], text: str, fields: Mapping[str, str], tie: str
) -> Order:
    name = text.removeprefix("-")
    if name not in fields:
        raise unknown_word("order", name, fields)
    return Order(text, fields[name], _is_nullable(queryset, fields[name]), tie)


def _is_nullable(queryset: QuerySet[Row], path: str) -> bool:
    if path in queryset.query.annotations:
        return True
    try:
        field = queryset.model._meta.get_field(path)
    except FieldDoesNotExist:  # a path through a relation
        return True
    return bool(field.null)


def _write(row: Model, key: Order, salt: str) -> str:
    value = key.value_of(row)
    if isinstance(value, datetime):
        value = {"moment": value.isoformat()}
    elif isinstance(value, UUID):
        value = str(value)
    return signing.dumps([key.text, value, str(attrgetter(key.tie)(row))], salt=salt)


def _read(cursor: str, key: Order, salt: str) -> tuple[Any, str]:
    """Return (value, id); the signature vouches for their types."""
    try:
        text, value, pk = signing.loads(cursor, salt=salt)
    except signing.BadSignature:
        raise bad_cursor() from None
    if text != key.text:
        raise bad_cursor()
    if isinstance(value, dict):
        value = datetime.fromisoformat(value["moment"])
    return value, pk


def bad_cursor() -> Problem:
    message = "The cursor does not belong to this list in this order."
    return Problem(
        status=422,
        code="bad_cursor",
        message=message,
        advice="Send next_cursor of the last answer unchanged, with the same order.",
        errors=[{"field": "cursor", "code": "bad_cursor", "message": message}],
    )
