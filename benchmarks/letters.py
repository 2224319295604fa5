"""Our own mails, made ahead, and their contents for those who make them in another way."""

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils import timezone, translation

from benchmarks.stock import make_digest
from mailer.models import Claim, Mailing, Recipient, RecipientList, Subscription
from mailer.scheduling.planning import plan_now
from mailer.sending.claim import Claimed
from mailer.sending.commands import Envelope
from mailer.sending.items import Items
from mailer.sending.letters import LetterWriter
from mailer.templating.contexts import Links, Person, mailing_context, personal_context

_MARKDOWN = re.compile(r"\|markdown(?:_text|:[\w.]+)")


@dataclass(frozen=True)
class Sample:
    """A mailing that nobody sends, and what its mails would be."""

    mailing: Mailing
    envelopes: list[Envelope]
    shared: dict[str, Any]
    people: list[dict[str, Any]]

    @property
    def average_size(self) -> int:
        """In bytes, on the wire."""
        return sum(len(envelope.data) for envelope in self.envelopes) // len(self.envelopes)


def without_markdown(source: str) -> str:
    """The template for plain Django, which has no such filter: work that others are spared."""
    return _MARKDOWN.sub("", source)


def make_sample(mailing_list: RecipientList, size: int) -> Sample:
    """Mails to the first so many of a list."""
    now = timezone.now()
    mailing = plan_now(make_digest(mailing_list), now)
    Mailing.objects.filter(pk=mailing.pk).update(status=Mailing.Status.CANCELLED)
    writer = LetterWriter(mailing)
    recipients = Recipient.objects.filter(subscriptions__list=mailing_list).order_by("pk")
    people = [Person(r.pk, r.email, r.name, json.dumps(r.attributes)) for r in islice(recipients, size)]
    nobody = Claim(mailing=mailing, first=0, last=0, made_at=now, until=now)
    written = (
        writer.envelope(Claimed(person.id, nobody, person, subscription=Subscription.Status.ACTIVE), True, now)
        for person in people
    )
    with translation.override(writer.language):
        envelopes = [letter for letter in written if isinstance(letter, Envelope)]
    links = Links(unsubscribe="https://post.example.org/u/AbCdEfGhIjKlMnOpQrStUvWxYz012345")
    shared = mailing_context(mailing, Items(mailing).shared())
    return Sample(mailing, envelopes, shared, [personal_context(person, links) for person in people])
