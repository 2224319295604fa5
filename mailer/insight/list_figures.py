"""A list's figures for its page: counted at once where that is quick, else kept up in the background."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.insight.growth import Day, Growth, growth_of
from mailer.insight.people import STATES, subscribers_by_state
from mailer.models import ListFigures, RecipientList, Subscription

#: Up to so many subscriptions are counted while the page is made, in about a fiftieth of a second.
FEW = 50_000
#: How old kept figures become before they are counted again; a million people take a third of a second.
FRESH = timedelta(minutes=5)


@dataclass(frozen=True)
class ListStory:
    """What a list's page shows of its people."""

    by_state: list[tuple[str, str, int]]  #: the state, its label, how many
    growth: Growth
    as_of: datetime | None  #: when that was so; None for now


def story_of_list(mailing_list: RecipientList, now: datetime) -> ListStory:
    """The list's figures. The first time that a long list is looked at they are counted here, and kept from then on."""
    kept = ListFigures.objects.filter(list=mailing_list).first()
    if kept is None and _is_long(mailing_list):
        kept = _count(mailing_list, now)
    if kept is None:
        return ListStory(subscribers_by_state(mailing_list), growth_of(mailing_list, now), None)
    by_state = [(state.value, str(state.label), kept.states.get(state.value, 0)) for state in STATES]
    return ListStory(by_state, _growth(kept), kept.as_of)


def old_list_figures(now: datetime) -> list[int]:
    """The lists whose kept figures have to be counted again, the oldest first."""
    old = ListFigures.objects.filter(as_of__lt=now - FRESH).order_by("as_of")
    return list(old.values_list("list_id", flat=True)[:100])


def count_list(list_id: int, now: datetime) -> None:
    """Count a list's figures again, unless that was just done; what has become short is counted on its page."""
    figures = ListFigures.objects.filter(list=list_id, as_of__lt=now - FRESH).select_related("list").first()
    if figures is None:
        return
    if _is_long(figures.list):
        _count(figures.list, now)
    else:
        figures.delete()


def _is_long(mailing_list: RecipientList) -> bool:
    return Subscription.objects.filter(list=mailing_list).order_by()[: FEW + 1].count() > FEW


def _count(mailing_list: RecipientList, now: datetime) -> ListFigures:
    growth = growth_of(mailing_list, now)
    counted = {
        "as_of": now,
        "states": {state: count for state, _, count in subscribers_by_state(mailing_list)},
        "first_day": growth.days[0].day,
        "joined": [day.joined for day in growth.days],
        "left": [day.left for day in growth.days],
    }
    return ListFigures.objects.update_or_create(list=mailing_list, defaults=counted)[0]


def _growth(kept: ListFigures) -> Growth:
    counts = enumerate(zip(kept.joined, kept.left, strict=True))
    return Growth([Day(kept.first_day + timedelta(days=number), *both) for number, both in counts])
