"""The list of all rules, written from their table.

``python -m strategies.critic.manual write`` writes ``docs/critic.md`` anew; without a
word it says whether the file is what the table says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from strategies.critic import RULES
from strategies.critic.rule import Rule
from strategies.numerals import FORMATS

FILE = Path(__file__).parents[2] / "docs" / "critic.md"
STALE = "docs/critic.md is not what the table says. Run make openapi, commit it."
PLACEHOLDER = re.compile(r"\{(\w+):(\w+)\}")
SEVERITIES = {"bad": "serious", "warn": "look into it"}
FAMILIES = {
    "DATA": "The data",
    "COST": "Costs",
    "EXEC": "How orders are filled",
    "RISK": "Falls and tails",
    "MKT": "The market's part",
    "LUCK": "Luck",
    "TEST": "Tests of luck",
    "SRCH": "The search",
    "SAMP": "The sample",
    "CONC": "What the profit hangs on",
    "TIME": "Early and late",
}
HEAD = f"""# What the critic looks at

The critic holds a run against {len(RULES)} fixed rules and says what a careful
colleague would say. It is on the tab *Critic* of a run and at
`GET /api/runs/{{id}}/critic`; in a notebook it is
`strategies.critic.review(Facts(...))`. What follows is written from the table of the
code by `make openapi`.

- A rule is a **hit**, a **pass**, or **not applicable** where it lacks a fact.
- The cut-offs were set before anybody looked at a result, and are shown with it.
- Words for experts and for novices differ; their numbers are the same.
- It speaks of this sample only. No hit is no promise.
"""


def manual() -> str:
    """Return the whole list as Markdown."""
    return "\n".join([HEAD, *_families()]) + "\n"


def _families() -> Iterator[str]:
    for family, heading in FAMILIES.items():
        yield f"## {heading}"
        for rule in RULES.values():
            if rule.key.startswith(f"{family}-"):
                yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.key} {rule.title}\n"
    yield f"`{rule.name}`, {SEVERITIES[rule.severity]}.\n"
    yield f"- Says: {shown(rule, rule.words)}"
    yield f"- In plain words: {shown(rule, rule.novice)}"
    yield f"- Else: {shown(rule, rule.fine)}"
    yield f"- Try: {rule.advice}"
    yield f"- Not applicable: {rule.otherwise}\n"


def shown(rule: Rule, template: str) -> str:
    """Return a template with its cut-offs filled in and its facts by their names."""

    def fill(found: re.Match[str]) -> str:
        name, form = found.groups()
        if name in rule.cutoffs:
            return FORMATS[form](rule.cutoffs[name])
        return f"*{name}*"

    return PLACEHOLDER.sub(fill, template)


def main(words: list[str]) -> int:
    """Write the list, or say whether the committed one is current."""
    if "write" in words:
        FILE.write_text(manual())
    elif not FILE.exists() or FILE.read_text() != manual():
        sys.stderr.write(f"{STALE}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
