"""What the form of a page sends: `{% form_call as sent %}`, None for a page of none."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

register = template.Library()


@register.simple_tag(takes_context=True)
def form_call(context: Context) -> Any:
    """Return the call of the `form` that the page shows."""
    sent_by = context.get("sent_by")
    return sent_by(context.get("form")) if sent_by else None
