"""Makes rows for tests, each with what matters to a test and defaults for the rest."""

from datetime import UTC, datetime, time, timedelta

from mailer.models import (
    Delivery,
    Digest,
    DigestItem,
    EmailTemplate,
    Import,
    Mailing,
    Recipient,
    RecipientList,
    Subscription,
    TemplateVersion,
)
from mailer.scheduling.schedules import Schedule, set_schedule
from mailer.sending.commands import Envelope
from mailer.tasks import work_on_import

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def make_list(slug: str, people: int = 0) -> RecipientList:
    """With so many people, who may be on other lists already."""
    made = RecipientList.objects.create(slug=slug, name=slug.capitalize())
    names = {f"person{number}@example.org": f"Person {number}" for number in range(people)}
    here = [Recipient(email=email, name=name) for email, name in names.items()]
    Recipient.objects.bulk_create(here, ignore_conflicts=True)
    there = Recipient.objects.filter(email__in=names).order_by("pk")
    Subscription.objects.bulk_create(Subscription(list=made, recipient=recipient) for recipient in there)
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


def make_notification_template() -> EmailTemplate:
    """With the fields of the shipped one, and little else."""
    made = EmailTemplate.objects.create(slug="notification", name="Notification")
    TemplateVersion.objects.create(
        template=made, number=1, subject="{{ heading }}", html="<p>{{ message }}</p>", text="{{ message }}",
        sample={"heading": "", "message": "", "button_text": "", "button_url": ""},
    )  # fmt: skip
    return made


def make_item(mailing_list: RecipientList, title: str = "Something new", **values: object) -> DigestItem:
    defaults = {"published_at": MORNING - timedelta(days=1)}
    return DigestItem.objects.create(list=mailing_list, title=title, **(defaults | values))


def make_envelopes(number: int) -> list[Envelope]:
    """Mails that are ready, with ids from 0."""
    body = b"Subject: x\r\n\r\nx\r\n.\r\n"
    return [Envelope(pk, "a@example.org", f"{pk}@example.org", body) for pk in range(number)]


def make_sent_mail(digest: Digest, address: str, at: datetime, status: str = "sent") -> Delivery:
    """A mail to the digest's list that left at that time, as if by a mailing of its own."""
    person = Recipient.objects.filter(email=address).first() or subscribe(digest.list, address)
    mailing = Mailing.objects.create(
        kind="announcement", list=digest.list, version=digest.template.versions.get(), scheduled_for=at,
        started_at=at, status="done", planned=1, **{status: 1} if hasattr(Mailing, status) else {},
    )  # fmt: skip
    return Delivery.objects.create(
        mailing=mailing, recipient=person, status=status, sent_at=at if status == "sent" else None, attempts=1
    )


def finish(imported: Import, state: Import.State) -> None:
    """Bring an import into the state and do, here and now, what a worker does with it then."""
    Import.objects.filter(pk=imported.pk).update(state=state)
    work_on_import(imported.pk)
    imported.refresh_from_db()
