"""What every word and number of the lab means: the metric registry, and luck's terms.

A metric is defined in the registry; here it gets its place, its neighbours and where
the definition comes from. Terms are numbers that no single run can have of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from quantlab.web.problem import Problem
from strategies.errors import did_you_mean
from strategies.metrics.registry import METRICS, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One word of the glossary; texts that do not apply are ""."""

    key: str
    name: str
    novice: str
    words: str
    formula: str = ""
    unit: str = ""
    better: str = ""
    sign: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""
    is_metric: bool = False

    def reads_like(self, q: str) -> bool:
        texts = (self.key, self.name, self.novice, self.words, *self.aliases)
        return all(any(part in t.lower() for t in texts) for part in q.lower().split())


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    entries: tuple[Entry, ...]


SECTIONS: dict[str, tuple[str, ...]] = {
    "Is it luck?": (
        *("n_trials", "n_effective", "sharpe_se", "sharpe_spread"),
        *("expected_max_sharpe", "psr", "dsr", "dsr_effective", "pbo"),
        *("min_track_record_years", "min_backtest_years"),
    ),
    "Return": ("total_return", "cagr", "ann_return", "alpha", "pct_positive_days"),
    "Return for risk": (
        *("sharpe", "sharpe_bar", "rolling_sharpe_30", "rolling_sharpe_90"),
        *("rolling_sharpe_252", "sortino", "calmar", "fitness", "avg_sharpe_hourly"),
    ),
    "Swings and falls": (
        *("volatility", "max_drawdown", "avg_drawdown", "max_drawdown_duration_bars"),
        *("beta", "skew", "kurtosis"),
    ),
    "Trades": (
        *("trade_count", "win_rate", "avg_win", "avg_loss", "avg_win_pct"),
        *("avg_loss_pct", "profit_factor", "payoff_ratio"),
    ),
    "Time in the market": (
        *("exposure", "exposure_pct", "gross_exposure", "max_position_rate"),
        *("turnover", "turnover_daily"),
    ),
    "The sample": ("start_ts", "end_ts", "n_bars", "complexity_score"),
}
REST = "Other numbers"

FRONTIER = "Bailey & López de Prado (2012), The Sharpe Ratio Efficient Frontier"
DEFLATED = "Bailey & López de Prado (2014), The Deflated Sharpe Ratio"
SOURCES = {
    "sharpe": "Sharpe (1994), The Sharpe Ratio",
    "sharpe_bar": "Sharpe (1994), The Sharpe Ratio",
    "sortino": "Sortino & Price (1994), Performance Measurement in a Downside Risk "
    "Framework",
    "calmar": "Young (1991), Calmar Ratio: A Smoother Tool",
    "alpha": "Jensen (1968), The Performance of Mutual Funds",
    "beta": "Sharpe (1964), Capital Asset Prices",
    "fitness": "WorldQuant Brain, documentation of its simulation results",
}

TERMS = (
    Entry(
        key="n_trials",
        name="Trials",
        novice="Settings tried",
        words="How many different settings were ever tried on these instruments. The "
        "more there were, the higher luck alone would have reached.",
        formula="N: distinct configs in the ledger; seeds and repeats add nothing",
        unit="count",
        better="none",
    ),
    Entry(
        key="n_effective",
        name="Effective trials",
        novice="Truly different settings tried",
        words="How many different things the trials tried: settings whose returns "
        "moved together count as one.",
        formula="clusters of the trials' weekly returns, cut at a correlation of 0.5",
        unit="count",
        better="none",
        source="López de Prado & Lewis (2019), Detection of False Investment "
        "Strategies Using Unsupervised Learning Methods",
    ),
    Entry(
        key="sharpe_se",
        name="Standard error of the Sharpe ratio",
        novice="How sure the return for the swings is",
        words="How far the Sharpe ratio of another sample of the same length would "
        "usually lie from this one. It is the number behind ±.",
        formula="√((1 − skew·SR + (kurtosis − 1)/4 · SR²) / (n − 1)) · √ppy",
        unit="ratio",
        better="lower",
        sign="positive",
        source="Mertens (2002), Comments on Variance of the IID Estimator in Lo; Lo "
        "(2002), The Statistics of Sharpe Ratios",
    ),
    Entry(
        key="sharpe_spread",
        name="Spread of all Sharpe ratios tried",
        novice="How far the tries lie apart",
        words="The standard deviation of the Sharpe ratios of all trials, a year. The "
        "wider they scatter, the higher the best of them is by luck.",
        formula="√V of the trials' Sharpe ratios, with ddof 1",
        unit="ratio",
        better="none",
        sign="positive",
        source=DEFLATED,
    ),
    Entry(
        key="expected_max_sharpe",
        name="Best by luck",
        novice="What luck alone would have reached",
        words="The Sharpe ratio that the best of N trials would show on average if "
        "none of them had any skill. Up to here everything is drawn in grey.",
        formula="√V · ((1 − γ)·Z⁻¹(1 − 1/N) + γ·Z⁻¹(1 − 1/(N·e))), V the variance "
        "of the trials' Sharpe ratios",
        unit="ratio",
        better="none",
        source=DEFLATED,
    ),
    Entry(
        key="psr",
        name="Probabilistic Sharpe ratio",
        novice="How sure it is above zero",
        words="How likely a Sharpe ratio above zero is, given the length of the "
        "sample, its lopsidedness and its extremes. It knows of no other trials.",
        formula="Z[SR·√(n − 1) / √(1 − skew·SR + (kurtosis − 1)/4 · SR²)]",
        unit="ratio",
        better="higher",
        sign="positive",
        aliases=("PSR",),
        source=FRONTIER,
    ),
    Entry(
        key="dsr",
        name="Deflated Sharpe ratio",
        novice="Sharpe after luck",
        words="How likely the Sharpe ratio is above what the best of N trials reaches "
        "by luck. Wanted is 0.95; it is not a p-value.",
        formula="psr with the best by luck in place of zero",
        unit="ratio",
        better="higher",
        sign="positive",
        aliases=("DSR",),
        source=DEFLATED,
    ),
    Entry(
        key="dsr_effective",
        name="Deflated Sharpe ratio, effective trials",
        novice="Sharpe after luck, alike settings counted once",
        words="The deflated Sharpe ratio with the effective number of trials. It is "
        "milder, because settings that are alike count as one.",
        formula="dsr with n_effective for N",
        unit="ratio",
        better="higher",
        sign="positive",
        source=DEFLATED,
    ),
    Entry(
        key="pbo",
        name="Probability of backtest overfitting",
        novice="How often the best of the past fails later",
        words="How often the setting that was best in one half of the sample lay in "
        "the lower half of all settings in the other. 0.5 is what noise gives.",
        formula="share of the splits with ln(ω / (1 − ω)) ≤ 0, ω the later rank of the "
        "best",
        unit="ratio",
        better="lower",
        sign="positive",
        aliases=("PBO",),
        source="Bailey, Borwein, López de Prado & Zhu (2017), The Probability of "
        "Backtest Overfitting",
    ),
    Entry(
        key="min_track_record_years",
        name="Minimum track record length",
        novice="How long a sample would have to be",
        words="How many years it would take until a Sharpe ratio like this one is hard "
        "to explain by the best that luck reaches.",
        formula="(1 + (1 − skew·SR + (kurtosis − 1)/4 · SR²)·"
        "(Z⁻¹(0.95) / (SR − SR*))²) / bars a year",
        unit="years",
        better="lower",
        sign="positive",
        aliases=("MinTRL",),
        source=FRONTIER,
    ),
    Entry(
        key="min_backtest_years",
        name="Minimum backtest length",
        novice="How many years so many tries need",
        words="How many years of data N trials need, so that the best of them does not "
        "reach the wanted Sharpe ratio by luck.",
        formula="(expected maximum of N / wanted Sharpe ratio)² years",
        unit="years",
        better="lower",
        sign="positive",
        aliases=("MinBTL",),
        source="Bailey, Borwein, López de Prado & Zhu (2014), Pseudo-Mathematics and "
        "Financial Charlatanism",
    ),
)


@cache
def glossary() -> tuple[Section, ...]:
    """Return every entry in its section; a metric without one is in the last."""
    entries = {entry.key: entry for entry in TERMS}
    entries |= {key: _of_metric(metric) for key, metric in METRICS.items()}
    placed = {key for keys in SECTIONS.values() for key in keys}
    rest = tuple(key for key in entries if key not in placed)
    return tuple(
        Section(title, tuple(entries[key] for key in keys if key in entries))
        for title, keys in (SECTIONS | {REST: rest}).items()
        if keys
    )


def glossary_search(q: str) -> list[Section]:
    """Return the sections with the entries in which every word of `q` occurs."""
    found = [
        Section(section.title, tuple(e for e in section.entries if e.reads_like(q)))
        for section in glossary()
    ]
    return [section for section in found if section.entries]


def entry_named(name: str) -> Entry:
    """Return the entry with this key or alias; 404 with a guess if there is none."""
    by_name = _by_name()
    entry = by_name.get(name.lower())
    if entry is None:
        message = f"The glossary has no '{name[:60]}'."
        advice = did_you_mean(name, by_name) or "All entries are at /glossary."
        raise Problem(status=404, message=message, advice=advice)
    return entry


def neighbours(entry: Entry) -> list[Entry]:
    """Return the others of its section."""
    [section] = [section for section in glossary() if entry in section.entries]
    return [other for other in section.entries if other != entry]


@cache
def _by_name() -> dict[str, Entry]:
    entries = [entry for section in glossary() for entry in section.entries]
    return {name.lower(): e for e in entries for name in (*e.aliases, e.key)}


def _of_metric(metric: Metric) -> Entry:
    return Entry(
        key=metric.key,
        name=metric.name,
        novice=metric.novice,
        words=metric.words,
        formula=metric.formula,
        unit=metric.unit,
        better=metric.better,
        sign=metric.sign,
        aliases=metric.aliases,
        source=SOURCES.get(metric.key, ""),
        is_metric=True,
    )
