"""What the sending limits allow, for all workers on all hosts: counted in the database, in rows that are locked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from django.db import transaction

from mailer.models import LimitUse, SendingLimit
from mailer.sending.windows import Taken, Window, add_taken, count_free, count_taken, free_again


@dataclass(frozen=True)
class Grant:
    """What may go now; if that is less than was asked for, when to ask again."""

    mails: int
    again_at: datetime


class Limits:
    """The limits as they are now."""

    def __init__(self) -> None:
        """One query."""
        self._all = list(SendingLimit.objects.filter(is_on=True).order_by("pk"))
        self._domains = {limit.name for limit in self._all if limit.scope == SendingLimit.Scope.DOMAIN}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    def limited_domain(self, address: str) -> str:
        """The address's domain if there is a limit for mail to it, or nothing."""
        domain = address.rpartition("@")[2]
        return domain if domain in self._domains else ""

    def applying(self, sender: str, domain: str) -> list[SendingLimit]:
        """Those that a mail from this address to this domain is under."""
        scope, sender = SendingLimit.Scope, sender.lower()
        senders = (sender, sender.rpartition("@")[2])
        return [
            limit
            for limit in self._all
            if limit.scope == scope.ALL
            or (limit.scope == scope.SENDER and limit.name in senders)
            or (limit.scope == scope.DOMAIN and limit.name == domain)
        ]


def take(limits: Sequence[SendingLimit], mails: int, is_single: bool, now: datetime) -> Grant:
    """Take up to so many mails out of all these limits at once, by the one that allows least.

    Whoever takes from the same limits at the same time waits for a moment.
    """
    if not limits:
        return Grant(mails, now)
    with transaction.atomic():
        uses = _locked(limits)
        counted = [(limit, window_of(limit), _taken(limit, uses[limit.pk])) for limit in limits]
        free = min(count_free(window, taken, is_single, now) for _, window, taken in counted)
        granted, again_at = min(free, mails), now
        for limit, window, taken in counted:
            after = add_taken(window, taken, granted, is_single, now)
            again_at = max(again_at, free_again(window, after, is_single, now))
            if granted:
                _save(uses[limit.pk], limit, after)
    return Grant(granted, again_at)


def used_now(limit: SendingLimit, now: datetime) -> int:
    """How many mails of its window are used up, from the row that was read with it."""
    use = getattr(limit, "use", None)
    if use is None:
        return 0
    return count_taken(window_of(limit), _taken(limit, use), now)


def window_of(limit: SendingLimit) -> Window:
    """As the counting wants it; the part that is kept is rounded down.

    Mails by the second go a quarter at a time: what goes all at once can meet the next second's at the mail server.
    """
    burst = ceil(limit.mails / 4) if limit.per == SendingLimit.Per.SECOND else 0
    return Window(limit.mails, limit.per, limit.mails * limit.kept // 100, burst)


def _locked(limits: Iterable[SendingLimit]) -> dict[int, LimitUse]:
    """The limits' uses, locked in the order of their keys, or two who take could wait for each other for ever."""
    wanted = [limit.pk for limit in limits]
    rows = LimitUse.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    found = {use.pk: use for use in rows}
    if len(found) < len(wanted):
        LimitUse.objects.bulk_create([LimitUse(limit_id=pk) for pk in wanted], ignore_conflicts=True)
        found = {use.pk: use for use in rows.all()}
    return found


def _taken(limit: SendingLimit, use: LimitUse) -> Taken:
    """What was taken; nothing if it was counted for a window of another length."""
    if use.seconds != limit.per:
        return {}
    return {int(part): (many, single) for part, (many, single) in use.taken.items()}


def _save(use: LimitUse, limit: SendingLimit, taken: Taken) -> None:
    use.seconds, use.taken = limit.per, {str(part): mails for part, mails in taken.items()}
    use.save(update_fields=["seconds", "taken"])
