"""What this lab is made of, and how it is now. No secret is ever shown."""

from __future__ import annotations

import platform
import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from experiments.selectors.limits import limits
from experiments.selectors.retention import retention_rule
from jobs.models import ACTIVE, Job, WorkerBeat
from jobs.selectors import job_rows, status_counts
from quantlab.env import unknown_variables, variables
from quantlab.telemetry import health
from quantlab.web.times import zone_names, zone_of
from quantlab.web.version import git_hash
from strategies import __version__

SHOWN = 20  # jobs and workers
PACKAGES = ("django", "numpy", "numba", "pandas", "pyarrow", "arch", "altair")


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str


@require_GET
def settings_page(request: HttpRequest) -> HttpResponse:
    context = {
        "zone_chosen": zone_of(request),
        "zones": zone_names(),
        "limits": limits(),
        "variables": variables(),
        "unknown_variables": unknown_variables(),
        "versions": versions(),
        "home": str(settings.QUANT_HOME),
        "asks_for_key": bool(settings.QUANT_API_KEY),
    }
    return render(request, "settings.html", context)


@require_GET
def system_page(request: HttpRequest) -> HttpResponse:
    """Show what is at work and what the lab is made of; the disk loads itself."""
    active = Job.objects.filter(status__in=ACTIVE).order_by("created_at", "pk")
    context = {
        "health": health(),
        "beats": WorkerBeat.objects.all()[:SHOWN],
        "by_status": status_counts(),
        "active": job_rows(active[:SHOWN]),
        "versions": versions(),
        "home": str(settings.QUANT_HOME),
        "rule": retention_rule(),
    }
    return render(request, "system.html", context)


@cache
def versions() -> list[Fact]:
    """Return what a result may depend on; read from the packages, none is imported."""
    commit = [Fact("Commit", git_hash()[:8])] if git_hash() else []
    database = sqlite3.sqlite_version if connection.vendor == "sqlite" else ""
    return [
        Fact("QuantLab", __version__),
        *commit,
        Fact("Python", platform.python_version()),
        Fact("Database", f"{connection.vendor} {database}".strip()),
        *(Fact(name, version(name)) for name in PACKAGES),
    ]
