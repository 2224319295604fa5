"""What people choose for themselves by the link in their mails, and that nobody else does."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailer.audience.links import BadToken, make_token, read_token
from mailer.models import ConsentEvent, Delivery, Erasure, Mailing, Recipient, RecipientList, Subscription, fingerprint
from tests.build import make_list

pytestmark = pytest.mark.django_db
ADDRESS = "person0@example.org"


@pytest.fixture
def person() -> Recipient:
    make_list("news", people=2)
    return Recipient.objects.get(email=ADDRESS)


def link(person: Recipient) -> str:
    return f"/p/{make_token('preferences', person.pk)}"


def row(slug: str = "news") -> Subscription:
    return Subscription.objects.get(recipient__email=ADDRESS, list__slug=slug)


def everything() -> list[list[tuple[object, ...]]]:
    return [list(model.objects.order_by("pk").values_list()) for model in (Recipient, Subscription, ConsentEvent)]


def filled(slug: str = "news", **said: str) -> dict[str, str]:
    """The form as the page shows it, but for what is said; None leaves a field out."""
    prefix = f"list-{RecipientList.objects.get(slug=slug).pk}"
    values = {"wanted": "on", "cadence": "daily", "paused_until": ""} | said
    fields = {
        f"{prefix}-{name}": value
        for name, value in values.items()
        if name in ("wanted", "cadence", "paused_until") and value is not None
    }
    about = {name: str(said.get(name, "")) for name in ("name", "language", "time_zone")}
    return {"action": "save", **fields, **about}


def test_the_page_says_what_comes_and_changes_nothing_by_being_opened(client: Client, person: Recipient):
    before = everything()
    page = client.get(link(person)).content.decode()
    assert "News" in page
    assert ADDRESS in page
    assert client.head(link(person)).status_code == 200
    client.get(f"{link(person)}/erase")
    assert everything() == before


def test_the_page_asks_for_no_cookie_and_tells_nobody_its_address(person: Recipient):
    response = Client(enforce_csrf_checks=True).post(link(person), filled())
    assert response.status_code == 200
    assert not response.cookies
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]
    assert "no-store" in response["Cache-Control"]
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


def test_weekly_and_a_pause_are_kept_with_their_history(client: Client, person: Recipient):
    day = timezone.localdate() + timedelta(days=20)
    client.post(link(person), filled(cadence="weekly", paused_until=f"{day:%Y-%m-%d}", time_zone="Asia/Kathmandu"))
    kept = row()
    assert kept.cadence == "weekly"
    assert kept.paused_until is not None
    assert kept.paused_until.astimezone(ZoneInfo("UTC")).date() == day  # in the zone that the page was shown in
    assert set(ConsentEvent.objects.values_list("what", "source")) == {
        ("cadence", "the preferences page"),
        ("paused", "the preferences page"),
    }


def test_saving_what_is_there_already_writes_no_history(client: Client, person: Recipient):
    Subscription.objects.filter(recipient=person).update(paused_until=timezone.now() + timedelta(days=9, hours=3))
    shown = row().paused_until
    assert shown is not None
    client.post(link(person), filled(paused_until=f"{shown.astimezone(ZoneInfo('UTC')):%Y-%m-%d}"))
    assert row().paused_until == shown
    assert not ConsentEvent.objects.exists()


def test_a_day_that_is_over_is_refused_and_nothing_is_saved(client: Client, person: Recipient):
    before = everything()
    page = client.post(link(person), filled(paused_until="2020-01-01", name="New")).content.decode()
    assert "Choose a day from tomorrow on" in page
    assert 'aria-invalid="true"' in page
    assert everything() == before


def test_a_list_is_left_and_taken_again(client: Client, person: Recipient):
    client.post(link(person), filled(wanted=None))
    assert row().status == "unsubscribed"
    client.post(link(person), filled())
    assert row().status == "active"
    assert list(ConsentEvent.objects.values_list("what", flat=True)) == ["unsubscribed", "resubscribed"]


def test_a_public_list_is_offered_and_joined_with_its_source(client: Client, person: Recipient):
    RecipientList.objects.create(slug="town", name="Town", is_public=True)
    RecipientList.objects.create(slug="staff", name="Board of staff")
    page = client.get(link(person)).content.decode()
    assert "Town" in page
    assert "Board of staff" not in page
    client.post(link(person), filled("town"))
    assert (row("town").status, row("town").source) == ("active", "the preferences page")


def test_a_private_list_is_joined_by_nobody_who_writes_its_number(client: Client, person: Recipient):
    RecipientList.objects.create(slug="staff", name="Board of staff")
    client.post(link(person), filled("staff"))
    assert not Subscription.objects.filter(list__slug="staff").exists()


def test_whom_staff_took_off_a_private_list_does_not_come_back_alone(client: Client, person: Recipient, admin_user):
    Subscription.objects.filter(recipient=person).update(status="unsubscribed", changed_by=admin_user)
    client.post(link(person), filled())
    assert row().status == "unsubscribed"


def test_all_lists_are_left_at_once(client: Client, person: Recipient):
    assert "unsubscribed from all" in client.post(link(person), {"action": "leave"}).content.decode()
    assert row().status == "unsubscribed"


def test_name_language_and_zone_are_changed_and_a_made_up_zone_is_not(client: Client, person: Recipient):
    client.post(link(person), filled(name="Zoë\tÅ", language="de", time_zone="Europe/Berlin"))
    person.refresh_from_db()
    assert (person.name, person.language, person.time_zone) == ("Zoë Å", "de", "Europe/Berlin")
    client.post(link(person), filled(time_zone="Mars/Olympus"))
    person.refresh_from_db()
    assert person.time_zone == "Europe/Berlin"


def test_the_data_come_as_a_file_by_post_only_and_without_what_single_mails_said(
    client: Client, person: Recipient, template
):
    mailing = Mailing.objects.create(
        kind=Mailing.Kind.NOTIFICATION, version=template.versions.get(), recipient=person,
        scheduled_for=timezone.now(), status=Mailing.Status.DONE, context={"code": "4711-secret"}, planned=1,
    )  # fmt: skip
    Delivery.objects.create(mailing=mailing, recipient=person)
    assert client.get(f"{link(person)}/data").status_code == 405
    response = client.post(f"{link(person)}/data")
    told = response.json()
    assert told["person"]["address"] == ADDRESS
    assert len(told["mails"]) == 1
    assert b"4711-secret" not in response.content
    assert "attachment" in response["Content-Disposition"]


def test_erasing_takes_a_second_look_and_leaves_a_mark_alone(client: Client, person: Recipient):
    assert "Tick the box" in client.post(f"{link(person)}/erase").content.decode()
    assert Recipient.objects.filter(email=ADDRESS).exists()
    where = link(person)
    assert "erased" in client.post(f"{where}/erase", {"sure": "yes"}).content.decode()
    assert not Recipient.objects.filter(email=ADDRESS).exists()
    assert Erasure.objects.get().fingerprint == fingerprint(ADDRESS)
    forged = client.get("/p/AAAA")
    assert client.get(where).content == forged.content
    assert client.post(where, {"action": "leave"}).status_code == forged.status_code == 404


@pytest.mark.parametrize("purpose", ["unsubscribe", "confirm", "test", "message-id"])
def test_a_link_of_another_purpose_opens_nothing(client: Client, person: Recipient, purpose: str):
    assert client.get(f"/p/{make_token(purpose, person.pk)}").status_code == 404


@hypothesis_settings(hypothesis_settings.get_profile("one fixture"), max_examples=60)
@given(data=st.data())
def test_a_link_with_any_character_changed_is_neutral_and_changes_nothing(client: Client, person: Recipient, data):
    before = everything()
    token = link(person).removeprefix("/p/")
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=. ").filter(
            lambda sign: sign != token[place]
        )
    )
    forged = token[:place] + sign + token[place + 1 :]
    for address in (f"/p/{forged}", f"/p/{forged}/erase", f"/p/{forged}/data"):
        assert client.post(address, {"action": "leave", "sure": "yes"}).status_code == 404
    assert everything() == before


@given(numbers=st.lists(st.integers(0, 2**63), min_size=1, max_size=3), byte=st.integers(0), flip=st.integers(1, 255))
def test_a_token_with_any_byte_flipped_is_refused(numbers: list[int], byte: int, flip: int):
    token = bytearray(make_token("preferences", *numbers), "ascii")
    assert read_token("preferences", token.decode()) == tuple(numbers)
    token[byte % len(token)] ^= flip
    with pytest.raises(BadToken):
        read_token("preferences", token.decode("latin-1"))


def test_links_survive_a_new_key_while_the_old_one_is_a_fallback(client: Client, person: Recipient, settings):
    old = link(person)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key altogether, which is new"
    assert client.get(old).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(old).status_code == 404
