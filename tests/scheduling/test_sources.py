"""Functions of other apps give a digest its items, and none of them can stop it."""

import email
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django_celery_beat.models import PeriodicTask

from mailer.audience import sources
from mailer.insight.health import look
from mailer.insight.problems import Problem, find_problems
from mailer.models import Digest, DigestItem, Mailing, Recipient, SourceState, Subscription
from mailer.scheduling import sourcing
from mailer.scheduling.planning import NothingToSend, plan_due, plan_now
from mailer.scheduling.schedules import set_paused
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sources import Item, digest_source
from mailer.tasks import send_digest
from tests.build import MORNING, make_digest, make_item, make_list
from tests.fake_relay import FakeRelay

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db
Calls = list[tuple[datetime, datetime]]


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_registered", {})


@pytest.fixture
def sourced(digest: Digest) -> Digest:
    """The digest with the source `blog`."""
    Digest.objects.update(sources=["blog"])
    digest.refresh_from_db()
    return digest


def register(*items: Item, name: str = "blog") -> Calls:
    """A source that gives these each time; since when, and when, it was asked."""
    calls: Calls = []

    @digest_source(name)
    def source(digest: Digest, since: datetime, now: datetime) -> Iterable[Item]:
        calls.append((since, now))
        return items

    return calls


def titles(mailing: Mailing) -> list[str]:
    return sorted(mailing.mailing_items.values_list("item__title", flat=True))


def told(now: datetime) -> list[Problem]:
    return [problem for problem in find_problems(look([], now), now) if problem.key.startswith("source ")]


def test_what_a_source_gives_for_all_is_in_the_digest(sourced: Digest):
    register(Item("New post", 17, "**Bold**", "https://example.org/17", category="Blog", published_at=at(9)))
    assert plan_due(at(14, 59)) == []
    assert not DigestItem.objects.exists()
    (mailing,) = plan_due(at(15))
    assert (titles(mailing), mailing.planned) == (["New post"], 3)
    item = DigestItem.objects.get()
    assert (item.external_id, item.summary, item.category) == ("source:blog:17", "**Bold**", "Blog")
    assert (item.published_at, item.recipient) == (at(9), None)


def test_what_it_gives_for_one_goes_to_them_alone(sourced: Digest):
    register(
        Item("Yours", "own", recipient=" Person1@Example.org"),
        Item("Theirs", "own", recipient="person2@example.org"),
        Item("A stranger's", "own", recipient="stranger@example.org"),
        Item("Nobody's", "own", recipient="no address"),
    )
    (mailing,) = plan_due(at(15))
    assert titles(mailing) == ["Theirs", "Yours"]
    given = DigestItem.objects.values_list("recipient__email", "title")
    assert sorted(given) == [("person1@example.org", "Yours"), ("person2@example.org", "Theirs")]
    state = SourceState.objects.get()
    assert (state.stored, state.left_out) == (2, 2)


def test_who_has_left_the_list_is_left_out(sourced: Digest):
    Subscription.objects.filter(recipient__email="person1@example.org").update(status="unsubscribed")
    register(Item("Yours", "own", recipient="person1@example.org"))
    assert plan_due(at(15)) == []
    assert SourceState.objects.get().left_out == 1


def test_what_comes_again_is_changed_and_not_doubled_nor_sent_twice(sourced: Digest):
    mine = Item("Mine", 18, recipient="person0@example.org")
    register(Item("New post", 17), mine)
    (mailing,) = plan_due(at(15))
    assert titles(mailing) == ["Mine", "New post"]
    sources._registered.clear()
    register(Item("New post, mended", 17), mine)
    assert plan_due(at(15, day=24)) == []
    assert sorted(DigestItem.objects.values_list("title", flat=True)) == ["Mine", "New post, mended"]


def test_two_ticks_at_once_ask_twice_and_store_once(sourced: Digest):
    calls = register(Item("New post", 17))
    plan_due(at(15))
    Digest.objects.update(checked_through=at(14))
    plan_due(at(15))
    assert (len(calls), DigestItem.objects.count(), Mailing.objects.count()) == (2, 1, 1)


def test_it_is_asked_since_it_last_succeeded(sourced: Digest):
    calls = register(Item("New post", 17))
    plan_due(at(15))
    plan_due(at(15, 1))
    plan_due(at(15, day=24))
    assert calls == [(sourced.created_at, at(15)), (at(15), at(15, day=24))]


def test_a_source_that_a_digest_gets_later_is_asked_since_the_digest_last_went(digest: Digest):
    make_item(digest.list)
    plan_due(at(15))
    calls = register()
    Digest.objects.update(sources=["blog"])
    plan_due(at(15, day=24))
    assert calls == [(at(15), at(15, day=24))]


def test_it_is_not_asked_for_what_will_not_be_sent(sourced: Digest):
    calls = register(Item("New post", 17))
    set_paused(sourced, True)
    plan_due(at(15))
    set_paused(sourced, False)
    plan_due(at(22, day=24))  # seven hours late, and six are caught up
    PeriodicTask.objects.filter(digest=sourced).update(expires=at(9, day=25))
    plan_due(at(15, day=25))
    assert calls == []


def test_each_recipients_zone_has_it_asked_before_its_time(sourced: Digest):
    Digest.objects.update(in_recipients_zone=True)
    Recipient.objects.filter(email="person0@example.org").update(time_zone="America/New_York")
    calls = register(Item("New post", 17))
    for hour in (14, 15, 16, 20, 21):
        plan_due(at(hour))
    assert [now for _, now in calls] == [at(15), at(20)]


def test_sent_by_hand_it_is_asked_too(sourced: Digest):
    calls = register()
    with pytest.raises(NothingToSend):
        plan_now(sourced, at(11))
    sources._registered.clear()
    register(Item("New post", 17))
    assert titles(plan_now(sourced, at(12))) == ["New post"]
    assert [now for _, now in calls] == [at(11)]


def test_beats_task_asks_it(sourced: Digest):
    calls = register(Item("New post", 17))
    Digest.objects.update(checked_through=datetime.now(UTC) - timedelta(days=1, minutes=1))
    Digest.objects.update(catch_up_hours=48)
    assert len(send_digest("news")["mailings"]) == len(calls) == 1


@pytest.mark.parametrize(
    "error", [ValueError("ada@example.org"), KeyError("x"), SystemError(), Digest.DoesNotExist(), TimeoutError()]
)
def test_one_that_raises_does_not_stop_the_digest_and_is_told(
    sourced: Digest, error: Exception, caplog: pytest.LogCaptureFixture
):
    Digest.objects.update(sources=["broken", "blog"])

    @digest_source("broken")
    def broken(digest: Digest, since: datetime, now: datetime) -> Iterator[Item]:
        yield Item("Before it failed", 1)
        raise error

    register(Item("New post", 17))
    with caplog.at_level(logging.ERROR):
        (mailing,) = plan_due(at(15))
    assert titles(mailing) == ["Before it failed", "New post"]
    assert "Traceback" in caplog.text
    assert "in broken" in caplog.text
    (problem,) = told(at(15, 1))
    assert (problem.title, problem.since) == ("The source broken of News fails", at(15))
    assert f"It raised {type(error).__name__} (scheduling/test_sources.py, line " in problem.text
    assert "ada@" not in problem.text


def test_it_is_told_until_it_works_again_and_asked_for_what_it_missed(sourced: Digest):
    calls = register(Item("One", 1))
    plan_due(at(15))

    @fails_as("blog")
    def broken(digest: Digest, since: datetime, now: datetime) -> Iterable[Item]:
        raise RuntimeError

    for day in (24, 25):
        plan_due(at(15, day=day))
    assert [problem.since for problem in told(at(16, day=25))] == [at(15, day=24)]
    sources._registered.clear()
    calls = register(Item("Two", 2))
    (mailing,) = plan_due(at(15, day=26))
    assert (calls, titles(mailing)) == ([(at(15), at(15, day=26))], ["Two"])
    assert told(at(16, day=26)) == []


def fails_as(name: str) -> Callable[[sources.Source], sources.Source]:
    """In place of the source that has the name."""
    sources._registered.pop(name)
    return digest_source(name)


def test_a_name_that_no_app_registers_is_told(sourced: Digest):
    make_item(sourced.list, "by hand")
    (mailing,) = plan_due(at(15))
    assert titles(mailing) == ["by hand"]
    (problem,) = told(at(15, 1))
    assert problem.text.startswith("No app registers a source of this name. News goes out")
    assert "It has never succeeded" in problem.text
    Digest.objects.update(sources=[])
    assert told(at(15, 1)) == []


def test_what_is_no_item_is_told(sourced: Digest):
    register("New post")  # type: ignore[arg-type]
    assert plan_due(at(15)) == []
    assert "It raised TypeError" in SourceState.objects.get().problem


def test_a_long_one_is_stored_while_it_gives(sourced: Digest):
    stored = []

    @digest_source("blog")
    def long(digest: Digest, since: datetime, now: datetime) -> Iterator[Item]:
        for number in range(2 * sourcing.BATCH + 5):
            if number % sourcing.BATCH == 0:
                stored.append(DigestItem.objects.count())
            yield Item(f"Post {number}", number)

    plan_due(at(15))
    assert stored == [0, sourcing.BATCH, 2 * sourcing.BATCH]
    assert DigestItem.objects.count() == SourceState.objects.get().stored == 2 * sourcing.BATCH + 5


@pytest.mark.django_db(transaction=True)
def test_it_may_read_many_rows_piece_by_piece_while_its_items_are_stored(sourced: Digest):
    rows = [Recipient(email=f"reader{number}@example.org") for number in range(sourcing.BATCH + 500)]
    Recipient.objects.bulk_create(rows)

    @digest_source("blog")
    def readers(digest: Digest, since: datetime, now: datetime) -> Iterator[Item]:
        for person in Recipient.objects.iterator(chunk_size=100):
            yield Item("A reader", person.pk)

    plan_due(at(15))
    assert DigestItem.objects.count() == Recipient.objects.count() == sourcing.BATCH + 503
    assert told(at(15, 1)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_atomic", [True, False])
def test_one_that_breaks_off_in_the_database_leaves_it_usable(sourced: Digest, is_atomic: bool):
    @digest_source("blog")
    def broken(digest: Digest, since: datetime, now: datetime) -> Iterator[Item]:
        yield Item("Before it failed", 1)
        with transaction.atomic() if is_atomic else nullcontext(), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    (mailing,) = plan_due(at(15))
    assert titles(mailing) == ["Before it failed"]
    assert "Error" in told(at(15, 1))[0].text


def test_the_module_of_an_installed_app_is_found(tmp_path: Path):
    app = tmp_path / "press"
    app.mkdir()
    (app / "__init__.py").write_text("")
    lines = ("from mailer.sources import digest_source", "@digest_source('news')", "def news(*asked):", "    return []")
    (app / "digest_sources.py").write_text("\n".join(lines))
    (app / "settings.py").write_text("from tests.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'press']")
    program = "import django; django.setup(); from mailer.audience.sources import source_names; print(source_names())"
    here = os.environ | {"DJANGO_SETTINGS_MODULE": "press.settings", "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=here, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.returncode) == ("['news']", 0), ran.stderr


def test_digests_without_sources_are_planned_before_a_source_is_asked(sourced: Digest):
    other = make_digest(make_list("other", people=1), sourced.template)
    make_item(other.list)
    planned = []

    @digest_source("blog")
    def slow(digest: Digest, since: datetime, now: datetime) -> Iterable[Item]:
        planned.append(Mailing.objects.filter(digest=other).count())
        return []

    plan_due(at(15))
    assert planned == [1]


@pytest.mark.parametrize(
    "values",
    [
        {"title": " "},
        {"title": "x" * 301},
        {"title": None},
        {"title": "nul \0"},
        {"summary": "half a pair \ud83d"},
        {"external_id": ""},
        {"external_id": "x" * 121},
        {"external_id": 1.5},
        {"url": "javascript:alert(1)"},
        {"image_url": "ftp://example.org/a.png"},
        {"published_at": datetime(2026, 11, 23)},
    ],
)
def test_a_wrong_item_is_refused_where_it_is_made(values: dict[str, object]):
    with pytest.raises(ValueError, match="An item"):
        Item(**{"title": "New post", "external_id": 17, **values})  # type: ignore[arg-type]


def test_a_name_is_a_name_and_taken_once():
    register()
    with pytest.raises(ValueError, match="registered twice"):
        digest_source("blog")(lambda digest, since, now: [])
    with pytest.raises(ValueError, match="is no name"):
        digest_source("My Blog")


def text_of(message: bytes) -> str:
    body = email.message_from_bytes(message, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_the_example_of_the_page_does_what_it_says(sourced: Digest, relay: FakeRelay):
    page = ROOT / "docs" / "sources.md"
    example = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    exec(example[1], {"__name__": "team.digest_sources"})  # noqa: S102 - it is what people copy
    Digest.objects.update(sources=["colleagues"], created_at=MORNING - timedelta(days=1))
    joined = {"date_joined": MORNING, "email": "person1@example.org"}
    User.objects.create(username="ada", first_name="Ada", **joined)
    (mailing,) = plan_due(at(15))
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: at(15, 1))
    bodies = {mail.recipient: text_of(mail.message) for mail in relay.received}
    assert len(bodies) == 3
    assert all("* Ada is new here" in body for body in bodies.values())
    assert [to for to, body in bodies.items() if "* Your first week" in body] == ["person1@example.org"]
