"""The order that staff give to items is the order in the mail."""

from datetime import datetime

import pytest

from mailer.models import Digest, DigestItem
from mailer.scheduling.arranging import arrange, move
from mailer.scheduling.planning import plan_now
from tests.build import MORNING, make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def items(digest: Digest) -> list[DigestItem]:
    """Three, the newest first."""
    return [
        make_item(digest.list, title, published_at=MORNING.replace(hour=hour))
        for title, hour in zip("abc", (7, 6, 5), strict=True)
    ]


def waiting(digest: Digest, now: datetime) -> str:
    return "".join(item.title for item in DigestItem.objects.waiting(digest, now))


def test_without_a_place_the_newest_is_first(digest: Digest, items: list[DigestItem], now: datetime):
    assert waiting(digest, now) == "abc"


def test_an_item_moves_up_and_down_and_not_beyond(digest: Digest, items: list[DigestItem], now: datetime):
    for item, by, expected in ((2, -1, "acb"), (2, -1, "cab"), (2, -1, "cab"), (1, 1, "cab"), (2, 1, "acb")):
        move(digest, items[item].pk, by, now)
        assert waiting(digest, now) == expected


def test_the_mail_keeps_to_the_order(digest: Digest, items: list[DigestItem], now: datetime):
    arrange(digest, [items[1].pk, items[2].pk, 999], now)
    mailing = plan_now(digest, now)
    assert "".join(entry.item.title for entry in mailing.mailing_items.order_by("position")) == "bca"


def test_what_comes_later_follows_those_that_have_a_place(digest: Digest, items: list[DigestItem], now: datetime):
    arrange(digest, [items[2].pk], now)
    make_item(digest.list, "d", published_at=MORNING)
    assert waiting(digest, now) == "cabd"


def test_an_item_of_another_list_or_one_that_was_sent_is_not_moved(
    digest: Digest, items: list[DigestItem], now: datetime
):
    plan_now(digest, now)
    move(digest, items[0].pk, 1, now)
    assert set(DigestItem.objects.values_list("position", flat=True)) == {None}
