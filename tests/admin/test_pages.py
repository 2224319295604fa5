"""Every admin page opens, says the right things, and costs the same however many rows there are."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.checks import run_checks
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_results.models import TaskResult

from mailer.admin.base import LogPages
from mailer.models import Attempt, Delivery, Mailing, Recipient, TemplateVersion
from tests.admin.world import AFTERNOON, World, add_mailing, add_person

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LOGS = [Mailing, Delivery, Attempt, TaskResult, TemplateVersion]


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_djangos_checks_find_nothing_wrong_with_the_pages() -> None:
    assert MODELS
    assert run_checks(tags=["admin"]) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_of_every_model_opens(model: type[Model], admin_client: Client, world: World) -> None:
    assert admin_client.get(address(model, "changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert admin_client.get(address(model, "change", row.pk)).status_code == 200
    if not isinstance(admin.site._registry[model], LogPages):
        assert admin_client.get(address(model, "add")).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_nobody_without_permission_sees_anything(model: type[Model], powerless: Client, world: World) -> None:
    assert powerless.get(address(model, "changelist")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        assert powerless.get(address(model, "change", row.pk)).status_code == 403


@pytest.mark.parametrize("model", LOGS, ids=lambda model: model._meta.label)
def test_logs_cannot_be_changed_even_by_a_superuser(model: type[Model], admin_client: Client, world: World) -> None:
    row = model._default_manager.get(pk=model._default_manager.values_list("pk", flat=True)[0])
    before = model._default_manager.filter(pk=row.pk).values().get()
    for page in (
        address(model, "add"),
        address(model, "change", row.pk),
        address(model, "delete", row.pk),
    ):
        assert admin_client.post(page, {"status": "sent", "post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    admin_client.post(address(model, "changelist"), selected)
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", [Delivery, Mailing, Recipient], ids=lambda model: model._meta.label)
def test_a_list_costs_the_same_number_of_queries_with_more_rows(
    model: type[Model], admin_client: Client, world: World
) -> None:
    few = _queries(admin_client, address(model, "changelist"))
    people = [add_person(world.mailing_list, number) for number in range(10, 20)]
    for day in range(1, 6):
        add_mailing(world.digest, people, AFTERNOON - timedelta(days=day))
    assert _queries(admin_client, address(model, "changelist")) == few


def test_the_sidebar_shows_only_what_a_user_may_see(powerless: Client, world: World) -> None:
    user = User.objects.get(username="powerless")
    user.user_permissions.add(Permission.objects.get(codename="view_mailing"))
    page = powerless.get(reverse("admin:index")).content.decode()
    assert address(Mailing, "changelist") in page
    assert address(Recipient, "changelist") not in page


def test_an_empty_list_says_what_to_do_next(admin_client: Client, db: None) -> None:
    page = admin_client.get(address(Recipient, "changelist")).content.decode()
    assert "No recipients yet: choose “Import recipients” above" in page


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("/admin/axes/accessattempt/", "Nobody has failed to log in lately."),
        ("/admin/admin/logentry/", "Nobody has changed anything here yet."),
        ("/admin/django_celery_results/taskresult/", "No task has reported yet"),
    ],
)
def test_an_empty_page_of_another_app_says_so_in_our_words(url: str, hint: str, admin_client: Client, db: None) -> None:
    assert hint in admin_client.get(url).content.decode()


def _queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)
