"""The kinds of work there are; the floors above register theirs in `ready()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from types import UnionType
from typing import Any

from strategies.errors import StrategyError, did_you_mean


class UnknownKind(StrategyError):
    """No floor has registered this kind of job."""

    code = "unknown_kind"


class Retry(Exception):
    """Raised by a handler whose failure may pass if it is tried again."""


@dataclass(frozen=True)
class JobKind:
    """What a kind of job may carry, how it runs and how many may run at a time.

    `handler` is called as `handler(context, **payload)` in the child, `on_finish` as
    `on_finish(job_id)` in the transaction that ends a job. Both are dotted
    ("package.module:function"), so that the web process never imports them early.
    """

    name: str
    handler: str
    label: str
    payload: Mapping[str, type | UnionType] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    quick: bool = False
    is_long: bool = False  # minutes: such jobs together leave a slot to the others
    max_attempts: int = 3  # starts in all, when workers are lost
    retries: int = 0  # starts after a handler raised Retry
    max_running: int | None = None
    max_running_per_owner: int | None = None
    grace_s: float | None = None  # to conclude once it was called off; None: the lab's
    on_finish: str = ""

    def check_payload(self, payload: Mapping[str, Any]) -> None:
        """Raise ValueError unless `payload` has the declared keys and types."""
        missing, unknown = self.payload.keys() - payload, payload.keys() - self.payload
        if missing or unknown:
            raise ValueError(
                f"{self.name}: missing {sorted(missing)}, unknown {sorted(unknown)}"
            )
        for key, value in payload.items():
            wanted = self.payload[key]
            is_stray_bool = isinstance(value, bool) and wanted is int
            if is_stray_bool or not isinstance(value, wanted):
                raise ValueError(f"{self.name}: {key}={value!r} is not {wanted}")


_KINDS: dict[str, JobKind] = {}
_CHORES: list[str] = []


def register(kind: JobKind) -> None:
    known = _KINDS.setdefault(kind.name, kind)
    if known != kind:
        raise ValueError(f"The kind {kind.name!r} is registered twice.")


def kind_named(name: str) -> JobKind:
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKind(
            f"There is no kind of job called '{name}'.",
            advice=did_you_mean(name, _KINDS),
        ) from None


def kinds() -> tuple[JobKind, ...]:
    return tuple(_KINDS.values())


def register_chore(handler: str) -> None:
    """Have a worker call a dotted function every hour; it takes no arguments."""
    if handler not in _CHORES:
        _CHORES.append(handler)


def chores() -> tuple[str, ...]:
    return tuple(_CHORES)


def resolve(dotted: str) -> Callable[..., Any]:
    """Return the function that "package.module:function" names."""
    found: Callable[..., Any] = resolve_name(dotted)
    return found


def call_on_finish(kind: str, job_id: str) -> None:
    """Tell the floor that registered `kind` that the job has ended, if it asked."""
    registered = _KINDS.get(kind)
    if registered and registered.on_finish:
        resolve(registered.on_finish)(job_id)
