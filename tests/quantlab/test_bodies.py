"""A large body waits on the disk of the lab, in a file that leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest
from django.core.exceptions import RequestAborted

from quantlab.web.bodies import BodyHandler


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
