"""The lab as an ASGI application: HTTP by Django, WebSockets refused with a hint."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

django_application = get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _refuse_websocket(receive, send)
    else:
        await django_application(scope, receive, send)  # type: ignore[arg-type]


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    """Live events are server-sent: GET the same address with an EventSource."""
    await receive()
    await send(
        {
            "type": "websocket.close",
            "code": 1008,
            "reason": "Use server-sent events: GET this address.",
        }
    )
