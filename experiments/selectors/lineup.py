"""Which runs are compared: found by id, in the order asked for, one the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from uuid import UUID

from experiments.models import ModelRun, RunKind
from jobs.models import JobStatus
from quantlab.web.problem import Problem

FEWEST, MOST = 2, 20
SHOWN = 60  # letters of an id that is none, in a message
MAKE_ONE = "Make one of its candidates a run and compare that."
# Kinds that have no curve: what they are, why, and what to do.
WITHOUT_CURVE = {
    RunKind.VALIDATE: (
        "validation",
        "no result of its own",
        "Compare the run that it tests.",
    ),
    RunKind.SWEEP: ("sweep", "many candidates", MAKE_ONE),
    RunKind.GENERATE: ("search", "many candidates", MAKE_ONE),
    RunKind.MODEL_TRAINING: (
        "training",
        "no trades",
        "Compare runs of the model that it trained.",
    ),
    RunKind.REPRODUCE: (
        "reproduction",
        "no result of its own",
        "Compare the run that it makes again.",
    ),
}


@dataclass(frozen=True, slots=True)
class Lineup:
    """Runs with their letters; deleted ones are among them, and so are unfinished."""

    runs: tuple[ModelRun, ...]
    place: int  # of the baseline

    @property
    def baseline(self) -> ModelRun:
        return self.runs[self.place]

    @property
    def finished(self) -> list[ModelRun]:
        return [run for run in self.runs if run.status == JobStatus.SUCCEEDED]

    @property
    def letters(self) -> dict[UUID, str]:
        keys = [run.pk for run in self.runs]
        return dict(zip(keys, ascii_uppercase, strict=False))


def ids_in(text: str) -> list[str]:
    """Return the ids of a list with commas."""
    return [one.strip() for one in text.split(",") if one.strip()]


def lineup(
    run_ids: Sequence[str],
    baseline: str = "",
    *,
    field: str = "runs",
    fewest: int = FEWEST,
) -> Lineup:
    """Return the runs with these ids; one query.

    422, naming `field`, for too few or too many, for an id that is given twice or is
    that of no run or of a search, and for a baseline that is not among them; "" is the
    first.
    """
    if len(run_ids) > MOST:
        words = f"{len(run_ids)} runs are too many: {MOST} can be compared at once."
        raise _refusal(field, "too_many_runs", words, "Leave some out.")
    keys = [_key(text, field) for text in run_ids]
    if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
        words = f"Given more than once: {', '.join(twice)}."
        raise _refusal(field, "duplicate_runs", words, "Send each run once.")
    if len(keys) < fewest:
        words = f"{len(keys) or 'No'} run{'s' * (len(keys) != 1)} cannot be compared."
        raise _refusal(field, "too_few_runs", words, f"Send {FEWEST} to {MOST} ids.")
    found = ModelRun.objects.select_related("job", "experiment").in_bulk(keys)
    for key in keys:
        if key not in found:
            raise _unknown(str(key), field)
        if found[key].kind in WITHOUT_CURVE:
            name, why, advice = WITHOUT_CURVE[RunKind(found[key].kind)]
            words = f"{key} is a {name}, which has {why}."
            raise _refusal(field, f"is_a_{name}", words, advice)
    return Lineup(tuple(found[key] for key in keys), _place(baseline, keys))


def sweep_pair(run_ids: Sequence[str]) -> tuple[ModelRun, ModelRun]:
    """Return the two sweeps with these ids; one query.

    422, naming `runs`, for any other number of them, the same one twice, or an id that
    is that of no sweep.
    """
    if len(run_ids) != 2:
        words = f"{len(run_ids)} sweeps were sent, and two are compared."
        code = "too_few_runs" if len(run_ids) < 2 else "too_many_runs"
        raise _refusal("runs", code, words, "Send two ids with a comma between.")
    one, other = (_key(text, "runs") for text in run_ids)
    if one == other:
        words = f"Given more than once: {one}."
        raise _refusal("runs", "duplicate_runs", words, "Send two different sweeps.")
    found = ModelRun.objects.select_related("job", "experiment").in_bulk([one, other])
    for key in (one, other):
        if key not in found:
            raise _unknown(str(key), "runs")
        if found[key].kind != RunKind.SWEEP:
            words = f"{key} is no sweep: it has one candidate, itself."
            advice = "GET /api/model-lab/compare holds runs side by side."
            raise _refusal("runs", "not_a_sweep", words, advice)
    return found[one], found[other]


def _key(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _unknown(text, field) from None


def _place(baseline: str, keys: Sequence[UUID]) -> int:
    places = {str(key): place for place, key in enumerate(keys)}
    place = places.get(baseline.strip().lower()) if baseline else 0
    if place is None:
        words = f"The baseline {baseline[:SHOWN]!r} is not one of the runs."
        advice = "Name one of them, or leave it out for the first."
        raise _refusal("baseline", "unknown_baseline", words, advice)
    return place


def _unknown(text: str, field: str) -> Problem:
    words = f"There is no run {text[:SHOWN]!r}."
    return _refusal(field, "unknown_run", words, "GET /api/runs lists them.")


def _refusal(field: str, code: str, message: str, advice: str) -> Problem:
    return Problem(
        status=422,
        code=code,
        message=message,
        advice=advice,
        next_steps=["GET /api/runs"],
        errors=[{"field": field, "code": code, "message": message}],
    )
