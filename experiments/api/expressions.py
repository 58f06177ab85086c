"""The language for scripts and editors: check a text, finish a name, explain."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.schemas import CautionOut, In
from experiments.selectors.expression_questions import SOURCE, question_of
from experiments.selectors.expressions import completions, explained, validated
from strategies.types import Scalar

router = Router(tags=["expressions"])


class ExprIn(In):
    expr: str = Field(max_length=20_000)


class CompleteIn(In):
    prefix: str | None = Field(
        None,
        max_length=20_000,
        description="A name begun, or a text that ends in one.",
    )
    expr: str | None = Field(None, max_length=20_000)
    cursor: int | None = Field(None, ge=0, description="In `expr`, from 0.")


class LeakIn(ExprIn):
    provider: str | None = None
    symbol: str | None = None
    universe: list[str] | dict[str, Scalar] | None = Field(
        None, description="As in a run; without it made-up bars are looked at."
    )
    timeframe: str | None = None
    start: int | str | None = None
    end: int | str | None = None

    def source(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SOURCE}


class ValidExprOut(Schema):
    ok: bool
    canonical: str = Field(description="One form for all ways to write the same.")
    expr_hash: str = Field(description="sha256 of it.")
    complexity_score: float
    nodes: int
    depth: int
    lookback_bars: int
    fields: list[str]
    groups: list[str]
    braces: list[str] = Field(description="Constants that have no value yet.")
    unit: str | None = Field(description="`1`, `price`, `price·volume`, or unknown.")
    warnings: list[CautionOut]


class RefusedExprOut(Schema):
    code: str
    message: str
    column: int = Field(description="From 1.")
    length: int = Field(description="Of the word at fault.")
    caret: str = Field(description="The place, and a line below that points to it.")
    suggestion: str
    mended: str | None = Field(description="The text with the suggestion followed.")


class InvalidExprOut(Schema):
    ok: bool
    error: RefusedExprOut


class SuggestionOut(Schema):
    name: str
    kind: str = Field(description="field, function or feature.")
    signature: str
    meaning: str
    insert: str = Field(description="What is written from `start` to `end`.")


class CompletionOut(Schema):
    prefix: str
    start: int
    end: int
    items: list[SuggestionOut]


class ExpressionPartOut(Schema):
    text: str
    name: str
    kind: str = Field(description="function, field, number, group or brace.")
    type: str = Field(description="value, condition, number, window or group.")
    words: str
    unit: str | None
    lookback_bars: int
    column: int
    arguments: list["ExpressionPartOut"]


class ExplainedExprOut(Schema):
    canonical: str
    expr_hash: str
    tree: ExpressionPartOut


class LeakOut(Schema):
    node: str = Field(description="The part that knew what came later.")
    column: int
    offset_bars: int = Field(description="Over how many bars the future reached back.")


class LeakCheckOut(Schema):
    ok: bool
    node: str | None
    column: int | None
    offset_bars: int | None
    leaks: list[LeakOut]
    n_bars: int
    n_symbols: int
    made_up: bool = Field(description="Whether the bars were made up for it.")


@router.post(
    "/validate", response=ValidExprOut | InvalidExprOut, summary="Check an expression"
)
def post_validate(request: HttpRequest, payload: ExprIn) -> Any:
    """`ok` says whether it can be run; an error names the column and what was meant."""
    return validated(payload.expr)


@router.post("/complete", response=CompletionOut, summary="Finish a name")
def post_complete(request: HttpRequest, payload: CompleteIn) -> Any:
    """Functions, fields and features whose name holds the letters before the cursor."""
    text = payload.expr if payload.prefix is None else payload.prefix
    return completions(text or "", payload.cursor)


@router.post(
    "/explain", response=ExplainedExprOut, summary="Say what an expression says"
)
def post_explain(request: HttpRequest, payload: ExprIn) -> Any:
    """The tree as it was written, each part in words with unit and look-back."""
    return explained(payload.expr)


@router.post(
    "/leak-check",
    response={200: LeakCheckOut, 202: UnderWayOut},
    summary="Check for look-ahead",
    description=SOON,
)
async def post_leak_check(
    request: HttpRequest, response: HttpResponse, payload: LeakIn
) -> Any:
    ask = partial(question_of, "leak_check", payload.expr, payload.source())
    return await answered(response, ask)
