"""What all rows of an archive are made of, and the two that everything in it has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MaybeSha = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
Word = Annotated[str, Field(max_length=80)]
Long = Annotated[str, Field(max_length=200)]
Notes = Annotated[str, Field(max_length=20_000)]
Tags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=20)
]
JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,24}$")]
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Number = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | float | None
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
# From year 1 to year 9999.
Milliseconds = Annotated[int, Field(ge=-62_135_596_800_000, le=253_402_300_799_999)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    def plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


def shaped(of: type[BaseModel]) -> AfterValidator:
    """Keep a document as it is, once it has the shape that its pages read."""

    def check(document: Any) -> Any:
        try:
            of.model_validate(document)
        except ValidationError as exc:
            raise ValueError(first_problem(exc)) from None
        return document

    return AfterValidator(check)


def first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place[:80]}: {first['msg']}"


class JobRow(Row):
    id: JobId
    title: Long
    status: Literal["succeeded", "failed", "cancelled"]
    stage: Annotated[str, Field(max_length=40)]
    progress: Annotated[float, Field(ge=0.0, le=1.0)]
    processed: Count
    total: Count | None
    rate: Finite | None
    message: Annotated[str, Field(max_length=300)]
    best: dict[str, Any] | None
    latest_sharpe: Finite | None
    error: dict[str, Any] | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime
    attempt: Annotated[int, Field(ge=0, le=32_767)]


class LogRow(Row):
    seq: Count
    ts: AwareDatetime
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    event: Annotated[str, Field(max_length=60)]
    message: str
    fields: dict[str, Any]


Log = Annotated[list[LogRow], Field(max_length=100_000)]
