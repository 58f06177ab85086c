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
        if self.cash + self.held * raw <= qty * abs(price - raw) + fee:
            self.overreach(bar, direction * qty, raw)
            return
        self.cash -= direction * qty * price + fee
        self.lots.append([direction * qty, price, fee])
        self.fills.append((bar, direction, qty, price, fee, 0.0))

    def overreach(self, bar, qty, raw):
        """Die of costs: from flat, of those of a position that was just entered."""
        if not self.lots:
            self.cash -= qty * raw
            self.lots.append([qty, raw, 0.0])
            self.fills.append((bar, math.copysign(1, qty), abs(qty), raw, 0.0, 0.0))
        self.die(bar, raw)

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

    def decide(self, bar, wanted, raw, stake=math.inf):
        worth = self.cash + self.held * raw
        if self.lots and (worth <= 0 or wanted * self.held <= 0):
            self.leave(bar, raw)
        if self.dead or wanted == 0:
            return
        worth = self.cash + self.held * raw
        missing = abs(wanted) * min(worth, stake) - abs(self.held) * raw
        if missing > 0:
            self.add(bar, missing, raw, math.copysign(1.0, wanted))
        elif missing < 0:
            self.reduce(bar, -missing / raw, raw)


class Watchman:
    """Remembers what a position cost and how well it did, and when to leave it."""

    def __init__(self, stop=None, target=None, trail=None):
        self.stop, self.target, self.trail = stop, target, trail
        self.cost = self.size = 0.0
        self.seen = []  # prices since the entry, the entry itself first
        self.left = 0.0  # the side that was left and is not wanted again yet

    def note(self, fills):
        for _, side, qty, price, *_ in fills:
            if self.size * side < 0:
                self.size += side * qty
                if abs(self.size) < 1e-12 * qty:
                    self.size = 0.0
                continue
            if self.size == 0.0:
                self.cost, self.seen = price, [price]
            else:
                before = abs(self.size)
                self.cost = (self.cost * before + price * qty) / (before + qty)
            self.size += side * qty

    def levels(self):
        """Return the prices at which the position is left: to stop, and to take."""
        cost, sign = self.cost, math.copysign(1.0, self.size)
        stops = []
        if self.stop is not None:
            stops.append(cost - sign * self.stop * cost)
        if self.trail is not None:
            best = max(self.seen) if sign > 0 else min(self.seen)
            stops.append(best - sign * self.trail * cost)
        stop = max(stops, key=lambda price: sign * price) if stops else None
        take = None if self.target is None else cost + sign * self.target * cost
        return stop, take

    def price(self, opening, high, low):
        """Return the raw price at which to leave in this bar, or None."""
        if any(math.isnan(p) for p in (opening, high, low)):
            return None
        stop, take = self.levels()
        sign = math.copysign(1.0, self.size)
        worst, best = (low, high) if sign > 0 else (high, low)
        if stop is not None and sign * opening <= sign * stop:
            return opening
        if take is not None and sign * opening >= sign * take:
            return opening
        if stop is not None and sign * worst <= sign * stop:
            return stop
        if take is not None and sign * best >= sign * take:
            return take
        return None


class SlowRun:
    """One run: the account, its watchman, and what was acted on last."""

    def __init__(self, cash, costs, exits, stake, band):
        self.ledger, self.watch = Ledger(cash, costs), Watchman(**(exits or {}))
        self.exits, self.stake, self.band = exits, stake, band
        self.acted_on = 0.0

    def act(self, bar, wanted, raw):
        ledger, watch = self.ledger, self.watch
        if math.isnan(raw) or ledger.dead or wanted * watch.left > 0:
            return
        watch.left = 0.0
        worth = ledger.cash + ledger.held * raw
        small = worth > 0 and abs(wanted - ledger.held * raw / worth) <= self.band
        if wanted == self.acted_on or (self.band and wanted and small):
            return
        before = len(ledger.fills)
        ledger.decide(bar, wanted, raw, self.stake)
        watch.note(ledger.fills[before:])
        self.acted_on = wanted

    def look(self, bar, opening, high, low):
        ledger, watch = self.ledger, self.watch
        if not self.exits or not ledger.lots:
            return
        price = watch.price(opening, high, low)
        if price is None:
            watch.seen += [p for p in (high, low) if not math.isnan(p)]
            return
        before, watch.left = len(ledger.fills), math.copysign(1.0, ledger.held)
        ledger.leave(bar, price)
        watch.note(ledger.fills[before:])

    def close(self, bar, mark, borrow):
        ledger = self.ledger
        if not ledger.lots:
            return
        due = max(-ledger.held, 0.0) * mark * borrow
        if ledger.cash - due + ledger.held * mark <= 0:
            ledger.die(bar, mark)
        else:
            ledger.cash -= due
            ledger.borrow_unbooked += due


def simulate_slowly(
    bars, target, *, cash, costs, lag, fill, ppy, exits=None, stake=math.inf, band=0.0
):
    """Return equity, cash and quantity per bar, fills and profits of closed trips.

    `bars` are rows of open, high, low and close.
    """
    run = SlowRun(cash, costs, exits, stake, band)
    rows, known = [], []
    for bar, (opening, high, low, close) in enumerate(bars):
        wanted = target[bar - lag] if bar >= lag else 0.0
        if fill == "open" and known:
            run.act(bar, wanted, opening)
        run.look(bar, opening, high, low)
        if fill == "close" and known:
            run.act(bar, wanted, close)
        if not math.isnan(close):
            known.append(close)
        mark = known[-1] if known else 0.0
        run.close(bar, mark, costs["borrow_bps"] / 1e4 / ppy)
        ledger = run.ledger
        rows.append((ledger.cash + ledger.held * mark, ledger.cash, ledger.held))
    return rows, ledger.fills, ledger.trip_pnls
