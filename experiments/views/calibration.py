"""How far the tests of luck can be trusted: the figures of `make calibrate`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from experiments.selectors.calibration import calibration as calibration_found


@require_GET
def calibration(request: HttpRequest) -> HttpResponse:
    downloads = f"{reverse('api:calibration')}?format="
    context = {"found": calibration_found(), "downloads": downloads}
    return render(request, "experiments/calibration.html", context)
