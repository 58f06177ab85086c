"""How the lab answers over ASGI: a request stays in one thread, which the next uses.

Django's own handler starts a thread for each request, with it a new connection to the
database, and walks between that thread and the event loop at each middleware. Of what
takes a few milliseconds to answer that would be half.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from quantlab.web.bodies import BodyHandler

IDLE_THREADS = 4  # that wait for requests; where more come at once, more are started


class Threads:
    """Threads that requests take and give back, each with its own connection."""

    def __init__(self) -> None:
        self.idle: deque[ThreadPoolExecutor] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Have what is not asynchronous done in a thread that nobody else uses."""
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, "request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                yield
        finally:
            # Behind what a client who left early has left at work.
            thread.submit(self._give_back, thread)

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self.idle) < IDLE_THREADS:
            self.idle.append(thread)
        else:
            connections.close_all()
            thread.shutdown(wait=False)


class LabHandler(BodyHandler):
    """Django's handler, with all middleware and the view one after the other.

    A view that is asynchronous waits on the event loop, and its thread for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = Threads()

    def load_middleware(self, is_async: bool = False) -> None:
        """Load it once, and as what it is: Django's handler asks for the other kind."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self.threads.one():
            await super().__call__(scope, receive, send)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await sync_to_async(self.get_response)(request)
        return response
