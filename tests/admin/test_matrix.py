"""Every address of the admin and every action, by every role: as `matrix.py` says, and not otherwise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django_celery_beat.models import PeriodicTask
from pytest_django.fixtures import Settings

from tests.admin.matrix import ACTIONS, MODELS, PAGES, ROLES, rows
from tests.admin.samples import make_samples

WHO = ("anonymous", "nobody", *ROLES, "superuser")
#: Which column of the first table says who may open and save a model's usual pages.
VERBS = {"changelist": "view", "add": "add", "change": "view", "delete": "delete", "history": "view"}
SAVING = {"changelist": "view", "add": "add", "change": "change", "delete": "delete", "history": "view"}
BY_MODEL = {row[0]: dict(zip(("view", "add", "change", "delete"), row[1:], strict=True)) for row in rows(MODELS)}
BY_NAME = {row[0]: {"GET": row[1], "POST": row[2]} for row in rows(PAGES)}


@dataclass(frozen=True)
class Address:
    """One address of the admin, with a sample's key where it wants one."""

    name: str
    url: str
    model: type[Model] | None


@pytest.fixture
def samples(db: None, settings: Settings, tmp_path: Path) -> dict[type[Model], Model]:
    settings.IMPORT_DIR = tmp_path  # the sample's import has no files, whatever other tests left behind
    return make_samples()


def user_of(who: str) -> User | AnonymousUser:
    if who == "anonymous":
        return AnonymousUser()
    user = User.objects.create_user(f"the {who}", is_staff=True, is_superuser=who == "superuser")
    if who in ROLES:
        user.groups.add(Group.objects.get(name=ROLES[who]))
    return user


def client_of(who: str) -> Client:
    client, user = Client(), user_of(who)
    if isinstance(user, User):
        client.force_login(user)
    return client


def addresses(samples: dict[type[Model], Model]) -> list[Address]:
    """All that the admin's resolver knows by name, logging out at last; what has no name only redirects."""
    return sorted(_addresses(samples), key=lambda address: address.name == "logout")


def _addresses(samples: dict[type[Model], Model]) -> Iterator[Address]:
    by_prefix = {f"{model._meta.app_label}/{model._meta.model_name}/": model for model in samples}
    for entry in admin.site.get_urls():
        if isinstance(entry, URLResolver):
            model = by_prefix[str(entry.pattern)]
            key = samples[model].pk
            yield from (_address(pattern, model, key) for pattern in entry.url_patterns if pattern.name)
        elif entry.name:
            yield _address(entry, None, None)


def _address(pattern: URLPattern, model: type[Model] | None, key: object) -> Address:
    known = {"object_id": key, "pk": key, "id": key, "app_label": "mailer", "content_type_id": 1}
    named = {*pattern.pattern.converters, *re.findall(r"\?P<(\w+)>", str(pattern.pattern))}
    arguments = {name: known[name] or 1 for name in named}
    return Address(pattern.name, reverse(f"admin:{pattern.name}", kwargs=arguments), model)


def rule_of(address: Address, method: str) -> str:
    """What the tables say. An address without a line there is a mistake."""
    if address.name in BY_NAME:
        return BY_NAME[address.name][method]
    verb = address.name.rpartition("_")[2]
    assert address.model is not None, f"matrix.PAGES has no line for {address.name}"
    assert verb in VERBS, f"matrix.PAGES has no line for {address.name}"
    assert address.model._meta.label in BY_MODEL, f"matrix.MODELS has no line for {address.model._meta.label}"
    return BY_MODEL[address.model._meta.label][(VERBS if method == "GET" else SAVING)[verb]]


def allows(rule: str, who: str) -> bool:
    if rule in ("never", "nothing"):
        return False
    if rule == "anyone" or who == "superuser":
        return True
    return who != "anonymous" if rule == "staff" else who in ROLES and who in rule


def answer_of(client: Client, method: str, url: str) -> str:
    """`in`, `login` or `refused`; what was changed is undone."""
    with transaction.atomic():
        response = client.get(url) if method == "GET" else client.post(url, {})
        transaction.set_rollback(True)
    target = response.headers.get("Location", "")
    if target.startswith(reverse("admin:login")):
        return "login"
    # What a person may not see is as good as not there, and Django sends them to the index.
    sent_away = target == reverse("admin:index") and url != reverse("admin:login")
    return "refused" if sent_away or response.status_code in (403, 404, 405) else "in"


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a page is given is decided before it and its menu are drawn, which takes most of the time."""
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    monkeypatch.setattr(type(admin.site), "each_context", lambda site, request: {})


@pytest.mark.long
@pytest.mark.once
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", WHO)
def test_every_address_is_open_to_whom_the_table_says(
    who: str, method: str, samples: dict[type[Model], Model], unrendered: None
):
    client, wrong = client_of(who), []
    for address in addresses(samples):
        rule = rule_of(address, method)
        answer = answer_of(client, method, address.url)
        expected = "in" if allows(rule, who) else "refused"
        if answer != expected and not (answer == "login" and expected == "refused" and who == "anonymous"):
            wrong.append(f"{method} {address.url} by {who}: {answer}, but the table says {rule}")
    assert not wrong, "\n".join(wrong)


def test_the_tables_name_nothing_that_is_not_there(samples: dict[type[Model], Model]):
    there = {address.name for address in addresses(samples)}
    assert set(BY_NAME) - there == set()
    assert set(BY_MODEL) == {model._meta.label for model in samples}


@pytest.mark.parametrize("who", WHO[1:])
def test_every_action_is_offered_to_whom_the_table_says(who: str, samples: dict[type[Model], Model]):
    request = HttpRequest()
    request.user = user_of(who)
    for model, pages in admin.site._registry.items():
        label = model._meta.label
        expected = {name for at, name, by in rows(ACTIONS) if at == label and allows(by, who)}
        if pages.actions is not None and allows(BY_MODEL[label]["delete"], who):
            expected.add("delete_selected")
        assert set(pages.get_actions(request)) == expected, label


def test_an_action_that_is_not_offered_does_nothing(samples: dict[type[Model], Model]):
    task = PeriodicTask.objects.get()
    chosen = {"action": "disable_tasks", "_selected_action": [str(task.pk)]}
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    client_of("R").post(url, chosen)
    assert PeriodicTask.objects.get().enabled
    client_of("superuser").post(url, chosen)
    assert not PeriodicTask.objects.get().enabled


@pytest.mark.long
@pytest.mark.once
def test_a_reviewer_finds_no_address_on_any_page(samples: dict[type[Model], Model]):
    client, leaks = client_of("R"), []
    for address in addresses(samples):
        page = client.get(address.url).content.decode()
        leaks += [f"{address.url}: {found}" for found in re.findall(r"person\d@example\.com", page, re.IGNORECASE)[:1]]
    assert not leaks, "\n".join(leaks)
