"""The charts of a run by the last word of their address, in the order of a page."""

from __future__ import annotations

TITLES = {
    "equity": "Equity and drawdown",
    "rolling": "Rolling Sharpe",
    "returns": "Returns of the bars",
    "months": "Monthly returns, %",
    "years": "Yearly returns",
    "price": "Price with fills",
}
