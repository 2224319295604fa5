"""The log is deleted in pieces, between which everybody else can write."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from mailer.models import Delivery, Digest, Mailing, MailingItem, Recipient, RecipientList
from mailer.sending import retention
from tests.build import make_item, make_list, make_sent_mail

OLD, BEFORE = datetime(2020, 1, 1, 15, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture
def old(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> Mailing:
    """A mailing with six deliveries and five items, which are deleted two at a time."""
    monkeypatch.setattr(retention, "STEP", 2)
    mailing = make_sent_mail(digest, "ada@example.org", OLD).mailing
    make_list("others", people=8)
    people = Recipient.objects.exclude(email="ada@example.org")[:5]
    Delivery.objects.bulk_create(Delivery(mailing=mailing, recipient=person, status="sent") for person in people)
    MailingItem.objects.bulk_create(
        MailingItem(mailing=mailing, item=make_item(digest.list, f"Item {number}"), position=number)
        for number in range(5)
    )
    return mailing


def write_as_another(name: str) -> None:
    """By a connection of its own, as another worker has it."""

    def write() -> None:
        try:
            RecipientList.objects.update(name=name)
        finally:
            connection.close()

    thread = Thread(target=write)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "who wanted to write had to wait"


@pytest.mark.django_db(transaction=True)
def test_others_write_between_two_pieces_and_see_what_is_gone(old: Mailing) -> None:
    left: list[int] = []

    def look_on(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('SELECT "mailer_delivery"."id"') and "LIMIT 2" in sql:
            assert not connection.in_atomic_block
            write_as_another(f"after {len(left)}")
            left.append(1)
        return result

    with connection.execute_wrapper(look_on):
        counts = retention.purge_log(BEFORE)
    assert (counts["mailings"], counts["deliveries"], len(left)) == (1, 6, 4)
    assert RecipientList.objects.values_list("name", flat=True).first() == "after 3"


@pytest.mark.django_db
def test_no_statement_deletes_more_than_a_piece(old: Mailing) -> None:
    sizes: list[int] = []

    def look_on(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("DELETE"):
            sizes.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(look_on):
        retention.purge_log(BEFORE)
    assert max(sizes) == 2
    assert not Mailing.objects.filter(pk=old.pk).exists()
    assert not MailingItem.objects.exists()


@pytest.mark.django_db
def test_an_open_mailing_stays_however_old(old: Mailing) -> None:
    Mailing.objects.filter(pk=old.pk).update(status="paused")
    assert retention.purge_log(BEFORE)["mailings"] == 0
    assert Delivery.objects.filter(mailing=old).count() == 6
