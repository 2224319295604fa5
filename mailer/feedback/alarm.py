"""Stops a mailing of which too many mails come back, once, before it spoils the sender's name with all providers."""

from datetime import datetime

from django.conf import settings

from mailer.models import Mailing


def raise_alarm_if_due(mailing_id: int, now: datetime) -> bool:
    """Pause the mailing if more have come back than may; one that is at its end is only marked. Returns whether so.

    Once a mailing: when staff resume it, they have decided. The admins are told by `mailer.insight.problems`. To be
    called in the transaction that changed the mailing's sums, and so holds its row.
    """
    read = ("status", "reason", "sent", "bounced", "alarmed_at")
    mailing = Mailing.objects.only(*read).get(pk=mailing_id)
    left = mailing.sent + mailing.bounced
    if mailing.alarmed_at is not None or not _are_too_many(mailing.bounced, left):
        return False
    mailing.alarmed_at = now
    if mailing.status == Mailing.Status.SENDING:
        mailing.status = Mailing.Status.PAUSED
        why = f"paused itself on {now:%-d %b %Y %H:%M} UTC, when {mailing.bounced:,} of {left:,} mails had come back"
        mailing.reason = "; ".join(reason for reason in (mailing.reason, why) if reason)[:300]
    mailing.save(update_fields=["alarmed_at", "status", "reason"])
    return True


def _are_too_many(bounced: int, left: int) -> bool:
    return bounced >= settings.BOUNCE_PAUSE_COUNT and 100 * bounced >= settings.BOUNCE_PAUSE_PERCENT * left
