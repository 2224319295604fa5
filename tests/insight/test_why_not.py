"""Why a digest was not sent to an address: one sentence, with the fact that decided."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db.models import Model
from pytest_django.fixtures import Settings

from mailer.audience.consent import Word, note
from mailer.audience.erasure import erase
from mailer.audience.suppressions import lift_suppression, suppress
from mailer.audience.uploads import keep_file
from mailer.feedback.unsubscribes import subscribe_again, unsubscribe_recipient
from mailer.insight.why_not import why_not
from mailer.models import (
    Attempt,
    Claim,
    ConsentEvent,
    Delivery,
    Digest,
    Import,
    Mailing,
    Recipient,
    RelayPause,
    Subscription,
    Suppression,
    TemplateVersion,
)
from mailer.scheduling.schedules import set_paused
from tests.build import finish

pytestmark = pytest.mark.django_db
SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
THAT_DAY = SUNDAY.date()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ADA = "person0@example.org"


@pytest.fixture
def ada(digest: Digest) -> Recipient:
    """Somebody who has been on the list for three weeks, as the digest has been there."""
    Digest.objects.update(created_at=SUNDAY - 30 * DAY, checked_through=SUNDAY + 2 * DAY)
    Subscription.objects.update(subscribed_at=SUNDAY - 21 * DAY, source="import people.csv")
    return Recipient.objects.get(email=ADA)


def add_mailing(digest: Digest, **values: object) -> Mailing:
    times = {"scheduled_for": SUNDAY, "started_at": SUNDAY, "finished_at": SUNDAY + HOUR, "status": "done"}
    return Mailing.objects.create(
        kind="digest", digest=digest, list=digest.list, version=TemplateVersion.objects.get(), **(times | values)
    )


def add_mail(digest: Digest, ada: Recipient, status: str, reason: str = "", **values: object) -> Delivery:
    mailing = Mailing.objects.first() or add_mailing(digest)
    return Delivery.objects.create(mailing=mailing, recipient=ada, status=status, reason=reason, **values)


def ask(digest: Digest, address: str = ADA, day: date | None = THAT_DAY) -> str:
    digest.refresh_from_db()
    return why_not(address, digest, day, SUNDAY + DAY).sentence


def evidence(digest: Digest) -> list[type[Model]]:
    return [type(row) for _, row in why_not(ADA, digest, THAT_DAY, SUNDAY + DAY).evidence]


def test_who_unsubscribed_is_told_when_and_how(digest: Digest, ada: Recipient):
    word = Word("one-click in a mail program", datetime(2026, 11, 19, 8, 14, tzinfo=UTC))
    unsubscribe_recipient(digest.list_id, ada.pk, word)
    add_mail(digest, ada, "skipped", "unsubscribed")
    assert ask(digest) == (
        "Skipped on Sun 22 Nov 2026 15:00 UTC: "
        "unsubscribed on Thu 19 Nov 2026 08:14 UTC by one-click in a mail program."
    )
    assert evidence(digest) == [Delivery, Mailing, Subscription]


def test_who_came_back_since_is_told_why_it_was_so_then(digest: Digest, ada: Recipient):
    unsubscribe_recipient(digest.list_id, ada.pk, Word("the link in a mail", SUNDAY - DAY))
    subscribe_again(digest.list_id, ada.pk, Word("the link in a mail", SUNDAY + 5 * HOUR))
    add_mail(digest, ada, "skipped", "unsubscribed")
    assert "unsubscribed on Sat 21 Nov 2026 15:00 UTC by the link in a mail" in ask(digest)


def test_a_suppressed_address_is_told_since_when_and_why_also_when_it_was_lifted(digest: Digest, ada: Recipient):
    held = suppress(Suppression(email=ADA, reason="hard_bounce", note="550 5.1.1"), SUNDAY)
    Suppression.objects.update(created_at=SUNDAY - 3 * DAY)
    held.refresh_from_db()
    add_mail(digest, ada, "skipped", "suppressed")
    since = "Thu 19 Nov 2026 15:00 UTC, because the address does not exist"
    assert f"the address is suppressed since {since} (550 5.1.1)" in ask(digest)
    assert Suppression in evidence(digest)
    lift_suppression(held, "a new mailbox", None, SUNDAY + 2 * HOUR)
    assert f"was suppressed from {since}, until Sun 22 Nov 2026 17:00 UTC (a new mailbox)" in ask(digest)


def test_a_pause_is_told(digest: Digest, ada: Recipient):
    add_mail(digest, ada, "skipped", "paused")
    Subscription.objects.update(paused_until=SUNDAY + 3 * DAY)
    assert "paused until Wed 25 Nov 2026 15:00 UTC" in ask(digest)
    note(digest.list_id, ada.pk, ConsentEvent.What.PAUSED, Word("their page", SUNDAY - DAY), "until 25 Nov 2026")
    assert "paused until 25 Nov 2026 on Sat 21 Nov 2026 15:00 UTC by their page" in ask(digest)


def test_what_was_sent_is_told_with_the_servers_answer(digest: Digest, ada: Recipient):
    add_mail(digest, ada, "sent", attempts=1, sent_at=SUNDAY, smtp_code=250, smtp_text="2.0.0 Ok")
    assert ask(digest) == ("It was sent on Sun 22 Nov 2026 15:00:00 UTC: the mail server took it with “250 2.0.0 Ok”.")


def test_of_two_mailings_of_a_day_the_one_that_was_sent_is_the_answer(digest: Digest, ada: Recipient):
    add_mail(digest, ada, "sent", attempts=1, sent_at=SUNDAY, smtp_code=250)
    again = add_mailing(digest, scheduled_for=SUNDAY + HOUR)
    Delivery.objects.create(mailing=again, recipient=ada, status="skipped", reason="empty")
    assert ask(digest).startswith("It was sent")
    assert evidence(digest).count(Delivery) == 2


def test_a_refusal_is_told_in_the_servers_words(digest: Digest, ada: Recipient):
    mail = add_mail(digest, ada, "failed", "address", attempts=1, smtp_code=550, smtp_text="5.1.1 No such user")
    Attempt.objects.create(delivery=mail, at=SUNDAY, outcome="recipient_rejected")
    told = "Failed on Sun 22 Nov 2026 15:00:00 UTC: the mail server refused the address: “550 5.1.1 No such user”."
    assert ask(digest) == told


@pytest.mark.parametrize(
    ("status", "reason", "sentence"),
    [
        ("uncertain", "no_answer", "It may have been sent"),
        ("bounced", "", "and it came back"),
        ("bounced", "gone", "and it came back: there is no such address"),
        ("complained", "", "and the person marked it as spam"),
        ("cancelled", "", "Cancelled before it left"),
        ("skipped", "empty", "nothing new for this person"),
    ],
)
def test_every_other_end_has_its_sentence(digest: Digest, ada: Recipient, status: str, reason: str, sentence: str):
    add_mail(digest, ada, status, reason, sent_at=SUNDAY)
    assert sentence in ask(digest)


def test_what_waits_is_told_with_what_it_waits_for(digest: Digest, ada: Recipient):
    mail = add_mail(digest, ada, "queued", "temporary", attempts=2, smtp_code=451, smtp_text="4.7.1 Greylisted")
    Delivery.objects.update(next_attempt_at=SUNDAY + HOUR)
    assert ask(digest) == (
        "Not yet: will be tried again Sun 22 Nov 2026 16:00 UTC, after 2 attempts: "
        "the mail server asked to try again later. It said “451 4.7.1 Greylisted”."
    )
    RelayPause.objects.create(relay="mail:25", reason="no route", retry_at=SUNDAY + HOUR)
    assert "the mail server can't be used since" in ask(digest)
    Mailing.objects.update(status="paused")
    assert "the mailing is paused" in ask(digest)
    Claim.objects.create(
        mailing=mail.mailing, first=mail.pk, last=mail.pk, made_at=SUNDAY, until=SUNDAY, task_id=UUID(int=1)
    )
    assert "a worker has it in hand" in ask(digest)


@pytest.mark.parametrize("status", ["skipped", "missed", "cancelled"])
def test_a_mailing_that_did_not_go_is_told_with_its_reason(digest: Digest, ada: Recipient, status: str):
    add_mailing(digest, status=status, reason="the digest was paused", started_at=None)
    assert ask(digest) == f"The whole mailing of Sun 22 Nov 2026 15:00 UTC was {status}: the digest was paused."


def test_who_was_not_on_the_list_then_is_told_how_it_was(digest: Digest, ada: Recipient):
    add_mailing(digest)
    assert "Was on News by what is known" in ask(digest)
    Subscription.objects.update(subscribed_at=SUNDAY + HOUR)
    assert ask(digest) == (
        "Was not on News yet on Sun 22 Nov 2026 15:00 UTC: "
        "subscribed on Sun 22 Nov 2026 16:00 UTC by import people.csv."
    )
    Subscription.objects.update(subscribed_at=SUNDAY - DAY, status="pending")
    assert ask(digest).startswith("Had not confirmed on")
    Subscription.objects.update(status="unsubscribed", unsubscribed_at=SUNDAY - HOUR)
    assert "any more on Sun 22 Nov 2026 15:00 UTC: unsubscribed on Sun 22 Nov 2026 14:00" in ask(digest)
    Subscription.objects.all().delete()
    assert ask(digest) == "Was never on News, to which this digest goes."


def test_a_mailing_for_other_time_zones_is_told(digest: Digest, ada: Recipient):
    add_mailing(digest, is_local=True, time_zone="Asia/Tokyo", scheduled_for=datetime(2026, 11, 22, 6, tzinfo=UTC))
    told = ask(digest)
    assert "This one's zone is UTC" in told
    assert "Asia/Tokyo" in told


def test_a_day_is_the_mailings_own(digest: Digest, ada: Recipient):
    late = datetime(2026, 11, 21, 16, tzinfo=UTC)  # in Tokyo it is Sunday
    add_mailing(digest, is_local=True, time_zone="Asia/Tokyo", scheduled_for=late)
    Recipient.objects.update(time_zone="Asia/Tokyo")
    add_mail(digest, ada, "skipped", "empty")
    assert "nothing new for this person" in ask(digest)


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (date(2026, 12, 24), "Thu 24 Dec 2026 is still to come."),
        (date(2025, 1, 1), "Nobody can say any more: the log is kept for 400 days."),
        (date(2026, 10, 1), "News did not exist on Thu 1 Oct 2026: it was made on"),
        (date(2026, 11, 15), "its schedule names no time on that day"),
        (None, "News has not gone out yet."),
    ],
)
def test_a_day_without_a_mailing_is_told(digest: Digest, ada: Recipient, day: date | None, sentence: str):
    assert sentence in ask(digest, day=day)


def test_a_schedule_that_nobody_looked_at_is_told(digest: Digest, ada: Recipient):
    Digest.objects.update(checked_through=SUNDAY - HOUR)
    assert "its schedule was looked at until Sun 22 Nov 2026 14:00 UTC" in ask(digest)


def test_without_a_day_the_last_mailing_is_meant(digest: Digest, ada: Recipient):
    add_mailing(digest, scheduled_for=SUNDAY - DAY, status="skipped", reason="nothing new since the last digest")
    add_mail(digest, ada, "sent", sent_at=SUNDAY)
    assert ask(digest, day=None).startswith("It was sent on Sun 22 Nov")


def test_an_address_that_nobody_has_is_told_with_what_is_known_of_it(digest: Digest, ada: Recipient):
    nobody = "Nobody here has the address nobody@example.org: it was never added, or it was deleted."
    assert ask(digest, "nobody@example.org") == nobody
    assert "is not a whole mail address" in ask(digest, "person0")
    suppress(Suppression(email="nobody@example.org"), SUNDAY)
    assert "suppressed besides: suppressed by staff" in ask(digest, "nobody@example.org")
    erase(ada, "", None, SUNDAY)
    assert ask(digest) == "The person with this address was erased on Sun 22 Nov 2026 15:00 UTC."


def test_an_address_in_a_bad_line_of_an_import_is_told_which_and_why(
    digest: Digest, ada: Recipient, settings: Settings, tmp_path: Path
):
    settings.IMPORT_DIR = tmp_path
    imported = keep_file(digest.list, "people.csv", [b"email,tz\nbob@example.org,UTC\nEve@Example.org,Mars/Base\n"])
    finish(imported, Import.State.RUNNING)
    told = ask(digest, "eve@example.org")
    assert told.startswith("Nobody here has the address eve@example.org: line 3 of people.csv, imported on ")
    assert "Mars/Base" in told


def test_that_a_digest_is_paused_now_is_added(digest: Digest, ada: Recipient):
    set_paused(digest, True)
    add_mail(digest, ada, "skipped", "paused")
    assert ask(digest).endswith(f"{digest} is paused now.")


def test_who_wants_one_mail_a_week_is_told_on_which_day_it_goes(digest: Digest, ada: Recipient):
    add_mailing(digest)
    Subscription.objects.update(cadence="weekly")
    assert (
        ask(digest)
        == ask(digest, day=None)
        == (
            "Wanted one mail a week, which goes on Mondays with all since the last: "
            "the mailing of Sun 22 Nov 2026 15:00 UTC was for those who want each."
        )
    )


def test_how_often_is_told_as_it_was_then(digest: Digest, ada: Recipient):
    add_mailing(digest, is_weekly=True)
    note(digest.list_id, ada.pk, ConsentEvent.What.CADENCE, Word("their page", SUNDAY + HOUR), "Once a week")
    Subscription.objects.update(cadence="weekly")
    assert "Wanted each digest" in ask(digest)


def test_of_the_mailings_of_one_time_the_last_is_the_one_that_was_meant(digest: Digest, ada: Recipient):
    add_mailing(digest, status="skipped", reason="nothing new")
    add_mailing(digest, is_weekly=True)
    assert "was skipped: nothing new" in ask(digest, day=None)
