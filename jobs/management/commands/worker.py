from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.tasks import EmbeddedWorker
from jobs.warm import fork_server


class Command(BaseCommand):
    help = "Run the worker alone, beside a server that runs elsewhere."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        fork_server()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        worker = EmbeddedWorker()
        worker.start()
        try:
            while not stop.wait(1.0):
                if not worker.is_alive():
                    raise CommandError("The worker stopped; the log says why.")
        finally:
            worker.stop()
