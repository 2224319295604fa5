"""After a restore nothing goes out a second time unasked, and no Message-ID is given again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from mailer.models import Delivery, Digest, Mailing
from mailer.scheduling.notifications import plan_notification
from mailer.scheduling.planning import plan_due, plan_now
from mailer.scheduling.restoring import REASON, SKIPPED_IDS, Held, hold_after_restore
from mailer.sending.control import resume_mailing
from tests.build import make_item

pytestmark = pytest.mark.django_db
THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
def restored(digest: Digest) -> Digest:
    """A service as a backup from the morning knows it, with a mailing half sent; it is a quarter past three."""
    make_item(digest.list)
    plan_now(digest, THREE - timedelta(hours=5))
    make_item(digest.list, "Something newer")
    return digest


def test_what_was_open_is_paused_and_what_fell_due_since_is_skipped_with_a_reason(restored: Digest):
    now = THREE + timedelta(minutes=15)
    single = plan_notification(THREE, "ada@example.org", "digest", {"count": 1, "items": []})
    assert hold_after_restore(now) == Held(paused=2, skipped=1)
    assert set(Mailing.objects.values_list("status", "reason")) == {("paused", REASON), ("skipped", REASON)}
    skipped = Mailing.objects.get(status="skipped")
    assert (skipped.scheduled_for, skipped.finished_at) == (THREE, now)
    assert plan_due(now) == [], "neither a tick nor beat sends it"
    restored.refresh_from_db()
    assert not restored.paused
    assert resume_mailing(single.pk, now)


def test_the_next_digest_goes_out_as_ever_with_what_is_new(restored: Digest):
    hold_after_restore(THREE + timedelta(minutes=15))
    (mailing,) = plan_due(THREE + timedelta(days=1))
    assert [entry.item.title for entry in mailing.mailing_items.all()] == ["Something newer"]


def test_doing_it_twice_changes_nothing_more(restored: Digest):
    now = THREE + timedelta(minutes=15)
    hold_after_restore(now)
    before = list(Mailing.objects.order_by("pk").values())
    assert hold_after_restore(now) == Held(0, 0)
    assert list(Mailing.objects.order_by("pk").values()) == before


def test_ids_that_were_given_after_the_backup_are_not_given_again(restored: Digest):
    last = {model: model._default_manager.latest("pk").pk for model in SKIPPED_IDS}
    hold_after_restore(THREE)
    make_item(restored.list, "More")
    made = plan_now(restored, THREE + timedelta(hours=1))
    assert made.pk > last[Mailing] + SKIPPED_IDS[Mailing]
    assert made.deliveries.earliest("pk").pk > last[Delivery] + SKIPPED_IDS[Delivery]


def test_the_command_wants_to_be_meant_and_says_what_it_did(restored: Digest, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(CommandError, match="--yes"):
        call_command("hold_after_restore")
    assert Mailing.objects.filter(status="sending").exists()
    call_command("hold_after_restore", "--yes")
    assert "Paused 1 mailing, skipped " in capsys.readouterr().out
