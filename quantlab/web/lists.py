"""A list as its address says it: filters, order and place; and links that change one.

The address is the view: every link of a list is its own address with one thing changed,
so it can be kept, shared, and used without script.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest
from django.utils.http import urlencode

# What can change without going back to the first page.
KEEPS_PLACE = {"cursor", "columns", "sel"}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; with an order its link sorts by it."""

    label: str
    order: str = ""
    unit: str = ""
    is_number: bool = False
    novice: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column as it stands: where its link leads, and how it is sorted now."""

    column: Column
    query: str
    sorted: str  # value of aria-sort, or ""


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    query: str
    is_current: bool
    count: int


@dataclass(frozen=True, slots=True)
class Field:
    """A filter beside the search; without choices it is a text."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""
    value: str = ""

    @property
    def words(self) -> str:
        """Return the value as the form calls it."""
        return dict(self.choices).get(self.value, self.value)


@dataclass(frozen=True, slots=True)
class Piece:
    """A filter in force; `query` is the list without it."""

    label: str
    words: str
    query: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address says of a list; "" is what it leaves open."""

    values: Mapping[str, str]
    usual_order: str

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def order(self) -> str:
        return self.values["order"] or self.usual_order

    def said(self, **changes: str) -> dict[str, str]:
        """Return what is not so anyway, with changes; most lead to the first page."""
        values = {**self.values, **changes}
        if not changes.keys() <= KEEPS_PLACE:
            values["cursor"] = ""
        if values["order"] == self.usual_order:
            values["order"] = ""
        return {name: value for name, value in values.items() if value}

    def query(self, **changes: str) -> str:
        """Return the address of this list with changes, from the `?` on."""
        return "?" + urlencode(self.said(**changes))

    def download(self, address: str, **beside: str) -> str:
        """Return the address of all rows in the API, up to and with `format=`."""
        own = ("cursor", "columns", "sel")  # of the page, not of the list
        wanted = {k: v for k, v in self.said().items() if k not in own}
        return download_address(address, **wanted | beside)

    def hidden(self, *others: str) -> list[tuple[str, str]]:
        """Return what a form has to carry on besides its own fields."""
        return [(k, v) for k, v in self.said().items() if k not in others]

    def filled(self, fields: Sequence[Field]) -> list[Field]:
        """Return the filters with what is asked for."""
        return [replace(field, value=self[field.name]) for field in fields]

    def pieces(self, fields: Sequence[Field]) -> list[Piece]:
        """Return the filters that are in force."""
        return [
            Piece(field.label, field.words, self.query(**{field.name: ""}))
            for field in self.filled(fields)
            if field.value
        ]

    def headings(self, columns: Sequence[Column]) -> list[Heading]:
        """Return the columns with links: a second click turns the order round."""
        return [self._heading(column) for column in columns]

    def _heading(self, column: Column) -> Heading:
        if self.order.lstrip("-") != column.order.lstrip("-"):
            return Heading(column, self.query(order=column.order), "")
        descending = self.order.startswith("-")
        turned = self.order.removeprefix("-") if descending else f"-{self.order}"
        way = "descending" if descending else "ascending"
        return Heading(column, self.query(order=turned), way)

    def tabs(self, name: str, counts: Mapping[str, int], current: str) -> list[Tab]:
        """Return one view for each word, behind that of all; `counts` is in order."""
        words = {"": sum(counts.values()), **counts}
        return [
            Tab(
                word.capitalize() or "All",
                self.query(**{name: word}),
                word == current,
                n,
            )
            for word, n in words.items()
        ]


def download_address(address: str, **asked: str) -> str:
    """Return the address of a list as a file, up to and with `format=`."""
    wanted = {name: value for name, value in asked.items() if value}
    return f"{address}?{urlencode(wanted | {'format': ''})}"


def asked_of(request: HttpRequest, names: Collection[str], usual_order: str) -> Asked:
    """Return what an address says of a list; a name said twice is joined by commas."""
    values = {
        name: ",".join(part for part in request.GET.getlist(name) if part)
        for name in (*names, "q", "order", "cursor")
    }
    return Asked(values, usual_order)
