"""The log as a file: whole, in order, safe in a spreadsheet, and never over another file."""

import csv
import gzip
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mailer.insight import log_export
from mailer.models import Delivery, Digest, Recipient
from tests.build import make_digest, make_list, make_sent_mail

pytestmark = pytest.mark.django_db
DAYS = ("--from", "2026-11-02", "--to", "2026-11-03")


def at(day: int, hour: int = 15) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture
def log(digest: Digest) -> list[Delivery]:
    """One mail too early, three within the days, one of them failed, and one too late."""
    early = make_sent_mail(digest, "ada@example.org", at(1, 23))
    within = [
        make_sent_mail(digest, "ada@example.org", at(2, 0)),
        make_sent_mail(digest, "bob@example.org", at(3)),
        make_sent_mail(digest, "eve@example.org", at(3, 23), status="failed"),
    ]
    late = make_sent_mail(digest, "ada@example.org", at(4, 0))
    return [early, *within, late]


def rows_in(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))


def test_the_days_are_included_and_nothing_else(log: list[Delivery], tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    call_command("export_logs", file, *DAYS)
    rows = rows_in(file)
    assert [int(row["delivery"]) for row in rows] == [delivery.pk for delivery in log[1:4]]
    assert [row["recipient"][:3] for row in rows] == ["ada", "bob", "eve"]
    assert (rows[0]["list"], rows[0]["due"], rows[0]["status"]) == ("news", "2026-11-02T00:00:00+00:00", "sent")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_json_lines_are_packed_when_the_name_says_so(log: list[Delivery], tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl.gz"
    call_command("export_logs", file, *DAYS, "--state", "failed")
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [(row["recipient"], row["status"], row["sent_at"]) for row in rows] == [("eve@example.org", "failed", None)]


def test_one_lists_log_is_written_alone(log: list[Delivery], digest: Digest, tmp_path: Path) -> None:
    other = make_digest(make_list("other"), digest.template)
    mine = make_sent_mail(other, "zoe@example.org", at(2))
    call_command("export_logs", tmp_path / "log.csv", *DAYS, "--list", "other")
    assert [int(row["delivery"]) for row in rows_in(tmp_path / "log.csv")] == [mine.pk]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_steps_of_any_size_leave_nothing_out(
    log: list[Delivery], digest: Digest, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    people = list(Recipient.objects.exclude(pk=log[1].recipient_id).order_by("pk"))
    Delivery.objects.bulk_create(Delivery(mailing=log[1].mailing, recipient=person) for person in people)
    monkeypatch.setattr(log_export, "STEP", step)
    steps = list(log_export.read_log(log_export.Wanted(at(2, 0), at(4, 0))))
    found = [row["delivery"] for rows in steps for row in rows]
    expected = Delivery.objects.filter(mailing__in=[delivery.mailing_id for delivery in log[1:4]])
    assert sorted(found) == sorted(expected.values_list("pk", flat=True))
    assert len(found) == len(set(found))
    assert all(len(rows) <= step for rows in steps)


def test_a_mail_servers_answer_is_no_formula_and_an_erased_person_stays_in_the_sum(
    log: list[Delivery], tmp_path: Path
) -> None:
    Delivery.objects.filter(pk=log[2].pk).update(smtp_text="=HYPERLINK(1)", recipient_id=999_999)
    call_command("export_logs", tmp_path / "log.csv", *DAYS)
    row = rows_in(tmp_path / "log.csv")[1]
    assert (row["smtp_text"], row["recipient"]) == ("'=HYPERLINK(1)", "erased recipient")


def test_no_file_is_written_over_unless_that_is_said(log: list[Delivery], tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("of last year")
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_logs", file, *DAYS)
    assert file.read_text() == "of last year"
    call_command("export_logs", file, *DAYS, "--force")
    assert len(rows_in(file)) == 3


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [(("--from", "2026-11-03", "--to", "2026-11-02"), "after"), ((*DAYS, "--list", "nobody"), "There is no list")],
)
def test_what_makes_no_sense_is_said(log: list[Delivery], tmp_path: Path, arguments: tuple[str], fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        call_command("export_logs", tmp_path / "log.csv", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(log: list[Delivery], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be written"):
        call_command("export_logs", tmp_path / "nowhere" / "log.csv", *DAYS)
