"""Several who write at once wait for each other: nobody is told of a lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from experiments.models import ModelRun, Watchlist
from tests.torture.writers import WRITERS, write_rows

ROWS = 6


def written(number: int) -> list[str]:
    left = iter(range(ROWS))
    try:
        return write_rows(number, lambda: next(left, None) is not None)
    finally:
        connections.close_all()


def read() -> set[int]:
    try:
        return {Client().get(page).status_code for page in ("/jobs", "/api/runs") * 3}
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_writers_and_readers_at_once():
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        writing = [pool.submit(written, number) for number in range(WRITERS)]
        reading = pool.submit(read)
        kept = [name for one in writing for name in one.result()]

    assert reading.result() == {200}
    there = Watchlist.objects.filter(deleted_at=None).values_list("name", flat=True)
    assert sorted(there) == sorted(kept)
    assert len(kept) == WRITERS * ROWS / 2
    assert ModelRun.objects.count() == WRITERS
