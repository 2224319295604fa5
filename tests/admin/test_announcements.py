"""Announcements and segments on staff's pages: written, counted, looked at twice, let go once, by who may."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from mailer.admin import second_look
from mailer.admin.mail_frames import PREVIEW_POLICY
from mailer.models import Announcement, EmailTemplate, Mailing, Segment, TemplateVersion
from tests.admin.world import World

HERE = "/admin/mailer/announcement/"


@pytest.fixture
def news(world: World) -> EmailTemplate:
    """A template with a heading, a message that may be empty, and a link."""
    made = EmailTemplate.objects.create(slug="announcement", name="Announcement")
    text = "{{ heading }}{% if message %}{{ message }}{% endif %}{% if button_url %}{{ button_url }}{% endif %}"
    TemplateVersion.objects.create(
        template=made, number=1, subject="{{ heading }}", html=f"<p>{text}</p>", text=text,
        sample={"heading": "Hear", "message": "One\nTwo", "button_url": "https://example.org"},
    )  # fmt: skip
    return made


@pytest.fixture
def draft(news: EmailTemplate, world: World) -> Announcement:
    made = Announcement.objects.create(
        name="Moved", template=news, fields={"heading": "It is moved", "message": "", "button_url": ""}
    )
    made.lists.set([world.mailing_list])
    return made


def form(world: World, news: EmailTemplate, **values: Any) -> dict[str, Any]:
    said = {"name": "Moved", "template": news.pk, "lists": [world.mailing_list.pk], "field_heading": "It is moved"}
    return said | values


def page(announcement: Announcement, name: str = "change") -> str:
    return f"{HERE}{announcement.pk}/{name}/"


def allow(name: str, *codes: str) -> None:
    User.objects.get(username=name).user_permissions.add(*Permission.objects.filter(codename__in=codes))


def test_the_templates_own_variables_are_fields(admin_client: Client, world: World, news: EmailTemplate) -> None:
    fields = admin_client.get(f"{HERE}add/").context["adminform"].form.fields
    assert [(name, fields[name].required) for name in fields if name.startswith("field_")] == [
        ("field_heading", True), ("field_message", False), ("field_button_url", False),
    ]  # fmt: skip
    assert admin_client.post(f"{HERE}add/", form(world, news)).status_code == 302
    assert Announcement.objects.get().fields == {"heading": "It is moved", "message": "", "button_url": ""}


@pytest.mark.parametrize(
    ("field", "value"), [("field_heading", ""), ("field_button_url", "javascript:alert(1)"), ("template", "")]
)
def test_a_wrong_value_is_said_at_its_field(
    field: str, value: str, admin_client: Client, world: World, news: EmailTemplate
) -> None:
    answer = admin_client.post(f"{HERE}add/", form(world, news, **{field: value}))
    assert list(answer.context["adminform"].form.errors) == [field]


def test_lists_and_a_segment_together_are_refused(admin_client: Client, world: World, news: EmailTemplate) -> None:
    segment = Segment.objects.create(name="All", list=world.mailing_list)
    answer = admin_client.post(f"{HERE}add/", form(world, news, segment=segment.pk))
    assert list(answer.context["adminform"].form.errors) == ["segment"]


def test_another_template_shows_its_fields_and_saves_nothing(
    admin_client: Client, world: World, news: EmailTemplate
) -> None:
    other = EmailTemplate.objects.create(slug="other", name="Other")
    TemplateVersion.objects.create(
        template=other, number=1, subject="s", html="{{ lead }}", text="t", sample={"lead": "x"}
    )
    answer = admin_client.post(f"{HERE}add/", form(world, other, _template="1"))
    shown = answer.context["adminform"].form
    assert "field_lead" in shown.fields
    assert shown["name"].value() == "Moved"
    assert list(shown.errors) == ["__all__"]
    assert not Announcement.objects.exists()


def test_the_page_says_who_would_get_it_and_how_it_arrives(admin_client: Client, draft: Announcement) -> None:
    shown = admin_client.get(page(draft), {"as": "person1@example.com"})
    assert shown.context["count"]["tally"].total == 5
    assert shown.context["letter"].mail.subject == "It is moved"
    assert shown.context["asked"].email == "person1@example.com"
    letter = admin_client.get(page(draft, "letter"))
    assert letter.headers["Content-Security-Policy"] == PREVIEW_POLICY
    assert letter.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "It is moved" in letter.content.decode()


def test_who_may_not_see_addresses_sees_nobodys_letter(powerless: Client, draft: Announcement) -> None:
    allow("powerless", "view_announcement")
    shown = powerless.get(page(draft), {"as": "person1@example.com"})
    assert shown.context["asked"] is None
    assert (
        "person1@example.com"
        not in powerless.get(page(draft, "letter"), {"as": "person1@example.com"}).content.decode()
    )
    assert powerless.get(page(draft, "people"), {"q": "person"}).status_code == 403


def test_it_is_let_go_now_and_once(admin_client: Client, draft: Announcement) -> None:
    assert admin_client.get(page(draft, "send")).status_code == 200
    assert not Mailing.objects.filter(announcement=draft).exists()
    for _ in range(2):
        assert admin_client.post(page(draft, "send"), {"when": "now"}).status_code == 302
    mailing = Mailing.objects.get(announcement=draft)
    assert (mailing.planned, mailing.created_by and mailing.created_by.username) == (5, "admin")
    assert LogEntry.objects.filter(change_message__contains="Let go").exists()
    assert admin_client.get(page(draft)).status_code == 200
    assert admin_client.post(page(draft), {"name": "Other"}).status_code == 403


def test_it_is_let_go_at_a_time_and_taken_back(admin_client: Client, draft: Announcement) -> None:
    later = {"when": "later", "day": "2099-06-01", "at": "09:00", "time_zone": "Europe/Berlin"}
    admin_client.post(page(draft, "send"), later)
    draft.refresh_from_db()
    assert (draft.status, draft.send_at and draft.send_at.hour) == ("scheduled", 7)
    said = admin_client.get(page(draft)).content.decode()
    assert "Mon 1 Jun 2099 09:00 Europe/Berlin" in said
    assert "still sent until Mon 1 Jun 2099 15:00 Europe/Berlin" in said
    admin_client.post(page(draft, "withdraw"))
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_before_it_is_let_go_staff_read_how_late_it_may_become(admin_client: Client, draft: Announcement) -> None:
    assert "still sent up to 6 hours later" in admin_client.get(page(draft, "send")).content.decode()


@pytest.mark.parametrize(
    "said",
    [
        {"when": "later"},
        {"when": "later", "day": "2001-01-01", "at": "09:00", "time_zone": "UTC"},
        {"when": "later", "day": "2099-01-01", "at": "09:00", "time_zone": "Mars/Olympus"},
        {},
    ],
)
def test_a_time_that_is_none_lets_nothing_go(said: dict[str, str], admin_client: Client, draft: Announcement) -> None:
    assert admin_client.post(page(draft, "send"), said).context["form"].errors
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_many_people_need_a_second_look(
    admin_client: Client, draft: Announcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_look, "FEW", 4)
    for typed in ("", "4", "50"):
        answer = admin_client.post(page(draft, "send"), {"when": "now", "typed": typed})
        assert list(answer.context["form"].errors) == ["typed"]
    assert not Mailing.objects.filter(announcement=draft).exists()
    assert admin_client.post(page(draft, "send"), {"when": "now", "typed": " 5 "}).status_code == 302


@pytest.mark.parametrize("name", ["send", "withdraw", "test"])
def test_who_may_write_may_not_send_without_the_permission(name: str, powerless: Client, draft: Announcement) -> None:
    allow("powerless", "view_announcement", "change_announcement")
    assert powerless.post(page(draft, name), {"when": "now"}).status_code == 403
    assert not Mailing.objects.filter(announcement=draft).exists()


@pytest.mark.parametrize("name", ["withdraw", "copy", "test"])
def test_a_link_changes_nothing(name: str, admin_client: Client, draft: Announcement) -> None:
    assert admin_client.get(page(draft, name)).status_code == 405


def test_a_test_goes_to_ones_own_address(admin_client: Client, draft: Announcement) -> None:
    User.objects.filter(username="admin").update(email="Staff@Example.org")
    admin_client.post(page(draft, "test"))
    mailing = Mailing.objects.get(kind="test")
    assert (mailing.recipient and mailing.recipient.email, mailing.announcement) == ("staff@example.org", None)
    User.objects.filter(username="admin").update(email="")
    assert "has no mail address" in admin_client.post(page(draft, "test"), follow=True).content.decode()
    assert Mailing.objects.filter(kind="test").count() == 1


def test_a_segment_is_counted_as_it_is_typed(admin_client: Client, world: World) -> None:
    world.people[0].language = "de"
    world.people[0].save()
    said = {
        "list": world.mailing_list.pk, "conditions-TOTAL_FORMS": "2", "conditions-INITIAL_FORMS": "0",
        "conditions-0-rule": "language_is", "conditions-0-value": "de", "next": "0-0",
    }  # fmt: skip
    count = admin_client.get("/admin/mailer/segment/count/", said).json()
    assert count == {"people": [1], "suppressed": 0, "next": ""}
    incomplete = admin_client.get("/admin/mailer/segment/count/", said | {"conditions-0-value": ""}).json()
    assert "complete" in incomplete["problem"]
    assert "list" in admin_client.get("/admin/mailer/segment/count/", {}).json()["problem"]


def test_saved_conditions_are_counted_with_what_is_typed_over_them(admin_client: Client, world: World) -> None:
    segment = Segment.objects.create(name="German", list=world.mailing_list)
    saved = segment.conditions.create(rule="language_is", value="de")
    said = {
        "list": world.mailing_list.pk, "conditions-TOTAL_FORMS": "1", "conditions-INITIAL_FORMS": "1",
        "conditions-0-id": saved.pk, "conditions-0-segment": segment.pk, "conditions-0-rule": "language_is",
        "conditions-0-value": "de",
    }  # fmt: skip
    count = "/admin/mailer/segment/count/"
    assert admin_client.get(count, said).json()["people"] == [0]
    assert admin_client.get(count, said | {"conditions-0-value": "en"}).json()["people"] == [5]
    assert admin_client.get(count, said | {"conditions-0-DELETE": "on"}).json()["people"] == [5]


def test_a_segments_count_needs_the_permission_to_see_it(powerless: Client, world: World) -> None:
    for name in ("count", "known"):
        assert powerless.get(f"/admin/mailer/segment/{name}/", {"list": world.mailing_list.pk}).status_code == 403


def test_an_empty_condition_chooses_no_rule(admin_client: Client, world: World) -> None:
    rows = admin_client.get("/admin/mailer/segment/add/").context["inline_admin_formsets"][0].formset
    assert next(iter(rows.forms[0].fields["rule"].choices))[0] == ""
