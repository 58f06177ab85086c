"""Charts of a sweep: ranges and landscapes that say what the candidates say."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.urls import reverse

from experiments.api import pictures
from experiments.artifacts import spare
from experiments.charts.contour import TOO_FEW_AXES, contour_figure
from experiments.charts.parallel import NONE_LEFT, parallel_figure
from experiments.selectors import sweep as sweep_module
from experiments.selectors.sweep import sweep_candidates
from experiments.tasks import picture
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from quantlab.web.problem import Problem
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import finished_sweep
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

SPACE = {
    "fast": {"min": 2, "max": 9, "step": 1},
    "slow": {"min": 20, "max": 80, "step": 10},
    "execution.slippage_bps": [0, 5],
}


@pytest.fixture
def sweep():
    return finished_sweep(plain_experiment(), space=SPACE)


@pytest.fixture
def found(sweep):
    return sweep_candidates(sweep)


def address(sweep, name):
    return reverse("experiments:run-chart", args=[sweep.pk, name])


def test_ranges_narrow_the_lines_in_the_units_of_the_page(sweep, found):
    percent = round(100 * float(np.median(found.column("cagr"))), 2)
    low = percent / 100
    asked = {"min_fast": "3", "max_fast": "5", "max_execution.slippage_bps": "0"}
    figure = parallel_figure(sweep, found, asked | {"min_cagr": str(percent)})

    fast, cagr = found.number("fast"), found.column("cagr")
    free = found.number("execution.slippage_bps") == 0
    met = (fast >= 3) & (fast <= 5) & free & (cagr >= low)
    assert figure.facts["n"] == met.sum() > 0
    assert {row["fast"] for row in figure.rows} <= {3, 4, 5}
    assert (
        f"3.0 <= fast <= 5.0, execution.slippage_bps <= 0.0, {low!r} <= cagr"
        == (figure.facts["where"])
    )


def test_ranges_that_leave_none_or_are_none(client, sweep, found):
    figure = parallel_figure(sweep, found, {"min_fast": "99"})
    assert (figure.spec, figure.empty) == (None, NONE_LEFT)
    for word in ("many", "nan", "1e999"):
        with pytest.raises(Problem, match="not a number") as refused:
            parallel_figure(sweep, found, {"max_slow": word})
        assert refused.value.errors[0]["field"] == "max_slow"

    page = client.get(address(sweep, "parallel"), {"min_fast": "99"})
    assert page.status_code == 200
    assert 'name="min_fast" value="99"' in page.text
    assert NONE_LEFT in page.text
    narrow = client.get(address(sweep, "parallel"), {"max_fast": "4"}).text
    [link] = re.findall(r'href="([^"]*tab=candidates[^"]*)"', narrow)
    listed = client.get(link.replace("&amp;", "&")).text
    assert "of 42, out of 112" in listed  # three fast ones, seven slow, two costs
    bad = client.get(address(sweep, "parallel"), {"max_fast": "x", "format": "csv"})
    assert bad.status_code == 422


def test_a_landscape_has_the_best_on_top(sweep, found):
    figure = contour_figure(sweep, found, {"x": "slow", "y": "fast"})
    facts = figure.facts

    best = found.item(found.best)
    assert facts["top"] == {
        "x": best["params"]["slow"],
        "y": best["params"]["fast"],
        "value": best["metrics"]["sharpe"],
    }
    assert len(figure.rows) == facts["n"] == 56
    data = figure.spec["layer"][0]["data"]["name"]
    points = figure.spec["datasets"][data]
    assert 0 < len(points) < 2_000
    assert {p["b"] for p in points} <= set(range(6))
    assert {min(p["x"] for p in points), max(p["x"] for p in points)} == {20, 80}
    lower = contour_figure(sweep, found, {"x": "none", "metric": "volatility"})
    assert lower.facts["top"]["value"] == found.column("volatility").min()
    assert lower.facts["n_near"] is None


def test_a_landscape_needs_two_numbers_that_vary(client):
    run = finished_sweep(plain_experiment(), space={"fast": [2, 3, 4]})

    assert contour_figure(run, sweep_candidates(run), {}).empty == TOO_FEW_AXES
    assert "Sweep a second parameter too." in client.get(address(run, "contour")).text


def test_charts_by_address_as_those_of_runs(client, sweep, monkeypatch):
    monkeypatch.setattr(pictures, "WAIT_S", 0.0)
    own = f"/api/runs/{sweep.pk}"
    for path in ("charts/contour?format=svg", "plots.png?theme=dark"):
        assert client.get(f"{own}/{path}").status_code == 202
        job = Job.objects.get(kind="picture", status=JobStatus.QUEUED)
        assert lease.claim(job.pk, "me")
        job.refresh_from_db()
        picture(JobContext(job), **job.payload)
        assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)
        drawn = client.get(f"{own}/{path}")
        assert drawn.content.startswith(b"<svg" if "svg" in path else b"\x89PNG")

    chart = client.get(f"{own}/charts/slices?format=json").json()
    assert chart["honesty"]["n_trials"] == 0  # made-up bars
    assert len(chart["items"]) in (2, 7, 8)
    assert_error(client.get(f"{own}/charts/equity"), 404, "not_found")
    waiting = plain_run("running", kind="sweep")
    assert_error(client.get(f"/api/runs/{waiting.pk}/plots.png"), 409, "conflict")
    page = client.get(address(sweep, "contour")).text
    assert f'href="{own}/charts/contour?format=png"' in page


def test_what_was_unpacked_and_thrown_away_is_unpacked_again(client, sweep):
    before = client.get(f"/api/runs/{sweep.pk}/candidates").json()
    sweep_module._tables.clear()
    cached = spare.CANDIDATES.folder / f"{sweep.manifest_sha}.arrow"
    cached.unlink()

    assert client.get(f"/api/runs/{sweep.pk}/candidates").json() == before

    sweep_module._tables.clear()
    cached.write_bytes(b"spoilt")

    assert client.get(f"/api/runs/{sweep.pk}/candidates").json() == before
