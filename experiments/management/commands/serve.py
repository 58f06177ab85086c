from __future__ import annotations

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import warnings
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from experiments.services.setup import compile_behind, setup_is_current
from jobs.hub import hub
from jobs.tasks import EmbeddedWorker
from jobs.warm import fork_server
from quantlab.web.wire import LabProtocol

STOP_WITHIN_S = 3
# How long a thread computes before another may: a small answer waits for no large one.
TURN_S = 0.001


class LabServer(uvicorn.Server):
    """Uvicorn with the worker beside it, that says where the lab is once it is open."""

    def __init__(self, config: uvicorn.Config, *, works: bool) -> None:
        super().__init__(config)
        self.worker = EmbeddedWorker() if works else None
        self.compiling: subprocess.Popen[bytes] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            if self.worker:
                self.worker.start()
            host, port = self.config.host, self.config.port
            print(f"\n  QuantLab is open at http://{host}:{port}\n", flush=True)  # noqa: T201
            self.compiling = compile_behind()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, close the connections and stop the worker, all at once."""
        hub.close()
        if self.compiling:  # what is ready is kept, the rest comes next time
            self.compiling.terminate()
            await asyncio.to_thread(self.compiling.wait)
        stopping = [super().shutdown(sockets=sockets)]
        if self.worker:
            stopping.append(asyncio.to_thread(self.worker.stop))
        await asyncio.gather(*stopping)


class Command(BaseCommand):
    help = "Open the lab: pages, API and the worker in one foreground process."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="Pages and API alone; `manage.py worker` runs elsewhere.",
        )

    def handle(
        self, *args: Any, host: str, port: int, no_worker: bool, **options: Any
    ) -> None:
        _refuse_taken_port(host, port)
        if not setup_is_current():
            self.stdout.write("Setting the lab up (once for each version):")
            self.stdout.flush()
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "setup"]
            if subprocess.run(command, check=False).returncode:  # noqa: S603
                raise CommandError("The set-up stopped; the reason is printed above.")
        # WhiteNoise hands small files over as iterators; Django reads them at once.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume")
        config = uvicorn.Config(
            "quantlab.asgi:application",
            host=host,
            port=port,
            http=LabProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        config.load()
        # What is loaded by now stays: scanning it again only delays answers.
        gc.freeze()
        # Each request leaves some hundred objects that only a collection frees: often
        # a few thousand of them (5 ms), not now and then fifty thousand (90 ms).
        gc.set_threshold(5_000, 20, 50)
        if not no_worker:
            fork_server()  # shares what is loaded
        # Uvicorn raises the signal again when it has closed: by then all is done.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        sys.setswitchinterval(TURN_S)
        LabServer(config, works=not no_worker).run()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise CommandError(
                f"{host}:{port} cannot be used ({exc.strerror}). "
                "Choose another with make run PORT=8001."
            ) from None
