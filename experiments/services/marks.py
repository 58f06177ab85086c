"""Order among many runs at once: stars, pins, the archive, tags and the trash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from experiments.models import ModelExperiment, ModelRun
from experiments.services.experiments import experiment_delete, experiment_restore
from experiments.services.runs import refuse_without_experiment, runs_hide, runs_show
from experiments.services.words import normal_tags
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem

MAX_RUNS = 500
# What sets a field, and to what.
MARKS = {
    "star": ("starred", True),
    "unstar": ("starred", False),
    "pin": ("pinned", True),
    "unpin": ("pinned", False),
    "archive": ("archived", True),
    "unarchive": ("archived", False),
}
ON_TRASH = ("delete", "restore")
ON_TAGS = ("tag", "untag")
ACTIONS = (*MARKS, *ON_TRASH, *ON_TAGS)


@dataclass(frozen=True, slots=True)
class Marked:
    changed: int
    unchanged: int
    moment: datetime  # that of a deletion: what is undone by it


@transaction.atomic
def runs_mark(*, action: str, run_ids: Sequence[UUID | str], tag: str = "") -> Marked:
    """Do one thing to up to 500 runs, or to none of them.

    Those that are so already stay as they are. 422 for an unknown action or run, which
    a deleted one is to all but `delete` and `restore`; `tag` is that of (un)tag.
    """
    if action not in ACTIONS:
        raise unknown_word("action", action, ACTIONS)
    runs = _runs_named(run_ids, deleted=action in ON_TRASH)
    moment = timezone.now()
    if action in ON_TAGS:
        changed = _tag(runs, normal_tags([tag])[0], has=action == "tag", moment=moment)
    else:
        changed = _change(runs, action, moment)
    return Marked(changed, len(runs) - changed, moment)


def _runs_named(run_ids: Sequence[UUID | str], *, deleted: bool) -> list[ModelRun]:
    """Return the runs, each once; 422 for none, too many, or one that is not there."""
    keys = {_canonical(run_id): str(run_id) for run_id in run_ids}
    if not 1 <= len(keys) <= MAX_RUNS:
        message = f"1 to {MAX_RUNS} runs at once, not {len(keys)}."
        raise _refused("invalid_value", message)
    known = [key for key in keys if isinstance(key, UUID)]
    runs = ModelRun.objects.filter(pk__in=known).select_related("experiment")
    runs = runs.only("tags", "deleted_at", "experiment__deleted_at")
    found = [run for run in runs if deleted or run.deleted_at is None]
    for run in found:
        del keys[run.pk]
    if keys:
        first = next(iter(keys.values()))[:40]
        others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        message = f"There is no run {first!r}{others}."
        raise _refused("unknown_run", message)
    return found


def _canonical(run_id: UUID | str) -> UUID | str:
    """Return the id, or the text that is none."""
    try:
        return UUID(str(run_id))
    except ValueError:
        return str(run_id)


def _refused(code: str, message: str) -> Problem:
    return Problem(
        status=422,
        code=code,
        message=message,
        advice="Nothing was changed.",
        errors=[{"field": "run_ids", "code": code, "message": message}],
    )


def _change(runs: Iterable[ModelRun], action: str, moment: datetime) -> int:
    chosen = ModelRun.objects.filter(pk__in=[run.pk for run in runs])
    if action == "delete":
        return runs_hide(runs=chosen, moment=moment)
    if action == "restore":
        for run in runs:
            refuse_without_experiment(run)
        return runs_show(runs=chosen.filter(deleted_at__isnull=False))
    field, value = MARKS[action]
    others = chosen.filter(**{field: not value})
    return others.update(**{field: value, "updated_at": moment})


def _tag(runs: Iterable[ModelRun], tag: str, *, has: bool, moment: datetime) -> int:
    """Put the tag on the runs, or take it off; return how many had to be changed."""
    changed = []
    for run in runs:
        others = [one for one in run.tags if one.casefold() != tag.casefold()]
        if has == (len(others) < len(run.tags)):
            continue
        run.tags = normal_tags([*run.tags, tag]) if has else others
        run.updated_at = moment
        changed.append(run)
    ModelRun.objects.bulk_update(changed, ["tags", "updated_at"], batch_size=MAX_RUNS)
    return len(changed)


OF_EXPERIMENT: dict[str, Callable[..., ModelExperiment]] = {
    "delete": experiment_delete,
    "restore": experiment_restore,
}
EXPERIMENT_ACTIONS = ("star", "unstar", "archive", "unarchive", *OF_EXPERIMENT)


@transaction.atomic
def experiment_mark(*, experiment: ModelExperiment, action: str) -> ModelExperiment:
    """Do one thing to an experiment; 422 for one that cannot be done to it."""
    if action not in EXPERIMENT_ACTIONS:
        raise unknown_word("action", action, EXPERIMENT_ACTIONS)
    if action in OF_EXPERIMENT:
        return OF_EXPERIMENT[action](experiment=experiment)
    field, value = MARKS[action]
    setattr(experiment, field, value)
    experiment.save(update_fields=[field, "updated_at"])
    return experiment
