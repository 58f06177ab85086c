"""The six classics.

Each says which state it wants after a close; a comparison with NaN is false, so all of
them are flat while warming up. `direction` long_short adds the mirrored conditions.
"""

from __future__ import annotations

from strategies.library.base import Strategy
from strategies.library.rule import Column, Condition, Level, Price, Rule
from strategies.types import Parameter

DIRECTION = Parameter(
    name="direction",
    kind="choice",
    default="long",
    choices=("long", "long_short"),
    meaning="Long or flat, or long and short by the mirrored rule.",
)


BUY_AND_HOLD = Strategy(
    name="buy_and_hold",
    label="Buy and hold",
    meaning="Long from the first close to the last.",
    novice="Buy once and keep it: the yardstick for every other rule.",
    rule=Rule(enter=Condition(Level(1.0), Level(0.0))),
)


_FAST, _SLOW = Column("sma", period="fast"), Column("sma", period="slow")

SMA_CROSS = Strategy(
    name="sma_cross",
    label="Moving average cross",
    meaning="Long while the fast simple mean of the close is above the slow one.",
    novice="Hold while the recent average price is above the longer-term average.",
    parameters=(
        Parameter.bars("fast", 20, "Length of the fast mean."),
        Parameter.bars("slow", 50, "Length of the slow mean.", minimum=2),
        DIRECTION,
    ),
    constraints=("fast < slow",),
    rule=Rule(
        enter=Condition(_FAST, _SLOW),
        enter_short=Condition(_SLOW, _FAST),
    ),
)


def _level(name: str, default: float, meaning: str) -> Parameter:
    return Parameter(
        name=name,
        kind="float",
        default=default,
        minimum=0.0,
        maximum=100.0,
        step=1.0,
        unit="RSI points",
        meaning=meaning,
    )


_RSI = Column("rsi", period="period")

RSI_REVERSION = Strategy(
    name="rsi_reversion",
    label="RSI reversion",
    meaning="Long from RSI below the lower level until RSI above the upper level.",
    novice="Buy after a sharp fall and sell after a sharp rise.",
    parameters=(
        Parameter.bars("period", 14, "Length of Wilder's means."),
        _level("lower", 30.0, "Below this, the fall counts as overdone."),
        _level("upper", 70.0, "Above this, the rise counts as overdone."),
        DIRECTION,
    ),
    constraints=("lower <= upper",),
    rule=Rule(
        enter=Condition(Level("lower"), _RSI),
        leave=Condition(_RSI, Level("upper")),
        enter_short=Condition(_RSI, Level("upper")),
        leave_short=Condition(Level("lower"), _RSI),
    ),
)


_UPPER, _MIDDLE, _LOWER = (
    Column("bollinger", output, period="period", width="width") for output in range(3)
)

BOLLINGER_BREAKOUT = Strategy(
    name="bollinger_breakout",
    label="Bollinger breakout",
    meaning="Long from a close above the upper band until a close below the mean.",
    novice="Buy when price breaks unusually far above its average; sell when it is "
    "back below the average.",
    parameters=(
        Parameter.bars("period", 20, "Length of the mean and the spread.", minimum=2),
        Parameter(
            name="width",
            kind="float",
            default=2.0,
            minimum=0.1,
            maximum=10.0,
            step=0.1,
            unit="standard deviations",
            meaning="How far the bands lie from the mean (ddof 0).",
        ),
        DIRECTION,
    ),
    rule=Rule(
        enter=Condition(Price("close"), _UPPER),
        leave=Condition(_MIDDLE, Price("close")),
        enter_short=Condition(_LOWER, Price("close")),
        leave_short=Condition(Price("close"), _MIDDLE),
    ),
)


_LINE, _AVERAGE = (
    Column("macd", output, fast="fast", slow="slow", signal="signal")
    for output in range(2)
)

MACD = Strategy(
    name="macd",
    label="MACD",
    meaning="Long while EMA(fast) − EMA(slow) is above its own EMA(signal).",
    novice="Hold while the short-term trend is gaining on the longer-term one.",
    parameters=(
        Parameter.bars("fast", 12, "Span of the faster exponential mean."),
        Parameter.bars("slow", 26, "Span of the slower exponential mean.", minimum=2),
        Parameter.bars("signal", 9, "Span of the mean of their difference."),
        DIRECTION,
    ),
    constraints=("fast < slow",),
    rule=Rule(
        enter=Condition(_LINE, _AVERAGE),
        enter_short=Condition(_AVERAGE, _LINE),
    ),
)


_ENTRY_HIGH, _ENTRY_LOW = (
    Column("donchian", output, period="entry") for output in range(2)
)
_EXIT_HIGH, _EXIT_LOW = (
    Column("donchian", output, period="exit") for output in range(2)
)

DONCHIAN = Strategy(
    name="donchian",
    label="Donchian breakout",
    meaning="Long from a close above the highest high of the entry bars before until "
    "a close below the lowest low of the exit bars before.",
    novice="Buy when price leaves its recent range upwards; sell when it falls out "
    "of a shorter range.",
    parameters=(
        Parameter.bars("entry", 20, "Bars whose highest high has to be exceeded."),
        Parameter.bars("exit", 10, "Bars whose lowest low ends the position."),
        DIRECTION,
    ),
    rule=Rule(
        enter=Condition(Price("close"), _ENTRY_HIGH),
        leave=Condition(_EXIT_LOW, Price("close")),
        enter_short=Condition(_ENTRY_LOW, Price("close")),
        leave_short=Condition(Price("close"), _EXIT_HIGH),
    ),
)

CLASSIC = (
    BUY_AND_HOLD,
    SMA_CROSS,
    RSI_REVERSION,
    BOLLINGER_BREAKOUT,
    MACD,
    DONCHIAN,
)
