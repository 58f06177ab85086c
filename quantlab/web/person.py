"""Who asks, and what they may do: known once for each request, and for each job.

A lab on a laptop has one person, the lab itself: it owns what belongs to nobody else
and may do everything. People appear where the lab asks for a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.signals import request_finished
from django.dispatch import receiver


class Scope(StrEnum):
    """What a key opens; each one opens what those before it do."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"

    def covers(self, other: Scope) -> bool:
        ladder = tuple(Scope)
        return ladder.index(self) >= ladder.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """A name that keys are made out to; "" is the lab itself."""

    name: str
    scope: Scope

    @property
    def sees_all(self) -> bool:
        return self.scope is Scope.ADMIN

    @property
    def may_work(self) -> bool:
        return self.scope.covers(Scope.RUN)

    def may_change(self, owner: str) -> bool:
        """Return whether what `owner` has is theirs to change."""
        return self.may_work and (self.sees_all or self.name == owner)


THE_LAB = Person("", Scope.ADMIN)
NOBODY = Person("", Scope.READ)  # not admitted: meets what is open to everybody

_asks: ContextVar[Person] = ContextVar("asks", default=THE_LAB)


def who_asks() -> Person:
    """Return who this is done for; the lab, where nobody asked."""
    return _asks.get()


def remember(person: Person) -> None:
    """Say who asks, until the request ends."""
    _asks.set(person)


@contextmanager
def asked_by(person: Person) -> Iterator[None]:
    """Do something for `person`, whoever asks."""
    before = _asks.set(person)
    try:
        yield
    finally:
        _asks.reset(before)


@receiver(request_finished, dispatch_uid="forget_who_asked")
def _forget(**_: Any) -> None:
    """Where threads are used again, nobody inherits the rights of the last one."""
    _asks.set(THE_LAB)
