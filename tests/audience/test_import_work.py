"""An import is checked, run and undone; whoever dies over it, it happens once."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.audience.imports import MOST_TRIES, LostImport, claim_import, run_import
from mailer.audience.uploads import keep_file, pasted_as_csv, purge_imports
from mailer.models import (
    Delivery,
    EmailTemplate,
    Import,
    ImportChange,
    Mailing,
    Recipient,
    RecipientList,
    Subscription,
    Suppression,
)
from tests.build import finish, subscribe

pytestmark = pytest.mark.django_db
FILE = "email,name,plan\na@example.org,Ada,pro\nb@example.org,Bob,\nA@example.org,,\nnonsense,X,\n"


@pytest.fixture
def people(db: None) -> RecipientList:
    return RecipientList.objects.create(slug="people", name="People")


def keep(people: RecipientList, text: str = FILE, **values: object) -> Import:
    imported = keep_file(people, "people.csv", [text.encode()])
    for name, value in values.items():
        setattr(imported, name, value)
    imported.save()
    return imported


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))[1:]


def emails() -> set[str]:
    return set(Recipient.objects.values_list("email", flat=True))


def test_a_check_counts_and_writes_nothing(people: RecipientList):
    Recipient.objects.create(email="b@example.org", name="Robert")
    Suppression.objects.create(email="a@example.org")
    imported = keep(people)
    finish(imported, Import.State.CHECKING)
    assert imported.state == "checked"
    assert imported.counts == {
        "new": 1, "changed": 1, "unchanged": 0, "duplicates": 1, "invalid": 1, "joining": 2, "suppressed": 1,
        "unsubscribed": 0,
    }  # fmt: skip
    assert rows_of(imported.bad_lines)[0][0] == "5"
    assert emails() == {"b@example.org"}
    assert not Subscription.objects.exists()


def test_a_run_is_undone_to_what_was_before(people: RecipientList):
    Recipient.objects.create(email="b@example.org", name="Robert", attributes={"plan": "free", "n": 1})
    imported = keep(people, FILE.replace("Bob,", "Bob,pro"))
    finish(imported, Import.State.RUNNING)
    assert Recipient.objects.get(email="b@example.org").attributes == {"plan": "pro", "n": 1}
    assert Subscription.objects.filter(list=people).count() == 2
    finish(imported, Import.State.UNDOING)
    assert imported.state == "undone", imported.problem
    known = Recipient.objects.get()
    assert (known.email, known.name, known.attributes) == ("b@example.org", "Robert", {"plan": "free", "n": 1})
    assert not Subscription.objects.exists()
    assert imported.counts["undone_recipients"] == imported.counts["undone_changes"] == 1


def test_undoing_leaves_and_names_those_with_whom_more_happened(people: RecipientList, template: EmailTemplate):
    imported = keep(people, "email,name\n" + "".join(f"p{number}@example.org,P\n" for number in range(6)))
    finish(imported, Import.State.RUNNING)
    person = {row.email: row for row in Recipient.objects.all()}
    mailing = Mailing.objects.create(
        kind="announcement", list=people, version=template.version_to_send(), scheduled_for=timezone.now()
    )
    Delivery.objects.create(mailing=mailing, recipient=person["p0@example.org"], status="sent")
    Recipient.objects.filter(email="p1@example.org").update(name="Somebody else")
    Subscription.objects.filter(recipient=person["p2@example.org"]).update(status="unsubscribed")
    subscribe(RecipientList.objects.create(slug="other", name="Other"), "p3@example.org")
    Subscription.objects.filter(recipient=person["p4@example.org"]).update(changed_by=User.objects.create_user("staff"))
    finish(imported, Import.State.UNDOING)
    assert imported.state == "undone", imported.problem
    assert emails() == {f"p{number}@example.org" for number in range(5)}
    assert dict(rows_of(imported.kept_people)) == {
        "p0@example.org": "has been sent mail since",
        "p1@example.org": "was changed since",
        "p2@example.org": "the subscription was changed since",
        "p3@example.org": "is named elsewhere: by a list, an item or a mailing",
        "p4@example.org": "the subscription was changed since",
    }
    assert imported.counts["kept"] == 5


def test_a_value_that_was_changed_again_is_not_given_back(people: RecipientList):
    Recipient.objects.create(email="a@example.org", name="Before")
    imported = keep(people)
    finish(imported, Import.State.RUNNING)
    Recipient.objects.filter(email="a@example.org").update(name="After")
    finish(imported, Import.State.UNDOING)
    assert Recipient.objects.get(email="a@example.org").name == "After"
    assert imported.counts["kept_changes"] == 1


def test_who_has_left_comes_back_only_when_the_admin_says_so(people: RecipientList):
    person = subscribe(people, "a@example.org")
    left = timezone.now() - timedelta(days=3)
    Subscription.objects.update(status="unsubscribed", unsubscribed_at=left, source="link")
    finish(keep(people), Import.State.RUNNING)
    assert Subscription.objects.get(recipient=person).status == "unsubscribed"
    imported = keep(people, resubscribe=True, reason="they asked by letter")
    finish(imported, Import.State.RUNNING)
    again = Subscription.objects.get(recipient=person)
    assert (again.status, again.unsubscribed_at) == ("active", None)
    assert again.source.endswith("subscribed again: they asked by letter")
    finish(imported, Import.State.UNDOING)
    again.refresh_from_db()
    assert (again.status, again.unsubscribed_at, again.source) == ("unsubscribed", left, "link")


def test_the_file_may_say_what_a_new_subscription_is(people: RecipientList):
    subscribe(people, "known@example.org")
    text = "email,status,cadence,source,subscribed_at\na@example.org,unsubscribed,weekly,shop,2020-01-02T03:04:05Z\n"
    finish(keep(people, f"{text}known@example.org,unsubscribed,,,\n"), Import.State.RUNNING)
    row = Subscription.objects.get(recipient__email="a@example.org")
    assert (row.status, row.cadence, row.source, row.subscribed_at.year) == ("unsubscribed", "weekly", "shop", 2020)
    assert Subscription.objects.get(recipient__email="known@example.org").status == "active"


def test_who_holds_an_import_is_left_alone_until_the_lease_is_over(people: RecipientList):
    imported, now = keep(people, state=Import.State.RUNNING), timezone.now()
    assert list(Import.objects.forgotten(now)) == [imported]
    assert claim_import(imported.pk, now) is not None
    assert claim_import(imported.pk, now) is None
    assert not Import.objects.forgotten(now).exists()
    assert list(Import.objects.forgotten(now + timedelta(minutes=2))) == [imported]
    assert claim_import(imported.pk, now + timedelta(minutes=2)) is not None


def test_a_worker_that_was_taken_for_dead_writes_nothing(people: RecipientList):
    imported, now = keep(people, state=Import.State.RUNNING), timezone.now()
    slow = claim_import(imported.pk, now - timedelta(hours=1))
    quick = claim_import(imported.pk, now)
    assert slow and quick
    with pytest.raises(LostImport):
        run_import(slow)
    assert not emails()
    run_import(quick)
    assert emails() == {"a@example.org", "b@example.org"}


def test_an_import_that_kills_every_worker_is_given_up(people: RecipientList):
    imported = keep(people, state=Import.State.RUNNING, tries=MOST_TRIES)
    assert claim_import(imported.pk, timezone.now()) is None
    imported.refresh_from_db()
    assert (imported.state, imported.problem) == ("failed", "Given up: 5 workers have died over it.")


def test_a_file_that_is_gone_or_broken_ends_the_import_with_the_reason(people: RecipientList):
    imported = keep(people)
    imported.path.unlink()
    finish(imported, Import.State.CHECKING)
    assert imported.state == "failed"
    assert "both must see IMPORT_DIR" in imported.problem
    broken = keep(people, "email,name\n" + "a@example.org,x\n" * 20_000)
    with broken.path.open("ab") as file:
        file.write(b"b@example.org,Zo\xeb\n")
    finish(broken, Import.State.RUNNING)
    assert "Byte number 320,028 is 0xeb" in broken.problem
    assert not emails()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'email,name\na@example.org,"Ada\nb@example.org,Bob\n',
            "A quotation mark that is opened here is never closed.",
        ),
        ("email,name\na@example.org,A\x00da\n", "There is a NUL character in it. Is the file UTF-16?"),
        ("email,name\na@example.org,Ada,,1\n", "4 cells where the heading has 2."),
    ],
)
def test_a_line_that_cannot_be_read_is_named(people: RecipientList, text: str, reason: str):
    imported = keep(people, text)
    finish(imported, Import.State.CHECKING)
    assert [(row[0], row[1]) for row in rows_of(imported.bad_lines)] == [("2", reason)]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(people: RecipientList):
    imported = keep(people, "email,name\na@example.org,Ada\n" + "x," * 600_000)
    finish(imported, Import.State.CHECKING)
    assert "A line has over 1,000,000 characters" in imported.problem


def test_bad_lines_are_safe_to_open(people: RecipientList):
    imported = keep(people, "email,name\n=cmd()|x,Ada\n")
    finish(imported, Import.State.CHECKING)
    assert rows_of(imported.bad_lines)[0][2] == "'=cmd()|x"


def test_pasted_addresses_are_a_file_too():
    text = '"Lovelace, Ada" <ada@example.org>; bob@example.org\nZoë <zoe@example.org>\n\nnonsense'
    lines = pasted_as_csv(text).decode().splitlines()
    assert lines == [
        "email,name",
        'ada@example.org,"Lovelace, Ada"',
        "bob@example.org,",
        "zoe@example.org,Zoë",
        "nonsense,",
    ]
    assert pasted_as_csv("mail\tname\na@example.org\tAda") == b"mail\tname\na@example.org\tAda"


def test_files_are_thrown_away_after_some_days(people: RecipientList, settings: Settings):
    Recipient.objects.create(email="a@example.org", name="Before")
    imported = keep(people)
    finish(imported, Import.State.RUNNING)
    assert purge_imports(timezone.now()) == 0
    assert purge_imports(timezone.now() + timedelta(days=settings.IMPORT_DAYS, minutes=1)) == 1
    assert not imported.path.exists()
    assert not imported.bad_lines.exists()
    assert not ImportChange.objects.exists()


def test_a_file_that_is_too_large_is_refused_and_not_kept(people: RecipientList, settings: Settings):
    settings.IMPORT_MEGABYTES = 1
    with pytest.raises(ValueError, match="over 1 MB"):
        keep_file(people, "big.csv", (b"a@example.org\n" * 10_000 for _ in range(10)))
    assert not Import.objects.exists()
