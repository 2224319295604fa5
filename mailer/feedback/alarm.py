"""Stops a mailing of which too many mails come back, once, before it spoils the sender's name with all providers."""

from datetime import datetime

from django.conf import settings
from django.db.models import F, FloatField
from django.db.models.functions import Cast

from mailer.models import Mailing


def raise_alarm_if_due(mailing_id: int, now: datetime) -> bool:
    """Pause the mailing if more have come back than may; one that is at its end is only marked. Returns whether so.

    Once a mailing: when staff resume it, they have decided. The admins are told by `mailer.insight.problems`. To be
    called in the transaction that changed the mailing's sums.
    """
    limit = Cast(F("sent") + F("bounced"), FloatField()) * (settings.BOUNCE_PAUSE_PERCENT / 100)
    quiet = Mailing.objects.filter(pk=mailing_id, alarmed_at=None, bounced__gte=max(settings.BOUNCE_PAUSE_COUNT, 1))
    mailing = quiet.select_for_update(of=("self",)).filter(bounced__gte=limit).first()
    if mailing is None:
        return False
    mailing.alarmed_at = now
    if mailing.status == Mailing.Status.SENDING:
        mailing.status = Mailing.Status.PAUSED
        left = mailing.sent + mailing.bounced
        why = f"paused itself on {now:%-d %b %Y %H:%M} UTC, when {mailing.bounced:,} of {left:,} mails had come back"
        mailing.reason = "; ".join(reason for reason in (mailing.reason, why) if reason)[:300]
    mailing.save(update_fields=["alarmed_at", "status", "reason"])
    return True
