"""Rules on the data, the costs, what was held, and how much of it is the market."""

from __future__ import annotations

from strategies.critic.rule import Rule
from strategies.critic.traces import EXTRA_BPS

NOT_TRADED = "Nothing was traded, so nothing was paid."
UNTOLD = "Its settings do not say."
NO_BENCHMARK = "It has no benchmark, or too few returns beside it."

TRADING_RULES = (
    Rule(
        key="DATA-01",
        name="looks_ahead",
        severity="bad",
        needs=("is_leaking",),
        is_hit=lambda e: e["is_leaking"],
        title="It reads the future",
        words="A part of the expression changed when later bars were changed: the "
        "result is worth nothing.",
        novice="The rule knew prices that nobody had yet, so this result could not "
        "have been earned.",
        fine="No value of it changed when later bars were changed.",
        advice="The seal of the run names the part; delay it, then run it again.",
        otherwise="No look-ahead test was run on the bars of this run.",
        place="summary",
    ),
    Rule(
        key="DATA-02",
        name="look_ahead_untested",
        severity="warn",
        needs=("is_leak_tested",),
        is_hit=lambda e: not e["is_leak_tested"],
        title="Look-ahead was not tested",
        words="Nobody changed the bars after a decision to see whether the decision "
        "moves.",
        novice="Nobody checked that the rule knows only what was known at the time.",
        fine="It was tested whether later bars move a decision.",
        advice="Make a run of it: one of an expression is tested on its own bars.",
        otherwise="Rules of the library are tested with the lab, not run by run.",
        place="summary",
    ),
    Rule(
        key="DATA-03",
        name="survivors",
        severity="warn",
        needs=("is_of_survivors", "n_symbols"),
        is_hit=lambda e: e["is_of_survivors"],
        title="Only survivors are in the list",
        words="None of the {n_symbols:count} symbols is said to have left the list, so "
        "those that failed may be missing.",
        novice="All {n_symbols:count} symbols are still there today. Those that went "
        "under meanwhile are missing, and they would have cost money.",
        fine="The list of {n_symbols:count} symbols says who left it, and when.",
        advice="Use a list with dates of leaving, or take the result for an upper end.",
        otherwise="It trades one symbol, which was not picked from a list.",
        place="config",
    ),
    Rule(
        key="DATA-04",
        name="made_up",
        severity="warn",
        needs=("is_made_up",),
        is_hit=lambda e: e["is_made_up"],
        title="No market made these bars",
        words="The bars are drawn from a formula; the result says nothing of a market.",
        novice="These prices were made up by a formula, so nothing could be earned.",
        fine="The bars come from a market.",
        advice="Use it to test the rule itself, and run it on real bars after that.",
        otherwise=UNTOLD,
        place="config",
    ),
    Rule(
        key="DATA-05",
        name="restated",
        severity="warn",
        needs=("restated_bars",),
        cutoffs={"most": 0},
        is_hit=lambda e: e["restated_bars"] > e["most"],
        title="Its bars were restated since",
        words="Bars that differ from the version in use today: {restated_bars:count}; "
        "{most:count} is fine.",
        novice="The provider changed the past since this run: bars that are different "
        "now: {restated_bars:count}; {most:count} is fine.",
        fine="Bars that were restated since it ran: {restated_bars:count}.",
        advice="Run it again on the version of today and compare the two.",
        otherwise="No versions of these bars are kept.",
        place="summary",
    ),
    Rule(
        key="DATA-06",
        name="gaps",
        severity="warn",
        needs=("gap_share",),
        cutoffs={"most": 0.01},
        is_hit=lambda e: e["gap_share"] > e["most"],
        title="Bars are missing",
        words="{gap_share:percent}% of the bars that the calendar expects are missing; "
        "up to {most:share}% is fine.",
        novice="Prices are missing for {gap_share:percent}% of the time; up to "
        "{most:share}% is fine.",
        fine="{gap_share:percent}% of the expected bars are missing; up to "
        "{most:share}% is fine.",
        advice="Look where the gaps are; a rule may owe its result to a jump over one.",
        otherwise="Which bars should be there is not known.",
        place="data",
    ),
    Rule(
        key="DATA-07",
        name="folded_bars",
        severity="warn",
        needs=("bars_made_from",),
        is_hit=lambda e: bool(e["bars_made_from"]),
        title="Its bars were made of shorter ones",
        words="No bars of this length were kept; they were folded from bars of "
        "{bars_made_from:text}, whose opens and sessions may differ from a provider's.",
        novice="Its bars were put together from shorter ones ({bars_made_from:text}); "
        "official ones may differ a little.",
        fine="The bars are as their source has them.",
        advice="Compare a few of them with bars of that length from the provider.",
        otherwise="Where its bars come from is not known.",
        place="data",
    ),
    Rule(
        key="COST-01",
        name="no_costs",
        severity="bad",
        needs=("has_costs",),
        is_hit=lambda e: not e["has_costs"],
        title="Nothing was paid for trading",
        words="Commission and slippage are zero, so every trade is too cheap.",
        novice="Buying and selling cost nothing here, and nobody trades for nothing.",
        fine="Commission or slippage is charged.",
        advice="Charge what your broker charges, and half of the spread.",
        otherwise=UNTOLD,
        place="config",
    ),
    Rule(
        key="COST-02",
        name="costs_eat_it",
        severity="bad",
        needs=("break_even_bps", "cost_bps"),
        is_hit=lambda e: e["break_even_bps"] < e["cost_bps"],
        title="Costs ate the profit",
        words="Nothing is left from {break_even_bps:bps} bps a side on; the run paid "
        "{cost_bps:bps} on the mean.",
        novice="The trades earn as long as each costs less than {break_even_bps:bps} "
        "hundredths of a percent; they cost {cost_bps:bps}.",
        fine="Nothing would be left from {break_even_bps:bps} bps a side on; it paid "
        "{cost_bps:bps}.",
        advice="Trade less often: a slower rule, or a band in which nothing is done.",
        otherwise="It traded nothing, or loses money even without costs.",
        place="costs",
    ),
    Rule(
        key="COST-03",
        name="cost_sensitive",
        severity="warn",
        needs=("sharpe", "sharpe_dearer"),
        cutoffs={"extra_bps": EXTRA_BPS, "least": 0.5},
        applies=lambda e: e["sharpe"] > 0.0,
        is_hit=lambda e: e["sharpe_dearer"] < e["least"] * e["sharpe"],
        title="A little more cost ruins it",
        words="At {extra_bps:bps} bps a side more, its Sharpe ratio falls from "
        "{sharpe:ratio} to {sharpe_dearer:ratio}; {least:share}% of it is asked.",
        novice="If each trade cost {extra_bps:bps} hundredths of a percent more, "
        "return for the swings would fall from {sharpe:ratio} to "
        "{sharpe_dearer:ratio}; {least:share}% of it is asked.",
        fine="At {extra_bps:bps} bps a side more, its Sharpe ratio goes from "
        "{sharpe:ratio} to {sharpe_dearer:ratio}; {least:share}% of it is asked.",
        advice="Find out what you would really pay before anything else.",
        otherwise="It traded nothing, or has no Sharpe ratio above zero.",
        place="costs",
    ),
    Rule(
        key="COST-04",
        name="high_turnover",
        severity="warn",
        needs=("turnover",),
        cutoffs={"most": 50},
        is_hit=lambda e: e["turnover"] > e["most"],
        title="It trades a lot",
        words="It turned its account over {turnover:ratio} times a year, both sides "
        "counted; up to {most:count} is usual.",
        novice="In a year it bought and sold {turnover:ratio} times its whole money; "
        "up to {most:count} is usual.",
        fine="It turned its account over {turnover:ratio} times a year; up to "
        "{most:count} is usual.",
        advice="Smooth the signal or set a no-trade band, and compare net results.",
        otherwise="How much was traded is not known.",
        place="trades",
    ),
    Rule(
        key="COST-05",
        name="free_shorts",
        severity="warn",
        needs=("short_share", "borrow_bps"),
        cutoffs={"most": 0},
        applies=lambda e: e["short_share"] > 0.0,
        is_hit=lambda e: e["borrow_bps"] <= e["most"],
        title="Borrowing was free",
        words="It was short on {short_share:percent}% of the bars at "
        "{borrow_bps:bps} bps a year; more than {most:bps} would be real.",
        novice="Who sells what he does not own borrows it. It did so "
        "{short_share:percent}% of the time for {borrow_bps:bps} a year; more than "
        "{most:bps} would be real.",
        fine="It was short on {short_share:percent}% of the bars at {borrow_bps:bps} "
        "bps a year.",
        advice="Set what borrowing costs; small names cost several percent a year.",
        otherwise="It was never short, or what it held is not known.",
        place="config",
    ),
    Rule(
        key="EXEC-01",
        name="fills_at_close",
        severity="warn",
        needs=("fills_at_close",),
        is_hit=lambda e: e["fills_at_close"],
        title="Orders are filled at the close",
        words="An order is filled at the close of a bar, and such orders have to be "
        "sent before that price is known.",
        novice="It trades at the last price of a day, which nobody knows when the "
        "order has to be sent.",
        fine="An order is filled at the open of a later bar.",
        advice="Fill at the open and see how much of the result is left.",
        otherwise=UNTOLD,
        place="config",
    ),
    Rule(
        key="EXEC-02",
        name="leverage",
        severity="warn",
        needs=("most_gross",),
        cutoffs={"most": 1.1},
        is_hit=lambda e: e["most_gross"] > e["most"],
        title="It used borrowed money",
        words="Its positions came to {most_gross:percent}% of the account at the most; "
        "above {most:share}% somebody lends, at a price that is not charged.",
        novice="It held up to {most_gross:percent}% of its own money; above "
        "{most:share}% the rest is borrowed, which costs interest that is not "
        "counted.",
        fine="Its positions came to {most_gross:percent}% of the account at the most; "
        "up to {most:share}% is its own money.",
        advice="Lower the leverage to one and judge that run.",
        otherwise="What it held is not known.",
        place="config",
    ),
    Rule(
        key="RISK-01",
        name="deep_fall",
        severity="warn",
        needs=("max_drawdown",),
        cutoffs={"least": -0.35},
        is_hit=lambda e: e["max_drawdown"] < e["least"],
        title="A deep fall",
        words="The deepest drawdown was {max_drawdown:percent}%, below {least:share}%.",
        novice="At the worst it stood {max_drawdown:percent}% from its best day; few "
        "people hold on below {least:share}%.",
        fine="The deepest drawdown was {max_drawdown:percent}%; {least:share}% is "
        "the limit.",
        advice="Ask yourself whether you would have stayed; a smaller position falls "
        "less.",
        otherwise="How deep it fell is not known.",
        place="charts",
    ),
    Rule(
        key="RISK-02",
        name="long_fall",
        severity="warn",
        needs=("longest_drawdown", "n_bars"),
        cutoffs={"most": 0.5},
        is_hit=lambda e: e["longest_drawdown"] > e["most"] * e["n_bars"],
        title="A long fall",
        words="Its longest drawdown lasted {longest_drawdown:count} of "
        "{n_bars:count} bars; up to {most:share}% of them is fine.",
        novice="It waited {longest_drawdown:count} of {n_bars:count} bars to get back "
        "to an earlier best; up to {most:share}% of them is fine.",
        fine="Its longest drawdown lasted {longest_drawdown:count} of {n_bars:count} "
        "bars; up to {most:share}% of them is fine.",
        advice="Look at what it earned outside that time: it may be one good stretch.",
        otherwise="How long it fell is not known.",
        place="charts",
    ),
    Rule(
        key="RISK-03",
        name="bad_tail",
        severity="warn",
        needs=("skew",),
        cutoffs={"least": -1.0},
        is_hit=lambda e: e["skew"] < e["least"],
        title="Rare large losses",
        words="Its returns have a skewness of {skew:ratio}, below {least:ratio}: small "
        "gains, rare large losses.",
        novice="Its losses are rarer and larger than its gains (lopsidedness "
        "{skew:ratio}, below {least:ratio}).",
        fine="Its returns have a skewness of {skew:ratio}; {least:ratio} or above is "
        "asked.",
        advice="Such a rule looks best just before its large loss; read the worst "
        "bars.",
        otherwise="Its returns do not vary.",
        place="charts",
    ),
    Rule(
        key="RISK-04",
        name="ruined",
        severity="bad",
        needs=("is_ruined",),
        is_hit=lambda e: e["is_ruined"],
        title="The account was lost",
        words="Equity reached zero, and everything after that bar is zero.",
        novice="All the money was lost on the way.",
        fine="Something was left at all times.",
        advice="Lower leverage and position size; a rule that can lose it all has no "
        "return.",
        otherwise="What became of the account is not known.",
        place="charts",
    ),
    Rule(
        key="MKT-01",
        name="is_the_market",
        severity="warn",
        needs=("beta",),
        cutoffs={"low": 0.8, "high": 1.2},
        is_hit=lambda e: e["low"] <= e["beta"] <= e["high"],
        title="It is the market",
        words="Its beta is {beta:ratio}, between {low:ratio} and {high:ratio}: holding "
        "the benchmark moves alike.",
        novice="It moves as the market does: by {beta:ratio} when the market moves by "
        "one; between {low:ratio} and {high:ratio} the market does the work.",
        fine="Its beta is {beta:ratio}, outside {low:ratio} to {high:ratio}.",
        advice="Judge it by its alpha, or take the market out of it.",
        otherwise=NO_BENCHMARK,
        place="summary",
    ),
    Rule(
        key="MKT-02",
        name="holding_earned_more",
        severity="warn",
        needs=("ann_return", "held_return"),
        is_hit=lambda e: e["ann_return"] < e["held_return"],
        title="Holding earned more",
        words="It made {ann_return:percent}% a year; the benchmark, held all the time "
        "at its mean exposure, {held_return:percent}%.",
        novice="It made {ann_return:percent}% a year. The same money, left in the "
        "market all the time, would have made {held_return:percent}%.",
        fine="It made {ann_return:percent}% a year; its mean exposure, held all the "
        "time, {held_return:percent}%.",
        advice="Its timing cost money in this sample; ask what it is for.",
        otherwise=NO_BENCHMARK,
        place="summary",
    ),
)
