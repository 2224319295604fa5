"""Who is erased is struck out of the files that imports keep, and is not brought back by one that came before."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.audience.erasure import erase
from mailer.audience.striking import strike_erased
from mailer.audience.uploads import keep_file
from mailer.models import Erasure, Import, Recipient, RecipientList, Subscription, Suppression
from tests.build import finish, subscribe

pytestmark = pytest.mark.django_db
ADA = "ada@example.org"
#: Her address in another spelling, in a quoted cell with a line break, and in lines that can't be used.
FILE = f"""email,name,tz\r
bob@example.org,"Bob\nSecond line",UTC\r
"ADA@Example.org ","Ada\nLovelace",UTC\r
{ADA},Ada,Mars/Base\r
'{ADA}' and more,Ada,UTC\r
eve@example.org,Eve,UTC"""


@pytest.fixture(autouse=True)
def import_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.IMPORT_DIR = tmp_path
    return tmp_path


def keep(mailing_list: RecipientList, encoding: str = "utf-8") -> Import:
    return keep_file(mailing_list, "people.csv", [FILE.encode(encoding)])


def erase_ada(mailing_list: RecipientList) -> None:
    known = Recipient.objects.filter(email=ADA).first()
    erase(known or subscribe(mailing_list, ADA), "", None, timezone.now())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_no_file_names_her_afterwards_and_the_other_lines_stay_as_they_were(
    mailing_list: RecipientList, import_dir: Path, encoding: str
):
    imported = keep(mailing_list, encoding)
    finish(imported, Import.State.RUNNING)
    assert ADA in imported.bad_lines.read_text()
    erase_ada(mailing_list)
    assert strike_erased(timezone.now()) == 1
    text = imported.path.read_bytes().decode(encoding)
    assert text == ('email,name,tz\r\nbob@example.org,"Bob\nSecond line",UTC\r\n\r\n\r\n\r\neve@example.org,Eve,UTC')
    assert "ada" not in "".join(path.read_bytes().decode("latin-1").lower() for path in import_dir.iterdir())
    assert Erasure.objects.get().struck_at
    assert not list(import_dir.glob("*.part"))


def test_the_import_can_still_be_undone(mailing_list: RecipientList):
    imported = keep(mailing_list)
    finish(imported, Import.State.RUNNING)
    erase_ada(mailing_list)
    strike_erased(timezone.now())
    finish(imported, Import.State.UNDOING)
    assert imported.state == "undone"
    assert not Recipient.objects.filter(email__in=["bob@example.org", "eve@example.org"]).exists()


def test_a_file_that_came_before_does_not_bring_her_back(mailing_list: RecipientList):
    imported = keep(mailing_list)
    erase_ada(mailing_list)
    finish(imported, Import.State.RUNNING)
    assert (imported.counts["new"], imported.counts["duplicates"]) == (2, 0)
    assert not Recipient.objects.filter(email=ADA).exists()
    assert not Suppression.objects.exists()


def test_one_that_comes_later_brings_her_back_suppressed_and_says_so_before(mailing_list: RecipientList):
    erase_ada(mailing_list)
    Erasure.objects.update(erased_at=timezone.now() - timedelta(days=1))
    imported = keep(mailing_list)
    finish(imported, Import.State.CHECKING)
    assert (imported.counts["new"], imported.counts["suppressed"]) == (3, 1)
    assert not Suppression.objects.exists()
    finish(imported, Import.State.RUNNING)
    assert Suppression.objects.get().email == ADA
    assert Subscription.objects.filter(recipient__email=ADA).exists()
    strike_erased(timezone.now())
    assert ADA in imported.path.read_text().lower()


def test_a_file_that_a_worker_reads_waits_for_the_next_time(mailing_list: RecipientList):
    imported = keep(mailing_list)
    erase_ada(mailing_list)
    Import.objects.update(state="checking", leased_until=timezone.now() + timedelta(minutes=1))
    assert strike_erased(timezone.now()) == 0
    assert ADA in imported.path.read_text()
    Import.objects.update(leased_until=None)
    assert strike_erased(timezone.now()) == 1
    assert ADA not in imported.path.read_text().lower()


def test_a_file_that_cannot_be_read_is_thrown_away(mailing_list: RecipientList):
    imported = keep(mailing_list)
    imported.path.write_bytes(b"email\n\xff\xfeada@example.org\n")
    erase_ada(mailing_list)
    assert strike_erased(timezone.now()) == 1
    assert not imported.path.exists()
