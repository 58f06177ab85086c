"""Panels on disk as they lie in memory: the bars of many symbols side by side.

Many small files are slow to read. Once they were, the panel they make is kept as one
Arrow file, which is mapped and not read; its name is a hash of the versions of all
symbols, so that a symbol that changed leads to another file. The fingerprint of a
panel is worked out of its bytes anyway: comparing it with the one written down proves
the file, and costs nothing more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import __version__
from strategies.documents import sha256_of
from strategies.market.candles import Candles, odd_bars
from strategies.market.columns import PRICES
from strategies.market.panel import Panel
from strategies.market.store import Store, cache_store
from strategies.types import BoolArray, FloatArray

if TYPE_CHECKING:
    import pyarrow as pa

ROOM = "panels"
FORMAT = 1
MAX_BYTES = 2 * 2**30
FACTS = b"panel"
HAS_BAR = "has_bar"


@dataclass(frozen=True, slots=True, eq=False)
class WholePanel:
    """All bars of some symbols, and which of them there are.

    Attributes
    ----------
    panel : Panel
    has_bar : bool array of shape (n_bars, n_symbols)
        False where NaN means that the symbol has no bar.
    """

    panel: Panel
    has_bar: BoolArray

    @classmethod
    def of(cls, candles: Sequence[Candles]) -> WholePanel:
        """Return several candles side by side, see `Panel.of`."""
        panel = Panel.of(candles)
        has_bar = np.zeros((len(panel), len(panel.symbols)), dtype=np.bool_)
        for column, one in enumerate(sorted(candles, key=lambda one: one.symbol)):
            has_bar[np.searchsorted(panel.ts, one.ts), column] = True
        return cls(panel, has_bar)

    def bars_between(self, start_ms: int | None, end_ms: int | None) -> dict[str, int]:
        """Return how many bars each symbol has in ``[start_ms, end_ms]``."""
        counts = self.has_bar[self.panel.rows(start_ms, end_ms)].sum(axis=0)
        return dict(zip(self.panel.symbols, counts.tolist(), strict=True))

    def between(self, start_ms: int | None, end_ms: int | None) -> Panel:
        """Return the panel of the bars that open in ``[start_ms, end_ms]``.

        It is what `Panel.of` makes of candles that were cut so; its stamps are those
        at which a symbol has a bar. The matrices are views of these.
        """
        rows = self.panel.rows(start_ms, end_ms)
        if rows == slice(0, len(self.panel)):
            return self.panel
        fields = {name: matrix[rows] for name, matrix in self.panel.fields.items()}
        quality = {**self.panel.quality, **_counted(fields, self.has_bar[rows])}
        return replace(
            self.panel, ts=self.panel.ts[rows], fields=fields, quality=quality
        )


class PanelCache:
    """The panel files of a lab; those unused longest make room for new ones.

    Parameters
    ----------
    store : Store, optional
        The lab's caches if left out.
    max_bytes : int
        What all files together may take; a panel that alone takes more is not kept.
    """

    def __init__(self, store: Store | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.store: Store = store or cache_store()
        self.max_bytes = max_bytes

    def load(self, versions: Mapping[str, str], timeframe: str) -> WholePanel | None:
        """Return the panel of these versions of symbols, or None.

        A file that is cut off or was changed is removed: it is not there either.
        """
        import pyarrow as pa

        path = self.store.local(panel_key(versions, timeframe))
        try:
            whole, fingerprint = _mapped(path)
            os.utime(path)  # its last use, whoever asks for the oldest
        except FileNotFoundError:
            return None
        except (pa.ArrowException, OSError, ValueError, KeyError):
            fingerprint = ""
        if fingerprint and whole.panel.fingerprint == fingerprint:
            return whole
        path.unlink(missing_ok=True)
        return None

    def put(
        self, versions: Mapping[str, str], timeframe: str, whole: WholePanel
    ) -> None:
        """Keep a panel, and remove others until all fit."""
        n_bytes = sum(matrix.nbytes for matrix in whole.panel.fields.values())
        if n_bytes > self.max_bytes:
            return
        key = panel_key(versions, timeframe)
        table = _table(whole)
        with suppress(OSError):  # a full or read-only disk costs speed only
            self.store.put(key, lambda path: _write(path, table))
            self._trim(key)

    def _trim(self, newest: str) -> None:
        """Remove the files unused longest; who has mapped one keeps its bytes."""
        found = []
        for key in self.store.keys(ROOM, "*.arrow"):
            try:
                facts = self.store.local(key).stat()
            except FileNotFoundError:
                continue
            found.append((key != newest, -facts.st_mtime_ns, facts.st_size, key))
        total = 0
        for _, _, size, key in sorted(found):
            total += size
            if total > self.max_bytes and key != newest:
                self.store.delete(key)


def panel_key(versions: Mapping[str, str], timeframe: str) -> str:
    """Return where the panel of these versions of symbols is kept."""
    said = [FORMAT, __version__, timeframe, sorted(versions.items())]
    return f"{ROOM}/{sha256_of(said)}.arrow"


def _counted(fields: Mapping[str, FloatArray], has_bar: BoolArray) -> dict[str, int]:
    counts = odd_bars(*(fields[name] for name in (*PRICES, "volume")))
    missing = int(has_bar.size - has_bar.sum())
    # Where there is no bar every field is NaN, which `odd_bars` takes for empty.
    return counts | {
        "missing_bars": missing,
        "nan_rows": counts["nan_rows"] - missing,
    }


def _table(whole: WholePanel) -> pa.Table:
    import pyarrow as pa

    panel = whole.panel
    matrices: dict[str, Any] = {**panel.fields, HAS_BAR: whole.has_bar.view(np.uint8)}
    columns: dict[str, Any] = {"ts_utc": pa.array(panel.ts)}
    for name, matrix in matrices.items():
        cells = pa.array(matrix.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(cells, len(panel.symbols))
    facts = {
        "symbols": panel.symbols,
        "timeframe": panel.timeframe,
        "calendar": panel.calendar,
        "provider": panel.provider,
        "quality": dict(panel.quality),
        "fingerprint": panel.fingerprint,
    }
    return pa.table(columns).replace_schema_metadata({FACTS: json.dumps(facts)})


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)


def _mapped(path: Path) -> tuple[WholePanel, str]:
    """Return the panel in a file, and the fingerprint that it has to have."""
    import pyarrow as pa

    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    facts = json.loads(table.schema.metadata[FACTS])
    fingerprint: str = facts.pop("fingerprint")
    shape = (table.num_rows, len(facts["symbols"]))
    lists: dict[str, Any] = {
        name: table.column(name).chunk(0) for name in table.column_names[1:]
    }
    matrices = {k: v.values.to_numpy().reshape(shape) for k, v in lists.items()}
    has_bar = matrices.pop(HAS_BAR).view(np.bool_)
    ts = table.column("ts_utc").to_numpy()
    return WholePanel(Panel(ts=ts, fields=matrices, **facts), has_bar), fingerprint
