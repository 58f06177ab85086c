"""A plain page of HTML laid out as a PDF: headings, words, tables, pictures.

What it cannot lay out (drawings, menus, styles) it leaves out. The same page gives the
same bytes: no clock, no name of a machine, and fonts that come along.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from fpdf import FPDF

FONT, BOLD = "DejaVu Sans", "B"
FONTS = {"": "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
UNKNOWN_LETTER = "\ufffd"
MARGIN_MM, FOOT_MM = 15.0, 16.0
WIDTH_MM = 210.0 - 2 * MARGIN_MM
GAP_MM = 5.0  # between two pictures side by side
LINE = 1.38  # height of a line in sizes of its letters
POINT_MM = 25.4 / 72

# The colours of light paper, as in lab.css.
INK, SOFT, RULE = (23, 24, 26), (105, 109, 116), (229, 229, 225)
TINTS = {
    "u1": (227, 238, 249),
    "u2": (198, 221, 244),
    "u3": (156, 197, 236),
    "u4": (111, 169, 224),
    "d1": (251, 235, 223),
    "d2": (246, 211, 186),
    "d3": (238, 180, 138),
    "d4": (227, 148, 89),
}
TONES = {"up": (31, 104, 179), "down": (176, 76, 14)}
STATES = {"pass": "Passed", "other": "Passed", "fail": "Failed"}
STATES |= {"untested": "Not tested", "fact": ""}

SKIPPED = {"svg", "style", "script", "head", "title", "summary", "footer", "label"}
HIDDEN = {"vh", "tools", "pager", "drawing"}
VOID = {"br", "img", "hr", "input", "meta", "link", "wbr"}
BLOCKS = {
    *("h1", "h2", "h3", "p", "dl", "table", "img", "pre", "div", "section", "ul"),
    *("ol", "li", "main", "header", "blockquote", "form"),
}
HEAD_MM = 11.0  # of a picture: its title, and the room above
NEEDS_MM = 34.0  # below a heading; else it goes to the next page with what follows


@dataclass(frozen=True, slots=True)
class Look:
    """Size in points, weight, colour, and the room before and after in mm."""

    size: float
    style: str = ""
    colour: tuple[int, int, int] = INK
    before: float = 0.0
    after: float = 1.8


LOOKS = {
    "h1": Look(19, BOLD, after=1.5),
    "h2": Look(12, BOLD, before=5.5, after=1.5),
    "h3": Look(9.5, BOLD, before=2.0, after=0.8),
    "p": Look(9),
    "verdict": Look(11.5, before=1.5, after=3.0),
    "big": Look(17, BOLD, after=1.0),
    **dict.fromkeys(("crumbs", "meta", "sub", "hint"), Look(8.5, colour=SOFT)),
    **dict.fromkeys(("next", "chip"), Look(8.5, colour=SOFT)),
    "pre": Look(7, colour=SOFT, before=1.5),
}
HEADINGS = ("h2", "h3")


@dataclass(slots=True)
class Node:
    """An element of the page; a text is a node without a tag."""

    tag: str
    words: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def is_shown(self) -> bool:
        return self.tag not in SKIPPED and not HIDDEN & {*self.classes}

    @property
    def text(self) -> str:
        return " ".join("".join(words for words, _ in self.runs()).split())

    def runs(self, is_bold: bool = False) -> Iterator[tuple[str, bool]]:
        """Yield the words in it, and whether each is bold."""
        if not self.is_shown:
            return
        if not self.tag:
            yield self.words, is_bold
        elif self.tag == "br":
            yield " ", is_bold
        bold = (is_bold or self.tag in ("b", "strong")) and self.tag != "small"
        for child in self.children:
            yield from child.runs(bold)

    def all_of(self, *tags: str) -> Iterator[Node]:
        for child in self.children:
            if child.tag in tags:
                yield child
            elif child.is_shown:
                yield from child.all_of(*tags)


class Page(HTMLParser):
    """The tree of a page, with letters that the fonts lack replaced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Node("main")
        self.unreadable: set[str] = set()
        self._open = [self.root]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        node = Node(tag, attributes=known)
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        words, unreadable = readable(data)
        self.unreadable |= unreadable
        self._open[-1].children.append(Node("", words))


def readable(text: str) -> tuple[str, set[str]]:
    """Return a text in letters that the fonts have, and those that they lack."""
    lacking = {one for one in text if ord(one) not in _letters() and not one.isspace()}
    table = {ord(one): UNKNOWN_LETTER for one in lacking}
    return text.translate(table), lacking


def laid_out(
    html: str, pictures: Mapping[str, bytes], *, title: str, made_at: datetime
) -> bytes:
    """Return the page as a PDF; pictures are PNG, by the name of their chart."""
    page = Page(html)
    pdf = _document(readable(title)[0], made_at)
    paper = Paper(pdf, pictures)
    paper.block(page.root)
    if page.unreadable:
        n = len(page.unreadable)
        words = f"{n:,} letter{'' if n == 1 else 's'} that the fonts of this file lack"
        paper.words([(f"{words} stand as {UNKNOWN_LETTER}.", False)], LOOKS["hint"])
    return bytes(pdf.output())


def _document(title: str, made_at: datetime) -> FPDF:
    from fpdf import FPDF

    class Document(FPDF):
        def footer(self) -> None:
            self.set_y(-FOOT_MM + 4)
            self.set_font(FONT, size=7)
            self.set_text_color(*SOFT)
            half = WIDTH_MM / 2
            words = "Every number describes the past only."
            self.cell(half, 4, words, align="L")
            self.cell(half, 4, f"{self.page_no()} of {{nb}}", align="R")

    pdf = Document(format="A4")
    for style, name in FONTS.items():
        pdf.add_font(FONT, style, _folder() / name)
    pdf.set_margins(MARGIN_MM, MARGIN_MM)
    pdf.set_auto_page_break(True, FOOT_MM)
    pdf.set_title(title)
    pdf.set_lang("en")
    pdf.set_creator("QuantLab")
    pdf.set_producer("QuantLab")
    pdf.set_creation_date(made_at)
    pdf.add_page()
    return pdf


class Paper:
    """Blocks one below the other, and further on the next page."""

    def __init__(self, pdf: FPDF, pictures: Mapping[str, bytes]) -> None:
        self.pdf = pdf
        self.pictures = pictures
        self._laid: dict[str, Callable[[Node], None]] = {
            "dl": self._facts,
            "table": self._table,
            "img": self._pictures,
            "pre": self._source,
        }

    def block(self, node: Node) -> None:
        if not node.is_shown:
            return
        kind = "img" if "pair" in node.classes else node.tag
        if kind in self._laid:
            self._laid[kind](node)
        elif any(child.tag in BLOCKS for child in node.children):
            for child in node.children:
                self.block(child)
        elif node.text:
            self._words(node)

    def _words(self, node: Node) -> None:
        named = [one for one in (*node.classes, node.tag) if one in LOOKS]
        look = LOOKS[named[0] if named else "p"]
        if node.tag in HEADINGS:
            if self.pdf.will_page_break(NEEDS_MM):
                self.pdf.add_page()
            self._space(look.before)
            self.pdf.start_section(node.text, level=HEADINGS.index(node.tag))
            look = Look(look.size, look.style, look.colour, 0.0, look.after)
        self.words(list(node.runs()), look)

    def words(self, runs: Sequence[tuple[str, bool]], look: Look) -> None:
        """Write words in a look; bold ones among plain ones stay bold."""
        pdf, height = self.pdf, look.size * POINT_MM * LINE
        self._space(look.before)
        pdf.set_text_color(*look.colour)
        pdf.set_x(MARGIN_MM)
        for words, is_bold in _single_spaced(runs):
            pdf.set_font(FONT, BOLD if is_bold else look.style, look.size)
            pdf.write(height, words)
        pdf.ln(height + look.after)

    def _space(self, mm: float) -> None:
        if self.pdf.get_y() > MARGIN_MM + 1:
            self.pdf.ln(mm)

    def _source(self, node: Node) -> None:
        look = LOOKS["pre"]
        self._space(look.before)
        self.pdf.set_font(FONT, size=look.size)
        self.pdf.set_text_color(*look.colour)
        text = "".join(words for words, _ in node.runs())
        height = look.size * POINT_MM * LINE
        self.pdf.multi_cell(WIDTH_MM, height, text, align="L", new_x="LMARGIN")

    def _pictures(self, node: Node) -> None:
        images = [node] if node.tag == "img" else list(node.all_of("img"))
        told = {one.attributes["data-chart"]: one.attributes["alt"] for one in images}
        known = {self.pictures[key]: told[key] for key in told if key in self.pictures}
        if not known:
            return
        width = (WIDTH_MM - GAP_MM * (len(known) - 1)) / len(known)
        height = max(_height(picture, width) for picture in known)
        if self.pdf.will_page_break(height + HEAD_MM):
            self.pdf.add_page()
        self._space(HEAD_MM - 6.0)
        top = self.pdf.get_y()
        for place, (picture, title) in enumerate(known.items()):
            x = MARGIN_MM + place * (width + GAP_MM)
            self._titled(title, x, top, is_whole=len(known) == 1)
            self.pdf.image(io.BytesIO(picture), x, top + 6, width, alt_text=title)
        self.pdf.set_y(top + 6 + height + 2)

    def _titled(self, title: str, x: float, y: float, *, is_whole: bool) -> None:
        look = LOOKS["h2" if is_whole else "h3"]
        self.pdf.set_xy(x, y)
        self.pdf.start_section(title)
        self.pdf.set_font(FONT, look.style, look.size)
        self.pdf.set_text_color(*look.colour)
        self.pdf.cell(0, 5, title)

    # --- facts and tables --------------------------------------------------------

    def _facts(self, node: Node) -> None:
        """Names and values: readings four in a row, a seal by its states, or a list."""
        if "metrics" in node.classes:
            self._readings([one for one in node.children if one.tag == "div"])
        elif "seal" in node.classes:
            self._rows([_sealed(one) for one in node.all_of("div")], (22, 44, 114))
        else:
            names, values = (list(node.all_of(tag)) for tag in ("dt", "dd"))
            pairs = zip(names, values, strict=True)
            widths = (26, 154) if "proof" in node.classes else (84, 96)
            self._rows([(one.text, other.text) for one, other in pairs], widths)

    def _rows(self, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        from fpdf.fonts import FontFace

        soft = FontFace(color=SOFT, size_pt=8.5)
        self._space(1.0)
        with self._grid(8.5, widths, "HORIZONTAL_LINES", headings=0) as table:
            for row in rows:
                line = table.row()
                for place, words in enumerate(row):
                    line.cell(words, style=soft if place == 0 else None, align="L")
        self._space(2.0)

    def _readings(self, tiles: Sequence[Node]) -> None:
        from fpdf.fonts import FontFace

        looks = (
            FontFace(size_pt=7.5, color=SOFT),
            FontFace(size_pt=11, emphasis="BOLD"),
            FontFace(size_pt=7.5, color=SOFT),
        )
        with self._grid(8, (45,) * 4, "NONE", headings=0) as table:
            for first in range(0, len(tiles), 4):
                told = [_reading(one) for one in tiles[first : first + 4]]
                told += [("", "", "")] * (4 - len(told))
                for place, look in enumerate(looks):
                    line = table.row()
                    for one in told:
                        line.cell(one[place], style=look, align="L")

    def _table(self, node: Node) -> None:
        from fpdf.fonts import FontFace

        rows = [list(row.all_of("td", "th")) for row in node.all_of("tr")]
        if not rows:
            return
        size = 7.0 if "heat" in node.classes else 7.5
        head = FontFace(size_pt=size, color=SOFT, emphasis="")
        lines = "NONE" if "heat" in node.classes else "HORIZONTAL_LINES"
        with self._grid(size, self._widths(rows, size), lines, headings=1) as table:
            for number, row in enumerate(rows):
                line = table.row()
                for cell in row:
                    style = head if number == 0 else _face(cell, size)
                    is_text = not {"num", *TINTS, "none", "year"} & {*cell.classes}
                    align = "L" if is_text and "heat" not in node.classes else "R"
                    line.cell(cell.text, style=style, align=align)
        self._space(1.5)

    def _widths(self, rows: Sequence[Sequence[Node]], size: float) -> list[float]:
        """Return a width for each column by the longest word group in it."""
        self.pdf.set_font(FONT, BOLD, size)
        columns = zip(*(row for row in rows if len(row) == len(rows[0])), strict=True)
        return [
            max(min(self.pdf.get_string_width(cell.text), 60.0) for cell in column) + 3
            for column in columns
        ]

    def _grid(
        self, size: float, widths: Sequence[float], lines: str, *, headings: int
    ) -> Any:
        self.pdf.set_font(FONT, size=size)
        self.pdf.set_text_color(*INK)
        self.pdf.set_draw_color(*RULE)
        self.pdf.set_x(MARGIN_MM)
        return self.pdf.table(
            width=WIDTH_MM,
            col_widths=tuple(widths),
            borders_layout=lines,
            num_heading_rows=headings,
            first_row_as_headings=bool(headings),
            line_height=size * POINT_MM * LINE,
            padding=(0.7, 0.8, 0.7, 0.8),
            text_align="LEFT",
        )


def _single_spaced(runs: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yield words with one space between them, wherever the page broke its lines."""
    ends_open = is_begun = False
    for words, is_bold in runs:
        text = " ".join(words.split())
        if not text:
            ends_open = ends_open or words != ""
            continue
        lead = " " if ends_open or words[0].isspace() else ""
        yield (lead if is_begun else "") + text, is_bold
        ends_open, is_begun = words[-1].isspace(), True


def _sealed(one: Node) -> tuple[str, str, str]:
    state = STATES.get(one.attributes.get("data-state", ""), "")
    [name], [words] = ([*one.all_of(tag)] for tag in ("dt", "dd"))
    return state, name.text, words.text


def _reading(one: Node) -> tuple[str, str, str]:
    """Return the name, the value and what stands below it."""
    name = next(one.all_of("dt")).text
    value = next(one.all_of("dd"))
    beside = [child for child in value.children if "vs" in child.classes]
    shown = [child for child in value.children if child not in beside]
    words = " ".join(part for part in (child.text for child in shown) if part)
    return name, words, " ".join(child.text for child in beside)


def _face(cell: Node, size: float) -> Any:
    from fpdf.fonts import FontFace

    fill = next((TINTS[one] for one in cell.classes if one in TINTS), None)
    colour = next((TONES[one] for one in cell.classes if one in TONES), INK)
    return FontFace(size_pt=size, color=colour, fill_color=fill)


def _height(picture: bytes, width_mm: float) -> float:
    """Return how high a PNG is at a width; its first chunk says its size."""
    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))
    return width_mm * height / width


def _folder() -> Path:
    folder: Path = settings.BASE_DIR / "static" / "fonts"
    return folder


@cache
def _letters() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(_folder() / FONTS[""]) as font:
        return frozenset(font.getBestCmap())
