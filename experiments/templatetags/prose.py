"""What people write, shown as they meant it."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from quantlab.web.markdown import as_html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Notes -> HTML without anything that acts or loads from elsewhere."""
    return as_html(text)
