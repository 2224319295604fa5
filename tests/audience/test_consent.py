"""Each change of a person's standing with a list is kept, and so what it was at any time is known."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from mailer.audience.consent import Word, note_changes, note_removals
from mailer.audience.history import Moment, history_of, standing
from mailer.audience.uploads import keep_file
from mailer.feedback.unsubscribes import subscribe_again, unsubscribe_everywhere, unsubscribe_recipient
from mailer.models import ConsentEvent, Import, Recipient, Subscription
from tests.build import MORNING, finish, make_list, subscribe

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def ada() -> Recipient:
    person = subscribe(make_list("news"), "ada@example.org")
    Subscription.objects.update(subscribed_at=MORNING - 10 * DAY, source="import people.csv")
    return person


def told(person: Recipient) -> list[tuple[str, str]]:
    return [(moment.what, moment.source) for moment in history_of(person)]


def standing_of(person: Recipient, at: datetime) -> Moment | None:
    return standing(history_of(person), Subscription.objects.get(recipient=person).list, at)


def test_how_somebody_came_is_told_by_their_subscription_without_an_event(ada: Recipient):
    assert told(ada) == [("subscribed", "import people.csv")]
    assert not ConsentEvent.objects.exists()


def test_who_left_and_came_back_has_both_on_record_with_who_said_so(ada: Recipient):
    anna = User.objects.create_user("anna")
    news = Subscription.objects.get().list_id
    assert unsubscribe_recipient(news, ada.pk, Word("one-click in a mail program", MORNING))
    assert not unsubscribe_recipient(news, ada.pk, Word("the link in a mail", MORNING + DAY))
    assert subscribe_again(news, ada.pk, Word("staff: asked by phone", MORNING + 2 * DAY, anna))
    assert told(ada) == [
        ("subscribed", "import people.csv"),
        ("unsubscribed", "one-click in a mail program"),
        ("resubscribed", "staff: asked by phone"),
    ]
    assert history_of(ada)[-1].by == anna
    assert Subscription.objects.get().source == "import people.csv"


def test_an_import_that_subscribes_somebody_again_and_its_undoing_keep_what_was_before(
    ada: Recipient, settings: Settings, tmp_path: Path
):
    settings.IMPORT_DIR = tmp_path
    Subscription.objects.update(status="unsubscribed", unsubscribed_at=MORNING - DAY, source="the link in a mail")
    imported = keep_file(Subscription.objects.get().list, "x.csv", [b"email\nada@example.org\n"])
    Import.objects.update(resubscribe=True, reason="by letter")
    finish(imported, Import.State.RUNNING)
    came_back = f"import {imported.pk}: x.csv, subscribed again: by letter"
    expected = [("subscribed", ""), ("unsubscribed", "the link in a mail"), ("resubscribed", came_back)]
    assert told(ada) == expected
    finish(imported, Import.State.UNDOING)
    assert told(ada) == [*expected, ("unsubscribed", f"the undoing of import {imported.pk}")]


def test_how_an_imported_person_had_left_is_kept_when_staff_subscribe_them_again(ada: Recipient):
    Subscription.objects.update(status="unsubscribed", unsubscribed_at=MORNING - DAY, source="the link in a mail")
    before, after = Subscription.objects.get(), Subscription.objects.get()
    after.status, after.unsubscribed_at = "active", None
    after.save()
    note_changes(before, after, Word("staff", MORNING))
    assert ("unsubscribed", "the link in a mail") in told(ada)


def test_what_somebody_was_to_a_list_is_known_for_any_time(ada: Recipient):
    news = Subscription.objects.get().list
    unsubscribe_recipient(news.pk, ada.pk, Word("the link in a mail", MORNING))
    assert standing_of(ada, MORNING - 11 * DAY) is None
    before, after = standing_of(ada, MORNING - DAY), standing_of(ada, MORNING)
    assert before is not None
    assert before.status == "active"
    assert after is not None
    assert (after.status, after.source) == ("unsubscribed", "the link in a mail")


def test_leaving_all_lists_leaves_each(ada: Recipient):
    Subscription.objects.create(list=make_list("sport"), recipient=ada)
    assert unsubscribe_everywhere(ada.pk, Word("a letter", MORNING)) == 2
    assert unsubscribe_everywhere(ada.pk, Word("a letter", MORNING)) == 0
    assert ConsentEvent.objects.filter(what="unsubscribed").count() == 2


def test_who_left_before_events_were_kept_is_told_by_the_row(ada: Recipient):
    Subscription.objects.update(status="unsubscribed", unsubscribed_at=MORNING, source="the link in a mail")
    assert told(ada) == [("subscribed", ""), ("unsubscribed", "the link in a mail")]


def test_who_waits_for_confirmation_has_asked_and_no_more(ada: Recipient):
    Subscription.objects.update(status="pending")
    assert [moment.status for moment in history_of(ada)] == ["pending"]
    Subscription.objects.update(status="active", confirmed_at=MORNING)
    assert [moment.what for moment in history_of(ada)] == ["asked", "confirmed"]


def test_a_form_that_changes_several_things_keeps_each(ada: Recipient):
    before, after = Subscription.objects.get(), Subscription.objects.get()
    after.status, after.cadence, after.paused_until = "unsubscribed", "weekly", MORNING + DAY
    note_changes(before, after, Word("staff", MORNING))
    after.paused_until, before.paused_until = None, MORNING
    note_changes(before, after, Word("staff", MORNING))
    kept = [(event.what, event.detail) for event in ConsentEvent.objects.all()]
    assert ("cadence", "Once a week") in kept
    assert ("paused", "until 24 Nov 2026 08:00 UTC") in kept
    assert ("resumed", "") in kept


def test_who_was_taken_off_a_list_and_put_on_again_keeps_their_history(ada: Recipient):
    row = Subscription.objects.get()
    unsubscribe_recipient(row.list_id, ada.pk, Word("the link in a mail", MORNING - 5 * DAY))
    subscribe_again(row.list_id, ada.pk, Word("the link in a mail", MORNING - 4 * DAY))
    note_removals(Subscription.objects.all(), Word("staff", MORNING))
    Subscription.objects.all().delete()
    kept = ["subscribed", "unsubscribed", "resubscribed", "removed"]
    assert [moment.what for moment in history_of(ada)] == kept
    assert history_of(ada)[0].source == "import people.csv"
    Subscription.objects.create(list=row.list, recipient=ada, source="sign-up")
    assert told(ada)[-1] == ("subscribed", "sign-up")
    assert len(told(ada)) == 5
