from __future__ import annotations

from django.contrib.admin.apps import SimpleAdminConfig


class LabAdminConfig(SimpleAdminConfig):
    """The admin of the lab's own tables; users and groups mean nothing here."""

    default_site = "quantlab.access.admin.LabAdmin"
