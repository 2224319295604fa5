"""An upgrade while mails are sent: the new version migrates, its workers start, the old ones end; nobody waits."""

import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

from mailer.models import Mailing
from tests.crash.program import ROOT, wait_for
from tests.crash.rules import Ledger
from tests.matrix.place import Place
from tests.matrix.world import Inexact, check, wait_for_workers, wait_until_done

#: The worst is that what a worker gives back when it ends waits for the next tick, half a minute later.
_LONGEST_SILENCE = 45.0
#: How many migrations lie between the two versions.
_MIGRATIONS = 2
#: In the old version's tree, for its models know no column of the new one's.
_SEND = "from tests.matrix.world import make_lists, send; send(make_lists(people=12_000, lists=8))"


def upgrade_while_sending(place: Place) -> dict[str, Any]:
    """The old version is some migrations older; its workers go on with the database of the new one."""
    old = _old_version(place.folder)
    if old is None:
        return {"skipped": "the history of the code is not here (a shallow clone)"}
    place.start_sink(0.01)
    place.use_database(f"{place.database}_old")
    place.manage("migrate", "-v0", code=old)
    old_worker = place.start_worker("old", "--concurrency 2", code=old)
    wait_for_workers()
    place.manage("shell", "-c", _SEND, code=old)
    place.start_beat("beat", code=old)  # not before: a tick would send what was due at three
    mailings, ledger = list(Mailing.objects.only("pk").order_by("pk")), Ledger(place.ledger)
    wait_for(lambda: ledger.read() > 500, "mails by the old version", 60)

    migrations = place.manage("migrate").count("... OK")
    if not migrations:
        raise Inexact("the new version had nothing to migrate")
    before = len(ledger.times)
    wait_for(lambda: ledger.read() > before + 1_000, "mails by the old version on the new database", 60)
    place.start_worker("new", "--concurrency 2")
    wait_for_workers(2)
    seconds = old_worker.terminate(60)
    wait_until_done(mailings, 180)
    times = check(place, mailings)
    silence = max(after - since for since, after in pairwise(times))
    if silence > _LONGEST_SILENCE:
        raise Inexact(f"no mail left for {silence:.1f} s")
    return {"mails": len(times), "migrations": migrations, "old worker ended after s": round(seconds, 1),
            "longest silence s": round(silence, 2)}  # fmt: skip


def _old_version(folder: Path) -> Path | None:
    """The tree of the commit before the one that added that migration, unpacked; None without a history."""
    first_new = sorted((ROOT / "mailer" / "migrations").glob("[0-9]*.py"))[-_MIGRATIONS].relative_to(ROOT)
    added = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(first_new)).strip()
    if not added or _git("rev-parse", "--is-shallow-repository").strip() != "false":
        return None
    tree, archive = folder / "old", folder / "old.tar"
    tree.mkdir()
    _git("archive", "--output", str(archive), f"{added}^")
    subprocess.run(["tar", "-x", "-f", archive, "-C", tree], check=True)
    return tree


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
