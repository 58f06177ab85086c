"""Where a surface over a grid reaches a level: closed rings, by marching squares.

A point of a ring lies on an edge of the grid, as far along as the values at both ends
say. Every ring is closed, at the rim of the grid too, and has what reaches the level
on its left: its area is above 0 around such a region, and below 0 around a hole in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.types import BoolArray, FloatArray

Edge = tuple[str, int, int]  # of the padded grid: "h" to the right, "v" upwards
Place = tuple[float, float]

FAR_BELOW = 1e6  # spans: where nothing is known, so that rings keep to what is known
# Which of the corners (1 lower left, then counter-clockwise) reach the level -> the
# sides that the ring comes in and goes out by.
WAYS = {
    1: [("S", "W")],
    2: [("E", "S")],
    3: [("E", "W")],
    4: [("N", "E")],
    6: [("N", "S")],
    7: [("N", "W")],
    8: [("W", "N")],
    9: [("S", "N")],
    11: [("E", "N")],
    12: [("W", "E")],
    13: [("S", "E")],
    14: [("W", "S")],
}
# Two corners that face each other: joined in the middle, or apart.
SADDLES = {
    5: ([("S", "E"), ("N", "W")], [("S", "W"), ("N", "E")]),
    10: ([("W", "S"), ("E", "N")], [("E", "S"), ("W", "N")]),
}


@dataclass(frozen=True, slots=True)
class Ring:
    """A closed line; `level` is the number of the level that is reached inside it."""

    level: int
    points: tuple[Place, ...]
    area: float  # below 0 for a hole


def level_rings(
    x: FloatArray, y: FloatArray, z: FloatArray, levels: FloatArray
) -> list[Ring]:
    """Return the rings of all levels, the largest first: painted so, each is seen.

    `x` and `y` ascend; `z` has shape (n_y, n_x), NaN where nothing is known.
    """
    span = float(np.ptp(levels)) or 1.0
    low = float(levels.min()) - FAR_BELOW * span
    grid = _Grid(
        np.concatenate([x[:1], x, x[-1:]]),
        np.concatenate([y[:1], y, y[-1:]]),
        np.pad(np.where(np.isfinite(z), z, low), 1, constant_values=low),
    )
    rings = [ring for k, v in enumerate(levels) for ring in grid.rings(k, float(v))]
    return sorted(rings, key=lambda ring: -abs(ring.area))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Values at the crossings of lines, with a rim around them that reaches nothing."""

    x: FloatArray
    y: FloatArray
    z: FloatArray

    def rings(self, number: int, level: float) -> list[Ring]:
        after = self._steps(level)
        found = []
        while after:
            first, edge = after.popitem()
            points = [self._place(first, level)]
            while edge != first:
                points.append(self._place(edge, level))
                edge = after.pop(edge)
            found.append(Ring(number, tuple(points), _area(points)))
        return found

    def _steps(self, level: float) -> dict[Edge, Edge]:
        """Return for each edge that is crossed the edge that is crossed next."""
        reached: BoolArray = self.z >= level
        bits = reached.astype(np.int64)
        cases = (
            bits[:-1, :-1] + 2 * bits[:-1, 1:] + 4 * bits[1:, 1:] + 8 * bits[1:, :-1]
        )
        after: dict[Edge, Edge] = {}
        for j, i in np.argwhere((cases > 0) & (cases < 15)).tolist():
            case = int(cases[j, i])
            ways = WAYS.get(case) or self._ways_of_saddle(case, j, i, level)
            for begin, end in ways:
                after[_edge(begin, j, i)] = _edge(end, j, i)
        return after

    def _ways_of_saddle(
        self, case: int, j: int, i: int, level: float
    ) -> list[tuple[str, str]]:
        joined, apart = SADDLES[case]
        return joined if self.z[j : j + 2, i : i + 2].mean() >= level else apart

    def _place(self, edge: Edge, level: float) -> Place:
        side, j, i = edge
        far_j, far_i = (j, i + 1) if side == "h" else (j + 1, i)
        here, there = float(self.z[j, i]), float(self.z[far_j, far_i])
        part = (level - here) / (there - here)
        return (
            float(self.x[i] + part * (self.x[far_i] - self.x[i])),
            float(self.y[j] + part * (self.y[far_j] - self.y[j])),
        )


def _edge(side: str, j: int, i: int) -> Edge:
    """Return the edge on this side of a cell."""
    if side in "SN":
        return "h", j + (side == "N"), i
    return "v", j, i + (side == "E")


def _area(points: list[Place]) -> float:
    ends = [*points[1:], points[0]]
    pairs = zip(points, ends, strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2.0
