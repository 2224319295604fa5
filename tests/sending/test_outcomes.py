"""The outcome table, as a truth table."""

from datetime import timedelta

import pytest

from mailer.models import Delivery
from mailer.sending.outcomes import RETRY_DELAYS, Kind, Outcome, classify, judge

S, R = Delivery.Status, Delivery.Reason


@pytest.mark.parametrize(
    ("code", "text", "at_recipient", "kind"),
    [
        (421, "4.7.0 slow down", False, Kind.TEMPORARY),
        (450, "4.2.1 later", True, Kind.TEMPORARY),
        (452, "too many", True, Kind.TEMPORARY),
        (550, "5.1.1 no such user", True, Kind.RECIPIENT_REJECTED),
        (550, "5.1.10 null MX", True, Kind.RECIPIENT_REJECTED),
        (550, "no such user", True, Kind.RECIPIENT_REJECTED),
        (553, "bad mailbox", True, Kind.RECIPIENT_REJECTED),
        (550, "5.1.1 said after the body", False, Kind.PERMANENT),
        (550, "no", False, Kind.PERMANENT),
        (550, "5.2.1 disabled", True, Kind.PERMANENT),
        (552, "5.2.2 full", True, Kind.PERMANENT),
        (552, "too big", True, Kind.PERMANENT),
        (550, "5.7.1 blocked", True, Kind.PERMANENT),
        (554, "5.7.1 spam", False, Kind.PERMANENT),
    ],
)
def test_a_refusal_is_classified(code: int, text: str, at_recipient: bool, kind: Kind):
    assert classify(code, text, at_recipient) == kind


@pytest.mark.parametrize(
    ("kind", "attempts", "status", "reason", "suppress"),
    [
        (Kind.SENT, 1, S.SENT, R.NONE, False),
        (Kind.TEMPORARY, 1, S.QUEUED, R.TEMPORARY, False),
        (Kind.TEMPORARY, len(RETRY_DELAYS), S.QUEUED, R.TEMPORARY, False),
        (Kind.TEMPORARY, len(RETRY_DELAYS) + 1, S.FAILED, R.EXHAUSTED, False),
        (Kind.RECIPIENT_REJECTED, 1, S.FAILED, R.ADDRESS, True),
        (Kind.PERMANENT, 1, S.FAILED, R.REFUSED, False),
        (Kind.UNCERTAIN, 1, S.UNCERTAIN, R.NO_ANSWER, False),
    ],
)
def test_an_outcome_is_judged(kind: Kind, attempts: int, status: S, reason: R, suppress: bool):
    verdict = judge(Outcome(1, kind), attempts)
    assert (verdict.status, verdict.reason, verdict.suppress) == (status, reason, suppress)


def test_each_wait_is_longer_than_the_one_before_and_all_end_within_a_day():
    assert list(RETRY_DELAYS) == sorted(set(RETRY_DELAYS))
    assert sum(RETRY_DELAYS, timedelta()) < timedelta(days=1)
    assert [judge(Outcome(1, Kind.TEMPORARY), n + 1).retry_in for n in range(len(RETRY_DELAYS))] == list(RETRY_DELAYS)


@pytest.mark.parametrize(
    "text",
    ["blocked using zen.spamhaus.org", "mailbox full", "5.1.8 sender address rejected", "5.1.1 account disabled"],
)
def test_a_refusal_that_is_about_something_else_does_not_make_the_address_wrong(text: str):
    assert classify(550, text, True) == Kind.PERMANENT
