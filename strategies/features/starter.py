"""The starter catalog: features that others found useful, written as expressions.

Families of Alpha158 (qlib) and of the literature. Each is one expression; a family with
windows has an open brace ``{d}`` that one of its typical windows fills. Data only, so
that a page may list them cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from strategies.dsl.expression import Expression, parse
from strategies.errors import StrategyError, did_you_mean
from strategies.types import Parameter


@dataclass(frozen=True, slots=True)
class Starter:
    """One family of the starter catalog.

    Attributes
    ----------
    name : str
    theme : str
        Heading under which it is listed.
    expr : str
        With ``{d}`` where the window stands.
    meaning : str
        One sentence for people.
    windows : tuple of int
        Typical ones, in bars; the first is the default. Empty: it has none.
    source : str
        Where it is known from, if it is.
    """

    name: str
    theme: str
    expr: str
    meaning: str
    windows: tuple[int, ...] = ()
    source: str = ""

    @property
    def params(self) -> tuple[Parameter, ...]:
        """The window, if it has one."""
        if not self.windows:
            return ()
        return (Parameter.bars("d", self.windows[0], "How many bars it looks at."),)

    def expression(self, window: int | None = None) -> Expression:
        """Return the expression with a window, the default one if left out."""
        if not self.windows:
            return parse(self.expr)
        return parse(self.text(window or self.windows[0]))

    def text(self, window: int | None = None) -> str:
        """Return what is typed for it."""
        if not self.windows:
            return self.expr
        return self.expr.replace("{d}", str(window or self.windows[0]))


def starter_named(name: str) -> Starter:
    """Return the family called `name`.

    Raises
    ------
    StrategyError
        ``unknown_feature``.
    """
    if name not in STARTERS:
        raise StrategyError(
            f"There is no starter family named '{name:.40}'.",
            code="unknown_feature",
            field="name",
            advice=did_you_mean(name, STARTERS) or "The catalog lists all of them.",
        )
    return STARTERS[name]


USUAL = (20, 5, 10, 30, 60)
LONG = (60, 20, 120, 250)

_ROWS = (
    # Momentum: what rose goes on rising.
    Starter("past_return", "momentum", "pct_change(close, {d})",
            "Return over the last d bars.", (20, 5, 10, 30, 60, 120, 250),
            "Alpha158 ROC"),
    Starter("skipped_momentum", "momentum",
            "delay(close, 21) / delay(close, {d}) - 1",
            "Return from d bars ago to a month ago.", (252, 126),
            "Jegadeesh and Titman 1993"),
    Starter("mean_distance", "momentum", "close / ts_mean(close, {d}) - 1",
            "How far the close is above its mean.", USUAL, "Alpha158 MA"),
    Starter("mean_cross", "momentum", "ts_mean(close, {d}) / ts_mean(close, 200) - 1",
            "How far the shorter mean is above that of 200 bars.", (50, 20, 100)),
    Starter("trend_slope", "momentum", "ts_slope(close, {d}) / close",
            "Slope per bar of the straight line through the closes, over the close.",
            USUAL, "Alpha158 BETA"),
    Starter("trend_fit", "momentum", "ts_rsquare(close, {d})",
            "How straight the way of the close was, 0 to 1.", USUAL, "Alpha158 RSQR"),
    Starter("trend_residual", "momentum", "ts_resi(close, {d}) / close",
            "How far the close is above its straight line.", USUAL, "Alpha158 RESI"),
    Starter("high_nearness", "momentum", "close / ts_max(high, {d})",
            "How near the close is to its highest high; 1 is at it.", (252, 60, 120),
            "George and Hwang 2004"),
    Starter("up_share", "momentum", "ts_mean(returns > 0, {d})",
            "Share of bars that rose.", USUAL, "Alpha158 CNTP"),
    Starter("up_balance", "momentum",
            "ts_mean(returns > 0, {d}) - ts_mean(returns < 0, {d})",
            "Share of bars that rose less share of those that fell.", USUAL,
            "Alpha158 CNTD"),
    Starter("gain_share", "momentum",
            "ts_sum(relu(returns), {d}) / ts_sum(abs(returns), {d})",
            "Share of all movement that went up, 0 to 1.", USUAL, "Alpha158 SUMP"),
    Starter("relative_strength", "momentum", "rsi(close, {d}) / 100 - 0.5",
            "Wilder's relative strength around 0.", (14, 2, 7, 28), "Wilder 1978"),
    Starter("macd_gap", "momentum",
            "(macd(close, 12, 26) - macd_signal(close, 12, 26, 9)) / close",
            "The macd line above its signal, over the close.", (), "Appel 1979"),
    Starter("steady_momentum", "momentum", "ts_ir(returns, {d})",
            "Mean return over its standard deviation.", LONG),
    Starter("efficient_momentum", "momentum",
            "pct_change(close, {d}) * efficiency_ratio(close, {d})",
            "Return, weighted by how direct the way was.", USUAL, "Kaufman 1995"),
    # Reversal: what went too far comes back.
    Starter("short_reversal", "reversal", "-pct_change(close, {d})",
            "The return of the last bars with the other sign.", (5, 1, 21),
            "Jegadeesh 1990"),
    Starter("gap_reversal", "reversal", "1 - open / delay(close, 1)",
            "The gap from the close before to the open, with the other sign."),
    Starter("bar_reversal", "reversal", "1 - close / open",
            "The return from open to close, with the other sign."),
    Starter("mean_reversion", "reversal", "-ts_zscore(close, {d})",
            "Standard deviations of the close below its mean.", USUAL),
    Starter("band_place", "reversal",
            "(ts_mean(close, {d}) - close) / (2 * stddev(close, {d}))",
            "Where the close lies in its Bollinger bands: 1 at the lower one.",
            (20, 10, 50), "Bollinger 2001"),
    # Volatility: how much it moves.
    Starter("realised_volatility", "volatility", "stddev(returns, {d})",
            "Standard deviation of the returns, per bar.", USUAL),
    Starter("price_spread", "volatility", "stddev(close, {d}) / close",
            "Standard deviation of the close, over the close.", USUAL, "Alpha158 STD"),
    Starter("downside_volatility", "volatility",
            "sqrt(ts_mean(square(minimum(returns, 0)), {d}))",
            "Root mean square of the falls, per bar.", USUAL),
    Starter("volatility_change", "volatility",
            "stddev(returns, {d}) / stddev(returns, 120) - 1",
            "How much more it moves than over 120 bars.", (20, 5, 10)),
    Starter("parkinson_volatility", "volatility",
            "sqrt(ts_mean(square(log(high / low)), {d}) / (4 * log(2)))",
            "Volatility from highs and lows, per bar.", USUAL, "Parkinson 1980"),
    Starter("garman_klass_volatility", "volatility",
            "sqrt(ts_mean(square(log(high / low)) / 2 - "
            "(2 * log(2) - 1) * square(log(close / open)), {d}))",
            "Volatility from all four prices, per bar.", USUAL,
            "Garman and Klass 1980"),
    Starter("drawdown_depth", "volatility", "ts_max_drawdown(close, {d})",
            "Deepest fall from a peak inside the window.", LONG),
    Starter("market_beta", "volatility", "ts_beta(returns, cs_mean(returns), {d})",
            "How much it moves with the mean of all symbols.", LONG),
    Starter("own_volatility", "volatility",
            "stddev(returns - cs_mean(returns), {d})",
            "Standard deviation of the return beyond the market's.", LONG,
            "Ang and others 2006"),
    # Range: where it stands between its extremes.
    Starter("average_range", "range", "atr({d}) / close",
            "Average true range, over the close.", (14, 5, 20), "Wilder 1978"),
    Starter("highest_distance", "range", "ts_max(high, {d}) / close",
            "Highest high over the close.", USUAL, "Alpha158 MAX"),
    Starter("lowest_distance", "range", "ts_min(low, {d}) / close",
            "Lowest low over the close.", USUAL, "Alpha158 MIN"),
    Starter("range_place", "range",
            "(close - ts_min(low, {d})) / (ts_max(high, {d}) - ts_min(low, {d}))",
            "Where the close lies between the extremes, 0 to 1.", USUAL,
            "Alpha158 RSV"),
    Starter("upper_quantile", "range", "ts_quantile(close, {d}, 0.8) / close",
            "Upper fifth of the closes, over the close.", USUAL, "Alpha158 QTLU"),
    Starter("lower_quantile", "range", "ts_quantile(close, {d}, 0.2) / close",
            "Lower fifth of the closes, over the close.", USUAL, "Alpha158 QTLD"),
    Starter("fresh_high", "range", "ts_argmax(high, {d}) / {d}",
            "How fresh the highest high is; 1 is this bar.", USUAL, "Alpha158 IMAX"),
    Starter("fresh_low", "range", "ts_argmin(low, {d}) / {d}",
            "How fresh the lowest low is; 1 is this bar.", USUAL, "Alpha158 IMIN"),
    Starter("high_after_low", "range",
            "(ts_argmax(high, {d}) - ts_argmin(low, {d})) / {d}",
            "Whether the high came after the low, and how long.", USUAL,
            "Alpha158 IMXD"),
    Starter("own_rank", "range", "ts_rank(close, {d})",
            "Rank of the close among its last d.", USUAL, "Alpha158 RANK"),
    Starter("breakout", "range", "close > donchian_upper({d})",
            "Whether the close is above every high before.", (20, 55), "Donchian"),
    # Candle: the shape of one bar.
    Starter("candle_body", "candle", "(close - open) / open",
            "From open to close.", (), "Alpha158 KMID"),
    Starter("candle_length", "candle", "(high - low) / open",
            "From low to high.", (), "Alpha158 KLEN"),
    Starter("body_share", "candle", "(close - open) / (high - low)",
            "The body over the whole candle, −1 to 1.", (), "Alpha158 KMID2"),
    Starter("upper_shadow", "candle", "(high - maximum(open, close)) / open",
            "What was reached above the body.", (), "Alpha158 KUP"),
    Starter("upper_shadow_share", "candle",
            "(high - maximum(open, close)) / (high - low)",
            "The upper shadow over the whole candle.", (), "Alpha158 KUP2"),
    Starter("lower_shadow", "candle", "(minimum(open, close) - low) / open",
            "What was reached below the body.", (), "Alpha158 KLOW"),
    Starter("lower_shadow_share", "candle",
            "(minimum(open, close) - low) / (high - low)",
            "The lower shadow over the whole candle.", (), "Alpha158 KLOW2"),
    Starter("close_lean", "candle", "(2 * close - high - low) / open",
            "How far the close leans to the high.", (), "Alpha158 KSFT"),
    Starter("close_lean_share", "candle", "(2 * close - high - low) / (high - low)",
            "Where the close lies in the candle, −1 to 1.", (), "Alpha158 KSFT2"),
    # Volume: how much was traded.
    Starter("volume_mean", "volume", "ts_mean(volume, {d}) / volume",
            "Mean volume over that of the bar.", USUAL, "Alpha158 VMA"),
    Starter("volume_spread", "volume", "stddev(volume, {d}) / ts_mean(volume, {d})",
            "How uneven the volume was.", USUAL, "Alpha158 VSTD"),
    Starter("volume_surge", "volume", "volume_ratio({d})",
            "Volume over the mean of the bars before.", USUAL),
    Starter("volume_gain_share", "volume",
            "ts_sum(relu(delta(volume, 1)), {d}) / ts_sum(abs(delta(volume, 1)), {d})",
            "Share of the changes of volume that went up.", USUAL, "Alpha158 VSUMP"),
    Starter("volume_trend", "volume", "ts_slope(log(volume), {d})",
            "Growth of the volume per bar.", USUAL),
    Starter("liquidity", "volume", "log(adv({d}))",
            "Logarithm of the mean value traded per bar.", (20, 60)),
    Starter("illiquidity", "volume", "ts_mean(abs(returns) / (close * volume), {d})",
            "Movement per value traded.", (20, 60, 250), "Amihud 2002"),
    # Price and volume together.
    Starter("price_volume_link", "price and volume",
            "correlation(close, log(volume + 1), {d})",
            "Whether volume is high when the price is.", USUAL, "Alpha158 CORR"),
    Starter("return_volume_link", "price and volume",
            "correlation(returns, log(volume / delay(volume, 1) + 1), {d})",
            "Whether volume rises when the price does.", USUAL, "Alpha158 CORD"),
    Starter("weighted_spread", "price and volume",
            "stddev(abs(returns) * volume, {d}) / ts_mean(abs(returns) * volume, {d})",
            "How uneven movement times volume was.", USUAL, "Alpha158 WVMA"),
    Starter("vwap_distance", "price and volume",
            "close / weighted_mean(close, volume, {d}) - 1",
            "How far the close is above what was paid on average.", USUAL),
    Starter("money_flow", "price and volume", "mfi({d}) / 100 - 0.5",
            "Money flow index around 0.", (14, 7, 28), "Quong and Soudack 1989"),
    Starter("close_pressure", "price and volume", "cmf({d})",
            "Where closes lie in their candles, weighted by volume.", (20, 10),
            "Chaikin"),
    Starter("signed_volume", "price and volume",
            "ts_sum(sign(returns) * volume, {d}) / ts_sum(volume, {d})",
            "Volume of rising bars less that of falling ones, over all.", USUAL,
            "Granville 1963"),
    # Distribution: the shape of the returns.
    Starter("return_skew", "distribution", "ts_skew(returns, {d})",
            "Whether the large returns were gains or losses.", LONG),
    Starter("return_tails", "distribution", "ts_kurt(returns, {d})",
            "How extreme the extremes were.", LONG),
    Starter("largest_return", "distribution", "ts_max(returns, {d})",
            "The best bar of the window.", (20, 60), "Bali and others 2011"),
    Starter("self_correlation", "distribution", "autocorrelation(returns, {d}, 1)",
            "Whether a bar goes on where the one before went.", LONG),
    # Across the market: compared with the other symbols of the bar.
    Starter("momentum_rank", "across the market", "rank(pct_change(close, {d}))",
            "Rank of the return among all symbols.", (60, 20, 120, 250)),
    Starter("reversal_rank", "across the market",
            "0.5 - rank(pct_change(close, {d}))",
            "Rank of the return with the other sign, around 0.", (5, 1, 20)),
    Starter("relative_return", "across the market",
            "demean(pct_change(close, {d}))",
            "Return beyond the mean of all symbols.", USUAL),
    Starter("residual_return", "across the market",
            "ts_residual(returns, cs_mean(returns), {d})",
            "What the market's return leaves of the last one.", LONG),
    Starter("calm_rank", "across the market", "1 - rank(stddev(returns, {d}))",
            "The calmest symbols first.", LONG, "Blitz and van Vliet 2007"),
    Starter("volume_rank", "across the market", "rank(adv({d}))",
            "Rank of the value traded.", (20, 60)),
    # Seasonality: what happened at the same time before.
    Starter("weekday_return", "seasonality",
            "(delay(returns, 4) + delay(returns, 9) + delay(returns, 14) + "
            "delay(returns, 19)) / 4",
            "Mean return of the next bar's weekday over four weeks of daily bars."),
    Starter("month_return", "seasonality",
            "delay(close, 231) / delay(close, 252) - 1",
            "Return of the coming month of daily bars, a year ago.", (),
            "Heston and Sadka 2008"),
)  # fmt: skip

STARTERS = MappingProxyType({one.name: one for one in _ROWS})
THEMES = tuple(dict.fromkeys(one.theme for one in _ROWS))
