"""What a list's public archive shows of its mailings: each as nobody in particular would get it."""

from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import translation

from mailer.models import Mailing, MailingItem, RecipientList
from mailer.sending.copies import Copy, write_copy, writer_of
from mailer.sending.items import Items
from mailer.sending.letters import BROKEN
from mailer.templating.budget import WORK, Budget
from mailer.templating.contexts import Links, Person, mailing_context, personal_context
from mailer.templating.sandbox import parse, render

#: Of whom nothing is known, and who has no links.
NOBODY = Person(0, "", "")
#: A page has twenty subjects, and anybody may ask for it.
_SUBJECT_WORK = WORK // 50
_KIND, _STATUS = Mailing.Kind, Mailing.Status


@dataclass(frozen=True)
class Headline:
    """A mailing in a list of them."""

    mailing: Mailing
    subject: str
    date: date  #: where it was sent to
    titles: list[str] = field(default_factory=list)  #: of the items that everybody got


def public_mailings(mailing_list: RecipientList) -> QuerySet[Mailing]:
    """The list's finished digests and announcements, newest first.

    Not: announcements to segments, digests that had nothing for everybody, weekly ones, and of a digest that goes at
    each one's own time those to other time zones than the list's, which say the same again.
    """
    shared = MailingItem.objects.filter(mailing=OuterRef("pk"), recipient=None, item__recipient=None)
    finished = Q(status=_STATUS.DONE) | Q(status__in=[_STATUS.SENDING, _STATUS.PAUSED], first_finished_at__isnull=False)
    digests = Q(kind=_KIND.DIGEST, is_weekly=False) & (Q(digest__send_when_empty=True) | Exists(shared))
    here = Q(is_local=False) | Q(time_zone=F("list__time_zone"))
    announcements = Q(kind=_KIND.ANNOUNCEMENT, announcement__segment=None)
    mailings = Mailing.objects.filter(finished, (digests & here) | announcements, list=mailing_list, sent__gt=0)
    return mailings.select_related("digest", "list", "version").order_by("-scheduled_for", "-pk")


def before(mailings: QuerySet[Mailing], pk: int) -> QuerySet[Mailing]:
    """Those that come after the mailing `pk` in their order; all of them if there is no such mailing any more."""
    last = mailings.filter(pk=pk).first()
    if last is None:
        return mailings
    moment = last.scheduled_for
    return mailings.filter(Q(scheduled_for__lt=moment) | Q(pk__lt=pk), scheduled_for__lte=moment)


def public_copy(mailing: Mailing) -> Copy:
    """The mailing as nobody in particular would get it: no name, no items of one's own, no links that act.

    Raises NoCopy.
    """
    return write_copy(writer_of(mailing), 0, NOBODY, Links(), mailing.scheduled_for)


def headline_of(mailing: Mailing) -> Headline:
    """What a list of mailings says of it; the list's name where the subject needs somebody to address."""
    items = Items(mailing).shared()
    with translation.override(mailing.language):
        try:
            context = mailing_context(mailing, items) | personal_context(NOBODY, Links())
            subject = " ".join(render(parse(mailing.pinned.subject), context, False, Budget(_SUBJECT_WORK)).split())
        except BROKEN:
            subject = ""
    day = mailing.scheduled_for.astimezone(ZoneInfo(mailing.time_zone)).date()
    most = mailing.digest.max_items if mailing.digest else 0
    return Headline(mailing, subject or str(mailing.list), day, [str(item["title"]) for item in items[:most]])
