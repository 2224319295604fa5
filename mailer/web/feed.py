"""A list's public archive as an Atom feed (RFC 4287)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.http import http_date
from django.views.decorators.http import conditional_page, require_safe

from mailer.models import RecipientList
from mailer.sending.archive import headline_of, public_mailings

ENTRIES = 50


@conditional_page
@require_safe
def archive_feed(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest mails, with an ETag of what is said; or that it is as the reader has it."""
    mailing_list = get_object_or_404(RecipientList, slug=slug, archive_is_public=True)
    # Whatever the host was called in the request: a feed is copied, and its addresses name its entries.
    link, itself = (f"{settings.SITE_URL}{reverse(name, args=[slug])}" for name in ("archive", "archive_feed"))
    feed = Atom1Feed(mailing_list.name, link, mailing_list.description, mailing_list.language, feed_url=itself)
    for mailing in public_mailings(mailing_list)[:ENTRIES]:
        headline = headline_of(mailing)
        feed.add_item(
            title=headline.subject,
            link=f"{link}{mailing.pk}/",
            description=escape(" · ".join(headline.titles)),  # Atom1Feed says that it is HTML
            pubdate=mailing.scheduled_for,
            updateddate=mailing.finished_at or mailing.scheduled_for,
        )
    answer = HttpResponse(content_type=feed.content_type)
    if feed.num_items():
        answer["Last-Modified"] = http_date(feed.latest_post_date().timestamp())
    feed.write(answer, "utf-8")
    return answer
