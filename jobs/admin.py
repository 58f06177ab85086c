"""Jobs in the admin: looked at, called off and queued again; a row is never edited."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.models import Job
from jobs.queue import cancel, requeue
from quantlab.web.admin import RowAdmin


@admin.register(Job)
class JobAdmin(RowAdmin):
    list_display = ("id", "title", "kind", "status", "attempt", "created_at")
    list_filter = ("status", "kind")
    search_fields = ("id", "title", "message", "run_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("requeue_jobs", "cancel_jobs")

    @admin.action(description="Queue again what failed or was cancelled")
    def requeue_jobs(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        self.act(request, rows, lambda job: requeue(job.pk), "queued again")

    @admin.action(description="Cancel what has not finished")
    def cancel_jobs(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        self.act(request, rows, _call_off, "called off")


def _call_off(job: Job) -> bool:
    if job.is_finished:
        return False
    cancel(job.pk)
    return True
