"""Bodies of requests wait on the lab's own disk, as large as their address takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
UPLOADS = ("/api/datasets/upload", "/api/import", "/datasets/upload", "/import")
CUT = "quantlab.body_cut"  # in the scope of a request that sent more than is taken


def body_limit(path: str) -> int:
    """Return how many bytes an address takes at most."""
    if path in UPLOADS:
        return settings.QUANT_UPLOAD_LIMIT_MB * 1024 * 1024
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def is_cut(request: HttpRequest) -> bool:
    """Return True where more was sent than was kept."""
    return CUT in getattr(request, "scope", {})


class BodyHandler(ASGIHandler):
    """Django's handler, but for where a large body is put until it is parsed.

    Django takes the system's folder for temporary files, which on many machines is
    memory, and smaller than a file of bars.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await super().handle(scope, _at_most(scope, receive), send)

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """Return the whole body, in memory or in a file without a name.

        Raises
        ------
        RequestAborted
            When the client is gone before the end.
        """
        body: IO[bytes] = SpooledTemporaryFile(  # noqa: SIM115 - the request closes it
            max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE,
            mode="w+b",
            dir=str(settings.FILE_UPLOAD_TEMP_DIR),
        )
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                raise RequestAborted
            body.write(message.get("body", b""))
            more = message.get("more_body", False)
        body.seek(0)
        return body


def _at_most(scope: MutableMapping[str, Any], receive: Receive) -> Receive:
    """Return a `receive` that ends a body where its address takes no more.

    A body without a length says how long it is by ending only. What comes behind is
    thrown away, so that whoever sends it is still told why. A stranger's file is no
    larger than any other body: that it is cut is not told, a key is asked for first.
    """
    is_strange_file = scope["path"] in UPLOADS and _shows_nothing(scope)
    left = body_limit("" if is_strange_file else scope["path"])

    async def receive_at_most() -> Mapping[str, Any]:
        nonlocal left
        message = await receive()
        while left < 0 and message["type"] == "http.request":
            message = await receive()
        left -= len(message.get("body", b""))
        if left >= 0 or message["type"] != "http.request":
            return message
        if not is_strange_file:
            scope[CUT] = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive_at_most


def _shows_nothing(scope: Mapping[str, Any]) -> bool:
    """Return True where the lab asks for a key, and neither it nor a cookie is sent."""
    names = {name.lower() for name, _ in scope["headers"]}
    return bool(settings.QUANT_API_KEY) and not names & {b"x-api-key", b"cookie"}
