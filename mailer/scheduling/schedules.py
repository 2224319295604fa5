"""When a digest goes: read from and written to its beat PeriodicTask, which is the one place where that is kept."""

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from mailer.models import Digest, EmailTemplate, RecipientList, validate_time_zone
from mailer.scheduling.bells import Unusable, line_in_words, line_of
from mailer.scheduling.occurrences import InvalidSchedule, due, upcoming

SEND_DIGEST = "mailer.tasks.send_digest"
DEFAULT_TEMPLATE = "digest"
_NEVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class UnknownDigest(LookupError):
    """No digest, and no list, has this name."""


class UnusableTask(ValueError):
    """A periodic task can't be a digest's schedule."""


@dataclass(frozen=True)
class Schedule:
    """Once a day at a time, on the weekdays (crontab syntax, `*` or `mon-fri`) that a zone's calendar shows."""

    at: time
    weekdays: str = "*"
    time_zone: str = "UTC"


def set_schedule(digest: Digest, schedule: Schedule) -> None:
    """Write the schedule to the digest's periodic task, made if it has none.

    Raises django's ValidationError for an unknown time zone and InvalidSchedule for weekdays that are none.
    """
    validate_time_zone(schedule.time_zone)
    due(f"{schedule.at.minute} {schedule.at.hour} * * {schedule.weekdays}", schedule.time_zone, _NEVER, _NEVER)
    with transaction.atomic():
        crontab, _ = CrontabSchedule.objects.get_or_create(
            minute=str(schedule.at.minute),
            hour=str(schedule.at.hour),
            day_of_week=schedule.weekdays,
            day_of_month="*",
            month_of_year="*",
            timezone=schedule.time_zone,
        )
        task = digest.periodic_task or PeriodicTask(name=f"Digest: {digest.slug}", task=SEND_DIGEST)
        task.crontab, task.interval, task.solar, task.clocked = crontab, None, None, None
        task.one_off = False
        task.args = json.dumps([digest.slug])
        task.save()
        if digest.periodic_task_id != task.pk:
            digest.periodic_task = task
            digest.save(update_fields=["periodic_task"])


def read_schedule(digest: Digest) -> Schedule | None:
    """The digest's schedule, or None if it has none or another that says more than a time and weekdays."""
    crontab = digest.periodic_task.crontab if digest.periodic_task else None
    if crontab is None or not (crontab.minute.isdigit() and crontab.hour.isdigit()):
        return None
    if (crontab.day_of_month, crontab.month_of_year) != ("*", "*"):
        return None
    return Schedule(time(int(crontab.hour), int(crontab.minute)), crontab.day_of_week, str(crontab.timezone))


def set_paused(digest: Digest, paused: bool) -> None:
    """Switch the digest's periodic task off or on; what falls due meanwhile is recorded as skipped."""
    if digest.periodic_task is not None:
        digest.periodic_task.enabled = not paused
        digest.periodic_task.save()


def rule_of(digest: Digest) -> tuple[str, str] | None:
    """The digest's crontab (minute, hour, day of month, month, weekday) and its zone; None without a schedule.

    In place of the crontab a line of `bells`, where beat has another kind of schedule for it.
    """
    task = digest.periodic_task
    if task is None or task.task != SEND_DIGEST:
        return None
    crontab = task.crontab
    if crontab is None:
        try:
            return line_of(task, digest.created_at), digest.list.time_zone
        except Unusable:
            return None
    fields = (crontab.minute, crontab.hour, crontab.day_of_month, crontab.month_of_year, crontab.day_of_week)
    return " ".join(field.replace(" ", "") for field in fields), str(crontab.timezone)


def is_in_force(digest: Digest, moment: datetime) -> bool:
    """Whether the periodic task's own start and expiry leave the moment in."""
    task = digest.periodic_task
    if task is None:
        return False
    return (task.start_time is None or moment >= task.start_time) and (task.expires is None or moment < task.expires)


def next_occurrences(digest: Digest, now: datetime, count: int) -> list[datetime]:
    """The digest's next moments in the schedule's zone; empty while it is paused or has no schedule."""
    return [] if digest.paused else scheduled_moments(digest, now, count)


def scheduled_moments(digest: Digest, now: datetime, count: int) -> list[datetime]:
    """The next moments that its schedule names: at these it goes, or is skipped while it is paused."""
    schedule, task = rule_of(digest), digest.periodic_task
    if schedule is None or task is None:
        return []
    start = task.start_time
    try:
        found = upcoming(*schedule, max(now, start - timedelta(microseconds=1)) if start else now, count)
        return [moment for moment in found if is_in_force(digest, moment)]
    except InvalidSchedule:
        return []


def schedule_in_words(digest: Digest) -> str:
    """For people, such as `every day at 15:00 Europe/Berlin`."""
    schedule = read_schedule(digest)
    if schedule is None:
        rule = rule_of(digest)
        if rule is None:
            return "not scheduled"
        return line_in_words(rule[0]) if rule[0].startswith("@") else f"crontab {rule[0]} {rule[1]}"
    days = {"*": "every day", "mon-fri": "Monday to Friday", "1-5": "Monday to Friday"}
    zone = "each recipient's own time" if digest.in_recipients_zone else schedule.time_zone
    return f"{days.get(schedule.weekdays, f'on {schedule.weekdays}')} at {schedule.at:%H:%M} {zone}"


def adopt_periodic_task(task: PeriodicTask) -> Digest | None:
    """Make a periodic task that was added by hand the schedule of the digest that its first argument names.

    The name is a digest's slug or a list's; a list that has no digest gets one. A digest has one schedule: the one that
    was its schedule before is deleted, so that the last word counts. Returns None for tasks that are not ours.
    Raises UnknownDigest, or UnusableTask for one without a schedule that a digest can go by.
    """
    if task.task != SEND_DIGEST:
        return None
    check_periodic_task(task)
    digest = find_digest(named_digest(task))
    Digest.objects.filter(periodic_task=task).exclude(pk=digest.pk).update(periodic_task=None)
    if digest.periodic_task_id != task.pk:
        replaced = digest.periodic_task
        digest.periodic_task = task
        digest.save(update_fields=["periodic_task"])
        if replaced is not None:
            replaced.delete()
    return digest


def check_periodic_task(task: PeriodicTask) -> None:
    """Whether a task of ours has a schedule and names a digest or list that there is.

    Raises UnusableTask or UnknownDigest.
    """
    if task.task == SEND_DIGEST:
        if task.crontab is None:
            try:
                line_of(task, _NEVER)
            except Unusable as error:
                raise UnusableTask(str(error)) from error
        slug = named_digest(task)
        if not Digest.objects.filter(slug=slug).exists() and not RecipientList.objects.filter(slug=slug).exists():
            raise _unknown(slug)


def find_digest(slug: str) -> Digest:
    """The digest of this slug, or of the list of this slug, made if that has none. Raises UnknownDigest."""
    digest = Digest.objects.select_related("periodic_task__crontab").filter(slug=slug).first()
    if digest is not None:
        return digest
    mailing_list = RecipientList.objects.filter(slug=slug).first()
    if mailing_list is None:
        raise _unknown(slug)
    return mailing_list.digests.select_related("periodic_task__crontab").first() or _make_digest(mailing_list)


def _make_digest(mailing_list: RecipientList) -> Digest:
    template = EmailTemplate.objects.filter(slug=DEFAULT_TEMPLATE).first()
    if template is None:
        raise UnknownDigest(f"There is no template {DEFAULT_TEMPLATE!r} yet; run manage.py sync_templates.")
    slug = slugify(mailing_list.slug)
    return Digest.objects.create(slug=slug, name=mailing_list.name, list=mailing_list, template=template)


def _unknown(slug: str) -> UnknownDigest:
    known = ", ".join(Digest.objects.values_list("slug", flat=True)[:10]) or "none yet"
    return UnknownDigest(f"There is no digest or list {slug!r}. Digests: {known}.")


def named_digest(task: PeriodicTask) -> str:
    """The slug in the task's first argument, or its keyword `digest`. Raises UnknownDigest if there is none."""
    try:
        arguments: Any = json.loads(task.args or "[]")
        keywords: Any = json.loads(task.kwargs or "{}")
        return str(arguments[0] if arguments else keywords["digest"])
    except (ValueError, LookupError, TypeError) as error:
        raise UnknownDigest(
            f"The periodic task {task.name!r} names no digest: its arguments are {task.args}."
        ) from error
