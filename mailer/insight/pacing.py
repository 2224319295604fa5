"""Which mails wait for a sending limit."""

from mailer.insight.words import count_of
from mailer.models import HeldGroup, HeldMail, Mailing

#: Counted no further.
CAP = 10_000
#: So many domains are named.
_NAMED = 5


def count_held() -> int:
    """How many mails wait for a sending limit, counted to CAP."""
    return HeldMail.objects.order_by()[:CAP].count()


def held_of(mailing: Mailing) -> dict[str, int]:
    """How many mails of a mailing wait, each counted to CAP, by the limited domain; "" for any other."""
    groups = HeldGroup.objects.filter(mailing=mailing).order_by("domain")
    counts = {group.domain: group.mails.order_by()[:CAP].count() for group in groups}
    return {domain: count for domain, count in counts.items() if count}


def held_in_words(mailing: Mailing) -> str:
    """What waits of a mailing, such as `18 mails wait for a sending limit: 12 to gmail.com.`, or nothing."""
    held = held_of(mailing)
    if not held:
        return ""
    count = sum(held.values())
    more = "more than " if CAP in held.values() else ""
    to_domains = [f"{waiting:,} to {domain}" for domain, waiting in held.items() if domain]
    where = f": {', '.join(to_domains[:_NAMED])}" if to_domains else ""
    return (
        f"{more}{count_of(count, 'mail')} {'waits' if count == 1 else 'wait'} for a sending limit{where}.".capitalize()
    )
