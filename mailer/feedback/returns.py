"""What follows from a report on a mail that had left: the one door for pipe, listener, mailbox and webhooks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from mailer.audience.fates import Fate, Outcome
from mailer.feedback.consequences import follow_from
from mailer.feedback.counts import count_return
from mailer.models import Claim, Delivery, InvalidAddress, Recipient, Return, normalise_address

Status = Delivery.Status

#: Of several fates in one report the first of these counts.
_GRAVEST = (
    Outcome.COMPLAINT,
    Outcome.GONE,
    Outcome.BLOCKED,
    Outcome.TEMPORARY,
    Outcome.UNKNOWN,
    Outcome.DELAYED,
    Outcome.DELIVERED,
    Outcome.AUTO_REPLY,
)
_HAD_LEFT = (Status.SENT, Status.UNCERTAIN, Status.BOUNCED, Status.COMPLAINED)


class TooEarly(Exception):
    """A worker still has the mail in hand: that it left is not recorded yet. Bring the report again in a minute."""


class Ending(StrEnum):
    """What became of a report; all but NEW changed nothing."""

    NEW = "new"  #: it was kept, and had its consequences
    NOTED = "noted"  #: nothing follows from such a one: an automatic reply, or that a mail arrived
    REPEATED = "repeated"
    TOO_LATE = "too_late"
    NEVER_SENT = "never_sent"
    FORGOTTEN = "forgotten"  #: there is no such delivery (any more)


def record_return(delivery_id: int, fates: Sequence[Fate], source: Return.Source, now: datetime) -> Ending:
    """Keep what a report says of a delivery, and do what follows from it; the second time nothing does.

    The caller vouches for it: it came to the delivery's signed address, or is signed by the provider. `fates` is not
    empty; that of the delivery's own recipient counts, and no other address suffers from any of them. Raises TooEarly,
    and then nothing was done.
    """
    with transaction.atomic():
        # The person first, as when they are erased: then either all of this is erased too, or they are nobody here.
        theirs = Recipient.objects.filter(pk__in=Delivery.objects.filter(pk=delivery_id).values("recipient_id"))
        person = theirs.select_for_update(of=("self",)).first()
        delivery = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery_id).first()
        fate, names_other = _fate_of(fates, person)
        ending = _refuse(delivery, fate, now)
        if delivery is not None and ending is None:
            kept = Return.objects.create(
                delivery=delivery,
                outcome=fate.outcome.value,
                at=now,
                source=source,
                status=_plain(fate.status)[:12],
                diagnostic=_plain(fate.diagnostic)[:500] if person else "",  # it may name who was erased
                names_other=names_other,
            )
            follow_from(kept, person, now)
            ending = Ending.NEW
        ending = ending or Ending.FORGOTTEN
        counted = fate.outcome.value if ending in (Ending.NEW, Ending.NOTED) else ending.value
        count_return(source, counted, now)
    return ending


def _fate_of(fates: Sequence[Fate], person: Recipient | None) -> tuple[Fate, bool]:
    """The fate that counts, and whether the report names another address than the person's only.

    Then the mail was forwarded; that the address there is gone says nothing of the one that we know.
    """
    ours = [fate for fate in fates if person is None or not fate.address or _is_same(fate.address, person.email)]
    fate = min(ours or fates, key=lambda fate: _GRAVEST.index(fate.outcome))
    if not ours and fate.outcome == Outcome.GONE:
        fate = replace(fate, outcome=Outcome.UNKNOWN)
    return fate, not ours


def _is_same(text: str, address: str) -> bool:
    try:
        return normalise_address(_plain(text)) == address
    except InvalidAddress:
        return False


def _plain(text: str) -> str:
    """As a database takes it: without NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _refuse(delivery: Delivery | None, fate: Fate, now: datetime) -> Ending | None:
    """Why nothing follows from the report; None if something does. Raises TooEarly."""
    if delivery is None:
        return Ending.FORGOTTEN
    if fate.outcome in (Outcome.DELIVERED, Outcome.AUTO_REPLY):
        return Ending.NOTED
    if delivery.status not in _HAD_LEFT:
        return _refuse_unsent(delivery)
    if fate.outcome != Outcome.COMPLAINT and _is_old(delivery, now):  # people read their mail whenever they like
        return Ending.TOO_LATE
    if Return.objects.filter(delivery=delivery, outcome=fate.outcome.value).exists():
        return Ending.REPEATED
    return None


def _refuse_unsent(delivery: Delivery) -> Ending:
    """The row is locked, so a worker that is about to write down that it was sent still has its claim."""
    in_hand = Claim.objects.covering(delivery.mailing_id, delivery.pk, delivery.pk).exists()
    if delivery.status == Status.QUEUED and in_hand:
        raise TooEarly(f"A worker has delivery {delivery.pk} in hand.")
    return Ending.NEVER_SENT


def _is_old(delivery: Delivery, now: datetime) -> bool:
    left = delivery.sent_at or delivery.mailing.started_at or delivery.mailing.scheduled_for
    return now - left > timedelta(days=settings.BOUNCE_MAX_AGE_DAYS)
