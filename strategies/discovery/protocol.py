"""What a search will do, written down before anything is looked at.

A plan names the bars that teach, those that select and those that nobody sees until
the end; the budget, the costs and the gates. Its digest says which plan it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from strategies import __version__
from strategies.config import Part, RunConfig, config_error
from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.types import IntArray

Method = Literal["genetic", "random"]
Objective = Literal["sharpe", "rank_ic"]

MOST_EXPRESSIONS = 10_000
FEWEST_BARS = 60  # of each span, beside those that only warm up
HORIZON = 1  # bars that what is decided at a close is held at least
ANY_EXPRESSION = "rank(close)"  # stands where each candidate has its own


@dataclass(frozen=True, slots=True)
class Spans:
    """Which bars teach, which select and which stay sealed; places of a panel.

    Attributes
    ----------
    train, validation, test : range
        In this order. What is tried is judged on `train`; of the best of it
        `validation` selects; `test` is opened once, for what was kept.
    purged : tuple of range
        The bars between them, which no result is taken from: whatever is read for the
        first bar of a span lies in them, and not in the span before.
    """

    train: range
    validation: range
    test: range
    purged: tuple[range, range]

    @property
    def seen(self) -> range:
        """All bars that the search may read: everything before the sealed ones."""
        return range(0, self.validation.stop)

    def document(self, ts: IntArray) -> dict[str, Any]:
        """Return where each span lies, as bars and as epoch ms."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: _written(one, ts) for name, one in named.items()} | {
            "purged": [_written(one, ts) for one in self.purged]
        }


class SearchPlan(Part):
    """A whole search, frozen.

    Attributes
    ----------
    config : RunConfig
        Universe, costs, lag and sizing of every candidate. Its expression stands for
        theirs.
    n : int
        Different expressions to evaluate on the real bars, and as many on the placebo.
    seed : int
        The only source of randomness.
    method : {"genetic", "random"}
    objective : {"sharpe", "rank_ic"}
        Net Sharpe ratio a year on the train span, or the Newey–West t of the rank IC
        of its bars.
    limit_score : float
        Highest complexity score of an expression.
    max_depth : int
        How many functions may stand within one another.
    lookback_bars : int
        How far back an expression may read.
    columns : list of str
        Columns that may be read; empty: all there are.
    lags : dict of str to int
        Bars until the values of a column were known; it is read with this delay only.
    train_share, validation_share : float
        Of the bars that are not purged; the rest is the sealed test.
    purge_bars, embargo_bars : int
        Between two spans; 0 purged bars mean as few as are needed, which is the
        look-back, the lag and the bar that is held.
    keep : int
        How many finalists there are at most.
    max_correlation : float
        Of weekly returns, above which two expressions are the same bet.
    max_turnover : float
        Share of the account traded a day, two-sided.
    min_coverage : float
        Share of the bars on which there must be a value, once warmed up.
    parsimony : float
        What one point of complexity takes off the fitness.
    batch : int
        Expressions of one generation.
    placebo : bool
        Whether the same search is made on permuted bars, whose best is the bar.
    q : float
        False discoveries accepted among those that are kept.

    Raises
    ------
    ConfigError
        With every problem found, each naming its field.
    """

    config: RunConfig
    n: int = Field(500, ge=1, le=MOST_EXPRESSIONS)
    seed: int = Field(0, ge=0, lt=2**63)
    method: Method = "genetic"
    objective: Objective = "sharpe"
    limit_score: float = Field(25.0, ge=2, le=200)
    max_depth: int = Field(4, ge=1, le=10)
    lookback_bars: int = Field(60, ge=1, le=2_500)
    columns: list[str] = Field(default=[], max_length=500)
    lags: dict[str, int] = Field(default={}, max_length=500)
    train_share: float = Field(0.5, ge=0.1, le=0.8)
    validation_share: float = Field(0.25, ge=0.1, le=0.8)
    purge_bars: int = Field(0, ge=0, le=5_000)
    embargo_bars: int = Field(5, ge=0, le=5_000)
    keep: int = Field(10, ge=1, le=50)
    max_correlation: float = Field(0.7, gt=0, le=1)
    max_turnover: float = Field(1.0, gt=0, le=100)
    min_coverage: float = Field(0.8, ge=0, le=1)
    parsimony: float = Field(0.01, ge=0, le=10)
    batch: int = Field(50, ge=10, le=1_000)
    placebo: bool = True
    q: float = Field(0.05, gt=0, le=0.5)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise config_error(exc, SearchPlan) from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.config.expr is None:
            raise ValueError("config|a search needs a config with an expression")
        if self.train_share + self.validation_share > 0.9:
            raise ValueError(
                "validation_share|train and validation leave less than a tenth of the "
                "bars for the test"
            )
        if 0 < self.purge_bars < self._needed_purge:
            raise ValueError(
                f"purge_bars|look-back, lag and holding take {self._needed_purge} bars"
            )
        return self

    @property
    def _needed_purge(self) -> int:
        return self.lookback_bars + self.config.execution.execution_lag + HORIZON

    @property
    def gap_bars(self) -> int:
        """Bars between two spans."""
        return (self.purge_bars or self._needed_purge) + self.embargo_bars

    def spans(self, n_bars: int) -> Spans:
        """Return which of `n_bars` bars teach, select and stay sealed.

        Raises
        ------
        ConfigError
            ``too_few_bars``.
        """
        gap = self.gap_bars
        free = n_bars - 2 * gap
        train = round(free * self.train_share)
        validation = round(free * self.validation_share)
        test = free - train - validation
        short = min(validation, test, train - self.lookback_bars)
        if short < FEWEST_BARS:
            raise ConfigError(
                f"{n_bars:,} bars leave {max(short, 0):,} for one of train, validation "
                f"and test beside what is purged; each takes {FEWEST_BARS}.",
                code="too_few_bars",
                field="start",
                advice="Choose a longer history, or a shorter look-back.",
            )
        second, third = train + gap, train + gap + validation + gap
        return Spans(
            train=range(train),
            validation=range(second, second + validation),
            test=range(third, third + test),
            purged=(range(train, second), range(second + validation, third)),
        )

    def config_of(self, expr: str) -> RunConfig:
        """Return the config of a run of one candidate."""
        return self.config.with_changes({"expr": expr})

    def as_document(self) -> dict[str, Any]:
        """Return the plain JSON object that `from_document` reads."""
        own = self.model_dump(mode="json", exclude={"config"})
        return {**own, "config": self.config.document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SearchPlan:
        """Return the plan that was written down.

        Raises
        ------
        ConfigError
        """
        return cls(**{**document, "config": RunConfig(**document.get("config", {}))})

    @property
    def digest(self) -> str:
        """The sha256 of the plan and the code version."""
        return sha256_of({**self.as_document(), "code_version": __version__})


def _written(span: range, ts: IntArray) -> dict[str, int]:
    return {
        "first_bar": span.start,
        "n_bars": len(span),
        "start_ms": int(ts[span.start]),
        "end_ms": int(ts[span.stop - 1]),
    }
