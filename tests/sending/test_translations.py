"""The recipient's language decides which translation they get, mail by mail, in one run over one connection."""

from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from mailer.models import Digest, EmailTemplate, Recipient, RecipientList
from mailer.scheduling.drafts import draft_digest, letter_of
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.templating.authoring import Edit, Written, save_version
from tests.build import make_digest, make_item, make_list, subscribe
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db

BODY = '<html lang="{{{{ language }}}}"><body><p>{} {{{{ date|date:"F" }}}} {{{{ recipient.attributes.plan|default:"-" }}}}</p></body></html>'


@pytest.fixture
def digest() -> Digest:
    template = EmailTemplate.objects.create(slug="many", name="Many tongues")
    version = None
    for language, subject in (("", "News"), ("de", "Neues"), ("he", "חדש")):
        edit = Edit(Written(subject, BODY.format(subject), f"{subject} {{{{ count }}}}"), {}, language=language)
        version = save_version(template, version, edit, None, use=True)
    mailing_list = make_list("news")
    for name, language in (("ada", ""), ("bea", "de"), ("cid", "fr"), ("dov", "he"), ("eva", "de-AT"), ("fay", "en")):
        subscribe(mailing_list, f"{name}@example.org", language=language, attributes={"plan": language})
    template.refresh_from_db()
    return make_digest(mailing_list, template)


def test_each_person_gets_the_translation_for_their_language_or_the_first_one(digest: Digest, relay: FakeRelay):
    make_item(digest.list)
    own = Recipient.objects.get(email="eva@example.org")
    make_item(digest.list, "For Eva", recipient=own)
    mailing = plan_now(digest, timezone.now())
    month = {code: _month(code) for code in ("en", "de", "he")}
    before = translation.get_language()
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert translation.get_language() == before
    found = {
        mail.recipient.partition("@")[0]: message_from_bytes(mail.message, policy=policy.SMTP)
        for mail in relay.received
    }
    for name, code, subject, plan in (
        ("ada", "en", "News", "-"),
        ("bea", "de", "Neues", "de"),
        ("cid", "en", "News", "fr"),
        ("dov", "he", "חדש", "he"),
        ("eva", "de", "Neues", "de-AT"),
        ("fay", "en", "News", "en"),
    ):
        html = found[name].get_body(("html",)).get_content()
        assert found[name]["Subject"] == subject
        assert f"<p>{subject} {month[code]} {plan}</p>" in html
        assert f'<html lang="{code}"' in html
    assert found["eva"].get_body(("plain",)).get_content().strip() == "Neues 2"


def test_the_preview_is_in_the_language_of_who_is_chosen(digest: Digest):
    now = timezone.now()
    for name, subject in (("eva", "Neues"), ("cid", "News")):
        person = Recipient.objects.get(email=f"{name}@example.org")
        assert letter_of(draft_digest(digest, person, now), person).mail.subject == subject


def test_no_translation_changes_nothing(mailing_list: RecipientList, template: EmailTemplate, relay: FakeRelay):
    Recipient.objects.update(language="de")
    make_item(mailing_list)
    mailing = plan_now(make_digest(mailing_list, template), timezone.now())
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert len(relay.received) == 3
    assert all(f"{timezone.now():%-d %B}".encode() in mail.message for mail in relay.received)


def _month(code: str) -> str:
    with translation.override(code):
        return date_format(timezone.now(), "F")
