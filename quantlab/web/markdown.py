"""Notes in Markdown, as HTML that can do nothing but be read.

What people write is parsed without raw HTML, and the result is cleaned once more: no
script, no style, no frame, and nothing that a reader's browser would fetch elsewhere.
"""

from __future__ import annotations

from functools import cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("em", "strong", "s", "code", "pre", "a", "img"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
# A page has one h1 and sections of its own: the headings of a note are below both.
DEEPER = {"h1": "h3", "h2": "h4", "h3": "h5"}


def as_html(text: str) -> SafeString:
    """Return the Markdown as HTML for a page."""
    cleaned = nh3.clean(
        _parser().render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_own_images_only,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(cleaned)  # noqa: S308 - it was cleaned


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "breaks": True})
    parser.core.ruler.push("deeper_headings", _deeper_headings)
    return parser


def _deeper_headings(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = DEEPER.get(token.tag, "h6")


def _own_images_only(tag: str, attribute: str, value: str) -> str | None:
    """Drop the address of an image elsewhere; its words stay."""
    is_own = value.startswith("/") and not value.startswith(("//", "/\\"))
    return None if (tag, attribute) == ("img", "src") and not is_own else value
