"""What was deleted and can be shown again, for scripts."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.trash import trash_documents, trash_page
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["trash"])


class DeletedLinksOut(Schema):
    restore: str = Field(description="POST shows it again.")


class DeletedOut(Schema):
    kind: str
    id: str
    name: str
    owner: str
    deleted_at: Moment
    n_runs: int = Field(description="Runs that went with it and come back with it.")
    links: DeletedLinksOut


class TrashOut(Schema):
    items: list[DeletedOut]
    next_cursor: str | None


class TrashQuery(ListQuery):
    kind: Literal[
        "runs", "experiments", "pipelines", "presets", "strategies", "watchlists"
    ] = "runs"


@router.get("", response=TrashOut, summary="Trash", openapi_extra=TABLE_FORMATS)
def list_trash(request: HttpRequest, query: Query[TrashQuery]) -> Any:
    """Deleted things of a kind, the last one first. Their trials stay counted."""
    return listing(query, partial(_page, query.kind), name=f"trash-{query.kind}")


def _page(kind: str, **asked: Any) -> Mapping[str, Any]:
    page = trash_page(kind, **asked)
    items = trash_documents(kind, page.items)
    return {"items": items, "next_cursor": page.next_cursor}
