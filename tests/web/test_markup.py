"""Markup from Python: what is no markup yet is escaped, as Django does it."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from quantlab.web.markup import written


def test_values_are_written_as_django_writes_them() -> None:
    form = '<a title="{}">{}</a>{name}'
    for value in ("<b>&\"'", "", 0, None, 2.5, SafeString("<i>1</i>"), "{}"):
        ours = written(form, value, value, name=value)
        assert ours == format_html(form, value, value, name=value)
        assert isinstance(ours, SafeString)


def test_markup_is_not_escaped_twice() -> None:
    inner = written("<b>{}</b>", "<")
    assert written("{}", inner) == "<b>&lt;</b>"
