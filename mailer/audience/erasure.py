"""Erases a person: their address leaves every table and every log, and only a mark that knows it again stays."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction

from mailer.audience.traces import forget_in_events, forget_in_notes, forget_in_staffs_log, forget_in_task_results
from mailer.models import (
    Attachment,
    Attempt,
    BounceScore,
    Claim,
    Delivery,
    Erasure,
    ImportChange,
    LiftedSuppression,
    Mailing,
    Message,
    Recipient,
    Return,
    Suppression,
    fingerprint,
)

STEP = 500
#: What is kept of a mail server's words: the status code of RFC 3463 with which they begin.
_STATUS_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class MailInFlight(Exception):
    """A worker has a mail to this person in hand; what the mail server says of it would come after the erasure."""


def erase(recipient: Recipient, note: str, by: Any, now: datetime) -> Erasure:
    """Erase the person, in one transaction. Deliveries stay as rows of nobody; what still waits will be skipped.

    `note` is kept, such as the number of the letter that asked for it. Files of imports are seen to by `strike_erased`.
    Raises MailInFlight.
    """
    with transaction.atomic():
        # Whoever writes down what a report says of their mail locks the person too, and waits, or has ended.
        list(Recipient.objects.select_for_update(of=("self",)).filter(pk=recipient.pk))
        mails = _lock_mails(recipient)
        _forget_messages(recipient)
        forget_in_staffs_log(recipient)
        forget_in_task_results(recipient)
        forget_in_events(recipient)
        _forget_answers(mails | _mails_that_name(recipient.email))
        forget_in_notes(recipient.email)
        ImportChange.objects.filter(recipient=recipient).delete()
        Mailing.objects.filter(recipient=recipient).update(context={}, key=None)
        Suppression.objects.filter(email=recipient.email).delete()
        LiftedSuppression.objects.filter(email=recipient.email).delete()
        BounceScore.objects.filter(email=recipient.email).delete()
        mark = fingerprint(recipient.email)
        recipient.delete()
        return Erasure.objects.create(fingerprint=mark, note=note, erased_at=now, erased_by=by)


def _forget_messages(recipient: Recipient) -> None:
    """What programs wrote to the person, and perhaps to others with them, and the files that went to them."""
    mine = Mailing.objects.filter(recipient=recipient)
    messages = list(mine.exclude(message=None).values_list("message", flat=True))
    if Mailing.objects.open().exclude(recipient=recipient).filter(message__in=messages).exists():
        raise MailInFlight("A mail that went to this person and to others has not left to all. Try again in a minute.")
    Message.objects.filter(pk__in=messages).delete()
    Attachment.objects.filter(mailing__in=mine).delete()


def find_erased(addresses: Iterable[str]) -> dict[str, Erasure]:
    """Those of the addresses that belonged to people who were erased, and the last time that they were.

    For whoever adds recipients by the million: all marks are read, and the addresses only if there are any.
    Recipient.save sees to itself.
    """
    erasures = {erasure.fingerprint: erasure for erasure in Erasure.objects.effective().order_by("pk")}
    if not erasures:
        return {}
    found = ((address, erasures.get(fingerprint(address))) for address in addresses)
    return {address: erasure for address, erasure in found if erasure}


def suppress_erased(found: Mapping[str, Erasure]) -> None:
    """Suppress these addresses, as they come back."""
    back = [Suppression(email=address, **erasure.as_suppression()) for address, erasure in found.items()]
    Suppression.objects.bulk_create(back, ignore_conflicts=True)


def suppress_erased_among(addresses: Collection[str]) -> None:
    """Suppress those of the addresses, few enough to ask for each by its mark, whose people were erased."""
    marks = {fingerprint(address): address for address in addresses}
    erasures = Erasure.objects.effective().filter(fingerprint__in=marks).order_by("pk")
    suppress_erased({marks[erasure.fingerprint]: erasure for erasure in erasures})


def _lock_mails(recipient: Recipient) -> set[int]:
    """The ids of the person's deliveries, of which those that wait can't be claimed until the end."""
    mine = Delivery.objects.to(recipient)
    for mailing_id, pk in mine.open().order_by("mailing").values_list("mailing", "pk"):
        Claim.objects.wait_for_others(mailing_id)
        if Claim.objects.covering(mailing_id, pk, pk).exists():
            raise MailInFlight("A worker has a mail to this person in hand. Try again in a minute.")
    return set(mine.values_list("pk", flat=True))


def _mails_that_name(address: str) -> set[int]:
    """Deliveries, also to others, of which a mail server said something with the address in it."""
    tried = Attempt.objects.filter(smtp_text__icontains=address).values_list("delivery_id", flat=True)
    returned = Return.objects.filter(diagnostic__icontains=address).values_list("delivery_id", flat=True)
    return {*tried, *returned}


def _forget_answers(mails: set[int]) -> None:
    for ids in _parts(mails):
        deliveries = list(Delivery.objects.filter(pk__in=ids).exclude(smtp_text=""))
        attempts = list(Attempt.objects.filter(delivery__in=ids).exclude(smtp_text=""))
        for delivery in deliveries:
            delivery.smtp_text = _code_alone(delivery.smtp_text)
        for attempt in attempts:
            attempt.smtp_text = _code_alone(attempt.smtp_text)
        Return.objects.filter(delivery__in=ids).exclude(diagnostic="").update(diagnostic="")  # the status says as much
        Delivery.objects.bulk_update(deliveries, ["smtp_text"], batch_size=STEP)
        Attempt.objects.bulk_update(attempts, ["smtp_text"], batch_size=STEP)


def _code_alone(said: str) -> str:
    code = _STATUS_CODE.match(said)
    return code[0] if code else ""


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(sorted(ids))
    while part := list(islice(rest, STEP)):
        yield part
