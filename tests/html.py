"""A page as a tree of elements: enough to ask what stands inside what."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []

    @property
    def classes(self):
        return (self.attributes.get("class") or "").split()

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            yield from child.walk()

    def links(self):
        return {e.attributes["href"] for e in self.walk() if "href" in e.attributes}

    def titles(self):
        return {e.attributes.get("aria-labelledby") for e in [self, *self.parents()]}

    def parents(self) -> Iterator[Element]:
        here = self.parent
        while here is not None:
            yield here
            here = here.parent


class Tree(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.root = self.here = Element("page", {}, None)
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag):
        for element in [self.here, *self.here.parents()]:
            if element.tag == tag and element.parent is not None:
                self.here = element.parent
                return
