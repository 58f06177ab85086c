"""Fills and round trips over HTTP are those of the library, in order and in pages."""

from __future__ import annotations

import pytest

from jobs.models import JobStatus
from strategies import RunConfig, load_candles, run_backtest
from tests.experiments.rows import plain_run
from tests.factories import finished_run, make_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return finished_run()


def computed(run):
    """The same config, computed in this process."""
    config = RunConfig(**run.config)
    return run_backtest(config, load_candles(config))


def pages(client, address: str, **asked):
    """Follow the cursors to the end; return all items."""
    items, cursor = [], ""
    while cursor is not None:
        body = client.get(address, {**asked, "cursor": cursor}).json()
        items += body["items"]
        cursor = body["next_cursor"]
        assert len(items) <= body["total"]
    assert len(items) == body["total"]
    return items


def test_fills_are_those_of_the_library(client, run):
    fills = computed(run).fills

    items = pages(client, f"/api/runs/{run.pk}/trades", limit=7)

    assert len(items) == len(fills) > 14
    assert set(items[0]) == set(fills.columns)
    assert [item["ts_utc"] for item in items] == fills["ts_utc"].tolist()
    assert [item["price"] for item in items] == fills["price"].tolist()
    assert items[0]["side"] == "buy"
    assert isinstance(items[0]["ts_utc"], int)


def test_round_trips_are_those_of_the_library(client, run):
    trips = computed(run).round_trips

    items = pages(client, f"/api/runs/{run.pk}/round-trips", limit=5)

    assert set(items[0]) == set(trips.columns)
    assert [item["pnl"] for item in items] == trips["pnl"].tolist()
    assert [item["return"] for item in items] == trips["return"].tolist()
    assert [item["open"] for item in items] == trips["open"].tolist()


def test_any_column_orders_them(client, run):
    address = f"/api/runs/{run.pk}/round-trips"
    profits = computed(run).round_trips["pnl"].tolist()

    falling = pages(client, address, limit=4, order="-pnl")
    rising = pages(client, address, limit=200, order="pnl")

    assert [item["pnl"] for item in falling] == sorted(profits, reverse=True)
    assert [item["pnl"] for item in rising] == sorted(profits)
    for column in computed(run).round_trips.columns:
        assert len(pages(client, address, limit=200, order=column)) == len(profits)


@pytest.mark.parametrize("order", ["side", "-side"])
def test_equal_values_stay_as_they_happened(client, run, order):
    items = pages(client, f"/api/runs/{run.pk}/trades", limit=200, order=order)

    for side in ("buy", "sell"):
        stamps = [item["ts_utc"] for item in items if item["side"] == side]
        assert stamps == sorted(stamps)


class TestRefusals:
    def test_an_unknown_order_names_the_known_ones(self, client, run):
        response = client.get(f"/api/runs/{run.pk}/trades", {"order": "-prise"})

        error = assert_error(response, 422, "unknown_order")
        assert "price" in error["advice"]
        assert error["details"]["errors"][0]["field"] == "order"

    def test_a_cursor_belongs_to_one_list_in_one_order(self, client, run):
        address = f"/api/runs/{run.pk}/trades"
        cursor = client.get(address, {"limit": 1}).json()["next_cursor"]
        elsewhere = f"/api/runs/{run.pk}/round-trips"

        for where, asked in (
            (address, {"cursor": "made up"}),
            (address, {"cursor": cursor, "order": "price"}),
            (elsewhere, {"cursor": cursor}),
        ):
            assert_error(client.get(where, asked), 422, "bad_cursor")

    @pytest.mark.parametrize("limit", [0, 201, "many"])
    def test_a_limit_outside_its_bounds(self, client, run, limit):
        response = client.get(f"/api/runs/{run.pk}/trades", {"limit": limit})

        assert_error(response, 422, "invalid_value")

    @pytest.mark.parametrize("run_id", ["none", "5a1d0b5c-0000-4000-8000-000000000000"])
    def test_an_unknown_run(self, client, run_id):
        assert_error(client.get(f"/api/runs/{run_id}/trades"), 404, "not_found")

    def test_a_run_without_a_result_yet(self, client):
        response = client.get(f"/api/runs/{make_run().pk}/trades")

        assert "queued" in assert_error(response, 409, "conflict")["message"]

    def test_a_run_that_failed(self, client):
        run = plain_run(JobStatus.FAILED)

        assert_error(client.get(f"/api/runs/{run.pk}/trades"), 409, "conflict")

    def test_a_run_that_kept_no_files(self, client):
        run = finished_run(persist=False)

        response = client.get(f"/api/runs/{run.pk}/trades")

        assert "keep its files" in assert_error(response, 409, "conflict")["advice"]


def test_a_run_that_never_traded_has_empty_lists(client):
    # The largest of 20 values is at most √19 ≈ 4.36 deviations above their mean.
    never = {"name": "bollinger_breakout", "params": {"period": 20, "width": 5.0}}
    run = finished_run(changes={"strategy": never})

    for name in ("trades", "round-trips"):
        body = client.get(f"/api/runs/{run.pk}/{name}").json()
        assert body == {"items": [], "next_cursor": None, "total": 0}
