"""Carries a mailing's cancellation down to its rows, in steps that lock nothing for long."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from mailer.models import Claim, Delivery, Mailing

#: How many deliveries are cancelled in one transaction.
STEP = 5_000


def cancel_waiting(mailing_id: int) -> None:
    """Cancel what waits of a cancelled mailing and is in no worker's hand; of any other mailing, nothing.

    What is under a claim may be on its way: it is sent, or cancelled by the next call after the claim has ended.
    """
    if Mailing.objects.filter(pk=mailing_id, status=Mailing.Status.CANCELLED).exists():
        while _cancel_step(mailing_id):
            pass


def _cancel_step(mailing_id: int) -> int:
    claims = Claim.objects.filter(mailing=mailing_id, first__lte=OuterRef("pk"), last__gte=OuterRef("pk"))
    waiting = Delivery.objects.open().filter(~Exists(claims), mailing=mailing_id).order_by("pk")
    with transaction.atomic():
        Claim.objects.wait_for_others(mailing_id)  # one that was begun before the cancellation is seen from here on
        ids = list(waiting.select_for_update().values_list("pk", flat=True)[:STEP])
        cancelled = Delivery.objects.filter(pk__in=ids, status=Delivery.Status.QUEUED).update(
            status=Delivery.Status.CANCELLED, reason=Delivery.Reason.CANCELLED, next_attempt_at=None
        )
        Mailing.objects.filter(pk=mailing_id).update(cancelled=F("cancelled") + cancelled)
    return cancelled
