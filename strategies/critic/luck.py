"""Rules on luck: how many were tried, what tests said, how the settings were found."""

from __future__ import annotations

from strategies.critic.rule import Rule

TARGET = 1.0  # Sharpe ratio a year that people take for good
SURE = 0.95
SMALL = 0.05
NO_SHARPE = "The run has no Sharpe ratio, or too few returns to judge it."
NOT_RUN = "This test was not run, or had nothing to say of such a run."
NO_SEARCH = "It was not chosen from a sweep."
NO_WALK = "It is no walk-forward."
NOT_SEALED = "It was not kept by a search with a sealed test."

LUCK_RULES = (
    Rule(
        key="LUCK-01",
        name="deflated_sharpe",
        severity="bad",
        needs=("dsr", "n_trials", "sharpe", "best_by_luck"),
        cutoffs={"least": SURE},
        is_hit=lambda e: e["dsr"] < e["least"],
        title="Luck may explain it",
        words="After {n_trials:count} trials on this data luck alone would reach a "
        "Sharpe ratio of {best_by_luck:ratio}; this one is {sharpe:ratio}, DSR "
        "{dsr:p} where {least:p} is asked.",
        novice="So many settings were tried ({n_trials:count}) that the best would "
        "have reached {best_by_luck:ratio} by luck; this one reached {sharpe:ratio}. "
        "Its score after luck is {dsr:p}, and {least:p} is asked.",
        fine="After {n_trials:count} trials luck alone would reach "
        "{best_by_luck:ratio}; this one is {sharpe:ratio}, DSR {dsr:p} where {least:p} "
        "is asked.",
        advice="Stop trying on these data; ask the same rule of a market that nobody "
        "looked at.",
        otherwise=NO_SHARPE,
        place="luck",
    ),
    Rule(
        key="LUCK-02",
        name="probabilistic_sharpe",
        severity="bad",
        needs=("psr", "sharpe", "sharpe_se"),
        cutoffs={"least": SURE},
        is_hit=lambda e: e["psr"] < e["least"],
        title="Zero is not ruled out",
        words="Sharpe ratio {sharpe:ratio} ± {sharpe_se:ratio}: PSR {psr:p}, below "
        "{least:p}, even if nothing else had been tried.",
        novice="Return for the swings was {sharpe:ratio}, give or take "
        "{sharpe_se:ratio}. That it is above zero at all is only {psr:p} sure; "
        "{least:p} is asked.",
        fine="Sharpe ratio {sharpe:ratio} ± {sharpe_se:ratio}: PSR {psr:p}, at least "
        "{least:p} is asked.",
        advice="A longer window makes the error smaller; a better-looking setting does "
        "not.",
        otherwise=NO_SHARPE,
        place="luck",
    ),
    Rule(
        key="LUCK-03",
        name="many_trials",
        severity="warn",
        needs=("n_trials", "years", "years_by_luck"),
        cutoffs={"target": TARGET},
        is_hit=lambda e: e["years"] < e["years_by_luck"],
        title="Many trials for so little data",
        words="{n_trials:count} trials are expected to find a Sharpe ratio of "
        "{target:ratio} by luck in less than {years_by_luck:span}; the sample "
        "has {years:span}.",
        novice="With {n_trials:count} tries a result that looks good ({target:ratio}) "
        "turns up by luck within {years_by_luck:span}; the sample has "
        "{years:span}.",
        fine="{n_trials:count} trials would find a Sharpe ratio of {target:ratio} by "
        "luck within {years_by_luck:span}; the sample has {years:span}.",
        advice="Plan the number of trials before the next search, and keep to it.",
        otherwise="No trials are counted for it.",
        place="ledger",
    ),
    Rule(
        key="LUCK-04",
        name="over_plan",
        severity="warn",
        needs=("planned_trials", "experiment_trials"),
        is_hit=lambda e: e["experiment_trials"] > e["planned_trials"],
        title="More was tried than planned",
        words="The experiment planned {planned_trials:count} trials and made "
        "{experiment_trials:count}.",
        novice="Before the first run {planned_trials:count} tries were planned; "
        "{experiment_trials:count} were made.",
        fine="The experiment planned {planned_trials:count} trials and made "
        "{experiment_trials:count}.",
        advice="Say in the notes why the plan changed; the count stays either way.",
        otherwise="Its experiment planned no number of trials.",
        place="experiment",
    ),
    Rule(
        key="LUCK-05",
        name="overfitted_search",
        severity="bad",
        needs=("pbo", "n_trials"),
        cutoffs={"most": 0.2},
        is_hit=lambda e: e["pbo"] > e["most"],
        title="What was best did not stay good",
        words="In {pbo:percent}% of the splits of the trials on this data the best of "
        "one half was below the middle in the other (PBO; up to {most:share}% is "
        "fine; {n_trials:count} trials by now).",
        novice="The best of one half of the history was worse than most in the other "
        "half {pbo:percent}% of the time; up to {most:share}% is fine. Settings "
        "tried by now: {n_trials:count}.",
        fine="The best of one half was below the middle of the other in {pbo:percent}% "
        "of the splits; up to {most:share}% is fine ({n_trials:count} trials by "
        "now).",
        advice="Choose from a plateau rather than the best cell, or fix the settings "
        "beforehand.",
        otherwise="The trials on this data were not tested for overfitting.",
        place="overfitting",
    ),
    Rule(
        key="TEST-01",
        name="untested",
        severity="warn",
        needs=("n_tests",),
        cutoffs={"least": 1},
        is_hit=lambda e: e["n_tests"] < e["least"],
        title="No test of luck was run",
        words="Tests of luck that were run: {n_tests:count}; at least {least:count} is "
        "asked.",
        novice="Nobody checked whether chance does as well. Checks so far: "
        "{n_tests:count}; at least {least:count} is asked.",
        fine="Tests of luck that were run: {n_tests:count}; at least {least:count} is "
        "asked.",
        advice="Validate it: shuffled timing and a bootstrap take seconds.",
        otherwise="A sweep or a search is tested as a whole.",
        place="validation",
    ),
    Rule(
        key="TEST-02",
        name="timing_by_chance",
        severity="bad",
        needs=("p_timing",),
        cutoffs={"most": SMALL},
        is_hit=lambda e: e["p_timing"] > e["most"],
        title="Other timings did as well",
        words="Holdings moved to other times did at least as well with p {p_timing:p}; "
        "up to {most:ratio} is asked.",
        novice="With the same trades at other times, a share of {p_timing:p} did at "
        "least as well; up to {most:ratio} is asked.",
        fine="Few other timings did as well: p {p_timing:p}, up to {most:ratio} is "
        "asked.",
        advice="Ask what the rule knows at its entries; being in a rising market is "
        "no timing.",
        otherwise=NOT_RUN,
        place="validation",
    ),
    Rule(
        key="TEST-03",
        name="search_by_chance",
        severity="bad",
        needs=("p_search",),
        cutoffs={"most": SMALL},
        is_hit=lambda e: e["p_search"] > e["most"],
        title="The search finds as much in noise",
        words="On shuffled histories the whole search found at least as much with p "
        "{p_search:p}; up to {most:ratio} is asked.",
        novice="Where there was nothing to find, the same search found as much in a "
        "share of {p_search:p}; up to {most:ratio} is asked.",
        fine="On shuffled histories the search rarely finds as much: p {p_search:p}, "
        "up to {most:ratio} is asked.",
        advice="Search less: fewer axes, fewer values, an idea first.",
        otherwise=NOT_RUN,
        place="validation",
    ),
    Rule(
        key="TEST-04",
        name="entries_by_chance",
        severity="warn",
        needs=("p_entries",),
        cutoffs={"most": SMALL},
        is_hit=lambda e: e["p_entries"] > e["most"],
        title="Random entries did as well",
        words="Trades of the same length from random entries earned at least as much "
        "with p {p_entries:p}; up to {most:ratio} is asked.",
        novice="Buying on random days did at least as well in a share of "
        "{p_entries:p}; up to {most:ratio} is asked.",
        fine="Few random entries earned as much: p {p_entries:p}, up to {most:ratio} "
        "is asked.",
        advice="Its exits or its exposure may do the work; test the entry alone.",
        otherwise=NOT_RUN,
        place="validation",
    ),
    Rule(
        key="TEST-05",
        name="growth_may_be_none",
        severity="warn",
        needs=("growth_low",),
        cutoffs={"least": 0.0},
        is_hit=lambda e: e["growth_low"] < e["least"],
        title="Its growth may be none",
        words="The interval of its growth a year, drawn again in blocks, begins at "
        "{growth_low:percent}%; it should begin at {least:share}% or above.",
        novice="Had history been dealt again, growth a year could have been as low as "
        "{growth_low:percent}%; {least:share}% or above is asked.",
        fine="The interval of its growth a year begins at {growth_low:percent}%; "
        "{least:share}% or above is asked.",
        advice="More bars narrow the interval; more settings do not.",
        otherwise=NOT_RUN,
        place="validation",
    ),
    Rule(
        key="SRCH-01",
        name="on_the_edge",
        severity="warn",
        needs=("n_edges", "edges", "n_candidates"),
        cutoffs={"most": 0},
        is_hit=lambda e: e["n_edges"] > e["most"],
        title="The best lies on the edge",
        words="Of {n_candidates:count} candidates the chosen one lies on the edge of "
        "what was tried: {edges:text}. Axes on an edge: {n_edges:count}, {most:count} "
        "is asked.",
        novice="It was the last value that was tried, so a better one may lie "
        "outside: {edges:text}. Settings at an end: {n_edges:count} where "
        "{most:count} is asked, of {n_candidates:count} candidates.",
        fine="Among {n_candidates:count} candidates the chosen one lies inside: axes "
        "on an edge {n_edges:count}, {most:count} is asked.",
        advice="Widen the range on that side, or ask why the extreme should be right.",
        otherwise=NO_SEARCH,
        place="search",
    ),
    Rule(
        key="SRCH-02",
        name="lonely_peak",
        severity="warn",
        needs=("plateau", "n_candidates"),
        cutoffs={"least": 0.7},
        is_hit=lambda e: e["plateau"] < e["least"],
        title="A peak, not a plateau",
        words="Its neighbours among {n_candidates:count} candidates reach "
        "{plateau:percent}% of it on the mean; {least:share}% is asked.",
        novice="Settings next to it do much worse: {plateau:percent}% of its result on "
        "the mean, where {least:share}% is asked ({n_candidates:count} were tried).",
        fine="Its neighbours among {n_candidates:count} candidates reach "
        "{plateau:percent}% of it; {least:share}% is asked.",
        advice="Take the middle of the best plateau instead of the best cell.",
        otherwise="It was not chosen from a sweep, or has no neighbours there.",
        place="search",
    ),
    Rule(
        key="SRCH-03",
        name="judged_where_chosen",
        severity="warn",
        needs=("n_candidates", "is_search_repeated"),
        cutoffs={"most": 1},
        is_hit=lambda e: e["n_candidates"] > e["most"] and not e["is_search_repeated"],
        title="Judged on the bars that chose it",
        words="It is one of {n_candidates:count} candidates, and its numbers are those "
        "of the bars it was chosen on; more than {most:count} calls for other bars.",
        novice="It was picked from {n_candidates:count} because it did well on just "
        "these bars; more than {most:count} calls for other bars.",
        fine="The search of {n_candidates:count} candidates was repeated on shuffled "
        "bars; more than {most:count} calls for that.",
        advice="Walk the sweep forward, or repeat the search on shuffled bars.",
        otherwise="It was not chosen from a sweep or a search.",
        place="search",
    ),
    Rule(
        key="SRCH-04",
        name="decay",
        severity="bad",
        needs=("inside", "outside", "n_windows"),
        cutoffs={"least": 0.5},
        applies=lambda e: e["inside"] > 0.0,
        is_hit=lambda e: e["outside"] < e["least"] * e["inside"],
        title="Little is left out of sample",
        words="Over {n_windows:count} windows the mean objective was {inside:ratio} "
        "where it chose and {outside:ratio} on the bars that followed; "
        "{least:share}% of it is asked.",
        novice="Chosen anew {n_windows:count} times, it scored {inside:ratio} where it "
        "was chosen and {outside:ratio} afterwards; {least:share}% of it is asked.",
        fine="Over {n_windows:count} windows the mean objective was {inside:ratio} "
        "where it chose and {outside:ratio} afterwards; {least:share}% is asked.",
        advice="Search less, or learn on longer windows.",
        otherwise=NO_WALK,
        place="windows",
    ),
    Rule(
        key="SRCH-05",
        name="few_windows",
        severity="warn",
        needs=("n_windows",),
        cutoffs={"least": 5},
        is_hit=lambda e: e["n_windows"] < e["least"],
        title="Few windows",
        words="The walk has {n_windows:count} windows; below {least:count} its decay "
        "is known only roughly.",
        novice="It was put to the test {n_windows:count} times; below {least:count} "
        "one lucky time decides.",
        fine="The walk has {n_windows:count} windows; at least {least:count} are "
        "asked.",
        advice="Make the windows shorter or the history longer.",
        otherwise=NO_WALK,
        place="windows",
    ),
    Rule(
        key="SRCH-06",
        name="noise_as_good",
        severity="bad",
        needs=("best_found", "best_in_noise"),
        is_hit=lambda e: e["best_found"] <= e["best_in_noise"],
        title="Noise is as good",
        words="The best score of the search is {best_found:ratio}; the same search on "
        "shuffled bars comes to {best_in_noise:ratio}.",
        novice="The best that was found scores {best_found:ratio}. Where there was "
        "nothing to find, the same search scored {best_in_noise:ratio}.",
        fine="The best score of the search is {best_found:ratio}; the same search on "
        "shuffled bars comes to {best_in_noise:ratio} only.",
        advice="Search with an idea: fewer expressions, or data that know more.",
        otherwise="No search for expressions found it, or none was made on noise.",
        place="search",
    ),
    Rule(
        key="SRCH-07",
        name="lost_on_sealed",
        severity="bad",
        needs=("sharpe_found", "sharpe_sealed"),
        cutoffs={"least": 0.5},
        applies=lambda e: e["sharpe_found"] > 0.0,
        is_hit=lambda e: e["sharpe_sealed"] < e["least"] * e["sharpe_found"],
        title="Little is left on the sealed bars",
        words="Its Sharpe ratio was {sharpe_found:ratio} where it was found and "
        "{sharpe_sealed:ratio} on the sealed bars; {least:share}% of it is asked.",
        novice="Return for the swings was {sharpe_found:ratio} where it was found and "
        "{sharpe_sealed:ratio} on bars that nobody had seen; {least:share}% of it is "
        "asked.",
        fine="Its Sharpe ratio was {sharpe_found:ratio} where it was found and "
        "{sharpe_sealed:ratio} on the sealed bars; {least:share}% of it is asked.",
        advice="Let it go. Sealed bars that choose among finds are sealed no more.",
        otherwise=NOT_SEALED,
        place="search",
    ),
    Rule(
        key="SRCH-08",
        name="seal_broken",
        severity="warn",
        needs=("n_openings",),
        cutoffs={"most": 0},
        is_hit=lambda e: e["n_openings"] > e["most"],
        title="The sealed bars had been seen",
        words="Searches that had opened these sealed bars before: {n_openings:count}; "
        "{most:count} is asked.",
        novice="The last test is only fair the first time. Searches that had looked at "
        "it before: {n_openings:count}; {most:count} is asked.",
        fine="Searches that had opened these sealed bars before: {n_openings:count}; "
        "{most:count} is asked.",
        advice="Wait for new bars, or ask a market that no search looked at.",
        otherwise=NOT_SEALED,
        place="search",
    ),
)
