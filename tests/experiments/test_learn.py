"""The guided tour: each step leads to what is there, and says where one is."""

from __future__ import annotations

import re

import pytest

from experiments.models import PipelineRun, RunKind
from experiments.selectors.learn import STOPS, tour
from tests.experiments.pipelines import submitted
from tests.experiments.rows import plain_experiment, plain_run

pytestmark = pytest.mark.django_db


def test_every_step_leads_to_the_demo_and_says_where_one_is(client):
    demo = plain_experiment(is_demo=True)
    for kind in (RunKind.BACKTEST, RunKind.SWEEP, RunKind.WALK_FORWARD):
        plain_run("queued", experiment=demo, kind=kind)
    row = submitted(universe=["SYN-gbm-1"])
    PipelineRun.objects.filter(pk=row.pk).update(is_demo=True)
    page = client.get("/learn?at=3").content.decode()

    steps = tour()
    assert len(steps) == len(STOPS) in (6, 7, 8)
    assert all(step.is_real for step in steps)
    assert page.count("you are here") == page.count('aria-current="step"') == 1
    assert "The demo was removed" not in page
    for step in steps:
        address = step.url.partition("#")[0]
        assert address.replace("&", "&amp;") in page
        if step.stop.title == "See what was asked of these bars":
            continue  # plain rows have no entry in the ledger
        shown = client.get(address).content.decode()
        assert f"Step {step.number} of {len(steps)}" in shown, address
        assert f"/learn?at={step.number}" in shown
        follows = steps[step.number].stop.title if step.number < len(steps) else "End"
        assert follows in shown


def test_without_the_demo_it_leads_to_lists_and_with_nonsense_nowhere(client):
    page = client.get("/learn").content.decode()

    assert "The demo was removed" in page
    assert not any(step.is_real for step in tour())
    for step in tour():
        assert client.get(step.url).status_code == 200
    for nonsense in ("0", "9", "x", "²", "-1", "1e3", ""):
        shown = client.get(f"/glossary?tour={nonsense}").content.decode()
        assert 'class="tour"' not in shown
    words = [(stop.why, stop.novice, stop.look) for stop in STOPS]
    assert not any(re.search(r"\d", one) for told in words for one in told)
