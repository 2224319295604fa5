"""Who changed what, from what to what: written when a form is saved, shown on the object's page and on one of its own."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from mailer.admin.changes import MOST_LETTERS, value_in_words
from mailer.models import Digest, DigestItem, Recipient, Segment
from mailer.models.roles import grant_roles
from tests.admin.test_digests import form as digest_form
from tests.admin.world import World

LOG = "/admin/admin/logentry/"


def last() -> str:
    return str(LogEntry.objects.latest("pk").get_change_message())


def change(client: Client, url: str, data: dict[str, Any]) -> str:
    assert client.post(url, data).status_code == 302
    return last()


@pytest.fixture
def reviewer(db: None) -> Client:
    grant_roles()
    user = User.objects.create_user("rita", is_staff=True)
    user.groups.add(Group.objects.get(name="Reviewer"))
    client = Client()
    client.force_login(user)
    return client


def test_a_digests_change_names_each_field_with_what_it_was(admin_client: Client, world: World) -> None:
    data = digest_form(world, name="Daily news", at="16:00", weekdays=["mon", "tue", "wed", "thu", "fri"])
    said = change(admin_client, f"/admin/mailer/digest/{world.digest.pk}/change/", data)
    days = "Monday, Tuesday, Wednesday, Thursday, Friday"
    assert said == f"Time of day: 15:00 → 16:00. On: {days}, Saturday, Sunday → {days}."


def test_what_is_added_says_so_and_a_save_without_a_change_too(admin_client: Client, world: World) -> None:
    data = {"list": world.mailing_list.pk, "title": "New", "published_at_0": "2026-11-23", "published_at_1": "15:00"}
    assert change(admin_client, "/admin/mailer/digestitem/add/", data) == "Added."
    item = DigestItem.objects.get(title="New")
    page = f"/admin/mailer/digestitem/{item.pk}/change/"
    assert change(admin_client, page, data) == "Saved without a change."
    said = change(admin_client, page, data | {"is_hidden": "on", "published_at_1": "16:00"})
    assert said == "Published at: Mon 23 Nov 2026 15:00 UTC → Mon 23 Nov 2026 16:00 UTC. Hidden: no → yes."


def test_long_texts_are_shortened(admin_client: Client, world: World) -> None:
    data = {"list": world.mailing_list.pk, "title": "New", "published_at_0": "2026-11-23", "published_at_1": "15:00"}
    change(admin_client, "/admin/mailer/digestitem/add/", data)
    page = f"/admin/mailer/digestitem/{DigestItem.objects.get(title='New').pk}/change/"
    assert change(admin_client, page, data | {"summary": "word\n" * 100}) == f"Summary: – → {'word ' * 16}…."
    assert change(admin_client, page, data | {"summary": "word\n" * 101}) == "Summary: changed, not at its beginning."


def test_rows_below_a_form_are_named(admin_client: Client, world: World) -> None:
    segment = Segment.objects.create(name="Pro", list=world.mailing_list)
    row = segment.conditions.create(rule="language_is", value="de")
    data = {
        "name": "German",
        "list": world.mailing_list.pk,
        "conditions-TOTAL_FORMS": "1",
        "conditions-INITIAL_FORMS": "1",
        "conditions-0-id": row.pk,
        "conditions-0-segment": segment.pk,
        "conditions-0-rule": "language_is",
        "conditions-0-value": "fr",
    }
    page = f"/admin/mailer/segment/{segment.pk}/change/"
    said = "Name: Pro → German. Changed condition language is fr: Value: de → fr."
    assert change(admin_client, page, data) == said
    assert "Removed condition" in change(admin_client, page, data | {"conditions-0-DELETE": "on"})


def test_a_users_groups_are_named_and_a_password_is_not(admin_client: Client, world: World) -> None:
    grant_roles()
    user = User.objects.create_user("sam", password="old secret")
    data = {"username": "sam", "is_active": "on", "groups": [Group.objects.get(name="Sender").pk]}
    said = change(admin_client, f"/admin/auth/user/{user.pk}/change/", data)
    assert said == "Groups: – → Sender."
    secret = {"password1": "a new secret", "password2": "a new secret", "usable_password": "true"}
    assert change(admin_client, f"/admin/auth/user/{user.pk}/password/", secret) == "Password: changed."


def test_a_change_in_beats_own_pages_is_on_the_digests_page(admin_client: Client, world: World) -> None:
    crontab = CrontabSchedule.objects.get()
    fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")
    data = {name: str(getattr(crontab, name)) for name in fields} | {"hour": "16"}
    rows = {"periodictask_set-TOTAL_FORMS": "0", "periodictask_set-INITIAL_FORMS": "0"}
    page = f"/admin/django_celery_beat/crontabschedule/{crontab.pk}/change/"
    assert change(admin_client, page, data | rows) == "Hour(s): 15 → 16."
    shown = admin_client.get(f"/admin/mailer/digest/{world.digest.pk}/change/").content.decode()
    assert "Hour(s): 15 → 16." in shown


@pytest.mark.parametrize(
    ("action", "said"),
    [("disable_tasks", "Switched off."), ("toggle_tasks", "Switched off."), ("enable_tasks", "Switched on.")],
)
def test_a_schedule_that_is_switched_in_beats_list_is_recorded(
    action: str, said: str, admin_client: Client, world: World
) -> None:
    task = PeriodicTask.objects.get()
    chosen = {"action": action, "_selected_action": [str(task.pk)]}
    assert change(admin_client, "/admin/django_celery_beat/periodictask/", chosen) == said


def test_the_last_five_changes_are_on_the_objects_page(admin_client: Client, world: World) -> None:
    page = f"/admin/mailer/digest/{world.digest.pk}/change/"
    assert "Last changes" not in admin_client.get(page).content.decode()
    for hour in range(6):
        change(admin_client, page, digest_form(world, at=f"{hour:02}:00", weekdays=["mon"], name="Daily news"))
    shown = admin_client.get(page).content.decode()
    assert "Time of day: 04:00 → 05:00." in shown
    assert "Time of day: 00:00 → 01:00." in shown
    assert "Time of day: 15:00 → 00:00." not in shown
    assert "Time of day: 15:00 → 00:00." in admin_client.get(page.replace("change", "history")).content.decode()


def test_the_page_of_changes_names_who_did_what_to_what(admin_client: Client, world: World) -> None:
    change(admin_client, f"/admin/mailer/digest/{world.digest.pk}/change/", digest_form(world, name="Evening news"))
    admin_client.post("/admin/mailer/suppression/add/", {"email": "x@example.com", "reason": "manual"})
    shown = admin_client.get(LOG).content.decode()
    assert "Name: Daily news → Evening news." in shown
    assert f"/admin/mailer/digest/{world.digest.pk}/change/" in shown
    user, today = User.objects.get(username="admin"), f"{timezone.now():%Y-%m-%d}"
    for query, found in (
        ({"user": user.pk}, 2),
        ({"user": 999}, 0),
        ({"action_time_from": "2020-01-01", "action_time_to": "2020-01-02"}, 0),
        ({"action_time_from": "2020-01-01"}, 2),
        ({"action_time_from": "yesterday"}, 2),
        ({"action_time_from": today, "action_time_to": today}, 2),
        ({"q": "Evening"}, 1),
    ):
        assert len(admin_client.get(LOG, query).context["cl"].result_list) == found, query
    kinds = {name: key for key, name in admin_client.get(LOG).context["cl"].filter_specs[1].lookup_choices}
    assert len(admin_client.get(LOG, {"kind": kinds["Digest"]}).context["cl"].result_list) == 1


def test_who_sees_no_addresses_sees_none_in_the_changes_and_cannot_search_for_them(
    admin_client: Client, reviewer: Client, world: World
) -> None:
    person = world.people[0]
    data = {"email": "eva@example.com", "attributes": "{}"}
    rows = {"subscriptions-TOTAL_FORMS": "0", "subscriptions-INITIAL_FORMS": "0"}
    change(admin_client, f"/admin/mailer/recipient/{person.pk}/change/", data | rows)
    shown = reviewer.get(LOG).content.decode()
    assert "Address: p…@example.com → e…@example.com." in shown
    assert "eva@example.com" not in shown
    assert len(reviewer.get(LOG, {"q": "nothing like it"}).context["cl"].result_list) == 1
    assert "eva@example.com" in admin_client.get(LOG).content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "/admin/mailer/recipient/?email__startswith=person1",
        "/admin/mailer/subscription/?recipient__email__startswith=person1",
        f"{LOG}?object_repr__startswith=person1",
    ],
)
def test_addresses_cannot_be_guessed_letter_by_letter(url: str, admin_client: Client, reviewer: Client, world: World):
    assert reviewer.get(url).status_code == 400
    assert admin_client.get("/admin/mailer/recipient/?email__startswith=person1").status_code == 200


@pytest.mark.parametrize("url", ["/admin/mailer/recipient/", "/admin/mailer/subscription/"])
def test_who_sees_no_addresses_finds_people_by_the_whole_address_only(url: str, reviewer: Client, world: World) -> None:
    assert len(reviewer.get(url, {"q": "person1@example.com"}).context["cl"].result_list) == 1
    assert len(reviewer.get(url, {"q": "person"}).context["cl"].result_list) == 0


def test_changes_of_what_a_person_may_not_see_are_not_shown(admin_client: Client, reviewer: Client, world: World):
    User.objects.create_user("sam")
    data = {"username": "sam", "is_active": "on", "first_name": "Samuel"}
    change(admin_client, f"/admin/auth/user/{User.objects.get(username='sam').pk}/change/", data)
    assert "Samuel" in admin_client.get(LOG).content.decode()
    assert "Samuel" not in reviewer.get(LOG).content.decode()


def test_what_was_deleted_is_named_without_a_link(admin_client: Client, world: World) -> None:
    item = DigestItem.objects.create(list=world.mailing_list, title="Gone")
    admin_client.post(f"/admin/mailer/digestitem/{item.pk}/delete/", {"post": "yes"})
    entry = LogEntry.objects.latest("pk")
    shown = admin_client.get(LOG).content.decode()
    assert ("Gone" in shown, "Deleted." in shown) == (True, True)
    assert f"/admin/mailer/digestitem/{item.pk}/change/" not in shown
    assert entry.object_repr == "Gone"


def test_a_value_is_one_line_of_bounded_length() -> None:
    assert value_in_words(None) == value_in_words("") == value_in_words([]) == "–"
    assert value_in_words("a\r\n  b") == "a b"
    assert len(value_in_words("x" * 10_000)) == MOST_LETTERS + 1
    assert value_in_words(Recipient(email="ada@example.com")).endswith("@example.com")
    assert value_in_words(Digest(name="News")) == "News"
