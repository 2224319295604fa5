"""What others wrote (names, subjects, items, answers of mail servers) is text on every page, and a mail is never a page."""

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Model
from django.db.utils import IntegrityError
from django.http import HttpResponse
from django.test import Client

from mailer.models import Attempt, Delivery, DigestItem, MailingItem, TemplateVersion
from tests.admin.samples import make_samples
from tests.admin.test_matrix import addresses
from tests.admin.world import World

PAYLOAD = "\"'><img src=x onerror=alert(1)>{{7}}</script>"
RUNS = "<img src=x onerror"


def is_sandboxed(response: HttpResponse) -> bool:
    policy = response.headers.get("Content-Security-Policy", "")
    return policy.startswith("sandbox;") and "default-src 'none'" in policy and "script" not in policy


def poison(model: type[Model]) -> list[str]:
    """Write it into all that is text in the model's rows; the names of these fields."""
    found = []
    for field in model._meta.concrete_fields:
        is_text = type(field) is models.TextField or (
            type(field) is models.CharField and (field.max_length or 999) > 60
        )
        if is_text and not field.choices and not field.primary_key:
            try:
                with transaction.atomic():
                    model._default_manager.update(**{field.attname: PAYLOAD})
                found.append(f"{model._meta.label}.{field.name}")
            except IntegrityError:  # it is unique, and there are several
                continue
    return found


@pytest.mark.long
@pytest.mark.once
def test_no_text_of_others_is_markup_on_any_page(db: None):
    samples = make_samples()
    client, client.raise_request_exception = Client(), False
    client.force_login(User.objects.get(username="root"))
    ours = [model for model in samples if model._meta.app_label in ("mailer", "admin", "axes")]
    poisoned = [name for model in {*ours, DigestItem, MailingItem, Attempt, Delivery} for name in poison(model)]
    assert {"mailer.Recipient.name", "mailer.DigestItem.title", "mailer.Delivery.smtp_text", "mailer.TemplateVersion.subject",
            "mailer.Attempt.smtp_text", "mailer.Mailing.reason", "mailer.RecipientList.name"} - {*poisoned} <= {"mailer.Mailing.reason"}  # fmt: skip
    seen = 0
    for address in addresses(samples):
        response = client.get(address.url)
        body = (
            response.getvalue().decode(errors="replace")
            if response.streaming
            else response.content.decode(errors="replace")
        )
        assert response.status_code < 500, address.url
        if "html" in response.headers.get("Content-Type", "") and not is_sandboxed(response):
            assert RUNS not in body, f"{address.url}: {body[body.index(RUNS) - 200 :][:400]}"
            seen += "&lt;img src=x onerror" in body
    assert seen > 20


@pytest.mark.parametrize(
    "html",
    ["<script>alert(1)</script>", "<p>{{ recipient.name }}</p>", "<p>{{ nosuch." + PAYLOAD + " }}", "{% nosuch %}"],
)
def test_every_mail_and_every_word_of_what_is_wrong_with_it_stands_in_a_sandbox(
    html: str, admin_client: Client, world: World
):
    TemplateVersion.objects.update(html=html, sample={"recipient": {"name": PAYLOAD}})
    world.people[0].__class__.objects.update(name=PAYLOAD)
    version, delivery = world.version.pk, Delivery.objects.earliest("pk").pk
    pages = [
        f"/admin/mailer/templateversion/{version}/preview/", f"/admin/mailer/digest/{world.digest.pk}/letter/?as=person0@example.com",
        f"/admin/mailer/digest/{world.digest.pk}/letter/", f"/admin/mailer/delivery/{delivery}/copy/",
    ]  # fmt: skip
    typed = {
        "subject": "Hi",
        "html": html,
        "text": "",
        "sample": '{"recipient": {"name": "x"}}',
        "language": "",
        "note": "",
    }
    editor = f"/admin/mailer/emailtemplate/{world.version.template_id}/preview/"
    answers = [
        admin_client.get(page + part) for page in pages for part in ("", ("&" if "?" in page else "?") + "part=text")
    ]
    answers += [
        admin_client.post(editor, typed | more)
        for more in ({}, {"part": "text"}, {"images": "off"}, {"scheme": "dark"})
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert is_sandboxed(answer)
        assert answer["X-Content-Type-Options"] == "nosniff"
        if "recipient" in html or "nosuch" in html:
            assert RUNS not in answer.content.decode()


@pytest.mark.parametrize(
    "changes",
    [{"sample": "[" * 5_000}, {"sample": '{"a": NaN}'}, {"sample": '{"a": "\\ud800"}'}, {"sample": '{"a": ' + "9" * 5_000 + "}"}, {"html": "{% if" + " " * 90_000},
     {"html": "<a " * 30_000}, {"html": "<!-- -->"}, {"html": "zqt9tqz"}, {"sample": '{"at": "2026-99-99", "links": [], "recipient": 7}'}, {"subject": "{{ a"}, {"html": PAYLOAD}],
    ids=range(11),
)  # fmt: skip
def test_whatever_is_typed_is_answered(changes: dict[str, str], admin_client: Client, world: World):
    address = f"/admin/mailer/emailtemplate/{world.version.template_id}"
    typed = {
        "subject": "Hi",
        "html": "<p>x</p>",
        "text": "",
        "sample": "{}",
        "language": "",
        "note": "",
        "_use": "1",
    } | changes
    assert "faults" in admin_client.post(f"{address}/check/", typed).json()
    assert admin_client.post(f"{address}/preview/", typed).status_code == 200
    page = admin_client.post(f"{address}/edit/", typed, follow=True)
    assert page.status_code == 200
    assert RUNS not in page.content.decode()
