from __future__ import annotations

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"
    verbose_name = "Notebook"

    def ready(self) -> None:
        from experiments.kinds import CHORES, KINDS
        from jobs.registry import register, register_chore

        for kind in KINDS:
            register(kind)
        for chore in CHORES:
            register_chore(chore)
