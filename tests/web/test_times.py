"""Every time outside the lab: RFC 3339, UTC, milliseconds, Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from quantlab.web.times import rfc3339


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 9, 14, 12, 30, tzinfo=UTC), "2026-09-14T12:30:00.000Z"),
        # 999,999 µs is cut to 999 ms: rounding up would name the next second
        (datetime(2026, 1, 1, 0, 0, 59, 999_999, UTC), "2026-01-01T00:00:59.999Z"),
        # 01:30 two hours east of Greenwich is 23:30 of the day before
        (
            datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            "2026-02-28T23:30:00.000Z",
        ),
    ],
)
def test_a_moment_in_words(moment, text):
    assert rfc3339(moment) == text
