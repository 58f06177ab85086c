"""A comparison as its page shows it: columns with letters, settings, metrics, pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from experiments.charts.compare import VIEWS
from experiments.models import ModelRun
from experiments.selectors.lineup import Lineup
from experiments.selectors.summary import HEADLINES, SHARPES
from experiments.templatetags.honesty import Luck, luck_of
from strategies.compare import FEWEST_RETURNS
from strategies.metrics.registry import METRICS, Metric

Document = dict[str, Any]

# As the lines of the chart: five colours, then the same in other dashes.
HUES = ("key-a", "key-b", "key-c", "key-d", "key-e")
DASHES = ("", " key-dashed", " key-dotted", " key-thin")
WIDE = 6  # columns and more scroll beside a first column that stays
PERIODS = {"1h": "hourly", "1d": "daily", "1w": "weekly", "1mo": "monthly"}
PARTS = ("runs", "metrics", "config_diff", "correlation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for; every link of the page is a variation of it."""

    runs: tuple[str, ...]
    baseline: str = ""
    is_all: bool = False
    view: str = VIEWS[0]
    q: str = ""

    @classmethod
    def by(cls, request: HttpRequest) -> Asked:
        """Read `runs=a,b` or `runs=a&runs=b`; what it cannot read is the default."""
        get = request.GET
        ids = ",".join(get.getlist("runs")).split(",")
        view = "linear" if get.get("log") == "0" else get.get("view", "")
        return cls(
            runs=tuple(part.strip() for part in ids if part.strip()),
            baseline=get.get("baseline", ""),
            is_all=get.get("all") == "1",
            view=view if view in VIEWS else VIEWS[0],
            q=get.get("q", ""),
        )

    @property
    def query(self) -> str:
        """Return `runs=a,b&…` without what is so anyway."""
        said = {
            "runs": ",".join(self.runs),
            "baseline": "" if self.baseline in self.runs[:1] else self.baseline,
            "all": "1" if self.is_all else "",
            "log": "0" if self.view == "linear" else "",
            "view": self.view if self.view == "drawdown" else "",
        }
        return urlencode({k: v for k, v in said.items() if v}, safe=",")

    def page(self, **changes: Any) -> str:
        return f"{reverse('experiments:compare')}?{replace(self, **changes).query}"

    def chart(self, **changes: Any) -> str:
        asked = replace(self, is_all=False, **changes)
        return f"{reverse('experiments:compare-chart')}?{asked.query}"

    def api(self, part: str = "") -> str:
        address = reverse("api:get_compare") + (f"/{part}" if part else "")
        said = {"runs": ",".join(self.runs), "baseline": self.baseline}
        if self.is_all:
            said["changed_only"] = "false"
        return f"{address}?{urlencode(said, safe=',')}"

    def with_run(self, run_id: str) -> str:
        return self.page(runs=(*self.runs, run_id))

    def without_run(self, run_id: str) -> str:
        baseline = "" if self.baseline == run_id else self.baseline
        rest = tuple(one for one in self.runs if one != run_id)
        return self.page(runs=rest, baseline=baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One run of the comparison."""

    letter: str
    key: str  # its classes
    title: str
    run: Document
    config: Document
    luck: Luck
    is_baseline: bool
    is_deleted: bool
    baseline_url: str
    without_url: str

    @property
    def url(self) -> str:
        """Return its page, or the trash for a run that was deleted."""
        return reverse("experiments:trash") if self.is_deleted else self._page

    @property
    def _page(self) -> str:
        return str(self.run["links"]["page"])


@dataclass(frozen=True, slots=True)
class SettingCell:
    value: Any
    is_baseline: bool
    is_changed: bool


@dataclass(frozen=True, slots=True)
class SettingRow:
    path: str
    cells: list[SettingCell]

    @property
    def differs(self) -> bool:
        return any(cell.is_changed for cell in self.cells)


@dataclass(frozen=True, slots=True)
class MetricCell:
    value: float | None
    delta: float | None
    is_best: bool


@dataclass(frozen=True, slots=True)
class MetricRow:
    metric: Metric
    cells: list[MetricCell]
    benchmark: float | None


@dataclass(frozen=True, slots=True)
class PairCell:
    """The correlation of a pair; `why` says what it is of, or why it is not known."""

    value: float | None
    why: str
    is_own: bool


class Comparison:
    """What the page reads; `document` has every setting."""

    def __init__(self, found: Lineup, document: Document, asked: Asked) -> None:
        self.document = document
        self.asked = asked
        self.remarks: list[Document] = document["remarks"]
        self.benchmark: Document | None = document["benchmark"]
        self.columns = _columns(found, document, asked)
        self.settings = _settings(document)
        self.metrics = _metrics(document)

    @property
    def is_wide(self) -> bool:
        return len(self.columns) >= WIDE

    @property
    def baseline(self) -> Column:
        return next(column for column in self.columns if column.is_baseline)

    @property
    def shown_settings(self) -> list[SettingRow]:
        return [row for row in self.settings if row.differs or self.asked.is_all]

    @property
    def n_equal(self) -> int:
        return sum(not row.differs for row in self.settings)

    @property
    def first_metrics(self) -> list[MetricRow]:
        rows = {row.metric.key: row for row in self.metrics}
        return [rows[key] for key in HEADLINES if key in rows]

    @property
    def other_metrics(self) -> list[MetricRow]:
        return [row for row in self.metrics if row.metric.key not in HEADLINES]

    @property
    def best_sharpe(self) -> str | None:
        rows = {row["key"]: row["best"] for row in self.document["metrics"]}
        return rows.get("sharpe")

    @property
    def benchmark_as_run(self) -> Document | None:
        """Return the benchmark as far as its Sharpe is shown from it."""
        return self.benchmark and self.benchmark | {"flags": {}}

    @property
    def same(self) -> list[str]:
        """Return what all of them share, in words."""
        first, *others = [column.config for column in self.columns]
        keys = {
            "data": ("provider", "symbol", "universe", "timeframe"),
            "dates": ("start", "end"),
            "cost": ("execution",),
        }
        return [
            word
            for word, parts in keys.items()
            if all(one.get(k) == first.get(k) for one in others for k in parts)
        ]

    @property
    def period(self) -> str:
        period = self.document["correlation"]["period"]
        return PERIODS.get(period, period)

    @property
    def pairs(self) -> list[tuple[Column, list[PairCell]]]:
        table = self.document["correlation"]
        rows = zip(self.columns, table["matrix"], table["n_returns"], strict=True)
        return [
            (
                column,
                [
                    PairCell(value, _why(value, n), other is column)
                    for value, n, other in zip(
                        values, counts, self.columns, strict=True
                    )
                ],
            )
            for column, values, counts in rows
        ]

    @property
    def downloads(self) -> dict[str, str]:
        """Return the address of each part, up to the form of the file."""
        return {part: f"{self.asked.api(part)}&format=" for part in PARTS}

    @property
    def chart_url(self) -> str:
        return self.asked.chart()

    @property
    def changed_url(self) -> str:
        return self.asked.page(is_all=False)

    @property
    def all_url(self) -> str:
        return self.asked.page(is_all=True)


def _columns(found: Lineup, document: Document, asked: Asked) -> list[Column]:
    return [
        _column(place, run, one, found, asked)
        for place, (run, one) in enumerate(
            zip(found.runs, document["runs"], strict=True)
        )
    ]


def _column(
    place: int, run: ModelRun, document: Document, found: Lineup, asked: Asked
) -> Column:
    run_id = str(run.pk)
    return Column(
        letter=found.letters[run.pk],
        key=HUES[place % len(HUES)] + DASHES[place // len(HUES)],
        title=run.name or run.job.title or run_id[:8],
        run=document,
        config=run.config,
        luck=luck_of(document),
        is_baseline=place == found.place,
        is_deleted=run.deleted_at is not None,
        baseline_url=asked.page(baseline=run_id),
        without_url=asked.without_run(run_id),
    )


def _settings(document: Document) -> list[SettingRow]:
    """Return a row for each setting, those of the rule first."""
    rows = []
    for row in document["config_diff"]:
        base = row["values"][document["baseline"]]
        cells = [
            SettingCell(value, run_id == document["baseline"], value != base)
            for run_id, value in row["values"].items()
        ]
        rows.append(SettingRow(row["path"], cells))
    return sorted(rows, key=lambda row: not row.path.startswith("strategy."))


def _metrics(document: Document) -> list[MetricRow]:
    """Return every metric but the Sharpe ratios, which are shown with their doubt."""
    benchmark = (document["benchmark"] or {}).get("metrics", {})
    return [
        MetricRow(
            METRICS[row["key"]],
            [
                MetricCell(value, row["delta"].get(run_id), run_id == row["best"])
                for run_id, value in row["values"].items()
            ],
            benchmark.get(row["key"]),
        )
        for row in document["metrics"]
        if row["key"] not in SHARPES
    ]


def _why(value: float | None, n_returns: int) -> str:
    if value is not None:
        return f"{value!r}, of {n_returns:,} common returns"
    if n_returns < FEWEST_RETURNS:
        return f"{n_returns} common returns, {FEWEST_RETURNS} are needed"
    return "One of the two never moved"
