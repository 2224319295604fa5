"""Who is erased is gone from every table and log, and stays unmailed should the address come back."""

import json
from typing import Any
from uuid import UUID

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from mailer.audience.consent import Word
from mailer.audience.erasure import MailInFlight, erase
from mailer.audience.suppressions import lift_suppression, suppress
from mailer.audience.uploads import keep_file
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.models import (
    Alert,
    Attachment,
    Attempt,
    BounceScore,
    Claim,
    ConsentEvent,
    Delivery,
    Digest,
    DigestItem,
    Erasure,
    Import,
    ImportChange,
    LiftedSuppression,
    Mailing,
    Recipient,
    RecipientList,
    RelayPause,
    Return,
    Segment,
    Subscription,
    Suppression,
    TemplateVersion,
    WebhookDelivery,
    WebhookEndpoint,
    fingerprint,
)
from tests.build import MORNING, finish, subscribe

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@example.org"

#: Columns that name none of the recipients: codes and ids, staff and their accounts, and what was published.
NAME_NOBODY = """admin.LogEntry object_id
mailer.ApiKey name prefix digest scopes
auth.Permission name codename
auth.Group name
auth.User password username first_name last_name email
contenttypes.ContentType app_label model
sessions.Session session_key session_data
django_celery_beat.CrontabSchedule minute hour day_of_month month_of_year day_of_week
django_celery_beat.PeriodicTask task queue exchange routing_key
django_celery_results.TaskResult task_id periodic_task_name task_name status worker content_type content_encoding
django_celery_results.ChordCounter group_id sub_tasks
django_celery_results.GroupResult group_id content_type content_encoding result
axes.AccessFailureLog user_agent username http_accept path_info
axes.AccessAttempt user_agent username http_accept
axes.AccessLog user_agent username http_accept path_info session_hash
mailer.Erasure fingerprint
mailer.SignUp address network
mailer.Recipient time_zone language
mailer.RecipientList slug name description from_name from_email reply_to time_zone language accent logo_alt logo_link logo_url
mailer.Segment name
mailer.SegmentCondition attribute
mailer.EmailTemplate slug name
mailer.TemplateVersion subject html text sample note written translations
mailer.Announcement name fields time_zone
mailer.Digest slug name more_url sources
mailer.SourceState name problem
mailer.Mailing time_zone reason
mailer.MailingFigures counted
mailer.ListFigures states joined left
mailer.Feed url title category etag last_modified left_out recent problem
mailer.Attachment content_type
mailer.Attempt outcome by
mailer.Import encoding delimiter meanings counts made
mailer.ImportChange time_zone language
mailer.RelayPause relay
mailer.SendingLimit scope name
mailer.LimitUse taken
mailer.HeldGroup domain sender
mailer.Return outcome source status
mailer.ReturnCount source what
mailer.RoleGrant role permission
mailer.Heartbeat name queues
mailer.Alert key
mailer.WebhookEndpoint name url events secret earlier_secret problem
mailer.WebhookDelivery problem"""


@pytest.fixture
def ada(digest: Digest, mailing_list: RecipientList) -> Recipient:
    """Somebody of whom every table knows something."""
    person = subscribe(mailing_list, ADA, name=f"Ada Lovelace {ADA}", attributes={"mail": ADA})
    Subscription.objects.filter(recipient=person).update(source=f"as {ADA} asked")
    subscription = Subscription.objects.get(recipient=person)
    WebhookEndpoint.objects.create(name="CRM", url="https://crm.example.org", events=["recipient.unsubscribed"])
    unsubscribe_recipient(mailing_list.pk, person.pk, Word(f"a letter from {ADA}", MORNING))
    DigestItem.objects.create(
        list=mailing_list, recipient=person, title=f"For {ADA}", summary=ADA, url=f"https://example.org/{ADA}",
        image_url=f"https://example.org/{ADA}.png", category=ADA, external_id=ADA,
    )  # fmt: skip
    WebhookDelivery.objects.update(response=f"Thank you, {ADA} is noted")
    lift_suppression(suppress(Suppression(email=ADA, note=f"550 {ADA}"), MORNING), f"{ADA} rang", None, MORNING)
    held = suppress(Suppression(email=ADA, note=f"asked as {ADA}"), MORNING)
    version = TemplateVersion.objects.get()
    single = Mailing.objects.create(
        kind="notification", version=version, recipient=person, scheduled_for=MORNING, key=f"hello {ADA}",
        context={"heading": f"Hello {ADA}"}, status="done",
    )  # fmt: skip
    daily = Mailing.objects.create(
        kind="digest", digest=digest, list=mailing_list, version=version, scheduled_for=MORNING, status="done"
    )
    for mailing in (single, daily):
        mail = Delivery.objects.create(
            mailing=mailing, recipient=person, status="failed", smtp_code=550, smtp_text=f"5.1.1 <{ADA}> unknown"
        )
        Attempt.objects.create(delivery=mail, at=MORNING, outcome="rejected", smtp_text=f"5.1.1 <{ADA}> unknown")
        Return.objects.create(
            delivery=mail, at=MORNING, outcome="gone", source="pipe", status="5.1.1", diagnostic=f"550 <{ADA}> unknown"
        )
    Attachment.objects.create(mailing=single, name=f"{ADA}.pdf", content_type="text/plain", content=ADA.encode())
    BounceScore.objects.create(email=ADA, score=1, at=MORNING, sent_at=MORNING)
    staff = User.objects.create_user("anna")
    for row in (person, subscription, held):
        LogEntry.objects.create(
            user=staff, content_type=ContentType.objects.get_for_model(row), object_id=row.pk,
            object_repr=row.email if hasattr(row, "email") else f"{ADA} on News", action_flag=CHANGE,
            change_message="Ada rang",
        )  # fmt: skip
    LogEntry.objects.create(
        user=staff, content_type=ContentType.objects.get_for_model(mailing_list), object_id=mailing_list.pk,
        object_repr="News", action_flag=CHANGE, change_message=f"Took off {ADA}.",
    )  # fmt: skip
    TaskResult.objects.create(task_id="1", task_name="mailer.tasks.notify_user", task_args=f"\"('{ADA}', 'x')\"")
    TaskResult.objects.create(task_id="2", task_name="mailer.tasks.notify_user", task_args=f"\"({person.pk}, 'x')\"")
    TaskResult.objects.create(
        task_id="3", task_name="other", status="FAILURE", traceback=f"{ADA} is no …", result=f'"{ADA}"',
        meta=f'["{ADA}"]', task_kwargs=f"{{'to': '{ADA}'}}",
    )  # fmt: skip
    imported = Import.objects.create(
        list=mailing_list, file_name=f"{ADA}.csv", reason=f"{ADA} asked", problem=f"no {ADA}"
    )
    ImportChange.objects.create(of=imported, recipient=person, name=ADA, attributes={"mail": ADA}, source=ADA)
    return person


def make_notes_that_name_her(mailing_list: RecipientList) -> None:
    """In passing: what is about others, and what the service wrote down."""
    bob = Recipient.objects.get(email="person0@example.org")
    ConsentEvent.objects.create(
        recipient=bob, list=mailing_list, what="paused", at=MORNING, source=f"as {ADA} said", detail=f"like {ADA}"
    )
    held = suppress(Suppression(email=bob.email, note=f"forwards to {ADA}"), MORNING)
    lift_suppression(held, f"no more to {ADA}", None, MORNING)
    Suppression.objects.create(email=bob.email, note=f"forwards to {ADA} again")
    Erasure.objects.create(fingerprint="0", note=f"friend of {ADA}", lift_note=f"{ADA} rang", erased_at=MORNING)
    Alert.objects.create(key="relay", title=f"{ADA}", text=f"no mail to {ADA}", since=MORNING, seen_at=MORNING)
    RelayPause.objects.create(relay="mail:25", reason=f"{ADA}: try later", retry_at=MORNING)
    Segment.objects.create(name="Ours", list=mailing_list).conditions.create(
        rule="attribute_is", attribute="mail", value=ADA
    )
    PeriodicTask.objects.create(
        name=f"remind {ADA}", task="mailer.tasks.notify_user", args=json.dumps([ADA]), kwargs=json.dumps({"to": ADA}),
        headers=json.dumps({"to": ADA}), description=f"for {ADA}", crontab=CrontabSchedule.objects.first(),
    )  # fmt: skip
    page = f"/admin/?next=/{ADA}"
    AccessAttempt.objects.create(failures_since_start=1, path_info=page, get_data=page, post_data=page)


def text_columns() -> dict[str, tuple[str, str]]:
    """Every column of every table in which an address could be: its name → table and column."""
    return {
        f"{model._meta.label}.{field.name}": (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices
    }


def rows_with(text: str) -> list[str]:
    """Those that hold the text somewhere."""
    return [name for name, column in text_columns().items() if _is_in(text, *column)]


def _is_in(text: str, table: str, column: str) -> bool:
    statement = f'SELECT COUNT(*) FROM "{table}" WHERE LOWER(CAST("{column}" AS text)) LIKE %s'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"%{text}%"])
        return bool(cursor.fetchone()[0])


def test_the_address_and_the_name_are_in_no_column_of_any_table_afterwards(ada: Recipient, mailing_list: RecipientList):
    make_notes_that_name_her(mailing_list)
    before = rows_with(ADA)
    named = {f"{model}.{field}" for model, *fields in map(str.split, NAME_NOBODY.split("\n")) for field in fields}
    assert set(before) == set(text_columns()) - named, "is it in NAME_NOBODY, or does erasing reach it?"
    erase(ada, "letter 17", None, MORNING)
    assert rows_with(ADA) == []
    assert rows_with("lovelace") == []
    assert rows_with("ada rang") == []


def test_deliveries_stay_as_rows_of_nobody_with_what_names_nobody(ada: Recipient):
    erase(ada, "", None, MORNING)
    assert [(mail.status, mail.smtp_code, mail.smtp_text) for mail in Delivery.objects.all()] == [
        ("failed", 550, "5.1.1")
    ] * 2
    assert Mailing.objects.count() == 2
    assert {attempt.smtp_text for attempt in Attempt.objects.all()} == {"5.1.1"}
    assert TaskResult.objects.count() == 3
    assert TaskResult.objects.get(task_id="2").task_args is None


def test_that_staff_did_something_stays_on_record_without_to_whom(ada: Recipient):
    erase(ada, "", None, MORNING)
    entries = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    assert list(entries) == [("erased recipient", "")] * 3 + [("News", "Took off erased recipient.")]


def test_a_mail_to_somebody_else_that_names_the_address_forgets_it(ada: Recipient, mailing_list: RecipientList):
    bob = Recipient.objects.get(email="person0@example.org")
    mail = Delivery.objects.create(
        mailing=Mailing.objects.filter(list=mailing_list).get(), recipient=bob, smtp_text=f"forwarded to {ADA}: full"
    )
    Attempt.objects.create(delivery=mail, at=MORNING, outcome="temporary", smtp_text=f"forwarded to {ADA}: full")
    erase(ada, "", None, MORNING)
    assert rows_with(ADA) == []


def test_the_events_that_were_told_of_somebody_forget_the_address_and_stay_readable(
    ada: Recipient, mailing_list: RecipientList
):
    bob, person_id = Recipient.objects.get(email="person0@example.org"), ada.pk
    unsubscribe_recipient(mailing_list.pk, bob.pk, Word(f"staff: wrote as {ADA.upper()}", MORNING))
    erase(ada, "", None, MORNING)
    hers, his = WebhookDelivery.objects.order_by("pk")
    assert json.loads(hers.body)["data"] == {
        "list": "news", "recipient": {"id": person_id, "email": None}, "reason": "unsubscribed",
        "source": "a letter from erased recipient",
    }  # fmt: skip
    assert (hers.recipient_id, hers.response) == (None, "")
    assert json.loads(his.body)["data"]["source"] == "staff: wrote as erased recipient"
    assert json.loads(his.body)["data"]["recipient"] == {"id": bob.pk, "email": bob.email}
    assert his.recipient_id == bob.pk


def test_nobody_is_erased_while_a_worker_has_a_mail_to_them_in_hand(ada: Recipient):
    mail = Delivery.objects.get(mailing__kind="digest")
    Delivery.objects.update(status="queued")
    Claim.objects.create(
        mailing=mail.mailing, first=mail.pk, last=mail.pk, made_at=MORNING, until=MORNING, task_id=UUID(int=1)
    )
    with pytest.raises(MailInFlight):
        erase(ada, "", None, MORNING)
    assert Recipient.objects.filter(pk=ada.pk).exists()


def test_all_that_stays_is_a_mark_from_which_no_address_can_be_read(ada: Recipient):
    anna = User.objects.get()
    erasure = erase(ada, "letter 17", anna, MORNING)
    kept = Erasure.objects.values().get()
    assert (kept["note"], kept["erased_by_id"], kept["erased_at"]) == ("letter 17", anna.pk, MORNING)
    assert erasure.fingerprint == fingerprint(" ADA.Lovelace@Example.org ")
    assert "ada" not in erasure.fingerprint


@pytest.mark.parametrize("way", ["alone", "edited", "imported"])
def test_the_address_comes_back_suppressed_by_whatever_door(ada: Recipient, mailing_list: RecipientList, way: str):
    erase(ada, "", None, MORNING)
    match way:
        case "alone":
            Recipient.objects.get_or_create(email="Ada.Lovelace@example.org")
        case "edited":
            bob = Recipient.objects.get(email="person0@example.org")
            bob.email = ADA
            bob.save()
        case "imported":
            imported = keep_file(mailing_list, "a test", [f"email\n{ADA}\nnew@example.org\n".encode()])
            finish(imported, Import.State.RUNNING)
    held = Suppression.objects.get()
    assert (held.email, held.reason, held.note) == (ADA, "erased", "erased on 23 Nov 2026")


def test_lifting_it_lets_the_address_come_back_for_good(ada: Recipient):
    erase(ada, "", None, MORNING)
    Recipient.objects.create(email=ADA)
    lift_suppression(Suppression.objects.get(), "signed up again, in the shop", None, MORNING)
    assert LiftedSuppression.objects.get().reason == "erased"
    Recipient.objects.all().delete()
    Recipient.objects.create(email=ADA)
    assert not Suppression.objects.exists()
    assert Erasure.objects.get().lift_note == "signed up again, in the shop"


def test_others_are_left_alone(ada: Recipient, digest: Digest, settings: Any):
    erase(ada, "", None, MORNING)
    assert Recipient.objects.count() == Subscription.objects.count() == 3
    Recipient.objects.create(email="somebody@example.org")
    assert not Suppression.objects.exists()
