"""People who ask to be put onto a list: what of it is believed, and how often.

Anybody can type anybody's address. So the list waits for a click in a mail, the answer on the page never depends on who
the address belongs to, and forms are counted by address and by network.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac

from mailer.audience.consent import What, Word, note, note_removals
from mailer.audience.links import BadToken, make_token, read_token
from mailer.models import ConsentEvent, Erasure, Recipient, RecipientList, SignUp, Subscription, normalise_address
from mailer.models.sign_ups import COUNTED

#: Mails that sign-up forms can bring to one address in a day, over all lists.
MOST_AN_ADDRESS = 3
#: Forms that are taken from one network in an hour.
MOST_A_NETWORK = 20
HOUR = timedelta(hours=1)
#: For how long the link in the mail holds.
DAYS = 7
#: So many sign-ups are deleted in one transaction.
STEP = 1_000
Status = Subscription.Status


class TooMany(Exception):
    """So many forms came from this network that no more are taken for a while."""


@dataclass(frozen=True)
class Asked:
    """What became of a form."""

    recipient: Recipient
    is_member: bool  #: gets the list already, or from now on
    may_be_mailed: bool  #: else all of it is to be undone, for the address was erased, or gets too many


def count_form(address: str, client: str, now: datetime) -> bool:
    """Count a form that came from the client's address. Returns whether its address may get a mail. Raises TooMany."""
    mark, network = _mark(normalise_address(address)), _mark(network_of(client))
    if SignUp.objects.since(now - HOUR).filter(network=network).count() >= MOST_A_NETWORK:
        raise TooMany
    before = SignUp.objects.since(now - COUNTED).filter(address=mark).count()
    SignUp.objects.create(address=mark, network=network, at=now)
    return before < MOST_AN_ADDRESS


def ask_to_subscribe(mailing_list: RecipientList, address: str, word: Word) -> Asked:
    """Write down that somebody with this address asked for the list; must be in a transaction that can be undone.

    Who left the list stays as they are until they confirm: somebody else may have typed their address.
    """
    erased = Erasure.objects.effective().of(address).exists()
    recipient, _ = Recipient.objects.get_or_create(email=address)
    status = Status.PENDING if mailing_list.double_opt_in else Status.ACTIVE
    row, is_new = Subscription.objects.get_or_create(
        list=mailing_list, recipient=recipient, defaults={"status": status, "source": word.source[:100]}
    )
    if row.status == Status.PENDING and not is_new:
        note(mailing_list.pk, recipient.pk, What.ASKED, word)  # the purge counts from here; the new link must hold
    return Asked(recipient, row.status == Status.ACTIVE, not erased)


def forget_forms(now: datetime) -> int:
    """Delete the marks that are counted no more. Returns how many there were."""
    return SignUp.objects.filter(at__lte=now - COUNTED).delete()[0]


def purge_pending(days: int, now: datetime) -> int:
    """Delete the sign-ups that nobody confirmed for so many days, though not while a link to confirm one still holds.

    Their history stays, and says that they were taken off and why; so does the person, whom the log of mails names.
    Who once was on the list and was set back by staff is left to staff. Returns how many there were.
    """
    before = now - timedelta(days=max(days, DAYS + 1))
    said = ConsentEvent.objects.filter(recipient=OuterRef("recipient"), list=OuterRef("list"))
    waiting = Subscription.objects.filter(status=Status.PENDING, confirmed_at=None, subscribed_at__lt=before)
    waiting = waiting.exclude(Exists(said.filter(at__gte=before)))
    waiting = waiting.exclude(Exists(said.filter(what=What.UNCONFIRMED)))
    word, deleted = Word(f"the night, after {days} days without a confirmation", now), 0
    while ids := list(waiting.order_by("pk").values_list("pk", flat=True)[:STEP]):
        with transaction.atomic():
            # Whoever confirms at this moment comes first or finds nothing.
            locked = Subscription.objects.filter(pk__in=ids, status=Status.PENDING).select_for_update()
            held = Subscription.objects.filter(pk__in=[row.pk for row in locked])
            note_removals(held, word)
            deleted += held.delete()[0]
    return deleted


def make_confirmation(list_id: int, recipient_id: int, now: datetime) -> str:
    """The token of a confirmation mail's link; it holds for DAYS."""
    return make_token("confirm", list_id, recipient_id, _day(now))


def read_confirmation(token: str, now: datetime) -> tuple[int, int] | None:
    """The list and the recipient that the token names; None if it is not ours or too old."""
    try:
        list_id, recipient_id, day = read_token("confirm", token)
    except (BadToken, ValueError):
        return None
    return (list_id, recipient_id) if 0 <= _day(now) - day <= DAYS else None


def network_of(client: str) -> str:
    """As much of an IP address as one connection to the net mostly has for itself."""
    try:
        return str(ip_network(f"{client}/{64 if ':' in client else 24}", strict=False))
    except ValueError:
        return client


def _day(now: datetime) -> int:
    return now.date().toordinal()


def _mark(text: str) -> str:
    return salted_hmac("afternoon-post sign-up", text, algorithm="sha256").hexdigest()[:32]
