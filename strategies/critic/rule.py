"""What a rule of the critic is, and how it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from strategies.critic.facts import OF_FILES, Facts
from strategies.numerals import written

Severity = Literal["bad", "warn"]
Status = Literal["hit", "pass", "not_applicable"]
Evidence = Mapping[str, Any]
Judge = Callable[[Any], bool]

# Why nothing is known that is read from a run's files.
NO_FILES = {
    "none": "The files of this run were not kept, and this is read from them.",
    "sweep": "A sweep has a row for each candidate: make one a run to judge this.",
    "generate": "A search has a row for each expression: make one a run to judge this.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What one rule says of one run.

    Attributes
    ----------
    rule, name, title : str
    severity : {"bad", "warn"}
        How much it would matter.
    status : {"hit", "pass", "not_applicable"}
    words, novice : str
        The same numbers for two kinds of readers.
    evidence : mapping
        All numbers that decided, the cut-offs among them.
    advice : str
        What to try; "" unless it is a hit.
    place : str
        Where the evidence is found.
    """

    rule: str
    name: str
    title: str
    severity: Severity
    status: Status
    words: str
    novice: str
    evidence: Evidence
    advice: str
    place: str


def _always(evidence: Evidence) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that makes a result doubtful, as data.

    Attributes
    ----------
    key, name : str
        ``SAMP-01`` and ``few_trades``: neither ever changes its meaning.
    severity : {"bad", "warn"}
    needs : tuple of str
        Facts that it looks at; it cannot judge without one of them.
    cutoffs : mapping of str to number
        What they are held against.
    is_hit : callable (evidence) -> bool
        `needs` and `cutoffs` in one mapping; nothing else decides.
    applies : callable (evidence) -> bool
        Whether there is anything to judge once all is known.
    title : str
        The headline, without numbers.
    words, novice : str
        Templates of the same evidence: ``{psr:p}``; see
        `strategies.numerals.FORMATS`.
    fine : str
        What is said when it is no hit.
    advice : str
        What to try.
    otherwise : str
        Why it cannot be judged.
    place : str
        A key of the addresses that evidence is found at.
    """

    key: str
    name: str
    severity: Severity
    needs: tuple[str, ...]
    is_hit: Judge
    title: str
    words: str
    novice: str
    fine: str
    advice: str
    otherwise: str
    place: str
    cutoffs: Mapping[str, float] = field(default_factory=dict)
    applies: Judge = _always

    def judge(self, facts: Facts) -> Remark:
        """Return what this rule says of a run."""
        evidence = {name: getattr(facts, name) for name in self.needs}
        if None in evidence.values():
            return self._remark("not_applicable", evidence, self._missing(facts))
        evidence |= self.cutoffs
        if not self.applies(evidence):
            return self._remark("not_applicable", evidence, self.otherwise)
        if self.is_hit(evidence):
            return self._remark("hit", evidence, self.words, self.novice)
        return self._remark("pass", evidence, self.fine)

    @property
    def templates(self) -> tuple[str, ...]:
        """All its texts."""
        texts = (self.title, self.words, self.novice, self.fine)
        return (*texts, self.advice, self.otherwise)

    def _missing(self, facts: Facts) -> str:
        of_files = not OF_FILES.isdisjoint(self.needs)
        return NO_FILES.get(facts.files, self.otherwise) if of_files else self.otherwise

    def _remark(
        self, status: Status, evidence: Evidence, words: str, novice: str = ""
    ) -> Remark:
        return Remark(
            rule=self.key,
            name=self.name,
            title=self.title,
            severity=self.severity,
            status=status,
            words=written(words, evidence),
            novice=written(novice or words, evidence),
            evidence=evidence,
            advice=self.advice if status == "hit" else "",
            place=self.place,
        )
