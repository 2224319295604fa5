"""The log's search finds what a plain look at every row finds, page by page, and looks at a bounded number of rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import pytest
from django.db import connection
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from mailer.insight import log_filters, log_scope, log_walks
from mailer.insight.log_filters import LOG_ORDER, LogFilter, Page, find_deliveries
from mailer.models import Delivery, EmailTemplate, Mailing, Recipient, RecipientList, Subscription, TemplateVersion
from mailer.sending.record import count_again

FIRST_DAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OUTCOMES = [
    ("sent", "", 250),
    ("sent", "", 250),
    ("sent", "", 250),
    ("failed", "address", 550),
    ("failed", "refused", 554),
    ("skipped", "unsubscribed", None),
    ("bounced", "", 550),
    ("complained", "", 250),
    ("uncertain", "no_answer", None),
    ("cancelled", "", None),
]
OPEN_OUTCOMES = [*OUTCOMES, ("queued", "", None), ("queued", "temporary", 451)]
DOMAINS = ["example.org", "example.org", "example.com", "xn--mller-kva.example"]


@pytest.fixture
def log(db: None) -> list[RecipientList]:
    """Two lists of thirty people, six mailings to each on three days, and single mails to people on no list."""
    chance = Random(4)  # noqa: S311 - the same log each time
    template = EmailTemplate.objects.create(slug="digest", name="Digest")
    version = TemplateVersion.objects.create(template=template, number=1, subject="", html="", text="")
    lists = [RecipientList.objects.create(slug=slug, name=slug) for slug in ("news", "town")]
    people = [_person(number, chance) for number in range(60)]
    Subscription.objects.bulk_create(Subscription(list=lists[n % 2], recipient=one) for n, one in enumerate(people))
    for number in range(12):
        mailing = Mailing.objects.create(
            kind="digest",
            list=lists[number % 2],
            version=version,
            status="sending" if number > 9 else "done",
            scheduled_for=FIRST_DAY + timedelta(days=number % 3),
        )
        chosen = people[number % 2 :: 2]
        _deliver(mailing, chance.sample(chosen, 25), OPEN_OUTCOMES if number > 9 else OUTCOMES, chance)
    for one in (_person(number, chance) for number in range(60, 70)):
        single = Mailing.objects.create(
            kind="notification", recipient=one, version=version, status="done", scheduled_for=FIRST_DAY
        )
        _deliver(single, [one], OUTCOMES, chance)
    return lists


@pytest.fixture(params=["small steps", "as it is"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stretches so short that this log has many of them, too."""
    if request.param == "small steps":
        for module, name, value in (
            (log_walks, "SHORT", 3), (log_walks, "LONG", 10), (log_walks, "TOGETHER", 20),
            (log_filters, "FEW_PEOPLE", 20), (log_filters, "MOST_EXAMINED", 30), (log_scope, "CHUNK", 3),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, value)


def test_each_combination_finds_what_a_look_at_every_row_finds(log: list[RecipientList], steps: None) -> None:
    rows = list(Delivery.objects.order_by(*LOG_ORDER).select_related("mailing", "recipient"))
    combinations = product(
        (None, FIRST_DAY.date(), date(2026, 11, 1)),
        (None, log[0].pk),
        ("", *Delivery.Status.values),
        ("", "address", "temporary"),
        ("", "example.com", " @MÜLLER.example", "no domain"),
        (None, 250, 550),
    )
    for day, list_id, status, reason, domain, code in Random(2026).sample(list(combinations), 200):  # noqa: S311
        wanted = LogFilter(day, list_id, None, status, reason, domain, code)
        expected = [row.pk for row in rows if _is_wanted(row, wanted)]
        assert [pk for page in _pages(wanted, 7) for pk in page.ids] == expected, wanted


def test_one_mailings_deliveries_are_found_by_its_id(log: list[RecipientList], steps: None) -> None:
    for mailing in Mailing.objects.all():
        everything = [pk for page in _pages(LogFilter(mailing_id=mailing.pk), 10) for pk in page.ids]
        assert everything == list(mailing.deliveries.order_by(*LOG_ORDER).values_list("pk", flat=True))


def test_a_search_for_what_is_not_there_stops_and_says_how_far_it_came(
    log: list[RecipientList], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_walks, "SHORT", 20)
    monkeypatch.setattr(log_filters, "MOST_EXAMINED", 60)
    page = find_deliveries(LogFilter(smtp_code=299), None, 50)
    assert page.ids == []
    assert page.next_before is not None
    assert page.searched_back_to == Delivery.objects.get(pk=page.next_before).mailing.scheduled_for
    assert list(_pages(LogFilter(smtp_code=299), 50))[-1] == Page([], None, None)


def test_a_full_page_says_nothing_of_how_far_it_came(log: list[RecipientList]) -> None:
    page = find_deliveries(LogFilter(), None, 50)
    assert len(page.ids) == 50
    assert page.next_before == page.ids[-1]
    assert page.searched_back_to is None


def test_the_next_page_is_found_although_the_last_row_was_deleted_meanwhile(log: list[RecipientList]) -> None:
    page = find_deliveries(LogFilter(), None, 10)
    following = find_deliveries(LogFilter(), page.next_before, 10).ids
    Delivery.objects.filter(pk=page.next_before).delete()
    assert find_deliveries(LogFilter(), page.next_before, 10).ids == following


def test_the_mails_of_an_erased_person_are_found_but_not_by_domain(log: list[RecipientList]) -> None:
    mail = Delivery.objects.filter(recipient__email__endswith="@example.com", status="failed").latest("pk")
    Recipient.objects.filter(pk=mail.recipient_id).delete()
    assert mail.pk in find_deliveries(LogFilter(status="failed"), None, 500).ids
    assert mail.pk not in find_deliveries(LogFilter(status="failed", domain="example.com"), None, 500).ids


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (LogFilter(status="failed"), "delivery_by_status"),
        (LogFilter(reason="address"), "delivery_by_reason"),
        (LogFilter(smtp_code=550), "delivery_by_code"),
        (LogFilter(), "delivery_once_a_mailing"),
    ],
    ids=str,
)
def test_each_search_goes_along_its_index(wanted: LogFilter, index: str, db: None) -> None:
    rows = next(iter(log_walks.stretches(log_filters._search(wanted), log_walks.Place(5, 5)))).matching
    assert _is_by(rows, index)
    assert _is_by(Recipient.objects.at_domain("example.org").order_by(), "recipient_by_domain")


def _is_by(rows: QuerySet, index: str) -> bool:  # type: ignore[type-arg]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = rows.explain()
    unique_key = index == "delivery_once_a_mailing" and "sqlite_autoindex_mailer_delivery" in plan
    return (index in plan or unique_key) and "SORT" not in plan.upper().replace("SORT KEY", "") and "B-TREE" not in plan


def _pages(wanted: LogFilter, count: int) -> Iterator[Page]:
    page = Page([], None)
    for _ in range(1000):
        page = find_deliveries(wanted, page.next_before, count)
        yield page
        if page.next_before is None:
            return
    raise AssertionError("the pages never end")


def _is_wanted(row: Delivery, wanted: LogFilter) -> bool:
    domain = row.recipient.email.partition("@")[2]
    typed = {" @MÜLLER.example": "xn--mller-kva.example"}.get(wanted.domain, wanted.domain)
    return (
        (wanted.day is None or row.mailing.scheduled_for.date() == wanted.day)
        and wanted.list_id in (None, row.mailing.list_id)
        and wanted.status in ("", row.status)
        and wanted.reason in ("", row.reason)
        and typed in ("", domain)
        and wanted.smtp_code in (None, row.smtp_code)
    )


def _person(number: int, chance: Random) -> Recipient:
    return Recipient.objects.create(email=f"person{number}@{chance.choice(DOMAINS)}")


def _deliver(
    mailing: Mailing, people: list[Recipient], outcomes: list[tuple[str, str, int | None]], chance: Random
) -> None:
    drawn = [(person, *chance.choice(outcomes)) for person in sorted(people, key=lambda person: person.pk)]
    Delivery.objects.bulk_create(
        Delivery(mailing=mailing, recipient=person, status=status, reason=reason, smtp_code=code)
        for person, status, reason, code in drawn
    )
    count_again(mailing)
    mailing.save()


def test_what_no_mail_can_be_is_not_looked_for(
    log: list[RecipientList], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for impossible in (LogFilter(status="sent", smtp_code=550), LogFilter(status="sent", reason="address")):
        with django_assert_num_queries(0):
            assert find_deliveries(impossible, None, 7) == Page([], None)
