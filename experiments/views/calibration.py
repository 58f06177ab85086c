"""How far the tests of luck can be trusted: the figures of `make calibrate`."""

from __future__ import annotations

import json
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@require_GET
def calibration(request: HttpRequest) -> HttpResponse:
    figures = settings.BASE_DIR / "docs" / "calibration.json"
    found = json.loads(figures.read_text()) if figures.exists() else None
    if found:
        found["made_on"] = datetime.fromisoformat(found["made_on"])
    return render(request, "experiments/calibration.html", {"found": found})
