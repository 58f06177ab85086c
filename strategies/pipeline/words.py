"""What is said of a pipeline: a template for each moment, for two kinds of readers.

The numbers of both are the same. Everything is about the bars that were looked at;
nothing says what will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.numerals import written

STAGES = ("dataset", "sweep", "guardrails", "training", "summary")


@dataclass(frozen=True, slots=True)
class Template:
    """One thing that can be said.

    Attributes
    ----------
    expert, novice : str
        The same numbers in two columns.
    """

    expert: str
    novice: str


TEMPLATES: Mapping[str, Template] = {
    "plan.learned": Template(
        "Dataset of {symbols:text}, bars of {bars:text}, {days:text} ({start:text} to "
        "{end:text}); {configurations:text} of {model:text}, judged out of sample "
        "after {bps:bps} bps a trade side; trained if the best passes.",
        "We will build a dataset for {symbols:text} ({bars:text}) over {days:text} "
        "({start:text} to {end:text}), try {configurations:text} of {model:text} after "
        "costs of {bps:bps} bps a trade side, and train it only if the best one meets "
        "every safety limit.",
    ),
    "plan.rule": Template(
        "Bars of {symbols:text} of {bars:text}, {days:text} ({start:text} to "
        "{end:text}); {configurations:text} of {model:text} after {bps:bps} bps a "
        "trade side; a rule, so nothing is trained.",
        "We will read the bars of {symbols:text} ({bars:text}) over {days:text} "
        "({start:text} to {end:text}) and try {configurations:text} of {model:text} "
        "after costs of {bps:bps} bps a trade side. It is a fixed rule, so there is "
        "nothing to train: the settings that meet every safety limit are kept.",
    ),
    "working.dataset": Template(
        "Building the dataset of {symbols:text}.",
        "Collecting the bars of {symbols:text} and what is measured on them.",
    ),
    "working.sweep": Template(
        "Evaluated {done:count} of {configurations:text} on {symbols:text}.",
        "Trying them out: {done:count} of {configurations:text} done on "
        "{symbols:text}.",
    ),
    "working.guardrails": Template(
        "Judging {configurations:text} by the guardrails.",
        "Checking the safety limits of {configurations:text}.",
    ),
    "working.training": Template(
        "Training the chosen one of {configurations:text}.",
        "The best of {configurations:text} meets every safety limit; training it.",
    ),
    "working.summary": Template(
        "Writing the summary of {configurations:text}.",
        "Writing down what came of {configurations:text}.",
    ),
    "succeeded.learned": Template(
        "{configurations:text} on {symbols:text}; {passed:count} passed, number "
        "{number:count} was chosen (Sharpe per bar {sharpe:ratio}, {trades:count} "
        "trades) and trained as version {version:text}, AUC {auc:ratio}.",
        "Tried {configurations:text} across {symbols:text}; {passed:count} met every "
        "safety limit. The best, number {number:count}, earned {sharpe:ratio} for the "
        "swings of a bar with {trades:count} trades and was trained as version "
        "{version:text}; it tells rises from falls with a score of {auc:ratio}, where "
        "0.50 is guessing.",
    ),
    "succeeded.rule": Template(
        "{configurations:text} on {symbols:text}; {passed:count} passed, number "
        "{number:count} was chosen (Sharpe per bar {sharpe:ratio}, {trades:count} "
        "trades). A rule: nothing was trained, no version was made.",
        "Tried {configurations:text} across {symbols:text}; {passed:count} met every "
        "safety limit. The best, number {number:count}, earned {sharpe:ratio} for the "
        "swings of a bar with {trades:count} trades. It is a fixed rule, so nothing "
        "was trained: its settings are all there is to keep.",
    ),
    "stopped.guardrails": Template(
        "{configurations:text} on {symbols:text}; none passed, nothing was trained. "
        "The best by Sharpe: {reason:text}",
        "Tried {configurations:text} across {symbols:text}; none met every safety "
        "limit, so nothing was trained. That is an answer too. The one that came "
        "first: {reason:text}",
    ),
    "failed": Template(
        "Failed in the stage {stage:text} after {done:count} of "
        "{configurations:text}: {message:text}",
        "It did not get past “{stage:text}”, with {done:count} of "
        "{configurations:text} done: {message:text}",
    ),
    "cancelled": Template(
        "Cancelled in the stage {stage:text}; {done:count} of {configurations:text} "
        "were evaluated and stay counted.",
        "You called it off during “{stage:text}”. {done:count} of "
        "{configurations:text} had been tried; they stay and are counted.",
    ),
    # What can be done next.
    "next.metrics": Template("Review training metrics", "Look at how well it learnt"),
    "next.critic": Template("Run Critic Gate", "Let the critic look at it"),
    "next.publish": Template(
        "(Optional) Publish model version",
        "(Optional) Publish this version, to use it as a strategy",
    ),
    "next.settings": Template(
        "Open the run of the chosen settings", "Look at the settings that were kept"
    ),
    "next.reasons": Template(
        "Read why each one failed", "Read which safety limit each one missed"
    ),
    "next.relax": Template(
        "Run again with other guardrails or another window",
        "Try again with more days, more symbols or other safety limits",
    ),
    "next.again": Template("Run it again", "Try it once more"),
    "next.cancel": Template("Cancel it", "Call it off"),
}
STAGE_WORDS: Mapping[str, str] = {
    "": "waiting",
    "dataset": "building the dataset",
    "sweep": "trying the configurations",
    "guardrails": "checking the safety limits",
    "training": "training",
    "summary": "writing the summary",
}


def said(rule: str, values: Mapping[str, Any], *, novice: bool = True) -> str:
    """Return what a rule says with these numbers.

    Parameters
    ----------
    rule : str
        A key of `TEMPLATES`.
    values : mapping
        What its names stand for; a mapping has ``expert`` and ``novice``.
    novice : bool
        For which reader.
    """
    reader = "novice" if novice else "expert"
    own = {
        name: value[reader] if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
    return written(getattr(TEMPLATES[rule], reader), own)


def counted(n: int, word: str) -> str:
    """Return ``1 symbol`` or ``20 symbols``."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")
