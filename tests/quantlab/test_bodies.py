"""A large body waits on the disk of the lab, in a file that leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest
from django.core.exceptions import RequestAborted

from quantlab.web.bodies import BodyHandler, body_limit
from quantlab.web.handler import LabHandler


def read(parts):
    messages = iter(parts)

    async def receive():
        return next(messages)

    return asyncio.run(BodyHandler().read_body(receive))


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_large_body_is_a_file_without_a_name_on_the_labs_disk(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000

    with read([part(b"a" * 900), part(b"b" * 900), part(b"", more=False)]) as body:
        place = Path("/proc/self/fd") / str(body.fileno())
        assert place.readlink().is_relative_to(tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert body.read() == b"a" * 900 + b"b" * 900


def test_a_small_one_stays_in_memory_and_a_broken_one_is_let_go(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "missing"
    with read([{"type": "http.request"}]) as body:
        assert body.read() == b""
    with read([part(b"{}", more=False)]) as body:
        assert body.read() == b"{}"
    with pytest.raises(RequestAborted):
        read([part(b"{"), {"type": "http.disconnect"}])


def test_a_body_without_an_end_is_kept_up_to_what_its_address_takes(settings):
    """Chunks say no length before: what is beyond is thrown away, and refused."""
    settings.QUANT_API_KEY = "sesame"  # a stranger is told so too
    settings.QUANT_UPLOAD_LIMIT_MB = 2
    form = {b"content-type": b"multipart/form-data; boundary=x"}
    key = {b"x-api-key": b"sesame"}
    asked = (("/api/backtest", {}, 413), ("/login", {}, 413))
    # A file is asked for its key first, and more than of others is not kept till then.
    files = (("/api/import", form, 401), ("/import", form, 302))
    for path, shown, status in (*asked, *files, ("/api/import", key, 413)):
        kept, sent = 0, []

        class Handler(LabHandler):
            async def read_body(self, receive):
                nonlocal kept
                body = await super().read_body(receive)
                kept = body.seek(0, 2)
                body.seek(0)
                return body

        async def receive():
            await asyncio.sleep(0)
            is_told = len(sent) > 1  # noqa: B023
            return {"type": "http.disconnect"} if is_told else part(b"a" * 65_536)

        async def send(message):
            sent.append(message)  # noqa: B023

        names = shown | {b"host": b"localhost", b"transfer-encoding": b"chunked"}
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
        scope |= {"http_version": "1.1", "headers": [*names.items()]}
        asyncio.run(Handler()(scope, receive, send))

        assert sent[0]["status"] == status, path
        assert 0 < kept <= body_limit(path if shown is key else "/login"), path
