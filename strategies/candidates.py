"""What makes two candidates the same one, and what is kept of each.

A *candidate* is a config without its name and its engine's seed. Its key is a sum of
hashes, one for each setting, so that the keys of a million combinations are a sum of
columns and equal those of the configs they stand for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.config import RunConfig
from strategies.documents import canonical_json, normal_values
from strategies.dsl.expression import parse
from strategies.types import FloatArray, IntArray

KeyArray = NDArray[np.uint64]
HalfArray = NDArray[np.float16]

# Nothing of these changes what the strategy would have earned.
OUTSIDE = ("seed", "indicators", "benchmark", "validation")
# Objects of which a config's document holds only what differs from the default.
SPARSE = ("sizing", "exits")
BRACE = "braces."  # paths of an expression's constants begin so
DAY_MS = 86_400_000
DAYS_A_WEEK = 7
MONDAY = 3  # 1 January 1970 was a Thursday
HALF_LIMIT = 60_000.0


def candidate_key(config: RunConfig) -> int:
    """Return the key of the candidate that a config is, below 2**64.

    Parameters
    ----------
    config : RunConfig
        Resolved: two configs that differ in defaults left out have different keys.
    """
    leaves = _leaves(_counted(config))
    return sum(_hash(path, value) for path, value in leaves) % 2**64


def candidate_keys(
    config: RunConfig, columns: Mapping[str, Sequence[Any] | NDArray[Any]]
) -> KeyArray:
    """Return the keys of many candidates that differ from `config` in some settings.

    Parameters
    ----------
    config : RunConfig
        Resolved; what all candidates share.
    columns : mapping of str to sequence of length n
        Dotted path of the config (``strategy.params.fast``) to the value of each
        candidate.

    Returns
    -------
    uint64 array of shape (n,)
        For each row what `candidate_key` returns for the config with its values.
    """
    if any(path.startswith(BRACE) for path in columns):
        columns = _written_out(config, columns)
    document = _counted(config)
    shared = sum(_hash(p, v) for p, v in _leaves(document) if p not in columns)
    n = len(next(iter(columns.values())))
    keys = np.full(n, shared % 2**64, dtype=np.uint64)
    for path, column in columns.items():
        if path.partition(".")[0] not in OUTSIDE:
            keys += _column(config, path, column)
    return keys


def _counted(config: RunConfig) -> dict[str, Any]:
    """Return all that makes a candidate; of an expression its canonical form.

    ``a + b`` and ``b + a`` are one candidate, and so are a constant in braces and the
    same number in the text.
    """
    document = {k: v for k, v in config.document().items() if k not in OUTSIDE}
    if config.expr is not None:
        document.pop("braces", None)
        document["expr"] = parse(config.expr, config.braces).canonical
    return document


def _written_out(
    config: RunConfig, columns: Mapping[str, Sequence[Any] | NDArray[Any]]
) -> dict[str, Sequence[Any] | NDArray[Any]]:
    """Return the columns with one of canonical texts in place of those of braces."""
    inside = {path: columns[path] for path in columns if path.startswith(BRACE)}
    names = [path.removeprefix(BRACE) for path in inside]
    rows = zip(*inside.values(), strict=True)
    braces = [config.braces | dict(zip(names, row, strict=True)) for row in rows]
    others = {path: columns[path] for path in columns if path not in inside}
    texts = [parse(config.expr or "", one).canonical for one in braces]
    return {**others, "expr": texts}


def _column(
    config: RunConfig, path: str, column: Sequence[Any] | NDArray[Any]
) -> KeyArray:
    """Hash each different value once: a grid has few of them."""
    default = _default(config, path)
    known: dict[Any, int] = {}
    values = column.tolist() if isinstance(column, np.ndarray) else column
    for value in values:
        if value not in known:
            is_open = value is None or (default is not None and value == default)
            known[value] = 0 if is_open else _hash(path, normal_values(value))
    return np.array([known[value] for value in values], dtype=np.uint64)


def _default(config: RunConfig, path: str) -> Any:
    """Return the value of `path` that a document leaves out; None for none."""
    part, _, name = path.partition(".")
    if part not in SPARSE:
        return None
    field = type(getattr(config, part)).model_fields.get(name)
    return None if field is None else field.default


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else name)
    elif value not in (None, []):
        yield path, value


def _hash(path: str, value: Any) -> int:
    digest = hashlib.sha256(f"{path}={canonical_json(value)}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def weeks_of(ts: IntArray) -> IntArray:
    """Return the number of the week, Monday first, that each bar opens in.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Epoch ms UTC.
    """
    return (ts // DAY_MS + MONDAY) // DAYS_A_WEEK


def weekly_returns(ts: IntArray, equity: FloatArray) -> tuple[int, HalfArray]:
    """Return the first week and the return of each week, coarse but small.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ascending.
    equity : float64 array of shape (n_bars,)
        Account value at each close; without NaN.

    Returns
    -------
    tuple of int and float16 array of shape (n_weeks,)
        The week that the first return belongs to (`weeks_of`), and simple returns
        from the last close of one week to that of the next. A week without bars
        returns 0; after ruin all are 0.
    """
    week = weeks_of(ts)
    last = np.append(np.flatnonzero(np.diff(week)), len(week) - 1)
    first = int(week[0])
    value = np.empty(int(week[-1]) - first + 1)
    filled = np.searchsorted(week[last], np.arange(first, int(week[-1]) + 1), "right")
    value[:] = equity[last[filled - 1]]
    before = value[:-1]
    grown = np.divide(value[1:], before, out=np.ones_like(before), where=before > 0)
    returns = np.clip(grown - 1.0, -HALF_LIMIT, HALF_LIMIT)
    return first + 1, returns.astype(np.float16)
