"""Addresses of the machine room's pages."""

from __future__ import annotations

from django.urls import path

from jobs.views import job_cancel, job_detail, job_list

app_name = "jobs"

urlpatterns = [
    path("jobs", job_list, name="job-list"),
    path("jobs/<str:job_id>", job_detail, name="job-detail"),
    path("jobs/<str:job_id>/cancel", job_cancel, name="job-cancel"),
]
