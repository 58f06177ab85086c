"""Writers of one file take turns, and none of them forever."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="PostgreSQL locks rows, not the file"
    ),
]


class Holder:
    """Another program that writes, until it is told to stop."""

    def __init__(self) -> None:
        self.path = str(connection.settings_dict["NAME"])
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.ended_at = 0.0
        self.thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.has_begun.set()
            self.may_end.wait(20)
            other.execute("ROLLBACK")
            self.ended_at = time.perf_counter()

    def __enter__(self) -> "Holder":
        self.thread.start()
        assert self.has_begun.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self.thread.join()


def test_the_turn_is_taken_soon_after_the_other_ends():
    # SQLite's own waits have grown to 100 ms by then.
    with Holder() as holder:
        threading.Timer(0.4, holder.may_end.set).start()
        with transaction.atomic():
            waited = time.perf_counter() - holder.ended_at
    assert waited < 0.05


def test_patience_has_an_end(monkeypatch):
    connection.ensure_connection()
    options = connection.settings_dict["OPTIONS"] | {"timeout": 0.05}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    with (
        Holder(),
        pytest.raises(OperationalError, match="locked"),
        transaction.atomic(),
    ):
        raise AssertionError("nobody else may write")
    with transaction.atomic(), connection.cursor() as cursor:  # it can be used again
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_statement_alone_waits_as_before():
    connection.ensure_connection()
    with transaction.atomic():
        pass
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [ms] = cursor.fetchone()
    assert ms == connection.settings_dict["OPTIONS"]["timeout"] * 1_000
