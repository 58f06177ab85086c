"""Writers of one file take turns, and none of them forever."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, connections, transaction

from quantlab.sqlite import base

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
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (50,)


def test_threads_that_wait_do_not_keep_the_one_that_writes_from_it():
    """Of five threads the first writes long, and computes meanwhile."""
    began, took = threading.Event(), []

    def write_long() -> None:
        with closing(connections.create_connection("default")) as own:
            own.set_autocommit(False)
            began.set()
            start = time.thread_time()
            while time.thread_time() - start < 0.3:
                pass
            own.rollback()
            own.set_autocommit(True)

    def write() -> None:
        with closing(connections.create_connection("default")) as own:
            began.wait(20)
            start = time.perf_counter()
            own.set_autocommit(False)
            took.append(time.perf_counter() - start)
            own.rollback()
            own.set_autocommit(True)

    threads = [threading.Thread(target=write) for _ in range(4)]
    threads.append(threading.Thread(target=write_long))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(took) == 4
    assert max(took) < 3.0


def test_the_turn_ends_however_the_transaction_does():
    for end in (connection.close, lambda: transaction.set_rollback(True)):
        with transaction.atomic():
            end()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert not base._turns.lock.locked()
    with transaction.atomic():
        assert base._turns.lock.locked()
    assert not base._turns.lock.locked()


def test_a_statement_alone_waits_as_before():
    connection.ensure_connection()
    with transaction.atomic():
        pass
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [ms] = cursor.fetchone()
    assert ms == connection.settings_dict["OPTIONS"]["timeout"] * 1_000
