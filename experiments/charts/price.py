"""Candles around one round trip, with what was bought and sold."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from experiments.charts.figure import (
    DAILY_OR_LONGER,
    NO_TRADES,
    Document,
    Figure,
    compact,
    data_of,
    finished,
)
from experiments.charts.scales import label_format, labels, padded

if TYPE_CHECKING:
    from experiments.selectors.bars import PriceWindow

HEIGHT_PX = 240
LABELS = 6
FEWEST_MONTHS = 3  # below this, labels are days
WORDS_SHARE = 0.07  # of the height, for the words above the candles
WORDS_PX = 220
MARK_OFFSET_PX = 11  # a fill is marked beside its candle, not on it
LINE_STYLES = ("indicator", "indicator-slow")


def price_figure(window: PriceWindow | None, *, timeframe: str = "1d") -> Figure:
    """Return the candles of `window`, evenly spaced: nights and weekends take no room.

    Nothing to draw without a round trip.
    """
    if window is None:
        return Figure(empty=NO_TRADES.format(thing="price with fills"))
    is_of_many = len(window.symbols) > 1
    facts = {
        "symbol": window.symbol,
        "symbols": window.symbols,
        "is_of_many": is_of_many,
        "of": "&" + urlencode({"symbol": window.symbol}) if is_of_many else "",
        "number": window.number,
        "total": window.total,
        "before": window.number - 1 or None,
        "after": window.number + 1 if window.number < window.total else None,
        "trip": window.trip,
        "change": abs(window.trip["return"]),
        "bars_per_candle": window.bars_per_candle,
        "lines": window.lines,
        "start": window.candles[0]["ts_utc"],
        "end": window.candles[-1]["ts_utc"],
        "has_hours": timeframe not in DAILY_OR_LONGER,
    }
    return Figure(
        spec=_spec(window),
        facts=facts,
        rows=window.candles,
        table=window.fills,
    )


def _spec(window: PriceWindow) -> Document:
    import altair as alt

    rows = [
        {"i": i, **{key: compact(row[key]) for key in ("open", "high", "low", "close")}}
        for i, row in enumerate(window.candles)
        if row["close"] is not None
    ]
    x, y = _axes(window, rows)
    layers = [
        _held(window, x),
        *_candle_layers(rows, x, y, len(window.candles)),
        *_line_layers(window, x, y),
        *_fill_layers(window, x, y),
        _words(window),
    ]
    return finished(alt.layer(*layers), height=HEIGHT_PX)


def _axes(window: PriceWindow, rows: list[Document]) -> tuple[Any, Any]:
    import altair as alt

    places, words = _time_labels([row["ts_utc"] for row in window.candles])
    x = alt.X(
        "i:Q",
        scale=alt.Scale(domain=[-0.5, len(window.candles) - 0.5], nice=False),
        axis=alt.Axis(
            title=None,
            values=places,
            labelSeparation=10,
            labelExpr=f"{words}[indexof({places}, datum.value)]",
        ),
    )
    known = [row[name] for row in window.candles for name in window.lines]
    values = [value for value in known if value is not None]
    values += [row[key] for row in rows for key in ("low", "high")]
    low, high = padded(min(values), max(values), log=False)
    high += WORDS_SHARE * (high - low)
    ticks = labels(low, high, log=False)
    y = {
        "scale": alt.Scale(domain=[low, high], zero=False, nice=False),
        "axis": alt.Axis(
            title=_title(window), values=ticks, format=label_format(ticks, fewest=0)
        ),
    }
    return x, y


def _title(window: PriceWindow) -> str:
    symbol = window.trip["symbol"]
    n_bars = window.bars_per_candle
    return symbol if n_bars == 1 else f"{symbol}, {n_bars} bars a candle"


def _time_labels(stamps: list[int]) -> tuple[list[int], list[str]]:
    """Return at most six candles to label: the first of months, else evenly spaced."""
    days = [datetime.fromtimestamp(ts / 1000, tz=UTC) for ts in stamps]
    places = [
        i
        for i, (before, day) in enumerate(pairwise(days), start=1)
        if (before.year, before.month) != (day.year, day.month)
    ]
    by_month = len(places) >= FEWEST_MONTHS
    if not by_month:
        places = list(range(len(days)))
    places = places[:: -(-len(places) // LABELS)]
    form = "%b %Y" if by_month else "%d %b %Y"
    return places, [f"{days[i]:{form}}" for i in places]


def _candle_layers(rows: list[Document], x: Any, y: Document, n: int) -> list[Any]:
    import altair as alt

    width = alt.ExprRef(f"max(1, 0.62 * width / {n})")
    layers = []
    rising = [row for row in rows if row["close"] >= row["open"]]
    falling = [row for row in rows if row["close"] < row["open"]]
    for style, own in (("up", rising), ("down", falling)):
        if not own:
            continue
        base = alt.Chart(data_of(own)).encode(x=x)
        wick = base.mark_rule(style=style, clip=True).encode(
            y=alt.Y("low:Q", **y), y2="high:Q"
        )
        body = base.mark_bar(style=style, width=width, clip=True).encode(
            y=alt.Y("open:Q", **y), y2="close:Q"
        )
        layers += [wick, body]
    return layers


def _line_layers(window: PriceWindow, x: Any, y: Document) -> list[Any]:
    import altair as alt

    layers = []
    for n, name in enumerate(window.lines):
        rows = [
            {"i": i, "v": compact(row[name])} for i, row in enumerate(window.candles)
        ]
        mark = alt.Chart(data_of(rows)).mark_line(style=LINE_STYLES[min(n, 1)])
        layers.append(mark.encode(x=x, y=alt.Y("v:Q", **y)))
    return layers


def _fill_layers(window: PriceWindow, x: Any, y: Document) -> list[Any]:
    """Return a triangle below the candle for each purchase, above it for each sale."""
    import altair as alt

    layers = []
    for side, style, end, offset in (
        ("buy", "fill-buy", "low", MARK_OFFSET_PX),
        ("sell", "fill-sell", "high", -MARK_OFFSET_PX),
    ):
        rows = [
            {
                "i": fill["candle"],
                "v": compact(window.candles[fill["candle"]][end]),
                "price": compact(fill["price"]),
                "side": side,
            }
            for fill in window.fills
            if fill["side"] == side
        ]
        if not rows:
            continue
        mark = alt.Chart(data_of(rows)).mark_point(style=style, yOffset=offset)
        tooltip = [
            alt.Tooltip("side:N", title="Fill"),
            alt.Tooltip("price:Q", title="Price", format=",.2f"),
        ]
        layers.append(mark.encode(x=x, y=alt.Y("v:Q", **y), tooltip=tooltip))
    return layers


def _held(window: PriceWindow, x: Any) -> Any:
    import altair as alt

    row = {"i": window.entry, "end": window.exit}
    return alt.Chart(data_of([row])).mark_rect(style="band").encode(x=x, x2="end:Q")


def _words(window: PriceWindow) -> Any:
    """Return the trade in a few words, above the time it was held."""
    import altair as alt

    trip = window.trip
    ways = ("buy", "sell") if trip["side"] == "long" else ("sell", "buy")
    leaving = (
        "'still open'" if trip["open"] else f"'{ways[1]} ' + format(datum.exit, ',.2f')"
    )
    words = (
        f"'{ways[0]} ' + format(datum.entry, ',.2f') + ', ' + {leaving}"
        " + ': ' + format(datum.gain, '+.1%')"
    )
    row = {
        "entry": trip["entry_price"],
        "exit": trip["exit_price"],
        "gain": compact(trip["return"]),
    }
    start = f"width * {(window.entry + 0.5) / len(window.candles):.4f}"
    within = alt.ExprRef(f"max(0, min({start}, width - {WORDS_PX}))")
    return (
        alt.Chart(data_of([row]))
        .transform_calculate(words=words)
        .mark_text(style="note-strong", align="left", baseline="top")
        .encode(x=alt.value(within), y=alt.value(2), text="words:N")
    )
