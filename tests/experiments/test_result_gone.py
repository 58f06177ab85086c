"""Runs that succeeded and have nothing to show any more: each door says so in words."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from experiments.models import RunTimeseries
from tests.factories import finished_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

OF_THE_REPORT = (
    "report",
    "report?format=html",
    "tables/yearly",
    "charts/equity",
)


@pytest.fixture
def lost():
    """Return a run whose report was in the database, and is not."""
    run = finished_run(name="Trend")
    RunTimeseries.objects.all().delete()
    cache.clear()
    return run


def test_a_lost_report_is_a_conflict_with_a_way_on(client, lost):
    for door in OF_THE_REPORT:
        response = client.get(f"/api/runs/{lost.pk}/{door}")

        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (409, "report_lost"), door
        assert error["next_steps"] == [f"POST /api/runs/{lost.pk}/rerun"]
    assert client.get(f"/api/runs/{lost.pk}").json()["metrics"]["sharpe"] is not None
    [file, *_] = client.get(f"/api/runs/{lost.pk}/artifacts").json()["items"]
    assert client.get(file["links"]["download"]).status_code == 200


def test_its_page_says_what_is_kept(client, lost):
    for tab in ("summary", "charts", "trades", "config", "files", "reproduce", "logs"):
        html = client.get(f"/model-lab/runs/{lost.pk}?tab={tab}").content.decode()

        assert "The report of this run is not in the database any more." in html, tab
        assert "run it again to have it" in html
        assert ">Charts</a>" not in html
        assert ">Config</a>" in html
    chart = client.get(f"/model-lab/runs/{lost.pk}/charts/equity")
    assert chart.status_code == 409
