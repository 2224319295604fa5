"""One box finds a person by their address, its beginning or nearly it."""

import pytest

from mailer.audience.erasure import erase
from mailer.audience.suppressions import suppress
from mailer.insight.finding import Found, find_person
from mailer.models import Recipient, Suppression
from tests.build import MORNING

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people() -> None:
    for name in ("ada.lovelace", "ada.byron", "ad_x", "bob", "zoe"):
        Recipient.objects.create(email=f"{name}@example.org")


def find(typed: str) -> Found:
    return find_person(typed, MORNING, guess=True)


def names(people: list[Recipient]) -> list[str]:
    return [person.email.partition("@")[0] for person in people]


@pytest.mark.parametrize("typed", ["bob@example.org", " BOB@Example.ORG ", "<bob@example.org>"])
def test_an_address_is_found_in_any_spelling(typed: str):
    found = find(typed)
    assert found.person is not None
    assert found.person.email == "bob@example.org"


@pytest.mark.parametrize(
    ("typed", "begin_so"),
    [("ada", ["ada.byron", "ada.lovelace"]), ("ad_", ["ad_x"]), ("%", []), ("", []), ("ZO", ["zoe"])],
)
def test_a_beginning_finds_all_who_begin_so(typed: str, begin_so: list[str]):
    assert names(find(typed).begin_so) == begin_so


@pytest.mark.parametrize("typed", ["ada.lovelac@example.org", "ada.lovelace@example.com", "ada.lovelacee@example.org"])
def test_a_slip_of_the_pen_finds_whom_it_may_have_meant(typed: str):
    found = find(typed)
    assert found.person is None
    assert names(found.near)[0] == "ada.lovelace"


def test_a_domain_that_is_typed_half_is_completed():
    assert names(find("bob@example.or").begin_so) == ["bob"]


def test_what_is_known_of_an_address_that_nobody_has_is_said():
    suppress(Suppression(email="gone@example.org"), MORNING)
    assert find("gone@example.org").suppression is not None
    erase(Recipient.objects.get(email="zoe@example.org"), "", None, MORNING)
    assert find("Zoe@example.org").erasure is not None
    assert find("somebody.else@example.org") == Found("somebody.else@example.org", "somebody.else@example.org")


def test_nobody_is_guessed_for_who_may_not_see_addresses():
    assert find_person("ada", MORNING).begin_so == []
    assert find_person("ada.lovelac@example.org", MORNING).near == []
