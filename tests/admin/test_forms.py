"""Forms of people, lists and schedules: bad input is said at its field; previews cannot run anything."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from pytest_django.fixtures import Settings

from mailer.admin.mail_frames import PREVIEW_POLICY
from mailer.models import Recipient, Subscription, Suppression
from tests.admin.world import World

ROWS = {"subscriptions-TOTAL_FORMS": "0", "subscriptions-INITIAL_FORMS": "0"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("email", ""), ("email", "Person1@EXAMPLE.com"), ("time_zone", "Mars/Olympus")],
)
def test_a_recipient_with_a_wrong_value_is_not_saved(
    field: str, value: str, admin_client: Client, world: World
) -> None:
    data = {"email": "new@example.com", "attributes": "{}", **ROWS, field: value}
    answer = admin_client.post("/admin/mailer/recipient/add/", data)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Recipient.objects.count() == 5


def test_an_address_is_stored_in_its_normal_form(admin_client: Client, world: World) -> None:
    data = {"email": " New@Example.COM ", "attributes": "{}", **ROWS}
    assert admin_client.post("/admin/mailer/recipient/add/", data).status_code == 302
    assert Recipient.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize(("typed", "found"), [("PERSON1@example.com", 1), ("person", 5), ("erson", 0), ("%", 0)])
def test_people_are_found_by_the_beginning_of_their_address(
    typed: str, found: int, admin_client: Client, world: World
) -> None:
    for url in ("/admin/mailer/recipient/", "/admin/mailer/subscription/"):
        assert len(admin_client.get(url, {"q": typed}).context["cl"].result_list) == found


def test_who_unsubscribes_somebody_is_remembered(admin_client: Client, world: World) -> None:
    subscription = Subscription.objects.get(recipient=world.people[0])
    data = {
        "list": world.mailing_list.pk,
        "recipient": world.people[0].pk,
        "status": "unsubscribed",
        "cadence": "daily",
    }
    assert admin_client.post(f"/admin/mailer/subscription/{subscription.pk}/change/", data).status_code == 302
    subscription.refresh_from_db()
    assert subscription.changed_by is not None
    assert subscription.unsubscribed_at is not None


def test_a_suppression_is_shown_on_the_persons_page(admin_client: Client, world: World) -> None:
    data = {"email": "person0@example.com", "reason": "manual", "note": "asked by phone"}
    assert admin_client.post("/admin/mailer/suppression/add/", data).status_code == 302
    made = Suppression.objects.get()
    assert made.created_by is not None
    page = admin_client.get(f"/admin/mailer/recipient/{world.people[0].pk}/change/").content.decode()
    assert "Nothing goes to this address: suppressed by staff" in page


def test_a_list_shows_its_subscribers_by_state(admin_client: Client, world: World) -> None:
    Subscription.objects.filter(recipient=world.people[0]).update(status="unsubscribed")
    answer = admin_client.get(f"/admin/mailer/recipientlist/{world.mailing_list.pk}/change/")
    counts = {row["state"]: row["count"] for row in answer.context["subscribers"]}
    assert counts == {"active": 4, "pending": 0, "unsubscribed": 1}


def test_a_new_crontab_begins_in_the_projects_zone(admin_client: Client, db: None, settings: Settings) -> None:
    settings.PROJECT_TIME_ZONE = "Europe/Berlin"
    answer = admin_client.get("/admin/django_celery_beat/crontabschedule/add/")
    assert str(answer.context["adminform"].form["timezone"].value()) == "Europe/Berlin"
    assert 'value="Europe/Berlin" selected' in answer.content.decode()


def test_a_preview_can_run_and_load_nothing(admin_client: Client, world: World) -> None:
    url = f"/admin/mailer/templateversion/{world.version.pk}/preview/"
    answer = admin_client.get(url)
    assert answer.headers["Content-Security-Policy"] == PREVIEW_POLICY
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Hello" in answer.content.decode()
    assert "Hello" in admin_client.get(url, {"part": "text"}).content.decode()
    page = admin_client.get(f"/admin/mailer/templateversion/{world.version.pk}/change/").content.decode()
    assert f'<iframe sandbox="" src="{url}?language=' in page


def test_a_preview_needs_the_permission_to_see_the_version(powerless: Client, world: World) -> None:
    url = f"/admin/mailer/templateversion/{world.version.pk}/preview/"
    assert powerless.get(url).status_code == 403
    User.objects.get(username="powerless").user_permissions.add(Permission.objects.get(codename="view_templateversion"))
    assert powerless.get(url).status_code == 200


def test_a_version_that_cannot_be_filled_says_why(admin_client: Client, world: World) -> None:
    type(world.version).objects.filter(pk=world.version.pk).update(html="{{ nobody_knows }}")
    page = admin_client.get(f"/admin/mailer/templateversion/{world.version.pk}/change/").content.decode()
    assert "It cannot be filled:" in page
    assert "nobody_knows" in page


def _periodic_task(world: World, arguments: str) -> dict[str, str]:
    crontab = CrontabSchedule.objects.create(minute="0", hour="9", timezone="UTC")
    values = {"name": "by hand", "regtask": "mailer.tasks.send_digest", "task": "", "enabled": "on"}
    return values | {"crontab": str(crontab.pk), "args": arguments, "kwargs": "{}", "headers": "{}", "priority": ""}


@pytest.mark.parametrize("arguments", ['["nosuch"]', "[]", "{}"])
def test_a_periodic_task_that_names_no_digest_is_a_field_error(
    admin_client: Client, world: World, arguments: str
) -> None:
    response = admin_client.post("/admin/django_celery_beat/periodictask/add/", _periodic_task(world, arguments))
    assert response.status_code == 200
    assert "args" in response.context["adminform"].form.errors
    assert not PeriodicTask.objects.filter(name="by hand").exists()


def test_a_periodic_task_added_by_hand_is_the_digests_schedule(admin_client: Client, world: World) -> None:
    arguments = f'["{world.digest.slug}"]'
    response = admin_client.post("/admin/django_celery_beat/periodictask/add/", _periodic_task(world, arguments))
    assert response.status_code == 302
    world.digest.refresh_from_db()
    assert world.digest.periodic_task.name == "by hand"


@pytest.mark.parametrize(("period", "is_taken"), [("seconds", False), ("minutes", True)])
def test_an_interval_is_a_digests_schedule_unless_it_is_too_short(
    admin_client: Client, world: World, period: str, is_taken: bool
) -> None:
    often = IntervalSchedule.objects.create(every=10, period=period)
    values = _periodic_task(world, f'["{world.digest.slug}"]') | {"crontab": "", "interval": str(often.pk)}
    response = admin_client.post("/admin/django_celery_beat/periodictask/add/", values)
    assert PeriodicTask.objects.filter(name="by hand").exists() == is_taken
    if is_taken:
        assert "every 10 min" in admin_client.get("/admin/mailer/digest/").content.decode()
        page = admin_client.get(f"/admin/mailer/digest/{world.digest.pk}/change/").content.decode()
        assert "every 10 min" in page
        assert "Schedules, Periodic tasks" in page
    else:
        assert "more often than once a minute" in str(response.context["adminform"].form.errors["crontab"])


def test_the_select_of_time_zones_has_the_persons_own_chosen(admin_client: Client, world: World) -> None:
    person = world.people[0]
    for zone in ("Europe/Berlin", ""):
        person.time_zone = zone
        person.save()
        page = admin_client.get(f"/admin/mailer/recipient/{person.pk}/change/").content.decode()
        assert page.count(f'<option value="{zone}" selected>') == 1
        assert page.count('<option value="Asia/Kathmandu"') == 1
