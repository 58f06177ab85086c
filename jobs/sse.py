"""Server-sent events: what a job has told, then what it tells, until it is done.

Django answers with the events that are there. Where more may come, `with_streams`
keeps the answer open after Django has left: an open stream then holds no thread and no
connection to the database, however many there are. A server that does not use it ends
the answer there; a browser connects again by itself and misses nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

import structlog
from django.http import HttpResponse

from jobs.events import DONE, events_after
from jobs.hub import Event, Hub, hub
from jobs.models import Job
from quantlab.web.problem import Problem

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 1000
HEARTBEAT_S = 15.0
HEARTBEAT = ":\n\n"  # a comment: proxies see that somebody is there
FOLLOW = "X-Lab-Follow"  # from `event_stream` to `with_streams`; nobody else sees it

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
logger = structlog.get_logger(__name__)


def event_stream(job: Job, last_seq: int) -> HttpResponse:
    """Answer with what comes after event `last_seq`; 204 when that was the end."""
    if last_seq > job.newest_seq:
        raise _unknown_event(job, last_seq)
    events = events_after(job, last_seq)
    if job.is_finished and not events:
        return HttpResponse(status=204)  # the word for "do not connect again"
    response = HttpResponse(
        f"retry: {RETRY_MS}\n\n" + "".join(frame(event) for event in events),
        content_type=MEDIA_TYPE,
        headers={
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "Content-Encoding": "identity",  # compressed, it would wait for more
        },
    )
    if not (events and events[-1]["type"] == DONE):
        seq = events[-1]["seq"] if events else last_seq
        response[FOLLOW] = f"{job.pk} {seq}"
    return response


def frame(event: Event) -> str:
    data = json.dumps(event, allow_nan=False, separators=(",", ":"))
    return f"id: {event['seq']}\nevent: {event['type']}\ndata: {data}\n\n"


async def follow(hub: Hub, job_id: str, seq: int) -> AsyncGenerator[str, None]:
    """Yield every event after `seq` once, the last one last, and life signs between."""
    with hub.listen(job_id, seq) as inbox:
        while not inbox.is_closed:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    events = await inbox.take(seq)
            except TimeoutError:
                yield HEARTBEAT
                continue
            if not events:
                continue
            yield "".join(frame(event) for event in events)
            seq = events[-1]["seq"]
            if events[-1]["type"] == DONE:
                return


def with_streams(application: Application) -> Application:
    """Return the application that goes on where `event_stream` has begun."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        begun: list[str] = []

        async def send_beginning(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.extend(_take_follow(message))
            elif begun:
                message["more_body"] = True
            await send(message)

        await application(scope, receive, send_beginning)
        if begun:
            job_id, seq = begun
            await _go_on(job_id, int(seq), receive, send)

    return answer


def _take_follow(start: Message) -> list[str]:
    """Take our header out of an answer; return the job and its last event, or []."""
    headers = {name.lower(): value for name, value in start["headers"]}
    follow: bytes = headers.get(FOLLOW.lower().encode(), b"")
    if follow:
        not_sent = (FOLLOW.lower().encode(), b"content-length")
        start["headers"] = [
            (name, value)
            for name, value in start["headers"]
            if name.lower() not in not_sent
        ]
    return follow.decode().split()


async def _go_on(job_id: str, seq: int, receive: Receive, send: Send) -> None:
    """Send events until the last one, or until one side leaves."""
    sending = asyncio.create_task(_send_events(job_id, seq, send))
    leaving = asyncio.create_task(_disconnected(receive))
    tasks = (sending, leaving)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        [broken, _] = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(broken, Exception):
        logger.error("stream_broken", job_id=job_id, exc_info=broken)


async def _send_events(job_id: str, seq: int, send: Send) -> None:
    async with aclosing(follow(hub, job_id, seq)) as frames:
        async for text in frames:
            part = {"body": text.encode(), "more_body": True}
            await send({"type": "http.response.body", **part})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _unknown_event(job: Job, seq: int) -> Problem:
    code = "unknown_event"
    message = f"The job has told {job.newest_seq} events, there is no event {seq}."
    return Problem(
        status=422,
        code=code,
        message=message,
        advice="Send the id of the last event you received, or none.",
        errors=[{"field": "last_event_id", "code": code, "message": message}],
    )
