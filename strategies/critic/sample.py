"""Rules on how much the sample holds, and on how much of it the profit hangs."""

from __future__ import annotations

from strategies.critic.rule import Rule
from strategies.critic.traces import BEST_DAYS, BEST_TRIPS

HALF = 0.5
NO_PROFIT = "There is no profit to divide, or the sample is too short to divide it."

SAMPLE_RULES = (
    Rule(
        key="SAMP-01",
        name="few_trades",
        severity="warn",
        needs=("trade_count",),
        cutoffs={"least": 30},
        is_hit=lambda e: e["trade_count"] < e["least"],
        title="Few round trips",
        words="Closed round trips: {trade_count:count}. Below {least:count} a win rate "
        "or an average trade is known only roughly.",
        novice="Trades that were opened and closed: {trade_count:count}. Below "
        "{least:count} it is mostly chance how many of them made money.",
        fine="Closed round trips: {trade_count:count}; at least {least:count} are "
        "asked.",
        advice="Judge it by its returns rather than by its trades, or try the same "
        "rule on more symbols or a longer window.",
        otherwise="How often it traded is not known.",
        place="trades",
    ),
    Rule(
        key="SAMP-02",
        name="short_window",
        severity="warn",
        needs=("years",),
        cutoffs={"least": 3},
        is_hit=lambda e: e["years"] < e["least"],
        title="A short window",
        words="The sample is {years:span} long; below {least:count} it holds "
        "one mood of the market at most.",
        novice="It was tried on {years:span}. In less than {least:count} years "
        "a market hardly changes its mood, so a lucky one looks like skill.",
        fine="The sample is {years:span} long; at least {least:count} are asked.",
        advice="Begin earlier, so that at least one long fall of the market is in it.",
        otherwise="How long the sample is is not known.",
        place="config",
    ),
    Rule(
        key="SAMP-03",
        name="low_exposure",
        severity="warn",
        needs=("exposure",),
        cutoffs={"least": 0.1},
        is_hit=lambda e: e["exposure"] < e["least"],
        title="Hardly ever in the market",
        words="It held a position on {exposure:percent}% of the bars; below "
        "{least:share}% its ratios rest on few of them.",
        novice="Money was at work {exposure:percent}% of the time. Below "
        "{least:share}% there is little to learn from.",
        fine="It held a position on {exposure:percent}% of the bars; at least "
        "{least:share}% are asked.",
        advice="Look at its trades one by one, and try it on more symbols.",
        otherwise="How long it held a position is not known.",
        place="trades",
    ),
    Rule(
        key="SAMP-04",
        name="track_record",
        severity="warn",
        needs=("years", "years_needed"),
        is_hit=lambda e: e["years_needed"] > e["years"],
        title="Too short to tell from luck",
        words="A Sharpe ratio like this one needed {years_needed:span} to "
        "exceed the best by luck; there are {years:span}.",
        novice="To tell this result from luck would take {years_needed:span} of "
        "data; there are {years:span}.",
        fine="There are {years:span}, more than the {years_needed:span} that "
        "would set this ratio apart from luck.",
        advice="Lengthen the window, or look for a second market to ask.",
        otherwise="The ratio does not exceed the best by luck, so no length would do.",
        place="luck",
    ),
    Rule(
        key="CONC-01",
        name="few_days",
        severity="bad",
        needs=("best_days_share",),
        cutoffs={"best_days": BEST_DAYS, "most": HALF},
        is_hit=lambda e: e["best_days_share"] > e["most"],
        title="A few days made the profit",
        words="The {best_days:count} best days earned {best_days_share:percent}% of "
        "the whole profit; {most:share}% is the most that is fine.",
        novice="Take away its {best_days:count} best days, and "
        "{best_days_share:percent}% of the profit is gone; up to {most:share}% is "
        "fine.",
        fine="The {best_days:count} best days earned {best_days_share:percent}% of the "
        "profit; up to {most:share}% is fine.",
        advice="Read what happened on those days; a rule that was right by news on "
        "them may have no reason at all.",
        otherwise=NO_PROFIT,
        place="breakdown",
    ),
    Rule(
        key="CONC-02",
        name="few_trips",
        severity="warn",
        needs=("best_trips_share",),
        cutoffs={"best_trips": BEST_TRIPS, "most": HALF},
        is_hit=lambda e: e["best_trips_share"] > e["most"],
        title="A few trades made the profit",
        words="The {best_trips:count} best round trips earned "
        "{best_trips_share:percent}% of the whole profit; {most:share}% is the most "
        "that is fine.",
        novice="Without its {best_trips:count} best trades, "
        "{best_trips_share:percent}% of the profit would be missing; up to "
        "{most:share}% is fine.",
        fine="The {best_trips:count} best round trips earned "
        "{best_trips_share:percent}% of the profit; up to {most:share}% is fine.",
        advice="Try the same rule on other markets before believing the average.",
        otherwise="There is no profit, or there are too few round trips to divide it.",
        place="trades",
    ),
    Rule(
        key="CONC-03",
        name="one_symbol",
        severity="warn",
        needs=("best_symbol", "best_symbol_share", "n_symbols"),
        cutoffs={"most": HALF},
        is_hit=lambda e: e["best_symbol_share"] > e["most"],
        title="One symbol carries it",
        words="Of {n_symbols:count} symbols, {best_symbol:text} earned "
        "{best_symbol_share:percent}% of the whole profit; {most:share}% is the most "
        "that is fine.",
        novice="It traded {n_symbols:count} symbols, but {best_symbol:text} alone made "
        "{best_symbol_share:percent}% of the profit; up to {most:share}% is fine.",
        fine="Of {n_symbols:count} symbols the best, {best_symbol:text}, earned "
        "{best_symbol_share:percent}% of the profit; up to {most:share}% is fine.",
        advice="Run it again without that symbol and see what is left.",
        otherwise="It trades too few symbols for that, or made no profit.",
        place="breakdown",
    ),
    Rule(
        key="CONC-04",
        name="one_year",
        severity="warn",
        needs=("best_year", "best_year_share"),
        cutoffs={"most": HALF},
        is_hit=lambda e: e["best_year_share"] > e["most"],
        title="One year carries it",
        words="{best_year:text} earned {best_year_share:percent}% of the whole profit; "
        "{most:share}% is the most that is fine.",
        novice="Most of it came in one year: {best_year:text} made "
        "{best_year_share:percent}% of the profit; up to {most:share}% is fine.",
        fine="The best year, {best_year:text}, earned {best_year_share:percent}% of "
        "the profit; up to {most:share}% is fine.",
        advice="Begin after that year, or end before it, and compare the two runs.",
        otherwise=NO_PROFIT,
        place="breakdown",
    ),
    Rule(
        key="CONC-05",
        name="one_position",
        severity="warn",
        needs=("largest_share", "n_symbols"),
        cutoffs={"most": HALF},
        is_hit=lambda e: e["largest_share"] > e["most"],
        title="One position at a time",
        words="Of what was held, the largest of {n_symbols:count} symbols was "
        "{largest_share:percent}% on the mean; {most:share}% is the most that is "
        "fine.",
        novice="It may choose among {n_symbols:count} symbols, but "
        "{largest_share:percent}% of its money was usually in one; up to "
        "{most:share}% is fine.",
        fine="The largest of {n_symbols:count} symbols was {largest_share:percent}% of "
        "what was held; up to {most:share}% is fine.",
        advice="Lower the cap of a position and see whether the result holds.",
        otherwise="It trades too few symbols for that, or held nothing.",
        place="config",
    ),
    Rule(
        key="TIME-01",
        name="fading",
        severity="warn",
        needs=("sharpe_early", "sharpe_late"),
        cutoffs={"least": HALF},
        applies=lambda e: e["sharpe_early"] > 0.0,
        is_hit=lambda e: e["sharpe_late"] < e["least"] * e["sharpe_early"],
        title="It faded",
        words="The second half of the bars has a Sharpe ratio of {sharpe_late:ratio}, "
        "the first {sharpe_early:ratio}; less than {least:share}% is left.",
        novice="It did worse later: return for the swings was {sharpe_early:ratio} in "
        "the first half and {sharpe_late:ratio} in the second. At least "
        "{least:share}% should be left.",
        fine="The second half has a Sharpe ratio of {sharpe_late:ratio}, the first "
        "{sharpe_early:ratio}; {least:share}% of it would be enough.",
        advice="Look at the rolling Sharpe ratio; a rule that is known to many may "
        "have stopped working.",
        otherwise="The halves are too short, or the first one earned nothing to lose.",
        place="charts",
    ),
)
