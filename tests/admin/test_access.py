"""Who sees addresses in full."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest, HttpResponse

from mailer.admin.access import remember_viewer, shown_address


def seen_by(user: User | AnonymousUser, address: str) -> str:
    request = HttpRequest()
    request.user = user
    return remember_viewer(lambda request: HttpResponse(shown_address(address)))(request).content.decode()


@pytest.fixture
def reviewer(db: None) -> User:
    return User.objects.create_user("reviewer", is_staff=True)


def test_an_address_is_masked_for_whoever_may_not_see_it(reviewer: User):
    assert seen_by(reviewer, "ada@example.org") == "a…@example.org"
    assert seen_by(AnonymousUser(), "ada@example.org") == "a…@example.org"


def test_an_address_is_shown_to_whoever_may_see_it(reviewer: User):
    reviewer.user_permissions.add(Permission.objects.get(codename="see_address"))
    assert seen_by(reviewer, "ada@example.org") == "ada@example.org"


def test_what_is_no_address_is_left_as_it_is(reviewer: User):
    assert seen_by(reviewer, "erased recipient") == "erased recipient"


def test_nobody_sees_an_address_outside_of_a_request():
    assert shown_address("ada@example.org") == "a…@example.org"
