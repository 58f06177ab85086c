"""What a careful colleague would say of a result: fixed rules, no opinion.

`Facts` go in, a `Remark` for each rule comes out. A rule is data: the facts it needs,
the cut-offs, and what is said in words for two kinds of readers, who are shown the same
numbers. `docs/critic.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from strategies.critic.facts import Facts
from strategies.critic.luck import LUCK_RULES
from strategies.critic.rule import Remark, Rule
from strategies.critic.sample import SAMPLE_RULES
from strategies.critic.trading import TRADING_RULES

__all__ = ["RULES", "Facts", "Remark", "Rule", "review"]

RULES: dict[str, Rule] = {
    rule.key: rule for rule in (*TRADING_RULES, *LUCK_RULES, *SAMPLE_RULES)
}
_ORDER = {"hit": 0, "pass": 1, "not_applicable": 2}
_WEIGHT = {"bad": 0, "warn": 1}


def review(facts: Facts) -> Sequence[Remark]:
    """Return what every rule says of a run, the worst first.

    Parameters
    ----------
    facts : Facts
        What is known; a rule that lacks a fact says that it cannot judge.

    Returns
    -------
    list of Remark
        One per rule: hits, then what is fine, then what cannot be judged.
    """
    remarks = [rule.judge(facts) for rule in RULES.values()]
    return sorted(remarks, key=_rank)


def _rank(remark: Remark) -> tuple[int, int]:
    weight = _WEIGHT[remark.severity] if remark.status == "hit" else 0
    return _ORDER[remark.status], weight
