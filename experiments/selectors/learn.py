"""The guided tour: what a newcomer looks at, in which order, and why.

Each step leads to something real: of the demo while it is there, else to the page on
which such things are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.urls import reverse

from experiments.models import ModelExperiment, RunKind
from experiments.selectors.demo import (
    demo_of_kind,
    demo_pipeline,
    demo_run,
    demo_shown,
)

PARAMETER = "tour"  # of an address: the number of the step it was opened for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """One step as it is told; `novice` says the same in other words."""

    title: str
    why: str
    novice: str
    look: str  # what to look for, said on the page it leads to
    otherwise: str  # URL name of where to go without the demo
    place: Callable[[ModelExperiment], str | None]


def _run(tab: str = "", part: str = "") -> Callable[[ModelExperiment], str | None]:
    def place(demo: ModelExperiment) -> str | None:
        run = demo_run(demo)
        return run.get_absolute_url() + tab + part if run else None

    return place


def _search(kind: RunKind) -> Callable[[ModelExperiment], str | None]:
    def place(demo: ModelExperiment) -> str | None:
        run = demo_of_kind(demo, kind)
        return run.get_absolute_url() if run else None

    return place


def _family(demo: ModelExperiment) -> str | None:
    run = demo_run(demo)
    if run is None:
        return None
    return reverse("experiments:ledger-family", args=[run.pool])


def _pipeline(_: ModelExperiment) -> str | None:
    row = demo_pipeline()
    return row.get_absolute_url() if row else None


STOPS: tuple[_Stop, ...] = (
    _Stop(
        title="Ask a question",
        why="A result means something only against what was expected, so the "
        "hypothesis is written down before the first run.",
        novice="Say first what you expect and why; afterwards it is too easy to have "
        "known it all along.",
        look="Read the question and its threshold, then the runs that try to answer "
        "it.",
        otherwise="experiments:experiment-list",
        place=ModelExperiment.get_absolute_url,
    ),
    _Stop(
        title="Read a backtest",
        why="A backtest replays a rule bar by bar, net of cost; its first sentence "
        "already holds the doubt.",
        novice="A rule is tried on the past, day by day, with what trading costs taken "
        "off. It says what it would have earned, and how sure that is.",
        look="Read the first sentence, then the headline numbers. Each name leads to "
        "what it means.",
        otherwise="experiments:backtesting",
        place=_run(),
    ),
    _Stop(
        title="Ask whether it is luck",
        why="The more is tried, the higher the best Sharpe ratio without any skill, so "
        "no Sharpe ratio stands alone here.",
        novice="Who tries often enough finds something good by chance. Grey always "
        "means: this much luck alone would have reached.",
        look="Find the block “Is it luck?”. Is the dot out of the grey?",
        otherwise="experiments:backtesting",
        place=_run(part="#luck-title"),
    ),
    _Stop(
        title="Follow a trade",
        why="Every number is made of fills, and each of them can be asked why it "
        "happened.",
        novice="Behind the numbers are single purchases and sales. Look at some, and "
        "ask why they were made.",
        look="Choose a trade, and press “Why”.",
        otherwise="experiments:backtesting",
        place=_run(tab="?tab=trades"),
    ),
    _Stop(
        title="Try many settings, and count them",
        why="A sweep tries every combination and counts each as a trial; a plateau of "
        "good neighbours says more than one best cell.",
        novice="Many settings were tried at once. One good one among bad neighbours is "
        "most likely chance.",
        look="Look at the map: does the best lie in a field of good ones, or at the "
        "edge?",
        otherwise="experiments:backtesting",
        place=_search(RunKind.SWEEP),
    ),
    _Stop(
        title="Test it on what came later",
        why="A walk-forward chooses on one window and trades the next, so its curve is "
        "out of sample throughout.",
        novice="The best setting is chosen on old days, and tried on the days after "
        "them. That is nearer to what you would have lived through.",
        look="Compare what was promised in the windows with what came after them.",
        otherwise="experiments:backtesting",
        place=_search(RunKind.WALK_FORWARD),
    ),
    _Stop(
        title="See what was asked of these bars",
        why="The ledger is a chain of hashes of every trial on these bars; deleting a "
        "run does not take its trial back.",
        novice="The lab remembers everything that was tried on these data, also what "
        "was deleted. That is what the grey is computed from.",
        look="Read how many trials there are, and what luck alone would reach after "
        "them.",
        otherwise="experiments:ledger",
        place=_family,
    ),
    _Stop(
        title="Let the lab do it, within limits",
        why="A pipeline builds the data, tries a few configurations, judges them by "
        "guardrails and trains only what meets them all.",
        novice="Say what to trade, what to try and how careful to be. The lab does the "
        "rest, and stops where the result is not good enough.",
        look="The demo's markets are pure chance, so its pipeline has to stop: which "
        "limits did the best configuration miss, and by how much?",
        otherwise="experiments:pipeline-list",
        place=_pipeline,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step with where it leads; `is_real` if that is something of the demo."""

    number: int
    stop: _Stop
    url: str
    is_real: bool


def tour() -> list[Step]:
    """Return every step, the demo's places looked up."""
    demo = demo_shown()
    return [_step(n, stop, demo) for n, stop in enumerate(STOPS, start=1)]


def tour_step(number: int) -> Mapping[str, Step | int | None]:
    """Return the step of this number with the one before and after; few queries."""
    demo = demo_shown()
    near = {
        n: _step(n, STOPS[n - 1], demo)
        for n in (number - 1, number, number + 1)
        if 1 <= n <= len(STOPS)
    }
    return {
        "step": near.get(number),
        "before": near.get(number - 1),
        "after": near.get(number + 1),
        "n_steps": len(STOPS),
    }


def _step(number: int, stop: _Stop, demo: ModelExperiment | None) -> Step:
    place = stop.place(demo) if demo else None
    url, is_real = place or reverse(stop.otherwise), place is not None
    address, _, part = url.partition("#")
    mark = f"{'&' if '?' in address else '?'}{PARAMETER}={number}"
    url = address + mark + (f"#{part}" if part else "")
    return Step(number=number, stop=stop, url=url, is_real=is_real)
