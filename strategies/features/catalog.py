"""What features there are: data only, so that a page may list them cheaply.

A kernel is named, not imported; `strategies.features.compute` resolves it on first use.
It is called with the candle columns of `inputs`, then the parameters in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from strategies.errors import StrategyError, did_you_mean
from strategies.types import Parameter, Params, Scalar, complete


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """One kind of feature.

    Attributes
    ----------
    name : str
    inputs : tuple of str
        Columns of the candles that the kernel reads.
    params : tuple of Parameter
    outputs : tuple of str
        Names of the kernel's arrays; a single one is called like the feature.
    meaning : str
        One sentence for people.
    words : tuple of str
        What each output is called in a sentence; parameters in braces.
    kernel : str
        Dotted name for `strategies.kernels.resolve`.
    lookback : callable ``(params) -> int``
        Bars at the start without a value, on candles without gaps.
    block : callable ``(params) -> int``, optional
        Windows are summed in blocks of so many bars from bar 0: computed from the
        start of a block on, values one block later are the same to the last bit. None:
        every value depends on all bars before it.
    exprs : tuple of str
        Each output as an expression, its parameters in braces; () if it is none.
    of_candles : bool
        The kernel is called with the candles themselves, then the parameters.
    """

    name: str
    inputs: tuple[str, ...]
    params: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    meaning: str
    words: tuple[str, ...]
    kernel: str
    lookback: Callable[[Params], int]
    block: Callable[[Params], int] | None = None
    exprs: tuple[str, ...] = ()
    of_candles: bool = False

    def expr(self, output: int = 0, params: Params | None = None) -> str:
        """Return what is typed for an output; with the defaults if none are given."""
        values = {one.name: one.default for one in self.params} | dict(params or {})
        return self.exprs[output].format_map(values)


@dataclass(frozen=True, slots=True, init=False)
class Feature:
    """A feature with its parameters: a hashable name for a column.

    Parameters
    ----------
    name : str
        A key of `FEATURES`, or ``trained_model``.
    params : mapping, optional
        Checked, and completed with the defaults.

    Raises
    ------
    StrategyError
        ``unknown_feature``, ``unknown_parameter`` and those of `Parameter.check`.

    Examples
    --------
    >>> str(Feature("sma", {"period": 50}))
    'sma(close, 50)'
    >>> Feature("bollinger").columns[0]
    'bollinger(close, 20, 2.0).upper'
    """

    name: str
    values: tuple[Scalar, ...]

    def __init__(self, name: str, params: Mapping[str, object] | None = None) -> None:
        spec = feature_named(name)
        values = complete(spec.params, params or {}, owner=name, field=name)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", tuple(values.values()))

    def __str__(self) -> str:
        arguments = (*self.spec.inputs, *map(str, self.values))
        return f"{self.name}({', '.join(arguments)})"

    @property
    def spec(self) -> FeatureSpec:
        """What kind of feature this is."""
        return feature_named(self.name)

    @property
    def params(self) -> dict[str, Scalar]:
        """Every parameter by name."""
        names = (parameter.name for parameter in self.spec.params)
        return dict(zip(names, self.values, strict=True))

    @property
    def lookback(self) -> int:
        """Bars at the start without a value, on candles without gaps."""
        return self.spec.lookback(self.params)

    @property
    def columns(self) -> tuple[str, ...]:
        """Keys of its arrays in the answer of `compute_features`."""
        return _columns_of(self)

    def said(self, output: int = 0) -> str:
        """Return what one of its arrays is called in a sentence."""
        return self.spec.words[output].format(**self.params)


@lru_cache(maxsize=4096)
def _columns_of(feature: Feature) -> tuple[str, ...]:
    key = str(feature)
    if len(feature.spec.outputs) == 1:
        return (key,)
    return tuple(f"{key}.{output}" for output in feature.spec.outputs)


def feature_named(name: str) -> FeatureSpec:
    """Return the feature kind called `name`.

    Raises
    ------
    StrategyError
        ``unknown_feature``.
    """
    if name == TRAINED.name:
        return TRAINED
    if name not in FEATURES:
        raise StrategyError(
            f"There is no feature named '{name:.40}'.",
            code="unknown_feature",
            field="features",
            advice=did_you_mean(name, FEATURES) or f"Known: {', '.join(FEATURES)}.",
        )
    return FEATURES[name]


def _window(default: int, *, minimum: int = 1) -> Parameter:
    return Parameter.bars(
        "period", default, "How many bars the window holds.", minimum=minimum
    )


def _bars(params: Params, *names: str) -> int:
    """Return the sum of the named numbers of bars."""
    return sum(int(params[name]) for name in names)


def _one_less(params: Params) -> int:
    return _bars(params, "period") - 1


def _whole_period(params: Params) -> int:
    return _bars(params, "period")


_ROLLING = "strategies.kernels.rolling"

_SPECS = (
    FeatureSpec(
        name="sma",
        inputs=("close",),
        params=(_window(20),),
        outputs=("sma",),
        meaning="Mean close of the last bars.",
        words=("the {period}-bar mean",),
        exprs=("ts_mean(close, {period})",),
        kernel=f"{_ROLLING}:sma_nb",
        lookback=_one_less,
        block=_whole_period,
    ),
    FeatureSpec(
        name="ema",
        inputs=("close",),
        params=(_window(20),),
        outputs=("ema",),
        meaning="Exponential mean of the close, weight 2/(period+1), seeded with the "
        "first close.",
        words=("the {period}-bar exponential mean",),
        exprs=("ema(close, {period})",),
        kernel=f"{_ROLLING}:ema_nb",
        lookback=_one_less,
    ),
    FeatureSpec(
        name="std",
        inputs=("close",),
        params=(
            _window(20, minimum=2),
            Parameter(
                name="ddof",
                kind="int",
                default=1,
                minimum=0,
                maximum=1,
                step=1,
                meaning="1 estimates the spread from a sample, 0 describes the window.",
            ),
        ),
        outputs=("std",),
        meaning="Standard deviation of the close over the last bars.",
        words=("the {period}-bar spread",),
        exprs=("stddev(close, {period}) * sqrt(({period} - 1) / ({period} - {ddof}))",),
        kernel=f"{_ROLLING}:std_nb",
        lookback=_one_less,
        block=_whole_period,
    ),
    FeatureSpec(
        name="rsi",
        inputs=("close",),
        params=(_window(14),),
        outputs=("rsi",),
        meaning="Wilder's relative strength, 0 to 100: the share of recent movement "
        "that went up.",
        words=("the {period}-bar RSI",),
        exprs=("rsi(close, {period})",),
        kernel=f"{_ROLLING}:rsi_nb",
        lookback=_whole_period,
    ),
    FeatureSpec(
        name="macd",
        inputs=("close",),
        params=(
            Parameter.bars("fast", 12, "Span of the faster exponential mean."),
            Parameter.bars("slow", 26, "Span of the slower exponential mean."),
            Parameter.bars("signal", 9, "Span of the mean of their difference."),
        ),
        outputs=("line", "signal", "histogram"),
        meaning="Fast minus slow exponential mean, the mean of that, and the gap "
        "between the two.",
        words=(
            "MACD({fast}, {slow})",
            "its {signal}-bar mean",
            "the MACD histogram",
        ),
        exprs=(
            "macd(close, {fast}, {slow})",
            "macd_signal(close, {fast}, {slow}, {signal})",
            "macd(close, {fast}, {slow}) - macd_signal(close, {fast}, "
            "{slow}, {signal})",
        ),
        kernel=f"{_ROLLING}:macd_nb",
        lookback=lambda params: _bars(params, "slow", "signal") - 2,
    ),
    FeatureSpec(
        name="atr",
        inputs=("high", "low", "close"),
        params=(_window(14),),
        outputs=("atr",),
        meaning="Wilder's average true range: how far price usually moves in one bar.",
        words=("the {period}-bar average true range",),
        exprs=("atr({period})",),
        kernel=f"{_ROLLING}:atr_nb",
        lookback=_whole_period,
    ),
    FeatureSpec(
        name="bollinger",
        inputs=("close",),
        params=(
            _window(20),
            Parameter(
                name="width",
                kind="float",
                default=2.0,
                minimum=0.1,
                maximum=10.0,
                step=0.1,
                unit="standard deviations",
                meaning="How far the bands lie from the mean.",
            ),
        ),
        outputs=("upper", "middle", "lower"),
        meaning="Mean close and a band of some standard deviations (ddof 0) on "
        "either side.",
        words=(
            "the upper band",
            "the {period}-bar mean",
            "the lower band",
        ),
        exprs=(
            "ts_mean(close, {period}) + {width} * sqrt(1 - 1 / {period}) "
            "* stddev(close, {period})",
            "ts_mean(close, {period})",
            "ts_mean(close, {period}) - {width} * sqrt(1 - 1 / {period}) "
            "* stddev(close, {period})",
        ),
        kernel=f"{_ROLLING}:bollinger_nb",
        lookback=_one_less,
        block=_whole_period,
    ),
    FeatureSpec(
        name="donchian",
        inputs=("high", "low"),
        params=(_window(20),),
        outputs=("upper", "lower"),
        meaning="Highest high and lowest low of the bars before this one.",
        words=(
            "the highest high of the {period} bars before",
            "the lowest low of the {period} bars before",
        ),
        exprs=(
            "donchian_upper({period})",
            "donchian_lower({period})",
        ),
        kernel=f"{_ROLLING}:donchian_nb",
        lookback=_whole_period,
        block=_whole_period,
    ),
    FeatureSpec(
        name="returns",
        inputs=("close",),
        params=(_window(1),),
        outputs=("returns",),
        meaning="Simple return of the close over the last bars, as a fraction.",
        words=("the {period}-bar return",),
        exprs=("pct_change(close, {period})",),
        kernel=f"{_ROLLING}:returns_nb",
        lookback=_whole_period,
    ),
    FeatureSpec(
        name="volume_ratio",
        inputs=("volume",),
        params=(_window(20),),
        outputs=("volume_ratio",),
        meaning="Volume of the bar over the mean volume of the bars before.",
        words=("volume against its {period}-bar mean",),
        exprs=("volume_ratio({period})",),
        kernel=f"{_ROLLING}:volume_ratio_nb",
        lookback=_whole_period,
    ),
    FeatureSpec(
        name="momentum",
        inputs=("close",),
        params=(
            _window(231),
            Parameter.bars(
                "skip", 21, "How many of the latest bars are left out.", minimum=0
            ),
        ),
        outputs=("momentum",),
        meaning="Return over a period that ended some bars ago; the defaults are "
        "twelve months of daily bars less the latest one.",
        words=("the {period}-bar momentum",),
        exprs=("pct_change(delay(close, {skip}), {period})",),
        kernel=f"{_ROLLING}:momentum_nb",
        lookback=lambda params: _bars(params, "period", "skip"),
    ),
    FeatureSpec(
        name="volatility",
        inputs=("close",),
        params=(_window(20, minimum=2),),
        outputs=("volatility",),
        meaning="Standard deviation (ddof 1) of the last one-bar returns; per bar, "
        "not per year.",
        words=("the {period}-bar volatility",),
        exprs=("stddev(returns, {period})",),
        kernel=f"{_ROLLING}:volatility_nb",
        lookback=_whole_period,
        block=_whole_period,
    ),
)

FEATURES: Mapping[str, FeatureSpec] = {spec.name: spec for spec in _SPECS}

TRAINED = FeatureSpec(
    name="trained_model",
    inputs=(),
    params=(
        Parameter(
            name="model_id",
            kind="choice",
            default="momentum_logit",
            choices=("momentum_logit", "momentum_hgb"),
            meaning="Which model.",
        ),
        Parameter(
            name="version",
            kind="int",
            default=0,
            minimum=0,
            maximum=1_000_000,
            step=1,
            meaning="Which version of it; 0: the newest that is published.",
        ),
        Parameter(
            name="threshold",
            kind="float",
            default=0.0,
            minimum=0.0,
            maximum=1.0,
            step=0.01,
            meaning="Chance of a rise from which everything is held; 0: the thresholds "
            "of the version.",
        ),
        Parameter(
            name="identity",
            kind="text",
            default="",
            meaning="Which training the version is; the lab fills it in.",
        ),
    ),
    outputs=("probability", "threshold", "position"),
    meaning="What a trained model says of a bar it had not seen when it learnt: the "
    "chance of a rise, the lowest threshold, and the position that follows.",
    words=(
        "the chance of a rise",
        "the lowest threshold",
        "the position that follows",
    ),
    kernel="strategies.library.trained:columns_of",
    lookback=lambda params: 0,  # the model knows: `strategies.library.trained`
    of_candles=True,
)
