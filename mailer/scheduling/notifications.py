"""Single templated mails: a mailing of kind `notification` with one delivery, written before anything is queued."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from mailer.models import Delivery, EmailTemplate, Mailing, Recipient, TemplateVersion
from mailer.templating.check import check_context
from mailer.templating.contexts import notification_context
from mailer.templating.sandbox import TemplateError

#: As the column has it.
MAX_KEY = 200


def plan_notification(
    due: datetime, recipient: Recipient | str | int, template: str, context: dict[str, Any], key: str | None = None
) -> Mailing:
    """Write down that one person gets one mail, not before `due`; the same key gives the same mailing.

    `recipient` is a Recipient, its id or an address (made a recipient if new); an empty key is none. Raises
    TemplateError for an unknown template or a context that lacks a variable, InvalidAddress, Recipient.DoesNotExist,
    and ValueError for a key that is too long.
    """
    key = key or None
    if key is not None and len(key) > MAX_KEY:
        raise ValueError(f"The key is longer than {MAX_KEY} characters: {key[:40]!r}…")
    version = TemplateVersion.objects.to_send().filter(template__slug=template).first()
    if version is None:
        known = ", ".join(EmailTemplate.objects.values_list("slug", flat=True)[:20]) or "none; run sync_templates"
        raise TemplateError(f"There is no template {template!r}. Templates: {known}.")
    check_context(version.subject, version.html, version.text, notification_context(context, due))
    try:
        with transaction.atomic():
            person = _find_recipient(recipient)
            mailing = Mailing.objects.create(
                kind=Mailing.Kind.NOTIFICATION,
                version=version,
                recipient=person,
                scheduled_for=due,
                started_at=due,
                status=Mailing.Status.SENDING,
                context=context,
                key=key,
                planned=1,
            )
            Delivery.objects.create(mailing=mailing, recipient=person, next_attempt_at=due)
    except IntegrityError:
        if key is None:
            raise
        return Mailing.objects.get(key=key)
    return mailing


def _find_recipient(recipient: Recipient | str | int) -> Recipient:
    if isinstance(recipient, Recipient):
        return recipient
    if isinstance(recipient, int):
        return Recipient.objects.get(pk=recipient)
    return Recipient.objects.get_or_create(email=recipient)[0]
