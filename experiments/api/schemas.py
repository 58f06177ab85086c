"""Shapes of runs and experiments in the API: what comes in, what goes out."""

from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, RootModel

from experiments.services.marks import ACTIONS, MAX_RUNS
from experiments.services.runs import RunOptions
from experiments.services.words import Name, Notes, Tags
from quantlab.web.answers import Out
from quantlab.web.downloads import ListQuery
from quantlab.web.times import Moment
from strategies import RunConfig

Number = int | float | None


class In(Schema):
    """A body: every key is known, every number finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Patch(In):
    """What to change; a key that is left out stays as it is."""

    def changes(self) -> dict[str, Any]:
        values = self.model_dump()
        return {name: values[name] for name in self.model_fields_set}


class OwnedOut(Out):
    """Whose a thing is, and who else sees it."""

    owner: str = Field(description="Empty for the lab itself, whose things all read.")
    visibility: Literal["private", "public"]


# --- bodies that hold a config -----------------------------------------------------

EXAMPLE: dict[str, Any] = {
    "provider": "builtin",
    "symbol": "SP500",
    "start": "1999-01-04",
    "end": "2018-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
    "execution": {"commission_bps": 5, "slippage_bps": 5},
    "name": "SMA 20/50",
}
A_TIME: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}],
    "description": "A date, an RFC 3339 time or epoch ms; inclusive.",
}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a JSON schema without references, which ninja would not carry over."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        schema = target | {key: schema[key] for key in schema if key != "$ref"}
    return {
        key: _inlined(item, definitions)
        for key, item in schema.items()
        if key != "$defs"
    }


def inlined_properties(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    properties: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))["properties"]
    return properties


class BacktestIn(BaseModel):
    """A RunConfig and what is said beside it; the service reads both."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": {
                **inlined_properties(RunConfig),
                **inlined_properties(RunOptions),
                "start": A_TIME,
                "end": A_TIME,
            },
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )

    def body(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class RunPatchIn(BaseModel):
    """A JSON merge patch of a RunConfig (null removes a key), and run options."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": True,
            "examples": [{"strategy": {"params": {"fast": 10}}, "name": "Faster"}],
        },
    )

    def body(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


# --- runs --------------------------------------------------------------------------


Q_WORDS = (
    "Part of the name or of a tag, or a search: `sharpe > 1 and tag:mean-rev and "
    "status:succeeded`, with `or`, `not`, parentheses and quotes; any metric, and the "
    "keys that docs/finding.md lists. A refusal says the column."
)


class OrganisedQuery(ListQuery):
    """What lists of runs and of experiments are filtered by alike."""

    strategy: str = Field("", description="Its name in the library.")
    symbol: str = ""
    tag: str = Field("", description="One whole tag.")
    q: str = Field("", max_length=500, description=Q_WORDS)
    starred: bool | None = None
    archived: bool | Literal["all"] = Field(
        False, description="Only those that are, or that are not, or `all`."
    )

    def filters(self) -> dict[str, Any]:
        asked = self.dict(exclude={"format", "limit", "cursor", "order"})
        return asked | ({"archived": None} if self.archived == "all" else {})


class RunQuery(OrganisedQuery):
    order: str = Field("-created_at", description="A field or metric; `-` descending.")
    status: str = Field("", description="Also the words of other documents.")
    kind: str = ""
    experiment_id: UUID | None = None


class RunPatch(Patch):
    name: Name = ""
    notes: Notes = ""
    tags: Tags = ()
    starred: bool = False
    pinned: bool = False
    archived: bool = False


class RunBulkIn(In):
    action: str = Field(description=f"One of {', '.join(ACTIONS)}.")
    run_ids: list[str] = Field(min_length=1, max_length=MAX_RUNS)
    tag: str = Field("", description="That of `tag` and `untag`.")


class RunBulkOut(Schema):
    changed: int
    unchanged: int = Field(description="They were so already.")


class RunMetrics(RootModel[dict[str, Number]]):
    """Metric by key; null is unknown, and the flag of the same key says why."""


class HistogramOut(Schema):
    edges: list[float] = Field(description="One more than there are counts.")
    counts: list[int]


class HonestyOut(Out):
    pool: str = Field(description="What is looked at, as a sha256.")
    n_trials: int = Field(description="Different candidates tried on it so far.")
    n_effective: float | None = Field(description="Trials that move together, as one.")
    n_effective_is_least: bool = Field(description="There may be more of them.")
    sharpe_se: float | None = Field(description="Standard error, per year.")
    sharpe_spread: float | None = Field(description="Of the trials, per year.")
    expected_max_sharpe: float | None = Field(description="The best by luck alone.")
    psr: float | None
    dsr: float | None
    dsr_effective: float | None
    min_track_record_years: float | None = Field(
        description="Data needed to tell this ratio from luck; null: never enough."
    )
    pbo: float | None
    pbo_n_trials: int | None = Field(
        description="Trials of the pool when its PBO was computed."
    )


class RunLinksOut(Out):
    self: str
    job: str
    logs: str
    report: str
    artifacts: str
    page: str


class BestOfLabOut(Out):
    run_id: str
    name: str
    data: str = Field(description="What it was tried on, as the ledger names it.")
    metrics: RunMetrics
    flags: dict[str, str]
    honesty: HonestyOut | None
    links: RunLinksOut


class RunItemOut(OwnedOut):
    """A run in a list: the same without `config`."""

    id: UUID
    run_id: UUID
    kind: str
    name: str
    experiment_id: UUID | None
    parent_id: UUID | None
    job_id: str
    status: str = Field(description="queued, running, succeeded, failed, cancelled.")
    stage: str | None
    progress: float = Field(description="Fraction done, 0 to 1.")
    processed: int
    total: int | None
    rate: float | None
    eta_s: float | None
    best: dict[str, Any] | None
    message: str
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    finished_at: Moment | None
    error: dict[str, Any] | None = Field(description="As `error` of a refusal.")
    config_hash: str
    run_hash: str
    data_fingerprint: str | None
    code_version: str
    manifest_sha: str | None
    files_removed_at: Moment | None = Field(
        description="Its files and its report made room; all else is kept."
    )
    preset_ref: str | None = Field(description="Preset it was started from.")
    seed: int
    ppy: float | None = Field(description="Bars per year.")
    metrics: RunMetrics
    flags: dict[str, str] = Field(description="Why a metric is what it is.")
    honesty: HonestyOut | None = Field(description="null only where no Sharpe is.")
    tags: list[str]
    starred: bool
    pinned: bool
    archived: bool
    notes: str
    reused: bool = Field(description="The answer is an earlier, identical run.")
    missing: list[str] | None = Field(
        None,
        description="In the answer to who asked for a run of a preset or watchlist: "
        "its symbols that have no bars then.",
    )
    links: RunLinksOut


class RestatedSeriesOut(Out):
    symbol: str
    timeframe: str
    bars: int = Field(description="How many are otherwise now.")
    first_at: Moment = Field(description="Open of the first of them.")
    read: str = Field(description="candle_hash of the version that was read.")
    current: str = Field(description="candle_hash of the version that is read now.")
    dataset_id: str | None = Field(description="What brought the current one.")


class RestatedOut(Out):
    """Bars that were given other values since; both contents are kept."""

    symbols: int
    bars: int
    first_at: Moment
    series: list[RestatedSeriesOut] = Field(description="Of at most 20 symbols.")


class CautionOut(Out):
    code: str
    column: int
    message: str


class RunOut(RunItemOut):
    restated: RestatedOut | None = Field(
        description="What was restated of the bars it read; it still verifies."
    )
    warnings: list[CautionOut] = Field(
        description="Of an expression: units that do not fit, and what stood in for a "
        "column that the data do not have."
    )
    config: dict[str, Any] = Field(description="Fully resolved; times in epoch ms.")
    search: dict[str, Any] | None = Field(
        description="Of a sweep: its space and how it is searched; `metrics` are then "
        "those of its best candidate."
    )


class RunListOut(Out):
    items: list[RunItemOut]
    next_cursor: str | None


# --- experiments -------------------------------------------------------------------


class HypothesisIn(In):
    cause: Annotated[str, Field(min_length=1, max_length=2_000)]
    effect: Annotated[str, Field(min_length=1, max_length=2_000)]
    metric: str = Field("sharpe", description="What would show it.")
    threshold: float | None = Field(None, description="In the unit of the metric.")
    planned_trials: int | None = Field(None, ge=1, le=1_000_000)


Title = Annotated[str, Field(min_length=1, max_length=200)]


class ExperimentCreate(In):
    name: Title
    hypothesis: HypothesisIn | None = None
    model_key: str = Field(description="A strategy of GET /api/config/strategies.")
    params: dict[str, Any] = Field({}, description="Those left out are defaults.")
    provider: str = "builtin"
    universe: Annotated[list[str], Field(min_length=1)] | dict[str, Any]
    members: dict[str, Any] | None = Field(
        None, description='Of a symbol: `{"from", "to", "group"}`, dates.'
    )
    timeframe: str = "1d"
    benchmark: str = "buy_and_hold"
    start: int | str | None = Field(None, description="Date, RFC 3339 or epoch ms.")
    end: int | str | None = Field(None, description="Inclusive; as `start`.")
    cost_model: dict[str, Any] = Field({}, description="The keys of `execution`.")
    sizing: dict[str, Any] = Field({}, description="As `sizing` of a config.")
    tags: Tags = ()
    notes: Notes = ""


class ExperimentPatch(Patch):
    name: Title = ""
    notes: Notes = ""
    tags: Tags = ()
    hypothesis: HypothesisIn | None = Field(
        None, description="Only before the first run."
    )
    starred: bool = False
    archived: bool = False


class ExperimentQuery(OrganisedQuery):
    order: str = Field("-created_at", description="created_at, updated_at or name.")


class RunCountsOut(Out):
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class BestRunOut(Out):
    id: UUID
    run_id: UUID
    name: str
    metric: str = Field(description="That of the hypothesis, else sharpe.")
    value: float
    honesty: HonestyOut | None
    links: RunLinksOut


class ExperimentLinksOut(Out):
    self: str
    run: str
    runs: str
    page: str


class ExperimentSummary(OwnedOut):
    id: UUID
    name: str
    hypothesis: dict[str, Any] | None
    model_key: str
    params: dict[str, Any]
    provider: str
    universe: list[str] | dict[str, Any]
    members: dict[str, Any] | None
    timeframe: str
    benchmark: str
    start: Moment | None
    end: Moment | None
    cost_model: dict[str, Any]
    sizing: dict[str, Any]
    tags: list[str]
    notes: str
    starred: bool
    archived: bool
    is_demo: bool
    created_at: Moment
    updated_at: Moment
    run_counts: RunCountsOut
    best_run: BestRunOut | None
    n_trials: int = Field(description="Different configs tried, deleted runs too.")
    links: ExperimentLinksOut


class ExperimentListOut(Out):
    items: list[ExperimentSummary]
    next_cursor: str | None
