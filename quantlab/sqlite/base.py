"""Django's SQLite, but for how writers wait for each other.

SQLite itself looks for a free file less and less often, in the end ten times a second:
of four writers at once some would wait for 100 ms, where a transaction takes three.
Here the threads of a process wait for each other at a lock, which costs nothing, and
only the one whose turn it is looks whether another process writes. (All of them looking
would keep the one that writes from the interpreter.)
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from threading import Lock

from django.db.backends.sqlite3 import base

LOCKED = "SQLITE_BUSY"  # and what begins so
LOOK_S = (0.0005, 0.002)  # between two looks, from and to: they should not meet again


class Turns:
    """Who writes in this process; a fork begins with nobody."""

    def __init__(self) -> None:
        self.lock = Lock()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self.lock = Lock()


_turns = Turns()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that begins to write within two milliseconds of its turn."""

    transaction_mode: str | None
    _turn: Lock | None = None  # the lock, while it is ours

    def _start_transaction_under_autocommit(self) -> None:
        """Begin as soon as nobody else writes.

        Raises
        ------
        django.db.OperationalError
            Where the file stays locked for as long as `timeout` says.
        """
        patience_s = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        deadline = time.monotonic() + patience_s
        with self.wrap_database_errors:
            self._take_turn(patience_s)
            try:
                self._wait_within_sqlite(0.0)
                try:
                    self._begin(deadline)
                finally:
                    self._wait_within_sqlite(patience_s)
            except BaseException:
                self._end_turn()
                raise

    def _take_turn(self, patience_s: float) -> None:
        lock = _turns.lock
        if not lock.acquire(timeout=patience_s):
            raise sqlite3.OperationalError("database is locked")
        self._turn = lock

    def _begin(self, deadline: float) -> None:
        while True:
            try:
                self.connection.execute(f"BEGIN {self.transaction_mode or ''}")
            except sqlite3.OperationalError as exc:
                is_locked = str(exc.sqlite_errorname).startswith(LOCKED)
                if not is_locked or time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(random.uniform(*LOOK_S))  # noqa: S311 - no secret

    def _wait_within_sqlite(self, seconds: float) -> None:
        """Set how long a statement outside a transaction waits."""
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1_000)}")

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()

    def _set_autocommit(self, autocommit: bool) -> None:
        """Every transaction ends here, whether it was committed or rolled back."""
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if autocommit:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()
