"""Whose a thing is, and who else sees it: held here, for every read and write.

Whoever asks meets what is theirs, what the lab itself owns and what was shared; the
rest is not there. What is not theirs they cannot change. An admin meets and changes
everything, and so does work in the background: it is done for the owner of its job.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models
from django.db.models import Model, Q, QuerySet
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

from quantlab.web.person import who_asks
from quantlab.web.problem import Problem

Row = TypeVar("Row", bound=Model)
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")


class Visibility(models.TextChoices):
    PRIVATE = "private"
    PUBLIC = "public"


def seen(prefix: str = "") -> Q:
    """Return the condition that who asks may see a thing; none for an admin."""
    person = who_asks()
    if person.sees_all:
        return Q()
    mine = Q(**{f"{prefix}owner__in": ["", person.name]})
    return mine | Q(**{f"{prefix}visibility": Visibility.PUBLIC})


def mine() -> Q:
    """Return the condition that who asks may change a thing; none for an admin."""
    person = who_asks()
    return Q() if person.sees_all else Q(owner=person.name)


def not_yours() -> Problem:
    return Problem(
        status=403,
        message="This is not yours: it is shared with you to read.",
        advice="Make one of your own from it, or ask its owner.",
    )


class OwnedQuerySet(QuerySet[Row]):
    """Changes nothing where one of the rows belongs to somebody else."""

    def update(self, **values: Any) -> int:
        self._refuse_foreign()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_foreign()
        return super().delete()

    def bulk_create(self, objs: Iterable[Row], *args: Any, **how: Any) -> list[Row]:
        rows = list(objs)
        for row in rows:
            row.owner = row.owner or who_asks().name  # type: ignore[attr-defined]
        return super().bulk_create(rows, *args, **how)

    def _refuse_foreign(self) -> None:
        person = who_asks()
        if not person.sees_all and self.exclude(owner=person.name).exists():
            raise not_yours()


class OwnedManager(models.Manager[Row]):
    """What who asks may see."""

    def get_queryset(self) -> OwnedQuerySet[Row]:
        return OwnedQuerySet(self.model, using=self._db).filter(seen())


class OfRuns(models.Manager[Row]):
    """Rows that belong to a run: those of runs that who asks may see."""

    path = "run"

    def get_queryset(self) -> QuerySet[Row]:
        rows = super().get_queryset()
        return rows if who_asks().sees_all else rows.filter(seen(f"{self.path}__"))


class OfTrainings(OfRuns[Row]):
    path = "training__run"


class _ToSeen(ForwardManyToOneDescriptor):
    def __get__(self, instance: Model | None, cls: type[Model] | None = None) -> Any:
        found: Any = super().__get__(instance, cls)
        is_there = instance is None or found is None or found.is_seen
        return found if is_there else None


class OwnedKey(models.ForeignKey[_Set, _Get]):
    """Leads to what has an owner: to None for whom that is not there.

    A row that is shared may come of one that is not, however it was read.
    """

    forward_related_accessor_class = _ToSeen

    def deconstruct(self) -> Any:
        name, _, args, how = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, how


class Owned(models.Model):
    """Something with an owner; "" is the lab itself, whose things all may read."""

    owner = models.CharField(max_length=80, blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility, default=Visibility.PRIVATE
    )

    objects = OwnedManager[Any]()
    everyones = models.Manager[Any]()  # for what is one in the whole lab: ids, names

    class Meta:
        abstract = True

    def save(self, *args: Any, **how: Any) -> None:
        if self._state.adding:
            self.owner = self.owner or who_asks().name
        else:
            self.refuse_foreign()
        super().save(*args, **how)

    def delete(self, *args: Any, **how: Any) -> tuple[int, dict[str, int]]:
        self.refuse_foreign()
        return super().delete(*args, **how)

    @property
    def is_seen(self) -> bool:
        """Return whether who asks may read it; what `seen` asks of rows, of one."""
        person = who_asks()
        is_theirs = person.sees_all or self.owner in ("", person.name)
        return is_theirs or self.visibility == Visibility.PUBLIC

    @property
    def is_mine(self) -> bool:
        """Return whether who asks may change it."""
        return who_asks().may_change(self.owner)

    def refuse_foreign(self) -> None:
        if not self.is_mine:
            raise not_yours()
