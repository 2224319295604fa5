"""Long lists a page at a time: by the id of the last row, so that a page costs the same however far on it is."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Field, Schema

Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")

#: Rows of a page.
MOST = 200


class PageQuery(Schema):
    """Which page."""

    cursor: int | None = Field(None, ge=1, le=2**63 - 1, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=MOST)


class Page(Schema, Generic[Shown]):
    """Some rows, the newest first."""

    results: list[Shown]
    next: int | None = Field(None, description="The cursor of the next page; null on the last.")


def page_of(rows: QuerySet[Row], asked: PageQuery, show: Callable[[Row], Any], by: str = "pk") -> dict[str, Any]:
    """The page that was asked for, along the column `by`, which tells the rows apart."""
    rows = rows.order_by(f"-{by}")
    if asked.cursor is not None:
        rows = rows.filter(**{f"{by}__lt": asked.cursor})
    found = list(rows[: asked.limit + 1])
    shown = found[: asked.limit]
    more = len(found) > asked.limit
    return {"results": [show(row) for row in shown], "next": getattr(shown[-1], by) if more else None}
