"""A list's public archive: what went to it, for everybody to read."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from mailer.models import RecipientList
from mailer.sending.archive import before, headline_of, public_copy, public_mailings
from mailer.sending.copies import NoCopy
from mailer.web.mail_page import gone, mail_page

PAGE = 20
#: Above any id; a longer number fits into no column.
_MOST = 2**63 - 1


@require_safe
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """The list's mails, newest first; `?before=` is the last one on the page before."""
    mailing_list = get_object_or_404(RecipientList, slug=slug, archive_is_public=True)
    mailings, last = public_mailings(mailing_list), request.GET.get("before", "")
    if last.isdecimal() and len(last) < len(str(_MOST)):
        mailings = before(mailings, int(last))
    found = list(mailings[: PAGE + 1])
    context = {
        "list": mailing_list,
        "headlines": [headline_of(mailing) for mailing in found[:PAGE]],
        "older": found[PAGE - 1].pk if len(found) > PAGE else None,
        "is_first": not last,
        "site_name": settings.SITE_NAME,
    }
    return render(request, "web/archive.html", context)


@require_safe
def archived_mail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One mail, composed for nobody in particular."""
    mailing_list = get_object_or_404(RecipientList, slug=slug, archive_is_public=True)
    mailing = public_mailings(mailing_list).filter(pk=pk).first() if pk <= _MOST else None
    if mailing is None:
        return gone(request)
    try:
        return mail_page(public_copy(mailing).html, is_private=False)
    except NoCopy:
        return gone(request)
