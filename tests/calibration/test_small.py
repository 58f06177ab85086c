"""The calibration in small: the same worlds, fewer of them, wider ranges.

A figure of n worlds lies off by its standard error over √n; so much, three times, is
added to both sides of what `make calibrate` accepts. The seeds are fixed.
"""

from __future__ import annotations

import json
import math

import numpy as np

from tests.calibration.__main__ import FIGURES, PAGE
from tests.calibration.checks import CHECKS

ERRORS = 3.0


def test_every_statistic_keeps_its_promise_in_small():
    out = []
    for which, check in enumerate(CHECKS):
        rows = check.small_rows(np.random.default_rng([7, which]))
        for figure in check.figures:
            value, room = figure.read(rows), ERRORS * figure.se / math.sqrt(len(rows))
            if not figure.low - room <= value <= figure.high + room:
                out.append((check.key, figure.label, value))

    assert out == []


def test_the_published_figures_are_those_of_these_checks_and_in_range():
    published = {one["key"]: one for one in json.loads(FIGURES.read_text())["checks"]}

    assert list(published) == [check.key for check in CHECKS]
    for check in CHECKS:
        shown = published[check.key]["figures"]
        assert published[check.key]["n"] == check.n
        assert all(one["kept"] for one in shown)
        assert [(one["low"], one["high"]) for one in shown] == [
            (figure.low, figure.high) for figure in check.figures
        ]
        assert check.name in PAGE.read_text()
