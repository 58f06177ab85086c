"""Bodies of requests wait on the lab's own disk, however large they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class BodyHandler(ASGIHandler):
    """Django's handler, but for where a large body is put until it is parsed.

    Django takes the system's folder for temporary files, which on many machines is
    memory, and smaller than a file of bars.
    """

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
