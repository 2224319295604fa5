"""A page of the delivery log: what the filters find, newest first, and where older mails are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, QueryDict

from mailer.admin.log_form import LogForm
from mailer.insight.log_filters import Page, find_deliveries, narrow
from mailer.insight.people import find_recipient, ids_of_mails_to
from mailer.models import Delivery, Recipient
from mailer.models.deliveries import NAMED

#: How many mails a page shows.
ROWS = 50
#: How many an export asks for at a time.
STEP = 5_000


@dataclass(frozen=True)
class LogPage:
    """Deliveries with all that their rows show, and the links to what comes before and after."""

    rows: list[Delivery]
    older: str  #: the address of the next page, or nothing
    newest: str  #: the address of the first page, or nothing if this is it
    searched_back_to: datetime | None
    narrowed: bool  #: whether something in particular is asked for


def find_page(request: HttpRequest, form: LogForm) -> LogPage:
    """The page that the address asks for."""
    before = request.GET.get("before", "")
    after = int(before) if before.isdecimal() and len(before) < 19 else None
    page = _find(form, after, ROWS)
    # Recipients apart, because a join would hide the mails of one who was deleted.
    rows = Delivery.objects.filter(pk__in=page.ids).select_related(*NAMED).prefetch_related("recipient", "returns")
    by_id = {row.pk: row for row in rows}
    return LogPage(
        rows=[by_id[pk] for pk in page.ids if pk in by_id],
        older=_address(request.GET, page.next_before) if page.next_before else "",
        newest=_address(request.GET, None) if after is not None else "",
        searched_back_to=page.searched_back_to,
        narrowed=any(value for name, value in form.cleaned_data.items() if name not in ("first", "last")),
    )


def find_all(form: LogForm) -> Iterator[list[int]]:
    """The ids of everything that the filters find, some thousands at a time."""
    after: int | None = None
    while True:
        page = _find(form, after, STEP)
        if page.ids:
            yield page.ids
        if page.next_before is None:
            return
        after = page.next_before


def _find(form: LogForm, after: int | None, count: int) -> Page:
    typed, person = form.cleaned_data.get("q"), form.cleaned_data.get("person")
    if typed or person:
        recipient = find_recipient(typed) if typed else Recipient.objects.filter(pk=person or 0).first()
        theirs = Delivery.objects.filter(pk__in=ids_of_mails_to(recipient) if recipient else [])
        return _page_by_id(narrow(theirs, form.wanted), after, count)
    if form.batch and form.wanted.mailing_id:
        within = Delivery.objects.filter(mailing=form.wanted.mailing_id, pk__range=form.batch)
        return _page_by_id(narrow(within, form.wanted), after, count)
    return find_deliveries(form.wanted, after, count)


def _page_by_id(few: Any, after: int | None, count: int) -> Page:
    rows = few.order_by("-pk") if after is None else few.order_by("-pk").filter(pk__lt=after)
    ids = list(rows.values_list("pk", flat=True)[: count + 1])
    return Page(ids[:count], ids[count - 1] if len(ids) > count else None)


def _address(query: QueryDict, before: int | None) -> str:
    kept = query.copy()
    kept.pop("before", None)
    if before is not None:
        kept["before"] = str(before)
    return f"?{kept.urlencode()}"
