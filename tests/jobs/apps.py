"""The test kinds as an app of the worker under test."""

from __future__ import annotations

from django.apps import AppConfig


class KindsConfig(AppConfig):
    name = "tests.jobs"
    label = "test_kinds"

    def ready(self):
        from jobs.registry import register
        from tests.jobs.kinds import KINDS

        for kind in KINDS:
            register(kind)
