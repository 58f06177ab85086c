"""The lab as an ASGI application: Django, open streams, WebSockets refused in words."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")
django.setup(set_prefix=False)

# Whole before there is a second thread: altair, which charts load themselves several
# at a time, trips over a pandas that another thread has only begun to import.
import pandas  # noqa: E402, F401  after the settings, which keep numpy to one thread

from quantlab.web.handler import LabHandler  # noqa: E402  needs Django

django_application = LabHandler()

from jobs.sse import Message, Receive, Send, with_streams  # noqa: E402  needs Django

http_application = with_streams(django_application)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _refuse_websocket(receive, send)
    else:
        await http_application(scope, receive, send)


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
