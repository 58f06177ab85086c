"""Axes of charts: where they begin, what is written on them, and where."""

from __future__ import annotations

import pytest

from experiments.charts.figure import thinned
from experiments.charts.scales import (
    label_format,
    label_values,
    labels,
    padded,
    pushed_apart,
)


class TestScales:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.5, 3.2, [0.6, 0.8, 1.0, 1.5, 2.0, 3.0]),
            (0.9, 40.0, [1.0, 2.0, 5.0, 10.0, 20.0]),
            (0.97, 1.06, [0.98, 1.0, 1.02, 1.04, 1.06]),
        ],
    )
    def test_a_log_axis_has_round_labels(self, low, high, expected):
        assert labels(low, high, log=True) == pytest.approx(expected)

    @pytest.mark.parametrize("low", [1e-6, 0.01, 0.5, 1.0])
    @pytest.mark.parametrize("ratio", [1.0001, 1.3, 2.0, 7.0, 90.0, 1e5])
    @pytest.mark.parametrize("log", [True, False])
    def test_labels_lie_inside_and_are_few(self, low, ratio, log):
        found = labels(low, low * ratio, log=log)

        assert 1 <= len(found) <= 7
        assert all(low * (1 - 1e-9) <= v <= low * ratio * (1 + 1e-9) for v in found)

    def test_labels_are_written_with_the_digits_they_need(self):
        assert label_format([0.5, 1.0]) == ",.2f"
        assert label_format([0.975, 1.0]) == ",.3f"

    def test_a_flat_line_has_an_axis(self):
        for log in (True, False):
            low, high = padded(1.0, 1.0, log=log)
            assert low < 1.0 < high

    def test_ends_that_touch_are_pushed_apart_evenly(self):
        # 100 px for 0…1: the ends 0.50 and 0.45 are 5 px apart and lack 8.
        assert pushed_apart([0.5, 0.45], 0, 1, 100, log=False) == [-4.0, 4.0]
        assert pushed_apart([0.45, 0.5], 0, 1, 100, log=False) == [4.0, -4.0]
        assert pushed_apart([0.1, 0.9], 0, 1, 100, log=False) == [0.0, 0.0]

    def test_three_that_touch_stay_around_their_middle(self):
        moves = pushed_apart([0.52, 0.50, 0.48], 0, 1, 100, log=False)
        assert moves == [-11.0, 0.0, 11.0]

    def test_a_crowd_at_an_end_stays_on_the_axis(self):
        moves = pushed_apart([1.0, 0.99, 0.98], 0, 1, 100, log=False)
        assert [top + move for top, move in zip((0, 1, 2), moves, strict=True)] == [
            0.0,
            13.0,
            26.0,
        ]

    def test_labels_say_where_they_stand(self):
        assert label_values([0.5, 0.45], 0, 1, 100, log=False) == pytest.approx(
            [0.54, 0.41]
        )
        [alone] = label_values([2.0], 1.0, 4.0, 100, log=True)
        assert alone == pytest.approx(2.0)

    def test_thinned_keeps_both_ends(self):
        rows = thinned(list(range(1000)), 60)
        assert (len(rows), rows[0], rows[-1]) == (60, 0, 999)
        assert thinned([1, 2], 60) == [1, 2]
