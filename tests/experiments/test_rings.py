"""Rings of levels: closed, at the right place, the inside on the left."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.charts.rings import level_rings

X, Y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0, 20.0])


def rings_of(z, *levels):
    return level_rings(X, Y, np.array(z, dtype=float), np.array(levels, dtype=float))


def test_a_peak_is_cut_halfway_down():
    [ring] = rings_of([[0, 0, 0], [0, 2, 0], [0, 0, 0]], 1)

    assert set(ring.points) == {(0.5, 10), (1, 5), (1.5, 10), (1, 15)}
    assert ring.area == pytest.approx(5.0)  # half of 1 wide times 10 high


def test_all_that_is_known_is_inside_the_lowest_level_and_a_pit_is_a_hole():
    outer, hole = rings_of([[4, 4, 4], [4, 0, 4], [4, 4, 4]], 2)

    assert outer.area == pytest.approx(40.0)
    assert hole.area == pytest.approx(-5.0)
    [whole] = rings_of(np.full((3, 3), 7.0), 7)
    assert whole.area == pytest.approx(40.0)


def test_what_is_unknown_is_left_out():
    nan = np.nan
    [ring] = rings_of([[1, 1, nan], [1, 1, nan], [1, 1, nan]], 1)

    assert ring.area == pytest.approx(20.0, rel=1e-4)
    assert max(x for x, _ in ring.points) == pytest.approx(1.0, abs=1e-4)
    assert rings_of(np.full((3, 3), nan), 1) == []


def test_corners_that_face_each_other_join_where_the_middle_is_high():
    high = [[9, 0, 0], [0, 9, 0], [0, 0, 0]]
    assert len(rings_of(high, 4)) == 1
    assert len(rings_of(high, 5)) == 2


def test_areas_of_a_rough_surface_are_those_of_its_levels():
    rng = np.random.default_rng(7)
    x, y = np.arange(30.0), np.arange(20.0)
    z = rng.normal(size=(20, 30))
    levels = np.linspace(z.min(), z.max(), 6, endpoint=False)
    rings = level_rings(x, y, z, levels)
    areas = [sum(r.area for r in rings if r.level == k) for k in range(6)]

    assert areas[0] == pytest.approx(29 * 19, rel=1e-3)
    assert areas == sorted(areas, reverse=True)
    sizes = [abs(ring.area) for ring in rings]
    assert sizes == sorted(sizes, reverse=True)
