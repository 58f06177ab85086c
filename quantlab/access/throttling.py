"""How often something may be tried, counted in windows of the clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Throttle:
    """So many tries a window for each who; the count starts anew with the window."""

    name: str
    allowed: int
    window_s: int

    def used(self, who: str) -> int:
        return int(cache.get(self._key(who), 0))

    def is_spent(self, who: str) -> bool:
        return self.used(who) >= self.allowed

    def count(self, who: str) -> None:
        key = self._key(who)
        cache.add(key, 0, timeout=self.window_s)
        try:
            cache.incr(key)
        except ValueError:  # it lapsed between the two: the window has ended
            cache.add(key, 1, timeout=self.window_s)

    def forgive(self, who: str) -> None:
        cache.delete(self._key(who))

    @property
    def resets_at(self) -> datetime:
        return datetime.fromtimestamp((self._window() + 1) * self.window_s, UTC)

    @property
    def wait_s(self) -> int:
        """Return the seconds until the window ends, at least one."""
        return math.ceil(self.resets_at.timestamp() - time.time()) or 1

    def _window(self) -> int:
        return int(time.time() // self.window_s)

    def _key(self, who: str) -> str:
        return f"throttle:{self.name}:{self._window()}:{who}"
