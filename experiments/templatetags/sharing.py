"""Whose a thing is, and what who looks may do with it: said alike on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.context import Context

from quantlab.web.person import who_asks

register = template.Library()


@register.filter
def is_mine(one: Any) -> bool:
    """Return whether who looks may change a thing: a row, or its document.

    What answers 403 to them is not offered; every button that changes asks this.
    """
    return bool(one) and who_asks().may_change(_said(one, "owner"))


@register.inclusion_tag("components/who_sees.html", takes_context=True)
def who_sees(context: Context, kind: str, one: Any) -> dict[str, Any]:
    """Say who sees a thing, and lead to where that is changed; needs people."""
    return {
        "has_people": context.get("has_people"),
        "kind": kind,
        "key": _said(one, "expr_hash" if kind == "strategy" else "id"),
        "owner": _said(one, "owner"),
        "is_public": _said(one, "visibility") == "public",
        "is_own": _said(one, "owner") == who_asks().name,
    }


def _said(one: Any, name: str) -> str:
    return str(one[name] if isinstance(one, Mapping) else getattr(one, name))
