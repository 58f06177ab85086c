"""Numbers and moments as pages write them (DESIGN §7)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from experiments.services.runs import run_title
from experiments.templatetags.lab_format import clock, day, stamp, tone, zoned
from strategies import RunConfig

MOMENT = datetime(2026, 1, 15, 23, 30, 5, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fraction", "written"),
    [
        (0.012, "up"),
        (-0.012, "down"),
        (0.0006, "up"),  # written 0.1
        (0.0004, ""),  # written 0.0, so it has no sign and no colour
        (-0.0004, ""),
        (0, ""),
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
    ],
)
def test_a_return_has_the_colour_of_what_is_written(fraction, written):
    assert tone(fraction) == written


def test_moments_of_the_lab_are_written_in_the_readers_zone():
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert zoned(MOMENT) == "2026-01-16 08:30 Asia/Tokyo"
        assert (day(MOMENT), clock(MOMENT)) == ("2026-01-16", "08:30:05.250")
    with timezone.override(UTC):
        assert zoned(MOMENT) == "2026-01-15 23:30 UTC"


def test_the_time_of_a_bar_is_the_markets_everywhere():
    with timezone.override(ZoneInfo("America/New_York")):
        assert stamp(1_546_214_400_000) == "2018-12-31"
        assert stamp(1_546_268_400_000) == "2018-12-31 15:00"


def test_a_whole_setting_is_written_without_decimals():
    config = RunConfig(symbol="SP500", strategy={"name": "rsi_reversion"})
    strategy = config.strategy.model_copy(
        update={"params": {"period": 14, "lower": 30.0, "upper": 70.5}}
    )
    config = config.model_copy(update={"strategy": strategy})

    assert run_title(config) == "SP500, rsi_reversion 14/30/70.5"
