"""The candidates of a sweep as tables: parts while it runs, one file at its end.

A part is an uncompressed Arrow file that appears whole. The one file at the end is
Parquet; to sort and page it at once it is kept unpacked too, under the hash of the
run's manifest, where it may be thrown away and is made again.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from django.conf import settings

from experiments.artifacts import spare
from experiments.artifacts.files import ROWS_PER_GROUP

if TYPE_CHECKING:
    import pyarrow as pa

CANDIDATES = "candidates.parquet"


def part_save(run_id: UUID | str, number: int, columns: Mapping[str, Any]) -> None:
    """Write one part; one that is there is replaced."""
    import pyarrow as pa

    arrays = {name: pa.array(column) for name, column in columns.items()}
    _write_unpacked([pa.table(arrays)], _part(run_id, number))


def part_exists(run_id: UUID | str, number: int) -> bool:
    return _part(run_id, number).exists()


def part_tables(run_id: UUID | str, numbers: Iterable[int]) -> Iterator[pa.Table]:
    """Yield the parts with these numbers, read as they are touched."""
    for number in numbers:
        yield _mapped(_part(run_id, number))


def parts_drop(run_id: UUID | str) -> None:
    """Remove all parts of a run: its one file has them."""
    shutil.rmtree(_work(run_id), ignore_errors=True)


def write_candidates(tables: Iterable[pa.Table], file: BinaryIO) -> None:
    """Write tables one after the other as Parquet, in groups of equal length."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    held: list[pa.Table] = []
    try:
        for table in tables:
            if writer is None:
                words = [f.name for f in table.schema if f.type == "string"]
                writer = pq.ParquetWriter(
                    file,
                    table.schema,
                    compression="zstd",
                    use_dictionary=words,  # type: ignore[arg-type]
                    store_schema=False,
                )
            held.append(table)
            if sum(one.num_rows for one in held) >= ROWS_PER_GROUP:
                held = _write_groups(writer, pa.concat_tables(held))
        if writer is not None and held:
            writer.write_table(pa.concat_tables(held), row_group_size=ROWS_PER_GROUP)
    finally:
        if writer is not None:
            writer.close()


def _write_groups(writer: Any, table: pa.Table) -> list[pa.Table]:
    """Write as many whole groups as there are; return what is left."""
    whole = table.num_rows // ROWS_PER_GROUP * ROWS_PER_GROUP
    writer.write_table(table.slice(0, whole), row_group_size=ROWS_PER_GROUP)
    rest = table.slice(whole)
    return [rest] if rest.num_rows else []


def unpacked(file: BinaryIO, manifest_sha: str) -> pa.Table:
    """Return the table of a candidates file, read as it is touched."""
    import pyarrow.parquet as pq

    path = spare.CANDIDATES.folder / f"{manifest_sha}.arrow"
    try:
        table = _mapped(path)
    except (FileNotFoundError, ValueError):  # never made, gone, or spoilt
        groups = pq.ParquetFile(file).iter_batches(batch_size=ROWS_PER_GROUP)
        _write_unpacked(groups, path)
        table = _mapped(path)
        spare.make_room(spare.CANDIDATES, keep=path)
    spare.mark_used(path)
    return table


def _write_unpacked(tables: Iterable[Any], path: Path) -> None:
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        tables = iter(tables)
        first = next(tables)
        with (
            pa.OSFile(str(partial), "wb") as sink,
            pa.ipc.new_file(sink, first.schema) as writer,
        ):
            writer.write(first)
            for table in tables:
                writer.write(table)
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _mapped(path: Path) -> pa.Table:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _work(run_id: UUID | str) -> Path:
    folder: Path = settings.QUANT_HOME / "work" / "sweeps" / str(UUID(str(run_id)))
    return folder


def _part(run_id: UUID | str, number: int) -> Path:
    return _work(run_id) / f"part-{number:05d}.arrow"
