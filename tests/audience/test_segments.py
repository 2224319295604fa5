"""A segment's conditions choose the same people on every database, and nothing that is typed is ever SQL."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from mailer.audience.tally import count_slice, nothing_yet, part_of_segment
from mailer.models import RecipientList, Segment, SegmentCondition, Subscription
from tests.build import make_list, subscribe

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
Rule = SegmentCondition.Rule


@pytest.fixture
def people(db: None) -> RecipientList:
    """Ada has all, Bo little, Cy nothing; they joined today, in October, and a year ago."""
    made = make_list("news")
    RecipientList.objects.filter(pk=made.pk).update(language="en", time_zone="Europe/Berlin")
    made.refresh_from_db()
    ada = {"plan": "pro", "beta": True, "age": 42, "we$ird [na\"me']": "x", "0": "zero", "note": "100% ready"}
    subscribe(made, "ada@example.org", language="de", time_zone="Asia/Tokyo", attributes=ada)
    subscribe(made, "bo@example.org", attributes={"plan": "free", "beta": False, "note": ""})
    subscribe(made, "cy@example.org")
    for email, joined in (
        ("ada", NOW),
        ("bo", datetime(2026, 10, 31, 22, 30, tzinfo=UTC)),
        ("cy", NOW - timedelta(365)),
    ):
        Subscription.objects.filter(recipient__email=f"{email}@example.org").update(subscribed_at=joined)
    return made


def count(mailing_list: RecipientList, *conditions: SegmentCondition) -> int:
    parts = part_of_segment(mailing_list, conditions, NOW)
    return count_slice(parts, nothing_yet(parts), NOW).total


@pytest.mark.parametrize(
    ("rule", "attribute", "value", "expected"),
    [
        (Rule.LANGUAGE_IS, "", "de", 1),
        (Rule.LANGUAGE_IS, "", "en", 2),  # where none is known, the list's counts
        (Rule.LANGUAGE_IS_NOT, "", "de", 2),
        (Rule.ZONE_IS, "", "Europe/Berlin", 2),
        (Rule.ZONE_IS_NOT, "", "Europe/Berlin", 1),
        (Rule.ATTRIBUTE_IS, "plan", "pro", 1),
        (Rule.ATTRIBUTE_IS, "beta", "true", 1),
        (Rule.ATTRIBUTE_IS, "age", "42", 1),
        (Rule.ATTRIBUTE_IS, "0", "zero", 1),
        (Rule.ATTRIBUTE_IS, "we$ird [na\"me']", "x", 1),
        (Rule.ATTRIBUTE_IS, "plan", "' OR 1=1 --", 0),
        (Rule.ATTRIBUTE_IS, "plan' OR '1'='1", "pro", 0),
        (Rule.ATTRIBUTE_IS_NOT, "plan", "pro", 2),  # also who has no plan
        (Rule.ATTRIBUTE_CONTAINS, "plan", "r", 2),
        (Rule.ATTRIBUTE_CONTAINS, "note", "%", 1),
        (Rule.ATTRIBUTE_IS_THERE, "plan", "", 2),
        (Rule.ATTRIBUTE_IS_THERE, "note", "", 1),
        (Rule.ATTRIBUTE_IS_MISSING, "plan", "", 1),
        (Rule.JOINED_THIS_MONTH, "", "", 1),
        (Rule.JOINED_WITHIN, "", "30", 2),
        (Rule.JOINED_SINCE, "", "2026-11-01", 1),  # Bo's 22:30 UTC is 23:30 in Berlin, still October
        (Rule.JOINED_SINCE, "", "2026-10-31", 2),
        (Rule.JOINED_BEFORE, "", "2026-11-01", 2),
    ],
)
def test_a_condition_chooses(rule: str, attribute: str, value: str, expected: int, people: RecipientList):
    assert count(people, SegmentCondition(rule=rule, attribute=attribute, value=value)) == expected


def test_all_conditions_must_be_so(people: RecipientList):
    german, pro = (
        SegmentCondition(rule=Rule.LANGUAGE_IS, value="de"),
        SegmentCondition(rule=Rule.ATTRIBUTE_IS, attribute="plan", value="pro"),
    )
    assert count(people, german, pro) == 1
    assert count(people, german, SegmentCondition(rule=Rule.ATTRIBUTE_IS, attribute="plan", value="free")) == 0
    assert count(people) == 3


def test_who_has_left_is_in_no_segment(people: RecipientList):
    Subscription.objects.filter(recipient__email="ada@example.org").update(status="unsubscribed")
    assert count(people, SegmentCondition(rule=Rule.LANGUAGE_IS, value="de")) == 0


@pytest.mark.parametrize(
    ("rule", "attribute", "value", "field"),
    [
        (Rule.LANGUAGE_IS, "", "", "value"),
        (Rule.ZONE_IS, "", "Mars/Olympus", "value"),
        (Rule.ATTRIBUTE_IS, "", "pro", "attribute"),
        (Rule.ATTRIBUTE_IS, "plan", " ", "value"),
        (Rule.ATTRIBUTE_IS_THERE, " ", "", "attribute"),
        (Rule.JOINED_WITHIN, "", "0", "value"),
        (Rule.JOINED_WITHIN, "", "a week", "value"),
        (Rule.JOINED_SINCE, "", "23.11.2026", "value"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field(rule: str, attribute: str, value: str, field: str):
    with pytest.raises(ValidationError) as raised:
        SegmentCondition(rule=rule, attribute=attribute, value=value).clean()
    assert list(raised.value.message_dict) == [field]


def test_what_a_rule_does_not_read_is_dropped():
    condition = SegmentCondition(rule=Rule.JOINED_THIS_MONTH, attribute="plan", value="pro")
    condition.clean()
    assert (condition.attribute, condition.value) == ("", "")


def test_a_segment_says_itself_in_words(people: RecipientList):
    segment = Segment.objects.create(name="New pros", list=people)
    segment.conditions.create(rule=Rule.ATTRIBUTE_IS, attribute="plan", value="pro")
    segment.conditions.create(rule=Rule.JOINED_WITHIN, value="30")
    assert segment.in_words() == "on News, attribute “plan” is pro, joined within the last 30 days"
