"""What the shell says: one line when it worked, one sentence when it did not."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import PeriodicTask

from mailer.models import Digest, EmailTemplate, Mailing, Recipient, RecipientList, Subscription, TemplateVersion
from mailer.scheduling.schedules import rule_of
from mailer.templating.sandbox import TemplateError
from mailer.templating.sync import sync_folder
from tests.build import make_item

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_a_digest_is_scheduled_by_the_lists_name(mailing_list: RecipientList, template: EmailTemplate):
    said = run("schedule_digest", "news", "--at", "15:00", "--tz", "Europe/Berlin", "--weekdays", "mon-fri")
    assert said.startswith("news: Monday to Friday at 15:00 Europe/Berlin; next ")
    digest = Digest.objects.get()
    assert rule_of(digest) == ("0 15 * * mon-fri", "Europe/Berlin")
    run("schedule_digest", "news", "--at", "9:30")
    assert PeriodicTask.objects.filter(task="mailer.tasks.send_digest").count() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch"], "There is no digest or list 'nosuch'. Digests: news."),
        (["news", "--tz", "Mars/Base"], "'Mars/Base' is not a time zone; write it as in 'Europe/Berlin' or 'UTC'."),
        (["news", "--at", "25:00"], "--at '25:00' is not a time of day such as 15:00."),
        (["news", "--weekdays", "someday"], "--weekdays 'someday' names no days"),
    ],
)
def test_a_schedule_that_is_none_is_said_in_one_sentence(digest: Digest, arguments: list[str], sentence: str):
    before = rule_of(digest)
    with pytest.raises(CommandError) as error:
        run("schedule_digest", *arguments)
    assert str(error.value).startswith(sentence)
    digest.refresh_from_db()
    assert rule_of(digest) == before


def test_a_digest_is_sent_now_only_if_one_says_so(digest: Digest):
    with pytest.raises(CommandError, match="say --now"):
        run("send_digest", "news")
    with pytest.raises(CommandError, match="nothing new"):
        run("send_digest", "news", "--now")
    make_item(digest.list)
    assert "3 deliveries planned" in run("send_digest", "news", "--now")
    assert Mailing.objects.get().status == "sending"


def test_recipients_come_from_a_file(mailing_list: RecipientList, tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_bytes("\ufeffemail;name\r\nzoe@example.org;Zoë\r\nnonsense;\r\n".encode())
    assert run("import_recipients", "news", file) == (
        "news: 1 new, 0 changed, 0 unchanged, 0 twice in the file, 1 not usable, 0 unsubscribed before and left so"
    )
    assert Recipient.objects.get(email="zoe@example.org").name == "Zoë"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"name\nZoe\n"])
def test_a_file_that_cannot_be_read_is_said_in_one_sentence(
    mailing_list: RecipientList, tmp_path: Path, content: bytes
):
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="can't be imported"):
        run("import_recipients", "news", file)
    with pytest.raises(CommandError, match="There is no list 'nosuch'"):
        run("import_recipients", "nosuch", file)
    with pytest.raises(CommandError, match="can't be imported"):
        run("import_recipients", "news", tmp_path / "absent.csv")


def test_items_come_from_a_file(mailing_list: RecipientList, tmp_path: Path):
    file = tmp_path / "items.json"
    file.write_text(json.dumps([{"title": "One"}, {"title": ""}]))
    assert run("import_items", "news", file) == "news: 1 new, 0 changed, 0 unchanged, 1 not usable"
    file.write_text("{}")
    with pytest.raises(CommandError, match="not a list"):
        run("import_items", "news", file)


def test_templates_are_synced_once_for_each_change():
    assert "digest: version 1" in run("sync_templates")
    assert "digest: unchanged" in run("sync_templates")
    assert TemplateVersion.objects.count() == 5


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("body.html", "<p>\n{% if %}</p>", "body.html, line 2"),
        ("body.txt", "{{ recipent.name }}", "recipent.name is not known"),
        ("sample.json", "{", "Expecting property name"),
        ("body.html", '{% extends "_layout/nosuch.html" %}', "there is no such layout"),
        ("subject.txt", None, "No such file"),
    ],
)
def test_a_wrong_template_is_refused_in_one_sentence_and_the_old_version_stays(
    tmp_path: Path, file: str, content: str | None, sentence: str
):
    folder = tmp_path / "hello"
    folder.mkdir()
    good = {
        "subject.txt": "Hi",
        "body.html": "<p>{{ recipient.name }}</p>",
        "body.txt": "Hi",
        "sample.json": '{"recipient": {"name": "Ada"}}',
    }
    for name, text in good.items():
        (folder / name).write_text(text)
    assert sync_folder(folder) is not None
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(TemplateError, match=sentence):
        sync_folder(folder)
    assert TemplateVersion.objects.count() == 1


def test_the_demo_is_loaded_once(settings, tmp_path: Path):
    run("sync_templates")
    run("load_demo")
    run("load_demo")
    mailing = Mailing.objects.get()
    assert (mailing.planned, Subscription.objects.count()) == (60, 60)
    assert rule_of(Digest.objects.get()) == ("0 15 * * *", "UTC")


def test_waiting_says_why_it_waits_in_vain(digest: Digest):
    make_item(digest.list)
    run("send_digest", "news", "--now")
    with pytest.raises(CommandError, match=r"planned 3 = waiting 3\. Is a worker running\?"):
        run("wait_for_mailing", "--id", Mailing.objects.get().pk, "--timeout", "0")
    with pytest.raises(CommandError, match="no such mailing"):
        run("wait_for_mailing", "--key", "nosuch", "--timeout", "0")
