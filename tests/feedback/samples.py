"""Reports as mail systems write them, made up for the tests."""


def delivery_status(*fields: str, notice: str = "Your mail could not be delivered.", returned: str = "") -> bytes:
    """A report by RFC 3464 with a block of these fields for its recipient."""
    block = "\n".join(fields)
    return f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: bounces@post.example.org
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="here"

--here
Content-Type: text/plain

{notice}

--here
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

{block}

--here
Content-Type: text/rfc822-headers

Message-ID: <abc@post.example.org>
List-Id: News <news.post.example.org>
To: ada@example.com
Subject: Mailbox full of news that does not exist
{returned}
--here--
""".encode()


def failed(status: str, diagnostic: str, address: str = "ada@example.com") -> bytes:
    """A report that the mail to the address failed."""
    return delivery_status(
        f"Final-Recipient: rfc822; {address}",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {diagnostic}",
    )


def notice(text: str, subject: str = "failure notice", sender: str = "MAILER-DAEMON@mx.example.net") -> bytes:
    """What a system writes that does not know RFC 3464."""
    return f"Return-Path: <>\nFrom: {sender}\nTo: bounces@post.example.org\nSubject: {subject}\n\n{text}\n".encode()


QMAIL = notice(
    "Hi. This is the qmail-send program at mx.example.net.\nI was not able to deliver your message to these addresses.\n\n"
    "<ada@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n"
    "Return-Path: <bounces@post.example.org>\nMessage-ID: <abc@post.example.org>\nSubject: Over quota\n"
)
EXIM_WARNING = notice(
    "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered "
    "to one or more of its\nrecipients after more than 24 hours on the queue on mx.example.net.\n\nThe address to which the "
    "message has not yet been delivered is:\n\n  ada@example.com\n    Delay reason: connection timed out\n\n"
    "No action is required on your part. Delivery attempts will continue for\nsome time.\n",
    "Warning: message delayed 24 hours",
)
VACATION = (
    b"From: Ada <ada@example.com>\nTo: news@post.example.org\nSubject: Out of Office: News of today\n"
    b"Auto-Submitted: auto-replied\n\nI am away until Monday. My mailbox may be full. Delivery of parcels: ask Bea.\n"
)
PERSON = (
    b"From: Ada <ada@example.com>\nTo: news@post.example.org\nSubject: Re: News of today\n\nThank you! The second link "
    b"did not work for me: it was rejected with 550, user unknown.\n"
)
COMPLAINT = b"""From: feedback@provider.example
To: abuse@post.example.org
Subject: complaint about message from 192.0.2.1
Content-Type: multipart/report; report-type=feedback-report; boundary=here

--here
Content-Type: text/plain

This is an email abuse report.

--here
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1
Original-Rcpt-To: Ada@example.com

--here
Content-Type: message/rfc822

Message-ID: <abc@post.example.org>
To: ada@example.com
Subject: News

Today's news.
--here--
"""
