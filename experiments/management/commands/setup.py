from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from experiments.services.setup import setup_lab


class Command(BaseCommand):
    help = "Prepare the lab: tables, chart bundle, static files. Safe to repeat."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        setup_lab(say=lambda step: self.stdout.write(f"  {step}"))
