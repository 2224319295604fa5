"""Rows with two hosts: the same digest from both, and sending limits that hold for both together."""

from bisect import bisect_left
from typing import Any

from mailer.models import HeldMail, SendingLimit
from tests.crash.program import wait_for
from tests.crash.rules import Ledger
from tests.matrix.hosts import two_hosts, why_no_hosts
from tests.matrix.place import Place
from tests.matrix.world import Inexact, check, make_lists, measure, send, wait_for_workers, wait_until_done

#: Mails a second, before and after the limit is changed while it holds.
_SLOW, _FAST = 40, 120
#: Mails go a quarter of a second's at a time, and their way is not always as long: counted at the mail server, a second
#: may have one quarter more.
_JITTER = 1.25
#: And after a change of the limit so many seconds may pass until the new one is used.
_SECONDS_TO_ACT = 6.0


def send_from_two_hosts(place: Place) -> dict[str, Any]:
    """Four digests to 250 people each; each host sends a part of them."""
    if reason := why_no_hosts():
        return {"skipped": reason}
    place.start_sink(0.005)
    digests = make_lists()
    with two_hosts(place) as hosts:
        for host in hosts:
            host.start_worker(place, "--concurrency 2")
        wait_for_workers(2)
        return measure(place, digests)


def keep_to_limits(place: Place) -> dict[str, Any]:
    """A limit for all mail holds at the mail server, from both hosts together.

    It is changed meanwhile, and the new one is used within seconds.
    """
    if reason := why_no_hosts():
        return {"skipped": reason}
    place.start_sink()
    digests = make_lists(people=1_600)
    limit = SendingLimit.objects.create(scope="all", mails=_SLOW, per=1, kept=0)
    with two_hosts(place) as hosts:
        for host in hosts:
            host.start_worker(place, "--concurrency 2")
        place.start_beat()
        wait_for_workers(2)
        mailings = send(digests)
        ledger = Ledger(place.ledger)
        wait_for(lambda: ledger.read() >= _SLOW * 10, "mails at the first pace", 60, 0.05)
        changed = len(ledger.times)
        SendingLimit.objects.filter(pk=limit.pk).update(mails=_FAST)
        at = ledger.times[-1]
        wait_until_done(mailings)
    times = check(place, mailings)
    if HeldMail.objects.exists():
        raise Inexact("mails are held of mailings that are done")
    settled = [moment for moment in times if moment > at + _SECONDS_TO_ACT]
    return {
        "mails": len(times),
        "limit a second": _SLOW,
        **_pace("slow", times[:changed], _SLOW),
        "then": _FAST,
        **_pace("fast", settled, _FAST),
        "used after s": _used_after(times, at),
    }


def _pace(name: str, times: list[float], limit: int) -> dict[str, Any]:
    """The mean, and the most in any second. Raises Inexact if that is more than the limit, or the mean is far below."""
    most = max(bisect_left(times, since + 1) - number for number, since in enumerate(times))
    mean = bisect_left(times, times[-1] - 1) / (times[-1] - 1 - times[0])
    if most > limit * _JITTER or not limit * 0.6 < mean <= limit * 1.1:
        raise Inexact(f"{name}: {most} in a second and {mean:.0f} a second, the limit is {limit}")
    return {f"{name}, mean a second": round(mean, 1), f"{name}, most in a second": most}


def _used_after(times: list[float], changed: float) -> float:
    """How long after the change of the limit a second first had more mails than the old one allowed."""
    for number, since in enumerate(times):
        if since > changed - 1 and bisect_left(times, since + 1) - number > _SLOW * _JITTER:
            return round(max(0.0, since - changed), 1)
    raise Inexact("the new limit was never used")
