"""A person's mail in the browser, behind the signed link that the mail itself has."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mailer.audience.links import BadToken, read_token
from mailer.insight.exactness import made_at
from mailer.models import Delivery
from mailer.sending.copies import Copy, NoCopy, own_copy
from mailer.web.mail_page import gone, mail_page


@never_cache
@require_safe
def own_mail(request: HttpRequest, token: str) -> HttpResponse:
    """The mail as it was sent, its links live: the page is as private as the mail.

    Whatever is wrong (the link, a person who was erased, a mail that is no longer in the log) has the same answer.
    """
    copy = _copy(token)
    return gone(request) if copy is None else mail_page(copy.html, is_private=True)


def _copy(token: str) -> Copy | None:
    try:
        mailing_id, recipient_id = read_token("view", token)
    except (BadToken, ValueError):
        return None
    deliveries = Delivery.objects.select_related("mailing__list", "mailing__digest", "mailing__version")
    delivery = deliveries.filter(mailing=mailing_id, recipient=recipient_id).first()
    person = delivery.person if delivery else None
    if delivery is None or person is None:
        return None
    try:
        return own_copy(delivery, person, made_at(delivery) or timezone.now())
    except NoCopy:
        return None
