"""A row of every model that the admin shows, for tests that open every page."""

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.models import GroupResult

from mailer.models import (
    Alert,
    Announcement,
    ApiKey,
    BounceScore,
    Delivery,
    Digest,
    Erasure,
    Feed,
    Import,
    LiftedSuppression,
    Recipient,
    Return,
    ReturnCount,
    Segment,
    SendingLimit,
    Suppression,
    WebhookEndpoint,
    fingerprint,
)
from mailer.models.outbox import tell_of_unsubscription
from mailer.models.roles import grant_roles
from tests.admin.world import AFTERNOON, make_world


def make_samples() -> dict[type[Model], Model]:
    """Model → one of its rows. A model without one is a model for which this function needs a line."""
    world = make_world()
    grant_roles()
    Segment.objects.create(name="All of it", list=world.mailing_list)
    Announcement.objects.create(name="The fair", template=world.version.template)
    Import.objects.create(list=world.mailing_list, file_name="people.csv", encoding="utf-8", delimiter=",")
    root = User.objects.create_superuser("root")
    address = Recipient.objects.earliest("pk").email
    Suppression.objects.create(email=address, note=f"550 <{address}> is unknown")
    LiftedSuppression.objects.create(
        pk=7, email=address, reason="manual", note=f"asked as {address}", created_at=AFTERNOON, lifted_at=AFTERNOON
    )
    Feed.objects.create(list=world.mailing_list, url="https://example.org/feed", title="Notes")
    SendingLimit.objects.create(scope="domain", name="example.org", mails=10, per=1)
    ApiKey.objects.create(name="Newsroom", prefix="ap_12345678", digest="0" * 64, scopes=["items"])
    crm = WebhookEndpoint.objects.create(name="CRM", url="https://example.org/hook", events=["recipient.unsubscribed"])
    tell_of_unsubscription(world.mailing_list.pk, Recipient.objects.earliest("pk").pk, "complaint", "", AFTERNOON)
    crm.deliveries.update(response=f"Thank you, {address} is noted", problem="Its server answered 500.")
    Erasure.objects.create(fingerprint=fingerprint("gone@example.com"), erased_at=AFTERNOON)
    Alert.objects.create(key="beat", title="Beat is silent", text="It rang last.", since=AFTERNOON, seen_at=AFTERNOON)
    for changed, words in ((Digest, "Name: News → Daily news."), (Recipient, f"Address: {address} → eva@example.com.")):
        LogEntry.objects.log_actions(root.pk, [changed.objects.earliest("pk")], CHANGE, words, single_object=True)
    left = Delivery.objects.filter(status="sent").earliest("pk")
    Return.objects.create(
        delivery=left,
        outcome="gone",
        at=AFTERNOON,
        source="pipe",
        status="5.1.1",
        diagnostic=f"550 <{address}> unknown",
    )
    Delivery.objects.filter(pk=left.pk).update(status="bounced", reason="gone")
    BounceScore.objects.create(email=address, score=2.5, at=timezone.now(), sent_at=AFTERNOON)
    ReturnCount.objects.create(day=timezone.now().date(), source="pipe", what="gone", count=1)
    IntervalSchedule.objects.create(every=1, period="hours")
    ClockedSchedule.objects.create(clocked_time=AFTERNOON)
    SolarSchedule.objects.create(event="sunset", latitude=52, longitude=13)
    GroupResult.objects.create(group_id="1")
    AccessAttempt.objects.create(username="x", ip_address="192.0.2.1", failures_since_start=1)
    AccessLog.objects.create(username="x", ip_address="192.0.2.1", attempt_time=timezone.now())
    PeriodicTask.objects.filter(enabled=False).delete()
    return {model: model._default_manager.earliest("pk") for model in admin.site._registry}
