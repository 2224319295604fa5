"""Items come in one or a thousand at a time, and the same twice are one."""

from typing import Any

import pytest

from mailer.models import DigestItem, RecipientList
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db
URL = "lists/news/items"


def test_items_are_written_and_read(call: Call, mailing_list: RecipientList):
    entry = {
        "external_id": "a-1",
        "title": "Harbour opens",
        "summary": "**Soon**",
        "url": "https://news.example.org/1",
        "category": "Town",
        "published_at": "2026-11-23T15:00:00+01:00",
    }
    answer = call("POST", URL, {"items": [entry, {"title": "Another"}]})
    assert (answer.status_code, answer.json()["new"], answer.json()["changed"]) == (200, 2, 0)
    assert answer.json()["ids"] == list(DigestItem.objects.order_by("pk").values_list("pk", flat=True))
    read = call("GET", URL).json()
    assert [item["title"] for item in read["results"]] == ["Another", "Harbour opens"]
    assert read["results"][1]["published_at"] == "2026-11-23T14:00:00Z"


def test_the_same_external_id_changes_the_item(call: Call, mailing_list: RecipientList):
    call("POST", URL, {"items": [{"external_id": "a", "title": "One"}, {"external_id": "b", "title": "Two"}]})
    answer = call(
        "POST", URL, {"items": [{"external_id": "a", "title": "Uno"}, {"external_id": "c", "title": "Three"}]}
    )
    assert (answer.json()["new"], answer.json()["changed"]) == (1, 1)
    assert list(DigestItem.objects.order_by("pk").values_list("title", flat=True)) == ["Uno", "Two", "Three"]
    twice = call("POST", URL, {"items": [{"external_id": "d", "title": "x"}, {"external_id": "d", "title": "y"}]})
    assert len(set(twice.json()["ids"])) == 1
    assert DigestItem.objects.get(external_id="d").title == "y"


def test_a_thousand_at_a_time_cost_few_queries(
    call: Call, mailing_list: RecipientList, django_assert_max_num_queries: object
):
    entries = [{"external_id": str(number), "title": f"Item {number}"} for number in range(1_000)]
    with django_assert_max_num_queries(60):  # type: ignore[operator]
        assert call("POST", URL, {"items": entries}).json()["new"] == 1_000
    other = [{**entry, "summary": "More"} for entry in entries]
    assert [call("POST", URL, {"items": other}).json()["changed"] for _ in range(2)] == [1_000, 0]
    assert call("POST", URL, {"items": [*entries, {"title": "one more"}]}).status_code == 422


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"title": ""}, "items.1.title"),
        ({"title": "x" * 301}, "items.1.title"),
        ({"title": "a\u2028b"}, "items.1.title"),
        ({"title": "x", "url": "javascript:alert(1)"}, "items.1.url"),
        ({"title": "x", "published_at": "2026-11-23T15:00:00"}, "items.1.published_at"),
        ({"title": "x", "published_at": "9999-12-31T23:59:59-12:00"}, "items.1.published_at"),
        ({"title": "x", "recipient": "nobody@example.org"}, "items.1.recipient"),
        ({"title": "x", "recipient": "no address"}, "items.1.recipient"),
        ({"title": "x", "external_id": ""}, "items.1.external_id"),
        ({"title": "x", "published_at": 0}, "items.1.published_at"),
        ({"title": "x", "sumary": "y"}, "items.1.sumary"),
        ("title", "items.1"),
        ({}, "items.1.title"),
    ],
)
def test_one_that_can_not_be_used_is_named_and_none_is_written(
    call: Call, mailing_list: RecipientList, entry: Any, field: str
):
    answer = call("POST", URL, {"items": [{"title": "fine"}, entry]})
    assert answer.status_code == (404 if field == "items.1.recipient" and "nobody" in entry["recipient"] else 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert not DigestItem.objects.exists()


def test_an_item_is_taken_back(call: Call, mailing_list: RecipientList):
    call("POST", URL, {"items": [{"external_id": "a/b c", "title": "One"}]})
    call("POST", URL, {"items": [{"external_id": "a", "title": "One"}]})
    assert call("DELETE", f"{URL}/a").status_code == 204
    assert DigestItem.objects.get(external_id="a").is_hidden
    assert call("DELETE", f"{URL}/z").status_code == 404


def test_pages_follow_each_other(call: Call, mailing_list: RecipientList):
    call("POST", URL, {"items": [{"title": str(number)} for number in range(5)]})
    titles, cursor = [], ""
    while True:
        page = call("GET", f"{URL}?limit=2{cursor}").json()
        titles += [item["title"] for item in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert titles == ["4", "3", "2", "1", "0"]


def test_an_unknown_list_is_said(call: Call):
    answer = call("POST", "lists/nothing/items", {"items": [{"title": "x"}]})
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no list 'nothing'.")
    assert call("GET", "lists").json() == []
