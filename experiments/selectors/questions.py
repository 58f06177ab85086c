"""Questions that a quick job answers: the answer is kept, and never computed twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from experiments.artifacts.answers import answer_kept
from jobs.models import Job
from quantlab.web.problem import Problem
from strategies import __version__
from strategies.documents import sha256_of


class Question(ABC):
    """What is asked. Its key stands for everything that the answer depends on."""

    kind: str  # of the job that answers
    version: ClassVar[int] = 1  # of the answers: another one has other keys

    @property
    @abstractmethod
    def facts(self) -> list[Any]:
        """What the answer depends on, the versions of the data included."""

    @property
    @abstractmethod
    def payload(self) -> dict[str, Any]:
        """What the job is told."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What the job is called."""

    @property
    def run_id(self) -> str:
        """The run that it is about, if it is about one."""
        return ""

    @property
    def page(self) -> str:
        """Where people find the answer."""
        return ""

    def refusal(self) -> Problem | None:
        """Return why it cannot be answered; nothing is ordered then."""
        return None

    @property
    def key(self) -> str:
        return sha256_of([self.version, __version__, self.kind, *self.facts])

    def answer(self) -> dict[str, Any] | None:
        """Return what was found for exactly this; None if nobody looked."""
        return answer_kept(self.key)

    def latest_job(self) -> Job | None:
        jobs = Job.objects.filter(
            kind=self.kind, run_id=self.run_id, payload=self.payload
        )
        return jobs.order_by("-created_at").first()
