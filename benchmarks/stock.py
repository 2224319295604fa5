"""What is in the database before anything is measured: people, lists, items, digests."""

from datetime import timedelta
from itertools import count

from django.db import connection
from django.utils import timezone

from mailer.models import Digest, DigestItem, EmailTemplate, Recipient, RecipientList, Subscription
from mailer.scheduling.schedules import Schedule, set_schedule

ITEMS = 8

_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(%s, %s) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM s WHERE n < %s) SELECT n FROM s",
}
_PEOPLE = """
INSERT INTO mailer_recipient (email, name, time_zone, language, attributes, created_at)
SELECT 'person' || n || '@example.org', 'Person ' || n, '', '', '{{"city": "Berlin", "points": 12}}', CURRENT_TIMESTAMP
FROM ({numbers}) AS numbers
"""
_SUBSCRIPTIONS = """
INSERT INTO mailer_subscription (list_id, recipient_id, status, cadence, source, subscribed_at)
SELECT %s, id, 'active', 'daily', '', CURRENT_TIMESTAMP FROM mailer_recipient ORDER BY id LIMIT %s
"""
_numbers = count(1)


def make_list(slug: str, people: int) -> RecipientList:
    """A list with the first so many recipients, who are made if they are missing."""
    made = RecipientList.objects.create(slug=slug, name="The Afternoon", description="What is new in the harbour")
    have = Recipient.objects.count()
    with connection.cursor() as cursor:
        if people > have:
            cursor.execute(_PEOPLE.format(numbers=_NUMBERS[connection.vendor]), [have + 1, people])
        cursor.execute(_SUBSCRIPTIONS, [made.pk, people])
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE) mailer_recipient, mailer_subscription")
    return made


def add_shared_items(mailing_list: RecipientList) -> None:
    """Eight items for everybody."""
    DigestItem.objects.bulk_create([_item(mailing_list, number) for number in range(ITEMS)])


def add_personal_items(mailing_list: RecipientList) -> None:
    """Eight items for each recipient, no two alike."""
    members = Subscription.objects.filter(list=mailing_list).values_list("recipient", flat=True)
    items = [
        _item(mailing_list, recipient * ITEMS + number, recipient) for recipient in members for number in range(ITEMS)
    ]
    DigestItem.objects.bulk_create(items, batch_size=500)


def make_digest(mailing_list: RecipientList) -> Digest:
    """A digest that is due at the minute that runs, and to which all items of the list are new."""
    slug = f"{mailing_list.slug}-{next(_numbers)}"
    template = EmailTemplate.objects.get(slug="digest")
    digest = Digest.objects.create(slug=slug, name="The Afternoon", list=mailing_list, template=template)
    now = timezone.now()
    set_schedule(digest, Schedule(now.time().replace(second=0, microsecond=0)))
    digest.checked_through = now - timedelta(minutes=2)
    digest.save()
    return digest


def _item(mailing_list: RecipientList, number: int, recipient: int | None = None) -> DigestItem:
    return DigestItem(
        list=mailing_list,
        recipient_id=recipient,
        title=f"Number {number}: the harbour is open again after the storm",
        summary=f"Item {number} says in a few sentences what has happened since yesterday. " * 3,
        # No list has the links of another: who got one there would not get it here again.
        url=f"https://news.example.org/{mailing_list.slug}/{number}?from=digest&day=today",
        image_url=f"https://news.example.org/pictures/{number}.jpg" if number % 2 else "",
        category=("Harbour", "Town", "Culture")[number % 3],
        published_at=timezone.now() - timedelta(hours=1 + number % 12),
    )
