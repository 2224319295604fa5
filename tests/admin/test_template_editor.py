"""The editor's pages: what is typed is shown and checked, each save is a version, and tests go to any address."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from mailer.models import EmailTemplate, Mailing, Recipient, TemplateVersion
from mailer.models.roles import grant_roles
from tests.admin.world import World, add_item

SAMPLE = {"name": "Ada", "links": {"unsubscribe": "https://x.example/u"}, "items": []}
HTML = '<p>Hello {{ name }}</p><p><a href="{{ links.unsubscribe }}">Leave</a></p>'


def typed(**changes: Any) -> dict[str, Any]:
    return {"subject": "Hi {{ name }}", "html": HTML, "text": "", "sample": json.dumps(SAMPLE), "language": "", "note": "Better"} | changes  # fmt: skip


@pytest.fixture
def author(client: Client, world: World) -> Client:
    grant_roles()
    user = User.objects.create_user("ann", "ann@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name="Template author"))
    client.force_login(user)
    return client


def address(world: World, name: str) -> str:
    return f"/admin/mailer/emailtemplate/{world.version.template_id}/{name}/"


def test_a_save_makes_the_next_version_and_puts_it_to_use(author: Client, world: World):
    answer = author.post(address(world, "edit"), typed(_use="1"), follow=True)
    version = TemplateVersion.objects.latest("pk")
    assert (version.number, version.note, version.author.username) == (2, "Better", "ann")
    assert "new mailings send it from now on" in answer.content.decode()
    assert world.digest.template.versions.count() == 2
    assert EmailTemplate.objects.get(pk=world.version.template_id).version_to_send() == version


def test_a_faulty_mail_is_not_saved_and_nothing_typed_is_lost(author: Client, world: World):
    page = author.post(address(world, "edit"), typed(html="<p>{{ nosuch }}</p>", _use="1")).content.decode()
    assert "nosuch is not known" in page
    assert "&lt;p&gt;{{ nosuch }}&lt;/p&gt;" in page
    assert TemplateVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sample": "{"}, "not JSON: line 1"),
        ({"sample": "[]"}, "must be a JSON object"),
        ({"subject": ""}, "subject: This field is required."),
        ({"language": "../x"}, "Write a language as de or pt-BR."),
        ({"html": "{% if %}"}, "body.html, line 1"),
    ],
)
def test_rubbish_is_answered_with_a_sentence(changes: dict[str, str], told: str, author: Client, world: World):
    found = author.post(address(world, "check"), typed(**changes)).json()
    assert any(told in fault["words"] for fault in found["faults"])
    assert author.post(address(world, "preview"), typed(**changes)).status_code == 200


def test_the_check_says_how_an_inbox_shows_it_and_what_it_asks_about(author: Client, world: World):
    html = '<div style="display:none">Before</div>{% if name %}x{% endif %}' + HTML
    found = author.post(address(world, "check"), typed(html=html)).json()
    assert (found["subject"], found["preheader"], found["conditions"]) == ("Hi Ada", "Before", ["name"])


def test_both_branches_of_a_condition_can_be_seen(author: Client, world: World):
    html = "{% if name %}<p>yes</p>{% else %}<p>no</p>{% endif %}" + HTML
    for held, seen in (("", "yes"), ("1:name", "yes"), ("0:name", "no")):
        assert f"<p>{seen}</p>" in author.post(address(world, "preview"), typed(html=html, held=held)).content.decode()


def test_the_preview_may_run_nothing_and_load_nothing_but_pictures(author: Client, world: World):
    policy = author.post(address(world, "preview"), typed())["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "img-src" not in author.post(address(world, "preview"), typed(images="off"))["Content-Security-Policy"]


def test_dark_and_light_are_chosen_for_the_mail_alone(author: Client, world: World):
    html = "<style>@media (prefers-color-scheme:dark){p{color:#fff!important}}</style>" + HTML
    assert "@media all" in author.post(address(world, "preview"), typed(html=html, scheme="dark")).content.decode()
    assert "@media not all" in author.post(address(world, "preview"), typed(html=html)).content.decode()


def test_what_waits_is_shown_to_those_who_may_see_people(admin_client: Client, author: Client, world: World):
    add_item(world.mailing_list, "The bridge is open")
    html = "{% for item in items %}<p>{{ item.title }} for {{ recipient.name }}</p>{% endfor %}" + HTML.replace("name", "list.name")  # fmt: skip
    sample = SAMPLE | {"recipient": {"name": "x"}, "list": {"name": "News"}}
    data = typed(
        subject="x", html=html, sample=json.dumps(sample), digest=world.digest.pk, **{"as": world.people[1].email}
    )
    assert "The bridge is open for Person 1" in admin_client.post(address(world, "preview"), data).content.decode()
    assert "Person 1" not in author.post(address(world, "preview"), data).content.decode()


def test_a_test_goes_to_any_address_and_counts_nowhere(author: Client, world: World, transactional_db: None):
    version = world.version
    author.post(f"/admin/mailer/templateversion/{version.pk}/test/", {"to": "somebody@example.net"})
    mailing = Mailing.objects.latest("pk")
    assert (mailing.kind, mailing.version, mailing.recipient) == (
        "test",
        version,
        Recipient.objects.get(email="somebody@example.net"),
    )
    told = author.post(
        f"/admin/mailer/templateversion/{version.pk}/test/", {"to": "rubbish"}, follow=True
    ).content.decode()
    assert "No test was sent" in told


def test_one_goes_back_to_an_older_version_with_one_click(author: Client, world: World):
    author.post(address(world, "edit"), typed(_use="1"))
    author.post(f"/admin/mailer/templateversion/{world.version.pk}/use/")
    assert EmailTemplate.objects.get(pk=world.version.template_id).version_to_send() == world.version
    page = author.get(
        f"/admin/mailer/templateversion/{TemplateVersion.objects.latest('pk').pk}/compare/"
    ).content.decode()
    assert "<ins>+ Hi {{ name }}</ins>" in page


def test_a_translation_is_begun_and_kept(author: Client, world: World):
    assert 'value="de"' in author.get(address(world, "edit") + "?language=de").content.decode()
    author.post(address(world, "edit"), typed(_use="1"))
    author.post(address(world, "edit") + "?language=de", typed(language="de", subject="Hallo", _use="1"))
    version = TemplateVersion.objects.latest("pk")
    assert (version.subject, version.parts("de").subject) == ("Hi {{ name }}", "Hallo")
    page = author.get(f"/admin/mailer/templateversion/{version.pk}/change/?language=de").content.decode()
    assert "Subject: Hallo" in page


def test_a_new_template_leads_on_to_the_editor(author: Client, world: World):
    answer = author.post("/admin/mailer/emailtemplate/add/", {"name": "Fair", "slug": "fair"}, follow=True)
    template = EmailTemplate.objects.get(slug="fair")
    assert answer.redirect_chain[-1][0] == f"/admin/mailer/emailtemplate/{template.pk}/edit/"
    assert "extends" in answer.content.decode()
