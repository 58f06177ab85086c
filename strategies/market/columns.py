"""The names that columns of bars have in frames and files."""

from __future__ import annotations

PRICES = ("open", "high", "low", "close")
TIME_COLUMNS = ("ts_utc", "timestamp", "datetime", "date")
# Never taken for a further column of values.
NOT_VALUES = frozenset({*TIME_COLUMNS, "symbol", "gap_flag"})
