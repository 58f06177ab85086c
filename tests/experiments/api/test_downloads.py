"""One list, three forms: the same rows as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from quantlab.web.downloads import CSV_ROWS, ListQuery, download, listing, table_of
from tests.factories import finished_run
from tests.jobs.rows import add_lines, make_job
from tests.loops import run_async
from tests.quantlab.test_api import assert_error

NOON = datetime(2026, 9, 14, 12, 0, tzinfo=UTC)


def csv_rows(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def parquet_table(response):
    return pq.read_table(io.BytesIO(response.content))


class TestTable:
    def test_objects_become_dotted_columns_and_lists_text(self):
        rows = [
            {"id": 1, "metrics": {"sharpe": 0.5, "deep": {"x": 1}}, "tags": ["a", "b"]},
            {"id": 2, "metrics": None, "tags": [], "late": True},
        ]

        table = table_of(rows)

        assert table.to_pydict() == {
            "id": [1, 2],
            "metrics.sharpe": [0.5, None],
            "metrics.deep.x": [1, None],
            "tags": ['["a", "b"]', "[]"],
            "late": [None, True],
        }

    def test_columns_keep_the_type_of_their_values(self):
        table = table_of(
            [
                {"a": 1, "b": 1, "c": "x", "d": NOON, "e": None, "f": 1},
                {"a": 2, "b": 0.5, "c": None, "d": None, "e": None, "f": "one"},
            ]
        )

        types = {field.name: str(field.type) for field in table.schema}
        assert types == {
            "a": "int64",
            "b": "double",
            "c": "string",
            "d": "timestamp[us, tz=UTC]",
            "e": "string",
            "f": "string",
        }

    def test_a_csv_says_nothing_where_nothing_is_known(self):
        rows = [
            {"n": 1, "x": 0.1, "ok": True, "at": NOON, "s": 'a "b", c'},
            {"n": 2, "x": float("nan"), "ok": False, "at": None, "s": "é\nü"},
        ]

        response = download(table_of(rows), form="csv", name="t")

        assert csv_rows(response) == [
            {
                "n": "1",
                "x": "0.1",
                "ok": "true",
                "at": "2026-09-14T12:00:00.000Z",
                "s": 'a "b", c',
            },
            {"n": "2", "x": "", "ok": "false", "at": "", "s": "é\nü"},
        ]

    def test_no_rows_are_a_table_too(self):
        assert table_of([]).num_rows == 0
        for form in ("csv", "parquet"):
            assert download(table_of([]), form=form, name="t").status_code == 200

    @pytest.mark.parametrize("name", ["runs", "a b", 'a"b', "ä"])
    def test_the_file_has_a_name(self, name):
        response = download(table_of([{"a": 1}]), form="csv", name=name)

        disposition = response["Content-Disposition"]
        assert disposition.startswith("attachment; filename")
        assert "\n" not in disposition


class TestLongTable:
    """Long is what has more rows than one part of a CSV."""

    N = 2 * CSV_ROWS + 1

    @pytest.fixture
    def response(self):
        return download(table_of({"n": n} for n in range(self.N)), form="csv", name="n")

    def test_it_leaves_in_parts(self, response):
        parts = list(response.streaming_content)

        assert len(parts) == 4  # the names and three times rows
        lines = b"".join(parts).decode().splitlines()
        assert lines == ["n", *map(str, range(self.N))]

    def test_the_asynchronous_server_gets_the_same(self, response):
        async def received():
            return b"".join([part async for part in response])

        assert run_async(received()) == response_of(self.N)

    def test_the_next_request_is_not_kept_waiting(self, response):
        async def first():
            parts = aiter(response)
            return await anext(parts)

        assert run_async(first()) == b"n\n"


def response_of(n: int) -> bytes:
    return "\n".join(["n", *map(str, range(n)), ""]).encode()


class TestListing:
    N = 450  # more than two pages of the largest size

    def read(self, *, limit: int, cursor: str):
        start = int(cursor or 0)
        end = min(start + limit, self.N)
        items = [{"n": n} for n in range(start, end)]
        return {"items": items, "next_cursor": str(end) if end < self.N else None}

    def rows(self, **asked) -> list[int]:
        query = ListQuery(format="parquet", **asked)
        table = parquet_table(listing(query, self.read, name="n"))
        return table["n"].to_pylist()

    def test_json_is_one_page(self):
        page = listing(ListQuery(), self.read, name="n")

        assert [item["n"] for item in page["items"]] == list(range(50))
        assert page["next_cursor"] == "50"

    def test_a_table_holds_every_row_once(self):
        assert self.rows() == list(range(self.N))

    def test_json_asked_for_by_name_holds_every_row_too(self):
        page = listing(ListQuery(format="json"), self.read, name="n")

        assert [item["n"] for item in page["items"]] == list(range(self.N))
        assert page["next_cursor"] is None
        assert len(listing(ListQuery(limit=20), self.read, name="n")["items"]) == 20

    def test_from_a_cursor_on(self):
        assert self.rows(cursor="400") == list(range(400, self.N))

    def test_or_as_many_as_were_asked_for(self):
        assert self.rows(limit=7) == list(range(7))


@pytest.mark.django_db
class TestLists:
    def test_trades(self, client):
        run = finished_run()
        address = f"/api/runs/{run.pk}/trades"
        expected = client.get(address, {"limit": 200}).json()["items"]

        as_csv = client.get(address, {"format": "csv"})
        as_parquet = client.get(address, {"format": "parquet"})

        name = f'attachment; filename="{run.pk}-trades.csv"'
        assert as_csv["Content-Disposition"] == name
        assert parquet_table(as_parquet).to_pylist() == expected
        rows = csv_rows(as_csv)
        assert [float(row["price"]) for row in rows] == [e["price"] for e in expected]
        assert [row["side"] for row in rows] == [e["side"] for e in expected]

    def test_runs_with_a_column_for_each_metric(self, client):
        run = finished_run()

        [row] = csv_rows(client.get("/api/runs", {"format": "csv"}))

        assert row["id"] == str(run.pk)
        assert float(row["metrics.sharpe"]) == run.metrics["sharpe"]
        table = parquet_table(client.get("/api/runs", {"format": "parquet"}))
        assert table["metrics.sharpe"].to_pylist() == [run.metrics["sharpe"]]

    def test_jobs_beyond_the_largest_page(self, client):
        for _ in range(203):
            make_job()

        assert len(csv_rows(client.get("/api/jobs", {"format": "csv"}))) == 203
        some = client.get("/api/jobs", {"format": "csv", "limit": 3})
        assert len(csv_rows(some)) == 3

    def test_a_whole_log(self, client):
        job = make_job()
        add_lines(job, 205, message="step")

        rows = csv_rows(client.get(f"/api/jobs/{job.pk}/log", {"format": "csv"}))

        assert [int(row["seq"]) for row in rows] == list(range(1, 206))
        assert rows[0]["message"] == "step"

    def test_an_unknown_form_is_refused(self, client):
        for address in ("/api/runs", "/api/jobs", "/api/config/strategies"):
            response = client.get(address, {"format": "xlsx"})
            assert_error(response, 422, "invalid_value")

    def test_every_list_documents_its_forms(self, client):
        schema = client.get("/api/openapi.json").json()

        lists = 0
        for path, operations in schema["paths"].items():
            names = [
                one["name"] for one in operations.get("get", {}).get("parameters", [])
            ]
            is_file = path.endswith(
                ("/data", "/report")
            )  # no list: whole, in two forms
            if is_file or not {"format", "cursor"} & set(names):
                continue
            lists += 1
            assert "format" in names, path
            content = operations["get"]["responses"]["200"]["content"]
            assert set(content) >= {
                *("application/json", "text/csv", "application/vnd.apache.parquet")
            }, path
        assert lists >= 8
