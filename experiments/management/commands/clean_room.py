from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from experiments.services.clean_room import clean_room_work


class Command(BaseCommand):
    help = "Do the one job of a clean room. Started by the lab, in a folder of its own."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        clean_room_work()
