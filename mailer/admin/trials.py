"""Sends what staff look at to one address, as a test."""

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from mailer.admin.base import Pages
from mailer.models import InvalidAddress, Recipient, TemplateVersion
from mailer.scheduling.drafts import Draft, plan_test
from mailer.templating.sandbox import TemplateError
from mailer.waking import wake_mailing


def send_test(
    pages: Pages, request: HttpRequest, subject: Model, address: str, draft_for: Callable[[Recipient], Draft]
) -> None:
    """Let the draft for whoever has the address go; tell the person who asked, and record it at the subject."""
    now = timezone.now()
    try:
        if not address:
            raise InvalidAddress("your account has no mail address; add it under Users")
        to = Recipient.objects.get_or_create(email=address)[0]
        mailing = plan_test(draft_for(to), to, request.user, now)
    except (TemplateError, InvalidAddress, TemplateVersion.DoesNotExist) as error:
        reason = "; ".join(getattr(error, "messages", [str(error)]))
        pages.message_user(request, f"No test was sent: {reason}", messages.ERROR)
        return
    wake_mailing(mailing.pk)
    pages.log_change(request, subject, f"Sent to {to.email} as a test, mailing {mailing.pk}.")
    pages.message_user(request, f"A test is on its way to {to.email}.", messages.SUCCESS)
