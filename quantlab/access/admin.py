"""The site of the admin: open to whoever the lab admits, without a password."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from quantlab.access.auth import logout
from quantlab.web.navigation import local_path


class LabAdmin(AdminSite):
    site_title = "QuantLab"
    site_header = "QuantLab, its tables"
    index_title = "Rows as they are stored"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the one door; the admin has none beside it."""
        target = local_path(request.GET.get("next"), otherwise="/admin/")
        return redirect(f"/login?{urlencode({'next': target})}")

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return logout(request)
