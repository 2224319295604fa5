"""People are written by address, and nobody who left is put back by a program."""

import pytest

from mailer.audience.erasure import erase
from mailer.models import ConsentEvent, Recipient, RecipientList, Subscription, Suppression
from tests.api.conftest import Call
from tests.build import make_list

pytestmark = pytest.mark.django_db


def write(call: Call, *people: dict[str, object]) -> list[dict[str, object]]:
    answer = call("POST", "recipients", {"recipients": people})
    assert answer.status_code == 200, answer.content
    return answer.json()["recipients"]  # type: ignore[no-any-return]


def test_a_person_is_added_and_read(call: Call):
    make_list("news")
    subscription = {"list": "news", "cadence": "weekly"}
    entry = {
        "email": "Zoe@Müller.example",
        "name": "Zoë",
        "time_zone": "Europe/Berlin",
        "subscriptions": [subscription],
    }
    (written,) = write(call, entry | {"attributes": {"plan": "pro"}})
    assert (written["email"], written["is_new"]) == ("zoe@xn--mller-kva.example", True)
    read = call("GET", "recipients/zoe@xn--mller-kva.example").json()
    assert (read["name"], read["attributes"]) == ("Zoë", {"plan": "pro"})
    assert [(each["list"], each["status"], each["cadence"]) for each in read["subscriptions"]] == [
        ("news", "active", "weekly")
    ]
    assert read["subscriptions"][0]["source"] == "the API (Newsroom)"


def test_what_is_not_named_stays(call: Call):
    write(call, {"email": "ada@example.org", "name": "Ada", "attributes": {"plan": "pro"}})
    (written,) = write(call, {"email": "ADA@example.org", "language": "de"})
    assert not written["is_new"]
    ada = Recipient.objects.get()
    assert (ada.name, ada.language, ada.attributes) == ("Ada", "de", {"plan": "pro"})


def test_who_left_is_not_put_back_unless_they_asked_for_it(call: Call, mailing_list: RecipientList):
    Subscription.objects.update(status="unsubscribed")
    entry = {"email": "person0@example.org", "subscriptions": [{"list": "news"}]}
    (written,) = write(call, entry)
    assert written["left"] == ["news"]
    assert Subscription.objects.active().count() == 0
    (written,) = write(call, entry | {"subscriptions": [{"list": "news", "again": True}]})
    assert (written["left"], Subscription.objects.active().count()) == ([], 1)
    assert ConsentEvent.objects.filter(what="resubscribed", source="the API (Newsroom)").exists()


def test_a_person_is_taken_off_a_list(call: Call, mailing_list: RecipientList):
    write(call, {"email": "person0@example.org", "subscriptions": [{"list": "news", "subscribed": False}]})
    assert Subscription.objects.active().count() == 2
    assert Subscription.objects.get(recipient__email="person0@example.org").unsubscribed_at is not None


def test_somebody_who_is_named_twice_is_written_twice_in_that_order(call: Call, mailing_list: RecipientList):
    zoe = {"email": "zoe@example.org", "name": "Zoe"}
    leaving = {"email": "zoe@example.org", "subscriptions": [{"list": "news", "subscribed": False}]}
    coming = zoe | {"name": "Zoë", "subscriptions": [{"list": "news"}]}
    told = write(call, coming, {"email": "person0@example.org"}, leaving, zoe)
    assert [each["is_new"] for each in told] == [True, False, False, False]
    assert Recipient.objects.get(email="zoe@example.org").name == "Zoe"
    assert Subscription.objects.get(recipient__email="zoe@example.org").status == "unsubscribed"


def test_a_thousand_at_a_time_cost_few_queries(call: Call, mailing_list: RecipientList, django_assert_max_num_queries):
    def people(name: str) -> list[dict[str, object]]:
        return [
            {"email": f"p{number}@example.org", "name": name, "subscriptions": [{"list": "news"}]}
            for number in range(1_000)
        ]

    for name in ("Ada", "Bea"):
        with django_assert_max_num_queries(80):
            write(call, *people(name))
        assert Recipient.objects.filter(name=name).count() == 1_000
    assert Subscription.objects.active().count() == 1_003
    ada = Recipient.objects.get(email="p1@example.org")
    assert ada.changed_at is not None and ada.created_at < ada.changed_at


def test_all_are_written_or_none(call: Call):
    make_list("news")
    people = [{"email": "ada@example.org"}, {"email": "bea@example.org", "subscriptions": [{"list": "olds"}]}]
    answer = call("POST", "recipients", {"recipients": people})
    assert answer.status_code == 404
    assert answer.json()["errors"] == [
        {"field": "recipients.1.subscriptions.0.list", "detail": "There is no list 'olds'."}
    ]
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"email": "a@x, b@y"}, "email"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"language": "deutsch bitte"}, "language"),
        ({"name": "a\r\nBcc: b@example.org\x00"}, "name"),
        ({"attributes": {"a": {"b": "\ud800"}}}, "attributes"),
        ({"attributes": {"a": "x" * 70_000}}, "attributes"),
    ],
)
def test_a_wrong_field_is_named(call: Call, entry: dict[str, object], field: str):
    answer = call("POST", "recipients", {"recipients": [{"email": "ada@example.org"} | entry]})
    assert answer.json()["errors"][0]["field"].startswith(f"recipients.0.{field}")


def test_somebody_who_was_erased_comes_back_suppressed(call: Call, now: object):
    write(call, {"email": "ada@example.org"})
    erase(Recipient.objects.get(), "asked", None, now)
    write(call, {"email": "ada@example.org"})
    assert Suppression.objects.get().reason == "erased"
