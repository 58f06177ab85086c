"""An independent, slow portfolio: dictionaries by symbol, one obvious step at a time.

Written from the rules of weight mode, sharing no code with the engine.
"""

from __future__ import annotations

import math


class SlowPortfolio:
    """One cash account, positions by symbol, and a list of what was done."""

    def __init__(self, cash, costs, band, ppy):
        self.cash, self.costs, self.band, self.ppy = cash, costs, band, ppy
        self.held, self.last = {}, {}
        self.fills = []
        self.dead = False

    def price(self, name, prices):
        return self.last[name] if math.isnan(prices[name]) else prices[name]

    def worth(self, prices):
        held = self.held.items()
        return self.cash + sum(q * self.price(name, prices) for name, q in held)

    def fee(self, name, qty, price):
        c = self.costs[name]
        return max(c["min"], qty * price * c["bps"] / 1e4 + qty * c["per_share"])

    def quote(self, name, raw, buying):
        slip = self.costs[name]["slip_bps"] / 1e4
        return raw * (1 + slip if buying else 1 - slip)

    def quantity_for(self, name, budget, price):
        """Return what a budget buys when it has to pay for the costs too."""
        c = self.costs[name]
        free = budget / (price + price * c["bps"] / 1e4 + c["per_share"])
        if self.fee(name, free, price) > c["min"]:
            return free
        return min(free, (budget - c["min"]) / price)

    def fill(self, bar, name, side, qty, price, fee):
        self.cash -= side * qty * price + fee
        left = self.held.get(name, 0.0) + side * qty
        if abs(left) < 1e-14 * qty:
            self.held.pop(name)
        else:
            self.held[name] = left
        self.fills.append((bar, name, side, qty, price, fee))

    def die(self, bar, prices):
        """Close all: a fee takes what is left, or lenders bear what is missing."""
        values = {n: q * self.price(n, prices) for n, q in self.held.items()}
        longs = sum(v for v in values.values() if v > 0)
        shorts = -sum(v for v in values.values() if v < 0)
        fee, of_longs, of_shorts = self.cash + longs - shorts, 1.0, 1.0
        if fee < 0 and self.cash + longs > 0:
            fee, of_shorts = 0.0, (self.cash + longs) / shorts
        elif fee < 0:
            fee, of_longs = 0.0, (shorts - self.cash) / longs
        for name in sorted(self.held):
            q = self.held[name]
            price = self.price(name, prices) * (of_longs if q > 0 else of_shorts)
            self.fill(bar, name, -math.copysign(1.0, q), abs(q), price, fee)
            fee = 0.0
        self.cash, self.dead = 0.0, True

    def rebalance(self, bar, wanted, prices):
        equity = self.worth(prices)
        if equity <= 0:
            return self.die(bar, prices)
        kept = {
            name
            for name, raw in prices.items()
            if math.isnan(raw)
            or name not in self.last
            or self.near(name, wanted[name], raw, equity)
        }
        for name in sorted(set(self.held) - kept):
            if wanted[name] * self.held[name] <= 0 and not self.leave(
                bar, name, prices
            ):
                return self.die(bar, prices)
        equity = self.worth(prices)
        for name, raw in prices.items():
            crossing = wanted[name] * self.held.get(name, 0.0) < 0
            if math.isnan(raw) or name not in self.last or crossing:
                continue
            if wanted[name] and not self.near(name, wanted[name], raw, equity):
                self.resize(bar, name, wanted[name] * equity, prices)
            if self.dead:
                return None
        return None

    def near(self, name, wanted, raw, equity):
        value = self.held.get(name, 0.0) * raw
        gap = abs(wanted * equity - value)
        rounding = 1e-12 * max(equity, abs(value))
        return wanted != 0 and (gap <= self.band * equity or gap <= rounding)

    def leave(self, bar, name, prices):
        q, raw = self.held[name], prices[name]
        price = self.quote(name, raw, q < 0)
        fee = self.fee(name, abs(q), price)
        if self.worth(prices) - fee - abs(q) * abs(price - raw) <= 0:
            return False
        self.fill(bar, name, -math.copysign(1.0, q), abs(q), price, fee)
        return True

    def resize(self, bar, name, value, prices):
        raw, q = prices[name], self.held.get(name, 0.0)
        side = math.copysign(1.0, value - q * raw)
        price = self.quote(name, raw, side > 0)
        missing = abs(value) - abs(q) * raw
        qty = abs(missing) / raw
        if missing > 0:
            qty = self.quantity_for(name, missing, price)
        if qty <= 0:
            return
        fee = self.fee(name, qty, price)
        if self.worth(prices) - fee - qty * abs(price - raw) > 0:
            self.fill(bar, name, side, qty, price, fee)
            return
        if not q:
            self.fill(bar, name, side, qty, raw, 0.0)
        self.die(bar, prices)

    def close(self, bar, closes):
        self.last |= {n: c for n, c in closes.items() if not math.isnan(c)}
        due = 0.0
        for name, q in self.held.items():
            rate = self.costs[name]["borrow_bps"] / 1e4 / self.ppy
            due += max(-q, 0.0) * self.last[name] * rate
        if self.held and self.worth(closes) - due <= 0:
            self.die(bar, closes)
        elif not self.dead:
            self.cash -= due


def hold_slowly(opens, closes, weights, *, cash, costs, lag, fill, band, ppy):
    """Return equity, cash and quantities per bar, and the fills.

    `opens`, `closes` and `weights` are lists of rows, `costs` one dict per symbol.
    """
    names = range(len(costs))
    book, rows = SlowPortfolio(cash, costs, band, ppy), []
    for bar, (opening, closing) in enumerate(zip(opens, closes, strict=True)):
        prices = dict(enumerate(opening if fill == "open" else closing))
        if bar >= lag and not book.dead:
            book.rebalance(bar, dict(enumerate(weights[bar - lag])), prices)
        book.close(bar, dict(enumerate(closing)))
        held = [book.held.get(name, 0.0) for name in names]
        rows.append((book.worth(dict(enumerate(closing))), book.cash, *held))
    return rows, book.fills
