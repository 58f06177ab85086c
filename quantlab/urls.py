"""The whole site on one screen."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_GET

from quantlab.access.auth import login
from quantlab.api import api, get_health
from quantlab.web.appearance import appearance_set, settings_page


@require_GET
def health_alias(request: HttpRequest) -> HttpResponse:
    return api.create_response(request, get_health(request), status=200)


urlpatterns = [
    path("api/", api.urls),
    path("health", health_alias, name="health"),
    path("login", login, name="login"),
    path("settings", settings_page, name="settings"),
    path("settings/appearance", appearance_set, name="appearance-set"),
    path("", include("jobs.urls")),
    path("", include("experiments.urls")),
]
