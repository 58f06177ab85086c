"""RunConfig: all a run depends on, frozen, with a fingerprint.

The config is *structural*: it knows shapes, types and ranges, not which strategies or
symbols exist. `strategies.library.registry.resolve` checks those and fills the rest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from strategies import __version__
from strategies.documents import (
    canonical_json,
    merge_patch,
    normal_values,
    sha256_of,
)
from strategies.errors import ConfigError, did_you_mean

DAY_MS = 86_400_000
LIMIT = 1e15  # above this a number in a config is a typing mistake

Scalar = bool | int | float | str | None


class Part(BaseModel):
    """A frozen piece of a config that refuses unknown keys and numbers like NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False
    )

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, values: Any) -> Any:
        return normal_values(values)

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """What the rooms above worked out from this frozen piece, kept with it."""
        return {}

    def changed(self) -> dict[str, Any]:
        """Return the keys that differ from their default."""
        return self.model_dump(mode="json", exclude_defaults=True)


class StrategyChoice(Part):
    """A strategy of the library, by name, with its parameters."""

    name: str = Field(min_length=1, max_length=80)
    params: dict[str, Scalar] = {}


class RiskChoice(Part):
    """How much of the cash a position takes."""

    name: Literal["fixed_fraction", "fixed_cash", "volatility_target"] = (
        "fixed_fraction"
    )
    params: dict[str, Scalar] = {}


class SymbolCosts(Part):
    """Costs of one symbol that differ from those of the run; null = the run's."""

    commission_bps: float | None = Field(None, ge=0, lt=10_000)
    commission_per_share: float | None = Field(None, ge=0, lt=LIMIT)
    commission_min: float | None = Field(None, ge=0, lt=LIMIT)
    slippage_bps: float | None = Field(None, ge=0, lt=10_000)
    borrow_bps: float | None = Field(None, ge=0, lt=1_000_000)


class ExecutionConfig(Part):
    """Costs, the one lag, and the price at which an order is filled.

    Attributes
    ----------
    commission_bps : float
        Per side, in basis points of the traded value (1 bps = 0.0001).
    commission_per_share, commission_min : float
        Per share or contract, and least per fill; in cash.
    slippage_bps : float
        Adverse, inside the fill price.
    borrow_bps : float
        Per year, accrued per bar on the market value of a short position.
    execution_lag : int
        Bars between the close that decides and the bar that fills; at least 1.
    fill : {"open", "close"}
        Price of that bar at which the order is filled.
    """

    commission_bps: float = Field(0.0, ge=0, lt=10_000)
    commission_per_share: float = Field(0.0, ge=0, lt=LIMIT)
    commission_min: float = Field(0.0, ge=0, lt=LIMIT)
    slippage_bps: float = Field(0.0, ge=0, lt=10_000)
    borrow_bps: float = Field(0.0, ge=0, lt=1_000_000)
    execution_lag: int = Field(1, ge=1, le=1_000)
    fill: Literal["open", "close"] = "open"
    overrides: dict[str, SymbolCosts] = {}


class SizingConfig(Part):
    """From values to weights, for expressions and portfolios."""

    cap: float = Field(1.0, gt=0, le=100)
    max_lev: float = Field(1.0, gt=0, le=100)
    smooth_ema: int | None = Field(None, ge=1, le=10_000)
    neutralize: Literal["none", "market", "group"] = "none"
    group: str = Field("sector", min_length=1, max_length=80)
    no_trade_band: float = Field(0.0, ge=0, le=1)
    long_only: bool = False
    nan_policy: Literal["zero", "hold"] = "zero"
    weights: Literal["equal", "inverse_volatility"] | dict[str, float] | None = None
    vol_window: int = Field(60, ge=2, le=10_000)


class Membership(Part):
    """Since when a symbol belongs to its universe, when it left, and to which group.

    Attributes
    ----------
    since : str, optional
        ISO date of its first day, ``from`` in JSON; None: ever since.
    until : str, optional
        ISO date of its last day, ``to`` in JSON; None: it is still there.
    group : str, optional
        Its label, where sizing is neutral by group or an expression names the group.
    """

    since: str | None = Field(None, alias="from")
    until: str | None = Field(None, alias="to")
    group: str | None = Field(None, min_length=1, max_length=80)

    @field_validator("since", "until")
    @classmethod
    def _read_day(cls, value: str | None) -> str | None:
        try:
            return None if value is None else date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("not a date like 2018-12-31") from None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError("it left before it joined")
        return self


class ExitsConfig(Part):
    """Exits inside a bar, as fractions of the entry price."""

    stop_loss: float | None = Field(None, gt=0, lt=1)
    take_profit: float | None = Field(None, gt=0, le=100)
    trailing_stop: float | None = Field(None, gt=0, lt=1)


class IndicatorChoice(Part):
    """A further series on the price chart; it never changes a result."""

    name: str = Field(min_length=1, max_length=80)
    params: dict[str, Scalar] = {}


class RunConfig(Part):
    """All a run depends on. Two runs with equal configs and data give equal results.

    Attributes are those of the JSON document (docs/library.md); `start` and `end` are
    inclusive epoch milliseconds UTC and accept RFC 3339 texts and dates, where a date
    as `end` means its last bar. A universe of one symbol is that symbol. `braces` are
    the values of an expression's constants: ``{"d": 5}`` for ``delta(close, {d})``.

    Raises
    ------
    ConfigError
        With every problem found, each naming its field.
    """

    provider: str = Field("builtin", min_length=1, max_length=40)
    symbol: str | None = Field(None, min_length=1, max_length=80)
    universe: list[str] | dict[str, Scalar] | None = None
    members: dict[str, Membership] | None = None
    timeframe: str = Field("1d", min_length=1, max_length=20)
    start: int | None = None
    end: int | None = None
    strategy: StrategyChoice | None = None
    expr: str | None = Field(None, min_length=1, max_length=10_000)
    braces: dict[str, float] = Field(default={}, max_length=20)
    sizing: SizingConfig = SizingConfig()
    risk: RiskChoice = RiskChoice()
    execution: ExecutionConfig = ExecutionConfig()
    exits: ExitsConfig = ExitsConfig()
    indicators: list[IndicatorChoice] = Field(default=[], max_length=12)
    validation: dict[str, Any] = {}
    benchmark: str = Field("buy_and_hold", min_length=1, max_length=80)
    initial_cash: float = Field(100_000.0, gt=0, lt=LIMIT)
    rf: float = Field(0.0, gt=-1, lt=10)
    seed: int = Field(0, ge=0, lt=2**63)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise config_error(exc) from None

    @field_validator("start", "end", mode="before")
    @classmethod
    def _read_time(cls, value: Any, info: Any) -> Any:
        return epoch_ms(value, end_of_day=info.field_name == "end")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.symbol is None) == (self.universe is None):
            raise ValueError("symbol|give either symbol or universe, not both")
        if (self.strategy is None) == (self.expr is None):
            raise ValueError("strategy|give either strategy or expr, not both")
        if self.braces and self.expr is None:
            raise ValueError("braces|only an expression has constants in braces")
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError("end|the end is before the start")
        if isinstance(self.universe, list) and len(self.universe) == 1:
            object.__setattr__(self, "symbol", self.universe[0])
            object.__setattr__(self, "universe", None)
        return self

    @property
    def start_ms(self) -> int | None:
        """First moment whose bars are read, epoch ms UTC; None: all there is."""
        return self.start

    @property
    def end_ms(self) -> int | None:
        """Last moment whose bars are read, epoch ms UTC; None: all there is."""
        return self.end

    @property
    def symbols(self) -> list[str]:
        """All symbols it trades; of a universe once it is frozen to a list."""
        if isinstance(self.universe, list):
            return self.universe
        return [self.symbol] if self.symbol else []

    @property
    def is_portfolio(self) -> bool:
        """Whether it says weights of one account; else it trades one symbol."""
        return self.expr is not None or self.universe is not None

    @property
    def instruments(self) -> tuple[str, ...]:
        """All symbols it trades as ``provider:symbol``: what its trials looked at."""
        return tuple(f"{self.provider}:{symbol}" for symbol in self.symbols)

    def with_changes(self, patch: Mapping[str, Any]) -> RunConfig:
        """Return a config with an RFC 7396 merge patch applied.

        A patch that names another strategy starts from that strategy's defaults:
        parameters of the old one would only be refused. So would be the constants of
        another expression.
        """
        own = self.document()
        new_name = (patch.get("strategy") or {}).get("name")
        if new_name is not None and own.get("strategy", {}).get("name") != new_name:
            own.pop("strategy", None)
        if patch.get("expr", self.expr) != self.expr or patch.get("strategy"):
            own.pop("braces", None)
        for one, other in (("expr", "strategy"), ("universe", "symbol")):
            if patch.get(one) is not None:
                own.pop(other, None)
            elif patch.get(other) is not None:
                own.pop(one, None)
        if {"universe", "symbol"} & patch.keys() and (
            patch.get("universe") != self.universe
        ):
            own.pop("members", None)  # another list says for itself who was in it
        return RunConfig(**merge_patch(own, patch))

    def document(self) -> dict[str, Any]:
        """Return the plain JSON object, keys sorted, without what was left open."""
        body = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        # Objects whose default is {} hold what was chosen, so that a key added to
        # them later changes no older hash.
        body["sizing"] = self.sizing.changed()
        body["exits"] = self.exits.changed()
        if not self.braces:
            del body["braces"]
        return {key: body[key] for key in sorted(body)}

    def canonical_json(self) -> str:
        """Return the text that is hashed: sorted, compact, nothing empty in it."""
        return canonical_json(self.document())

    @cached_property
    def config_hash(self) -> str:
        """The sha256 of config and code version: equal hash, equal computation."""
        return sha256_of({**self.document(), "code_version": __version__})

    @cached_property
    def config_family_hash(self) -> str:
        """The config hash without the seed: runs that differ by chance only."""
        body = self.document()
        body.pop("seed")
        return sha256_of({**body, "code_version": __version__})

    @cached_property
    def run_hash(self) -> str:
        """The idempotency key of a run: the sha256 of its config hash."""
        return hashlib.sha256(self.config_hash.encode()).hexdigest()


def epoch_ms(value: Any, *, end_of_day: bool = False) -> int | None:
    """Return epoch milliseconds UTC for a number, an RFC 3339 text or a date.

    Parameters
    ----------
    end_of_day : bool
        A date (without a time of day) then means its last millisecond.

    Raises
    ------
    ValueError
        If the value is no such thing; the message says what is accepted.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError("not a time; send a date, an RFC 3339 time or epoch ms")
    if isinstance(value, (int, float)):
        if not math.isfinite(value) or abs(value) > 8.64e15:
            raise ValueError("not a time; epoch milliseconds are expected")
        return int(value)
    moment, is_date = _read_moment(value)
    if is_date and end_of_day:
        moment += timedelta(days=1) - timedelta(milliseconds=1)
    return round(moment.timestamp() * 1000)


def _read_moment(value: Any) -> tuple[datetime, bool]:
    """Return the moment, and whether it was given as a date without a time."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC), False
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC), True
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is not a date like 2018-12-31 or a time like "
            "2018-12-31T16:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), len(text) <= 10


# --- errors ------------------------------------------------------------------------

WORDS = {
    "extra_forbidden": "is not a known key",
    "missing": "is missing",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be above {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be below {lt:g}",
    "finite_number": "must be a finite number",
    "literal_error": "must be one of {expected}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be a text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
}
CODES = {"extra_forbidden": "unknown_field", "missing": "missing_field"}
MOST_PROBLEMS = 100  # that one refusal lists; a config may be made to have thousands
PLACE_LENGTH = 200  # characters that are shown of where a value stands


def config_error(
    exc: ValidationError, model: type[BaseModel] | None = None
) -> ConfigError:
    """Return in the words of the lab what pydantic found in a `model` (`RunConfig`)."""
    problems: dict[str, ConfigError] = {}
    # The branches of a union give one problem, not four.
    for error in exc.errors()[:MOST_PROBLEMS]:
        problem = _problem(error, model or RunConfig)
        problems.setdefault(problem.field, problem)
    return ConfigError.of(tuple(problems.values()))


def _problem(error: Any, model: type[BaseModel]) -> ConfigError:
    kind, context = error["type"], error.get("ctx") or {}
    field = ".".join(str(part) for part in error["loc"] if not _is_branch(part))
    if kind == "value_error":
        text = str(context["error"])
        named, _, words = text.rpartition("|")
        field = named or field
        return ConfigError(f"{field}: {words}.", code="invalid_value", field=field)
    words = WORDS.get(kind, error["msg"]).format(**context)
    if len(field.split(".")) < len(error["loc"]):
        words = "has a value of a kind that is not accepted"
    advice = ""
    if kind == "extra_forbidden":
        known = _known_keys(error["loc"], model)
        advice = did_you_mean(str(error["loc"][-1]), known)
    field = field[:PLACE_LENGTH]
    given = "" if kind in ("extra_forbidden", "missing") else f" (was {_short(error)})"
    return ConfigError(
        f"{field} {words}{given}.",
        code=CODES.get(kind, "invalid_value"),
        field=field,
        advice=advice,
    )


def _is_branch(part: Any) -> bool:
    """Pydantic names the branch of a union it tried; that is no part of the path."""
    if not isinstance(part, str):
        return False
    return "[" in part or part in ("bool", "int", "float", "str")


def _known_keys(loc: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        below = field and (
            _model_of(field.annotation) or _model_of(type(field.default))
        )
        if not below:
            return list(model.model_fields)
        model = below
    return list(model.model_fields)


def _model_of(kind: Any) -> type[BaseModel] | None:
    """Return the model that an annotation like ``Part | None`` names."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _short(error: Any) -> str:
    text = repr(error.get("input"))
    return text if len(text) <= 60 else f"{text[:57]}…"
