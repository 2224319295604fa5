"""Files of people and items: good lines kept, bad ones named."""

import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from mailer.audience.items import import_items
from mailer.audience.reading import UnreadableFile
from mailer.audience.uploads import keep_file
from mailer.models import DigestItem, Import, Recipient, RecipientList, Subscription
from tests.build import finish

pytestmark = pytest.mark.django_db


@dataclass
class Report:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    unsubscribed: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)


def read(mailing_list: RecipientList, text: str) -> Report:
    """Import a file, for real."""
    imported = keep_file(mailing_list, "a test", [text.encode()])
    if "email" not in imported.meanings:
        raise UnreadableFile("no column for the address")
    finish(imported, Import.State.RUNNING)
    assert imported.state == "done", imported.problem
    with imported.bad_lines.open(encoding="utf-8-sig", newline="") as file:
        bad = [(int(row[0]), row[1]) for row in list(csv.reader(file))[1:]]
    counts = {name: imported.counts[name] for name in ("new", "changed", "unchanged", "duplicates", "unsubscribed")}
    return Report(**counts, errors=bad)


@pytest.fixture
def empty_list() -> RecipientList:
    return RecipientList.objects.create(slug="people", name="People")


def test_headings_are_understood_and_the_rest_become_attributes(empty_list: RecipientList):
    read(empty_list, "E-Mail;Full name;Time zone;Language;plan\nZoe@Example.org;Zoë;Europe/Berlin;de;pro\n")
    recipient = Recipient.objects.get()
    assert (recipient.email, recipient.name, recipient.time_zone) == ("zoe@example.org", "Zoë", "Europe/Berlin")
    assert (recipient.language, recipient.attributes) == ("de", {"plan": "pro"})
    assert Subscription.objects.get().source == f"import {Import.objects.get().pk}: a test"


def test_a_bad_line_is_named_and_costs_no_other(empty_list: RecipientList):
    report = read(
        empty_list, "email,tz\na@example.org,UTC\nnonsense,UTC\nb@example.org,Mars/Base\n,\nc@example.org,\nd,e,f\n"
    )
    assert [line for line, _ in report.errors] == [3, 4, 7]
    assert report.new == 2
    assert Recipient.objects.count() == Subscription.objects.count() == 2


def test_the_same_person_twice_in_a_file_is_one(empty_list: RecipientList):
    report = read(empty_list, "email\na@example.org\nA@Example.org \n")
    assert (report.new, report.duplicates) == (1, 1)


def test_a_second_import_changes_only_what_changed(empty_list: RecipientList):
    read(empty_list, "email,name\na@example.org,A\nb@example.org,B\n")
    report = read(empty_list, "email,name\na@example.org,A\nb@example.org,New\n")
    assert (report.new, report.changed, report.unchanged) == (0, 1, 1)
    assert Recipient.objects.get(email="b@example.org").name == "New"


def test_attributes_are_merged_and_the_same_ones_change_nothing(empty_list: RecipientList):
    Recipient.objects.create(email="a@example.org", attributes={"Stadt": "Zürich", "plan": "free"})
    read(empty_list, "email,plan,Stadt\na@example.org,pro,\nb@example.org,,Köln\n")
    assert Recipient.objects.get(email="a@example.org").attributes == {"Stadt": "Zürich", "plan": "pro"}
    report = read(empty_list, "email,plan,stadt\na@example.org,pro,\nb@example.org,,Köln\n")
    assert (report.changed, report.unchanged) == (0, 2)


def test_what_a_file_does_not_say_wipes_out_nothing(empty_list: RecipientList):
    read(empty_list, "email,name,tz,lang\na@example.org,Ada,Europe/Berlin,de\n")
    report = read(empty_list, "email,name\na@example.org,\n")
    recipient = Recipient.objects.get()
    assert (recipient.name, recipient.time_zone, recipient.language) == ("Ada", "Europe/Berlin", "de")
    assert (report.changed, report.unchanged) == (0, 1)


def test_of_two_lines_with_one_address_the_first_counts(empty_list: RecipientList):
    read(empty_list, "email,name\nb@example.org,B\na@example.org,First\nA@example.org,Second\n")
    assert Recipient.objects.get(email="a@example.org").name == "First"


def test_people_who_are_known_come_onto_another_list(empty_list: RecipientList):
    Recipient.objects.create(email="a@example.org", name="Ada")
    report = read(empty_list, "email\na@example.org\nb@example.org\n")
    assert (report.new, report.unchanged) == (1, 1)
    assert {str(row.recipient.email) for row in Subscription.objects.all()} == {"a@example.org", "b@example.org"}


def test_odd_cells_are_stored_as_they_are(empty_list: RecipientList):
    cells = ["back\\slash", "tab\there", "line\nbreak", 'quo"te', "Zürich", "emoji \U0001f4ec", "%s {x}"]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    lines = [f"p{number}@example.org,{cell},{cell}\n" for number, cell in enumerate(quoted)]
    read(empty_list, "email,name,note\n" + "".join(lines))
    stored = {(row.name, row.attributes["note"]) for row in Recipient.objects.all()}
    assert stored == {(cell, cell) for cell in cells}


def test_a_bad_line_behind_a_quoted_line_break_has_its_own_number(empty_list: RecipientList):
    report = read(empty_list, 'email,note\na@example.org,"one\ntwo"\n\nnonsense,\n')
    assert [line for line, _ in report.errors] == [5]


def test_nothing_is_cut_off_in_silence(empty_list: RecipientList):
    report = read(empty_list, f"email,name\na@example.org,{'x' * 201}\nb@example.org,{'x' * 200}\n")
    assert report.errors == [(2, "The name has 201 characters, at most 200 are kept.")]


def test_who_has_unsubscribed_stays_so(empty_list: RecipientList):
    read(empty_list, "email\na@example.org\n")
    Subscription.objects.update(status="unsubscribed")
    assert read(empty_list, "email\na@example.org\n").unsubscribed == 1
    assert Subscription.objects.get().status == "unsubscribed"


def test_a_file_without_an_address_column_is_refused(empty_list: RecipientList):
    with pytest.raises(UnreadableFile, match="no column for the address"):
        read(empty_list, "name\nZoe\n")


def test_items_are_added_once_and_bad_ones_are_named(empty_list: RecipientList, now: datetime):
    entries = [
        {"external_id": "1", "title": "One", "url": "https://x.example/1", "published_at": "2026-11-23T09:00:00Z"},
        {"external_id": "1", "title": "One, better"},
        {"title": ""},
        {"title": "Bad", "url": "javascript:alert(1)"},
        {"title": "When?", "published_at": "yesterday"},
        "not an item",
        {"title": "N\0L"},
        {"title": "half a pair: \ud83d"},
        {"title": "x" * 301},
        {"title": "Never", "published_at": "9999-12-31T23:59:59-12:00"},
    ]
    report = import_items(empty_list, entries, now)
    assert (report.new, report.changed, report.unchanged) == (1, 0, 1)
    assert [number for number, _ in report.errors] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert DigestItem.objects.get().title == "One, better"


def test_an_item_that_is_imported_again_stays_hidden_in_its_place_and_at_its_time(
    empty_list: RecipientList, now: datetime
):
    import_items(empty_list, [{"external_id": 1, "title": "One"}], now)
    DigestItem.objects.update(is_hidden=True, position=3)
    report = import_items(empty_list, [{"external_id": "1", "title": "Uno"}], now + timedelta(days=1))
    item = DigestItem.objects.get()
    assert (report.changed, item.title, item.is_hidden, item.position, item.published_at) == (1, "Uno", True, 3, now)
    assert import_items(empty_list, [{"external_id": "1", "title": "Uno"}], now).unchanged == 1
