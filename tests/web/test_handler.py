"""A request stays in one thread, which the next one uses, and nobody else meanwhile."""

import asyncio
import json
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path

from quantlab.web.handler import IDLE_THREADS, LabHandler, Threads

here = threading.get_ident


def within(seconds, is_so):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    return is_so()


def at_once(request):
    return JsonResponse({"middleware": request.seen_in, "view": here()})


async def awaited(request):
    await asyncio.sleep(0)
    view = await sync_to_async(here)()
    return JsonResponse({"middleware": request.seen_in, "view": view})


urlpatterns = [path("at-once", at_once), path("awaited", awaited)]


class SeenIn:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.seen_in = here()
        return self.get_response(request)


async def answer(handler, address):
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": address}
    scope |= {"headers": [(b"host", b"localhost")], "query_string": b""}
    messages, sent = [{"type": "http.request", "body": b""}], []

    async def receive():
        if not messages:
            await asyncio.Event().wait()  # nobody leaves
        return messages.pop()

    async def send(message):
        sent.append(message)

    await handler(scope, receive, send)
    return json.loads(sent[1]["body"])


@pytest.mark.parametrize("address", ["/at-once", "/awaited"])
def test_a_request_is_answered_in_one_thread_and_the_next_in_the_same(address):
    async def ask_twice():
        handler = LabHandler()
        first = await answer(handler, address)
        assert within(10, lambda: handler.threads.idle)
        return first, await answer(handler, address)

    own = {"ROOT_URLCONF": __name__, "MIDDLEWARE": [f"{__name__}.SeenIn"]}
    with override_settings(**own):
        first, second = asyncio.run(ask_twice())

    assert first["middleware"] == first["view"]
    assert first == second


def test_requests_at_once_have_a_thread_each_and_few_threads_stay():
    n, threads, there = IDLE_THREADS + 2, Threads(), []

    async def one(all_there):
        async with threads.one():
            there.append(await sync_to_async(threading.current_thread)())
            if len(there) == n:
                all_there.set()
            await all_there.wait()

    async def crowd():
        all_there = asyncio.Event()
        await asyncio.gather(*(one(all_there) for _ in range(n)))

    asyncio.run(crowd())

    assert len(set(there)) == n
    assert within(10, lambda: sum(one.is_alive() for one in there) == IDLE_THREADS)
    assert len(threads.idle) == IDLE_THREADS


def test_a_thread_with_work_left_behind_is_given_to_nobody():
    threads, may_end = Threads(), threading.Event()

    async def leave_and_come_again():
        async with threads.one():
            first = await sync_to_async(here)()
            work = asyncio.create_task(sync_to_async(may_end.wait)(10))
            await asyncio.sleep(0)
            work.cancel()
        async with threads.one():
            return first, await sync_to_async(here)()

    first, second = asyncio.run(leave_and_come_again())

    assert first != second
    may_end.set()
    assert within(10, lambda: len(threads.idle) == 2)
