"""Carries a mailing's cancellation down to its rows, in steps that lock nothing for long."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from mailer.models import Claim, Delivery, Mailing
from mailer.models.deliveries import DeliveryQuerySet
from mailer.sending.claim import Range

#: How many deliveries are cancelled in one transaction.
STEP = 5_000


def cancel_waiting(mailing_id: int, within: Range | None = None) -> None:
    """Cancel what waits of a cancelled mailing, or of a part of it, and is in no worker's hand; of others, nothing.

    What is under a claim may be on its way: it is sent, or cancelled by the next call after the claim has ended.
    """
    if Mailing.objects.filter(pk=mailing_id, status=Mailing.Status.CANCELLED).exists():
        rows = Delivery.objects.open().filter(mailing=mailing_id)
        if within is not None:
            rows = rows.filter(pk__range=(within.first, within.last))
        while _cancel_step(mailing_id, rows):
            pass


def _cancel_step(mailing_id: int, rows: DeliveryQuerySet) -> int:
    claims = Claim.objects.filter(mailing=mailing_id, first__lte=OuterRef("pk"), last__gte=OuterRef("pk"))
    waiting = rows.filter(~Exists(claims)).order_by("pk")
    with transaction.atomic():
        Claim.objects.wait_for_others(mailing_id)  # one that was begun before the cancellation is seen from here on
        ids = list(waiting.select_for_update().values_list("pk", flat=True)[:STEP])
        cancelled = Delivery.objects.filter(pk__in=ids, status=Delivery.Status.QUEUED).update(
            status=Delivery.Status.CANCELLED, reason=Delivery.Reason.CANCELLED, next_attempt_at=None
        )
        Mailing.objects.filter(pk=mailing_id).update(cancelled=F("cancelled") + cancelled)
    return cancelled
