"""The roles that `migrate` makes: granted once, and from then on the operators'."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from mailer.models import RoleGrant
from mailer.models import roles as table
from mailer.models.roles import ROLES, grant_roles, permissions_of


def permissions(role: str) -> set[str]:
    found = Permission.objects.filter(group__name=role).select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in found}


def there_are() -> set[str]:
    found = Permission.objects.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in found}


@pytest.fixture(autouse=True)
def migrated(db: None) -> None:
    """As after `migrate`, also behind a test that has emptied all tables."""
    grant_roles()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_its_table_says(role: str):
    assert permissions(role) == set(permissions_of(role)) & there_are()
    assert permissions(role)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("List manager", "mailer.add_recipient", "mailer.add_mailing"),
        ("Template author", "mailer.change_emailtemplate", "mailer.view_recipient"),
        ("Sender", "mailer.add_mailing", "mailer.change_recipient"),
        ("Reviewer", "mailer.view_delivery", "mailer.see_address"),
    ],
)
def test_the_roles_differ(role: str, may: str, may_not: str):
    assert may in permissions(role)
    assert may_not not in permissions(role)


def test_a_reviewer_changes_nothing():
    assert {name.partition(".")[2].partition("_")[0] for name in permissions("Reviewer")} == {"view"}


def test_doing_it_again_changes_nothing():
    before = {role: permissions(role) for role in ROLES}
    grants = RoleGrant.objects.count()
    grant_roles()
    assert {role: permissions(role) for role in ROLES} == before
    assert RoleGrant.objects.count() == grants


def test_what_operators_added_stays_and_what_they_took_away_does_not_come_back():
    sender = Group.objects.get(name="Sender")
    sender.permissions.add(Permission.objects.get(codename="add_user"))
    sender.permissions.remove(Permission.objects.get(codename="see_address"))
    grant_roles()
    assert "auth.add_user" in permissions("Sender")
    assert "mailer.see_address" not in permissions("Sender")


def test_a_role_that_was_deleted_does_not_come_back():
    Group.objects.get(name="Template author").delete()
    grant_roles()
    assert not Group.objects.filter(name="Template author").exists()


def test_a_model_that_comes_later_is_granted_then(monkeypatch: pytest.MonkeyPatch):
    """The table names models that are not there yet; a line more is a permission more."""
    monkeypatch.setattr(table, "ROLES", {**ROLES, "Reviewer": [*ROLES["Reviewer"], (("view",), ("auth.Group",))]})
    grant_roles()
    assert "auth.view_group" in permissions("Reviewer")


@pytest.mark.django_db(transaction=True)
def test_migrate_makes_the_roles_in_an_empty_database():
    call_command("flush", interactive=False, verbosity=0)
    RoleGrant.objects.all().delete()
    Group.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
