"""What the tables of the admin have in common: rows are looked at, seldom changed.

What a row says of the past stays as it is. The few words that belong to people are
changed, and everything is done, by the services that pages and the API use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest

from quantlab.web.problem import Problem


class RowAdmin(admin.ModelAdmin):
    """Rows that are made and deleted elsewhere; `editable` fields may be changed."""

    editable: tuple[str, ...] = ()
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.editable) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return every field but the editable ones, those of later versions too."""
        names = [field.name for field in self.opts.concrete_fields]
        return [name for name in names if name not in self.editable]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*self.editable, *self.get_readonly_fields(request, obj)]

    def act(
        self,
        request: HttpRequest,
        rows: Iterable[Model],
        do: Callable[[Any], object],
        done: str,
    ) -> None:
        """Do it to each row and say to how many; `do` returns False where it was not.

        A refusal is told with the name of its row and does not stop the others.
        """
        n_done = 0
        for row in rows:
            try:
                n_done += 1 if do(row) is not False else 0
            except Problem as problem:
                text = f"{row}: {problem.message} {problem.advice}"
                self.message_user(request, text.strip(), messages.WARNING)
        level = messages.SUCCESS if n_done else messages.INFO
        self.message_user(request, f"{n_done} {done}.", level)
