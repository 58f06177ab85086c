"""Runs picked on one page of a list or on many; the address carries them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from experiments.models import RunKind
from experiments.selectors.runs import runs_shown
from quantlab.web.lists import Asked
from quantlab.web.problem import Problem

MOST_PICKED = 100
COMPARED = range(2, 21)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """The picked runs that are there, in the order in which they were picked."""

    keys: tuple[UUID, ...]
    n_sweeps: int  # among them
    is_mine: bool  # each of them, so that all may be changed at once
    asked: Asked
    here: str  # path of the page
    is_full: bool

    @property
    def joined(self) -> str:
        return ",".join(str(key) for key in self.keys)

    @property
    def compare_url(self) -> str:
        """Return the page that compares them; "" where `why_not` says why not."""
        if self.why_not:
            return ""
        if self.n_sweeps:
            return f"{reverse('experiments:compare-sweeps')}?runs={self.joined}"
        return f"/model-lab/compare?runs={self.joined}&baseline={self.keys[0]}"

    @property
    def why_not(self) -> str:
        if self.n_sweeps and (self.n_sweeps, len(self.keys)) != (2, 2):
            return "Sweeps are compared with sweeps, two at once"
        return "" if len(self.keys) in COMPARED else "2 to 20 can be compared"

    @property
    def bulk_url(self) -> str:
        return reverse("experiments:run-bulk")

    @property
    def back_url(self) -> str:
        return self.here + self.asked.query()

    @property
    def clear_query(self) -> str:
        return self.asked.query(sel="")


def picks_of(asked: Asked, here: str) -> Picks:
    """Return what is picked; at most one query, 422 for what cannot be a run."""
    named = [text.strip() for text in asked["sel"].split(",") if text.strip()]
    keys = list(dict.fromkeys(_key(text) for text in named))
    there = runs_shown(keys[:MOST_PICKED]) if keys else {}
    return Picks(
        keys=tuple(key for key in keys if key in there),
        n_sweeps=[one.kind for one in there.values()].count(RunKind.SWEEP),
        is_mine=all(one.is_mine for one in there.values()),
        asked=asked,
        here=here,
        is_full=len(keys) >= MOST_PICKED,
    )


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = f"{text[:40]!r} is not the id of a run."
        raise Problem(
            status=422,
            code="invalid_value",
            message=message,
            advice="Pick runs by the boxes in front of them.",
            errors=[{"field": "sel", "code": "invalid_value", "message": message}],
        ) from None
