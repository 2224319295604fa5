"""A person's mail in the browser: the same as was sent, theirs alone, and nothing is told by a link that is wrong."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.audience.links import make_token
from mailer.models import Delivery, Digest, Mailing, Recipient, Subscription
from mailer.notify import notify_user
from mailer.scheduling.planning import plan_now
from mailer.sending.retention import purge_log
from mailer.tasks import deliver
from tests.build import make_item
from tests.fake_relay import FakeRelay

VIEW = re.compile(r"https?://[^/\s]+(/v/[\w-]+)")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(digest: Digest, relay: FakeRelay) -> Mailing:
    """To three people, of whom the first has an item of her own; the mail leads to its page."""
    version = digest.template.version_to_send()
    for part in ("html", "text"):
        written = getattr(version, part)
        added = "{% if links.view %} {{ links.view }} {% endif %}"
        body = written.replace("</body>", f"{added}</body>") if part == "html" else written + added
        type(version).objects.filter(pk=version.pk).update(**{part: body})
    make_item(digest.list, "The harbour is open")
    make_item(digest.list, "For you alone", recipient=Recipient.objects.get(email="person0@example.org"))
    return send(plan_now(digest, timezone.now()))


def send(mailing: Mailing) -> Mailing:
    ids = sorted(mailing.deliveries.values_list("pk", flat=True))
    deliver.apply(args=(mailing.pk, ids[0], ids[-1]))
    mailing.refresh_from_db()
    return mailing


def part(relay: FakeRelay, number: int, subtype: str = "html") -> str:
    raw = next(mail.message for mail in relay.received if mail.recipient == f"person{number}@example.org")
    return str(message_from_bytes(raw, policy=policy.SMTP).get_body((subtype,)).get_content())


def address(relay: FakeRelay, number: int) -> str:
    return VIEW.search(part(relay, number))[1]


@pytest.mark.parametrize("number", [0, 1])
def test_the_page_is_the_mail_as_it_was_sent_with_the_persons_own_links(
    sent: Mailing, relay: FakeRelay, client: Client, number: int
):
    page = client.get(address(relay, number)).content.decode()
    assert page.strip() == part(relay, number).strip()
    assert ("For you alone" in page) == (number == 0)
    unsubscribe = re.search(r"/u/[\w-]+", page)[0]
    client.post(unsubscribe)
    left = Subscription.objects.get(status="unsubscribed")
    assert left.recipient.email == f"person{number}@example.org"
    assert address(relay, number) in part(relay, number, "plain")


def test_to_read_changes_nothing_and_asks_for_no_cookie(sent: Mailing, relay: FakeRelay, client: Client):
    before = list(Delivery.objects.order_by("pk").values())
    for _ in range(2):
        answer = client.get(address(relay, 1))
        assert answer.status_code == client.head(address(relay, 1)).status_code == 200
        assert not answer.cookies
    assert client.post(address(relay, 1)).status_code == 405
    assert list(Delivery.objects.order_by("pk").values()) == before


def test_the_page_runs_nothing_and_leaves_no_trace(sent: Mailing, relay: FakeRelay, client: Client):
    for path, status in ((address(relay, 1), 200), ("/v/nonsense", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    rules = client.get(address(relay, 1)).headers["Content-Security-Policy"].split("; ")
    assert rules[0].split()[0] == "sandbox"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(rules[0].split())
    assert {"default-src 'none'", "img-src https: data:", "form-action 'none'"} <= set(rules)


def test_whatever_is_wrong_has_the_same_answer(sent: Mailing, relay: FakeRelay, client: Client):
    own, other = address(relay, 0), address(relay, 1)
    answers = {
        client.get(f"/v/{token}").content for token in ("x", make_token("view", 1), make_token("unsubscribe", 1, 1))
    }
    answers.add(client.get(f"/v/{make_token('view', sent.pk, 10**9)}").content)
    Recipient.objects.filter(email="person0@example.org").delete()
    answers.add(client.get(own).content)
    purge_log(timezone.now() + timedelta(days=1))
    answers.add(client.get(other).content)
    assert len(answers) == 1
    assert b"This mail is not here any more." in answers.pop()


@settings(settings.get_profile("one fixture"), max_examples=60)
@given(place=st.integers(0, 200), sign=st.sampled_from(ALPHABET), cut=st.booleans())
def test_no_altered_token_opens_a_mail(sent: Mailing, relay: FakeRelay, place: int, sign: str, cut: bool):
    path = address(relay, 1)
    token = path.removeprefix("/v/")
    place %= len(token)
    altered = token[:place] if cut else token[:place] + sign + token[place + 1 :]
    if altered not in (token, ""):
        answer = Client().get(f"/v/{altered}")
        assert answer.status_code == 404
        assert answer.content == Client().get("/v/nonsense").content


def test_a_link_outlives_a_new_key_while_the_old_one_is_a_fallback(
    sent: Mailing, relay: FakeRelay, client: Client, settings
):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key altogether"
    assert client.get(address(relay, 1)).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(address(relay, 1)).status_code == 404


def test_a_single_mail_has_no_page_to_link_to(sent: Mailing, relay: FakeRelay, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks():
        notify_user("zoe@example.org", "digest", {"count": 1, "items": [], "digest": {"name": ""}})
    send(Mailing.objects.get(kind="notification"))
    raw = next(mail.message for mail in relay.received if mail.recipient == "zoe@example.org")
    assert b"/v/" not in raw


def test_the_link_holds_nothing_of_the_person(sent: Mailing, relay: FakeRelay):
    assert "person" not in address(relay, 1)
    assert len(address(relay, 1)) < 40
