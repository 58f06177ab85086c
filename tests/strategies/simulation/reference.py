"""An independent, slow simulator: one bar, one dictionary, one obvious step at a time.

Written from the rules of the engine, sharing no code with it: equities are lists, lots
are a queue, and prices are looked up by plain search.
"""

from __future__ import annotations

import math
from collections import deque


class Ledger:
    """An account with its lots, oldest first."""

    def __init__(self, cash, costs):
        self.cash, self.costs = cash, costs
        self.lots = deque()  # [signed quantity, price, fee]
        self.fills, self.trip_pnls = [], []
        self.borrow_unbooked = self.trip_pnl = 0.0
        self.dead = False

    @property
    def held(self):
        return sum(lot[0] for lot in self.lots)

    def fee(self, qty, price):
        c = self.costs
        return max(c["min"], qty * price * c["bps"] / 1e4 + qty * c["per_share"])

    def worse(self, raw, buying):
        slip = self.costs["slip_bps"] / 1e4
        return raw * (1 + slip) if buying else raw * (1 - slip)

    def add(self, bar, budget, raw, direction):
        price = self.worse(raw, direction > 0)
        c = self.costs
        free = budget / (price + price * c["bps"] / 1e4 + c["per_share"])
        fee = self.fee(free, price)
        qty = free if fee > c["min"] else min(free, (budget - c["min"]) / price)
        if qty <= 0:
            return
        fee = self.fee(qty, price)
        self.cash -= direction * qty * price + fee
        self.lots.append([direction * qty, price, fee])
        self.fills.append((bar, direction, qty, price, fee, 0.0))

    def remove(self, bar, qty, price, fee):
        """Close `qty` of the oldest lots at `price`."""
        direction = math.copysign(1.0, self.held)
        everything = qty >= abs(self.held)
        self.cash += direction * qty * price - fee
        pnl = -fee - self.borrow_unbooked
        self.borrow_unbooked = 0.0
        todo = qty
        while self.lots and (todo > 0 or everything):
            lot = self.lots[0]
            part = abs(lot[0]) if everything else min(todo, abs(lot[0]))
            share = part / abs(lot[0])
            pnl += direction * part * (price - lot[1]) - share * lot[2]
            lot[2] -= share * lot[2]
            lot[0] -= direction * part
            todo -= part
            if share == 1.0:
                self.lots.popleft()
        self.fills.append((bar, -direction, qty, price, fee, pnl))
        self.trip_pnl += pnl
        if not self.lots:
            self.trip_pnls.append(self.trip_pnl)
            self.trip_pnl = 0.0

    def die(self, bar, raw):
        left = self.cash + self.held * raw
        price, fee = (raw, left) if left >= 0 else (-self.cash / self.held, 0.0)
        self.remove(bar, abs(self.held), price, fee)
        self.cash, self.dead = 0.0, True

    def leave(self, bar, raw):
        price = self.worse(raw, self.held < 0)
        fee = self.fee(abs(self.held), price)
        if self.cash + self.held * price - fee <= 0:
            self.die(bar, raw)
        else:
            self.remove(bar, abs(self.held), price, fee)

    def reduce(self, bar, qty, raw):
        price = self.worse(raw, self.held < 0)
        lost = self.fee(qty, price) + qty * abs(price - raw)
        if self.cash + self.held * raw <= lost:
            self.die(bar, raw)
        else:
            self.remove(bar, qty, price, self.fee(qty, price))

    def decide(self, bar, wanted, raw):
        worth = self.cash + self.held * raw
        if self.lots and (worth <= 0 or wanted * self.held <= 0):
            self.leave(bar, raw)
        if self.dead or wanted == 0:
            return
        worth = self.cash + self.held * raw
        missing = abs(wanted) * worth - abs(self.held) * raw
        if missing > 0:
            self.add(bar, missing, raw, math.copysign(1.0, wanted))
        elif missing < 0:
            self.reduce(bar, -missing / raw, raw)


def simulate_slowly(opens, closes, target, *, cash, costs, lag, fill, ppy):
    """Return equity, cash and quantity per bar, fills and profits of closed trips."""
    ledger = Ledger(cash, costs)
    acted_on = 0.0
    rows = []
    for bar in range(len(closes)):
        raw = opens[bar] if fill == "open" else closes[bar]
        seen = [price for price in closes[:bar] if not math.isnan(price)]
        decided = target[bar - lag] if bar >= lag else 0.0
        if decided != acted_on and not math.isnan(raw) and seen and not ledger.dead:
            ledger.decide(bar, decided, raw)
            acted_on = decided
        known = [price for price in closes[: bar + 1] if not math.isnan(price)]
        if ledger.lots:
            mark = known[-1]
            due = max(-ledger.held, 0.0) * mark * costs["borrow_bps"] / 1e4 / ppy
            if ledger.cash - due + ledger.held * mark <= 0:
                ledger.die(bar, mark)
            else:
                ledger.cash -= due
                ledger.borrow_unbooked += due
        value = ledger.held * known[-1] if ledger.lots else 0.0
        rows.append((ledger.cash + value, ledger.cash, ledger.held))
    return rows, ledger.fills, ledger.trip_pnls
