"""One search over the whole lab, for scripts."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.find import LONGEST, hits_of, lab_search
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["search"])


class FindQuery(FormatQuery):
    q: str = Field(
        "", max_length=LONGEST, description="Words that all occur, or an id."
    )
    limit: int = Field(5, ge=1, le=50, description="At most so many of a kind.")


class HitLinksOut(Schema):
    page: str


class HitOut(Schema):
    kind: str = Field(
        description="run, experiment, strategy, dataset, feature or glossary."
    )
    id: str
    title: str
    words: str
    links: HitLinksOut


class HitListOut(Schema):
    q: str
    items: list[HitOut]
    next_cursor: str | None


@router.get(
    "", response=HitListOut, summary="Search the lab", openapi_extra=TABLE_FORMATS
)
def search_lab(request: HttpRequest, query: Query[FindQuery]) -> Any:
    """Kind by kind; each list has its own search for more (`GET /api/runs?q=`)."""
    items = hits_of(lab_search(query.q, most=query.limit))
    return whole_list(query, items, name="search", q=query.q)
