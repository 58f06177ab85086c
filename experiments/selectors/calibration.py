"""What `make calibrate` found: how far the tests of luck can be trusted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings

FALSE_ALARMS, COVERED = 0.05, 0.95
# Test of luck -> the check that measures it, and the share that would be right.
MEASURED = {
    "permutation": ("alignment", FALSE_ALARMS),
    "permutation_rerun": ("rerun", FALSE_ALARMS),
    "block_bootstrap": ("coverage_10", COVERED),
}


def calibration() -> dict[str, Any] | None:
    """Return the newest calibration as it was written; None if none was made."""
    figures = settings.BASE_DIR / "docs" / "calibration.json"
    if not figures.exists():
        return None
    found: dict[str, Any] = json.loads(figures.read_text())
    return found | {"made_on": datetime.fromisoformat(found["made_on"])}


def measured() -> dict[str, dict[str, Any]]:
    """Return what was measured of tests of luck, by the name of the test.

    `share` of the `worlds` without an edge raised an alarm, or of those with a known
    truth had it inside the interval; `wanted` is what the test promises.
    """
    found = calibration()
    checks = {check["key"]: check for check in (found["checks"] if found else ())}
    return {
        test: {
            "share": checks[key]["figures"][0]["value"],
            "worlds": checks[key]["n"],
            "wanted": wanted,
            "is_alarm": wanted == FALSE_ALARMS,
        }
        for test, (key, wanted) in MEASURED.items()
        if key in checks
    }


def calibration_figures() -> list[dict[str, Any]]:
    """Return every figure with its check as one row; [] if nothing was measured."""
    found = calibration()
    return [
        {
            "check": check["key"],
            "name": check["name"],
            "worlds": check["n"],
            "each": check["done"],
            "figure": figure["label"],
            **{key: figure[key] for key in ("value", "low", "high", "kept")},
        }
        for check in (found["checks"] if found else ())
        for figure in check["figures"]
    ]
