"""A segment's conditions as SQL: one text with named values, for counting an audience and for planning its mailing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from mailer.models import RecipientList, SegmentCondition

Rule = SegmentCondition.Rule


@dataclass(frozen=True)
class Where:
    """What must be so of a row of `subscription` joined to `recipient`: text that begins with AND, and its values.

    People's words are only ever in the values.
    """

    sql: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Where") -> "Where":
        """Both must be so."""
        return Where(self.sql + other.sql, self.values | other.values)


#: A digest is for those who want it each time; the others have a weekly mailing.
NOT_WEEKLY = " AND subscription.cadence <> 'weekly'"
_LANGUAGE = "COALESCE(NULLIF(recipient.language, ''), %({0}_default)s)"
_ZONE = "COALESCE(NULLIF(recipient.time_zone, ''), %({0}_default)s)"
# Each attribute as text, NULL where there is none. SQLite's own ->> takes names with a $ or [ for paths.
_ATTRIBUTE = {
    "postgresql": "(recipient.attributes ->> %({0}_name)s::text)",
    "sqlite": "(SELECT CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS text) END"
    " FROM json_each(recipient.attributes) WHERE key = %({0}_name)s)",
}
_POSITION = {"postgresql": "STRPOS", "sqlite": "INSTR"}
_SQL = {
    Rule.LANGUAGE_IS: f"{_LANGUAGE} = %({{0}}_value)s",
    Rule.LANGUAGE_IS_NOT: f"{_LANGUAGE} <> %({{0}}_value)s",
    Rule.ZONE_IS: f"{_ZONE} = %({{0}}_value)s",
    Rule.ZONE_IS_NOT: f"{_ZONE} <> %({{0}}_value)s",
    Rule.ATTRIBUTE_IS: "{attribute} = %({0}_value)s",
    Rule.ATTRIBUTE_IS_NOT: "COALESCE({attribute}, '') <> %({0}_value)s",
    Rule.ATTRIBUTE_CONTAINS: "{position}({attribute}, %({0}_value)s) > 0",
    Rule.ATTRIBUTE_IS_THERE: "COALESCE({attribute}, '') <> ''",
    Rule.ATTRIBUTE_IS_MISSING: "COALESCE({attribute}, '') = ''",
    Rule.JOINED_THIS_MONTH: "subscription.subscribed_at >= %({0}_value)s",
    Rule.JOINED_WITHIN: "subscription.subscribed_at >= %({0}_value)s",
    Rule.JOINED_SINCE: "subscription.subscribed_at >= %({0}_value)s",
    Rule.JOINED_BEFORE: "subscription.subscribed_at < %({0}_value)s",
}


def where_of(conditions: Iterable[SegmentCondition], mailing_list: RecipientList, now: datetime) -> Where:
    """All of the conditions, for subscribers of this list; months and days are those of the list's zone at `now`."""
    return sum((_where(f"c{n}", each, mailing_list, now) for n, each in enumerate(conditions)), Where())


def _where(prefix: str, condition: SegmentCondition, mailing_list: RecipientList, now: datetime) -> Where:
    rule = Rule(condition.rule)
    attribute = _ATTRIBUTE[connection.vendor].format(prefix)
    sql = _SQL[rule].format(prefix, attribute=attribute, position=_POSITION[connection.vendor])
    values: dict[str, Any] = {}
    if rule not in SegmentCondition.WITHOUT_VALUE or rule == Rule.JOINED_THIS_MONTH:
        values[f"{prefix}_value"] = _value(rule, condition.value, ZoneInfo(mailing_list.time_zone), now)
    if rule in (Rule.LANGUAGE_IS, Rule.LANGUAGE_IS_NOT):
        values[f"{prefix}_default"] = mailing_list.language
    elif rule in (Rule.ZONE_IS, Rule.ZONE_IS_NOT):
        values[f"{prefix}_default"] = mailing_list.time_zone
    elif condition.reads_attribute:
        values[f"{prefix}_name"] = condition.attribute
    return Where(f" AND {sql}", values)


def _value(rule: SegmentCondition.Rule, said: str, zone: ZoneInfo, now: datetime) -> Any:
    match rule:
        case Rule.JOINED_THIS_MONTH:
            begins = _midnight(now.astimezone(zone).date().replace(day=1), zone)
        case Rule.JOINED_WITHIN:
            begins = now - timedelta(days=int(said))
        case Rule.JOINED_SINCE | Rule.JOINED_BEFORE:
            begins = _midnight(date.fromisoformat(said), zone)
        case _:
            return said
    return connection.ops.adapt_datetimefield_value(begins)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
