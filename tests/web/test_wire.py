"""What is not a whole head of a request is refused in words, and kept nowhere."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from quantlab.web import wire
from quantlab.web.wire import HEAD_BYTES, LabProtocol


async def echo(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    head = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected():
    config = uvicorn.Config(echo, http=LabProtocol, lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    make = lambda: LabProtocol(config, ServerState(), {})  # noqa: E731
    server = await loop.create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


Ask = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


def answered(ask: Ask) -> bytes:
    async def answer() -> bytes:
        async with asyncio.timeout(10), connected() as (reader, writer):
            return await ask(reader, writer)

    return asyncio.run(answer())


def sent(*parts: bytes) -> bytes:
    async def ask(reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return await reader.readuntil(b"\r\n\r\n")

    return answered(ask)


START = b"POST / HTTP/1.1\r\nhost: lab\r\n"


def test_a_head_has_an_end():
    long = b"a" * (HEAD_BYTES + 1)
    pieces = [b"a" * 1_000] * (HEAD_BYTES // 1_000 + 1)
    lines = b"x: y\r\n" * (HEAD_BYTES // 6 + 1)
    for parts in (
        [b"GET /", long, b" HTTP/1.1\r\n\r\n"],
        [START, b"x: ", long, b"\r\n\r\n"],
        [START, lines * 2, b"\r\n"],
        [START, b"x: ", *pieces],  # and never ends
        [b"GET /", *pieces],
        [START, lines],
    ):
        assert sent(*parts).startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_refused():
    for garbage in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"G" * 100):
        assert sent(garbage, b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_long_bodies_and_many_requests_are_no_heads():
    body = b"b" * (HEAD_BYTES * 3)

    async def ask(reader, writer):
        for _ in range(3):
            writer.write(START + b"content-length: %d\r\n\r\n" % len(body) + body)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(len(body)) == body
        return b"all"

    assert answered(ask) == b"all"


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost:"])
def test_who_sends_no_head_is_left(monkeypatch, begun):
    monkeypatch.setattr(wire, "HEAD_S", 0.05)

    async def ask(reader, writer):
        writer.write(begun)
        return await reader.read()

    assert answered(ask) == b""


def test_who_sends_one_in_time_is_not_left(monkeypatch):
    monkeypatch.setattr(wire, "HEAD_S", 0.05)

    async def ask(reader, writer):
        writer.write(START + b"content-length: 2\r\n\r\n")
        await asyncio.sleep(0.2)  # a body may take its time
        writer.write(b"ok")
        return await reader.readuntil(b"ok")

    assert answered(ask).endswith(b"ok")
