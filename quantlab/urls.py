"""The whole site on one screen."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.http import require_GET

import experiments.admin  # noqa: F401 - adds its tables to the admin
import jobs.admin  # noqa: F401 - adds its tables to the admin
from quantlab.about import settings_page, system_page
from quantlab.access.auth import login, logout
from quantlab.access.views import key_list, key_revoked
from quantlab.api import api, get_health
from quantlab.web.appearance import appearance_set


@require_GET
def health_alias(request: HttpRequest) -> HttpResponse:
    return api.create_response(request, get_health(request), status=200)


@require_GET
def keyboard(request: HttpRequest) -> HttpResponse:
    return render(request, "keyboard.html")


urlpatterns = [
    path("api/", api.urls),
    path("health", health_alias, name="health"),
    path("login", login, name="login"),
    path("logout", logout, name="logout"),
    path("admin/", admin.site.urls),
    path("settings", settings_page, name="settings"),
    path("settings/keys", key_list, name="key-list"),
    path("settings/keys/<uuid:key_id>/revoke", key_revoked, name="key-revoke"),
    path("system", system_page, name="system"),
    path("keyboard", keyboard, name="keyboard"),
    path("settings/appearance", appearance_set, name="appearance-set"),
    path("", include("jobs.urls")),
    path("", include("experiments.urls")),
]
