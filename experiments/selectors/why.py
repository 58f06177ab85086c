"""Every read about why a fill happened: what is asked, what was found, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.models import ModelRun, RunKind
from experiments.selectors.questions import Question
from experiments.selectors.results import result_needed
from experiments.selectors.trades import all_fills, all_round_trips
from quantlab.web.problem import Problem

SIGNAL = "signal"
REASONS = {
    "stop_loss": "The price reached the stop-loss inside the bar.",
    "take_profit": "The price reached the profit target inside the bar.",
    "trailing_stop": "The price fell back to the trailing stop inside the bar.",
    "ruin": "Nothing was left of the account, so everything was closed.",
    "window_end": "The test window ended, and what was held was closed at its last "
    "close.",
    "left_universe": "The symbol left the universe.",
}
# Touched by a price inside the bar, not decided at a close before it.
INSIDE = frozenset(REASONS) - {"left_universe"}
SHOWN = ",.6g"  # digits of a number in a sentence


@dataclass(frozen=True)
class WhyQuestion(Question):
    """Why fill `number` of a run happened; fills count from 1."""

    run: ModelRun
    number: int
    kind: str = "why"

    @property
    def run_id(self) -> str:
        return str(self.run.pk)

    @property
    def facts(self) -> list[Any]:
        return [self.run.manifest_sha, self.number]

    @property
    def payload(self) -> dict[str, Any]:
        return {"number": self.number}

    @property
    def title(self) -> str:
        return f"Why fill {self.number} of {self.run.name or self.run.job.title}"


@dataclass(frozen=True)
class Traded:
    """One fill of a run, and what it was a part of.

    Attributes
    ----------
    row : dict
        Of ``trades.parquet``.
    total : int
        Fills of the run.
    before, after : float
        Signed quantity of the symbol held before and after it.
    trip : dict or None
        The row of ``round_trips.parquet`` that it opened, changed or closed.
    """

    row: dict[str, Any]
    number: int
    total: int
    before: float
    after: float
    trip: dict[str, Any] | None


def why_question(run: ModelRun, number: int) -> WhyQuestion:
    """Return what is asked; 409 for a run that does not trade one rule of its own."""
    result_needed(run)
    if run.kind != RunKind.BACKTEST:
        raise Problem(
            status=409,
            message="The parameters of this run change from window to window.",
            advice="Make a run of a window's parameters, and ask it.",
            next_steps=[f"GET /api/runs/{run.pk}/windows"],
        )
    return WhyQuestion(run=run, number=number)


def traded(run: ModelRun, number: int) -> Traded:
    """Return fill `number`, from 1; 404 for one that is not there."""
    rows = all_fills(run)
    if not 1 <= number <= len(rows):
        raise Problem(
            status=404,
            message=f"This run has no fill {number}: it has {len(rows)}.",
            advice="Choose one from its list of fills.",
            next_steps=[f"GET /api/runs/{run.pk}/trades"],
        )
    row = rows[number - 1]
    held = [
        one["qty"] if one["side"] == "buy" else -one["qty"]
        for one in rows[:number]
        if one["symbol"] == row["symbol"]
    ]
    return Traded(
        row=row,
        number=number,
        total=len(rows),
        before=sum(held[:-1]),
        after=sum(held),
        trip=_trip(run, row),
    )


def entry_fills(run: ModelRun) -> dict[tuple[str, int], int]:
    """Return which fill entered at a symbol and a time: of a reversal the second."""
    rows = enumerate(all_fills(run), start=1)
    return {(row["symbol"], row["ts_utc"]): number for number, row in rows}


def _trip(run: ModelRun, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return the round trip of a fill; of a reversal's two, the one it belongs to."""
    side = "long" if row["side"] == "buy" else "short"
    found = [
        trip
        for trip in all_round_trips(run)
        if trip["symbol"] == row["symbol"]
        and trip["entry_ts"] <= row["ts_utc"] <= trip["exit_ts"]
    ]
    opened = [
        one for one in found if one["entry_ts"] == row["ts_utc"] and one["side"] == side
    ]
    return next(iter(opened or found), None)


def why_document(run: ModelRun, fill: Traded, found: dict[str, Any]) -> dict[str, Any]:
    """Return the whole answer: the fill, its costs, what decided it, and a sentence."""
    row = fill.row
    value = row["qty"] * row["price"]
    total = row["fee"] + row["slippage"] + row["borrow_cost"]
    return {
        "run_id": str(run.pk),
        "n": fill.number,
        "total": fill.total,
        "fill": row,
        "position": {"before": fill.before, "after": fill.after},
        "sentence": sentence(fill, found),
        **found,
        "cost": {
            "fee": row["fee"],
            "slippage": row["slippage"],
            "borrow_cost": row["borrow_cost"],
            "total": total,
            "bps": total / value * 1e4 if value else None,
        },
        "previous": fill.number - 1 if fill.number > 1 else None,
        "next": fill.number + 1 if fill.number < fill.total else None,
    }


def sentence(fill: Traded, found: dict[str, Any]) -> str:
    """Return in one or two sentences why something was bought or sold."""
    reason = fill.row["reason"]
    if reason != SIGNAL:
        return f"{REASONS.get(reason, reason)}{_level(fill)}"
    done = "Bought" if fill.row["side"] == "buy" else "Sold"
    if found["tree"]:
        said = _of_expression(fill, found)
    else:
        said = _flipped(found["conditions"]) or _standing(found["conditions"])
    return f"{done} because {said or 'the rule asked for it'}."


def _of_expression(fill: Traded, found: dict[str, Any]) -> str:
    root, rank, weight = found["tree"], found["rank"], found["sizing"][-1]
    symbol = fill.row["symbol"]
    said = f"the expression came to {_shown(root['now'])} for {symbol}"
    if root["before"] != root["now"]:
        said += f", after {_shown(root['before'])} the bar before"
    if rank and rank["now"]:
        said += f", place {rank['now']} of {rank['of']}"
    before, now = (_shown(weight[key]) for key in ("before", "now"))
    if before == now:
        return f"{said}: prices had moved it away from its weight of {now}"
    return f"{said}: its weight went from {before} to {now}"


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:{SHOWN}}"


def _level(fill: Traded) -> str:
    if fill.trip is None:
        return ""
    entry, price = fill.trip["entry_price"], fill.row["price"]
    change = abs(price / entry - 1.0) * 100.0
    side = "above" if price > entry else "below"
    return (
        f" It was left at {price:{SHOWN}}, {change:.1f} % {side} the entry at "
        f"{entry:{SHOWN}}."
    )


def _flipped(conditions: list[dict[str, Any]]) -> str:
    """Return what changed at the close of the decision; "" if nothing did."""
    for one in conditions:
        if one["was_met"] != one["is_met"] and one["right"]["now"] is not None:
            verb = "rose above" if one["is_met"] else "was no longer above"
            return f"{_side(one['left'])} {verb} {_side(one['right'])}"
    return ""


def _standing(conditions: list[dict[str, Any]]) -> str:
    """Return what held already: a state is wanted again, in another size."""
    for one in conditions:
        if one["is_met"] and one["left"]["words"]:
            return f"{_side(one['left'])} was above {_side(one['right'])}"
    if any(one["is_met"] for one in conditions):
        return "the rule holds from the first close to the last"
    return ""


def _side(one: dict[str, Any]) -> str:
    now = _shown(one["now"])
    return f"{one['words']} ({now})" if one["words"] else now
