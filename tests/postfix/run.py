"""Sends the thousand mails, waits for what comes back, and holds every delivery to what it should have come to."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402 - Django has to be set up before its models

from mailer.models import Delivery, EmailTemplate, Mailing, Return, Suppression, TemplateVersion  # noqa: E402
from mailer.scheduling.planning import plan_now  # noqa: E402
from mailer.sending.batch import send_range  # noqa: E402
from mailer.sending.claim import Range  # noqa: E402
from mailer.sending.signatures import load_keys  # noqa: E402
from tests.build import make_digest, make_item, make_list, subscribe  # noqa: E402
from tests.keys import verdicts  # noqa: E402
from tests.postfix.kinds import KINDS, Kind, kind_of  # noqa: E402
from tests.postfix.relay import Ports, Postfix  # noqa: E402
from tests.postfix.world import World  # noqa: E402
from tests.servers import free_port  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
#: Seconds within which all has to have come back.
LIMIT = 120


def main(folder: Path, relay: int, pipe: Path | None) -> int:
    """Returns the exit code."""
    lmtp = free_port()
    with World() as world, listener(lmtp):
        ports = Ports(relay, lmtp, world.port, world.policy_port)
        with Postfix(folder, ports, pipe) as postfix:
            mailing = plan()
            # What our relay asked for later, by greylisting or as one too many on a connection, is due by then.
            for minutes in (0, 2, 10, 30):
                send(mailing, timedelta(minutes=minutes))
            wait(mailing, postfix)
            problems = [
                *check_deliveries(mailing),
                *check_sums(mailing),
                *check_arrivals(world),
                *check_signatures(world),
            ]
            if problems:
                print(postfix.last_lines())
    print("\n".join(problems[:40] or tell(mailing)))
    return 1 if problems else 0


def plan() -> Mailing:
    """A list of a thousand people of all kinds, and its digest, planned."""
    mailing_list = make_list("news")
    for name, kind in KINDS.items():
        for number in range(kind.count):
            subscribe(mailing_list, f"{name}-{number}@example.org")
    template = EmailTemplate.objects.create(slug="run", name="Run")
    body = "{% for item in items %}{{ item.title }}{% endfor %}"
    TemplateVersion.objects.create(
        template=template, number=1, subject="{{ count }} new", html=f"<p>{body}</p>", text=body, sample={}
    )
    digest = make_digest(mailing_list, template)
    make_item(mailing_list)
    return plan_now(digest, timezone.now())


def send(mailing: Mailing, later: timedelta) -> None:
    """What is due by a clock that is put forward."""
    done = send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: timezone.now() + later)
    print(", ".join(f"{name} {done[name]}" for name in ("planned", "sent", "failed", "retry", "uncertain", "seconds")))


def wait(mailing: Mailing, postfix: Postfix) -> None:
    """Until the relay has nothing left."""
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends and (postfix.queue_length() or came_back(mailing) < expected("bounced")):
        time.sleep(1)


def came_back(mailing: Mailing) -> int:
    return mailing.deliveries.filter(status="bounced").count()


def expected(status: str) -> int:
    return sum(kind.count for kind in KINDS.values() if kind.status == status)


def check_deliveries(mailing: Mailing) -> Iterator[str]:
    """Each delivery, its report, and its address."""
    suppressed = set(Suppression.objects.values_list("email", flat=True))
    for delivery in mailing.deliveries.select_related("recipient").prefetch_related("returns"):
        address = delivery.recipient.email
        kind = kind_of(address)
        if (delivery.status, delivery.reason) != (kind.status, kind.reason):
            yield f"{address} is {delivery.status} {delivery.reason}, not {kind.status} {kind.reason}"
        if (address in suppressed) != kind.suppressed:
            yield f"{address} is {'' if address in suppressed else 'not '}suppressed"
        yield from check_reports(delivery, kind, address)


def check_reports(delivery: Delivery, kind: Kind, address: str) -> Iterator[str]:
    """One that came back has one report, in its own server's words."""
    reports = list(delivery.returns.all())
    if len(reports) != (kind.status == "bounced"):
        yield f"{address} has {len(reports)} reports"
    words = (kind.at_server or kind.after_data)[4:]
    for report in reports:
        if Return.REASONS[report.outcome] != kind.reason or words[6:] not in report.diagnostic or report.names_other:
            yield f"the report on {address} says {report.outcome}: {report.answer}"


def check_sums(mailing: Mailing) -> Iterator[str]:
    """Planned is sent and bounced and failed."""
    mailing.refresh_from_db()
    for name in ("sent", "bounced", "failed"):
        if getattr(mailing, name) != expected(name):
            yield f"{name} is {getattr(mailing, name)}, not {expected(name)}"
    if mailing.planned != mailing.sent + mailing.bounced + mailing.failed:
        yield f"planned is {mailing.planned}, and that is not the sum"


def check_arrivals(world: World) -> Iterator[str]:
    """Whoever should have a mail has one."""
    wanted = {
        f"{name}-{number}@example.org"
        for name, kind in KINDS.items()
        for number in range(kind.count)
        if kind.status == "sent"
    }
    if world.arrived.keys() != wanted:
        yield f"{len(world.arrived.keys() ^ wanted)} mails arrived that should not, or the other way round"
    twice = [address for address, count in world.arrived.items() if count > 1]
    if twice:
        yield f"{len(twice)} mails arrived twice"


def check_signatures(world: World) -> Iterator[str]:
    """Each mail's signatures, as dkimpy verifies them at the end of its way."""
    keys = load_keys(tuple(settings.DKIM_KEYS.items()))
    bad = sum(verdicts(message, keys) != [True, True] for message in world.messages)
    if bad or not world.messages:
        yield f"{bad} of {len(world.messages)} mails have no two signatures that hold"


def tell(mailing: Mailing) -> list[str]:
    """What was seen."""
    reasons = Counter(mailing.deliveries.values_list("status", "reason"))
    doors = Counter(Return.objects.values_list("source", flat=True))
    return [
        f"planned {mailing.planned} = sent {mailing.sent} + bounced {mailing.bounced} + failed {mailing.failed}",
        ", ".join(f"{status} {reason}: {count}" for (status, reason), count in sorted(reasons.items())),
        "every mail that arrived has two DKIM signatures that dkimpy verifies",
        ", ".join(f"{count} reports by {door}" for door, count in sorted(doors.items())),
    ]


@contextmanager
def listener(port: int) -> Iterator[None]:
    """Our LMTP listener, as a program of its own."""
    command = [sys.executable, "manage.py", "listen_for_mail", "--port", str(port)]
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline().startswith("Listening for mail")
    try:
        yield
    finally:
        program.terminate()
        program.wait(10)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None))
