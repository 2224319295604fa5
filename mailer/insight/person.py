"""What one person's page shows: lists and by whose word, mails and what became of them, suppressions."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.audience.history import Moment, history_of, standing
from mailer.insight.people import MOST_MAILS, ids_of_mails_to, suppression_of
from mailer.insight.words import count_of, when
from mailer.models import BounceScore, Delivery, LiftedSuppression, Recipient, Subscription, Suppression
from mailer.models.deliveries import NAMED

YEAR = timedelta(days=365)
#: How many mails a page shows.
PAGE = 25
#: What came back, was refused, or may not have arrived.
_TROUBLE = ("failed", "bounced", "complained", "uncertain")


@dataclass(frozen=True)
class Membership:
    """The person on one list: the row, and the word by which they are where they are."""

    subscription: Subscription
    since: Moment | None


@dataclass(frozen=True)
class Mails:
    """The person's mails of the last year."""

    shown: list[Delivery]  #: newest first
    older: int | None  #: the delivery before which the next page begins
    counts: dict[str, int]  #: by state
    total: int
    is_capped: bool  #: there are more than were looked at
    trouble: list[Delivery]  #: the newest of those that came back or were refused


@dataclass(frozen=True)
class Story:
    """What is known of a person."""

    in_a_word: str
    history: list[Moment]  #: newest first
    memberships: list[Membership]
    suppression: Suppression | None
    score: float  #: of mails that came back lately for reasons that may pass
    lifted: list[LiftedSuppression]
    mails: Mails


def story_of(recipient: Recipient, now: datetime, before: int | None = None) -> Story:
    """All of it; `before` is the delivery before which the page of mails begins."""
    history = history_of(recipient)
    rows = Subscription.objects.filter(recipient=recipient).select_related("list").order_by("list__name")
    memberships = [Membership(row, standing(history, row.list, now)) for row in rows]
    suppression = suppression_of(recipient, now)
    return Story(
        in_a_word=_in_a_word(memberships, suppression),
        history=history[::-1],
        memberships=memberships,
        suppression=suppression,
        score=_score(recipient, now),
        lifted=list(LiftedSuppression.objects.filter(email=recipient.email).select_related("created_by", "lifted_by")),
        mails=_mails(recipient, now, before),
    )


def moment_in_words(moment: Moment) -> str:
    """`unsubscribed on Thu 19 Nov 2026 08:14 UTC by one-click in a mail program`."""
    detail = f" {moment.detail}" if moment.detail else ""
    what = str(moment.what.label)
    return f"{what[0].lower()}{what[1:]}{detail} on {when(moment.at)}{by_whose_word(moment)}"


def by_whose_word(moment: Moment) -> str:
    """` by staff: asked by phone (anna)`, or nothing if that is not known."""
    said = f" by {moment.source}" if moment.source else ""
    return f"{said} ({moment.by.get_username()})" if moment.by else said


def _in_a_word(memberships: list[Membership], suppression: Suppression | None) -> str:
    active = sum(row.subscription.status == Subscription.Status.ACTIVE for row in memberships)
    if suppression is not None:
        until = f", until {when(suppression.expires_at)}" if suppression.expires_at else ""
        since = f"since {when(suppression.created_at)}{until}"
        nothing = "No list's mail goes" if suppression.is_for_lists else "Nothing goes"
        return f"{nothing} to this address: {suppression.get_reason_display()}, {since}."
    if active:
        return f"Gets the mail of {count_of(active, 'list')}."
    return "Is subscribed to no list; only mails to this person alone are sent."


def _mails(recipient: Recipient, now: datetime, before: int | None) -> Mails:
    ids = ids_of_mails_to(recipient, now - YEAR)
    page = [pk for pk in ids if before is None or pk < before]
    mails = Delivery.objects.filter(pk__in=ids).order_by()
    counts = Counter(mails.values_list("status", flat=True))
    trouble = sorted(mails.filter(status__in=_TROUBLE).values_list("pk", flat=True), reverse=True)
    return Mails(
        shown=_rows(page[:PAGE]),
        older=page[PAGE - 1] if len(page) > PAGE else None,
        counts={str(state.value): counts[state.value] for state in Delivery.Status if counts[state.value]},
        total=len(ids),
        is_capped=len(ids) == MOST_MAILS,
        trouble=_rows(trouble[:PAGE]),
    )


def _rows(ids: list[int]) -> list[Delivery]:
    rows = Delivery.objects.filter(pk__in=ids).select_related(*NAMED).prefetch_related("returns")
    return list(rows.order_by("-pk"))


def _score(recipient: Recipient, now: datetime) -> float:
    row = BounceScore.objects.filter(email=recipient.email).first()
    return row.at_time(now) if row else 0.0
