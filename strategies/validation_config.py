"""Which tests of luck are asked for, checked before any of them is run.

The keys are those of `RunConfig.validation` and of ``POST /api/runs/{id}/validate``.
A test that is not named is not run; one named with ``{}`` has the defaults below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, ValidationError

from strategies.config import Part, config_error
from strategies.errors import ConfigError, StrategyError

MOST_DRAWS = 100_000
MOST_RERUNS = 10_000
MOST_BLOCK = 1_000_000


class Permutation(Part):
    """The holdings moved against the market."""

    n: int = Field(1_000, ge=1, le=MOST_DRAWS)


class PermutationRerun(Part):
    """The whole search on permuted bars; an empty space is a search of one."""

    n: int = Field(200, ge=1, le=MOST_RERUNS)
    space: dict[str, Any] = Field(default={}, max_length=20)
    constraints: list[str] = Field(default=[], max_length=20)
    objective: str = Field("sharpe", min_length=1, max_length=40)


class BlockBootstrap(Part):
    """Bar returns drawn in blocks of one length; null: worked out."""

    n: int = Field(1_000, ge=1, le=MOST_DRAWS)
    block_size: int | None = Field(None, ge=1, le=MOST_BLOCK)


class StationaryBootstrap(Part):
    """Bar returns drawn in blocks of random length with this mean."""

    n: int = Field(1_000, ge=1, le=MOST_DRAWS)
    block_size: float | None = Field(None, ge=1, le=MOST_BLOCK)


class MonteCarlo(Part):
    """The trades drawn again, and in another order."""

    n: int = Field(1_000, ge=1, le=MOST_DRAWS)
    bust: float = Field(0.3, gt=0, le=1)
    goal: float = Field(1.0, gt=0, le=1_000_000)


class CandleMonteCarlo(Part):
    """The strategy on histories made of blocks of the same bars."""

    n: int = Field(200, ge=1, le=MOST_RERUNS)
    block_size: int | None = Field(None, ge=1, le=MOST_BLOCK)


class RandomEntries(Part):
    """As many trades, held as long, begun anywhere."""

    n: int = Field(1_000, ge=1, le=MOST_DRAWS)


class CostStress(Part):
    """The same decisions at other costs."""

    bps: list[float] = Field(default=[0, 5, 10, 20], min_length=1, max_length=100)


class FixedWalkForward(Part):
    """The run as it is, stretch by stretch."""

    windows: int = Field(4, ge=1, le=1_000)


class ValidationConfig(Part):
    """The tests that are asked for, in the order in which they are run."""

    permutation: Permutation | None = None
    permutation_rerun: PermutationRerun | None = None
    block_bootstrap: BlockBootstrap | None = None
    stationary_bootstrap: StationaryBootstrap | None = None
    monte_carlo: MonteCarlo | None = None
    candle_monte_carlo: CandleMonteCarlo | None = None
    random_entries: RandomEntries | None = None
    cost_stress: CostStress | None = None
    wfo: FixedWalkForward | None = None

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        """Return the settings of each test that is asked for, by name."""
        return self.model_dump(mode="json", exclude_none=False, exclude=self._left_out)

    @property
    def _left_out(self) -> set[str]:
        fields = type(self).model_fields
        return {name for name in fields if getattr(self, name) is None}


TESTS = tuple(ValidationConfig.model_fields)
RUN_AGAIN = ("permutation_rerun", "candle_monte_carlo", "cost_stress", "wfo")


def read_validation(asked: Mapping[str, Any], *, field: str = "") -> ValidationConfig:
    """Return the tests that `asked` names, with every setting.

    Parameters
    ----------
    asked : mapping of str to mapping
        ``{"permutation": {"n": 1000}}``.
    field : str
        Dotted path of the mapping, for the errors.

    Raises
    ------
    ConfigError
        With every problem: ``unknown_field``, ``invalid_value``; ``no_tests`` if
        nothing is asked for.
    """
    prefix = f"{field}." if field else ""
    try:
        config = ValidationConfig(**{str(key): value for key, value in asked.items()})
        problems = _costs_out_of_range(config, prefix)
    except ValidationError as exc:
        raise _moved(config_error(exc, ValidationConfig), prefix) from None
    if not config.tests:
        problems.append(
            StrategyError(
                "No test is asked for.",
                code="no_tests",
                field=field,
                advice=f"Name at least one of {', '.join(TESTS)}.",
            )
        )
    if problems:
        raise ConfigError.of(tuple(problems))
    return config


def check_length(config: ValidationConfig, n_bars: int, *, field: str = "") -> None:
    """Refuse blocks longer than the series, and more windows than it has bars.

    Parameters
    ----------
    config : ValidationConfig
    n_bars : int
        Of the run, or as many as it can have at most.
    field : str
        Dotted path of the tests, for the errors.

    Raises
    ------
    ConfigError
        ``block_too_long``, ``too_few_bars``.
    """
    prefix = f"{field}." if field else ""
    problems = list(_too_many_windows(config, n_bars, prefix))
    for name, settings in config.tests.items():
        block, most = settings.get("block_size"), n_bars - 1
        if block is not None and block > most:
            problems.append(
                StrategyError(
                    f"A block of {block:g} bars does not fit the run: at most {most}.",
                    code="block_too_long",
                    field=f"{prefix}{name}.block_size",
                    advice=f"Choose at most {most}, or leave it open.",
                )
            )
    if problems:
        raise ConfigError.of(tuple(problems))


def _too_many_windows(
    config: ValidationConfig, n_bars: int, prefix: str
) -> Iterator[StrategyError]:
    if config.wfo and config.wfo.windows > n_bars - 2:
        yield StrategyError(
            f"{config.wfo.windows} windows need more than {n_bars} bars.",
            code="too_few_bars",
            field=f"{prefix}wfo.windows",
            advice="Choose fewer windows.",
        )


def _costs_out_of_range(config: ValidationConfig, prefix: str) -> list[StrategyError]:
    bps = config.cost_stress.bps if config.cost_stress else []
    return [
        StrategyError(
            f"Costs of {value:g} bps are outside 0 to 9,999.",
            code="invalid_value",
            field=f"{prefix}cost_stress.bps.{i}",
        )
        for i, value in enumerate(bps)
        if not 0 <= value < 10_000
    ]


def _moved(error: ConfigError, prefix: str) -> ConfigError:
    problems = tuple(
        ConfigError(
            f"{prefix}{one.message}",
            code=one.code,
            field=f"{prefix}{one.field}",
            advice=one.advice,
        )
        for one in error.problems
    )
    return ConfigError.of(problems)
