"""How the runs of a lab lie, beside what luck would give."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils.html import strip_tags

from experiments.models import ModelRun
from experiments.selectors.aggregate import metric_distributions
from experiments.selectors.trials import pool_of
from experiments.services.runs import run_delete, run_update
from tests.experiments.rows import add_trial, plain_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_cached():
    cache.clear()


def run_with(sharpe: float, n: int, **fields):
    metrics = {"sharpe": sharpe, "max_drawdown": -0.12}
    metrics |= {"volatility": 0.2, "n_bars": 1010}
    return plain_run(metrics=metrics, config_family_hash=f"{n:064d}", **fields)


def test_every_different_run_is_counted_once():
    run_with(0.6, 1)
    run_with(0.6, 1)  # the same again
    gone = run_with(7.0, 2)
    run_with(-0.3, 3, kind="sweep")  # its best is not a run
    plain_run(metrics={"max_drawdown": -0.5})  # without a Sharpe
    add_trial("a")

    before = metric_distributions()
    run_delete(run=gone)
    after = metric_distributions()

    assert (before["n_runs"], after["n_runs"]) == (2, 1)
    sharpe, drawdown = before["items"]
    assert (sharpe["key"], drawdown["key"]) == ("sharpe", "max_drawdown")
    assert (sharpe["edges"][0], sharpe["edges"][-1]) == (-5.0, 5.0)
    assert sharpe["counts"][-1] == 1  # what is beyond is in the last bin
    assert sum(sharpe["counts"]) == sum(drawdown["counts"]) == 2
    assert sum(sharpe["no_skill"]) == pytest.approx(2.0)
    # In four years a ratio of nothing errs by 0.5: so many lie within 0.25 of it.
    [alone, _] = after["items"]
    middle = len(alone["counts"]) // 2
    assert sum(alone["no_skill"][middle - 1 : middle + 1]) == pytest.approx(
        0.383, abs=0.001
    )
    assert alone["median"] == 0.6
    assert drawdown["counts"][17] == 2  # from −0.15 to −0.10


def test_archived_runs_are_left_out_as_they_are_of_lists(client):
    kept = run_with(0.6, 1)
    wild = run_with(-4.8, 2)
    doors = ("/api/metrics/aggregate", "/api/statistics/distribution")
    page = "/statistics/distributions"

    assert [client.get(door).json()["n_runs"] for door in doors] == [2, 2]
    run_update(run=wild, changes={"archived": True})
    # The same candidate, archived before: it stands for no other.
    run_with(0.6, 1, archived=True, created_at=kept.created_at - timedelta(days=1))

    for door in doors:
        assert client.get(door).json()["n_runs"] == 1
    assert client.get(doors[1]).json()["median"] == 0.6
    assert "Half of 1 run have" in client.get(page).text
    assert "without archived ones" in client.get(page).text
    run_update(run=wild, changes={"archived": False})
    assert client.get(doors[0]).json()["n_runs"] == 2


def test_an_empty_lab_has_none(client):
    answer = client.get("/api/metrics/aggregate").json()

    assert (answer["n_runs"], answer["items"]) == (0, [])
    assert answer["expected_max_sharpe"] is None


def test_the_api_tells_the_bins_as_a_table_too(client):
    run_with(0.6, 1)

    answer = client.get("/api/metrics/aggregate").json()
    table = client.get("/api/metrics/aggregate?format=csv").content.decode()

    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == sum(len(item["counts"]) for item in answer["items"])
    assert sum(int(row["count"]) for row in rows) == 2
    assert (answer["n_trials"], answer["expected_max_sharpe"]) == (0, None)
    assert answer["best"] is None  # nothing was tried on data that count


def test_the_bar_of_luck_is_of_the_data_of_the_best_run(client):
    """Not of the trials of other data, of short hourly runs or of made-up bars."""
    for name, sharpe_bar in (("a", 0.01), ("b", 0.05)):
        add_trial(name, sharpe_bar=sharpe_bar, window=(0, 9))
    others = [f"files:O{i}" for i in range(3)]
    for i, other in enumerate(others):
        add_trial(other, instruments=(other,), sharpe_bar=float(i), window=(0, 9))
    made_up = add_trial("m", instruments=("synthetic:M",), is_made_up=True)
    best = run_with(0.9, 1, name="Daily")
    run_with(0.4, 2, pool=pool_of(others[:1]))
    hourly = plain_run(
        metrics={"sharpe": 29.0, "max_drawdown": -0.1, "volatility": 0.2, "n_bars": 99},
        config_family_hash="h" * 64,
        pool=made_up.pool,
        ppy=1638.0,
    )

    # Of two, the best is expected 0.0·(1−γ) + 0.9003·γ = 0.5197 spreads above nothing,
    # Z⁻¹(1 − 1/2e) being 0.9003; they spread by 0.04/√2 a bar, by 0.4490 a year.
    expected = 0.5197 * 0.04 / 2**0.5 * 252**0.5
    for door in ("/api/metrics/aggregate", "/api/statistics/distribution"):
        body = client.get(door).json()
        assert (body["n_runs"], body["n_trials"]) == (3, 2)
        assert body["expected_max_sharpe"] == pytest.approx(expected, abs=1e-4)
        assert (body["best"]["run_id"], body["best"]["data"]) == (str(best.pk), "TEST")
        assert body["best"]["honesty"]["expected_max_sharpe"] == pytest.approx(
            body["expected_max_sharpe"]
        )
    page = " ".join(strip_tags(client.get("/statistics/distributions").text).split())
    assert "is 0.90 ± " in page
    assert "of Daily. On TEST, 2 trials were made;" in page
    assert "would be expected to reach 0.23." in page
    assert "best by luck on TEST" in page
    told = client.get("/api/statistics/overview").json()["best_run"]
    assert (told["name"], told["data"]) == ("Daily", "TEST")

    for run in ModelRun.objects.exclude(pk=hourly.pk):
        run_delete(run=run)
    page = client.get("/statistics/distributions").text
    assert "No trial counts on their data" in page
    assert "best by luck" not in page
    assert client.get("/api/statistics/overview").json()["best_run"] is None
