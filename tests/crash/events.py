"""Events for other programs while workers are killed: each arrives under its own id, at least once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from mailer.models import EventType, RecipientList, Subscription, WebhookDelivery, WebhookEndpoint, webhooks
from mailer.models.outbox import tell_of_unsubscription
from tests.crash.program import wait_for
from tests.crash.rules import QUICK, Row

#: So many people leave a list, and each of so many programs is told of each of them.
PEOPLE, PROGRAMS = 120, 2
#: At which shares of what is to arrive the fault strikes at the latest.
STRIKES = (0.3, 0.7)


@dataclass(frozen=True)
class Receipt:
    """A request, as the receiver wrote it down before it answered."""

    moment: float
    path: str
    header_id: str
    body_id: str


class Events:
    """The events of one round: what was written, and what arrived."""

    def __init__(self, url: str, ledger: Path) -> None:
        self._ledger, self._known = ledger, ledger.stat().st_size
        WebhookEndpoint.objects.all().delete()  # and with them the events of the round before
        WebhookEndpoint.objects.bulk_create(
            WebhookEndpoint(
                name=f"Program {number}",
                url=f"{url}/{number}",
                events=[EventType.RECIPIENT_UNSUBSCRIBED.value],
                secret=webhooks.new_secret(),
            )
            for number in range(PROGRAMS)
        )

    def write(self, mailing_list: RecipientList) -> None:
        """As when these people leave the list, all in a moment: the events are committed, then workers are woken."""
        people = Subscription.objects.filter(list=mailing_list).order_by("pk").values_list("recipient", flat=True)
        with transaction.atomic():
            for recipient_id in people[:PEOPLE]:
                tell_of_unsubscription(mailing_list.pk, recipient_id, "unsubscribed", "by phone", timezone.now())

    @property
    def written(self) -> int:
        return PEOPLE * PROGRAMS

    def arrived(self) -> list[Receipt]:
        return list(self._receipts())

    def wait_for(self, count: int, limit: float) -> None:
        """Until so many arrived. Raises TimeoutError after so many seconds."""
        wait_for(lambda: len(self.arrived()) >= count, f"{count} events", limit, pause=0.005)

    def are_over(self) -> bool:
        return not WebhookDelivery.objects.pending().exists()

    def examine(self, row: Row, back: float, done: float) -> Row:
        """Fill in the row of a round that is over, and say in words which rules it breaks."""
        receipts = self.arrived()
        rows = list(WebhookDelivery.objects.values_list("endpoint__url", "event_id", "state"))
        meant = {(url.rpartition("/")[2], str(event_id)) for url, event_id, _ in rows}
        came = Counter((receipt.path.strip("/"), receipt.header_id) for receipt in receipts)
        states = Counter(state for _, _, state in rows)
        moments = [back, *(receipt.moment for receipt in receipts if back < receipt.moment < done), done]
        row.rounds, row.planned, row.at_the_sink = 1, len(rows), len(receipts)
        row.twice = sum(times - 1 for times in came.values())
        row.lost = len(meant - came.keys())
        row.recovered = round(max(after - before for before, after in pairwise(moments)), 1)
        longest = webhooks.LEASE.total_seconds() + QUICK
        rules = {
            f"{len(rows)} events were written": len(rows) != self.written,
            f"{row.lost} events lost": row.lost,
            f"{row.twice} events came again, {row.most_uncertain} allowed": row.twice > row.most_uncertain,
            "events came that nobody wrote": came.keys() - meant,
            "an event's header and body name two ids": any(one.header_id != one.body_id for one in receipts),
            f"the rows say {dict(states)}": states.keys() - {WebhookDelivery.State.DELIVERED.value},
            f"{row.recovered:.0f} s to recover": row.recovered > longest,
        }
        row.broken += [words for words, is_broken in rules.items() if is_broken]
        return row

    def _receipts(self) -> Iterator[Receipt]:
        with self._ledger.open("rb") as file:
            file.seek(self._known)
            for line in file:
                if line.endswith(b"\n"):
                    moment, path, header_id, body_id = line.decode().split()
                    yield Receipt(float(moment), path, header_id, body_id)
