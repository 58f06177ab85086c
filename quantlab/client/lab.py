"""The lab itself: run something, look something up."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from quantlab.client.comparison import Comparison
from quantlab.client.errors import LabError, error_in
from quantlab.client.run import Run
from quantlab.client.sent import JSON, as_form, as_json, as_parquet

WAIT_S = 20  # the longest that the lab holds one answer
PAGE = 200  # rows of a list that are fetched together
PAUSE_S = 0.2  # between two looks at what is under way
UNDER_WAY = ("queued", "running")


class Lab:
    """An open lab.

    Parameters
    ----------
    url : str
    key : str, optional
        What the lab's QUANT_API_KEY says, if it asks for one.
    timeout : float
        Seconds after which an answer is given up.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout: float = 60.0,
    ) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is no address: http://127.0.0.1:8000 is one.")
        self.url = url.rstrip("/")
        self._key, self._timeout = key, timeout

    def __repr__(self) -> str:
        return f"Lab({self.url!r})"

    # --- run something --------------------------------------------------------------

    def backtest(
        self, config: str | Mapping[str, Any], *, wait: bool = True, **settings: Any
    ) -> Run:
        """Run a config, or return the run that it had on the same data.

        Parameters
        ----------
        config : mapping or str
            As for POST /api/backtest: symbol or universe, strategy or expr, and what
            else shall not be as usual. A text is an expression.
        wait : bool
            Come back when it is done; otherwise at once, and `Run.wait` later.
        **settings
            More keys of the config, for instance ``name="Fast"``.

        Raises
        ------
        LabError
            A refused config, or a run that failed.
        """
        said = {"expr": config} if isinstance(config, str) else config
        return self._started("/api/backtest", {**said, **settings}, wait)

    def sweep(
        self,
        experiment: str | Mapping[str, Any],
        space: Mapping[str, Any],
        *,
        wait: bool = True,
        **settings: Any,
    ) -> Run:
        """Try every candidate of a space; `Run.candidates` are a table.

        Parameters
        ----------
        experiment : str or mapping
            An experiment's id, or what a new one is made of (`name`, `model_key`,
            `universe`, …).
        space : mapping of str to list or range
            Of parameters, or of settings such as ``execution.slippage_bps``.
        **settings
            `constraints`, `search`, `n`, `objective`, `seed`, `config`.
        """
        return self._search(experiment, "param-sweep", space, wait, settings)

    def walk_forward(
        self,
        experiment: str | Mapping[str, Any],
        space: Mapping[str, Any],
        *,
        wait: bool = True,
        **settings: Any,
    ) -> Run:
        """Choose anew in each window and test on the bars that follow.

        As `sweep`, with `mode`, `train_bars`, `test_bars`, `purge_bars`, …;
        `Run.windows` are a table.
        """
        return self._search(experiment, "walk-forward", space, wait, settings)

    def validate(
        self, run: str | Run, tests: Mapping[str, Any], *, wait: bool = True
    ) -> Run:
        """Ask of a run whether it is luck: ``{"permutation": {"n": 1000}}``."""
        return self._started(f"/api/runs/{_id_of(run)}/validate", tests, wait)

    def search(self, *, wait: bool = True, **plan: Any) -> Run:
        """Search for expressions; `Run.candidates` are all that it tried.

        Parameters
        ----------
        **plan
            As for POST /api/jobs/train: `universe`, `provider`, `start`, `end`, `n`,
            `seed`, ….
        """
        job = self.ask("POST", "/api/jobs/train", plan)
        run = self.run(job["run_id"])
        return run.wait() if wait else run

    def reproduce(self, run: str | Run, *, wait: bool = True) -> Run:
        """Make a run again in a clean process; `Run.proof` says what came of it."""
        return self._started(f"/api/runs/{_id_of(run)}/reproduce", {}, wait)

    # --- bring something in ---------------------------------------------------------

    def upload(self, bars: pd.DataFrame, symbol: str = "", **reading: Any) -> Any:
        """Bring in bars: columns ``open high low close`` and what else there is.

        Parameters
        ----------
        bars : DataFrame
            With times in its index, or in a column; UTC where they have no zone.
        symbol : str
            Of all rows, unless a column names it.
        **reading
            As for POST /api/datasets/upload: `timeframe`, `adjustment`, `calendar`,
            `mapping`, `dry_run`, ….

        Returns
        -------
        dict
            The dataset; configs name it by ``provider="upload"``.
        """
        fields = {**reading, "symbol": symbol or None}
        path = "/api/datasets/upload"
        name = f"{symbol or 'bars'}.parquet"
        found = self._posted(path, fields, name, as_parquet(bars))
        while found["status"] in UNDER_WAY:
            time.sleep(PAUSE_S)
            found = self.ask("GET", f"/api/datasets/{found['id']}")
        return found

    def take(self, archive: str | PathLike[str], *, dry_run: bool = False) -> Any:
        """Take in an archive of a run or an experiment, or say what it would bring."""
        content = Path(archive).read_bytes()
        return self._posted("/api/import", {"dry_run": dry_run}, "archive.zip", content)

    # --- look something up ----------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """Return one run."""
        return Run(self, self.ask("GET", f"/api/runs/{_quoted(run_id)}"))

    def runs(self, *, limit: int = 50, **query: Any) -> pd.DataFrame:
        """Return runs as a table, metrics in columns of their own.

        Parameters
        ----------
        limit : int
            Rows at most.
        **query
            ``order="-sharpe"``, `status`, `kind`, `experiment_id`, `q`, ….

        Returns
        -------
        DataFrame
            One row a run, by id. ``n_trials`` tells behind how many trials its Sharpe
            ratio stands.
        """
        rows = [_row(one) for one in self._items("/api/runs", limit, query)]
        table = pd.DataFrame(rows)
        return table.set_index("id") if rows else table

    def experiments(self, *, limit: int = 50, **query: Any) -> pd.DataFrame:
        """Return experiments as a table, one row each, by id."""
        rows = list(self._items("/api/model-lab/experiments", limit, query))
        table = pd.DataFrame(rows)
        return table.set_index("id") if rows else table

    def compare(
        self, runs: Sequence[str | Run], *, baseline: str | Run | None = None
    ) -> Comparison:
        """Set 2 to 20 runs side by side; the first is the baseline if none is named."""
        ids = [_id_of(run) for run in runs]
        body = {"run_ids": ids}
        if baseline is not None:
            body["baseline"] = _id_of(baseline)  # type: ignore[assignment]
        return Comparison(self.ask("POST", "/api/model-lab/compare", body))

    # --- below ----------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        wait: int = 0,
        **query: Any,
    ) -> Any:
        """Return the JSON that the lab answers to any call of its API.

        Work that is done within `wait` seconds, 20 at most, comes back finished.
        """
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return json.loads(self._bytes(method, path, body, query, headers) or "null")

    def table(self, path: str, **query: Any) -> pd.DataFrame:
        """Return a list or a series of the API as a data frame, all rows of it."""
        content = self._bytes("GET", path, None, query | {"format": "parquet"})
        return _timed(pd.read_parquet(BytesIO(content)))

    def save(self, path: str, file: str | PathLike[str]) -> Path:
        """Write what the lab answers into a file, as it is, and return where."""
        place = Path(file)
        place.write_bytes(self._bytes("GET", path, None, {}))
        return place

    def _items(
        self, path: str, limit: int, query: Mapping[str, Any]
    ) -> Iterable[dict[str, Any]]:
        cursor, left = None, limit
        while left > 0:
            asked = dict(query) | {"limit": min(left, PAGE), "cursor": cursor}
            page = self.ask("GET", path, **asked)
            yield from page["items"]
            left -= len(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _search(
        self,
        experiment: str | Mapping[str, Any],
        kind: str,
        space: Mapping[str, Any],
        wait: bool,
        settings: Mapping[str, Any],
    ) -> Run:
        if not isinstance(experiment, str):
            made = self.ask("POST", "/api/model-lab/experiments", experiment)
            experiment = str(made["id"])
        plain = {name: _plain(values) for name, values in space.items()}
        path = f"/api/model-lab/experiments/{_quoted(experiment)}/{kind}"
        return self._started(path, {"space": plain, **settings}, wait)

    def _started(self, path: str, body: Mapping[str, Any], wait: bool) -> Run:
        found = self.ask("POST", path, body, wait=WAIT_S if wait else 0)
        run = Run(self, found)
        return run.wait() if wait else run

    def _posted(
        self, path: str, fields: Mapping[str, Any], name: str, content: bytes
    ) -> Any:
        data, kind = as_form(fields, name, content)
        waiting = {"Content-Type": kind, "Prefer": f"wait={WAIT_S}"}
        return json.loads(self._sent("POST", self.url + path, data, waiting))

    def _bytes(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        said = {name: value for name, value in query.items() if value is not None}
        joint = "&" if "?" in path else "?"
        address = f"{self.url}{path}" + (
            f"{joint}{urllib.parse.urlencode(said)}" * bool(said)
        )
        data = None if body is None else as_json(body)
        return self._sent(method, address, data, headers or {})

    def _sent(
        self,
        method: str,
        address: str,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes:
        sent = {"Content-Type": JSON, **headers}
        if self._key:
            sent["X-API-Key"] = self._key
        request = urllib.request.Request(address, data, sent, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as refusal:
            raise LabError(refusal.code, error_in(refusal.read())) from None
        except (urllib.error.URLError, TimeoutError) as exc:
            raise LabError(0, self._silence(exc)) from None

    def _silence(self, exc: Exception) -> dict[str, str]:
        return {
            "code": "no_lab",
            "message": f"No lab answers at {self.url} ({exc}).",
            "advice": "Start it with `make run`, or give its address: Lab(url).",
        }


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("id", "name", "kind", "status", "experiment_id", "created_at", "tags")
    luck = run["honesty"] or {}
    trials = {"n_trials": luck.get("n_trials"), "dsr": luck.get("dsr")}
    return {key: run[key] for key in plain} | trials | dict(run["metrics"])


def _timed(table: pd.DataFrame) -> pd.DataFrame:
    """Put the stamps of bars into the index."""
    stamps = next((one for one in ("ts", "ts_utc") if one in table.columns), None)
    if stamps is None:
        return table
    table[stamps] = pd.to_datetime(table[stamps], unit="ms", utc=True)
    return table.set_index(stamps)


def _plain(values: Any) -> Any:
    """Return an axis as JSON has it: a range is min, max and step."""
    if isinstance(values, range) and len(values) > 1:
        return {"min": values[0], "max": values[-1], "step": values.step}
    return values if isinstance(values, Mapping) else list(values)


def _id_of(run: str | Run) -> str:
    return _quoted(run.id if isinstance(run, Run) else run)


def _quoted(name: str) -> str:
    return urllib.parse.quote(str(name), safe="")
