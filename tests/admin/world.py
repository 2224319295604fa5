"""A small world for the admin's tests: a list, its people, a digest that went out twice, and what Celery reported."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django_celery_results.models import TaskResult

from mailer.models import (
    Attempt,
    Delivery,
    Digest,
    DigestItem,
    EmailTemplate,
    Mailing,
    MailingItem,
    Recipient,
    RecipientList,
    Subscription,
    TemplateVersion,
)
from mailer.scheduling.schedules import Schedule, set_schedule

AFTERNOON = datetime(2025, 11, 24, 15, 0, tzinfo=UTC)
TASK = UUID("11111111-2222-3333-4444-555555555555")
SAMPLE = {"recipient": {"name": "Zoe"}, "links": {"unsubscribe": "https://example.com/u"}}


@dataclass(frozen=True)
class World:
    """What the tests ask for by name."""

    mailing_list: RecipientList
    people: list[Recipient]
    version: TemplateVersion
    digest: Digest
    mailing: Mailing
    result: TaskResult


def make_world(people: int = 5) -> World:
    """One list, one digest at 15:00, one mailing: the first person failed, the last was skipped, the others got it."""
    mailing_list = RecipientList.objects.create(slug="news", name="News", time_zone="UTC")
    crowd = [add_person(mailing_list, number) for number in range(people)]
    template = EmailTemplate.objects.create(slug="digest", name="Digest")
    version = TemplateVersion.objects.create(
        template=template, number=1, subject="News", html="<p>Hello</p>", text="Hello", sample=SAMPLE
    )
    digest = Digest.objects.create(slug="daily", name="Daily news", list=mailing_list, template=template)
    set_schedule(digest, Schedule(time(15, 0), "*", "Europe/Berlin"))
    mailing = add_mailing(digest, crowd, AFTERNOON)
    return World(mailing_list, crowd, version, digest, mailing, add_result(mailing))


def add_person(mailing_list: RecipientList, number: int) -> Recipient:
    """An active subscriber."""
    person = Recipient.objects.create(email=f"person{number}@example.com", name=f"Person {number}")
    Subscription.objects.create(list=mailing_list, recipient=person, source="test")
    return person


def add_item(mailing_list: RecipientList, title: str) -> DigestItem:
    """An item that is out."""
    return DigestItem.objects.create(list=mailing_list, title=title, published_at=AFTERNOON - timedelta(hours=1))


def add_mailing(digest: Digest, people: list[Recipient], due: datetime) -> Mailing:
    """A mailing that is done, with its deliveries and its one item."""
    mailing = Mailing.objects.create(
        kind=Mailing.Kind.DIGEST,
        digest=digest,
        list=digest.list,
        version=digest.template.version_to_send(),
        scheduled_for=due,
        time_zone="Europe/Berlin",
        status=Mailing.Status.DONE,
        started_at=due + timedelta(seconds=2),
        finished_at=due + timedelta(seconds=6),
        planned=len(people),
        sent=len(people) - 2,
        failed=1,
        skipped=1,
    )
    for person in people:
        Delivery.objects.create(
            mailing=mailing, recipient=person, status="sent", attempts=1, sent_at=due, smtp_code=250, task_id=TASK
        )
    refused, skipped = mailing.deliveries.order_by("pk")[0], mailing.deliveries.order_by("-pk")[0]
    Delivery.objects.filter(pk=refused.pk).update(
        status="failed", reason="address", smtp_code=550, smtp_text="5.1.1 <b>No such user</b>", sent_at=None
    )
    Delivery.objects.filter(pk=skipped.pk).update(
        status="skipped", reason="unsubscribed", attempts=0, smtp_code=None, sent_at=None, task_id=None
    )
    Attempt.objects.create(delivery=refused, at=due, outcome="rejected", smtp_code=550, smtp_text="5.1.1 No such user")
    MailingItem.objects.create(mailing=mailing, item=add_item(digest.list, f"Item of {due:%d %b}"), position=1)
    return mailing


def add_result(mailing: Mailing) -> TaskResult:
    """What the batch of the mailing's deliveries reported."""
    ids = sorted(mailing.deliveries.values_list("pk", flat=True))
    summary = {
        "mailing": mailing.pk,
        "first": ids[0],
        "last": ids[-1],
        "planned": len(ids),
        "sent": len(ids) - 2,
        "failed": 1,
        "skipped": 1,
        "seconds": 0.5,
        "rate": 6.0,
        "failures": [{"delivery": ids[0], "code": 550, "reason": "address"}],
    }
    result = TaskResult.objects.create(
        task_id=str(TASK),
        task_name="mailer.tasks.deliver",
        task_args=json.dumps(repr((mailing.pk, ids[0], ids[-1]))),
        status="SUCCESS",
        result=json.dumps(summary),
    )
    moment = mailing.started_at
    TaskResult.objects.filter(pk=result.pk).update(date_created=moment, date_done=moment)
    return result
