"""From probabilities to positions: levels, hours, and exits at any hour."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.errors import ConfigError
from strategies.learning.selection import Selection, entries_allowed, position_of

NAN = np.nan


def held(chance, allowed, *levels):
    return position_of(
        np.array(chance), np.array(allowed, dtype=bool), Selection(levels)
    ).tolist()


def test_the_position_is_the_share_of_levels_reached():
    chance = [0.5, 0.55, 0.59, 0.6, 0.9, NAN, 0.56]

    assert held(chance, [1] * 7, 0.55, 0.6) == [0.0, 0.5, 0.5, 1.0, 1.0, 0.0, 0.5]
    assert held([], [], 0.5) == []


def test_outside_the_hours_a_position_can_only_fall():
    chance = [0.9, 0.9, 0.9, 0.56, 0.9, 0.1, 0.9, 0.9]
    allowed = [0, 1, 0, 0, 0, 0, 0, 1]

    assert held(chance, allowed, 0.55, 0.6) == [0, 1, 1, 0.5, 0.5, 0, 0, 1]


def test_positions_are_those_of_a_plain_loop():
    rng = np.random.default_rng(3)
    selection = Selection((0.3, 0.5, 0.7))
    for _ in range(50):
        chance, allowed = rng.random(40), rng.random(40) < 0.3
        now, expected = 0, []
        for p, may in zip(chance, allowed, strict=True):
            reached = sum(p >= level for level in selection.thresholds)
            now = reached if may else min(now, reached)
            expected.append(now / 3)
        assert position_of(chance, allowed, selection).tolist() == expected


def test_hours_are_those_of_the_exchange_at_the_open_of_the_bar():
    # 13:30 UTC is 09:30 in New York in June and 08:30 in January.
    june, january = 1_718_026_200_000, 1_704_720_600_000
    nine = Selection((0.5,), (9,))

    def allowed(ts, calendar, timeframe="1h", selection=nine):
        return entries_allowed(
            np.array(ts), calendar=calendar, timeframe=timeframe, selection=selection
        ).tolist()

    assert allowed([june, january], "XNYS") == [True, False]
    assert allowed([june, january], "24/7") == [False, False]
    assert allowed([june], "XNYS", "1d", Selection()) == [True]
    with pytest.raises(ConfigError) as refused:
        allowed([june], "XNYS", "1d")
    assert refused.value.code == "bad_hours"


def test_what_is_no_selection_is_refused_by_name():
    for levels in ((), (0.6, 0.55), (0.5, 0.5), (0.0,), (1.0,), (NAN,), ("0.5",)):
        with pytest.raises(ConfigError) as refused:
            Selection(levels)
        assert refused.value.code == "bad_thresholds", levels
    for hours in ((24,), (-1,), (9.5,), (True,)):
        with pytest.raises(ConfigError) as refused:
            Selection((0.5,), hours)
        assert refused.value.field == "allowed_hours", hours
    assert Selection((0.5,), (15, 9, 9)).allowed_hours == (9, 15)
