"""Which pages the admin has: whatever is registered, with its filters and orders read off the pages themselves."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from mailer.models import Delivery, Mailing, Recipient, RecipientList

#: No more choices of one filter are tried.
MOST_CHOICES = 4
SEARCHES = {
    "mailer.recipient": ["person500000@gmail.example", "person5", "nobody@nowhere.example"],
    "mailer.subscription": ["person500000@gmail.example", "person5", "nobody@nowhere.example"],
    "mailer.suppression": ["person7@gmail.example", "person5", "nobody@nowhere.example"],
    "mailer.mailing": ["List of", "no such name"],
    "mailer.digest": ["afternoon"],
    "mailer.recipientlist": ["list"],
    "mailer.digestitem": ["harbour"],
    "django_celery_results.taskresult": ["00000000-0000-0000-0000-000000000001", "no such task"],
}


def routes(client: Client) -> Iterator[tuple[str, str]]:
    """Each page's name and address."""
    yield "dashboard", reverse("admin:index")
    yield from _plain_pages(admin.site.get_urls())
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        yield from _pages_of(model, client)
    yield from _searches_of_the_log()
    yield from questions()


def questions() -> Iterator[tuple[str, str]]:
    """Finding people, and why they did not get a digest: known, nearly known, not known; by day and the last time."""
    find, why = reverse("admin:mailer_recipient_find"), reverse("admin:mailer_recipient_why")
    large = Mailing.objects.filter(kind="digest").order_by("-planned", "-pk")[0]
    known = Recipient.objects.filter(subscriptions__list=large.list_id).order_by("pk")[2_000]
    yield "find: a beginning", f"{find}?q=person5"
    yield "find: nearly somebody", f"{find}?q=persn500000@gmail.example"
    yield "find: nobody", f"{find}?q=nobody@nowhere.example"
    yield "person: on the largest list", reverse("admin:mailer_recipient_change", args=[known.pk])
    yield "person: to erase", reverse("admin:mailer_recipient_delete", args=[known.pk])
    asked = f"{why}?digest={large.digest_id}"
    yield "why: the last time", f"{asked}&address={known.email}"
    yield "why: a day", f"{asked}&address={known.email}&day={large.scheduled_for:%Y-%m-%d}"
    yield "why: not on the list", f"{asked}&address={Recipient.objects.latest('pk').email}"


def _plain_pages(patterns: list[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """What is no model's list or form and needs no object: pages of our own."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _plain_pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and "<" not in route and "(?P" not in route:
            usual = ("_changelist", "_add", "logout", "login", "index", "jsi18n", "autocomplete")
            if not (pattern.name or "").endswith(usual):
                yield f"own: {route}", f"{reverse('admin:index')}{route}"


def _pages_of(model: type[Model], client: Client) -> Iterator[tuple[str, str]]:
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    address = reverse(f"admin:{name}_changelist")
    yield f"{model._meta.label_lower}: list", address
    for newest in model._default_manager.order_by("-pk")[:1]:
        yield f"{model._meta.label_lower}: newest", reverse(f"admin:{name}_change", args=[newest.pk])
        yield f"{model._meta.label_lower}: its history", reverse(f"admin:{name}_history", args=[newest.pk])
    for oldest in model._default_manager.order_by("pk")[:1]:
        yield f"{model._meta.label_lower}: oldest", reverse(f"admin:{name}_change", args=[oldest.pk])
    yield f"{model._meta.label_lower}: add", reverse(f"admin:{name}_add")
    for text in SEARCHES.get(model._meta.label_lower, []):
        yield f"{model._meta.label_lower}: search {text!r}", f"{address}?q={text}"
    changes = (client.get(address).context or {}).get("cl")
    for query in _queries(changes) if changes else ():
        yield f"{model._meta.label_lower}: {query}", f"{address}{query}"


def _queries(changes: Any) -> Iterator[str]:
    """Every filter's first choices, every list that it can be narrowed to, every order, and the last page."""
    for spec in changes.filter_specs:
        choices = [choice["query_string"] for choice in spec.choices(changes) if "query_string" in choice]
        yield from [query for query in choices if query != "?"][:MOST_CHOICES]
        if spec.title == "list":
            largest, smallest = RecipientList.objects.order_by("pk")[0], RecipientList.objects.order_by("-pk")[0]
            yield from (f"?list__id__exact={each.pk}" for each in (largest, smallest))
    for header in result_headers(changes):
        if header.get("sortable"):
            yield header["url_primary"]
    if changes.paginator.num_pages > 1:
        yield f"?p={changes.paginator.num_pages}"


def _searches_of_the_log() -> Iterator[tuple[str, str]]:
    """Common and rare values, alone and together, on the newest page and deep in the log."""
    large = Mailing.objects.exclude(list=None).order_by("-planned", "-pk")[0]
    under_way = Mailing.objects.filter(status="sending").latest("pk")
    small = Mailing.objects.filter(list=RecipientList.objects.latest("pk")).latest("pk")
    day = f"{large.scheduled_for:%Y-%m-%d}"
    deep = Delivery.objects.order_by("pk").filter(mailing=large).values_list("pk", flat=True)[0]
    rare = "alone-4999.example"
    queries = [
        f"before={deep}", f"mailing={large.pk}", f"mailing={small.pk}",
        f"list={large.list_id}", f"list={small.list_id}", f"day={day}", "day=2001-01-01",
        "q=person500000@gmail.example", "q=nobody@nowhere.example",
        *(f"state={state}" for state in Delivery.Status),
        *(f"reason={reason}" for reason in Delivery.Reason if reason),
        *(f"code={code}" for code in (250, 251, 451, 521, 550, 554, 599)),
        *(f"domain={domain}" for domain in ("gmail.example", "company-1.example", rare, "nowhere.example")),
        f"mailing={large.pk}&state=failed", f"mailing={large.pk}&code=521", f"mailing={large.pk}&domain={rare}",
        f"mailing={large.pk}&state=sent&code=251", f"mailing={large.pk}&state=queued",
        f"mailing={under_way.pk}&state=queued",
        f"mailing={large.pk}&reason=erased", f"mailing={large.pk}&domain=nowhere.example",
        f"list={large.list_id}&state=uncertain", f"list={large.list_id}&code=521&domain=gmail.example",
        f"list={large.list_id}&domain={rare}", f"list={small.list_id}&state=failed&code=521",
        f"day={day}&state=failed", f"day={day}&code=599", f"day={day}&domain=company-1.example",
        f"day={day}&list={large.list_id}&reason=address&domain=gmail.example", f"day={day}&list={small.list_id}",
        "state=sent&code=550", "state=sent&domain=company-1.example", f"state=failed&domain={rare}",
        "state=failed&domain=gmail.example", "reason=erased&domain=gmail.example", "code=251&domain=gmail.example",
    ]  # fmt: skip
    for query in queries:
        yield f"log: {query}", f"{reverse('admin:mailer_delivery_changelist')}?{query}"
