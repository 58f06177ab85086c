"""What the lab was when something was counted: kept answers are true as long as it is.

A count over all runs is kept under the state it was made in, so that it never says what
is no longer so.
"""

from __future__ import annotations

from django.db.models import Count, Max

from experiments.models import LedgerHead, ModelRun, StrategySnapshot
from jobs.models import ACTIVE, Job
from quantlab.web.person import who_asks
from strategies.documents import sha256_of

KEPT_S = 60.0  # it is computed anew after a change anyway


def lab_state() -> str:
    """Return what changes with every change of a run or a strategy one may see."""
    states = [
        model.objects.filter(deleted_at__isnull=True).aggregate(
            n=Count("*"), newest=Max("updated_at")
        )
        for model in (ModelRun, StrategySnapshot)
    ]
    heads = LedgerHead.objects.values_list("version", flat=True)
    said = [
        f"{one['n']}:{one['newest'].timestamp() if one['n'] else 0}" for one in states
    ]
    person = who_asks()  # who sees other things has other totals
    eyes = "*" if person.sees_all else person.name
    return ":".join((eyes, *said, str(heads.first())))


def work_state() -> str:
    """Return what changes when a job begins or ends.

    A run is written a moment before its job has ended, so who counts by the status of
    runs keeps it under this too.
    """
    at_work = Job.objects.filter(status__in=ACTIVE).order_by("pk")
    return sha256_of(list(at_work.values_list("pk", flat=True)))
