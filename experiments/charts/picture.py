"""Charts on paper: a theme and a width for one of them, or several on one sheet."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.conf import settings

from experiments.charts.figure import Document, Figure

PAPER = {"light": "#ffffff", "dark": "#17191c"}  # the --surface of lab.css
THEMES = tuple(PAPER)
WIDTH_PX = 960
SHEET_PX, EDGE_PX, GAP_PX = 1240, 30, 24
TITLE_PX = 40  # room above a chart for its heading
HEAD_PX = 84
SIZE = re.compile(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"')


def on_paper(spec: Document, config: Document, theme: str, width: int) -> Document:
    """Return the Vega-Lite of a file: `width` pixels in all, on the theme's paper."""
    return spec | {
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config | {"background": PAPER[theme]},
    }


def svg_of(figure: Figure, theme: str, width: int) -> str:
    """Return a chart drawn in a theme; the web process never calls it."""
    import vl_convert

    spec = on_paper(figure.spec or {}, config_of(theme), theme, width)
    # Nothing may be fetched while a chart is drawn, whatever a spec says.
    svg: str = vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    return svg


def config_of(theme: str) -> Document:
    text = (settings.BASE_DIR / "static" / "vega" / f"{theme}.json").read_text()
    config: Document = json.loads(text)
    return config


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawn chart and its place: a row of the sheet, or half of one."""

    title: str
    svg: str
    is_half: bool = False

    @property
    def height(self) -> float:
        found = SIZE.match(self.svg)
        return float(found[2]) if found else 0.0


def width_on_sheet(*, is_half: bool) -> int:
    inner = SHEET_PX - 2 * EDGE_PX
    return (inner - GAP_PX) // 2 if is_half else inner


def sheet(
    title: str, words: str, panels: Sequence[Panel], config: Document, theme: str
) -> str:
    """Return the panels below each other as one SVG, halves side by side."""
    ink, soft = config["title"]["color"], config["title"]["subtitleColor"]
    font = escape(config["font"])
    parts = [_text(EDGE_PX, 40, title, ink, 20), _text(EDGE_PX, 64, words, soft, 13)]
    y = float(HEAD_PX)
    for row in _rows(panels):
        for place, panel in enumerate(row):
            x = EDGE_PX + place * (width_on_sheet(is_half=True) + GAP_PX)
            parts.append(_text(x, y + 18, panel.title, ink, 14))
            parts.append(_placed(panel.svg, x, y + TITLE_PX, f"{y:.0f}-{place}"))
        y += TITLE_PX + max(panel.height for panel in row) + GAP_PX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SHEET_PX}" height="{y:.0f}" '
        f'font-family="{font}"><rect width="100%" height="100%" '
        f'fill="{PAPER[theme]}"/>{"".join(parts)}</svg>'
    )


def _rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    rows: list[list[Panel]] = []
    for panel in panels:
        has_room = bool(rows) and len(rows[-1]) == 1 and rows[-1][0].is_half
        if panel.is_half and has_room:
            rows[-1].append(panel)
        else:
            rows.append([panel])
    return rows


def _text(x: float, y: float, words: str, colour: str, size: int) -> str:
    weight = 600 if size != 13 else 400
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def _placed(svg: str, x: float, y: float, name: str) -> str:
    """Return a drawing at its place; what it refers to by id stays its own."""
    own: Any = re.sub(r'(id="|url\(#)', rf"\g<1>at-{name}-", svg)
    return str(own.replace("<svg ", f'<svg x="{x:.0f}" y="{y:.0f}" ', 1))
