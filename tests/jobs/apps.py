"""The test kinds as an app of the worker under test, in place of the lab's own."""

from __future__ import annotations

from django.apps import AppConfig


class KindsConfig(AppConfig):
    name = "tests.jobs"
    label = "test_kinds"

    def ready(self):
        from jobs.registry import _KINDS, register
        from tests.jobs.kinds import KINDS

        _KINDS.clear()  # the handlers of the lab's own would all be imported
        for kind in KINDS:
            register(kind)
