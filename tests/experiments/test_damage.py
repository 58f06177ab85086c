"""A file that is lost or damaged is told by its name, and harms nothing else.

Every way a file of a run can go wrong, at every address of that run: in `make torture`;
in `make test` each file once, at what reads it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.cache import cache

from experiments.api import pictures, questions
from experiments.artifacts.manifest import MANIFEST
from experiments.artifacts.store import run_store
from experiments.charts.titles import TITLES
from experiments.models import ModelRun
from quantlab.api import api
from tests.addresses import addresses
from tests.experiments.rows import plain_experiment
from tests.factories import finished_run
from tests.quantlab.test_api import assert_error
from tests.sizes import IS_TORTURE, looks

pytestmark = pytest.mark.django_db


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turned(path: Path) -> None:
    """Turn every bit of the last bytes: of a Parquet file, what says how to read it."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + bytes(255 - byte for byte in whole[-40:]))


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def replaced(path: Path) -> None:
    path.write_bytes(b"[]" if path.suffix == ".json" else b"PAR1\0\0\0\0PAR1")


def another(path: Path) -> None:
    """Put a whole table there that has nothing in it that is looked for."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"x": [1, 2]}), path)
    else:
        replaced(path)


def in_words(path: Path) -> None:
    """Put the same columns there, with words in all of them."""
    if path.suffix != ".parquet":
        return replaced(path)
    table = pq.ParquetFile(path).read()
    words = pa.array(["x"] * len(table))
    return pq.write_table(pa.table(dict.fromkeys(table.column_names, words)), path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: tuple[Callable[[Path], None], ...] = (
    cut,
    Path.unlink,
    turned,
    emptied,
    zeroed,
    replaced,
    a_folder,
    another,
    in_words,
)
NAMES = ("equity.parquet", "metrics.json", "equity", "fills", "round_trips")
TABS = ("charts", "trades", "validation", "config", "files", "reproduce", "api")
READ_BY = {  # what the suite asks for
    "bars.parquet": "/charts/price",
    "equity.parquet": "/charts/breakdown",
    "round_trips.parquet": "?tab=trades",
    "trades.parquet": "?tab=trades&show=fills",
    MANIFEST: "?tab=files",
}


def of_run(run: ModelRun) -> Iterator[str]:
    """Yield every address that has the id of this run."""
    page = f"/model-lab/runs/{run.pk}"
    yield from (one for one in addresses({"run_id": str(run.pk)}) if str(run.pk) in one)
    yield from (f"{page}?tab={tab}" for tab in TABS)
    yield from (f"{page}/charts/{name}" for name in TITLES)
    for path, operations in api.get_openapi_schema()["paths"].items():
        if "get" in operations and "{run_id}" in path:
            known = path.format_map(Known(run_id=run.pk))
            yield from {known.replace("~", name) for name in NAMES}


class Known(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "~" if name == "name" else "1"


def files_of(run: ModelRun) -> dict[str, bytes]:
    folder = run_store().root / str(run.pk)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def put_back(run: ModelRun, files: dict[str, bytes]) -> None:
    folder = run_store().root / str(run.pk)
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def is_whole(client, run: ModelRun) -> bool:
    address = f"/api/runs/{run.pk}/verify"
    answer = client.post(address, "{}", content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()["ok"]


def told(client, address: str) -> str:
    """Return what an address answers, which is never that the lab made a mistake."""
    cache.clear()
    answer = client.get(address)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code < 500, (address, content[-500:])
    return content.decode(errors="replace")


def test_a_table_of_other_columns_is_told_by_its_file_and_column(client):
    run = finished_run()
    whole = files_of(run)
    asked = {
        "bars.parquet": ("ts_utc", "metrics?series=cash"),
        "drawdown.parquet": ("ts_utc", "metrics?series=drawdown"),
        "equity.parquet": ("ts_utc", "metrics?series=equity"),
        "round_trips.parquet": ("symbol", "round-trips"),
        "trades.parquet": ("ts_utc", "trades"),
    }
    assert asked.keys() == {name for name in whole if name.endswith(".parquet")}
    for (name, (column, path)), damage in product(asked.items(), (another, in_words)):
        damage(run_store().root / str(run.pk) / name)
        answer = client.get(f"/api/runs/{run.pk}/{path}")
        assert_error(answer, 409, "file_damaged")
        said = answer.json()["error"]["message"]
        assert name in said
        assert damage is in_words or f"no column {column!r}" in said
        put_back(run, whole)


@pytest.fixture
def nobody_computes(monkeypatch):
    for asked in (questions, pictures):
        monkeypatch.setattr(asked, "WAIT_S", 0.0)


@pytest.mark.usefixtures("nobody_computes")
def test_a_damaged_file_is_told_by_its_name_and_harms_no_other_run(client):
    run = finished_run(experiment=plain_experiment())
    other = finished_run(changes={"execution": {"commission_bps": 9}})
    untouched, whole = files_of(other), files_of(run)
    every = list(dict.fromkeys(of_run(run)))
    page = f"/model-lab/runs/{run.pk}"
    chosen = product(whole, DAMAGES) if IS_TORTURE else zip(whole, cycle(DAMAGES[:3]))
    for name, damage in chosen:
        damage(run_store().root / str(run.pk) / name)
        for address in looks(*every)[1:]:
            told(client, address)
        said = told(client, page + READ_BY.get(name, "?tab=files"))
        if name in READ_BY:
            assert any(word in said for word in (name, "no files")), (name, damage)
        assert not is_whole(client, run)
        assert is_whole(client, other)
        put_back(run, whole)
        assert is_whole(client, run)
    assert files_of(other) == untouched
