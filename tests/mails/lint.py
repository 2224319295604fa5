"""`make lint-mails`: what axe, caniemail's data, SpamAssassin and a ruler say of the shipped mails.

Ends with 1 if a limit is passed, and says what could not be looked at.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from mailer.templating.clients import AS_OF, unsupported
from mailer.templating.compose import Rendered
from tests.browser import DESK, PHONE, find_chromium, started_chromium
from tests.mails.samples import SLUGS, digest_mail, message, right_to_left, sample_mail, twenty_items

#: For a digest of twenty items, and so for any shipped mail.
MOST_BYTES = 30_000
#: Of the five at which SpamAssassin calls a mail spam.
MOST_POINTS = 0.1
#: RFC 5322 section 2.1.1; an address in a line of its own may be longer.
MOST_COLUMNS = 78
_SCORE = re.compile(rb"^X-Spam-Status: .*?score=(-?[\d.]+).*?tests=([\w,\s]*?)(?:\s+autolearn|\s+version)", re.M | re.S)

Row = dict[str, str]


def mails() -> dict[str, Rendered]:
    """Each shipped mail, and digests that try its limits."""
    shown = {slug: sample_mail(slug) for slug in SLUGS}
    return shown | {"digest of 20 items": digest_mail(twenty_items()), "digest, Hebrew": right_to_left()}


def axe_violations(browser: Browser, mail: Rendered) -> list[str]:
    """What axe-core finds, all of its rules asked, on a phone and a desk, by day and in the dark."""
    found: set[str] = set()
    for viewport in (PHONE, DESK):
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.set_content(mail.html)
            found |= {violation["id"] for violation in Axe().run(page).response["violations"]}
            page.close()
    return sorted(found)


def spam_points(data: bytes) -> tuple[float, str]:
    """SpamAssassin's points by its local rules, and the rules that said so."""
    with tempfile.TemporaryDirectory() as home:
        command = [shutil.which("spamassassin") or "", "-L", "-t"]
        environment = os.environ | {"HOME": home}
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=60, check=True)
    score = _SCORE.search(done.stdout)
    assert score, "SpamAssassin said no score"
    return float(score[1]), "".join(score[2].decode().split())


def too_long(text: str) -> list[str]:
    """Lines of the text part that are longer than a line should be, though they could be broken."""
    return [line for line in text.splitlines() if len(line) > MOST_COLUMNS and " " in line.strip()]


def main() -> int:
    """Print the table."""
    faults: list[str] = []
    shown, rows = mails(), {}
    for name, mail in shown.items():
        rows[name] = _measured(name, mail, faults)
    skipped = [*_with_axe(shown, rows, faults), *_with_spamassassin(rows, faults)]
    _print_table(rows)
    _say(f"clients: 0 is right; caniemail's data of {AS_OF}. bytes: at most {MOST_BYTES:,} of HTML.")
    _say("axe: all rules of axe-core, at 375 and 1280 pixels, light and dark.")
    _say(*(f"Skipped: {words}" for words in skipped), *(f"WRONG: {words}" for words in faults))
    return 1 if faults else 0


def _measured(name: str, mail: Rendered, faults: list[str]) -> Row:
    lacking, size, long_lines = unsupported(mail.html), len(mail.html.encode()), too_long(mail.text)
    faults += [f"{name}, line {each.line}: {each}" for each in lacking]
    faults += [f"{name}: {size:,} bytes of HTML"] if size > MOST_BYTES else []
    faults += [f"{name}: a long line of text: {line}" for line in long_lines]
    return {"bytes": f"{size:,}", "clients": str(len(lacking)), "long lines": str(len(long_lines))}


def _with_axe(shown: dict[str, Rendered], rows: dict[str, Row], faults: list[str]) -> list[str]:
    if not find_chromium():
        return ["axe, because there is no Chromium (Debian: apt install chromium)"]
    with started_chromium() as browser:
        for name, mail in shown.items():
            violations = axe_violations(browser, mail)
            rows[name]["axe"] = str(len(violations))
            faults += [f"{name}: axe: {violation}" for violation in violations]
    return []


def _with_spamassassin(rows: dict[str, Row], faults: list[str]) -> list[str]:
    if not shutil.which("spamassassin"):
        return ["SpamAssassin, because it is not installed (Debian: apt install spamassassin)"]
    for slug in SLUGS:
        points, rules = spam_points(message(slug))
        rows[slug]["SpamAssassin"] = f"{points:.1f}"
        faults += [f"{slug}: {points} points by SpamAssassin: {rules}"] if points > MOST_POINTS else []
    return []


def _print_table(rows: dict[str, Row]) -> None:
    columns = ["bytes", "clients", "axe", "SpamAssassin", "long lines"]
    line: Callable[..., str] = "{:20}{:>8}{:>9}{:>6}{:>14}{:>12}".format
    _say(line("mail", *columns))
    for name, row in rows.items():
        _say(line(name, *(row.get(column, "–") for column in columns)))


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
