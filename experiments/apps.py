from __future__ import annotations

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"
    verbose_name = "Notebook"

    def ready(self) -> None:
        from experiments.kinds import CHORES, KINDS
        from experiments.selectors.published import published_version
        from jobs.registry import register, register_chore
        from strategies.library.trained import models_come_from

        for kind in KINDS:
            register(kind)
        for chore in CHORES:
            register_chore(chore)
        models_come_from(published_version)
