"""Taking deliveries: who they are for is read right before sending."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from mailer.models import Claim, Delivery, Digest, Mailing, Recipient
from mailer.scheduling.planning import plan_now
from mailer.sending.claim import Range, Run, claim
from mailer.sending.journal import Journal
from tests.build import make_item

pytestmark = pytest.mark.django_db
TASK = UUID(int=7)


@pytest.fixture
def mailing(digest: Digest, now: datetime) -> Mailing:
    make_item(digest.list)
    return plan_now(digest, now)


class Retried(Journal):
    """A moment after the claim is chosen, staff have the failed mails in it sent again."""

    def claimed(self, claim: Claim) -> None:
        super().claimed(claim)
        Delivery.objects.filter(status="failed").update(status="queued", next_attempt_at=None)


def test_who_is_put_back_into_the_queue_between_the_two_looks_is_found_too(
    mailing: Mailing, now: datetime, tmp_path: Path
):
    _, second, _ = mailing.deliveries.order_by("pk")
    newest = Recipient.objects.create(email="newest@example.org")
    Delivery.objects.filter(pk=second.pk).update(recipient=newest, status="failed")
    taken = claim(Range(mailing.pk, 0, 2**62), 500, now + timedelta(minutes=1), Run(TASK, Retried(tmp_path)))
    assert [claimed.person and claimed.person.email for claimed in taken] == [
        "person0@example.org", "newest@example.org", "person2@example.org",
    ]  # fmt: skip


def test_who_was_erased_is_nobody_and_hides_nobody_else(mailing: Mailing, now: datetime, tmp_path: Path):
    Recipient.objects.filter(email="person1@example.org").delete()
    taken = claim(Range(mailing.pk, 0, 2**62), 500, now + timedelta(minutes=1), Run(TASK, Journal(tmp_path)))
    assert [claimed.person and claimed.person.email for claimed in taken] == [
        "person0@example.org", None, "person2@example.org",
    ]  # fmt: skip
