"""The log tells the whole story, and each of its pages leads to the next."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.admin import delivery_log, paging
from mailer.insight.batches import batches_of
from mailer.insight.counting import count_figures
from mailer.insight.outcomes import sum_line
from mailer.models import Delivery, Mailing, Recipient, RelayPause
from mailer.sending.message_id import message_id
from mailer.sending.record import reconcile
from tests.admin.world import AFTERNOON, World, add_mailing, add_person, add_result

DELIVERIES = "/admin/mailer/delivery/"


def read(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_mailing_shows_its_sum_and_leads_to_its_deliveries_and_results(admin_client: Client, world: World) -> None:
    page = read(admin_client, f"/admin/mailer/mailing/{world.mailing.pk}/change/")
    assert "planned 5 = sent 3 + skipped 1 + failed 1" in page
    assert f"mailing__id__exact={world.mailing.pk}&amp;status__exact=failed" in page
    assert f"/admin/django_celery_results/taskresult/{world.result.pk}/change/" in page
    assert "Mon 24 Nov 2025 15:00 UTC" in page
    assert "Item of 24 Nov" in page


def test_the_sum_names_what_still_waits() -> None:
    assert sum_line(Mailing(planned=60, sent=40, skipped=2, failed=6)) == (
        "planned 60 = sent 40 + skipped 2 + failed 6 + waiting 12"
    )
    assert sum_line(Mailing()) == "planned 0 = 0"
    assert "1 too many" in sum_line(Mailing(planned=1, sent=2))


def test_a_mailing_finds_its_own_results_and_no_others(world: World) -> None:
    other = add_mailing(world.digest, world.people, AFTERNOON + timedelta(minutes=1))
    result = world.result
    result.pk, result.task_id, result.task_args = None, "another", f'"({other.pk}, 6, 10)"'
    result.save()
    type(result).objects.filter(pk=result.pk).update(date_created=other.started_at)
    assert [batch.task_id for batch in batches_of(other)] == ["another"]
    assert [batch.task_id for batch in batches_of(world.mailing)] != ["another"]


def test_a_delivery_tells_why_it_failed_and_what_the_server_said(admin_client: Client, world: World) -> None:
    failed = world.mailing.deliveries.get(status="failed")
    page = read(admin_client, f"{DELIVERIES}{failed.pk}/change/")
    assert "Failed after 1 attempt: the mail server refused the address." in page
    assert "550 5.1.1 &lt;b&gt;No such user&lt;/b&gt;" in page
    assert message_id(failed.pk).strip("<>") in page
    assert f"/admin/django_celery_results/taskresult/{world.result.pk}/change/" in page


def test_a_result_leads_to_its_mailing_its_range_and_each_failure(admin_client: Client, world: World) -> None:
    page = read(admin_client, f"/admin/django_celery_results/taskresult/{world.result.pk}/change/")
    ids = sorted(world.mailing.deliveries.values_list("pk", flat=True))
    assert f"/admin/mailer/mailing/{world.mailing.pk}/change/" in page
    assert f"mailing__id__exact={world.mailing.pk}&amp;id__gte={ids[0]}&amp;id__lte={ids[-1]}" in page
    assert f"{DELIVERIES}{ids[0]}/change/" in page
    assert "the mail server refused the address" in page


def test_a_result_that_is_no_summary_is_shown_as_it_is(admin_client: Client, world: World) -> None:
    world.result.result = "not <json>"
    world.result.save()
    page = read(admin_client, f"/admin/django_celery_results/taskresult/{world.result.pk}/change/")
    assert "not &lt;json&gt;" in page


def test_the_range_of_a_batch_narrows_the_log(admin_client: Client, world: World) -> None:
    ids = sorted(world.mailing.deliveries.values_list("pk", flat=True))
    query = f"?mailing__id__exact={world.mailing.pk}&id__gte={ids[1]}&id__lte={ids[2]}"
    answer = admin_client.get(DELIVERIES + query)
    assert sorted(row.pk for row in answer.context["page"].rows) == ids[1:3]
    assert f"Deliveries {ids[1]} to {ids[2]}" in answer.content.decode()


@pytest.mark.parametrize("typed", ["person1@example.com", "  PERSON1@Example.COM "])
def test_an_address_finds_all_mails_to_it_and_no_others(typed: str, admin_client: Client, world: World) -> None:
    add_mailing(world.digest, world.people, AFTERNOON - timedelta(days=1))
    rows = admin_client.get(DELIVERIES, {"q": typed}).context["page"].rows
    assert [row.recipient.email for row in rows] == ["person1@example.com"] * 2


def test_an_address_finds_single_mails_to_people_on_no_list(admin_client: Client, world: World) -> None:
    alone = Recipient.objects.create(email="alone@example.com")
    single = Mailing.objects.create(
        kind="notification", version=world.version, scheduled_for=AFTERNOON, planned=1, recipient=alone
    )
    Delivery.objects.create(mailing=single, recipient=alone)
    rows = admin_client.get(DELIVERIES, {"q": "alone@example.com"}).context["page"].rows
    assert [row.mailing_id for row in rows] == [single.pk]


@pytest.mark.parametrize(("domain", "found"), [("example.com", 2), ("@EXAMPLE.com", 2), ("elsewhere.example", 0)])
def test_a_persons_mails_are_narrowed_as_all_are(domain: str, found: int, admin_client: Client, world: World) -> None:
    add_mailing(world.digest, world.people, AFTERNOON - timedelta(days=1))
    asked = {"q": "person1@example.com", "domain": domain}
    assert len(admin_client.get(DELIVERIES, asked).context["page"].rows) == found
    on_the_day = {**asked, "day": "2025-11-24", "list": world.mailing_list.pk, "state": "sent"}
    assert len(admin_client.get(DELIVERIES, on_the_day).context["page"].rows) == found / 2


def test_a_mailings_page_shows_what_was_counted_and_as_of_when(admin_client: Client, world: World) -> None:
    address = f"/admin/mailer/mailing/{world.mailing.pk}/change/"
    assert "It has just ended" in read(admin_client, address)
    assert count_figures(world.mailing.pk, AFTERNOON + timedelta(minutes=1))
    page = read(admin_client, address)
    assert "As of Mon 24 Nov 2025 15:01:00 UTC." in page
    assert f"?mailing={world.mailing.pk}&amp;state=skipped&amp;reason=unsubscribed" in page
    assert f"?mailing={world.mailing.pk}&amp;domain=example.com" in page
    assert "Mails have changed since" not in page
    world.mailing.deliveries.filter(status="sent").update(status="bounced")
    reconcile(world.mailing.pk)
    assert "Mails have changed since; it is counted again within a minute." in read(admin_client, address)


def test_a_result_of_another_task_is_told_in_words(admin_client: Client, world: World) -> None:
    result = world.result
    result.task_name, result.result = (
        "mailer.tasks.send_digest",
        f'{{"digest": "daily", "mailings": [{world.mailing.pk}]}}',
    )
    result.worker = "celery@one"
    result.save()
    page = read(admin_client, f"/admin/django_celery_results/taskresult/{result.pk}/change/")
    assert "Digest daily: planned 1 mailing." in page
    assert f"/admin/mailer/mailing/{world.mailing.pk}/change/" in page
    listed = read(admin_client, "/admin/django_celery_results/taskresult/")
    assert "celery@one" in listed
    assert "Digest daily: planned 1 mailing." in listed


def test_the_page_of_changes_has_one_name(admin_client: Client) -> None:
    page = read(admin_client, "/admin/admin/logentry/")
    assert "Log entries" not in page
    assert "0 changes" in page


@pytest.mark.parametrize("typed", ["nobody@example.com", "no address", "%", "'"])
def test_what_is_no_known_address_finds_nothing(typed: str, admin_client: Client, world: World) -> None:
    assert not admin_client.get(DELIVERIES, {"q": typed}).context["page"].rows


def test_the_mails_of_a_deleted_person_stay_in_the_log(admin_client: Client, world: World) -> None:
    mail = world.mailing.deliveries.get(recipient=world.people[1])
    Recipient.objects.filter(pk=world.people[1].pk).delete()
    assert "erased recipient" in read(admin_client, DELIVERIES)
    assert "erased recipient" in read(admin_client, f"{DELIVERIES}{mail.pk}/change/")


def test_the_log_says_how_long_it_is_kept(admin_client: Client, world: World, settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS = 123
    assert "kept for 123 days (LOG_RETENTION_DAYS in the environment)" in read(admin_client, DELIVERIES)


def test_a_long_list_says_more_than_it_counted(
    admin_client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "CAP", 3)
    assert "more than 3 " in read(admin_client, "/admin/mailer/recipient/?q=person")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, 1),
        ({"status__exact": "sent"}, 3),
        ({"reason": "unsubscribed"}, 1),
        ({"code": "550"}, 1),
        ({"code": "550", "state": "skipped"}, 0),
        ({"domain": "@EXAMPLE.com"}, 5),
        ({"domain": "example.org"}, 0),
        ({"day": "2025-11-24"}, 5),
        ({"day": "2025-11-25"}, 0),
        ({"q": "person1@example.com", "state": "failed"}, 0),
        ({"state": "nonsense"}, 5),
        ({"code": "ten", "mailing": "-1", "before": "x", "day": "soon"}, 5),
    ],
)
def test_the_log_shows_what_its_filters_ask_for(
    query: dict[str, str], found: int, admin_client: Client, world: World
) -> None:
    answer = admin_client.get(DELIVERIES, query)
    assert len(answer.context["page"].rows) == found
    assert ("No mail in the log is like that." in answer.content.decode()) == (not found)


def test_the_log_goes_on_to_older_mails_and_back_to_the_newest(
    admin_client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_log, "ROWS", 2)
    seen: list[int] = []
    page = admin_client.get(DELIVERIES, {"list": world.mailing_list.pk}).context["page"]
    seen += [row.pk for row in page.rows]
    while page.older:
        page = admin_client.get(DELIVERIES + page.older).context["page"]
        seen += [row.pk for row in page.rows]
    assert sorted(seen) == sorted(world.mailing.deliveries.values_list("pk", flat=True))
    assert page.newest == f"?list={world.mailing_list.pk}"


def test_whoever_may_not_see_addresses_reads_a_masked_log(world: World) -> None:
    reviewer = User.objects.create_user("reviewer", is_staff=True)
    reviewer.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client = Client()
    client.force_login(reviewer)
    failed = world.mailing.deliveries.get(status="failed")
    for address in (DELIVERIES, f"{DELIVERIES}{failed.pk}/change/"):
        text = read(client, address)
        assert "p…@example.com" in text
        assert "person0@example.com" not in text


def test_a_mail_server_that_cannot_be_used_is_said_above_the_mailings(admin_client: Client, world: World) -> None:
    RelayPause.objects.create(relay="smtp.example.com:587", reason="535 wrong password", retry_at=AFTERNOON)
    assert "The mail server smtp.example.com:587 cannot be used" in read(admin_client, "/admin/mailer/mailing/")


def test_times_carry_the_operators_zone(admin_client: Client, world: World, settings: Settings) -> None:
    settings.PROJECT_TIME_ZONE = "Asia/Tokyo"
    page = read(admin_client, f"/admin/mailer/mailing/{world.mailing.pk}/change/")
    assert "Tue 25 Nov 2025 00:00 Asia/Tokyo" in page


def test_a_persons_page_shows_their_mails(admin_client: Client, world: World) -> None:
    person = add_person(world.mailing_list, 50)
    page = read(admin_client, f"/admin/mailer/recipient/{person.pk}/change/")
    assert "No mail to this person in the last year." in page
    add_mailing(world.digest, world.people, timezone.now() - timedelta(days=1))
    page = read(admin_client, f"/admin/mailer/recipient/{world.people[0].pk}/change/")
    assert "the mail server refused the address" in page


def test_a_result_of_an_erased_mailing_still_opens(admin_client: Client, world: World) -> None:
    mailing = add_mailing(world.digest, world.people, AFTERNOON - timedelta(days=2))
    world.result.delete()
    result = add_result(mailing)
    Delivery.objects.filter(mailing=mailing).delete()
    mailing.delete()
    url = reverse("admin:django_celery_results_taskresult_change", args=[result.pk])
    assert "no longer in the log" in read(admin_client, url)


def test_a_mailing_that_waits_for_the_mail_server_says_so(admin_client: Client, world: World) -> None:
    mailing = Mailing.objects.latest("pk")
    Mailing.objects.filter(pk=mailing.pk).update(status="sending")
    RelayPause.objects.create(relay="mail:25", reason="mail:25 can't be used: refused", retry_at=AFTERNOON)
    page = admin_client.get(f"/admin/mailer/mailing/{mailing.pk}/change/").content.decode()
    assert "mail:25 can&#x27;t be used: refused" in page
