"""A log as pages show it: its end first, older lines on demand, new ones as they come.

The panel is the region `#job-log` of whatever page shows it. Two small regions live in
it: `#log-tail` asks for what is new and appends it, `#log-earlier` puts older lines
before the others. All of them are links and forms that work without script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.http import urlencode

from jobs.models import Job, JobLog
from jobs.repositories import LOGS
from quantlab.web.htmx import HtmxHttpRequest, wants_region
from quantlab.web.problem import Problem

REGIONS = ("jobs/_job_log.html", "jobs/_log_tail.html", "jobs/_log_earlier.html")
LINES = 200  # at first, and with each step back
NEW_LINES = 500  # at most in one answer to somebody who follows
LEVELS = {"": "All", "warning": "Warnings", "error": "Errors"}
FILTERS = ("level", "q")
MAX_DIGITS = 9


@dataclass(frozen=True)
class LevelChoice:
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class LogPanel:
    """Some lines of a job's log and the ways to the others."""

    job: Job
    address: str  # of the page that shows it
    asked: Mapping[str, str]  # what is kept from one link to the next
    lines: list[JobLog]
    after: int = 0  # they are those behind this one
    has_earlier: bool = False
    has_later: bool = False  # there are more behind them than one answer holds
    is_end: bool = True  # not from somewhere in the middle

    @property
    def is_live(self) -> bool:
        """Return True while newer lines may come, or wait, and are wanted."""
        is_wanted = self.is_end and not self.asked["follow"]
        return is_wanted and (self.has_later or not self.job.is_finished)

    @property
    def is_filtered(self) -> bool:
        return any(self.asked[name] for name in FILTERS)

    @property
    def choices(self) -> list[LevelChoice]:
        level = self.asked["level"]
        return [
            LevelChoice(label, self.url(level=name), name == level)
            for name, label in LEVELS.items()
        ]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """Return what a search sends along."""
        return [(k, text) for k, text in self.asked.items() if text and k != "q"]

    def url(self, **changes: str) -> str:
        asked = {**self.asked, **changes}
        query = urlencode({name: text for name, text in asked.items() if text})
        return f"{self.address}?{query}" if query else self.address

    @property
    def newest_url(self) -> str:
        return self.url(follow="")

    @property
    def stop_url(self) -> str:
        return self.url(follow="0")

    @property
    def tail_url(self) -> str:
        return self.url(after=str(self.lines[-1].seq if self.lines else self.after))

    @property
    def earlier_url(self) -> str:
        return self.url(before=str(self.lines[0].seq))

    @property
    def line_url(self) -> str:
        """Return the address of a line without its number, which comes last."""
        return self.url(follow="", line="0").removesuffix("0")

    @property
    def download_query(self) -> str:
        """Return the query of the same lines as a file, without the format."""
        asked = {name: self.asked[name] for name in FILTERS if self.asked[name]}
        return urlencode({**asked, "format": ""})


def log_panel(request: HttpRequest, job: Job, *, address: str, **keep: str) -> LogPanel:
    """Return the part of a job's log that the query asks for; 422 for nonsense.

    `after` is the last line somebody has, `before` the first; `line` is one to show
    among its neighbours. Without them it is the end. `keep` goes into every link.
    """
    level, q = (request.GET.get(name, "") for name in FILTERS)
    follow = "0" if request.GET.get("follow") == "0" else ""
    asked = {**keep, "level": level, "q": q, "follow": follow}
    after, before = _whole(request, "after"), _whole(request, "before")
    if after is not None:
        lines = LOGS.lines(job.pk, level=level, q=q, after=after, limit=NEW_LINES + 1)
        has_later = len(lines) > NEW_LINES
        new = lines[:NEW_LINES]
        return LogPanel(job, address, asked, new, after=after, has_later=has_later)
    line = _whole(request, "line")
    if line is not None:
        before = line + LINES // 2
    lines = LOGS.lines(job.pk, level=level, q=q, before=before, tail=LINES + 1)
    return LogPanel(
        job,
        address,
        asked,
        lines[-LINES:],
        has_earlier=len(lines) > LINES,
        is_end=before is None,
    )


def has_no_news(request: HtmxHttpRequest, log: LogPanel) -> bool:
    """Return True when a tail has asked, and there is nothing to append or to end."""
    is_tail = wants_region(request) and request.htmx.target == "log-tail"
    return is_tail and log.is_live and not log.lines


def _whole(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    if text.isdecimal() and len(text) <= MAX_DIGITS:
        return int(text)
    message = f"{name} is {text[:40]!r}, not the number of a line."
    raise Problem(
        status=422,
        code="invalid_value",
        message=message,
        advice="Open the log again from its job.",
        errors=[{"field": name, "code": "invalid_value", "message": message}],
    )
