"""What came back is read right, whoever wrote it, and nothing that anybody sends stops the reading."""

from base64 import b64encode
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.fates import MOST_WORDS, Outcome
from mailer.feedback.arrivals import read_arrival
from mailer.feedback.reports import MOST_FATES, read_report
from tests.feedback.samples import COMPLAINT, EXIM_WARNING, PERSON, QMAIL, VACATION, delivery_status, failed, notice

SAMPLES = [failed("5.1.1", "550 5.1.1 no such user"), QMAIL, EXIM_WARNING, VACATION, PERSON, COMPLAINT]


def returned(raw: bytes) -> dict[str, str]:
    return read_arrival(message_from_bytes(raw)).original


def outcomes(raw: bytes) -> list[str]:
    return [fate.outcome.value for fate in read_report(raw)]


@pytest.mark.parametrize(
    ("status", "diagnostic", "outcome"),
    [
        ("5.1.1", "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown", Outcome.GONE),
        ("5.0.0", "550 User ada@example.com does not exist", Outcome.GONE),
        ("5.7.1", "550 5.7.1 No such user", Outcome.GONE),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(1)", Outcome.GONE),
        ("5.4.4", "Host or domain name not found. Name service error for name=example.invalid", Outcome.GONE),
        ("5.2.2", "552 5.2.2 mailbox full", Outcome.TEMPORARY),
        ("5.1.1", "550 5.1.1 user is over quota", Outcome.TEMPORARY),
        ("5.2.1", "550 5.2.1 this mailbox is disabled", Outcome.TEMPORARY),
        ("5.1.1", "550 5.1.1 Refused due to recipient preferences", Outcome.TEMPORARY),
        ("4.4.7", "450 4.1.1 <ada@example.com>: Recipient address rejected: unverified address", Outcome.TEMPORARY),
        ("5.1.1", "550 5.1.1 User unknown (in reply to end of DATA command)", Outcome.TEMPORARY),
        ("4.4.1", "connect to mx.example.com[192.0.2.1]:25: Connection timed out", Outcome.TEMPORARY),
        ("5.7.1", "554 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org", Outcome.BLOCKED),
        ("5.7.26", "550-5.7.26 This mail is unauthenticated", Outcome.BLOCKED),
        ("5.0.0", "550 Sender verify failed: No such user here", Outcome.BLOCKED),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", Outcome.BLOCKED),
        ("5.7.1", "554 5.7.1 <ada@example.com>: Recipient address rejected: Access denied", Outcome.BLOCKED),
        ("5.3.4", "552 5.3.4 message size exceeds fixed limit", Outcome.BLOCKED),
        ("5.0.0", "550 Relaying denied", Outcome.BLOCKED),
        ("5.5.0", "550 requested action aborted", Outcome.UNKNOWN),
    ],
)
def test_a_failure_is_told_by_its_status_and_words(status: str, diagnostic: str, outcome: Outcome):
    (fate,) = read_report(failed(status, diagnostic))
    assert (fate.outcome, fate.address, fate.status, fate.diagnostic) == (
        outcome,
        "ada@example.com",
        status,
        diagnostic,
    )


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("delayed", "delayed"), ("delivered", "delivered"), ("relayed", "delivered"), ("expanded", "delivered")],
)
def test_what_has_not_failed_is_no_failure(action: str, outcome: str):
    report = delivery_status("Final-Recipient: rfc822; ada@example.com", f"Action: {action}", "Status: 4.2.2")
    assert outcomes(report) == [outcome]


def test_each_recipient_has_a_fate_of_their_own():
    report = delivery_status(
        "Original-Recipient: rfc822;ada@example.com\nFinal-Recipient: rfc822;forward@example.net\nAction: failed\n"
        "Status: 5.1.1\n\nFinal-Recipient: RFC822; <Bea@Example.com>\nAction: failed\nStatus: 5.2.2"
    )
    assert [(fate.address, fate.outcome.value) for fate in read_report(report)] == [
        ("ada@example.com", "gone"),
        ("bea@example.com", "temporary"),
    ]


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("Final-Recipient: rfc822; ada+40example.com", "ada@example.com"),
        ("Final-Recipient: rfc822; ada+2B1@example.com", "ada+2b1@example.com"),
        ("Final-Recipient: utf-8; jörg@bücher.example", "jörg@bücher.example"),
        ("Original-Recipient: <ada@example.com>", "ada@example.com"),
    ],
)
def test_an_address_is_read_in_any_of_its_forms(field: str, address: str):
    assert [fate.address for fate in read_report(delivery_status(field, "Action: failed"))] == [address]


def test_a_report_without_words_is_judged_by_its_text_and_not_by_the_mail_that_it_returns():
    fields = ("Final-Recipient: rfc822; ada@example.com", "Action: failed", "Status: 5.0.0")
    assert outcomes(delivery_status(*fields, notice="<ada@example.com>: user unknown")) == ["gone"]
    assert outcomes(delivery_status(*fields)) == ["unknown"]


def test_an_empty_line_in_the_middle_of_a_recipients_fields_makes_no_second_one():
    report = delivery_status("Final-Recipient: rfc822; ada@example.com", "", "Action: failed", "Status: 5.1.1")
    assert [(fate.address, fate.outcome.value) for fate in read_report(report)] == [("ada@example.com", "gone")]


def test_fields_in_base64_are_read():
    block = b64encode(b"Final-Recipient: rfc822; ada@example.com\nAction: failed\nStatus: 5.1.1\n").decode()
    report = delivery_status().decode().replace("Content-Type: message/delivery-status\n", "")
    report = report.replace(
        "Reporting-MTA: dns; mx.example.net",
        f"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n{block}",
    )
    assert outcomes(report.replace("--here\n\nContent", "--here\nContent").encode()) == ["gone"]


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (QMAIL, "gone"),
        (EXIM_WARNING, "delayed"),
        (VACATION, "auto_reply"),
        (COMPLAINT, "complaint"),
        (notice("Delivery to ada@example.com failed:\n552 Quota exceeded"), "temporary"),
        (notice("Die Nachricht wurde nicht zugestellt: ada@example.com\nEmpfänger unbekannt", "Unzustellbar"), "gone"),
        (QMAIL.replace(b"\n", b"\r"), "gone"),
        (QMAIL.replace(b"\n", b"\r\n"), "gone"),
        (COMPLAINT.replace(b"Feedback-Type: abuse\n", b""), "complaint"),
    ],
)
def test_other_systems_notices_are_read(raw: bytes, outcome: str):
    assert outcomes(raw) == [outcome]


@pytest.mark.parametrize("raw", [QMAIL, EXIM_WARNING, COMPLAINT])
def test_a_notice_names_its_recipient(raw: bytes):
    assert [fate.address for fate in read_report(raw)] == ["ada@example.com"]


@pytest.mark.parametrize("kind", [b"not-spam", b"auth-failure"])
def test_feedback_that_is_no_complaint_is_nothing(kind: bytes):
    assert read_report(COMPLAINT.replace(b"abuse\nUser", kind + b"\nUser")) == ()


def test_a_persons_mail_is_no_report():
    assert read_report(PERSON) == ()


def test_what_is_returned_names_the_mail():
    assert returned(failed("5.1.1", "no"))["message-id"] == "<abc@post.example.org>"
    assert returned(failed("5.1.1", "no"))["list-id"] == "News <news.post.example.org>"
    assert returned(QMAIL)["message-id"] == "<abc@post.example.org>"
    assert returned(PERSON).get("message-id", "") == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 20_000,
        b"From: <>\nSubject: failure notice\n\n" + b"<<<<@@@@550 5.1.1 " * 200_000,
        b"From: mailer-daemon\nContent-Type: text/html\n\n" + b"<style" * 100_000,
        b"From: mailer-daemon\nSubject: failure\n\n" + b"user " * 1_000_000,
        delivery_status(*["Final-Recipient: rfc822; a@example.com\nAction: failed\n"] * 5_000),
        b"Subject: =?utf-8?b?" + b"A" * 100_001 + b"?=\nFrom: =?x?q?=80?= <a@b>\n\n550",
        b'Content-Type: multipart/report; boundary="\n\n--\n',
        b"From: mailer-daemon\nContent-Type: text/plain; charset=idna\n\nuser unknown \xff" + b"x" * 100,
        b"From: mailer-daemon\nContent-Type: text/plain; charset=undefined\n\nuser unknown",
        b"From: mailer-daemon\nContent-Type: text/plain; charset=rot13\n\nuser unknown",
    ],
)
def test_whatever_comes_is_read_and_what_is_told_of_it_is_short(raw: bytes):
    fates = read_report(raw)
    assert len(fates) <= MOST_FATES
    assert all(len(fate.diagnostic) <= MOST_WORDS and len(fate.address) < 400 for fate in fates)


@given(sample=st.sampled_from(SAMPLES), data=st.data())
def test_damaged_reports_are_read(sample: bytes, data: st.DataObject):
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, len(sample)))
    read_report(sample[:start] + data.draw(st.binary(max_size=40)) + sample[end:])


@given(st.binary(max_size=400))
def test_any_bytes_are_read(raw: bytes):
    read_report(raw)
    returned(raw)
