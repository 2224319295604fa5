"""The digest's form writes its schedule to beat; pause, resume and send now change only by POST."""

from datetime import time
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_celery_beat.models import CrontabSchedule

from mailer.admin import second_look
from mailer.admin.weekdays import days_of, text_of
from mailer.models import Digest, EmailTemplate, Mailing, TemplateVersion
from mailer.scheduling.schedules import Schedule, read_schedule
from tests.admin.world import World, add_item

ADD = "/admin/mailer/digest/add/"


def form(world: World, **values: Any) -> dict[str, Any]:
    return {
        "name": "Weekly",
        "slug": "weekly",
        "list": world.mailing_list.pk,
        "template": world.version.template_id,
        "at": "15:00",
        "weekdays": ["mon", "tue", "wed", "thu", "fri"],
        "time_zone": "Europe/Berlin",
        "in_recipients_zone": "False",
        "catch_up_hours": "6",
        "spread_minutes": "0",
        "max_items": "20",
        "weekly_on": "0",
    } | values


def page_of(digest: Digest, name: str = "change") -> str:
    return f"/admin/mailer/digest/{digest.pk}/{name}/"


def errors(client: Client, url: str, data: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(url, data)
    assert answer.status_code == 200, "the form was taken"
    return dict(answer.context["adminform"].form.errors)


def test_saving_a_digest_makes_its_schedule(admin_client: Client, world: World) -> None:
    assert admin_client.post(ADD, form(world)).status_code == 302
    assert read_schedule(Digest.objects.get(slug="weekly")) == Schedule(time(15, 0), "mon-fri", "Europe/Berlin")


def test_the_form_shows_and_changes_the_schedule(admin_client: Client, world: World) -> None:
    initial = admin_client.get(page_of(world.digest)).context["adminform"].form.initial
    assert (initial["at"], len(initial["weekdays"]), initial["time_zone"]) == ("15:00", 7, "Europe/Berlin")
    data = form(world, at="07:30", weekdays=["sat", "sun"], time_zone="Asia/Tokyo")
    assert admin_client.post(page_of(world.digest), data).status_code == 302
    world.digest.refresh_from_db()
    assert read_schedule(world.digest) == Schedule(time(7, 30), "sat,sun", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("at", "25:00"),
        ("at", ""),
        ("weekdays", []),
        ("weekdays", ["someday"]),
        ("slug", "not a slug"),
        ("slug", "daily"),
        ("list", "999"),
        ("catch_up_hours", "-1"),
    ],
)
def test_a_wrong_value_is_said_at_its_field(field: str, value: Any, admin_client: Client, world: World) -> None:
    assert list(errors(admin_client, ADD, form(world, **{field: value}))) == [field]
    assert not Digest.objects.filter(name="Weekly").exists()


def test_a_crontab_of_another_shape_is_shown_and_left_alone(admin_client: Client, world: World) -> None:
    hourly = CrontabSchedule.objects.create(minute="0", hour="*/2", timezone="UTC")
    task = world.digest.periodic_task
    assert task is not None
    task.crontab = hourly
    task.save()
    assert "0 */2 * * * (UTC)" in admin_client.get(page_of(world.digest)).content.decode()
    data = form(world)
    for name in ("at", "weekdays", "time_zone"):
        del data[name]
    assert admin_client.post(page_of(world.digest), data).status_code == 302
    task.refresh_from_db()
    assert task.crontab == hourly
    assert Digest.objects.get(pk=world.digest.pk).name == "Weekly"


def test_pause_and_resume_switch_the_schedule(admin_client: Client, world: World) -> None:
    answer = admin_client.post(page_of(world.digest, "pause"), follow=True)
    assert "is paused. Skipped until it is resumed:" in answer.content.decode()
    assert Digest.objects.get(pk=world.digest.pk).paused
    admin_client.post(page_of(world.digest, "resume"))
    assert not Digest.objects.get(pk=world.digest.pk).paused


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_a_link_changes_nothing(name: str, admin_client: Client, world: World) -> None:
    assert admin_client.get(page_of(world.digest, name)).status_code == 405


@pytest.mark.parametrize("name", ["pause", "resume", "send"])
def test_who_may_only_look_cannot_pause_or_send(name: str, powerless: Client, world: World) -> None:
    User.objects.get(username="powerless").user_permissions.add(Permission.objects.get(codename="view_digest"))
    assert powerless.get(page_of(world.digest)).status_code == 200
    assert powerless.post(page_of(world.digest, name)).status_code == 403
    assert not Digest.objects.get(pk=world.digest.pk).paused


def test_who_may_change_digests_may_not_send_them_without_the_permission(powerless: Client, world: World) -> None:
    User.objects.get(username="powerless").user_permissions.add(Permission.objects.get(codename="change_digest"))
    assert powerless.post(page_of(world.digest, "send")).status_code == 403


def test_send_now_asks_first_with_the_numbers(admin_client: Client, world: World) -> None:
    add_item(world.mailing_list, "Fresh")
    before = Mailing.objects.count()
    page = admin_client.get(page_of(world.digest, "send")).content.decode()
    assert "5 active subscribers" in page
    assert "1 item" in page
    assert Mailing.objects.count() == before


def test_send_now_makes_a_mailing_of_its_own(admin_client: Client, world: World) -> None:
    add_item(world.mailing_list, "Fresh")
    answer = admin_client.post(page_of(world.digest, "send"))
    mailing = Mailing.objects.exclude(pk=world.mailing.pk).get()
    assert answer.headers["Location"] == f"/admin/mailer/mailing/{mailing.pk}/change/"
    assert (mailing.planned, mailing.created_by and mailing.created_by.username) == (5, "admin")


def test_send_now_with_nothing_new_says_so(admin_client: Client, world: World) -> None:
    answer = admin_client.post(page_of(world.digest, "send"), follow=True)
    assert "has nothing new to send" in answer.content.decode()
    assert Mailing.objects.count() == 1


def test_where_nothing_is_new_no_button_offers_to_send_it(admin_client: Client, world: World) -> None:
    page = admin_client.get(page_of(world.digest, "send")).content.decode()
    assert "There is nothing new to send." in page
    assert "Send now to" not in page
    Digest.objects.update(send_when_empty=True)
    assert "Send now to" in admin_client.get(page_of(world.digest, "send")).content.decode()


def test_a_digest_that_sent_mails_cannot_be_deleted_and_its_page_says_what_to_do_instead(
    admin_client: Client, world: World
) -> None:
    page = admin_client.get(page_of(world.digest, "delete")).content.decode()
    assert "Pause the digest instead" in page
    admin_client.post(page_of(world.digest, "delete"), {"post": "yes"})
    assert Digest.objects.filter(pk=world.digest.pk).exists()
    chosen = {"action": "delete_selected", "_selected_action": [world.digest.pk]}
    assert "Pause the digest instead" in admin_client.post("/admin/mailer/digest/", chosen).content.decode()


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (["mon", "tue", "wed", "thu", "fri"], "mon-fri"),
        (["mon", "wed"], "mon,wed"),
        (["sun"], "sun"),
        (["fri", "sat", "sun"], "fri,sat,sun"),
        (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "*"),
    ],
)
def test_days_become_crontab_text_and_come_back(days: list[str], text: str) -> None:
    assert text_of(days) == text
    assert days_of(text) == days


@pytest.mark.parametrize(("text", "days"), [("1-5", 5), ("0", 1), ("6,0", 2), ("*/2", 4)])
def test_days_written_as_numbers_are_understood(text: str, days: int) -> None:
    assert len(days_of(text)) == days


def test_send_now_to_many_needs_the_number(admin_client: Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_look, "FEW", 4)
    add_item(world.mailing_list, "Fresh")
    assert "That is not the number" in admin_client.post(page_of(world.digest, "send"), {"typed": "4"}).content.decode()
    assert Mailing.objects.count() == 1
    admin_client.post(page_of(world.digest, "send"), {"typed": "5"})
    assert Mailing.objects.count() == 2


def test_an_item_is_added_on_the_digests_page(admin_client: Client, world: World) -> None:
    said = {"title": "The harbour is open", "url": "https://example.org", "summary": ""}
    assert admin_client.post(page_of(world.digest, "additem"), said).status_code == 302
    shown = admin_client.get(page_of(world.digest)).context
    assert [item.title for item in shown["waiting"].items] == ["The harbour is open"]
    assert "The harbour is open" in admin_client.get(page_of(world.digest)).content.decode()


def test_an_item_that_is_wrong_loses_nothing_of_what_was_typed(admin_client: Client, world: World) -> None:
    answer = admin_client.post(page_of(world.digest, "additem"), {"title": "Kept", "url": "no link"})
    assert answer.status_code == 422
    assert 'value="Kept"' in answer.content.decode()
    assert list(answer.context["quick"].errors) == ["url"]


def test_an_item_with_a_time_to_come_is_shown_as_coming(admin_client: Client, world: World) -> None:
    admin_client.post(page_of(world.digest, "additem"), {"title": "Soon", "published_at": "2099-01-01T09:00"})
    assert "from Thu 1 Jan 2099 09:00 UTC" in admin_client.get(page_of(world.digest)).content.decode()


def test_items_are_moved_hidden_and_brought_back(admin_client: Client, world: World) -> None:
    first, second = (add_item(world.mailing_list, title) for title in ("First", "Second"))

    def shown() -> list[str]:
        return [item.title for item in admin_client.get(page_of(world.digest)).context["waiting"].items]

    assert shown() == ["Second", "First"]
    admin_client.post(page_of(world.digest, "arrange"), {"item": second.pk, "by": "1"})
    assert shown() == ["First", "Second"]
    admin_client.post(page_of(world.digest, "arrange"), {"order": f"{second.pk},x,{first.pk}"})
    assert shown() == ["Second", "First"]
    admin_client.post(page_of(world.digest, "hide"), {"item": first.pk})
    assert shown() == ["Second"]
    admin_client.post(page_of(world.digest, "hide"), {"item": first.pk, "hidden": "no"})
    assert shown() == ["Second", "First"]


@pytest.mark.parametrize("name", ["additem", "arrange", "hide"])
def test_who_may_only_look_cannot_touch_items(name: str, powerless: Client, world: World) -> None:
    User.objects.get(username="powerless").user_permissions.add(Permission.objects.get(codename="view_digest"))
    assert powerless.post(page_of(world.digest, name), {"title": "x"}).status_code == 403
    assert powerless.get(page_of(world.digest, name)).status_code == 405


def test_whose_clock_is_chosen_in_words(admin_client: Client, world: World) -> None:
    for said, stored in (("True", True), ("False", False)):
        admin_client.post(page_of(world.digest), form(world, in_recipients_zone=said))
        assert Digest.objects.get(pk=world.digest.pk).in_recipients_zone is stored


def test_a_lists_page_says_how_it_grows_and_what_comes_next(admin_client: Client, world: World) -> None:
    page = admin_client.get(f"/admin/mailer/recipientlist/{world.mailing_list.pk}/change/")
    assert page.context["growth"].joined == 5
    assert len(page.context["digests"][0][1]) == 5
    assert "In the last 90 days 5 joined and 0 left." in page.content.decode()


def test_a_template_that_nobody_can_leave_by_is_told_on_the_page(admin_client: Client, world: World) -> None:
    words = "names no link to unsubscribe"
    assert "links.unsubscribe" not in world.version.html
    assert words in admin_client.get(page_of(world.digest)).content.decode()
    version = TemplateVersion.objects.create(
        template=world.version.template, number=9, subject="s", html="{{ links.unsubscribe }}",
        text="{{ links.unsubscribe }}", sample={},
    )  # fmt: skip
    EmailTemplate.objects.update(in_use=version)
    assert words not in admin_client.get(page_of(world.digest)).content.decode()
