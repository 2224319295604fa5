"""Makes rows for tests, each with what matters to a test and defaults for the rest."""

from datetime import UTC, datetime, time, timedelta

from mailer.models import Digest, DigestItem, EmailTemplate, Import, Recipient, RecipientList, Subscription
from mailer.scheduling.schedules import Schedule, set_schedule
from mailer.tasks import work_on_import

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def make_list(slug: str, people: int = 0) -> RecipientList:
    made = RecipientList.objects.create(slug=slug, name=slug.capitalize())
    for number in range(people):
        subscribe(made, f"person{number}@example.org", name=f"Person {number}")
    return made


def subscribe(mailing_list: RecipientList, email: str, **values: object) -> Recipient:
    recipient, _ = Recipient.objects.get_or_create(email=email, defaults=values)
    Subscription.objects.create(list=mailing_list, recipient=recipient)
    return recipient


def make_digest(
    mailing_list: RecipientList, template: EmailTemplate, schedule: Schedule | None = None, **values: object
) -> Digest:
    made = Digest.objects.create(
        slug=mailing_list.slug, name=mailing_list.name, list=mailing_list, template=template, **values
    )
    set_schedule(made, schedule or Schedule(time(15)))
    Digest.objects.filter(pk=made.pk).update(checked_through=MORNING)
    made.refresh_from_db()
    return made


def make_item(mailing_list: RecipientList, title: str = "Something new", **values: object) -> DigestItem:
    defaults = {"published_at": MORNING - timedelta(days=1)}
    return DigestItem.objects.create(list=mailing_list, title=title, **(defaults | values))


def finish(imported: Import, state: Import.State) -> None:
    """Bring an import into the state and do, here and now, what a worker does with it then."""
    Import.objects.filter(pk=imported.pk).update(state=state)
    work_on_import(imported.pk)
    imported.refresh_from_db()
