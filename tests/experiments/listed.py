"""What the tests of lists share: rows worth listing, and what a page says of them."""

from __future__ import annotations

import re
from html import unescape

from tests.experiments.rows import plain_run

ALL = "/backtesting"
HYPOTHESIS = {
    "cause": "Large falls are slow.",
    "effect": "Half the drawdown.",
    "metric": "sharpe",
    "threshold": 0.5,
    "planned_trials": 4,
}


def names_in(html: str) -> list[str]:
    return re.findall(r'<a id="open-[^>]*>([^<]*)</a>', html)


def link_to(html: str, label: str) -> str:
    [address] = re.findall(rf'<a href="([^"]*)"[^>]*>{re.escape(label)}', html)
    return unescape(address)


def link_to_tag(html: str, tag: str) -> str:
    [address] = re.findall(rf'<a class="tag" href="([^"]*)">{tag}<', html)
    return unescape(address)


def link_to_id(html: str, name: str) -> str:
    [address] = re.findall(rf'id="{name}" href="([^"]*)"', html)
    return unescape(address)


def good_run(name: str, sharpe: float = 0.5, **fields):
    metrics = {
        "sharpe": sharpe,
        "cagr": 0.056,
        "max_drawdown": -0.167,
        "trade_count": 58,
    }
    return plain_run(name=name, metrics=metrics, **fields)
