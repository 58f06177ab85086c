from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class AccessConfig(AppConfig):
    """The key cabinet: API keys, and answers that are given once."""

    name = "quantlab.access"
    label = "access"


class LabAdminConfig(SimpleAdminConfig):
    """The admin of the lab's own tables; users and groups mean nothing here."""

    default_site = "quantlab.access.admin.LabAdmin"
