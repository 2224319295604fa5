"""Why a digest was not sent to an address, in one sentence with the rows that bear it out."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Model, Q

from mailer.audience.history import Moment, history_of, standing, wanted_weekly
from mailer.insight.causes import Answer, began, cause_of
from mailer.insight.finding import Found, find_person
from mailer.insight.imports import bad_line_of
from mailer.insight.person import moment_in_words
from mailer.insight.words import when
from mailer.models import Delivery, Digest, Mailing, Recipient, Subscription
from mailer.models.deliveries import NAMED

_LATEST = 50


def why_not(address: str, digest: Digest, day: date | None, now: datetime) -> Answer:
    """Why the address did not get the digest on the day, which is the mailing's own; without one, the last time."""
    found = find_person(address, now)
    return _nobody(found, digest) if found.person is None else why_not_to(found.person, digest, day, now)


def why_not_to(person: Recipient, digest: Digest, day: date | None, now: datetime) -> Answer:
    """The same of a person who is known."""
    answer = _of_person(person, digest, day, now)
    return replace(answer, sentence=f"{answer.sentence} {digest} is paused now.") if digest.paused else answer


def _of_person(person: Recipient, digest: Digest, day: date | None, now: datetime) -> Answer:
    zone = person.time_zone or digest.list.time_zone
    mailings = _of_day(digest, day) if day else _last(digest, zone, now)
    if not mailings:
        return Answer(_no_mailing(digest, day, now), [("The digest", digest)])
    mails = Delivery.objects.filter(recipient=person, mailing__in=mailings).order_by("pk")
    mails = mails.select_related("recipient", *NAMED)
    if mails:
        # Of several, as when somebody has sent it a second time, the one that was sent is the answer.
        chosen = next((mail for mail in mails if mail.status == Delivery.Status.SENT), mails[len(mails) - 1])
        answer = cause_of(chosen, now)
        others: list[tuple[str, Model]] = [("Another delivery of that day", mail) for mail in mails if mail != chosen]
        return Answer(answer.sentence, [*answer.evidence, *others])
    return _not_in(mailings, person, zone)


def _nobody(found: Found, digest: Digest) -> Answer:
    if not found.address:
        return Answer(f"“{found.typed}” is not a whole mail address.")
    if found.erasure is not None:
        since = f"on {when(found.erasure.erased_at)}"
        return Answer(f"The person with this address was erased {since}.", [("The erasure", found.erasure)])
    if found.suppression is not None:
        reason = found.suppression.get_reason_display()
        sentence = f"Nobody here has the address {found.address}, and it is suppressed besides: {reason}."
        return Answer(sentence, [("The suppression", found.suppression)])
    refused = bad_line_of(found.address, digest.list_id)
    if refused is not None:
        return Answer(f"Nobody here has the address {found.address}: {refused[0]}", [("The import", refused[1])])
    return Answer(f"Nobody here has the address {found.address}: it was never added, or it was deleted.")


def _of_day(digest: Digest, day: date) -> list[Mailing]:
    """The digest's mailings that were due on the day by their own zone's clocks."""
    midnight = datetime.combine(day, time.min, UTC)
    near = Mailing.objects.filter(
        digest=digest, scheduled_for__range=(midnight - timedelta(hours=15), midnight + timedelta(hours=39))
    )
    rows = near.select_related("digest", "list", "version__template").order_by("scheduled_for")
    return [row for row in rows if row.scheduled_for.astimezone(ZoneInfo(row.time_zone)).date() == day]


def _last(digest: Digest, zone: str, now: datetime) -> list[Mailing]:
    """The digest's last mailing, of the person's zone if it goes by that; with the weekly one of the same time."""
    past = Mailing.objects.filter(digest=digest, scheduled_for__lte=now).order_by("-scheduled_for")
    rows = past.select_related("digest", "list", "version__template")
    last = rows.filter(Q(is_local=False) | Q(time_zone=zone)).first() or rows.first()
    return list(rows.filter(scheduled_for=last.scheduled_for, time_zone=last.time_zone)) if last else []


def _no_mailing(digest: Digest, day: date | None, now: datetime) -> str:
    if day is None:
        return f"{digest} has not gone out yet."
    name = f"{day:%a %-d %b %Y}"
    today = now.astimezone(ZoneInfo(settings.PROJECT_TIME_ZONE)).date()
    if day > today:
        return f"{name} is still to come."
    if today - day > timedelta(days=settings.LOG_RETENTION_DAYS):
        return f"Nobody can say any more: the log is kept for {settings.LOG_RETENTION_DAYS} days."
    if datetime.combine(day, time.max, UTC) < digest.created_at:
        return f"{digest} did not exist on {name}: it was made on {when(digest.created_at)}."
    if digest.periodic_task_id is None:
        return f"{digest} has no schedule, and nobody sent it by hand on {name}."
    if digest.checked_through is None or digest.checked_through < datetime.combine(day, time.max, UTC):
        seen = f"looked at until {when(digest.checked_through)}" if digest.checked_through else "not looked at yet"
        return f"{digest} had no mailing on {name} so far: its schedule was {seen}."
    return f"{digest} had no mailing on {name}: its schedule names no time on that day."


def _not_in(mailings: list[Mailing], person: Recipient, zone: str) -> Answer:
    """There were mailings, and none has a delivery for the person."""
    here = [mailing for mailing in mailings if not mailing.is_local or mailing.time_zone == zone]
    row = Subscription.objects.active().filter(recipient=person, list=mailings[0].list).first()
    weekly = row is not None and wanted_weekly(history_of(person), row, began(mailings[0]))
    meant = [mailing for mailing in here if mailing.is_weekly == weekly]
    if here and not meant:
        return _other_cadence(here[0], weekly)
    if not meant:
        zones = ", ".join(sorted({mailing.time_zone for mailing in mailings}))
        sentence = f"It goes at each person's own time. This one's zone is {zone}, and mailings were for {zones}."
        return Answer(sentence, [("A mailing of that day", mailing) for mailing in mailings])
    mailing = next((one for one in meant if one.status not in _NOTHING_LEFT), meant[-1])
    evidence: list[tuple[str, Model]] = [("The mailing", mailing)]
    told = _NOTHING_LEFT.get(mailing.status)
    if told is not None:
        why = f": {mailing.reason}" if mailing.reason else ""
        return Answer(f"The whole mailing of {when(mailing.scheduled_for)} {told}{why}.", evidence)
    if mailing.status == Mailing.Status.PLANNED:
        return Answer(f"Not yet: the mailing is planned for {when(mailing.scheduled_for)}.", evidence)
    rows = Subscription.objects.filter(recipient=person, list=mailing.list)
    return Answer(_not_on_list(mailing, person), [*evidence, *(("The subscription", row) for row in rows)])


def _other_cadence(mailing: Mailing, weekly: bool) -> Answer:
    evidence: list[tuple[str, Model]] = [("The mailing", mailing)]
    if weekly and mailing.digest is not None:
        sentence = (
            f"Wanted one mail a week, which goes on {mailing.digest.get_weekly_on_display()}s with all since the last: "
            f"the mailing of {when(mailing.scheduled_for)} was for those who want each."
        )
        return Answer(sentence, evidence)
    return Answer("Wanted each digest, and this was the one for those who want one mail a week.", evidence)


_NOTHING_LEFT = {
    str(Mailing.Status.SKIPPED): "was skipped",
    str(Mailing.Status.MISSED): "was missed",
    str(Mailing.Status.CANCELLED): "was cancelled",
}


def _not_on_list(mailing: Mailing, person: Recipient) -> str:
    if mailing.list is None:
        return f"It was not among those of the mailing of {when(mailing.scheduled_for)}."
    history, at = history_of(person), began(mailing)
    moment = standing(history, mailing.list, at)
    if moment is None:
        return _not_yet_on_list(mailing, history)
    if moment.status == Subscription.Status.UNSUBSCRIBED or moment.status is None:
        return f"Was not on {mailing.list} any more on {when(at)}: {moment_in_words(moment)}."
    if moment.status == Subscription.Status.PENDING:
        return f"Had not confirmed on {when(at)}: {moment_in_words(moment)}."
    if mailing.has_more:
        return f"Not yet: the deliveries of the mailing of {when(mailing.scheduled_for)} are still being made."
    return (
        f"Was on {mailing.list} by what is known ({moment_in_words(moment)}), and still is not in the mailing of "
        f"{when(mailing.scheduled_for)}: on a recipient's own time, their time zone may have been another one then."
    )


def _not_yet_on_list(mailing: Mailing, history: list[Moment]) -> str:
    came = next((moment for moment in history if moment.list == mailing.list), None)
    if came is None:
        return f"Was never on {mailing.list}, to which this digest goes."
    return f"Was not on {mailing.list} yet on {when(began(mailing))}: {moment_in_words(came)}."
