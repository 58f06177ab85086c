"""Words of why a trade happened."""

from __future__ import annotations

from django import template

register = template.Library()

ROLES = {
    "enter": "buy",
    "leave": "sell",
    "enter_short": "sell short",
    "leave_short": "buy back",
}
STEPS = {
    "signal": "Signal",
    "risk": "Times what one position may take",
    "share": "Times the symbol's share",
    "nan_policy": "Where nothing is known",
    "neutralize": "Less the mean of the others",
    "smooth_ema": "Smoothed",
    "cap": "Within its cap",
    "max_lev": "Within the leverage of the account",
}


@register.filter
def role_words(role: str) -> str:
    """Return what follows when a condition is met."""
    return ROLES[role]


@register.filter
def step_words(step: str) -> str:
    """Return what one step from a signal to a position does."""
    return STEPS.get(step, step)


@register.filter
def deeper(depth: int | str) -> int:
    """Return the depth of the parts of a part; it is shown up to six."""
    return min(int(depth or 0) + 1, 6)
