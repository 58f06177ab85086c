"""What `make calibrate` found: how far the tests of luck can be trusted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings


def calibration() -> dict[str, Any] | None:
    """Return the newest calibration as it was written; None if none was made."""
    figures = settings.BASE_DIR / "docs" / "calibration.json"
    if not figures.exists():
        return None
    found: dict[str, Any] = json.loads(figures.read_text())
    return found | {"made_on": datetime.fromisoformat(found["made_on"])}


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
