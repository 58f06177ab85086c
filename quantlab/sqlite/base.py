"""Django's SQLite, but for how writers wait for each other.

SQLite itself looks for a free file less and less often, in the end ten times a second:
of four writers at once some would wait for 100 ms, where a transaction takes three.
"""

from __future__ import annotations

import random
import time

from django.db import OperationalError
from django.db.backends.sqlite3 import base

LOCKED = "SQLITE_BUSY"
LOOK_S = (0.0005, 0.002)  # between two looks, from and to: they should not meet again


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that begins to write within two milliseconds of its turn."""

    def _start_transaction_under_autocommit(self) -> None:
        """Begin as soon as nobody else writes.

        Raises
        ------
        django.db.OperationalError
            Where the file stays locked for as long as `timeout` says.
        """
        patience_s = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        deadline = time.monotonic() + patience_s
        self._wait_within_sqlite(0.0)
        try:
            while not self._has_begun(deadline):
                time.sleep(random.uniform(*LOOK_S))  # noqa: S311 - no secret
        finally:
            self._wait_within_sqlite(patience_s)

    def _has_begun(self, deadline: float) -> bool:
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except OperationalError as exc:
            is_locked = getattr(exc.__cause__, "sqlite_errorname", "") == LOCKED
            if not is_locked or time.monotonic() > deadline:
                raise
            return False
        return True

    def _wait_within_sqlite(self, seconds: float) -> None:
        """Set how long a statement outside a transaction waits."""
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1_000)}")
