"""The one error document of the lab: a code for programs, sentences for people."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError
from structlog.contextvars import get_contextvars

from strategies.errors import ConfigError, DslError, StrategyError

STATUS_CODES: dict[int, tuple[str, str, str]] = {
    400: (
        "bad_request",
        "The request could not be read.",
        "Check the address and the headers.",
    ),
    401: (
        "no_valid_api_key",
        "This lab needs an API key.",
        "Send the header X-API-Key.",
    ),
    403: (
        "forbidden",
        "This request is not allowed.",
        "Open the lab's own address and try from there.",
    ),
    404: (
        "not_found",
        "There is nothing at this address.",
        "The list of addresses is at /api/docs.",
    ),
    405: (
        "method_not_allowed",
        "This address does not take this method.",
        "The header Allow lists the methods it takes.",
    ),
    409: (
        "conflict",
        "That does not fit the present state.",
        "Read the resource again.",
    ),
    413: ("body_too_large", "The body is too large.", "Send at most 1 MiB of JSON."),
    415: (
        "unsupported_media_type",
        "The body is not JSON.",
        "Send Content-Type: application/json.",
    ),
    429: (
        "too_many_requests",
        "Too much is waiting already.",
        "Wait for Retry-After seconds.",
    ),
    500: (
        "internal_error",
        "The lab made a mistake; the request was not carried out.",
        "Try once more; if it stays, report the trace_id.",
    ),
    503: (
        "worker_unavailable",
        "The worker does not answer.",
        "Start the lab again with make run, or its worker.",
    ),
}


@dataclass
class Problem(Exception):
    """A refusal with everything a program or a person needs to act on it."""

    status: int
    code: str = ""
    message: str = ""
    advice: str = ""
    next_steps: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    retry_after_s: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        code, message, advice = STATUS_CODES.get(self.status, STATUS_CODES[500])
        self.code = self.code or code
        self.advice = self.advice or ("" if self.message else advice)
        self.message = self.message or message
        super().__init__(self.message)

    @classmethod
    def of_strategy(cls, error: StrategyError) -> Problem:
        """Return the 422 for an input that the research library refused."""
        problems: Iterable[StrategyError] = (error,)
        if isinstance(error, ConfigError):
            problems = error.problems
        return cls(
            status=422,
            code=error.code,
            message=error.message,
            advice=error.advice,
            errors=[_listed(one) for one in problems],
        )

    def inner(self) -> dict[str, Any]:
        """Return the object under `error`; a failed run stores the same shape."""
        return {
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "next_steps": self.next_steps,
            "details": {"errors": self.errors},
            "trace_id": get_contextvars().get("trace_id", ""),
        }

    def document(self) -> dict[str, Any]:
        return {"error": self.inner()}


def is_disk_full(error: BaseException) -> bool:
    """Whether a file or the database found no room; SQLite says so in words only."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, OperationalError) and "full" in str(error)


def disk_full(what: str = "this could not be written") -> Problem:
    return Problem(
        status=503,
        code="disk_full",
        message=f"The disk is full: {what}.",
        advice="Free some space, then try again: what was done is kept.",
    )


def _listed(problem: StrategyError) -> dict[str, Any]:
    """Return one of the problems; of an expression also the place in the text."""
    listed: dict[str, Any] = {
        "field": problem.field,
        "code": problem.code,
        "message": problem.message,
    }
    if isinstance(problem, DslError):
        place = {"column": problem.column, "caret": problem.caret}
        listed |= {**place, "suggestion": problem.advice}
    return listed
